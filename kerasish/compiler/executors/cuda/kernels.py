"""Kernels for a GPU: the phases of a group of operations as few launches.

Phases that do not depend on each other share a launch, each with blocks of its own. Phases that do are launches one
after another, or, where there is little work, stand between barriers in a single block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from kerasish.compiler.executors.cuda.code import memory_type
from kerasish.compiler.executors.cuda.phases import Access, NestPhase, Phase, ScalarsPhase, Sources
from kerasish.compiler.executors.cuda.planning import phases_of
from kerasish.compiler.executors.cuda.reductions import ReducePhase
from kerasish.compiler.executors.cuda.steps import Launch
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.nests import Grouping
from kerasish.compiler.views import View

_THREADS = 256
_THREADS_ALONE = 1024
_LITTLE = 2**14
"""Elements of the largest phase that one block computes as fast as a launch of its own would."""
_MOST_PHASES = 16
"""Phases that one block runs one after another rather than several launches side by side."""
_MOST_ARRAYS = 480
"""Arrays that one launch takes: their addresses have to fit into 4 KB."""


class CudaKernel(Kernel):
    """A group of operations as launches.

    Attributes:
        inputs: The values that it reads, roots of views included.
        outputs: What it writes: results, then room that it works in.
        launches: Its launches in order.
        ops: What it computes.
    """

    def __init__(self, ops: Sequence[Op], needed: set[Value], name: str, views: Mapping[Value, View]):
        self.name = name
        self.ops = tuple(ops)
        grouping = Grouping(ops, needed)
        sources = Sources(grouping, views)
        phases = phases_of(grouping, sources, needed)
        self._views = views
        self._groups, self._in_one_block = _grouped(phases)
        written = dict.fromkeys(a.value for group in self._groups for p in group for a in p.writes)
        scratch = dict.fromkeys(v for group in self._groups for p in group for v in p.scratch)
        self.outputs = [*written, *scratch]
        read = dict.fromkeys(a.value for group in self._groups for p in group for a in p.reads)
        self.inputs = [v for v in read if v not in written]
        together = [self._groups] if self._in_one_block else [[group] for group in self._groups]
        self.launches = [launch_of(groups, name, self._in_one_block) for groups in together]

    def small_phases(self) -> list[list[Phase]] | None:
        """Return its groups of phases for a single block, None where there is too much work for one."""
        phases = [phase for group in self._groups for phase in group]
        if any(phase.work > _LITTLE for phase in phases):
            return None
        for phase in phases:
            if isinstance(phase, ReducePhase):
                phase.gather()
        return self._groups

    def may_overwrite(self, input_index: int, output_index: int) -> bool:
        x, out = self.inputs[input_index], self.outputs[output_index]
        if x in self._views or x.dtype != out.dtype or x.shape != out.shape:
            return False
        steps = [(i, p) for i, group in enumerate(self._groups) for p in group]
        for i, reader in steps:
            for k, writer in steps:
                reads = [a for a in reader.reads if a.value is x]
                writes = [a for a in writer.writes if a.value is out]
                if not reads or not writes:
                    continue
                if reader is writer:
                    if not all(_same_thread(reader, r, w) for r in reads for w in writes):
                        return False
                elif i >= k:
                    return False
        return True


def _same_thread(phase: Phase, read: Access, write: Access) -> bool:
    """Tell whether each element is read by the thread that writes it, before it does."""
    if write.axes is None or read.axes is None:
        return read.axes is write.axes and isinstance(phase, ScalarsPhase)  # reads all, then writes
    if isinstance(phase, ReducePhase) or read.axes != write.axes or not (read.inner and write.inner):
        return False
    assert isinstance(phase, NestPhase)
    return all(set(g) & set(write.axes) for g in phase.layout.groups)


def _grouped(phases: Sequence[Phase]) -> tuple[list[list[Phase]], bool]:
    """Put phases into groups that do not depend on each other; tell whether one block runs one group after another."""
    groups: list[list[Phase]] = []
    for phase in phases:
        if isinstance(phase, ReducePhase):
            phase.spread(_THREADS)
        touched = len(phase.reads) + len(phase.writes) + len(phase.scratch)
        first = 0
        for i, group in enumerate(groups):
            if any(_depends(phase, other) for other in group):
                first = i + 1
        while first < len(groups) and _arrays(groups[first]) + touched > _MOST_ARRAYS:
            first += 1
        if first == len(groups):
            groups.append([])
        groups[first].append(phase)
    if len(groups) > 1 and len(phases) <= _MOST_PHASES and all(p.work <= _LITTLE for p in phases):
        for phase in phases:
            if isinstance(phase, ReducePhase):
                phase.gather()
        return groups, True
    return groups, False


def _arrays(group: Sequence[Phase]) -> int:
    return sum(len(p.reads) + len(p.writes) + len(p.scratch) for p in group)


def _depends(later: Phase, earlier: Phase) -> bool:
    """Tell whether a phase needs another one to be done."""
    if isinstance(later, ScalarsPhase) and {a.value for a in later.reads} & {a.value for a in earlier.reads}:
        return True  # so that a counter may change where it is
    written = {a.value for a in earlier.writes}
    roots = {later.sources.view(a.value).root for a in later.reads} | {a.value for a in later.reads}
    return bool(written & (roots | {a.value for a in later.writes}))


def launch_of(groups: Sequence[Sequence[Phase]], name: str, alone: bool) -> Launch:
    """Write a kernel.

    Args:
        groups: Groups of phases that do not depend on each other, with a barrier between two groups.
        name: What `explain` calls it.
        alone: Whether it is for a single block, as several groups are.
    """
    threads = _THREADS_ALONE if alone else _THREADS
    arguments: dict[Value, str] = {}
    group = [phase for some in groups for phase in some]
    writes = dict.fromkeys(v for p in group for v in (*(a.value for a in p.writes), *p.scratch))

    def pointer(value: Value) -> str:
        return arguments.setdefault(value, f"a{len(arguments)}")

    blocks = [1 if alone else p.blocks(threads) for p in group]
    bounds = [0, *accumulate(blocks)]
    body: list[str] = []
    begins = set(accumulate(len(some) for some in groups))
    for number, (phase, count) in enumerate(zip(group, blocks, strict=True)):
        text = phase.text(threads, count, pointer)
        if alone:
            body += [*(["__syncthreads();"] if number in begins else []), "{", *text, "}"]
        elif len(group) == 1:
            body += ["{", *text, "}"]
        else:
            above = f"blockIdx.x >= {bounds[number]}u && " if number else ""
            head = f"if ({above}blockIdx.x < {bounds[number + 1]}u) {{"
            body += [
                head,
                f"const int bid = (int)blockIdx.x - {bounds[number]}, blocks = {count};",
                *text,
                "}",
            ]
    if alone or len(group) == 1:
        body = [
            f"[[maybe_unused]] const int bid = {'0' if alone else '(int)blockIdx.x'}, blocks = {blocks[0]};",
            *body,
        ]
    parameters = ", ".join(
        f"{'' if v in writes or v.kind == 'constant' else 'const '}{memory_type(v.dtype)}* {n}"
        for v, n in arguments.items()
    )
    room = f"__shared__ double room[{threads}];" if any("room" in line for line in body) else ""
    source = "\n".join(
        [
            f'extern "C" __global__ void __launch_bounds__({threads}) NAME({parameters}) {{',
            *([room] if room else []),
            *body,
            "}",
        ]
    )
    return Launch(source, 1 if alone else bounds[-1], threads, list(arguments), list(writes), name)


__all__ = ["CudaKernel"]
