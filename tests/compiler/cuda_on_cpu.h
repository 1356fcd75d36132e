// CUDA C++ on the CPU, for tests: what a kernel that includes nothing may use, and what runs its blocks.
//
// Blocks run one after another. The threads of a block are fibers, each of which runs until it waits or ends, so
// atomic operations are plain ones. Shared memory holds NaNs at first. Arguments lie between pages that nobody may
// touch, misaligned accesses and indices outside an array trap, and a block whose threads wait for each other in vain
// is found out: each ends the launch with a message.

#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <math.h>
#include <sys/mman.h>
#include <type_traits>
#include <ucontext.h>
#include <unistd.h>
#include <utility>

struct dim3 { unsigned x, y, z; };
static dim3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0}, blockDim{1, 1, 1}, gridDim{1, 1, 1};
static constexpr int warpSize = 32;

namespace cuda {

// Running a block

constexpr unsigned MOST_THREADS = 1024;
constexpr size_t STACK = 64 << 10;

enum State { READY, AT_BLOCK_BARRIER, AT_WARP_BARRIER, ENDED };
enum Kind { SYNC, SHUFFLE, BALLOT };

struct Fiber {
    ucontext_t start;
    jmp_buf at;
    bool started;
    State state;
    unsigned index;
    uint64_t site;  // which wait of the source: a number, and the line
    unsigned mask;  // of the warp's lanes that wait together
    Kind kind;
    int source;
    uint64_t value, result;
};

static Fiber fibers[MOST_THREADS];
static Fiber *me;
static jmp_buf scheduler;
static sigjmp_buf outside;
static char message[512];
static void (*kernel)(void **);
static void **arguments;
static unsigned alive, arrived, votes, vote_result;
static unsigned living[MOST_THREADS / 32], waiting[MOST_THREADS / 32];

[[noreturn]] static void fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    int n = snprintf(message, sizeof message, "block %u, thread %u: ", blockIdx.x, threadIdx.x);
    vsnprintf(message + n, sizeof message - n, format, list);
    va_end(list);
    siglongjmp(outside, 1);
}

__attribute__((noinline)) static void leave() {
    if (!_setjmp(me->at)) _longjmp(scheduler, 1);
}

__attribute__((noinline)) static void resume(Fiber *fiber) {
    me = fiber;
    threadIdx.x = fiber->index;
    if (_setjmp(scheduler)) return;
    if (fiber->started) _longjmp(fiber->at, 1);
    fiber->started = true;
    setcontext(&fiber->start);
}

static void release_block() {
    if (!alive || arrived < alive) return;
    uint64_t site = 0;
    for (unsigned i = 0; i < blockDim.x; i++) {
        if (fibers[i].state != AT_BLOCK_BARRIER) continue;
        if (site && fibers[i].site != site)
            fail("threads of a block wait at different barriers, in lines %u and %u", unsigned(site), unsigned(fibers[i].site));
        site = fibers[i].site;
        fibers[i].state = READY;
    }
    arrived = 0;
    vote_result = votes;
    votes = 0;
}

static void release_warp(unsigned warp, unsigned mask) {
    unsigned group = mask & living[warp];
    if (!group || (group & ~waiting[warp])) return;
    Fiber *lanes = fibers + 32 * warp;
    uint64_t site = 0;
    unsigned ballot = 0;
    for (unsigned i = 0; i < 32; i++) {
        if (!(group >> i & 1)) continue;
        if (lanes[i].mask != mask || (site && lanes[i].site != site)) return;
        site = lanes[i].site;
        ballot |= unsigned(lanes[i].value != 0) << i;
    }
    for (unsigned i = 0; i < 32; i++) {
        if (!(group >> i & 1)) continue;
        Fiber &lane = lanes[i];
        if (lane.kind == BALLOT) lane.result = ballot;
        if (lane.kind == SHUFFLE) lane.result = group >> lane.source & 1 ? lanes[lane.source].value : ~0ull;
    }
    for (unsigned i = 0; i < 32; i++)
        if (group >> i & 1) lanes[i].state = READY;
    waiting[warp] &= ~group;
}

