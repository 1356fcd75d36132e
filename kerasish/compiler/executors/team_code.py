"""The code of the team of threads (see `team`), as LLVM IR."""

from __future__ import annotations

import platform
import sys

_LOOK_OUT = 12000
"""Pauses of the processor (of 15 to 50 nanoseconds each) before a thread without work goes to sleep."""
_PATIENCE = 4, 50_000
"""A thread that is waited for longer than so many times what a part takes, and so many cycles, lost its processor."""
_REST = 4
"""The team rests so many times as long as such a wait."""
_LONGEST_REST = 1 << 28
"""Cycles that it rests at most, a tenth of a second: the whole process may have been stopped meanwhile."""
MOST = 64
"""Most threads."""

# The team's memory, in steps of eight bytes; what different threads write lies in different lines of the cache.
_BUSY, _TURN, _OPEN, _ACTIVE, _FUNCTION, _DATA, _COUNT, _RESTS, THREADS, _ASLEEP, NEXT = (
    0, 8, 16, 24, 32, 33, 34, 35, 40, 41, 48,
)  # fmt: skip

_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine()) if sys.platform == "linux" else None
"""The number of Linux's system call for waiting on a place in memory; None where threads sleep in Python."""
_WAIT, _WAKE = 128, 129
"""What it is to do: to wait there, or to wake who does, in the same process."""

SHARE = "kerasish_share"
"""The name by which kernels call `void share(void function(ptr data, i64 part, i64 who), ptr data, i64 parts)`, where
`who` is the number of the thread that does the part, zero for the calling one."""

SLICES = ("function", "units", "slices", "arrays", "rooms", "room", "room_size")
"""What `run_slices` is told, eight bytes each: a function, how many units of work there are and into how many slices to
divide them, how many arrays the function takes, for how many threads there is room, where that is, and how many bytes
each thread has. The addresses of the arrays follow."""
_MOST_ARRAYS = 8


def _clock() -> tuple[str, str]:
    """Return the declaration and the reading of a counter of cycles; where there is none, the team never rests."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        return "declare i64 @llvm.readcyclecounter()", "call i64 @llvm.readcyclecounter()"
    return "", "add i64 0, 0"


def _pause() -> tuple[str, str]:
    """Return the declaration and the call of what makes a waiting loop easy on the processor."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        return "declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"
    if machine in ("aarch64", "arm64"):
        return "declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"
    return "", "fence seq_cst"


def _sleep() -> str:
    """Return what a thread of the team does when it has looked out for long enough; it has seen `%turn` last."""
    if _FUTEX is None:
        return "sleep:\n  ret void"
    return f"""sleep:
  %before_sleep = atomicrmw add ptr %asleeps, i64 1 seq_cst
  %turn_now = load atomic i64, ptr %turns seq_cst, align 8
  %nothing_new = icmp eq i64 %turn_now, %turn
  br i1 %nothing_new, label %lie, label %rise
lie:
  %expected = and i64 %turn, 4294967295
  %woken = call i64 (i64, ...) @syscall(i64 {_FUTEX}, ptr %turns, i64 {_WAIT}, i64 %expected, i64 0, i64 0, i64 0)
  br label %rise
rise:
  %after_sleep = atomicrmw sub ptr %asleeps, i64 1 seq_cst
  br label %idle"""


def _rouse() -> str:
    """Return what is done for threads to take note of a new turn, up to the label `go`."""
    if _FUTEX is None:
        return "  br label %go\ngo:"
    return f"""  %sleepers = load atomic i64, ptr %asleeps seq_cst, align 8
  %all_awake = icmp eq i64 %sleepers, 0
  br i1 %all_awake, label %go, label %rouse
rouse:
  %roused = call i64 (i64, ...) @syscall(i64 {_FUTEX}, ptr %turns, i64 {_WAKE}, i64 {MOST}, i64 0, i64 0, i64 0)
  br label %go
go:"""


