"""Code generation for CPUs: the loop nests of a kernel as LLVM IR.

A kernel becomes one function `void kernel(ptr table)` of a table of addresses (its inputs' first, then its outputs').
It computes the single numbers, and calls one function for each nest; nests of the same form share theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from kerasish.compiler.executors.ir import Function, type_of
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.layout import Layout, identity
from kerasish.compiler.nests import REDUCTIONS, Axes, Bits, Grouping, Nest, Placed, operand_axes
from kerasish.compiler.scalar import FLOAT32, FLOAT64, INT32, LIGHT, RULES, Scalar, operand_dtypes
from kerasish.compiler.views import contiguous_strides

_STACK_ROW = 4096
"""Bytes of the longest row that is kept on the stack between passes."""
_LONG_SUM = 2048
"""Most float32 numbers that one float32 sums up, one after the other."""
_AGAIN = 4
"""Most operations to compute again in a later pass rather than to keep their result for it."""
_SHARED = 30_000
"""Operations, simple ones counted once, from which on a nest's work is shared out among threads."""
_HEAVY = 8
"""Simple operations that take as long as a division or a function."""


class Access:
    """A read or write of an array by a nest, for deciding what may share memory."""

    __slots__ = ("nest", "axes", "time")

    def __init__(self, nest: int, axes: Axes | None, time: Any):
        self.nest = nest
        self.axes = axes
        self.time = time