static void fiber_main() {
    for (;;) {
        kernel(arguments);
        me->state = ENDED;
        unsigned warp = me->index / 32;
        living[warp] &= ~(1u << me->index % 32);
        alive--;
        release_block();
        for (unsigned left = waiting[warp]; left; left &= left - 1) {
            Fiber &lane = fibers[32 * warp + __builtin_ctz(left)];
            if (lane.state == AT_WARP_BARRIER) release_warp(warp, lane.mask);
        }
        leave();
    }
}

static unsigned block_barrier(uint64_t site, bool vote) {
    me->site = site;
    me->state = AT_BLOCK_BARRIER;
    arrived++;
    votes += vote;
    release_block();
    leave();
    return vote_result;
}

static uint64_t warp_barrier(uint64_t site, unsigned mask, Kind kind, uint64_t value = 0, int source = 0) {
    unsigned lane = me->index % 32, warp = me->index / 32;
    if (!(mask >> lane & 1)) fail("line %u: a lane waits with a mask without it, %08x", unsigned(site), mask);
    me->site = site;
    me->mask = mask;
    me->kind = kind;
    me->value = value;
    me->source = source;
    me->state = AT_WARP_BARRIER;
    waiting[warp] |= 1u << lane;
    release_warp(warp, mask);
    leave();
    return me->result;
}

extern "C" char __start_cuda_shared[], __stop_cuda_shared[];
__attribute__((section("cuda_shared"), used)) static char some_shared_memory[16] = {1};

static void run_block(bool reverse) {
    memset(__start_cuda_shared, 0xff, __stop_cuda_shared - __start_cuda_shared);
    alive = blockDim.x;
    arrived = votes = 0;
    memset(living, 0, sizeof living);
    memset(waiting, 0, sizeof waiting);
    for (unsigned i = 0; i < blockDim.x; i++) {
        fibers[i].state = READY;
        living[i / 32] |= 1u << i % 32;
    }
    while (alive) {
        bool ran = false;
        for (unsigned k = 0; k < blockDim.x; k++) {
            unsigned i = reverse ? blockDim.x - 1 - k : k;
            if (fibers[i].state != READY) continue;
            ran = true;
            resume(&fibers[i]);
        }
        if (ran) continue;
        unsigned stuck = 0;
        while (fibers[stuck].state == ENDED) stuck++;
        threadIdx.x = stuck;
        fail("waits in line %u for threads that do not come (%u of %u have not ended)", unsigned(fibers[stuck].site), alive, blockDim.x);
    }
}

// Memory

struct Region {
    char *caller, *at, *pages, *end;  // the caller's array, its copy, and the pages around that
    size_t bytes;
    bool writable;
};
constexpr int MOST_REGIONS = 512;
static Region regions[MOST_REGIONS];
static int region_count;

static void on_signal(int number, siginfo_t *info, void *) {
    char *at = (char *)info->si_addr;
    if (number == SIGILL) fail("an access that is not aligned, or an index outside an array");
    if (number == SIGFPE) fail("a division by zero");
    for (int i = 0; i < region_count; i++) {
        Region &r = regions[i];
        if (at < r.pages || at >= r.end) continue;
        if (at >= r.at && at < r.at + r.bytes) fail("a write to array %d, which it promises not to change", i);
        fail("an access at byte %lld of array %d, which has %zu", (long long)(at - r.at), i, r.bytes);
    }
    fail("an access outside of all arrays");
}