def text() -> str:
    """Return the functions of the team as LLVM IR."""
    declared, pause = _pause()
    clock_declared, clock = _clock()
    rising = ("", "") if _FUTEX is None else (", [ %turn, %rise ]", ", [ 0, %rise ]")

    def at(name: str, place: int) -> str:
        return f"  %{name} = getelementptr i64, ptr %team, i64 {place}\n"

    fields = "".join(
        f"  %{name}_at = getelementptr i64, ptr %job, i64 {i}\n" for i, name in enumerate(SLICES[1:], 1)
    )
    fields += f"  %addresses = getelementptr i64, ptr %job, i64 {len(SLICES)}\n"
    return f"""{declared}
{clock_declared}
declare i64 @syscall(i64, ...)
@memory = internal global ptr null
define void @set_memory(ptr %team) nounwind {{
  store ptr %team, ptr @memory, align 8
  ret void
}}
define internal i64 @take(ptr %team, i64 %me) nounwind {{
entry:
{at("functions", _FUNCTION)}{at("datas", _DATA)}{at("counts", _COUNT)}{at("sizes", THREADS)}\
  %function = load ptr, ptr %functions, align 8
  %data = load ptr, ptr %datas, align 8
  %count = load i64, ptr %counts, align 8
  %size = load i64, ptr %sizes, align 8
  br label %stretch
stretch:
  %step = phi i64 [ 0, %entry ], [ %following, %done ]
  %before = phi i64 [ 0, %entry ], [ %taken, %done ]
  %sum = add i64 %me, %step
  %beyond = icmp uge i64 %sum, %size
  %around = sub i64 %sum, %size
  %whose = select i1 %beyond, i64 %around, i64 %sum
  %after = add i64 %whose, 1
  %product = mul i64 %count, %after
  %end = udiv i64 %product, %size
  %eight = shl i64 %whose, 3
  %place = add i64 %eight, {NEXT}
  %next = getelementptr i64, ptr %team, i64 %place
  br label %claim
claim:
  %taken = phi i64 [ %before, %stretch ], [ %more_taken, %do ]
  %seen = load atomic i64, ptr %next seq_cst, align 8
  %left = icmp ult i64 %seen, %end
  br i1 %left, label %get, label %done
get:
  %part = atomicrmw add ptr %next, i64 1 seq_cst
  %mine = icmp ult i64 %part, %end
  br i1 %mine, label %do, label %done
do:
  call void %function(ptr %data, i64 %part, i64 %me)
  %more_taken = add i64 %taken, 1
  br label %claim
done:
  %following = add i64 %step, 1
  %more = icmp ult i64 %following, %size
  br i1 %more, label %stretch, label %end_of_all
end_of_all:
  ret i64 %taken
}}
define void @share(ptr %function, ptr %data, i64 %count) nounwind {{
entry:
  %team = load ptr, ptr @memory, align 8
{at("busy", _BUSY)}{at("turns", _TURN)}{at("open", _OPEN)}{at("active", _ACTIVE)}{at("functions", _FUNCTION)}\
{at("datas", _DATA)}{at("counts", _COUNT)}{at("rests", _RESTS)}{at("sizes", THREADS)}{at("asleeps", _ASLEEP)}\
  %size = load i64, ptr %sizes, align 8
  %several = icmp ugt i64 %size, 1
  %parts = icmp ugt i64 %count, 1
  %both = and i1 %several, %parts
  br i1 %both, label %ask, label %alone
ask:
  %asked = cmpxchg ptr %busy, i64 0, i64 1 seq_cst seq_cst
  %free = extractvalue {{ i64, i1 }} %asked, 1
  br i1 %free, label %look, label %alone
look:
  %rest = load i64, ptr %rests, align 8
  %now = {clock}
  %resting = icmp ult i64 %now, %rest
  br i1 %resting, label %skip, label %stretch
skip:
  store atomic i64 0, ptr %busy seq_cst, align 8
  br label %alone
stretch:
  %who = phi i64 [ 0, %look ], [ %after, %stretch ]
  %product = mul i64 %count, %who
  %start = udiv i64 %product, %size
  %eight = shl i64 %who, 3
  %place = add i64 %eight, {NEXT}
  %next = getelementptr i64, ptr %team, i64 %place
  store atomic i64 %start, ptr %next seq_cst, align 8
  %after = add i64 %who, 1
  %more = icmp ult i64 %after, %size
  br i1 %more, label %stretch, label %begin
begin:
  store ptr %function, ptr %functions, align 8
  store ptr %data, ptr %datas, align 8
  store i64 %count, ptr %counts, align 8
  store atomic i64 1, ptr %open seq_cst, align 8
  %turn = atomicrmw add ptr %turns, i64 1 seq_cst
{_rouse()}
  %taken = call i64 @take(ptr %team, i64 0)
  store atomic i64 0, ptr %open seq_cst, align 8
  %done = {clock}
  br label %wait
wait:
  %there = load atomic i64, ptr %active seq_cst, align 8
  %gone = icmp eq i64 %there, 0
  br i1 %gone, label %end, label %again
again:
  {pause}
  br label %wait
end:
  %come = {clock}
  %waited = sub i64 %come, %done
  %worked = sub i64 %done, %now
  %none_taken = icmp eq i64 %taken, 0
  %divisor = select i1 %none_taken, i64 1, i64 %taken
  %part = udiv i64 %worked, %divisor
  %parts_time = mul i64 %part, {_PATIENCE[0]}
  %patience = add i64 %parts_time, {_PATIENCE[1]}
  %long = icmp ugt i64 %waited, %patience
  %times = mul i64 %waited, {_REST}
  %too_long = icmp ugt i64 %times, {_LONGEST_REST}
  %resting_time = select i1 %too_long, i64 {_LONGEST_REST}, i64 %times
  %until = add i64 %come, %resting_time
  %to_rest = select i1 %long, i64 %until, i64 0
  store i64 %to_rest, ptr %rests, align 8
  store atomic i64 0, ptr %busy seq_cst, align 8
  ret void
alone:
  %some = icmp ne i64 %count, 0
  br i1 %some, label %one, label %none
one:
  %i = phi i64 [ 0, %alone ], [ %i_next, %one ]
  call void %function(ptr %data, i64 %i, i64 0)
  %i_next = add i64 %i, 1
  %i_more = icmp ult i64 %i_next, %count
  br i1 %i_more, label %one, label %none
none:
  ret void
}}
define void @work(ptr %number) nounwind {{
entry:
  %me = ptrtoint ptr %number to i64
  %team = load ptr, ptr @memory, align 8
{at("turns", _TURN)}{at("open", _OPEN)}{at("active", _ACTIVE)}{at("sizes", THREADS)}{at("asleeps", _ASLEEP)}\
  br label %idle
idle:
  %last = phi i64 [ -1, %entry ], [ %last, %pausing ], [ %turn, %leave ]{rising[0]}
  %waits = phi i64 [ 0, %entry ], [ %waited, %pausing ], [ 0, %leave ]{rising[1]}
  %turn = load atomic i64, ptr %turns seq_cst, align 8
  %new = icmp ne i64 %turn, %last
  br i1 %new, label %enter, label %pausing
pausing:
  {pause}
  %waited = add i64 %waits, 1
  %tired = icmp ugt i64 %waited, {_LOOK_OUT}
  br i1 %tired, label %sleep, label %idle
enter:
  %before = atomicrmw add ptr %active, i64 1 seq_cst
  %is_open = load atomic i64, ptr %open seq_cst, align 8
  %size = load i64, ptr %sizes, align 8
  %wanted = icmp ult i64 %me, %size
  %parts = icmp ne i64 %is_open, 0
  %work = and i1 %wanted, %parts
  br i1 %work, label %do, label %leave
do:
  %taken = call i64 @take(ptr %team, i64 %me)
  br label %leave
leave:
  %left = atomicrmw sub ptr %active, i64 1 seq_cst
  br label %idle
{_sleep()}
}}
define void @run_all(ptr %calls) nounwind {{
entry:
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %following, %call ]
  %place = getelementptr ptr, ptr %calls, i64 %i
  %function = load ptr, ptr %place, align 8
  %is_end = icmp eq ptr %function, null
  br i1 %is_end, label %end, label %call
call:
  %second = getelementptr ptr, ptr %place, i64 1
  %data = load ptr, ptr %second, align 8
  call void %function(ptr %data)
  %following = add i64 %i, 2
  br label %next
end:
  ret void
}}
define internal void @slice(ptr %job, i64 %part, i64 %who) nounwind {{
entry:
  %table = alloca [{_MOST_ARRAYS + 3} x ptr], align 8
{fields}  %units = load i64, ptr %units_at, align 8
  %slices = load i64, ptr %slices_at, align 8
  %arrays = load i64, ptr %arrays_at, align 8
  %room = load ptr, ptr %room_at, align 8
  %size = load i64, ptr %room_size_at, align 8
  %function = load ptr, ptr %job, align 8
  %bytes = shl i64 %arrays, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %table, ptr %addresses, i64 %bytes, i1 false)
  %before = mul i64 %who, %size
  %own = getelementptr i8, ptr %room, i64 %before
  %own_at = getelementptr ptr, ptr %table, i64 %arrays
  store ptr %own, ptr %own_at, align 8
  %done = mul i64 %units, %part
  %start = udiv i64 %done, %slices
  %start_at = getelementptr i64, ptr %own_at, i64 1
  store i64 %start, ptr %start_at, align 8
  %with = add i64 %done, %units
  %stop = udiv i64 %with, %slices
  %stop_at = getelementptr i64, ptr %own_at, i64 2
  store i64 %stop, ptr %stop_at, align 8
  call void %function(ptr %table)
  ret void
}}
define void @run_slices(ptr %job) nounwind {{
entry:
  %team = load ptr, ptr @memory, align 8
{at("sizes", THREADS)}{fields}  %threads = load i64, ptr %sizes, align 8
  %rooms = load i64, ptr %rooms_at, align 8
  %slices = load i64, ptr %slices_at, align 8
  %enough = icmp uge i64 %rooms, %threads
  br i1 %enough, label %all, label %one
all:
  call void @share(ptr @slice, ptr %job, i64 %slices)
  ret void
one:
  %i = phi i64 [ 0, %entry ], [ %next, %one ]
  call void @slice(ptr %job, i64 %i, i64 0)
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %slices
  br i1 %more, label %one, label %end
end:
  ret void
}}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @copy_rows(ptr %job) nounwind {{
entry:
  %count = load i64, ptr %job, align 8
  %first = getelementptr i64, ptr %job, i64 1
  br label %array
array:
  %i = phi i64 [ 0, %entry ], [ %i_next, %done ]
  %words = phi ptr [ %first, %entry ], [ %words_next, %done ]
  %i_more = icmp ult i64 %i, %count
  br i1 %i_more, label %begin, label %end
begin:
  %target_at = getelementptr i64, ptr %words, i64 1
  %rows_at = getelementptr i64, ptr %words, i64 2
  %bytes_at = getelementptr i64, ptr %words, i64 3
  %step_at = getelementptr i64, ptr %words, i64 4
  %source_start = load ptr, ptr %words, align 8
  %target_start = load ptr, ptr %target_at, align 8
  %rows = load i64, ptr %rows_at, align 8
  %bytes = load i64, ptr %bytes_at, align 8
  %step = load i64, ptr %step_at, align 8
  br label %row
row:
  %j = phi i64 [ 0, %begin ], [ %j_next, %copy ]
  %source = phi ptr [ %source_start, %begin ], [ %source_next, %copy ]
  %target = phi ptr [ %target_start, %begin ], [ %target_next, %copy ]
  %j_more = icmp ult i64 %j, %rows
  br i1 %j_more, label %copy, label %done
copy:
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %bytes, i1 false)
  %source_next = getelementptr i8, ptr %source, i64 %bytes
  %target_next = getelementptr i8, ptr %target, i64 %step
  %j_next = add i64 %j, 1
  br label %row
done:
  %i_next = add i64 %i, 1
  %words_next = getelementptr i64, ptr %words, i64 5
  br label %array
end:
  ret void
}}
define void @run_loop(ptr %job) nounwind {{
entry:
  %places1 = getelementptr i64, ptr %job, i64 1
  %places2 = getelementptr i64, ptr %job, i64 2
  %places4 = getelementptr i64, ptr %job, i64 4
  %places5 = getelementptr i64, ptr %job, i64 5
  %places6 = getelementptr i64, ptr %job, i64 6
  %places7 = getelementptr i64, ptr %job, i64 7
  %places8 = getelementptr i64, ptr %job, i64 8
  %count = load i64, ptr %job, align 8
  %size = load i64, ptr %places1, align 8
  %words = load ptr, ptr %places4, align 8
  %distances = load ptr, ptr %places5, align 8
  %fresh = load ptr, ptr %places6, align 8
  %bytes = shl i64 %size, 4
  call void @llvm.memcpy.p0.p0.i64(ptr %words, ptr %fresh, i64 %bytes, i1 false)
  %first = load ptr, ptr %places7, align 8
  call void @run_all(ptr %first)
  br label %round
round:
  %i = phi i64 [ 0, %entry ], [ %i_next, %moved ]
  %odd = and i64 %i, 1
  %whose = getelementptr ptr, ptr %places2, i64 %odd
  %calls = load ptr, ptr %whose, align 8
  call void @run_all(ptr %calls)
  %start = mul i64 %odd, %size
  br label %move
move:
  %j = phi i64 [ 0, %round ], [ %j_next, %move ]
  %at = add i64 %start, %j
  %word = getelementptr i64, ptr %words, i64 %at
  %distance = getelementptr i64, ptr %distances, i64 %at
  %old = load i64, ptr %word, align 8
  %by = load i64, ptr %distance, align 8
  %new = add i64 %old, %by
  store i64 %new, ptr %word, align 8
  %j_next = add i64 %j, 1
  %j_more = icmp ult i64 %j_next, %size
  br i1 %j_more, label %move, label %moved
moved:
  %i_next = add i64 %i, 1
  %i_more = icmp ult i64 %i_next, %count
  br i1 %i_more, label %round, label %end
end:
  %final = load ptr, ptr %places8, align 8
  call void @run_all(ptr %final)
  ret void
}}
"""


__all__ = ["MOST", "NEXT", "SHARE", "SLICES", "THREADS", "text"]
