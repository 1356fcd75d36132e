"""The stand-in for a GPU computes what a GPU would, and refuses what a GPU would not survive."""

from __future__ import annotations

import cuda_on_cpu
import numpy as np
import pytest

pytestmark = pytest.mark.interpreted
SOURCE = r"""
__device__ __forceinline__ float warp_sum(float v) {
    #pragma unroll
    for (int i = 16; i; i >>= 1) v += __shfl_xor_sync(0xffffffffu, v, i);
    return v;
}

template <class T>
__device__ T block_sum(T v) {
    __shared__ T parts[32];
    for (int i = 16; i; i >>= 1) v += __shfl_down_sync(0xffffffffu, v, i);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = v;
    __syncthreads();
    v = threadIdx.x < blockDim.x / 32 ? parts[threadIdx.x] : T(0);
    if (threadIdx.x < 32) for (int i = 16; i; i >>= 1) v += __shfl_xor_sync(0xffffffffu, v, i);
    return v;
}

extern "C" __global__ void __launch_bounds__(1024) row_sums(const float* __restrict__ x, float* __restrict__ out) {
    float v = block_sum(x[blockIdx.x * blockDim.x + threadIdx.x]);
    if (threadIdx.x == 0) out[blockIdx.x] = v;
}

// The last block to finish adds up what all have left.
extern "C" __global__ void total(const double* x, const int* count, double* parts, unsigned* finished, double* out) {
    __shared__ bool last;
    double v = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < *count; i += gridDim.x * blockDim.x) v += x[i];
    v = block_sum(v);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = v;
        __threadfence();
        last = atomicInc(finished, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    v = threadIdx.x < gridDim.x ? __ldg(&parts[threadIdx.x]) : 0;
    v = block_sum(v);
    if (threadIdx.x == 0) *out = v;
}

extern "C" __global__ void scaled(const float4* __restrict__ x, float4* __restrict__ out, const int* quarters) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < *quarters; i += gridDim.x * blockDim.x) {
        float4 v = x[i];
        out[i] = make_float4(fmaf(v.x, 2.f, 1.f), fmaf(v.y, 2.f, 1.f), __fmaf_rn(v.z, 2.f, 1.f), fmaf(v.w, 2.f, 1.f));
    }
}

extern "C" __global__ void votes(const int* x, int* out) {
    int v = x[threadIdx.x];
    out[threadIdx.x * 8] = __ballot_sync(0xffffffffu, v > 0);
    out[threadIdx.x * 8 + 1] = __any_sync(0xffffffffu, v > 5);
    out[threadIdx.x * 8 + 2] = __all_sync(0xffffffffu, v > -9);
    out[threadIdx.x * 8 + 3] = __syncthreads_count(v > 0);
    out[threadIdx.x * 8 + 4] = __syncthreads_or(v > 100);
    out[threadIdx.x * 8 + 5] = __syncthreads_and(v > -100);
    out[threadIdx.x * 8 + 6] = __shfl_sync(0xffffffffu, v, 3, 8);
    out[threadIdx.x * 8 + 7] = __shfl_up_sync(0xffffffffu, v, 1);
}

// Half a warp exchanges values while the other half waits for nobody.
extern "C" __global__ void halves(const long long* x, long long* out) {
    unsigned lane = threadIdx.x;
    long long v = x[lane];
    if (lane < 16) {
        for (int i = 8; i; i >>= 1) v = max(v, __shfl_xor_sync(0x0000ffffu, v, i));
        __syncwarp(0x0000ffffu);
    }
    __syncwarp();
    out[lane] = v;
}

extern "C" __global__ void bits(const float* x, const unsigned long long* y, unsigned long long* out) {
    out[0] = __float_as_int(x[0]);
    out[1] = __umul64hi(y[0], y[1]);
    out[2] = __umulhi((unsigned)y[0], (unsigned)y[1]);
    out[3] = __double_as_longlong(__longlong_as_double(y[0]));
    out[4] = atomicCAS(&out[5], 7ull, 9ull);
    atomicMax(&out[6], 5ull);
    atomicMin(&out[6], 3ull);
    out[7] = atomicExch(&out[8], 1ull);
}

extern "C" __global__ void beyond(const float* x, float* out) { out[threadIdx.x] = x[threadIdx.x + 1]; }
extern "C" __global__ void before(float* out) { out[(int)threadIdx.x - 1] = 1; }
extern "C" __global__ void promise(const float* x) { const_cast<float*>(x)[0] = 1; }
extern "C" __global__ void crooked(const float* x, float* out) { *out = reinterpret_cast<const float4*>(x + 1)->x; }
extern "C" __global__ void forgotten(float* out) {
    __shared__ float x[64];
    x[threadIdx.x] = 1;
    out[threadIdx.x] = x[threadIdx.x ^ 1];
}
extern "C" __global__ void index(const int* at, float* out) { __shared__ float x[64]; x[*at] = 1; *out = x[*at]; }
extern "C" __global__ void divergent(const int* x) { if (x[threadIdx.x]) __syncthreads(); else __syncthreads(); }
extern "C" __global__ void stuck(const int* x) { if (threadIdx.x < 8) __syncwarp(0xffffu); else __syncwarp(); }
"""


@pytest.fixture(scope="module")
def kernels():
    return cuda_on_cpu.compile_cuda(SOURCE)