static bool copy_in() {
    size_t page = sysconf(_SC_PAGESIZE);
    for (int i = 0; i < region_count; i++) {
        Region &r = regions[i];
        size_t held = (r.bytes + 15) / 16 * 16, inside = (held + page - 1) / page * page;
        r.pages = (char *)mmap(nullptr, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (r.pages == MAP_FAILED) return false;
        r.end = r.pages + inside + 2 * page;
        r.at = r.end - page - held;
        if (!inside) continue;
        mprotect(r.pages + page, inside, PROT_READ | PROT_WRITE);
        memset(r.pages + page, 0xcb, inside);
        memcpy(r.at, r.caller, r.bytes);
        if (!r.writable) mprotect(r.pages + page, inside, PROT_READ);
    }
    return true;
}

static void copy_out(bool succeeded) {
    size_t page = sysconf(_SC_PAGESIZE);
    for (int i = 0; i < region_count; i++) {
        Region &r = regions[i];
        if (succeeded && r.writable) {
            for (char *c = r.pages + page; c < r.end - page; c++)
                if (c == r.at) c += r.bytes - 1;
                else if (*c != char(0xcb)) {
                    snprintf(message, sizeof message, "a write at byte %lld of array %d, which has %zu", (long long)(c - r.at), i, r.bytes);
                    break;
                }
            if (r.bytes) memcpy(r.caller, r.at, r.bytes);
        }
        munmap(r.pages, r.end - r.pages);
    }
}

static char *stacks = nullptr;

// Use the stacks of another library of this process, or make some: each has a page at its end that nobody may touch, and
// a process has only so many stretches of memory.
static char *share_stacks(char *given) {
    stacks = given;
    if (!stacks) {
        stacks = (char *)mmap(nullptr, MOST_THREADS * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED) abort();
        for (unsigned i = 0; i < MOST_THREADS; i++) mprotect(stacks + i * STACK, sysconf(_SC_PAGESIZE), PROT_NONE);
    }
    return stacks;
}

static void make_fibers(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        Fiber &f = fibers[i];
        f.index = i;
        f.started = false;
        getcontext(&f.start);
        f.start.uc_stack.ss_sp = stacks + i * STACK;
        f.start.uc_stack.ss_size = STACK;
        f.start.uc_link = nullptr;
        makecontext(&f.start, fiber_main, 0);
    }
}

// Launch a kernel with its arrays' copies, or with the caller's pointers where there is no copy.
static const char *launch(void (*f)(void **), unsigned grid, unsigned block, void **pointers, const int *copies, int count, bool reverse) {
    static char signal_stack[64 << 10];
    static void *places[MOST_REGIONS];
    constexpr int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction before[4], ours = {};
    stack_t stack_before, stack_ours = {};
    message[0] = 0;
    if (!copy_in()) return "no memory for the arrays";
    for (int i = 0; i < count; i++) places[i] = copies[i] < 0 ? pointers[i] : regions[copies[i]].at;
    kernel = f;
    arguments = places;
    blockDim.x = block;
    gridDim.x = grid;
    make_fibers(block);  // another library may have used the stacks meanwhile
    stack_ours.ss_sp = signal_stack;
    stack_ours.ss_size = sizeof signal_stack;
    sigaltstack(&stack_ours, &stack_before);
    ours.sa_sigaction = on_signal;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int i = 0; i < 4; i++) sigaction(signals[i], &ours, &before[i]);
    if (!sigsetjmp(outside, 1))
        for (unsigned i = 0; i < grid; i++) {
            blockIdx.x = reverse ? grid - 1 - i : i;
            run_block(reverse);
        }
    for (int i = 0; i < 4; i++) sigaction(signals[i], &before[i], nullptr);
    sigaltstack(&stack_before, nullptr);
    copy_out(!message[0]);
    return message;
}

template <class... P, size_t... I>
void call(void (*f)(P...), void **p, std::index_sequence<I...>) { f((P)p[I]...); }
template <class... P>
void call(void (*f)(P...), void **p) { call(f, p, std::index_sequence_for<P...>{}); }