class NestCode:
    """Writes the function of one nest."""

    def __init__(
        self,
        nest: Nest,
        grouping: Grouping,
        declared: dict[str, str],
        scratch: dict[Any, Value],
        strided: Mapping[Value, tuple[int, ...]],
    ):
        self._strided = strided
        self.nest = nest
        self.grouping = grouping
        self.scratch = scratch
        self.f = Function(declared)
        self.reads: list[tuple[Value, Access]] = []
        self.writes: list[tuple[Value, Access]] = []
        maps = {p.axes for p in nest.placed} | {p.result_axes for p in nest.placed}
        for p in nest.placed:
            if p.kind == "map":
                maps.update(operand_axes(p.op, x, p.axes) for x in p.op.values)
        alone = {p.axes[p.op.params["axis"]] for p in nest.placed if p.op.prim.name == "iota"}
        self.layout = Layout(nest, maps, alone, self._apart())
        self._placed = {(p.op.output, p.result_axes): p for p in nest.placed if p.kind != "after"}
        self._pass: dict[int, int] = {}
        self._schedule()
        self.shared = self._is_shared()
        self._row: dict[Any, Scalar] = {}
        self._here: dict[Any, Scalar] = {}
        self._in_pass: int | None = None
        self._mark = 0
        self._kept: dict[Any, tuple[str, np.dtype]] = {}

    def _apart(self) -> set[tuple[int, int]]:
        """Return neighboring axes that are no one loop, since something that is read has gaps between its rows."""
        found = set()
        for p in self.nest.placed:
            for x, axes in self._operands(p):
                steps = self._strided.get(x)
                if steps is None:
                    continue
                long_axes = [(a, n, s) for a, n, s in zip(axes, x.shape, steps, strict=True) if n != 1]
                for (a, _, step), (b, n, inner) in pairwise(long_axes):
                    if step != n * inner:
                        found.add((a, b))
        return found

    def _is_shared(self) -> bool:
        """Tell whether threads share the turns of the outermost loop: much work, and nobody needs another's totals."""
        if not self.layout.dims or any(p.kind == "after" for p in self.nest.placed):
            return False
        if self.passes > 1 and self.layout.columns * 8 > _STACK_ROW:  # rows are kept in one place for all
            return False
        each = sum(1 if p.op.prim.name in LIGHT else _HEAVY for p in self.nest.placed if self._is_inner(p))
        return self.layout.dims[0] > 1 and each * int(np.prod(self.layout.dims)) >= _SHARED

    # When: an inner operation in a pass over the row, a row's in the stage before a pass.

    def _schedule(self) -> None:
        self.passes = 0
        for p in self.nest.placed:
            when = 0
            for x, axes in self._operands(p):
                maker = self._placed.get((x, axes))
                if maker is not None and maker is not p:
                    when = max(when, self._pass[id(maker)] + (maker.kind == "row"))
            self._pass[id(p)] = when
            if self._is_inner(p):
                self.passes = max(self.passes, when + 1)

    def _operands(self, p: Placed) -> list[tuple[Value, Axes]]:
        if p.kind != "map":
            return [(p.op.inputs[0], p.axes)]
        return [(x, operand_axes(p.op, x, p.axes)) for x in p.op.values]

    def _is_inner(self, p: Placed) -> bool:
        return self.layout.is_inner(p.axes)

    # Writing

    def write(self) -> None:
        """Write the whole function."""
        layout, f = self.layout, self.f
        if self.shared:
            for name in ("start", "turns"):
                f.argument((name,), "i64")
        for p in self.nest.placed:
            if p.kind == "after" and p.op.output.size > 1:
                self._clear(p)
        self._indices: dict[int, str] = {}
        self._loops(range(layout.split), self._write_row)
        for p in self.nest.placed:
            if p.kind == "after" and ("wide", p.op.output) in self.scratch:
                self._narrow(p)
        del f

    def _loops(self, loops: Sequence[int], body: Any, parallel: bool = False) -> None:
        if not loops:
            body()
            return
        with self.f.loop(self._count(loops[0]), parallel and len(loops) == 1) as index:
            if loops[0] == 0 and self.shared:
                index = self.f.name(f"add nuw nsw i64 {self.f.argument(('start',), 'i64')}, {index}")
            self._indices[loops[0]] = index
            self._loops(loops[1:], body, parallel)

    def _count(self, loop: int) -> str:
        if loop == 0 and self.shared:
            return self.f.argument(("turns",), "i64")
        # One flat loop takes its length as an argument, so that nests over arrays of any size share it.
        if len(self.layout.dims) == 1 and all(p.kind == "map" for p in self.nest.placed):
            return self.f.argument(("length", self.layout.dims[0]), "i64")
        return str(self.layout.dims[loop])

    def _write_row(self) -> None:
        self._row = {}
        stores: list[Placed] = []
        for stage in range(self.passes + 1):
            for p in self.nest.placed:
                if not self._is_inner(p) and self._pass[id(p)] == stage:
                    self._compute_on_row(p, stores)
            if stage < self.passes:
                self._write_pass(stage)
        for p in stores:
            self._store(p, self._row[p.op.output, p.result_axes], ("row", self.passes))

    def _compute_on_row(self, p: Placed, stores: list[Placed]) -> None:
        if p.kind == "after":
            self._add_to_cell(p, self._cast_input(p))
            return
        self._row[p.op.output, p.axes] = self._value_of(p)
        if self._stores_here(p):
            stores.append(p)

    def _write_pass(self, number: int) -> None:
        f, layout = self.f, self.layout
        todo = [p for p in self.nest.placed if self._is_inner(p) and self._pass[id(p)] == number]
        sums = [p for p in todo if p.kind == "row" or (p.kind == "after" and self._sums_in_row(p))]
        totals = {id(p): f.alloca(self._total_dtype(p)) for p in sums}
        for p in sums:
            f.store(self._identity(p, self._total_dtype(p)), totals[id(p)])
        self._mark, self._here, self._in_pass = f.mark(), {}, number
        parallel = all(p.kind != "after" or p in sums or self._strides(p)[-1] for p in todo)

        def body() -> None:
            self._here = {}
            stores = []
            for p in todo:
                if p.kind == "map":
                    self._here[p.op.output, p.axes] = self._value_of(p)
                    if self._stores_here(p):
                        stores.append(p)
                elif p in sums:
                    pointer, dtype = totals[id(p)], self._total_dtype(p)
                    total = f.accumulate(
                        p.op.prim.name[7:], f.load(pointer, "0", dtype), f.cast(self._cast_input(p), dtype)
                    )
                    f.store(total, pointer)
                else:
                    self._add_to_cell(p, self._cast_input(p))
            for p in stores:
                self._store(p, self._here[p.op.output, p.axes], ("inner", number))
            self._keep_for_later(number)

        self._loops(range(layout.split, len(layout.dims)), body, parallel)
        self._in_pass = None
        for p in sums:
            total = f.load(totals[id(p)], "0", self._total_dtype(p))
            if p.kind == "row":
                self._row[p.op.output, p.result_axes] = f.cast(total, p.op.output.dtype)
                if self._stores_here(p):
                    self._store(p, self._row[p.op.output, p.result_axes], ("row", self.passes))
            else:
                self._add_to_cell(p, total)

    # Operands

    def _value_of(self, p: Placed) -> Scalar:
        op, f = p.op, self.f
        name = op.prim.name
        if name == "iota":
            axis = p.axes[op.params["axis"]]
            loop = next((i for i, g in enumerate(self.layout.groups) if axis in g), None)
            return (
                f.const(0, INT32)
                if loop is None
                else Scalar(f.name(f"trunc i64 {self._indices[loop]} to i32"), INT32)
            )
        operands = [
            (self._operand(x, operand_axes(op, x, p.axes)) if type(x) is Value else x) for x in op.inputs
        ]  # fmt: skip
        return apply(f, op, operands)

    def _cast_input(self, p: Placed) -> Scalar:
        return self.f.cast(self._operand(p.op.inputs[0], p.axes), p.op.output.dtype)

    def _operand(self, x: Value, axes: Axes) -> Scalar:
        """Return the scalar of `x` at the present place."""
        if x.size == 1 and (x, axes) not in self._placed:
            return Scalar(self.f.argument(("scalar", x), type_of(x.dtype)), x.dtype)
        key = (x, axes)
        inner = self._in_pass is not None and self.layout.is_inner(axes)
        found = (self._here if inner else self._row).get(key)
        if found is not None:
            return found
        if inner:
            maker = self._placed.get(key)
            if maker is not None and self._pass[id(maker)] != self._in_pass:
                value = self._from_earlier_pass(maker)
            else:
                value = self._load(x, axes)
            self._here[key] = value
        elif self._in_pass is not None:
            with self.f.hoisted(self._mark):
                value = self._row[key] = self._load(x, axes)
        else:
            value = self._row[key] = self._load(x, axes)
        return value

    def _from_earlier_pass(self, maker: Placed) -> Scalar:
        key = (maker.op.output, maker.axes)
        if key in self._kept:
            pointer, dtype = self._kept[key]
            return self.f.load(pointer, self._column(), dtype)
        if self._stores_here(maker):
            return self._load(*key)
        return self._value_of(maker)  # cheap enough to be computed again

    def _keep_for_later(self, number: int) -> None:
        """Keep what later passes need and cannot have more cheaply."""
        for p in self.nest.placed:
            if (
                p.kind != "map"
                or not self._is_inner(p)
                or self._pass[id(p)] != number
                or self._stores_here(p)
            ):
                continue
            key = (p.op.output, p.axes)
            if key in self._needed_later(number) and self._cost(p, number, set()) > _AGAIN:
                dtype = p.op.output.dtype
                pointer = self._kept[key] = self._row_buffer(p, dtype)
                self.f.store(self._here[key], pointer[0], self._column())

    def _needed_later(self, number: int) -> set[Any]:
        """Return the results of this pass that operations of later passes read, directly or by computing again."""
        needed: set[Any] = set()

        def visit(p: Placed) -> None:
            for key in self._operands(p):
                maker = self._placed.get(key)
                if maker is None or not self._is_inner(maker) or maker.kind != "map" or key in needed:
                    continue
                if self._pass[id(maker)] == number:
                    needed.add(key)
                elif self._pass[id(maker)] > number or (
                    key not in self._kept and not self._stores_here(maker)
                ):
                    visit(maker)

        for p in self.nest.placed:
            if self._is_inner(p) and self._pass[id(p)] > number:
                visit(p)
        return needed

    def _cost(self, p: Placed, number: int, seen: set[int]) -> int:
        """Return how many operations computing `p` again takes, a large number if that is no option."""
        if id(p) in seen:
            return 0
        seen.add(id(p))
        if p.op.prim.name not in LIGHT and p.op.prim.name not in ("reshape", "broadcast_to"):
            return 1000
        cost = 1
        for key in self._operands(p):
            maker = self._placed.get(key)
            if (
                maker is not None
                and self._is_inner(maker)
                and key not in self._kept
                and not self._stores_here(maker)
            ):
                cost += self._cost(maker, number, seen)
        return cost

    def _row_buffer(self, p: Placed, dtype: np.dtype) -> tuple[str, np.dtype]:
        columns = self.layout.columns
        if columns * dtype.itemsize <= _STACK_ROW:
            return self.f.alloca(dtype, columns), dtype
        value = self.scratch.setdefault(("row", p.op.output, self.nest.index), Value((columns,), dtype))
        return self.f.argument(("array", value), "ptr"), dtype

    def _column(self) -> str:
        """Return the number of the present element in its row."""
        terms, step = [], 1
        for loop in reversed(range(self.layout.split, len(self.layout.dims))):
            terms.append((self._indices[loop], step))
            step *= self.layout.dims[loop]
        return self.f.sum_of_products(terms)

    # Arrays

    def _place(self, axes: Axes, value: Value) -> str:
        strides = self.layout.strides(axes, self._strides_in_memory(value))
        return self.f.sum_of_products([(self._indices[i], s) for i, s in enumerate(strides) if s])

    def _strides_in_memory(self, value: Value) -> Sequence[int]:
        return self._strided.get(value) or contiguous_strides(value.shape)

    def _load(self, x: Value, axes: Axes) -> Scalar:
        time = ("inner", self._in_pass) if self.layout.is_inner(axes) else ("row", 0)
        self.reads.append((x, Access(self.nest.index, axes, time)))
        return self.f.load(self.f.argument(("array", x), "ptr"), self._place(axes, x), x.dtype)

    def _stores_here(self, p: Placed) -> bool:
        value = p.op.output
        return (
            p.kind != "after"
            and value in self.grouping.stored
            and self.grouping.home(value) == (self.nest, p.result_axes)
        )

    def _store(self, p: Placed, x: Scalar, time: Any) -> None:
        value = p.op.output
        self.writes.append((value, Access(self.nest.index, p.result_axes, time)))
        self.f.store(x, self.f.argument(("array", value), "ptr"), self._place(p.result_axes, value))

    # Reductions whose result is there after the nest

    def _sums_in_row(self, p: Placed) -> bool:
        """Tell whether all that a row contributes goes to one place."""
        return not self.layout.is_inner(p.result_axes)

    def _strides(self, p: Placed) -> list[int]:
        return self.layout.strides(p.result_axes, contiguous_strides(p.op.output.shape))

    def _total_dtype(self, p: Placed) -> np.dtype:
        dtype = p.op.output.dtype
        long_sum = (
            dtype == FLOAT32
            and p.op.prim.name in ("reduce_sum", "reduce_prod")
            and self.layout.columns > _LONG_SUM
        )
        return FLOAT64 if long_sum else dtype

    def _cell_dtype(self, p: Placed) -> np.dtype:
        dtype = p.op.output.dtype
        if dtype != FLOAT32 or p.op.prim.name not in ("reduce_sum", "reduce_prod"):
            return dtype
        count = p.op.inputs[0].size // p.op.output.size
        return FLOAT64 if p.op.output.size == 1 or count > _LONG_SUM else dtype

    def _cell(self, p: Placed) -> tuple[str, np.dtype]:
        """Return the array of the totals, which is the result's own if that is precise enough."""
        value, dtype = p.op.output, self._cell_dtype(p)
        if value.size == 1:
            return self.f.argument(("cell", value, dtype), "ptr"), dtype
        if dtype != value.dtype:
            value = self.scratch.setdefault(("wide", value), Value(value.shape, dtype))
        return self.f.argument(("array", value), "ptr"), dtype

    def _add_to_cell(self, p: Placed, x: Scalar) -> None:
        pointer, dtype = self._cell(p)
        place = self._place(p.result_axes, p.op.output)
        total = self.f.accumulate(
            p.op.prim.name[7:], self.f.load(pointer, place, dtype), self.f.cast(x, dtype)
        )
        self.f.store(total, pointer, place)

    def _clear(self, p: Placed) -> None:
        pointer, dtype = self._cell(p)
        self.writes.append((p.op.output, Access(self.nest.index, None, None)))
        with self.f.loop(str(p.op.output.size), parallel=True) as index:
            self.f.store(self._identity(p, dtype), pointer, index)

    def _narrow(self, p: Placed) -> None:
        """Round totals to the result's dtype."""
        pointer, dtype = self._cell(p)
        value = p.op.output
        with self.f.loop(str(value.size), parallel=True) as index:
            total = self.f.cast(self.f.load(pointer, index, dtype), value.dtype)
            self.f.store(total, self.f.argument(("array", value), "ptr"), index)

    def _identity(self, p: Placed, dtype: np.dtype) -> Scalar:
        return self.f.const(identity(p.op.prim.name, dtype), dtype)


def apply(f: Function, op: Op, operands: Sequence[Any]) -> Scalar:
    """Write an elementwise operation on scalars and Python numbers."""
    name, dtype = op.prim.name, op.output.dtype
    if name in REDUCTIONS:  # over axes of length one
        return f.cast(operands[0], dtype)
    if name == "power" and op.inputs[1] in (2, 2.0) and type(op.inputs[1]) is not Value:
        return f.binary("mul", operands[0], operands[0])
    wanted = operand_dtypes(name, list(operands), dtype)
    scalars = [
        f.cast(x, kind) if type(x) is Scalar else f.const(x, kind) for x, kind in zip(operands, wanted, strict=True)
    ]  # fmt: skip
    result = RULES[name](f, dtype, *scalars)
    return f.cast(result, dtype)


__all__ = ["Bits", "NestCode", "apply"]
