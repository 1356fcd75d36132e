"""Elementwise work on large arrays with NumPy, piece by piece, so that what is computed on the way stays in the cache.

An optimizer's dozen operations on a large weight would each go through all of it in memory. In pieces they give the
same numbers, since each element is computed by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any

import numpy as np

from kerasish.compiler.executors import lowering
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel

_LARGE = 1 << 19
"""Elements from which on operations are done in pieces: a few of them fill the cache, and calls take their time too."""
_PIECE = 1 << 15
"""Elements of a piece."""
_FEWEST = 3
"""Operations that it is worth for."""


class PieceKernel(Kernel):
    """Elementwise operations on arrays of one shape, and on single numbers.

    Attributes:
        ops: The operations, in order.
        inputs: What they read from outside: single numbers first.
        outputs: What is used outside.
    """

    name = "pieces"

    def __init__(self, ops: Sequence[Op], outputs: Sequence[Value]):
        self.ops = tuple(ops)
        self.name = "pieces_" + "_".join(dict.fromkeys(op.prim.name for op in ops[:4]))
        made = {op.output for op in ops}
        read = dict.fromkeys(x for op in ops for x in op.values if x not in made)
        shape = ops[0].output.shape
        self._numbers = [x for x in read if x.shape != shape]
        self.inputs = [*self._numbers, *(x for x in read if x.shape == shape)]
        self.outputs = list(outputs)
        self._make, self._rooms = _code(ops, self.inputs, self.outputs)
        self._local = threading.local()

    def __call__(self, *arrays: Any) -> None:
        count = len(self._numbers)
        numbers, large = arrays[:count], arrays[count:]
        mine = self._local
        if not hasattr(mine, "arrays") or not all(map(is_, large, mine.arrays)):
            mine.arrays, mine.pieces = large, self._divide(large)
        for run, views in mine.pieces:
            run(*numbers, *views)

    def _divide(self, arrays: Sequence[np.ndarray]) -> list[tuple[Callable, list[np.ndarray]]]:
        if not all(array.flags.c_contiguous for array in arrays):  # which has no pieces that are views
            return [(self._make(*[np.empty(arrays[0].shape, dtype) for dtype in self._rooms]), list(arrays))]
        flat = [array.reshape(-1) for array in arrays]
        size = flat[0].size
        rooms = [np.empty(_PIECE, dtype) for dtype in self._rooms]
        whole = self._make(*rooms)
        pieces = []
        for start in range(0, size, _PIECE):
            stop = min(start + _PIECE, size)
            run = whole if stop - start == _PIECE else self._make(*[room[: stop - start] for room in rooms])
            pieces.append((run, [array[start:stop] for array in flat]))
        return pieces

    def may_overwrite(self, input_index: int, output_index: int) -> bool:
        x, out = self.inputs[input_index], self.outputs[output_index]
        if x.shape != out.shape or x.dtype != out.dtype:
            return False
        made = next(i for i, op in enumerate(self.ops) if op.output is out)
        last = max(i for i, op in enumerate(self.ops) if x in op.values)
        return last < made or (last == made and _may_take(self.ops[made], x))


def _may_take(op: Op, x: Value) -> bool:
    """Tell whether an operation may write its result over an input."""
    return all(lowering.may_overwrite(op, i) for i, y in enumerate(op.inputs) if y is x)


def _code(
    ops: Sequence[Op], inputs: Sequence[Value], outputs: Sequence[Value]
) -> tuple[Callable, list[np.dtype]]:
    """Return what makes the function of a piece for given rooms, and the types of the rooms that it needs."""
    names = {x: f"x{i}" for i, x in enumerate(inputs)}
    names.update((x, f"y{i}") for i, x in enumerate(outputs))
    last = {x: i for i, op in enumerate(ops) for x in op.values}
    objects: dict[str, Any] = {}
    known: dict[int, str] = {}
    rooms: list[np.dtype] = []
    free: list[int] = []
    held: dict[Value, int] = {}

    def bind(thing: Any, hint: str) -> str:
        if id(thing) not in known:
            known[id(thing)] = f"f{len(objects)}"
            objects[known[id(thing)]] = thing
        return known[id(thing)]

    lines: list[str] = []
    for i, op in enumerate(ops):
        texts = [names[x] if type(x) is Value else lowering.number_text(x) for x in op.inputs]
        ended = [x for x in dict.fromkeys(op.values) if last[x] == i and x in held]
        free += [held.pop(x) for x in ended if _may_take(op, x)]
        if op.output not in names:
            place = next((r for r in free if rooms[r] == op.output.dtype), None)
            if place is None:
                rooms.append(op.output.dtype)
                place = len(rooms) - 1
            else:
                free.remove(place)
            held[op.output] = place
            names[op.output] = f"r{place}"
        lines += lowering.rule_for(op)(op, texts, names[op.output], bind)  # type: ignore[misc]
        free += [held.pop(x) for x in ended if x in held]
    given = ", ".join([f"x{i}" for i in range(len(inputs))] + [f"y{i}" for i in range(len(outputs))])
    text = "\n".join(
        [
            f"def make({', '.join(f'r{i}' for i in range(len(rooms)))}):",
            f"    def run({given}):",
            *(f"        {line}" for line in lines),
            "    return run",
        ]
    )
    exec(compile(text, "<pieces>", "exec"), objects)
    return objects["make"], rooms


def in_pieces(graph: Graph) -> Graph:
    """Put kernels in place of elementwise operations on large arrays that follow each other.

    Args:
        graph: A graph of primitives.
    """
    users: dict[Value, list[Op]] = {}
    for op in graph.ops:
        for x in op.values:
            users.setdefault(x, []).append(op)
    wanted = set(graph.wanted)
    ops: list[Op] = []
    group: list[Op] = []
    made: set[Value] = set()

    def flush() -> None:
        inside = set(group)
        if len(group) < _FEWEST:
            ops.extend(group)
        else:
            outputs = [
                op.output
                for op in group
                if op.output in wanted or any(user not in inside for user in users.get(op.output, ()))
            ]
            kernel = PieceKernel(group, outputs)
            ops.append(Op(kernel, kernel.inputs, {}, kernel.outputs))
        group.clear()
        made.clear()

    for op in graph.ops:
        if _is_elementwise(op):
            if group and group[0].output.shape != op.output.shape:
                flush()
            group.append(op)
            made.add(op.output)
            continue
        if not made.isdisjoint(op.values):
            flush()
        ops.append(op)
    flush()
    return graph.with_ops(ops)


def _is_elementwise(op: Op) -> bool:
    """Tell whether an operation reads large arrays of its result's shape, and single numbers, and nothing else."""
    if isinstance(op.prim, Kernel) or len(op.outputs) != 1 or op.output.size < _LARGE:
        return False
    if op.prim.name not in _NAMES or lowering.rule_for(op) is None:
        return False
    shape = op.output.shape
    return all(x.shape in (shape, ()) for x in op.values) and any(x.shape == shape for x in op.values)


_NAMES = frozenset(
    "add subtract multiply divide square sqrt negative abs exp log tanh maximum minimum power reciprocal relu sigmoid "
    "cast greater greater_equal less less_equal equal not_equal sign floor ceil".split()
)


__all__ = ["PieceKernel", "in_pieces"]