// `fixed` says which arrays are promised not to change; `sizes` holds their bytes, or -1 where a pointer is to be taken
// as it is.
static const char *enter(void (*f)(void **), unsigned grid, unsigned block, int taken, const bool *fixed, int count, void **pointers, const long long *sizes, bool reverse) {
    if (count != taken) {
        snprintf(message, sizeof message, "takes %d arrays, not %d", taken, count);
        return message;
    }
    if (!grid || !block || block > MOST_THREADS) return "a grid or a block of no threads, or a block of more than 1024";
    if (count > MOST_REGIONS) return "more arrays than the stand-in takes";
    int which[MOST_REGIONS];
    region_count = 0;
    for (int i = 0; i < count; i++) {
        which[i] = -1;
        if (sizes[i] < 0) continue;
        for (int j = 0; j < region_count && which[i] < 0; j++)
            if (regions[j].caller == pointers[i] && regions[j].bytes == size_t(sizes[i])) which[i] = j;
        if (which[i] < 0) {
            which[i] = region_count;
            regions[region_count++] = {(char *)pointers[i], nullptr, nullptr, nullptr, size_t(sizes[i]), false};
        }
        regions[which[i]].writable |= !fixed[i];
    }
    return launch(f, grid, block, pointers, which, count, reverse);
}

template <class... P>
const char *enter(void (*)(P...), void (*f)(void **), unsigned grid, unsigned block, int count, void **pointers, const long long *sizes, bool reverse) {
    static_assert((std::is_pointer_v<P> && ...), "kernels take pointers only");
    constexpr static bool fixed[] = {std::is_const_v<std::remove_pointer_t<P>>..., false};
    return enter(f, grid, block, int(sizeof...(P)), fixed, count, pointers, sizes, reverse);
}

// Values of a warp

template <class T>
uint64_t bits(T v) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles take 32 or 64 bits");
    uint64_t b = 0;
    memcpy(&b, &v, sizeof v);
    return b;
}
template <class T>
T shuffle(uint64_t site, unsigned mask, T v, int source) {
    uint64_t b = warp_barrier(site, mask, SHUFFLE, bits(v), source);
    memcpy(&v, &b, sizeof v);
    return v;
}
inline int lane() { return me->index % 32; }
template <class T>
T shfl(uint64_t site, unsigned mask, T v, int from, int width = 32) {
    return shuffle(site, mask, v, (lane() & -width) + (from & (width - 1)));
}
template <class T>
T shfl_xor(uint64_t site, unsigned mask, T v, int with, int width = 32) {
    int from = lane() ^ with;
    return shuffle(site, mask, v, from >= (lane() & -width) + width ? lane() : from);
}
template <class T>
T shfl_down(uint64_t site, unsigned mask, T v, unsigned by, int width = 32) {
    int from = lane() + int(by);
    return shuffle(site, mask, v, from >= (lane() & -width) + width ? lane() : from);
}
template <class T>
T shfl_up(uint64_t site, unsigned mask, T v, unsigned by, int width = 32) {
    int from = lane() - int(by);
    return shuffle(site, mask, v, from < (lane() & -width) ? lane() : from);
}
inline unsigned ballot(uint64_t site, unsigned mask, bool v) { return unsigned(warp_barrier(site, mask, BALLOT, v)); }
inline void syncwarp(uint64_t site, unsigned mask = ~0u) { warp_barrier(site, mask, SYNC); }

template <class To, class From>
To same_bits(From v) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    memcpy(&to, &v, sizeof to);
    return to;
}

}  // namespace cuda

