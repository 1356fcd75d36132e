"""Which phases share a launch: chains of phases, side by side.

A launch costs a GPU two microseconds and more, a barrier in a block a tenth of that. So where each part of a phase
(some rows of a batch, say) needs only the like part of those before it, one launch does them all: each block goes on
with the parts that it has just made. Where a phase needs all of another one, a single block can do both if they are
small; if not, the later one waits for the next launch, which takes everything that is ready by then.
"""

from __future__ import annotations

from collections.abc import Callable, KeysView, Mapping, Sequence
from enum import IntEnum
from itertools import accumulate
from math import gcd
from typing import NamedTuple

from kerasish.compiler.executors.cuda.code import memory_type
from kerasish.compiler.executors.cuda.phases import Access, Phase, Span, ceil_div
from kerasish.compiler.executors.cuda.reductions import ReducePhase
from kerasish.compiler.executors.cuda.steps import Launch
from kerasish.compiler.graph import Value

_THREADS = 256
_THREADS_ALONE = 1024
_LITTLE = 2**13
"""Elements or multiplications of a phase that a block of a chain does in less time than a launch takes."""
_LITTLE_IN_ALL = 2**22
"""Elements of all phases of a chain: with more of them a launch is short beside its work."""
_MOST_ARRAYS = 480
"""Arrays that one launch takes: their addresses have to fit into 4 KB."""
_SCRATCH = 2
"""Arrays that a reduction may work in besides those that it reads and writes."""
_LAUNCH, _PHASE, _ELEMENT = 1.3, 0.8, 1e-4
"""Microseconds, about, of a launch, of a phase in a block, and of each element that a block of `_THREADS` computes, on
an H200."""
_MOST_OF_A_BLOCK = 5.0
"""Microseconds up to which a block may do a phase together with what it needs all of."""


class Chain:
    """Phases that each block does one after another, on its parts of them.

    Attributes:
        phases: The phases in order.
        parts: Into how many parts each is cut; 0 where there is one phase, whose blocks take turns.
        stages: For each phase how many barriers stand before it.
    """

    def __init__(self, phases: Sequence[Phase], parts: int, needs: Needs):
        self.phases = list(phases)
        self.parts = parts if len(phases) > 1 else 0
        self.stages: dict[Phase, int] = {}
        stage: list[Phase] = []
        number = 0
        for phase in phases:
            if needs.before(phase) & set(stage):
                number, stage = number + 1, []
            stage.append(phase)
            self.stages[phase] = number

    def span(self, threads: int) -> Span:
        """Return what its blocks do where they have so many threads."""
        if not self.parts:
            return Span(threads, self.phases[0].blocks_alone(threads))
        blocks = min(self.parts, max(phase.blocks(threads) for phase in self.phases))
        return Span(threads, ceil_div(self.parts, ceil_div(self.parts, blocks)), self.parts)

    def microseconds(self, threads: int) -> float:
        """Return about how long blocks of so many threads take for it."""
        elements = sum(phase.work for phase in self.phases) / self.span(threads).blocks
        return _PHASE * len(self.phases) + _ELEMENT * elements * _THREADS / threads

    def comes_between(self, earlier: Phase, read: Access, later: Phase, write: Access) -> bool:
        """Tell whether what one phase reads of an array has been read before a later one writes over it."""
        return (
            self.stages[earlier] < self.stages[later]
            and earlier.is_local(read, self.parts)
            and later.is_local(write, self.parts)
        )


class Needs:
    """Which phases need which others to be done before, and because of which accesses.

    Args:
        phases: The phases in an order in which they can be done.
        replaced: Values that may be written over others, with what they replace: variables' new values. What reads
            the old value earlier in the order has to be done then.
    """

    def __init__(self, phases: Sequence[Phase], replaced: Mapping[Value, Value]):
        self._before: dict[Phase, dict[Phase, list[tuple[Access, Access]]]] = {phase: {} for phase in phases}
        writers: dict[Value, tuple[Phase, Access]] = {}
        readers: dict[Value, list[tuple[Phase, Access]]] = {}
        for phase in phases:
            for access in phase.writes:
                for earlier in readers.get(replaced.get(access.value, access.value), ()):
                    self._note(*earlier, phase, access)
            for access in phase.reads:
                root = phase.root(access.value)
                if root in writers:
                    self._note(*writers[root], phase, access)
                readers.setdefault(root, []).append((phase, access))
            writers.update((access.value, (phase, access)) for access in phase.writes)

    def _note(self, earlier: Phase, its: Access, later: Phase, access: Access) -> None:
        if earlier is not later:
            self._before[later].setdefault(earlier, []).append((its, access))

    def before(self, phase: Phase) -> KeysView[Phase]:
        """Return the phases that have to be done before one."""
        return self._before[phase].keys()

    def for_result(self, later: Phase, earlier: Phase) -> bool:
        """Tell whether a phase needs what an earlier one makes, not only that it is done."""
        return any(its in earlier.writes for its, _ in self._before[later][earlier])

    def is_local(self, later: Phase, earlier: Phase, parts: int) -> bool:
        """Tell whether each part of a phase needs only the part of an earlier one that is like it."""
        return all(
            earlier.is_local(its, parts) and later.is_local(own, parts)
            for its, own in self._before[later][earlier]
        )


def schedule(phases: Sequence[Phase], needs: Needs) -> list[list[Chain]]:
    """Return the launches that do some phases, each as chains that stand side by side in it."""
    ways = [_placed(phases, needs, together) for together in _Together]
    arrays = {value for phase in phases for value in _touched(phase)}
    if len(phases) > 1 and len(arrays) <= _MOST_ARRAYS:
        ways.append([[_Part(phases, 1)]])
    chains = ([[Chain(*chain, needs) for chain in launch] for launch in way] for way in ways)
    return min(chains, key=_microseconds)


