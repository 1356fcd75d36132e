"""Passes about parts of arrays: those that are put together, and those that are taken out."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.primitive import TABLE, Binary, Unary
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.passes.cleanup import dead_code


def join_parts(graph: Graph) -> Graph:
    """Put parts that are padded with zeros and added up, and that fill an array side by side, next to each other.

    It is what gradients of a split are made of.
    """
    made = {v: op for op in graph.ops for v in op.outputs}
    if not any(op.prim.name == "unslice" for op in graph.ops):
        return graph
    uses = graph.uses()
    ops = []
    for op in graph.ops:
        leaves = _padded(op, made, uses) if op.prim.name == "add" else None
        joined = None if leaves is None else _side_by_side(leaves, op.output)
        if joined is not None:
            axis, parts = joined
            op = Op(TABLE["concatenate"], parts, {"axis": axis}, op.outputs)
        ops.append(op)
    return graph.with_ops(ops)


def _padded(op: Op, made: dict[Value, Op], uses: dict[Value, int]) -> list[Op] | None:
    """Return the paddings that an addition adds up; None if it adds anything else."""
    leaves = []
    for x in op.inputs:
        maker = made.get(x) if type(x) is Value else None
        if maker is None or uses[x] != 1 or maker.output.shape != op.output.shape:
            return None
        if maker.prim.name == "unslice":
            leaves.append(maker)
        elif maker.prim.name == "add" and (inner := _padded(maker, made, uses)) is not None:
            leaves += inner
        else:
            return None
    return leaves


def _side_by_side(leaves: list[Op], whole: Value) -> tuple[int, list[Value]] | None:
    """Return the axis along which parts fill a whole, and the parts in order; None if they do not."""
    places = []
    axes = set()
    for op in leaves:
        bounds = _bounds(op.params["index"], whole.shape)
        if bounds is None or op.inputs[0].dtype != whole.dtype or op.inputs[0].ndim != whole.ndim:
            return None
        cut = [axis for axis, part in enumerate(bounds) if part != (0, whole.shape[axis])]
        axes.update(cut)
        if len(cut) != 1:
            return None
        places.append((bounds[cut[0]], op.inputs[0]))
    if len(axes) != 1:
        return None
    axis = axes.pop()
    places.sort(key=lambda place: place[0])
    end = 0
    for (start, stop), _ in places:
        if start != end:
            return None
        end = stop
    return (axis, [part for _, part in places]) if end == whole.shape[axis] else None


def _bounds(index: Any, shape: tuple[int, ...]) -> list[tuple[int, int]] | None:
    """Return the first element and the end along each axis; None where an index is no stretch of neighbors."""
    if len(index) != len(shape) or not all(isinstance(part, slice) for part in index):
        return None
    found = [part.indices(n) for part, n in zip(index, shape, strict=True)]
    return [(start, stop) for start, stop, _ in found] if all(step == 1 for *_, step in found) else None


def slice_first(graph: Graph) -> Graph:
    """Slice what elementwise operations compute from, where nothing but slices of their results is used.

    For kernels, that read a slice where it lies.
    """
    uses = graph.uses()
    sliced: dict[Value, int] = {}
    for op in graph.ops:
        if op.prim.name == "slice" and _bounds(op.params["index"], op.inputs[0].shape) is not None:
            sliced[op.inputs[0]] = sliced.get(op.inputs[0], 0) + 1
    made: dict[Value, Op] = {}
    ops: list[Op] = []
    for op in graph.ops:
        x = op.inputs[0] if op.inputs else None
        if op.prim.name == "slice" and sliced.get(x) == uses.get(x):
            op = _through(op, made, ops)
        made.update((v, op) for v in op.outputs)
        ops.append(op)
    return dead_code(graph.with_ops(ops))


def _through(op: Op, made: dict[Value, Op], ops: list[Op]) -> Op:
    """Return the operation behind a slice on slices of its operands, which are added to `ops`."""
    x = op.inputs[0]
    maker = made.get(x)
    if maker is None or not isinstance(maker.prim, (Unary, Binary)) or maker.output.shape != x.shape:
        return op
    bounds = _bounds(op.params["index"], x.shape)
    assert bounds is not None
    operands = []
    for y in maker.inputs:
        if type(y) is not Value:
            operands.append(y)
            continue
        own = bounds[len(bounds) - y.ndim :]
        index = tuple(slice(0, 1) if n == 1 else slice(*b) for n, b in zip(y.shape, own, strict=True))
        shape = tuple(part.stop - part.start for part in index)
        if shape == y.shape:
            operands.append(y)
            continue
        part = Op(op.prim, [y], {"index": index}, [Value(shape, y.dtype)])
        inner = _through(part, made, ops)
        made[part.output] = inner
        ops.append(inner)
        operands.append(part.output)
    return Op(maker.prim, operands, maker.params, op.outputs)
