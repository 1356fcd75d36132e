"""Grouping: the operations of one kernel as few loop nests over them.

A nest runs over the elements of one shape. Its outer axes are rows; within a row it passes over the inner axes once
or several times, so that what a row sums up to (a softmax's total, a mean) can be used on that row at once. What is
summed over rows is there after the nest.

Elementwise operations wait until something needs them: they are then computed in the nest that does. So chains end up
in one nest, and what is used in no loop gets one of its own only where a result leaves the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kerasish.compiler.graph import Op, Value
from kerasish.compiler.scalar import LIGHT

Axes = tuple[int, ...]
"""The nest's axis that each axis of a value runs along; -1 where the value has length one."""

REDUCTIONS = frozenset(("reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_all", "reduce_any"))
_MAX_AGAIN = 3
"""Most operations to compute again rather than to store their result between nests."""


class Placed:
    """An operation in a nest.

    Attributes:
        op: The operation.
        axes: Where the axes of its result (of its input, for a reduction) run in the nest.
        kind: `"map"`; for reductions `"row"` (the result is there for the same row's later passes) or `"after"` (it is
            there after the nest).
        result_axes: Where the axes of its result run.
    """

    __slots__ = ("op", "axes", "kind", "result_axes")

    def __init__(self, op: Op, axes: Axes, kind: str = "map", result_axes: Axes | None = None):
        self.op = op
        self.axes = axes
        self.kind = kind
        self.result_axes = axes if result_axes is None else result_axes


class Nest:
    """A loop nest.

    Attributes:
        index: Its place in the kernel.
        dims: The lengths of its axes.
        split: How many axes are outer ones; None as long as nothing asks for a number.
        placed: What it computes, operands first.
        local: The operation behind each value and its axes.
        reads: Values that it touches in memory.
    """

    def __init__(self, index: int, dims: tuple[int, ...]):
        self.index = index
        self.dims = dims
        self.split: int | None = None
        self.placed: list[Placed] = []
        self.local: dict[tuple[Value, Axes], Placed] = {}
        self.reads: set[Value] = set()

    def add(self, placed: Placed) -> None:
        self.placed.append(placed)
        if placed.kind != "after":
            self.local[placed.op.output, placed.result_axes] = placed


class Bits:
    """A nest that fills an array with random bits."""

    def __init__(self, index: int, op: Op):
        self.index = index
        self.op = op


