"""Phases: the loop nests of a kernel as CUDA C++, each for all threads of some blocks.

A phase is written for block `bid` of `blocks` with `THREADS` threads each, so that the same text can be a kernel of its
own, share a launch with phases that do not depend on it, or stand between barriers in a single block.

There are four kinds: elementwise work, a thread for each pack of elements; rows, each computed by a team of lanes that
reduce over its columns by shuffles; reductions, whose partial results the last block to finish adds up in a fixed
order; and random bits. Single numbers are computed again by every thread that needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np

from kerasish.compiler.executors.cuda.code import (
    Code,
    applied,
    combined,
    decoded,
    encoded,
    in_registers,
    memory_type,
    register_type,
)
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.layout import Layout, contiguous_strides, identity
from kerasish.compiler.nests import Axes, Bits, Grouping, Nest, Placed, operand_axes
from kerasish.compiler.scalar import BOOL, INT32, Scalar

_PACK = 16
"""Bytes that a thread reads or writes at once."""
_MOST_BLOCKS = 132 * 16
_WHOLE_GPU = 132 * 2
_LONG_ROW = 2048
"""Columns from which on a whole block works on a row."""


class View(NamedTuple):
    """Where the elements of a value lie in the memory of another: in elements, from its first."""

    root: Value
    offset: int
    strides: tuple[int, ...]


class Access(NamedTuple):
    """A read or a write of memory; `axes` is None where any thread may touch any element."""

    value: Value
    axes: Axes | None
    inner: bool


class Sources:
    """What the phases of a kernel compute with: where values lie, and the kernel's own operations.

    Args:
        grouping: The kernel's operations in nests.
        views: Where values lie that are no arrays of their own.
    """

    def __init__(self, grouping: Grouping, views: Mapping[Value, View]):
        self.grouping = grouping
        self.numbers = {op.output: op for _, op in grouping.scalars}
        self._views = views

    def view(self, value: Value) -> View:
        found = self._views.get(value)
        return View(value, 0, tuple(contiguous_strides(value.shape))) if found is None else found


class Phase:
    """One phase of a kernel.

    Attributes:
        reads: What it reads from memory.
        writes: What it writes.
        scratch: Arrays that it works in, which nothing else needs.
        work: About how many elements it touches.
    """

    def __init__(self, sources: Sources):
        self.sources = sources
        self.reads: list[Access] = []
        self.writes: list[Access] = []
        self.scratch: list[Value] = []
        self.work = 1
        self._numbers = count()
        self._scalars: dict[Value, Scalar] = {}
        self._pointers: dict[Value, str] = {}

    def blocks(self, threads: int) -> int:
        """Return how many blocks of so many threads it should have."""
        raise NotImplementedError

    def text(self, threads: int, blocks: int, pointer: Callable[[Value], str]) -> list[str]:
        """Return its statements; `pointer` names the address of an array."""
        self._scalars = {}
        self._numbers = count()
        self._pointer = pointer
        return self._text(threads, blocks)

    def _text(self, threads: int, blocks: int) -> list[str]:
        raise NotImplementedError

    def code(self) -> Code:
        return Code(self._numbers)

    # Single numbers

    def scalar(self, code: Code, x: Value) -> Scalar:
        """Return a single number, computed by operations of the kernel or read from memory."""
        found = self._scalars.get(x)
        if found is None:
            found = self._scalars[x] = self._number(code, x)
        return found

    def _number(self, code: Code, x: Value) -> Scalar:
        if x.kind == "constant":
            return code.const(_item(x), x.dtype)
        op = self.sources.numbers.get(x)
        if op is None:
            view = self.sources.view(x)
            return code.named(decoded(f"{self._pointer(view.root)}[{view.offset}]", x.dtype), x.dtype)
        if op.prim.name == "iota":
            return code.const(0, x.dtype)
        operands = [self.scalar(code, y) if type(y) is Value else y for y in op.inputs]
        return applied(code, op, operands)

    def _note_numbers(self, values: Iterator[Value] | Sequence[Value]) -> None:
        """Note what is read from memory for single numbers."""
        for x in values:
            if x.size != 1 or x.kind == "constant":
                continue
            op = self.sources.numbers.get(x)
            if op is None:
                self.reads.append(Access(x, None, False))
            else:
                self._note_numbers(list(op.values))


class ScalarsPhase(Phase):
    """Stores single numbers."""

    def __init__(self, sources: Sources, values: Sequence[Value]):
        super().__init__(sources)
        self.values = list(values)
        self._note_numbers(self.values)
        self.writes = [Access(v, None, False) for v in self.values]

    def blocks(self, threads: int) -> int:
        return 1

    def _text(self, threads: int, blocks: int) -> list[str]:
        code = self.code()
        found = [(self.scalar(code, v), v) for v in self.values]  # all are read before any is written
        for x, v in found:
            code.line(f"{self._pointer(v)}[0] = {encoded(x.ref, v.dtype)};")
        return ["if (bid == 0 && threadIdx.x == 0) {", *code.lines, "}"]


class BitsPhase(Phase):
    """Fills an array with random bits, eight numbers a thread."""

    def __init__(self, sources: Sources, op: Op):
        super().__init__(sources)
        self.op = op
        self.work = op.output.size * 4
        self.reads = [Access(op.inputs[0], None, False)]
        self.writes = [Access(op.output, None, False)]

    def blocks(self, threads: int) -> int:
        return min(_ceil(_ceil(self.op.output.size, 8), threads), _MOST_BLOCKS)

    def _text(self, threads: int, blocks: int) -> list[str]:
        size, seed = self.op.output.size, self.sources.view(self.op.inputs[0])
        keys = [f"(u64){self._pointer(seed.root)}[{seed.offset + i * seed.strides[0]}]" for i in range(2)]
        out = self._pointer(self.op.output)
        whole = [
            f"*(Pack<u64, 2>*)({out} + i * 8 + {4 * j}) = {{{{words[{2 * j}], words[{2 * j + 1}]}}}};"
            for j in range(2)
        ]
        store = [
            f"for (i64 k = 0; k < 8 && i * 8 + k < {size}; k++)",
            f"    {out}[i * 8 + k] = (u32)(words[k >> 1] >> (32 * (k & 1)));",
        ]
        if size % 8 == 0:
            store = whole
        elif size > 8:
            store = [f"if (i * 8 + 8 <= {size}) {{", *whole, "} else {", *store, "}"]
        return [
            f"const u64 k0 = {keys[0]}, k1 = {keys[1]};",
            f"for (i64 i = (i64)bid * {threads} + threadIdx.x; i < {_ceil(size, 8)}; i += (i64)blocks * {threads}) {{",
            "u64 words[4];",
            "philox(i, k0, k1, words);",
            *store,
            "}",
        ]


class NestPhase(Phase):
    """A phase over the elements of a nest.

    Args:
        sources: What it computes with.
        nest: The nest.
        layout: Its loops.
        kept: Results of the nest that are in memory once an earlier phase has run.
    """

    def __init__(self, sources: Sources, nest: Nest, layout: Layout, kept: set[Any]):
        super().__init__(sources)
        self.nest = nest
        self.layout = layout
        self.kept = kept
        self.placed = {(p.op.output, p.result_axes): p for p in nest.placed if p.kind != "after"}
        self._noted: set[Any] = set()

    # Where elements lie

    def strides(self, x: Value, axes: Axes) -> list[int]:
        """Return how far apart neighbors along each loop are in memory."""
        return self.layout.strides(axes, self.sources.view(x).strides)

    def place(self, x: Value, axes: Axes, indices: Sequence[str]) -> str:
        """Return the text of an element's place in memory."""
        offset = self.sources.view(x).offset
        terms = [str(offset)] if offset else []
        for index, stride in zip(indices, self.strides(x, axes), strict=True):
            if stride:
                terms.append(index if stride == 1 else f"{index} * {stride}")
        return " + ".join(terms) or "0"

    def address(self, x: Value) -> str:
        return self._pointer(self.sources.view(x).root)

    def loader(self, code: Code, indices: Sequence[str]) -> Callable[[Value, Axes], Scalar]:
        """Return what writes reads of single elements at these indices."""
        return lambda x, axes: code.named(
            decoded(f"{self.address(x)}[{self.place(x, axes, indices)}]", x.dtype), x.dtype
        )

    # What is read

    def note(self, x: Value, axes: Axes) -> None:
        """Note what is read to compute `x` along `axes`."""
        if (x, axes) in self._noted:
            return
        self._noted.add((x, axes))
        maker = self.placed.get((x, axes))
        if x.size == 1 and maker is None:
            self._note_numbers([x])
        elif maker is None or (x, axes) in self.kept:
            self.reads.append(Access(x, axes, self.layout.is_inner(axes)))
        else:
            for y, its_axes in _operands(maker):
                self.note(y, its_axes)

    def loads(self) -> list[tuple[Value, Axes]]:
        """Return what it reads from arrays, with the axes along which."""
        return [(a.value, a.axes) for a in self.reads if a.axes is not None]