def _microseconds(launches: Sequence[Sequence[Chain]]) -> float:
    return sum(_LAUNCH + max(chain.microseconds(_threads(chains)) for chain in chains) for chains in launches)


def _threads(chains: Sequence[Chain]) -> int:
    """Return how many threads each block of a launch has."""
    return _THREADS_ALONE if len(chains) == 1 and chains[0].parts == 1 else _THREADS


def _touched(phase: Phase) -> set[Value]:
    return {phase.root(a.value) for a in phase.reads} | {a.value for a in phase.writes}


class _Together(IntEnum):
    """When a single block does a phase together with what it needs all of."""

    NEVER = 0
    FOR_RESULTS = 1
    ALWAYS = 2


class _Part(NamedTuple):
    """A chain in the making: its phases, and into how many parts they are cut."""

    phases: Sequence[Phase]
    parts: int


def _placed(phases: Sequence[Phase], needs: Needs, together: _Together) -> list[list[_Part]]:
    """Return launches as lists of chains in the making."""
    launches = []
    numbers = {phase: number for number, phase in enumerate(phases)}
    left = list(phases)
    while left:
        homes: dict[Phase, _Part] = {}
        waiting: dict[Phase, None] = {}
        arrays: set[Value] = set()
        scratch = 0
        for phase in left:
            before = [other for other in needs.before(phase) if other in homes or other in waiting]
            joined = {member for other in before if other in homes for member in homes[other].phases}
            members = sorted(joined | {phase}, key=numbers.__getitem__)
            touched = _touched(phase)
            own = _SCRATCH if isinstance(phase, ReducePhase) else 0
            full = bool(homes) and len(arrays | touched) + scratch + own > _MOST_ARRAYS
            parts = 0
            if not full and not waiting.keys() & before:
                most = gcd(phase.parts, *(homes[other].parts for other in before))
                parts = _common_parts(members, phase, before, needs, most, together)
            if parts:
                homes.update(dict.fromkeys(members, _Part(members, parts)))
                arrays |= touched
                scratch += own
            else:
                waiting[phase] = None
        launches.append([home for phase, home in homes.items() if home.phases[0] is phase])
        left = list(waiting)
    return launches


def _common_parts(
    members: Sequence[Phase],
    last: Phase,
    before: Sequence[Phase],
    needs: Needs,
    most: int,
    together: _Together,
) -> int:
    """Return into how many parts phases can be cut so that a block can do one after another; 0 if they should not.

    Args:
        members: The phases.
        last: The one that is added to the others.
        before: Those of them that it needs.
        needs: Who needs whom.
        most: The greatest number of parts that all of them can be cut into as far as they go by themselves.
        together: When one part is enough.
    """
    if len(members) == 1:
        return most
    if most > 1 and all(needs.is_local(last, other, most) for other in before):
        blocks = min(most, max(phase.blocks(_THREADS) for phase in members))
        work = [phase.work for phase in members]
        if max(work) <= _LITTLE * blocks and sum(work) <= _LITTLE_IN_ALL:
            return most
    if together < _Together.ALWAYS and not all(needs.for_result(last, other) for other in before):
        return 0
    small = sum(_PHASE + _ELEMENT * phase.work for phase in members) <= _MOST_OF_A_BLOCK
    return int(small and together > _Together.NEVER)


def launch_of(chains: Sequence[Chain], name: str) -> Launch:
    """Write the kernel of a launch.

    Args:
        chains: Chains that do not depend on each other.
        name: What `explain` calls it.
    """
    threads = _threads(chains)
    arguments: dict[Value, str] = {}

    def pointer(value: Value) -> str:
        return arguments.setdefault(value, f"a{len(arguments)}")

    spans = [chain.span(threads) for chain in chains]
    bounds = [0, *accumulate(span.blocks for span in spans)]
    body: list[str] = []
    for number, (chain, span) in enumerate(zip(chains, spans, strict=True)):
        lines = _lines_of(chain, span, bounds[number], pointer)
        if len(chains) == 1:
            body += lines
            continue
        above = f"blockIdx.x >= {bounds[number]}u && " if number else ""
        body += [f"if ({above}blockIdx.x < {bounds[number + 1]}u) {{", *lines, "}"]
    phases = [phase for chain in chains for phase in chain.phases]
    writes = dict.fromkeys(v for p in phases for v in (*(a.value for a in p.writes), *p.scratch))
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
    return Launch(source, bounds[-1], threads, list(arguments), list(writes), name)


def _lines_of(chain: Chain, span: Span, first: int, pointer: Callable[[Value], str]) -> list[str]:
    """Return the statements of a chain whose blocks begin at a number."""
    bid = f"(int)blockIdx.x - {first}" if first else "(int)blockIdx.x"
    lines = [f"[[maybe_unused]] const int bid = {bid}, blocks = {span.blocks};"]
    if span.parts > 1:
        each = ceil_div(span.parts, span.blocks)
        end = f"begin + {each}" if span.parts % each == 0 else f"smaller(begin + {each}, {span.parts})"
        lines.append(f"const int begin = bid * {each}, end = {end};")
    stage = 0
    for phase in chain.phases:
        if chain.stages[phase] > stage:
            stage = chain.stages[phase]
            lines.append("__syncthreads();")
        lines += ["{", *phase.text(span, pointer), "}"]
    return lines