#define CUDA_SITE (uint64_t(__COUNTER__ + 1) << 32 | __LINE__)
#define __syncthreads() ((void)cuda::block_barrier(CUDA_SITE, false))
#define __syncthreads_count(v) int(cuda::block_barrier(CUDA_SITE, v))
#define __syncthreads_or(v) int(cuda::block_barrier(CUDA_SITE, v) != 0)
#define __syncthreads_and(v) int(cuda::block_barrier(CUDA_SITE, !(v)) == 0)
#define __syncwarp(...) cuda::syncwarp(CUDA_SITE __VA_OPT__(, ) __VA_ARGS__)
#define __shfl_sync(...) cuda::shfl(CUDA_SITE, __VA_ARGS__)
#define __shfl_xor_sync(...) cuda::shfl_xor(CUDA_SITE, __VA_ARGS__)
#define __shfl_down_sync(...) cuda::shfl_down(CUDA_SITE, __VA_ARGS__)
#define __shfl_up_sync(...) cuda::shfl_up(CUDA_SITE, __VA_ARGS__)
#define __ballot_sync(mask, v) cuda::ballot(CUDA_SITE, mask, v)
#define __any_sync(mask, v) int(cuda::ballot(CUDA_SITE, mask, v) != 0)
#define __all_sync(mask, v) int(cuda::ballot(CUDA_SITE, mask, !(v)) == 0)

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static __attribute__((section("cuda_shared")))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

// Types

#define CUDA_VECTORS(T, name, a2, a4)                                                         \
    struct name##1 { T x; };                                                                  \
    struct alignas(a2) name##2 { T x, y; };                                                   \
    struct name##3 { T x, y, z; };                                                            \
    struct alignas(a4) name##4 { T x, y, z, w; };                                             \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; }                                \
    inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                        \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
CUDA_VECTORS(signed char, char, 2, 4)
CUDA_VECTORS(unsigned char, uchar, 2, 4)
CUDA_VECTORS(short, short, 4, 8)
CUDA_VECTORS(unsigned short, ushort, 4, 8)
CUDA_VECTORS(int, int, 8, 16)
CUDA_VECTORS(unsigned, uint, 8, 16)
CUDA_VECTORS(long long, longlong, 16, 16)
CUDA_VECTORS(unsigned long long, ulonglong, 16, 16)
CUDA_VECTORS(float, float, 8, 16)
CUDA_VECTORS(double, double, 16, 16)
#undef CUDA_VECTORS

// Functions

template <class T> T __ldg(const T *p) { return *p; }
template <class T> T __ldcs(const T *p) { return *p; }
template <class T> T __ldcg(const T *p) { return *p; }
template <class T> T __ldca(const T *p) { return *p; }
template <class T> T __ldcv(const T *p) { return *p; }
template <class T> void __stcs(T *p, std::common_type_t<T> v) { *p = v; }
template <class T> void __stcg(T *p, std::common_type_t<T> v) { *p = v; }
template <class T> void __stwt(T *p, std::common_type_t<T> v) { *p = v; }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) {}
[[noreturn]] inline void __trap() { cuda::fail("a trap"); }

#define CUDA_ATOMIC(name, changed)                                    \
    template <class T> T name(T *p, std::common_type_t<T> v) {        \
        T old = *p;                                                   \
        *p = changed;                                                 \
        return old;                                                   \
    }
CUDA_ATOMIC(atomicAdd, T(old + v))
CUDA_ATOMIC(atomicSub, T(old - v))
CUDA_ATOMIC(atomicMax, v > old ? v : old)
CUDA_ATOMIC(atomicMin, v < old ? v : old)
CUDA_ATOMIC(atomicAnd, old & v)
CUDA_ATOMIC(atomicOr, old | v)
CUDA_ATOMIC(atomicXor, old ^ v)
CUDA_ATOMIC(atomicExch, v)
CUDA_ATOMIC(atomicInc, old >= v ? 0 : old + 1)
CUDA_ATOMIC(atomicDec, old == 0 || old > v ? v : old - 1)
#undef CUDA_ATOMIC
template <class T>
T atomicCAS(T *p, std::common_type_t<T> compare, std::common_type_t<T> v) {
    T old = *p;
    if (old == compare) *p = v;
    return old;
}

