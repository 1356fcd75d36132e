"""Variables side by side: what changes many of them in the same way becomes one operation on all.

An optimizer does the same dozen operations for every weight. On a bias they take less time than calling them, so the
arrays of variables that are updated alike are put into one block of memory, of which each variable shows its part; the
operations then run once on the block. (Models that share weights and are trained in turn pay for that, since each takes
the shared ones back into its block. The memory plan lets gradients be computed where they have to lie for that.)
Kernels in machine code hold all weights anyway and need none of this.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.primitive import TABLE, Binary, Unary
from kerasish.compiler.graph import Graph, Op, Value

_LARGEST = 1 << 17
"""Elements of the largest variable that goes into a block: beyond, the work outweighs the calls."""


class Block:
    """Variables whose arrays lie side by side. To an executor it is a variable itself: their values, one after another.

    The variables' arrays are moved into the block when an executor asks for it, and again if one was replaced since.

    Args:
        members: The variables, of one dtype.
    """

    _known: weakref.WeakValueDictionary[tuple, Block] = weakref.WeakValueDictionary()

    def __init__(self, members: Sequence[Any]):
        self.members = tuple(members)
        self._views: list[Any] = [None] * len(self.members)
        self._flat: np.ndarray = np.empty(0)

    @classmethod
    def of(cls, members: Sequence[Any]) -> Block:
        """Return the block of these variables, which is one for all graphs that update them together."""
        key = tuple([id(m) for m in members])  # valid as long as the block, which keeps its members
        block = cls._known.get(key)
        if block is None:
            block = cls._known[key] = cls(members)
        return block

    @property
    def path(self) -> str:
        """The variables' paths."""
        return " + ".join(m.path for m in self.members)

    @property
    def _array(self) -> np.ndarray:
        for member, view in zip(self.members, self._views, strict=True):
            if member._array is not view:
                self._gather()
                break
        return self._flat

    def _gather(self) -> None:
        self._flat = np.concatenate([m._array.reshape(-1) for m in self.members])
        start = 0
        for i, member in enumerate(self.members):
            array = member._array
            member._array = self._views[i] = self._flat[start : start + array.size].reshape(array.shape)
            start += array.size

    @property
    def _shared(self) -> bool:
        return True in [m._shared for m in self.members]

    def writable(self) -> np.ndarray:
        """Return the array for writing in place: parts that something else reads are moved away first."""
        for member in self.members:
            if member._shared:
                member.writable()
        return self._array

    @property
    def _changed(self) -> int:
        return max(m._changed for m in self.members)

    @_changed.setter
    def _changed(self, time: int) -> None:
        for member in self.members:
            member._changed = time


class _Lane:
    """The operations that lead to one variable's update and that nothing else needs.

    Attributes:
        entries: What each of them does, without saying on which variable: equal for lanes that run alike.
        items: For each entry, the value (or number) of this lane.
        ops: The operations.
        updates: The variable that each entry is the new value of, if it is one's.
    """

    def __init__(self, variable: Any, value: Value, made: dict[Value, Op], updated: dict[Value, Any]):
        self.shape = value.shape
        self.entries: list[tuple] = []
        self.items: list[Any] = []
        self.ops: list[Op] = []
        self.updates: list[Any] = []
        self._places: dict[Any, int] = {}
        self._made, self._updated = made, updated
        self._visit(value)

    def _visit(self, x: Any) -> int:
        """Return the place of a value's entry, after those of what it is made of."""
        if type(x) is not Value:
            return self._add(("number", type(x), repr(x)), x)
        if x in self._places:
            return self._places[x]
        op = self._made.get(x)
        if op is not None and x.shape == self.shape and _is_elementwise(op):
            inputs = tuple(self._visit(y) for y in op.inputs)
            self.ops.append(op)
            place = self._add((op.prim.name, inputs, repr(op.params), x in self._updated), x)
            self.updates[place] = self._updated.get(x)
        elif not x.shape:
            place = self._add(("scalar", x), x)
        else:
            place = self._add(("state" if x.kind == "state" else "leaf", x.dtype, x.shape == self.shape), x)
        self._places[x] = place
        return place

    def _add(self, entry: tuple, item: Any) -> int:
        self.entries.append(entry)
        self.items.append(item)
        self.updates.append(None)
        return len(self.entries) - 1

    def stands_alone(self, uses: dict[Value, int]) -> bool:
        """Tell whether nothing else uses what the lane computes, and all that it computes with is of its shape."""
        inside: dict[Value, int] = {}
        for op in self.ops:
            for x in op.values:
                inside[x] = inside.get(x, 0) + 1
        return all(
            uses[op.output] == inside.get(op.output, 0) + (op.output in self._updated) for op in self.ops
        ) and all(entry[2] for entry in self.entries if entry[0] in ("state", "leaf"))


