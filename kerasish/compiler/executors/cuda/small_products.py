"""Small matrix products as phases, which share launches with what comes before and after them.

The library's kernels are made for large products. For small ones, and for those of short sums, threads that each form
one element by themselves are as quick and save the launch. For few rows and long sums it is blocks whose warps each sum
a part: the library would leave most of the GPU idle, or sum parts in a launch of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from kerasish.compiler.executors.cuda.code import (
    decoded,
    encoded,
    in_registers,
    memory_type,
    register_type,
)
from kerasish.compiler.executors.cuda.phases import MOST_BLOCKS, PACK, Access, Phase, Sources, Span, ceil_div
from kerasish.compiler.executors.cuda.reductions import team_total
from kerasish.compiler.executors.cuda.steps import Matrix, Product

_MOST_MULTIPLIED = 2**16
"""Multiplications of the largest product of long sums that is a phase."""
_SHORT_SUM = 64
"""Longest sums that threads form one by one as fast as the library's tiles do, where the matrices are small."""
_MOST_AT_ALL = 2**23
_FEW_ROWS = 64
_MOST_OF_LONG_SUMS = 2**22
"""Rows of the result, and multiplications, up to which reading the second matrix for each two rows takes less time than
the library's two launches."""
_AT_ONCE = 16
"""Multiplications whose factors a thread asks for before it needs the first."""
_ROWS = 2
"""Rows that a warp of a long product works on: with more of them fewer blocks would share the work."""


class _Product(Phase):
    """A matrix product."""

    def __init__(self, step: Product, sources: Sources):
        super().__init__(sources)
        self.step = step
        self.reads = [Access(m.value, None, False) for m in (step.x, step.y)]
        self.writes = [Access(step.out.value, None, False)]
        self.inner = step.x.rows if step.x.transposed else step.x.columns
        self.outputs = step.count * step.out.rows * step.out.columns
        self.work = self.outputs * self.inner