inline int __float_as_int(float v) { return cuda::same_bits<int>(v); }
inline unsigned __float_as_uint(float v) { return cuda::same_bits<unsigned>(v); }
inline float __int_as_float(int v) { return cuda::same_bits<float>(v); }
inline float __uint_as_float(unsigned v) { return cuda::same_bits<float>(v); }
inline long long __double_as_longlong(double v) { return cuda::same_bits<long long>(v); }
inline double __longlong_as_double(long long v) { return cuda::same_bits<double>(v); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
    return (unsigned long long)((unsigned __int128)x * y >> 64);
}
inline long long __mul64hi(long long x, long long y) { return (long long)((__int128)x * y >> 64); }
inline unsigned __umulhi(unsigned x, unsigned y) { return unsigned((unsigned long long)x * y >> 32); }
inline int __mulhi(int x, int y) { return int((long long)x * y >> 32); }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
inline int __clz(int v) { return v ? __builtin_clz(v) : 32; }
inline int __clzll(long long v) { return v ? __builtin_clzll(v) : 64; }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __ffsll(long long v) { return __builtin_ffsll(v); }

template <class A, class B>
std::common_type_t<A, B> max(A a, B b) {
    using T = std::common_type_t<A, B>;
    if constexpr (std::is_floating_point_v<T>) return fmax(T(a), T(b));
    else return T(a) < T(b) ? T(b) : T(a);
}
template <class A, class B>
std::common_type_t<A, B> min(A a, B b) {
    using T = std::common_type_t<A, B>;
    if constexpr (std::is_floating_point_v<T>) return fmin(T(a), T(b));
    else return T(b) < T(a) ? T(b) : T(a);
}

#define CUDA_OPERATION(T, name, op)                        \
    inline T name##_rn(T x, T y) { return x op y; }        \
    inline T name##_rz(T x, T y) { return x op y; }
CUDA_OPERATION(float, __fadd, +)
CUDA_OPERATION(float, __fsub, -)
CUDA_OPERATION(float, __fmul, *)
CUDA_OPERATION(float, __fdiv, /)
CUDA_OPERATION(double, __dadd, +)
CUDA_OPERATION(double, __dsub, -)
CUDA_OPERATION(double, __dmul, *)
CUDA_OPERATION(double, __ddiv, /)
#undef CUDA_OPERATION
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline double __dsqrt_rn(double x) { return sqrt(x); }
inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return float(pow(10.0, x)); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline float rsqrt(float x) { return 1 / sqrtf(x); }
inline double rcbrt(double x) { return 1 / cbrt(x); }
inline float rcbrtf(float x) { return 1 / cbrtf(x); }
inline double sinpi(double x) { return sin(x * M_PI); }
inline double cospi(double x) { return cos(x * M_PI); }
inline float sinpif(float x) { return float(sinpi(x)); }
inline float cospif(float x) { return float(cospi(x)); }
inline double normcdf(double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
inline float normcdff(float x) { return float(normcdf(x)); }
inline double erfinv(double y) {
    if (!(fabs(y) < 1)) return fabs(y) == 1 ? copysign(HUGE_VAL, y) : NAN;
    double l = log1p(-y * y), a = 2 / (M_PI * 0.147) + l / 2;
    double x = copysign(sqrt(sqrt(a * a - l / 0.147) - a), y);
    for (int i = 0; i < 3; i++) x -= (erf(x) - y) * sqrt(M_PI) / 2 * exp(x * x);
    return x;
}
inline float erfinvf(float y) { return float(erfinv(y)); }
inline int __float2int_rn(float x) { return int(nearbyintf(x)); }
inline int __float2int_rz(float x) { return int(x); }
inline int __double2int_rn(double x) { return int(nearbyint(x)); }
inline long long __double2ll_rn(double x) { return (long long)nearbyint(x); }
inline float __int2float_rn(int x) { return float(x); }
inline float __uint2float_rn(unsigned x) { return float(x); }
inline double __ull2double_rn(unsigned long long x) { return double(x); }
inline float __double2float_rn(double x) { return float(x); }