class Grouping:
    """Decides, operation by operation, in which nest each is computed.

    Attributes:
        nests: The nests in order.
        scalars: Operations on single numbers, each with the index of the nest before which it can run.
        stored: Values made in the kernel that must be in memory.
    """

    def __init__(self, ops: Sequence[Op], needed: set[Value]):
        self.nests: list[Nest | Bits] = []
        self.scalars: list[tuple[int, Op]] = []
        self.stored: set[Value] = set()
        self._stage: dict[Value, int] = {}  # numbers and arrays in memory: first nest that may read them
        self._home: dict[Value, tuple[Nest, Axes]] = {}  # results of operations that are in a nest
        self._waiting: dict[Value, Op] = {}
        self._maker = {v: op for op in ops for v in op.outputs}
        for op in ops:
            self._take(op)
        for op in ops:
            for value in op.outputs:
                if value in needed:
                    self._keep(value)

    def is_here(self, value: Value) -> bool:
        """Tell whether the kernel computes `value`."""
        return value in self._maker

    def home(self, value: Value) -> tuple[Nest, Axes] | None:
        """Return the nest that computes `value` first, and the axes it runs along there."""
        return self._home.get(value)

    def _take(self, op: Op) -> None:
        if op.prim.name == "random_bits":
            seed = op.inputs[0]
            self._keep(seed)
            self.nests.append(Bits(len(self.nests), op))
            self._after(op.output)
        elif op.prim.name in REDUCTIONS and any(op.inputs[0].shape[a] != 1 for a in op.params["axis"]):
            self._reduce(op)
        elif op.output.size == 1:
            self.scalars.append((max((self._ready(x) for x in op.values), default=0), op))
            self._stage[op.output] = self.scalars[-1][0]
        elif not self._join(op):
            self._waiting[op.output] = op

    def _after(self, value: Value) -> None:
        """Note that `value` is in memory (a register, if it is one number) once the last nest has run."""
        self._stage[value] = len(self.nests)
        self.stored.add(value)

    def _keep(self, value: Value) -> None:
        """Make sure that `value` ends up in memory."""
        if not self.is_here(value):
            return
        if value in self._waiting:
            self._place_somewhere(self._waiting[value])
        self.stored.add(value)

    def _ready(self, x: Value) -> int:
        """Return the first nest that may read `x` from memory or a register."""
        if x in self._stage:
            return self._stage[x]
        if x in self._home:
            return self._home[x][0].index + 1
        if x in self._waiting:
            return max((self._ready(y) for y in self._waiting[x].values), default=0)
        return 0

    # Reductions

    def _reduce(self, op: Op) -> None:
        x = op.inputs[0]
        nest, axes = self._nest_to_reduce(x)
        self._bring(x, nest, axes)
        reduced = {axes[a] for a in op.params["axis"] if axes[a] >= 0}
        kept = [a for a in axes if a >= 0 and a not in reduced]
        result = tuple(-1 if a in reduced else a for a in axes)
        if not op.params["keepdims"]:
            result = tuple(r for i, r in enumerate(result) if i not in op.params["axis"])
        long_axes = [a for a, n in enumerate(nest.dims) if n != 1]
        split = max(kept, default=-1) + 1
        covers = sorted(kept) == [a for a in long_axes if a < split]
        whole = reduced == {a for a in long_axes if a >= split}
        if covers and whole and op.output.size > 1 and nest.split in (None, split):
            nest.split = split
            nest.add(Placed(op, axes, "row", result))
            self._home[op.output] = (nest, result)
        else:
            nest.add(Placed(op, axes, "after", result))
            self._stage[op.output] = nest.index + 1
            self.stored.add(op.output)

    def _nest_to_reduce(self, x: Value) -> tuple[Nest, Axes]:
        """Return a nest in which each element of `x` is met once."""
        if x in self._home:
            nest, axes = self._home[x]
            if self._meets_once(nest, axes):
                return nest, axes
        axes = _own_axes(x)
        for nest in self._candidates(x):
            if self._can_bring(x, nest, axes):
                return nest, axes
        return self._new_nest(x.shape), axes

    def _meets_once(self, nest: Nest, axes: Axes) -> bool:
        long_axes = [a for a, n in enumerate(nest.dims) if n != 1]
        mine = sorted(a for a in axes if a >= 0)
        if mine == long_axes:
            return True
        count = len(mine)
        if mine != long_axes[:count]:
            return False
        split = long_axes[count]
        if nest.split is None:
            nest.split = split
        return [a for a in long_axes if a < nest.split] == mine

    # Elementwise operations

    def _join(self, op: Op) -> bool:
        """Compute `op` in the last nest that makes an operand of it, if it can be."""
        nests = [self._home[x][0] for x in op.values if x in self._home]
        if not nests:
            return False
        nest = max(nests, key=lambda n: n.index)
        for axes in self._possible_axes(op, nest):
            if self._can_place(op, nest, axes):
                self._place(op, nest, axes)
                return True
        return False

    def _possible_axes(self, op: Op, nest: Nest) -> Iterator[Axes]:
        shape = op.output.shape
        if shape == nest.dims:
            yield _own_axes(op.output)
        for x in op.values:
            home = self._home.get(x)
            if home is None or home[0] is not nest:
                continue
            if op.prim.name == "reshape" or op.prim.name in REDUCTIONS:
                rest = iter(a for a in home[1] if a >= 0)
                yield tuple(-1 if n == 1 else next(rest) for n in shape)
            else:
                lead = len(shape) - x.ndim
                axes = tuple(
                    -1 if n == 1 else (home[1][i - lead] if i >= lead and x.shape[i - lead] == n else None)
                    for i, n in enumerate(shape)
                )
                if None not in axes:
                    yield axes  # type: ignore[misc]

    def _place_somewhere(self, op: Op) -> None:
        """Compute `op` in a nest over its shape that touches the same data, or else in a new one."""
        axes = _own_axes(op.output)
        for nest in self._candidates(op.output):
            if self._can_place(op, nest, axes):
                self._place(op, nest, axes)
                return
        self._place(op, self._new_nest(op.output.shape), axes)

    def _candidates(self, x: Value) -> Iterator[Nest]:
        """Yield nests over the shape of `x` that touch something that it is made from."""
        sources = set(self._sources(x))
        for nest in reversed(self.nests):
            if isinstance(nest, Nest) and nest.dims == x.shape and sources & nest.reads:
                yield nest

    def _sources(self, x: Value) -> Iterator[Value]:
        if x in self._waiting:
            for y in self._waiting[x].values:
                yield from self._sources(y)
        elif x.size > 1:
            yield x

    def _new_nest(self, dims: tuple[int, ...]) -> Nest:
        nest = Nest(len(self.nests), dims)
        self.nests.append(nest)
        return nest

    def _can_place(self, op: Op, nest: Nest, axes: Axes) -> bool:
        return all(self._can_bring(x, nest, operand_axes(op, x, axes)) for x in op.values)

    def _can_bring(self, x: Value, nest: Nest, axes: Axes) -> bool:
        """Tell whether the nest can have `x` along `axes`: computed in it, or read from memory."""
        if (x, axes) in nest.local or not self.is_here(x):
            return True
        if x in self._stage:
            return self._stage[x] <= nest.index
        if x in self._waiting:
            return self._can_place(self._waiting[x], nest, axes)
        return self._home[x][0].index < nest.index or self._cheap_again(x, nest, axes) is not None

    def _place(self, op: Op, nest: Nest, axes: Axes) -> None:
        for x in op.values:
            self._bring(x, nest, operand_axes(op, x, axes))
        nest.add(Placed(op, axes))
        if self._waiting.pop(op.output, None) is not None or op.output not in self._home:
            self._home[op.output] = (nest, axes)
            nest.reads.add(op.output)

    def _bring(self, x: Value, nest: Nest, axes: Axes) -> None:
        if (x, axes) in nest.local:
            return
        if x in self._waiting:
            self._place(self._waiting[x], nest, axes)
        elif x in self._home and self._compute_again(x, nest, axes):
            self._place(self._maker[x], nest, axes)
        elif x.size > 1:
            nest.reads.add(x)
            if x in self._home:
                self.stored.add(x)

    def _compute_again(self, x: Value, nest: Nest, axes: Axes) -> bool:
        if self._home[x][0].index >= nest.index:  # it is here along other axes, as in x + transpose(x)
            return True
        return not self._in_memory(x, nest) and self._cheap_again(x, nest, axes) is not None

    def _in_memory(self, x: Value, nest: Nest) -> bool:
        return x in self.stored and self._home[x][0].index < nest.index

    def _cheap_again(self, x: Value, nest: Nest, axes: Axes, budget: int = _MAX_AGAIN) -> int | None:
        """Return what is left of `budget` operations if computing `x` again costs no more, else None."""
        if (x, axes) in nest.local or not self.is_here(x):
            return budget
        if x in self._stage:
            return budget if self._stage[x] <= nest.index else None
        if x in self._home and self._in_memory(x, nest):
            return budget
        op = self._maker[x]
        left: int | None = budget - 1
        if left < 0 or op.prim.name not in LIGHT:
            return None
        for y in op.values:
            left = self._cheap_again(y, nest, operand_axes(op, y, axes), left)
            if left is None:
                return None
        return left


def operand_axes(op: Op, x: Value, axes: Axes) -> Axes:
    """Return where the axes of an operand run when those of an elementwise operation's result run along `axes`."""
    if op.prim.name == "reshape" or op.prim.name in REDUCTIONS:
        rest = iter(a for n, a in zip(op.output.shape, axes, strict=True) if n != 1)
        return tuple(-1 if n == 1 else next(rest) for n in x.shape)
    lead = len(axes) - x.ndim
    return tuple(-1 if n == 1 else axes[i + lead] for i, n in enumerate(x.shape))


def _own_axes(x: Any) -> Axes:
    return tuple(-1 if n == 1 else i for i, n in enumerate(x.shape))