def _is_elementwise(op: Op) -> bool:
    return isinstance(op.prim, (Unary, Binary)) or op.prim.name == "cast"


def put_side_by_side(graph: Graph) -> Graph:
    """Let variables, unless they are large, that are updated in the same way be updated by the same operations.

    Args:
        graph: An optimized graph.

    Returns:
        The graph in which such variables are replaced by `Block`s of them, where they are updated.
    """
    made = {value: op for op in graph.ops for value in op.outputs}
    uses = graph.uses()
    updated = {value: variable for variable, value in graph.updates}
    if len(updated) < len(graph.updates):
        return graph  # one value for two variables
    groups: dict[tuple, list[_Lane]] = {}
    for value, variable in updated.items():
        if uses[value] > 1 or not value.shape or not 0 < value.size <= _LARGEST:
            continue
        lane = _Lane(variable, value, made, updated)
        if lane.ops and lane.stands_alone(uses):
            groups.setdefault(tuple(lane.entries), []).append(lane)
    ops: list[Op] = []
    gone: set[Op] = set()
    updates: dict[int, tuple[Any, Value]] = {id(variable): (variable, v) for variable, v in graph.updates}
    for lanes in groups.values():
        if len(lanes) < 2 or _overlap(lanes):
            continue
        for lane in lanes:
            gone.update(lane.ops)
        ops += _together(lanes, updates)
    if not ops:
        return graph
    kept = [op for op in graph.ops if op not in gone]
    return Graph(graph.arguments, [*kept, *ops], graph.outputs, list(updates.values()))


def _overlap(lanes: Sequence[_Lane]) -> bool:
    """Tell whether two lanes share an operation or a variable."""
    ops = [op for lane in lanes for op in lane.ops]
    states = [
        item.data for lane in lanes for item in lane.items if type(item) is Value and item.kind == "state"
    ]
    return len(set(ops)) < len(ops) or len({id(s) for s in states}) < len(states)


def _together(lanes: Sequence[_Lane], updates: dict[int, tuple[Any, Value]]) -> list[Op]:
    """Return the operations that do for all lanes what each one's do, and replace their updates."""
    ops: list[Op] = []
    values: list[Any] = []
    first = lanes[0]
    length = sum(lane.items[-1].size for lane in lanes)
    for place, entry in enumerate(first.entries):
        items = [lane.items[place] for lane in lanes]
        item = items[0]
        if entry[0] in ("number", "scalar"):
            values.append(item)
        elif entry[0] == "state":
            values.append(Value((length,), item.dtype, "state", Block.of([x.data for x in items])))
        elif entry[0] == "leaf":
            values.append(_joined(items, length, ops))
        else:
            result = Value((length,), item.dtype)
            op = next(op for op in first.ops if op.output is item)
            ops.append(Op(op.prim, [values[i] for i in entry[1]], op.params, [result]))
            values.append(result)
            if first.updates[place] is not None:
                variables = [lane.updates[place] for lane in lanes]
                for variable in variables:
                    del updates[id(variable)]
                block = Block.of(variables)
                updates[id(block)] = (block, result)
    return ops


def _joined(items: Sequence[Value], length: int, ops: list[Op]) -> Value:
    """Add the operations that put values side by side, and return the result."""
    rows = []
    for x in items:
        if x.ndim > 1:
            row = Value((x.size,), x.dtype)
            ops.append(Op(TABLE["reshape"], [x], {"newshape": (x.size,)}, [row]))
            x = row
        rows.append(x)
    result = Value((length,), items[0].dtype)
    ops.append(Op(TABLE["concatenate"], rows, {"axis": 0}, [result]))
    return result