class _Place:
    """Computes values at one place of a nest: of a row, or of an element in it.

    Args:
        phase: The phase.
        code: Where statements go.
        indices: Names of the loops' indices.
        load: Writes a read of memory.
        start: Where single numbers are computed.
        outer: The place of the row, for what does not change within it.
    """

    def __init__(
        self,
        phase: NestPhase,
        code: Code,
        indices: Sequence[str],
        load: Callable[[Value, Axes], Scalar],
        start: Code,
        outer: _Place | None = None,
    ):
        self.phase = phase
        self.code = code
        self.indices = indices
        self.known: dict[Any, Scalar] = {}
        self._load = load
        self.start = start
        self._outer = outer

    def value(self, x: Value, axes: Axes) -> Scalar:
        key, phase = (x, axes), self.phase
        maker = phase.placed.get(key)
        if x.size == 1 and maker is None:
            return phase.scalar(self.start, x)
        if self._outer is not None and not phase.layout.is_inner(axes):
            return self._outer.value(x, axes)
        found = self.known.get(key)
        if found is None:
            if maker is None or key in phase.kept:
                found = self._load(x, axes)
            else:
                assert maker.kind == "map", maker.op
                found = self._computed(maker)
            self.known[key] = found
        return found

    def _computed(self, p: Placed) -> Scalar:
        op = p.op
        if op.prim.name == "iota":
            axis, layout = p.axes[op.params["axis"]], self.phase.layout
            loop = next((i for i, g in enumerate(layout.groups) if axis in g), None)
            if loop is None:
                return self.code.const(0, INT32)
            return self.code.named(f"(int)({self.indices[loop]})", INT32)
        operands = [self.value(x, operand_axes(op, x, p.axes)) if type(x) is Value else x for x in op.inputs]
        return applied(self.code, op, operands)


