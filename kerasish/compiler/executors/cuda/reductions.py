"""Phases that reduce: rows that use what they sum up to, and reductions whose result is there afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from kerasish.compiler.executors.cuda.code import Code, combined, encoded, in_registers, register_type
from kerasish.compiler.executors.cuda.phases import (
    MOST_BLOCKS,
    Access,
    NestPhase,
    Place,
    Sources,
    Span,
    ceil_div,
    operands_of,
    split_index,
)
from kerasish.compiler.graph import Value
from kerasish.compiler.layout import Layout, identity
from kerasish.compiler.nests import Nest, Placed, operand_axes
from kerasish.compiler.scalar import BOOL, Scalar

_WHOLE_GPU = 132 * 2
"""Blocks that keep an H100 or H200 busy."""
_LONG_ROW = 2048
"""Columns from which on a whole block works on a row."""


class RowPhase(NestPhase):
    """Rows whose columns a team of lanes works on: what a row sums up to is used on that row at once.

    Args:
        stores: The operations whose results go to memory.
    """

    def __init__(
        self, sources: Sources, nest: Nest, layout: Layout, kept: set[Any], stores: Sequence[Placed]
    ):
        super().__init__(sources, nest, layout, kept)
        self.stores = list(stores)
        for p in self.stores:
            for y, axes in operands_of(p):
                self.note(y, axes)
            self.writes.append(Access(p.op.output, p.result_axes, layout.is_inner(p.result_axes)))
        self.rows, self.columns = layout.rows, layout.columns
        self.parts = layout.dims[0] if layout.split else 1
        self.work = self.rows * self.columns * 2
        self._passes = self._schedule()
        self._column: Place | None = None

    def _schedule(self) -> list[list[Placed]]:
        """Return the reductions over rows that are needed, those that can share a pass together."""
        number: dict[Any, int] = {}
        passes: dict[int, list[Placed]] = {}

        def after(key: Any) -> int:
            """Return how many passes must have run before the value is known."""
            if key in number:
                return number[key]
            p = self.placed.get(key)
            if p is None or key in self.kept:
                found = 0
            elif p.kind == "row":
                before = after((p.op.inputs[0], p.axes))
                passes.setdefault(before, []).append(p)
                found = before + 1
            else:
                found = max((after((y, operand_axes(p.op, y, p.axes))) for y in p.op.values), default=0)
            number[key] = found
            return found

        for p in self.stores:
            after((p.op.output, p.result_axes))
        return [passes[n] for n in sorted(passes)]

    def team(self, threads: int) -> int:
        """Return how many lanes work on a row."""
        if self.columns > _LONG_ROW:
            return threads
        lanes = 1
        while lanes < min(self.columns, 32):
            lanes *= 2
        return lanes

    def blocks(self, threads: int) -> int:
        return min(ceil_div(self.rows, threads // self.team(threads)), MOST_BLOCKS)

    def _text(self, span: Span) -> list[str]:
        threads = span.threads
        team = self.team(threads)
        split, dims = self.layout.split, self.layout.dims
        self._team, self._threads = team, threads
        start, row_code = self.code(), self.code()
        row_indices = split_index(row_code, "row", dims[:split], "i64")
        unknown = [""] * (len(dims) - split)
        indices = [*row_indices, *unknown]
        row = Place(self, row_code, indices, self.loader(row_code, indices), start)
        self._column = None
        if self.columns <= team:  # a lane has one column for good, and computes once what several passes need
            row_code.line(f"const int column = smaller(lane, {self.columns - 1});")
            self._column = self._inner_place(row, row_indices, row_code, row_code)
        for reductions in self._passes:
            self._pass(row, row_indices, reductions)
        self._last_pass(row, row_indices)
        first, end, step = span.bounds(self.rows, threads // team)
        return [
            *start.lines,
            f"for (i64 base = {first}; base < {end}; base += {step}) {{",
            f"const i64 wanted = base + threadIdx.x / {team};",
            f"[[maybe_unused]] const bool mine = wanted < {end};",
            f"[[maybe_unused]] const i64 row = mine ? wanted : {end} - 1;",
            f"[[maybe_unused]] const int lane = threadIdx.x % {team};",
            *row_code.lines,
            "}",
        ]

    def _columns(self, row: Place, row_indices: Sequence[str]) -> tuple[Code, Place, Code]:
        """Return the code that finds a column's indices, the place of the column, and the code that computes there."""
        if self._column is not None:
            return row.code, self._column, row.code
        head, body = self.code(), self.code()
        return head, self._inner_place(row, row_indices, head, body), body

    def _inner_place(self, row: Place, row_indices: Sequence[str], head: Code, body: Code) -> Place:
        inner = split_index(head, "column", self.layout.dims[self.layout.split :], "int")
        indices = [*row_indices, *inner]
        return Place(self, body, indices, self.loader(body, indices), row.start, row)

    def _loop(self, row: Place, head: Code, body: Code) -> None:
        """Write the loop over columns that code stands in, if there is one."""
        if self._column is None:
            loop = f"for (int column = lane; column < {self.columns}; column += {self._team}) {{"
            row.code.lines += [loop, *head.lines, *body.lines, "}"]

    def _pass(self, row: Place, row_indices: Sequence[str], reductions: Sequence[Placed]) -> None:
        head, place, body = self._columns(row, row_indices)
        totals = []
        for p in reductions:
            dtype, name = in_registers(p.op.output.dtype), row.code.fresh("t")
            start = row.code.const(identity(p.op.prim.name, dtype), dtype)
            if self._column is None:
                row.code.line(f"{register_type(dtype)} {name} = {start.ref};")
                x = body.cast(place.value(p.op.inputs[0], p.axes), p.op.output.dtype)
                body.line(f"{name} = {combined(p.op.prim.name[7:], dtype, name, x.ref)};")
            else:
                x = body.cast(place.value(p.op.inputs[0], p.axes), p.op.output.dtype)
                body.line(f"{register_type(dtype)} {name} = lane < {self.columns} ? {x.ref} : {start.ref};")
            totals.append((p, name, dtype))
        self._loop(row, head, body)
        for p, name, dtype in totals:
            row.code.lines += team_total(p.op.prim.name[7:], name, dtype, self._team, self._threads)
            row.known[p.op.output, p.result_axes] = row.code.cast(Scalar(name, dtype), p.op.output.dtype)

    def _last_pass(self, row: Place, row_indices: Sequence[str]) -> None:
        head, place, body = self._columns(row, row_indices)
        mine = "mine" if self._column is None else f"mine && lane < {self.columns}"
        inner = [p for p in self.stores if self.layout.is_inner(p.result_axes)]
        # All is read before anything is written, which may lie where something was read.
        values = [place.value(p.op.output, p.axes) for p in inner]
        for p, found in zip(inner, values, strict=True):
            value = p.op.output
            at = self.place(value, p.axes, place.indices)
            body.line(f"if ({mine}) {self.address(value)}[{at}] = {encoded(found.ref, value.dtype)};")
        if inner:
            self._loop(row, head, body)
        for p in self.stores:
            value = p.op.output
            if not self.layout.is_inner(p.result_axes):
                found = row.value(value, p.result_axes)
                at = self.place(value, p.result_axes, row.indices)
                row.code.line(
                    f"if (mine && lane == 0) {self.address(value)}[{at}] = {encoded(found.ref, value.dtype)};"
                )


