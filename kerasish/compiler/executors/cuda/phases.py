"""Phases: the loop nests of a kernel as CUDA C++, each for all threads of some blocks.

A phase is written for blocks that take turns, or for blocks that each do a part of it, so that the same phase can be a
kernel of its own, share a launch with phases that do not depend on it, or follow others in blocks that go on with what
they have just made (`schedule.py`).

There are four kinds: elementwise work, a thread for each pack of elements; rows, each computed by a team of lanes that
reduce over its columns by shuffles; reductions, whose partial results the last block to finish adds up in a fixed
order; and random bits. Single numbers are computed again by every thread that needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import count
from math import prod
from typing import Any, NamedTuple

from kerasish.compiler.executors.cuda.code import (
    Code,
    applied,
    decoded,
    encoded,
    memory_type,
)
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.layout import Layout
from kerasish.compiler.nests import Axes, Grouping, Nest, Placed, operand_axes
from kerasish.compiler.scalar import INT32, Scalar
from kerasish.compiler.views import View, place_of

PACK = 16
"""Bytes that a thread reads or writes at once."""
MOST_BLOCKS = 132 * 16
"""Blocks of the largest launch; each then does several parts of the work."""


class Access(NamedTuple):
    """A read or a write of memory; `axes` is None where any thread may touch any element of it.

    (Which part of a phase touches an element is another question: `Phase.is_local`.)
    """

    value: Value
    axes: Axes | None
    inner: bool


class Span(NamedTuple):
    """What of a phase each block does: block `bid` of `blocks` takes turns with the others, or does its parts.

    Attributes:
        threads: Threads of a block.
        blocks: Number of blocks.
        parts: Into how many parts the phase is cut, of which a block does those from `begin` to `end`; 0 for turns.
    """

    threads: int
    blocks: int
    parts: int = 0

    def bounds(self, items: int, at_once: int, number: str = "i64") -> tuple[str, str, str]:
        """Return where a block begins and ends, and how far it goes at once.

        Args:
            items: Of how many items the phase consists.
            at_once: How many of them a block does side by side.
            number: The C++ type of their numbers.
        """
        if not self.parts:
            return f"({number})bid * {at_once}", str(items), f"({number})blocks * {at_once}"
        each = items // self.parts
        begin, end = (f"({number})begin * {each}", f"end * {each}") if self.parts > 1 else ("0", str(each))
        return begin, end, str(at_once)

    def most(self, items: int) -> int:
        """Return how many items a block does, where it does parts."""
        return -(-self.parts // self.blocks) * (items // self.parts)


class Sources:
    """What the phases of a kernel compute with: where values lie, and the kernel's own operations.

    Args:
        grouping: The kernel's operations in nests.
        views: Where values lie that are no arrays of their own.
        stored: The kernel's single numbers that are in memory once a phase has stored them.
    """

    def __init__(self, grouping: Grouping, views: Mapping[Value, View], stored: Container[Value] = ()):
        self.grouping = grouping
        self.numbers = {op.output: op for _, op in grouping.scalars}
        self.stored = stored
        self._views = views

    def view(self, value: Value) -> View:
        return place_of(value, self._views)


class Phase:
    """One phase of a kernel.

    Attributes:
        reads: What it reads from memory.
        writes: What it writes.
        scratch: Arrays that it works in, which nothing else needs; known once its statements are written.
        work: About how many elements it touches.
        parts: Into how many equal parts, one after another, it can be cut at most; any divisor of it will do too.
        stands_alone: Whether a launch of it alone is better than a call of the library.
    """

    parts = 1
    stands_alone = True

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

    def blocks_alone(self, threads: int) -> int:
        """Return how many it should have where they take turns."""
        return self.blocks(threads)

    def text(self, span: Span, pointer: Callable[[Value], str]) -> list[str]:
        """Return its statements; `pointer` names the address of an array."""
        self._scalars = {}
        self._numbers = count()
        self._pointer = pointer
        return self._text(span)

    def _text(self, span: Span) -> list[str]:
        raise NotImplementedError

    def is_local(self, access: Access, parts: int) -> bool:
        """Tell whether each of so many parts touches only the part of the array that is like it."""
        return parts == 1

    def root(self, value: Value) -> Value:
        """Return the array that a value lies in."""
        return self.sources.view(value).root

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
        op = self._maker(x)
        if op is None:
            view = self.sources.view(x)
            return code.named(decoded(f"{self._pointer(view.root)}[{view.offset}]", x.dtype), x.dtype)
        if op.prim.name == "iota":
            return code.const(0, x.dtype)
        operands = [self.scalar(code, y) if type(y) is Value else y for y in op.inputs]
        return applied(code, op, operands)

    def _maker(self, x: Value) -> Op | None:
        """Return the operation by which a single number is computed here; None where it is read from memory."""
        return None if x in self.sources.stored else self.sources.numbers.get(x)

    def _note_numbers(self, values: Iterator[Value] | Sequence[Value]) -> None:
        """Note what is read from memory for single numbers."""
        for x in values:
            if x.size != 1 or x.kind == "constant":
                continue
            op = self._maker(x)
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

    def _maker(self, x: Value) -> Op | None:
        return self.sources.numbers.get(x) if x in self.values else super()._maker(x)

    def blocks(self, threads: int) -> int:
        return 1

    def _text(self, span: Span) -> list[str]:
        code = self.code()
        found = [(self.scalar(code, v), v) for v in self.values]  # all are read before any is written
        for x, v in found:
            code.line(f"{self._pointer(v)}[0] = {encoded(x.ref, v.dtype)};")
        return ["if (threadIdx.x == 0) {", *code.lines, "}"]


class BitsPhase(Phase):
    """Fills an array with random bits, eight numbers a thread."""

    def __init__(self, sources: Sources, op: Op):
        super().__init__(sources)
        self.op = op
        self.work = op.output.size * 4
        self.parts = 1 if op.output.size % 8 else op.output.size // 8
        self.reads = [Access(op.inputs[0], None, False)]
        self.writes = [Access(op.output, None, False)]

    def is_local(self, access: Access, parts: int) -> bool:
        return parts == 1 or access in self.writes

    def blocks(self, threads: int) -> int:
        return min(ceil_div(ceil_div(self.op.output.size, 8), threads), MOST_BLOCKS)

    def _text(self, span: Span) -> list[str]:
        first, end, step = span.bounds(ceil_div(self.op.output.size, 8), span.threads)
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
            f"for (i64 i = {first} + threadIdx.x; i < {end}; i += {step}) {{",
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

    def is_local(self, access: Access, parts: int) -> bool:
        return parts == 1 or self._runs_along(access, 0, parts)

    def _runs_along(self, access: Access, loop: int, parts: int) -> bool:
        """Tell whether each of so many parts of a loop touches only the part of the array that is like it."""
        if access.axes is None or loop >= len(self.layout.dims) or self.layout.dims[loop] % parts:
            return False
        view, strides = self.sources.view(access.value), self.strides(access.value, access.axes)
        dims = list(self.layout.dims)
        if view.offset or strides[loop] * dims[loop] != view.root.size or min(strides) < 0:
            return False
        dims[loop] //= parts
        last = sum((n - 1) * step for n, step in zip(dims, strides, strict=True))
        return last < view.root.size // parts

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
            for y, its_axes in operands_of(maker):
                self.note(y, its_axes)

    def loads(self) -> list[tuple[Value, Axes]]:
        """Return what it reads from arrays, with the axes along which."""
        return [(a.value, a.axes) for a in self.reads if a.axes is not None]


class Place:
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
        outer: Place | None = None,
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
            for y, axes in operands_of(p):
                self.note(y, axes)
            self.writes.append(Access(p.op.output, p.axes, True))
        self.total = prod(layout.dims)
        self.pack = self._pack()
        dims = layout.dims
        self.parts = 1 if not dims else dims[0] if len(dims) > 1 else dims[0] // self.pack
        self.work = self.total * max(1, len(self.reads) + len(self.writes)) // 2

    def _pack(self) -> int:
        """Return how many neighbors a thread can take at once."""
        touched = [*self.loads(), *((p.op.output, p.axes) for p in self.stores)]
        if not self.layout.dims or not touched:
            return 1
        pack = max(1, PACK // max(x.dtype.itemsize for x, _ in touched))
        while pack > 1 and not all(self._fits(pack, x, axes) for x, axes in touched):
            pack //= 2
        return pack

    def _fits(self, pack: int, x: Value, axes: Axes) -> bool:
        *outer, inner = self.strides(x, axes)
        if self.layout.dims[-1] % pack or inner not in (0, 1):
            return False
        return inner == 0 or (self.sources.view(x).offset % pack == 0 and all(s % pack == 0 for s in outer))

    def blocks(self, threads: int) -> int:
        return min(ceil_div(self.total // self.pack, threads), MOST_BLOCKS)

    def _text(self, span: Span) -> list[str]:
        pack, dims = self.pack, list(self.layout.dims)
        while pack > 1 and span.parts and span.most(self.total) < pack * span.threads:
            pack //= 2  # so that no thread is idle
        number = "int" if self.total < 2**31 and self._spans_fit() else "i64"
        start, head, tail = self.code(), self.code(), self.code()
        indices = split_index(head, "i", [*dims[:-1], dims[-1] // pack] if dims else [], number)
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
        place = Place(self, body, inside, load, start)
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
        first, end, step = span.bounds(self.total // pack, span.threads, number)
        return [
            *start.lines,
            f"for ({number} i = {first} + threadIdx.x; i < {end}; i += {step}) {{",
            *head.lines,
            *body.lines,
            *tail.lines,
            "}",
        ]

    def _spans_fit(self) -> bool:
        touched = [*self.loads(), *((p.op.output, p.axes) for p in self.stores)]
        return all(_span(self.sources.view(x), x.shape) < 2**31 for x, _ in touched)


def split_index(code: Code, name: str, dims: Sequence[int], number: str) -> list[str]:
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


def ceil_div(x: int, y: int) -> int:
    return -(-x // y)


def operands_of(p: Placed) -> list[tuple[Value, Axes]]:
    """Return what an operation computes with, and the axes that each runs along."""
    if p.kind != "map":
        return [(p.op.inputs[0], p.axes)]
    return [(x, operand_axes(p.op, x, p.axes)) for x in p.op.values]