class MapPhase(NestPhase):
    """Elementwise work: a thread for each pack of elements that lie side by side.

    Args:
        stores: What it writes: the operations whose results go to memory.
    """

    def __init__(
        self, sources: Sources, nest: Nest, layout: Layout, kept: set[Any], stores: Sequence[Placed]
    ):
        super().__init__(sources, nest, layout, kept)
        self.stores = list(stores)
        for p in self.stores:
            for y, axes in _operands(p):
                self.note(y, axes)
            self.writes.append(Access(p.op.output, p.axes, True))
        self.total = prod(layout.dims)
        self.pack = self._pack()
        self.work = self.total * max(1, len(self.reads) + len(self.writes)) // 2

    def _pack(self) -> int:
        """Return how many neighbors a thread can take at once."""
        touched = [*self.loads(), *((p.op.output, p.axes) for p in self.stores)]
        if not self.layout.dims or not touched:
            return 1
        pack = max(1, _PACK // max(x.dtype.itemsize for x, _ in touched))
        while pack > 1 and not all(self._fits(pack, x, axes) for x, axes in touched):
            pack //= 2
        return pack

    def _fits(self, pack: int, x: Value, axes: Axes) -> bool:
        *outer, inner = self.strides(x, axes)
        if self.layout.dims[-1] % pack or inner not in (0, 1):
            return False
        return inner == 0 or (self.sources.view(x).offset % pack == 0 and all(s % pack == 0 for s in outer))

    def blocks(self, threads: int) -> int:
        return min(_ceil(self.total // self.pack, threads), _MOST_BLOCKS)

    def _text(self, threads: int, blocks: int) -> list[str]:
        pack, dims = self.pack, list(self.layout.dims)
        number = "int" if self.total < 2**31 and self._spans_fit() else "i64"
        start, head, tail = self.code(), self.code(), self.code()
        indices = _split_index(head, "i", [*dims[:-1], dims[-1] // pack] if dims else [], number)
        body = self.code()
        packs: dict[Any, str] = {}

        def load(x: Value, axes: Axes) -> Scalar:
            inner = self.strides(x, axes)[-1] if dims else 0
            at = [*indices[:-1], f"{indices[-1]} * {pack}"] if dims and pack > 1 else indices
            address = f"{self.address(x)} + {self.place(x, axes, at)}"
            if pack == 1 or inner == 0:
                return head.named(decoded(f"*({address})", x.dtype), x.dtype)
            name = packs.get((x, axes))
            if name is None:
                kind = f"Pack<{memory_type(x.dtype)}, {pack}>"
                name = packs[x, axes] = head.fresh("p")
                head.line(f"const {kind} {name} = *(const {kind}*)({address});")
            return body.named(decoded(f"{name}.at[k]", x.dtype), x.dtype)

        inside = [*indices[:-1], f"({indices[-1]} * {pack} + k)"] if pack > 1 else indices
        place = _Place(self, body, inside, load, start)
        for p in self.stores:
            found = place.value(p.op.output, p.axes)
            value, kind = p.op.output, memory_type(p.op.output.dtype)
            at = [*indices[:-1], f"{indices[-1]} * {pack}"] if dims and pack > 1 else indices
            address = f"{self.address(value)} + {self.place(value, p.axes, at)}"
            if pack == 1:
                tail.line(f"*({address}) = {encoded(found.ref, value.dtype)};")
                continue
            name = head.fresh("q")
            head.line(f"Pack<{kind}, {pack}> {name};")
            body.line(f"{name}.at[k] = {encoded(found.ref, value.dtype)};")
            tail.line(f"*(Pack<{kind}, {pack}>*)({address}) = {name};")
        if pack > 1:
            body.lines[:] = ["#pragma unroll", f"for (int k = 0; k < {pack}; k++) {{", *body.lines, "}"]
        first = f"({number})bid * {threads} + threadIdx.x"
        return [
            *start.lines,
            f"for ({number} i = {first}; i < {self.total // pack}; i += ({number})blocks * {threads}) {{",
            *head.lines,
            *body.lines,
            *tail.lines,
            "}",
        ]

    def _spans_fit(self) -> bool:
        touched = [*self.loads(), *((p.op.output, p.axes) for p in self.stores)]
        return all(_span(self.sources.view(x), x.shape) < 2**31 for x, _ in touched)


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
            for y, axes in _operands(p):
                self.note(y, axes)
            self.writes.append(Access(p.op.output, p.result_axes, layout.is_inner(p.result_axes)))
        self.rows, self.columns = layout.rows, layout.columns
        self.work = self.rows * self.columns * 2
        self._passes = self._schedule()

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
        return min(_ceil(self.rows, threads // self.team(threads)), _MOST_BLOCKS)

    def _text(self, threads: int, blocks: int) -> list[str]:
        team = self.team(threads)
        split, dims = self.layout.split, self.layout.dims
        self._team, self._threads = team, threads
        start, row_code = self.code(), self.code()
        row_indices = _split_index(row_code, "row", dims[:split], "i64")
        unknown = [""] * (len(dims) - split)
        indices = [*row_indices, *unknown]
        row = _Place(self, row_code, indices, self.loader(row_code, indices), start)
        for reductions in self._passes:
            self._pass(row, row_indices, reductions)
        self._last_pass(row, row_indices)
        step = threads // team
        return [
            *start.lines,
            f"for (i64 base = (i64)bid * {step}; base < {self.rows}; base += (i64)blocks * {step}) {{",
            f"const i64 wanted = base + threadIdx.x / {team};",
            f"[[maybe_unused]] const bool mine = wanted < {self.rows};",
            f"[[maybe_unused]] const i64 row = mine ? wanted : {self.rows - 1};",
            f"[[maybe_unused]] const int lane = threadIdx.x % {team};",
            *row_code.lines,
            "}",
        ]

    def _columns(self, row: _Place, row_indices: Sequence[str]) -> tuple[Code, _Place, Code]:
        """Return the code of a loop over columns, a place in it, and the code that finds its indices."""
        head, body = self.code(), self.code()
        inner = _split_index(head, "column", self.layout.dims[self.layout.split :], "int")
        indices = [*row_indices, *inner]
        return head, _Place(self, body, indices, self.loader(body, indices), row.start, row), body

    def _loop(self, head: Code, body: Code) -> list[str]:
        loop = f"for (int column = lane; column < {self.columns}; column += {self._team}) {{"
        return [loop, *head.lines, *body.lines, "}"]

    def _pass(self, row: _Place, row_indices: Sequence[str], reductions: Sequence[Placed]) -> None:
        head, place, body = self._columns(row, row_indices)
        totals = []
        for p in reductions:
            dtype, name = in_registers(p.op.output.dtype), row.code.fresh("t")
            start = row.code.const(identity(p.op.prim.name, dtype), dtype)
            row.code.line(f"{register_type(dtype)} {name} = {start.ref};")
            x = body.cast(place.value(p.op.inputs[0], p.axes), p.op.output.dtype)
            body.line(f"{name} = {combined(p.op.prim.name[7:], dtype, name, x.ref)};")
            totals.append((p, name, dtype))
        row.code.lines += self._loop(head, body)
        for p, name, dtype in totals:
            row.code.lines += team_total(p.op.prim.name[7:], name, dtype, self._team, self._threads)
            row.known[p.op.output, p.result_axes] = row.code.cast(Scalar(name, dtype), p.op.output.dtype)

    def _last_pass(self, row: _Place, row_indices: Sequence[str]) -> None:
        head, place, body = self._columns(row, row_indices)
        for p in self.stores:
            value = p.op.output
            if self.layout.is_inner(p.result_axes):
                found = place.value(value, p.axes)
                at = self.place(value, p.axes, place.indices)
                body.line(f"if (mine) {self.address(value)}[{at}] = {encoded(found.ref, value.dtype)};")
        if body.lines:
            row.code.lines += self._loop(head, body)
        for p in self.stores:
            value = p.op.output
            if not self.layout.is_inner(p.result_axes):
                found = row.value(value, p.result_axes)
                at = self.place(value, p.result_axes, row.indices)
                row.code.line(
                    f"if (mine && lane == 0) {self.address(value)}[{at}] = {encoded(found.ref, value.dtype)};"
                )


class ReducePhase(NestPhase):
    """One reduction over axes of a nest, with partial results where one block for an output is too few.

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
        self.dtype = in_registers(p.op.output.dtype)
        self.splits = 1
        self._partials: Value | None = None
        self._tickets: Value | None = None

    def spread(self, threads: int) -> None:
        """Share each output out among several blocks where there would be too few otherwise."""
        tiles = self._tiles(threads)
        lanes = threads // 32 if self.across else self._team(threads)
        useful = max(1, self.inputs // (lanes * 8))
        self.splits = max(1, min(_WHOLE_GPU // tiles, useful))
        if self.splits > 1:
            self._partials = Value((self.splits, self.outputs), self.dtype)
            zeros = np.zeros(tiles, np.uint32)
            self._tickets = Value(zeros.shape, zeros.dtype, "constant", zeros)
            self.scratch = [self._partials]

    def gather(self) -> None:
        """Let one block do all."""
        self.splits, self.scratch, self._partials, self._tickets = 1, [], None, None

    def _team(self, threads: int) -> int:
        return threads if self.inputs > 1024 else 32

    def _tiles(self, threads: int) -> int:
        return _ceil(self.outputs, 32 if self.across else threads // self._team(threads))

    def blocks(self, threads: int) -> int:
        tiles = self._tiles(threads)
        return tiles * self.splits if self.splits > 1 else min(tiles, _MOST_BLOCKS)

    @property
    def tickets(self) -> Value | None:
        """Counters of the blocks that are done, which every run leaves at zero."""
        return self._tickets

    def _text(self, threads: int, blocks: int) -> list[str]:
        kind, name = self.p.op.prim.name[7:], register_type(self.dtype)
        start, body = self.code(), self.code()
        kept = _split_index(body, "output", [self.layout.dims[i] for i in self._kept_loops], "i64")
        head, inner = self.code(), self.code()
        reduced = _split_index(head, "n", [self.layout.dims[i] for i in self._reduced_loops], "i64")
        indices = [""] * len(self.layout.dims)
        for loop, index in [
            *zip(self._kept_loops, kept, strict=True),
            *zip(self._reduced_loops, reduced, strict=True),
        ]:
            indices[loop] = index
        place = _Place(self, inner, indices, self.loader(inner, indices), start)
        x = inner.cast(place.value(self.p.op.inputs[0], self.p.axes), self.p.op.output.dtype)
        nothing = body.const(identity(self.p.op.prim.name, self.dtype), self.dtype).ref
        tiles, splits = self._tiles(threads), self.splits
        team = 32 if self.across else self._team(threads)
        lanes = threads // 32 if self.across else team
        first = "threadIdx.x / 32" if self.across else f"threadIdx.x % {team}"
        which = (
            "tile * 32 + threadIdx.x % 32"
            if self.across
            else f"tile * {threads // team} + threadIdx.x / {team}"
        )
        lines = [
            *start.lines,
            f"for (i64 unit = bid; unit < {tiles * splits}ll; unit += blocks) {{",
            f"[[maybe_unused]] const i64 tile = unit % {tiles}, part = unit / {tiles};",
            f"const i64 wanted = {which};",
            f"[[maybe_unused]] const bool mine = wanted < {self.outputs}ll;",
            f"[[maybe_unused]] const i64 output = mine ? wanted : {self.outputs - 1}ll;",
            *body.lines,
            f"{name} total = {nothing};",
            "#pragma unroll 4",
            f"for (i64 n = part * {lanes} + {first}; n < {self.inputs}ll; n += {lanes * splits}ll) {{",
            *head.lines,
            *inner.lines,
            f"total = {combined(kind, self.dtype, 'total', x.ref)};",
            "}",
        ]
        lines += self._within_block(kind, threads, team)
        out = f"{self._pointer(self.p.op.output)}[{self._output_place(kept)}]"
        leader = "mine && threadIdx.x / 32 == 0" if self.across else f"mine && threadIdx.x % {team} == 0"
        result = encoded("total", self.p.op.output.dtype)
        if splits == 1:
            lines += [f"if ({leader}) {out} = {result};", "}"]
            return lines
        partials, tickets = self._pointer(self._partials), self._pointer(self._tickets)
        lines += [
            f"if ({leader}) {partials}[part * {self.outputs}ll + output] = total;",
            "__threadfence();",
            "__shared__ bool last;",
            "__syncthreads();",
            f"if (threadIdx.x == 0) last = atomicAdd(&{tickets}[tile], 1u) == {splits - 1}u;",
            "__syncthreads();",
            "if (last) {",
            "__threadfence();",
            f"total = {nothing};",
            f"for (i64 s = {first}; s < {splits}; s += {lanes})",
            f"    total = {combined(kind, self.dtype, 'total', f'((volatile {name}*){partials})[s * {self.outputs}ll + output]')};",
            *self._within_block(kind, threads, team),
            f"if ({leader}) {out} = {result};",
            f"if (threadIdx.x == 0) {tickets}[tile] = 0u;",
            "}",
            "}",
        ]
        return lines

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
    shared, kept = "shared", "w"
    warps = threads // 32
    return [
        *shuffles(32),
        "{",
        f"{register_type(dtype)}* shared = ({register_type(dtype)}*)room;",
        "__syncthreads();",
        f"if (threadIdx.x % 32 == 0) {shared}[threadIdx.x / 32] = {name};",
        "__syncthreads();",
        f"{name} = {shared}[0];",
        f"for (int {kept} = 1; {kept} < {warps}; {kept}++) {name} = {combined(kind, dtype, name, f'{shared}[{kept}]')};",
        "}",
    ]


def _split_index(code: Code, name: str, dims: Sequence[int], number: str) -> list[str]:
    """Write the indices along several axes for a number that counts their elements; return their names."""
    if not dims:
        return []
    if len(dims) == 1:
        return [name]
    indices = []
    rest = name
    for dim in reversed(dims[1:]):
        index, following = code.fresh("x"), code.fresh("r")
        code.line(f"const {number} {following} = {rest} / {dim}, {index} = {rest} - {following} * {dim};")
        indices.append(index)
        rest = following
    return [rest, *reversed(indices)]


def _span(view: View, shape: tuple[int, ...]) -> int:
    """Return a bound on the places that a view's elements lie at."""
    return view.offset + sum((n - 1) * abs(s) for n, s in zip(shape, view.strides, strict=True))


def _item(x: Value) -> Any:
    return x.data.item()


def _ceil(x: int, y: int) -> int:
    return -(-x // y)


# From nests to phases


def phases_of(grouping: Grouping, sources: Sources, needed: set[Value]) -> list[Phase]:
    """Return the phases of a kernel in order.

    Args:
        grouping: Its operations in nests.
        sources: What they compute with.
        needed: What has to be in memory after it.
    """
    phases: list[Phase] = []
    for nest in grouping.nests:
        if isinstance(nest, Bits):
            phases.append(BitsPhase(sources, nest.op))
        else:
            phases += _phases_of_nest(nest, grouping, sources)
    numbers = [op.output for _, op in grouping.scalars if op.output in needed]
    if numbers:
        phases.append(ScalarsPhase(sources, numbers))
    return phases


def _phases_of_nest(nest: Nest, grouping: Grouping, sources: Sources) -> Iterator[Phase]:
    layout = _layout(nest, sources)
    placed = {(p.op.output, p.result_axes): p for p in nest.placed if p.kind != "after"}
    stores = [
        p
        for p in placed.values()
        if p.op.output in grouping.stored and grouping.home(p.op.output) == (nest, p.result_axes)
    ]
    kept = {(p.op.output, p.result_axes) for p in stores}
    after = [p for p in nest.placed if p.kind == "after"]
    on_row = _on_row(placed)
    for p in after:
        key = (p.op.inputs[0], p.axes)
        # What depends on what a row sums up to is kept by the phase that computes it.
        if key in on_row and key not in kept:
            kept.add(key)
            stores.append(placed[key])
    if stores:
        rows = any((p.op.output, p.result_axes) in on_row for p in stores)
        kind = RowPhase if rows else MapPhase
        inner = [p for p in stores if rows or _covers(p, layout)]
        yield kind(sources, nest, layout, set(), inner)
        for p in stores:
            if p not in inner:  # it runs along some of the axes only
                yield MapPhase(sources, nest, _narrowed(layout, p), set(), [p])
    for p in after:
        yield ReducePhase(sources, nest, layout, kept, p)


def _covers(p: Placed, layout: Layout) -> bool:
    return all(set(g) & set(p.axes) for g in layout.groups)


def _narrowed(layout: Layout, p: Placed) -> Layout:
    """Return the loops of a layout that a result runs along."""
    found: Layout = object.__new__(Layout)
    pairs = [(g, d) for g, d in zip(layout.groups, layout.dims, strict=True) if set(g) & set(p.axes)]
    found.groups, found.dims = [g for g, _ in pairs], [d for _, d in pairs]
    found.split = max(len(pairs) - 1, 0)
    return found


def _on_row(placed: Mapping[Any, Placed]) -> set[Any]:
    """Return the results that depend on what rows sum up to, and those sums."""
    found: set[Any] = set()
    for key, p in placed.items():
        if p.kind == "row" or any((y, operand_axes(p.op, y, p.axes)) in found for y in p.op.values):
            found.add(key)
    return found


def _operands(p: Placed) -> list[tuple[Value, Axes]]:
    """Return what an operation computes with, and the axes that each runs along."""
    if p.kind != "map":
        return [(p.op.inputs[0], p.axes)]
    return [(x, operand_axes(p.op, x, p.axes)) for x in p.op.values]


def _layout(nest: Nest, sources: Sources) -> Layout:
    maps, apart = set(), set()
    for p in nest.placed:
        maps |= {p.axes, p.result_axes}
        for x, axes in _operands(p):
            maps.add(axes)
            steps = sources.view(x).strides
            long_axes = [(a, n, s) for a, n, s in zip(axes, x.shape, steps, strict=True) if n != 1]
            for (a, _, step), (b, n, inner) in pairwise(long_axes):
                if step != n * inner:
                    apart.add((a, b))
    alone = {p.axes[p.op.params["axis"]] for p in nest.placed if p.op.prim.name == "iota"}
    return Layout(nest, maps, alone, apart)