class ReducePhase(NestPhase):
    """One reduction over axes of a nest.

    Where blocks take turns and one for an output is too few, several leave partial results, and the last of them adds
    those up.

    Args:
        p: The reduction.
    """

    def __init__(self, sources: Sources, nest: Nest, layout: Layout, kept: set[Any], p: Placed):
        super().__init__(sources, nest, layout, kept)
        self.p = p
        self.note(p.op.inputs[0], p.axes)
        self.writes.append(Access(p.op.output, None, False))
        axes = {a for a in p.axes if a >= 0}
        result = {a for a in p.result_axes if a >= 0}
        loops = [i for i, g in enumerate(layout.groups) if axes & set(g)]
        self._kept_loops = [i for i in loops if result & set(layout.groups[i])]
        self._reduced_loops = [i for i in loops if i not in self._kept_loops]
        self.outputs = prod(layout.dims[i] for i in self._kept_loops)
        self.inputs = prod(layout.dims[i] for i in self._reduced_loops)
        self.across = bool(loops) and loops[-1] in self._kept_loops and self.outputs > 1
        self.work = self.outputs * self.inputs
        self.parts = layout.dims[self._kept_loops[0]] if self._kept_loops else 1
        self.dtype = in_registers(p.op.output.dtype)

    def is_local(self, access: Access, parts: int) -> bool:
        if parts == 1:
            return True
        if access in self.writes:
            return self._runs_along(access._replace(axes=self.p.result_axes), self._kept_loops[0], parts)
        return self._kept_loops[0] == 0 and self._runs_along(access, 0, parts)

    def _splits(self, threads: int) -> int:
        """Return among how many blocks of so many threads each output is shared out, where there would be too few."""
        lanes = threads // 32 if self.across else self._team(threads)
        useful = max(1, self.inputs // (lanes * 8))
        return max(1, min(_WHOLE_GPU // self._tiles(threads), useful))

    def _team(self, threads: int) -> int:
        return threads if self.inputs > 1024 else 32

    def _tiles(self, threads: int) -> int:
        return ceil_div(self.outputs, 32 if self.across else threads // self._team(threads))

    def blocks(self, threads: int) -> int:
        return min(self._tiles(threads), MOST_BLOCKS)

    def blocks_alone(self, threads: int) -> int:
        splits = self._splits(threads)
        return self._tiles(threads) * splits if splits > 1 else self.blocks(threads)

    def _text(self, span: Span) -> list[str]:
        threads = span.threads
        kind, name = self.p.op.prim.name[7:], register_type(self.dtype)
        start, body = self.code(), self.code()
        kept = split_index(body, "output", [self.layout.dims[i] for i in self._kept_loops], "i64")
        head, inner = self.code(), self.code()
        reduced = split_index(head, "n", [self.layout.dims[i] for i in self._reduced_loops], "i64")
        indices = [""] * len(self.layout.dims)
        for loop, index in [
            *zip(self._kept_loops, kept, strict=True),
            *zip(self._reduced_loops, reduced, strict=True),
        ]:
            indices[loop] = index
        place = Place(self, inner, indices, self.loader(inner, indices), start)
        x = inner.cast(place.value(self.p.op.inputs[0], self.p.axes), self.p.op.output.dtype)
        nothing = body.const(identity(self.p.op.prim.name, self.dtype), self.dtype).ref
        tiles, splits = self._tiles(threads), 1 if span.parts else self._splits(threads)
        team = 32 if self.across else self._team(threads)
        lanes = threads // 32 if self.across else team
        width = 32 if self.across else threads // team
        lane, own = (
            ("threadIdx.x / 32", "threadIdx.x % 32")
            if self.across
            else (f"threadIdx.x % {team}", f"threadIdx.x / {team}")
        )
        begin, end, step = span.bounds(self.outputs, width)
        first = lane if splits == 1 else f"part * {lanes} + {lane}"
        shares = [
            f"for (i64 unit = bid; unit < {tiles * splits}ll; unit += blocks) {{",
            f"const i64 tile = unit % {tiles}, part = unit / {tiles}, base = tile * {width};",
        ]
        lines = [
            *start.lines,
            *(shares if splits > 1 else [f"for (i64 base = {begin}; base < {end}; base += {step}) {{"]),
            f"const i64 wanted = base + {own};",
            f"[[maybe_unused]] const bool mine = wanted < {end};",
            f"[[maybe_unused]] const i64 output = mine ? wanted : {end} - 1;",
            *body.lines,
            f"{name} total = {nothing};",
            "#pragma unroll 4",
            f"for (i64 n = {first}; n < {self.inputs}ll; n += {lanes * splits}ll) {{",
            *head.lines,
            *inner.lines,
            f"total = {combined(kind, self.dtype, 'total', x.ref)};",
            "}",
        ]
        lines += self._within_block(kind, threads, team)
        out = f"{self._pointer(self.p.op.output)}[{self._output_place(kept)}]"
        leader = "mine && threadIdx.x / 32 == 0" if self.across else f"mine && threadIdx.x % {team} == 0"
        result = f"if ({leader}) {out} = {encoded('total', self.p.op.output.dtype)};"
        self.scratch = [Value((splits, self.outputs), self.dtype)] if splits > 1 else []
        if splits == 1:
            return [*lines, result, "}"]
        partials = self._pointer(self.scratch[0])
        added = [
            f"total = {nothing};",
            f"for (i64 s = {lane}; s < {splits}; s += {lanes}) {{",
            f"const {name} x = ((volatile {name}*){partials})[s * {self.outputs}ll + output];",
            f"total = {combined(kind, self.dtype, 'total', 'x')};",
            "}",
            *self._within_block(kind, threads, team),
            result,
        ]
        left = f"if ({leader}) {partials}[part * {self.outputs}ll + output] = total;"
        return [*lines, left, *self._by_the_last(added, tiles, splits), "}"]

    def _by_the_last(self, statements: Sequence[str], tiles: int, splits: int) -> list[str]:
        """Return statements for the last of the blocks that share a tile, behind what all of them have written."""
        zeros = np.zeros(tiles, np.uint32)  # as every run leaves them
        tickets = self._pointer(Value(zeros.shape, zeros.dtype, "constant", zeros))
        return [
            "__threadfence();",
            "__shared__ bool last;",
            "__syncthreads();",
            f"if (threadIdx.x == 0) last = atomicAdd(&{tickets}[tile], 1u) == {splits - 1}u;",
            "__syncthreads();",
            "if (last) {",
            "__threadfence();",
            *statements,
            f"if (threadIdx.x == 0) {tickets}[tile] = 0u;",
            "}",
        ]

    def _output_place(self, kept: Sequence[str]) -> str:
        indices = [""] * len(self.layout.dims)
        for loop, index in zip(self._kept_loops, kept, strict=True):
            indices[loop] = index
        return self.place(self.p.op.output, self.p.result_axes, indices)

    def _within_block(self, kind: str, threads: int, team: int) -> list[str]:
        """Combine what the threads that work on one output have."""
        if not self.across:
            return team_total(kind, "total", self.dtype, team, threads)
        shared = "shared"
        return [
            "{",
            f"{register_type(self.dtype)}* shared = ({register_type(self.dtype)}*)room;",
            "__syncthreads();",
            f"{shared}[threadIdx.x] = total;",
            "__syncthreads();",
            f"for (int half = {threads // 2}; half >= 32; half /= 2) {{",
            f"if (threadIdx.x < half) {shared}[threadIdx.x] = "
            f"{combined(kind, self.dtype, f'{shared}[threadIdx.x]', f'{shared}[threadIdx.x + half]')};",
            "__syncthreads();",
            "}",
            f"total = {shared}[threadIdx.x % 32];",
            "}",
        ]


def team_total(kind: str, name: str, dtype: np.dtype, team: int, threads: int) -> list[str]:
    """Return statements that give every lane of a team the combination of what its lanes have in `name`."""
    wide = "int" if dtype == BOOL or dtype.itemsize < 4 else register_type(dtype)
    cast = f"({register_type(dtype)})"

    def shuffles(lanes: int) -> list[str]:
        if lanes == 1:
            return []
        other = f"{cast}__shfl_xor_sync(0xffffffffu, ({wide}){name}, half, {lanes})"
        return [
            f"for (int half = {lanes // 2}; half; half /= 2) {name} = {combined(kind, dtype, name, other)};"
        ]

    if team <= 32:
        return shuffles(team)
    warps = threads // 32
    return [
        *shuffles(32),
        "{",
        f"{register_type(dtype)}* shared = ({register_type(dtype)}*)room;",
        "__syncthreads();",
        f"if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = {name};",
        "__syncthreads();",
        f"{name} = shared[0];",
        f"for (int w = 1; w < {warps}; w++) {name} = {combined(kind, dtype, name, 'shared[w]')};",
        "}",
    ]
