"""Small steps in one launch: phases of kernels and small matrix products one after another in a single block.

A launch costs a GPU two microseconds and more, a barrier in a block a tenth of that. For steps that keep no more than
one of its processors busy, one block is the quickest.
"""

from __future__ import annotations

from collections.abc import Sequence

from kerasish.compiler.executors.cuda.code import decoded, encoded, in_registers, register_type
from kerasish.compiler.executors.cuda.kernels import CudaKernel, launch_of
from kerasish.compiler.executors.cuda.phases import Access, Phase, Sources
from kerasish.compiler.executors.cuda.reductions import team_total
from kerasish.compiler.executors.cuda.steps import Launch, Matrix, Product
from kerasish.compiler.graph import Op

_MOST_MULTIPLIED = 2**16
"""Multiplications of the largest product that one block does as fast as the library does."""
_SHORT_SUM = 64
"""Longest sums that threads form one by one as fast as the library's tiles do, where the matrices are small."""
_MOST_AT_ALL = 2**23
_LAUNCH, _PRODUCT = 3.0, 5.0
_GROUP, _PHASE, _ELEMENT, _MULTIPLICATION = 0.4, 0.2, 5e-5, 2e-5
"""Microseconds, about, on an H200."""


class ProductPhase(Phase):
    """A small matrix product: some lanes for each element of the result."""

    def __init__(self, step: Product, sources: Sources):
        super().__init__(sources)
        self.step = step
        self.reads = [Access(m.value, None, False) for m in (step.x, step.y)]
        self.writes = [Access(step.out.value, None, False)]
        self.inner = step.x.rows if step.x.transposed else step.x.columns
        self.outputs = step.count * step.out.rows * step.out.columns
        self.work = self.outputs * self.inner

    def blocks(self, threads: int) -> int:
        return min(-(-self.outputs * self._lanes(2**15) // threads), 1024)

    def _lanes(self, threads: int) -> int:
        """Return how many lanes work on each element where there are so many threads in all."""
        lanes = 1
        while lanes < 32 and 2 * lanes * self.outputs <= threads and 2 * lanes <= self.inner:
            lanes *= 2
        return lanes

    def _text(self, threads: int, blocks: int) -> list[str]:
        out, x, y = self.step.out, self.step.x, self.step.y
        lanes = self._lanes(threads if blocks == 1 else 2**15)
        dtype = in_registers(out.value.dtype)
        kind = register_type(dtype)
        factors = [
            decoded(f"{self._pointer(m.value)}[{_place(m, r, c)}]", m.value.dtype)
            for m, r, c in ((x, "row", "k"), (y, "k", "column"))
        ]
        target = f"{self._pointer(out.value)}[{_place(out, 'row', 'column')}]"
        at_once = threads // lanes
        return [
            f"for (int base = bid * {at_once}; base < {self.outputs}; base += blocks * {at_once}) {{",
            f"const int wanted = base + threadIdx.x / {lanes};",
            f"const bool mine = wanted < {self.outputs};",
            f"const int output = mine ? wanted : {self.outputs - 1};",
            f"const int rest = output / {out.columns}, column = output - rest * {out.columns};",
            f"[[maybe_unused]] const int matrix = rest / {out.rows};",
            f"const int row = rest - matrix * {out.rows};",
            f"{kind} total = 0;",
            "#pragma unroll 4",
            f"for (int k = threadIdx.x % {lanes}; k < {self.inner}; k += {lanes})",
            f"    total += {factors[0]} * {factors[1]};",
            *team_total("sum", "total", dtype, lanes, threads),
            f"if (mine && threadIdx.x % {lanes} == 0) {target} = {encoded('total', out.value.dtype)};",
            "}",
        ]


def _place(m: Matrix, row: str, column: str) -> str:
    if m.transposed:
        row, column = column, row
    stack = f" + matrix * {m.step}" if m.step else ""
    return f"{m.offset} + {row} * {m.stride} + {column}{stack}"


def small_phases(op: Op, sources: Sources) -> Sequence[Sequence[Phase]] | None:
    """Return what an operation does as groups of phases for one block; None where that is no small thing."""
    if isinstance(op.prim, CudaKernel):
        return op.prim.small_phases()
    phase = _product(op, sources)
    return [[phase]] if phase is not None and phase.work <= _MOST_MULTIPLIED else None


def _product(op: Op, sources: Sources) -> ProductPhase | None:
    """Return a product without anything else as a phase."""
    steps = getattr(op.prim, "steps", ())
    if len(steps) != 1 or not isinstance(steps[0], Product):
        return None
    step = steps[0]
    mixed = len({m.value.dtype for m in (step.out, step.x, step.y)}) > 1
    return None if step.bias is not None or step.accumulate or mixed else ProductPhase(step, sources)


def own_product(op: Op, sources: Sources) -> Launch | None:
    """Return a launch of its own kernel for a product of short sums; None for other operations."""
    phase = _product(op, sources)
    if phase is None or phase.inner > _SHORT_SUM or phase.work > _MOST_AT_ALL:
        return None
    return launch_of([[phase]], "short_product", alone=False)


def joined(ops: Sequence[tuple[Op, Sequence[Sequence[Phase]]]]) -> Launch | None:
    """Return one launch for operations that follow each other; None where several are quicker."""
    apart = sum(
        _LAUNCH * len(op.prim.launches) if isinstance(op.prim, CudaKernel) else _PRODUCT for op, _ in ops
    )
    groups = [group for _, own in ops for group in own]
    arrays = {a.value for group in groups for phase in group for a in (*phase.reads, *phase.writes)}
    if sum(map(_cost, groups)) > apart or len(arrays) > 400:
        return None
    names = dict.fromkeys(op.prim.name.removeprefix("fused_") for op, _ in ops)
    return launch_of(groups, "together_" + "_".join(names)[:80], alone=True)


def _cost(group: Sequence[Phase]) -> float:
    """Return about how many microseconds one block takes for a group of phases."""
    return _GROUP + sum(
        _PHASE + (_MULTIPLICATION if isinstance(p, ProductPhase) else _ELEMENT) * p.work for p in group
    )