class ProductPhase(_Product):
    """A small matrix product: some lanes for each element of the result."""

    def __init__(self, step: Product, sources: Sources):
        super().__init__(step, sources)
        self.parts = step.count if step.count > 1 else step.out.rows
        self.stands_alone = self.inner <= _SHORT_SUM

    def is_local(self, access: Access, parts: int) -> bool:
        if parts == 1:
            return True
        step = self.step
        if step.count == 1 and access is self.reads[1]:
            return False  # each row of the result needs all of the right factor
        places = zip((*self.reads, *self.writes), (step.x, step.y, step.out), strict=True)
        return all(_is_local(matrix, step.count, parts) for a, matrix in places if a is access)

    def blocks(self, threads: int) -> int:
        return min(-(-self.outputs * self._lanes(2**15, self.outputs) // threads), 1024)

    def _lanes(self, threads: int, outputs: int) -> int:
        """Return how many of so many threads work on each of so many elements."""
        lanes = 1
        while lanes < 32 and 2 * lanes * outputs <= threads and 2 * lanes <= self.inner:
            lanes *= 2
        return lanes

    def _text(self, span: Span) -> list[str]:
        out, x, y = self.step.out, self.step.x, self.step.y
        if span.parts:
            lanes = self._lanes(span.threads, span.most(self.outputs))
        else:
            lanes = self._lanes(2**15, self.outputs)
        dtype = in_registers(out.value.dtype)
        kind = register_type(dtype)
        factors = [
            decoded(f"{self._pointer(m.value)}[{_place(m, r, c)}]", m.value.dtype)
            for m, r, c in ((x, "row", "k"), (y, "k", "column"))
        ]
        target = f"{self._pointer(out.value)}[{_place(out, 'row', 'column')}]"
        begin, end, step = span.bounds(self.outputs, span.threads // lanes, "int")
        return [
            f"for (int base = {begin}; base < {end}; base += {step}) {{",
            f"const int wanted = base + threadIdx.x / {lanes};",
            f"const bool mine = wanted < {end};",
            f"const int output = mine ? wanted : {end} - 1;",
            f"const int rest = output / {out.columns}, column = output - rest * {out.columns};",
            f"[[maybe_unused]] const int matrix = rest / {out.rows};",
            f"const int row = rest - matrix * {out.rows};",
            f"{kind} total = 0;",
            *_summed(
                [f"total += {factors[0]} * {factors[1]};"],
                self.inner,
                f"threadIdx.x % {lanes}",
                lanes,
                _AT_ONCE,
            ),
            *team_total("sum", "total", dtype, lanes, span.threads),
            f"if (mine && threadIdx.x % {lanes} == 0) {target} = {encoded('total', out.value.dtype)};",
            "}",
        ]


def _summed(terms: Sequence[str], length: int, first: str, step: int, at_once: int) -> list[str]:
    """Return statements that add up terms for `k` from `first`, which is less than `step`, on.

    The compiler asks for many factors at once where it knows how often a loop runs: the last, which some threads do
    not have, stands apart.
    """
    whole = length // step
    lines = []
    if whole:
        lines += [
            f"#pragma unroll {at_once}",
            f"for (int n = 0; n < {whole}; n++) {{",
            f"const int k = n * {step} + {first};",
            *terms,
            "}",
        ]
    if length % step:
        lines += [
            f"if ({first} < {length % step}) {{",
            f"const int k = {whole * step} + {first};",
            *terms,
            "}",
        ]
    return lines


class LongProductPhase(_Product):
    """A product of few rows and long sums: a warp has a column of some rows in each lane, and sums a part."""

    @property
    def _tiles(self) -> tuple[int, int]:
        return ceil_div(self.step.out.rows, _ROWS), ceil_div(self.step.out.columns, 32)

    def blocks(self, threads: int) -> int:
        down, across = self._tiles
        return min(down * across, MOST_BLOCKS)

    def _text(self, span: Span) -> list[str]:
        out, x, y = self.step.out, self.step.x, self.step.y
        down, across = self._tiles
        memory, kind = memory_type(x.value.dtype), register_type(in_registers(out.value.dtype))
        a, b, c = (self._pointer(m.value) for m in (x, y, out))
        widest = min(4, PACK // x.value.dtype.itemsize)
        pack = next(
            n for n in (4, 2, 1) if n <= widest and not any(at % n for at in (x.columns, x.stride, x.offset))
        )
        warps = span.threads // 32
        begin, end, step = span.bounds(down * across, 1, "int")
        rows = range(_ROWS)
        lines = [
            f"for (int tile = {begin}; tile < {end}; tile += {step}) {{",
            "const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;",
            f"const int down = tile / {across}, wanted = (tile - down * {across}) * 32 + lane;",
            f"const int column = smaller(wanted, {out.columns - 1});",
            *[f"const int row{i} = smaller(down * {_ROWS} + {i}, {out.rows - 1});" for i in rows],
            *[f"{kind} total{i} = 0;" for i in rows],
        ]
        terms = []
        for i in rows:
            place = f"{a} + {x.offset} + row{i} * {x.stride} + k"
            terms.append(f"const Pack<{memory}, {pack}> x{i} = *(const Pack<{memory}, {pack}>*)({place});")
        for n in range(pack):
            factor = decoded(f"{b}[{y.offset} + (k + {n}) * {y.stride} + column]", y.value.dtype)
            terms.append(f"const {kind} y{n} = {factor};")
            terms += [f"total{i} += {decoded(f'x{i}.at[{n}]', x.value.dtype)} * y{n};" for i in rows]
        lines += _summed(terms, x.columns, f"warp * {pack}", warps * pack, _AT_ONCE // 2)
        lines.append(f"{kind}* shared = ({kind}*)room;")
        for i in rows:
            target = f"{c}[{out.offset} + row{i} * {out.stride} + column]"
            lines += [
                "__syncthreads();",
                f"shared[threadIdx.x] = total{i};",
                "__syncthreads();",
                f"if (warp == {i} && wanted < {out.columns} && down * {_ROWS} + {i} < {out.rows}) {{",
                f"{kind} sum = shared[lane];",
                f"for (int w = 1; w < {warps}; w++) sum += shared[w * 32 + lane];",
                f"{target} = {encoded('sum', out.value.dtype)};",
                "}",
            ]
        return [*lines, "}"]


def product_phase(step: Product, sources: Sources) -> ProductPhase | LongProductPhase | None:
    """Return a product without anything else as a phase; None where the library is to multiply."""
    matrices = (step.out, step.x, step.y)
    mixed = len({m.value.dtype for m in matrices}) > 1
    far = any(_last(m, step.count) >= 2**31 for m in matrices)
    if step.bias is not None or step.accumulate or mixed or far:
        return None
    phase = ProductPhase(step, sources)
    if phase.work <= (_MOST_AT_ALL if phase.stands_alone else _MOST_MULTIPLIED):
        return phase
    in_order = step.count == 1 and not (step.x.transposed or step.y.transposed)
    if in_order and step.out.rows <= _FEW_ROWS and phase.work <= _MOST_OF_LONG_SUMS:
        return LongProductPhase(step, sources)
    return None


def _place(m: Matrix, row: str, column: str) -> str:
    if m.transposed:
        row, column = column, row
    stack = f" + matrix * {m.step}" if m.step else ""
    return f"{m.offset} + {row} * {m.stride} + {column}{stack}"


def _last(m: Matrix, count: int) -> int:
    """Return the place of the last element of a stack of matrices."""
    return m.offset + (count - 1) * m.step + (m.rows - 1) * m.stride + m.columns - 1


def _is_local(m: Matrix, count: int, parts: int) -> bool:
    """Tell whether each part of the rows of a matrix, or of a stack of matrices, is the part of its array like it."""
    if m.offset:
        return False
    if count > 1:
        last = (m.rows - 1) * m.stride + m.columns
        return count % parts == 0 and m.step * count == m.value.size and last <= m.step
    return not m.transposed and m.rows % parts == 0 and m.rows * m.stride == m.value.size