@pytest.mark.parametrize("reverse", [False, True])
class TestResults:
    @pytest.mark.parametrize("block", [32, 256, 1024])
    def test_a_reduction_over_a_block(self, kernels, block, reverse):
        x = np.random.default_rng(0).standard_normal((5, block)).astype("float32")
        out = np.empty(5, "float32")
        kernels["row_sums"](5, block, [x, out], reverse=reverse)
        np.testing.assert_allclose(out, x.sum(1), rtol=1e-5, atol=1e-5)

    def test_the_last_block_adds_up_what_all_have_left(self, kernels, reverse):
        x = np.random.default_rng(0).standard_normal(10_007)
        parts, finished, out = np.full(7, np.nan), np.zeros(1, "uint32"), np.full(1, np.nan)
        for _ in range(2):  # the count of finished blocks starts again by itself
            kernels["total"](7, 128, [x, np.array([x.size], "int32"), parts, finished, out], reverse=reverse)
            np.testing.assert_allclose(out, x.sum(), rtol=1e-12)
            assert finished == 0

    def test_a_loop_over_a_grid_in_vectors(self, kernels, reverse):
        x = np.arange(4000, dtype="float32")
        out = np.empty_like(x)
        kernels["scaled"](3, 64, [x, out, np.array([1000], "int32")], reverse=reverse)
        np.testing.assert_array_equal(out, 2 * x + 1)
        kernels["scaled"](3, 64, [out, out, np.array([1000], "int32")], reverse=reverse)  # in place
        np.testing.assert_array_equal(out, 4 * x + 3)

    def test_votes_and_shuffles(self, kernels, reverse):
        x = np.random.default_rng(0).integers(-9, 9, 64).astype("int32")
        x[32:] = np.minimum(x[32:], 5)
        out = np.empty((64, 8), "int32")
        kernels["votes"](1, 64, [x, out], reverse=reverse)
        warps = x.reshape(2, 32)
        ballots = (warps > 0) @ (1 << np.arange(32, dtype=np.int64))
        np.testing.assert_array_equal(out[:, 0], ballots.astype("uint32").view("int32").repeat(32))
        np.testing.assert_array_equal(out[:, 1], (warps > 5).any(1).repeat(32))
        np.testing.assert_array_equal(out[:, 2], (warps > -9).all(1).repeat(32))
        assert (out[:, 3:6] == [(x > 0).sum(), 0, 1]).all()
        np.testing.assert_array_equal(out[:, 6], x[np.arange(64) // 8 * 8 + 3])
        np.testing.assert_array_equal(out[1:32, 7], x[:31])

    def test_a_part_of_a_warp(self, kernels, reverse):
        x = np.random.default_rng(0).integers(-(10**12), 10**12, 32)
        out = np.empty_like(x)
        kernels["halves"](1, 32, [x, out], reverse=reverse)
        np.testing.assert_array_equal(out, [*[x[:16].max()] * 16, *x[16:]])


def test_bits_and_atomics(kernels):
    x, y = np.array([1.5], "float32"), np.array([0xFEDCBA9876543210, 0x123456789ABCDEF], "uint64")
    out = np.array([0, 0, 0, 0, 0, 7, 2, 0, 8], "uint64")
    kernels["bits"](1, 1, [x, y, out])
    a, b = map(int, y)
    low = (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF) >> 32
    assert out.tolist() == [0x3FC00000, a * b >> 64, low, a, 7, 9, 3, 8, 1]


def test_shared_memory_shows_a_missing_barrier(kernels):
    out = np.empty(64, "float32")
    kernels["forgotten"](1, 64, [out])
    assert np.isnan(out[0]) and out[1] == 1


@pytest.mark.parametrize(
    "name, arrays, said",
    [
        (
            "beyond",
            [np.zeros(64, "float32"), np.zeros(64, "float32")],
            "thread 63: an access at byte 256 of array 0",
        ),
        ("before", [np.zeros(64, "float32")], "a write at byte -4 of array 0"),
        ("promise", [np.zeros(64, "float32")], "a write to array 0, which it promises not to change"),
        ("crooked", [np.zeros(64, "float32"), np.zeros(64, "float32")], "not aligned"),
        ("index", [np.array([64], "int32"), np.zeros(64, "float32")], "an index outside an array"),
        ("divergent", [np.arange(64, dtype="int32")], "wait at different barriers"),
        ("stuck", [np.arange(64, dtype="int32")], "for threads that do not come"),
        ("stuck", [], "takes 1 arrays, not 0"),
    ],
)
def test_what_a_gpu_would_not_survive(kernels, name, arrays, said):
    with pytest.raises(cuda_on_cpu.CudaError, match=said):
        kernels[name](1, 64, arrays)
    test_shared_memory_shows_a_missing_barrier(kernels)  # and the next launch is as if nothing had happened


def test_source_that_is_wrong_is_refused():
    with pytest.raises(cuda_on_cpu.CudaError, match="kernels.cu:1"):
        cuda_on_cpu.compile_cuda('extern "C" __global__ void f(float* x) { x[0] = nothing; }')


@pytest.mark.parametrize("arch", cuda_on_cpu.ARCHITECTURES)
def test_compilation_for_a_gpu(arch):
    assert "error" not in cuda_on_cpu.nvrtc_compile(SOURCE, arch)
    with pytest.raises(cuda_on_cpu.CudaError, match="nothing"):
        cuda_on_cpu.nvrtc_compile('extern "C" __global__ void f(float* x) { x[0] = nothing; }', arch)
