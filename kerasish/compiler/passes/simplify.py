"""Algebra: operations that do nothing, or that another can do on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish.autograd.abstract import broadcast_shapes
from kerasish.autograd.primitive import Binary
from kerasish.compiler.graph import Graph, Op, Value

Made = dict[Value, Op]


def simplify(graph: Graph) -> Graph:
    """Drop what does nothing and let operations absorb the broadcasts, transposes and factors that feed them."""
    mapping: dict[Value, Any] = {}
    made: Made = {}
    kept = []
    for op in graph.ops:
        op = op.replacing(mapping)
        same = _identity(op)
        if same is not None:
            mapping[op.output] = same
            continue
        for rule in _RULES.get(op.prim.name, ()):
            op = rule(op, made)
        if isinstance(op.prim, Binary) or op.prim.name == "where":
            op = _without_broadcasts(op, made)
        same = _identity(op)
        if same is not None:
            mapping[op.output] = same
            continue
        made.update((value, op) for value in op.outputs)
        kept.append(op)
    return graph.with_ops(kept, mapping)


_NEUTRAL = {
    "add": (0, True),
    "subtract": (0, False),
    "multiply": (1, True),
    "divide": (1, False),
    "power": (1, False),
}


def _identity(op: Op) -> Value | None:
    """Return the input that an operation gives back unchanged, if it does."""
    name, x = op.prim.name, op.inputs[0] if op.inputs else None
    if name == "copy":
        return x
    if name in ("reshape", "broadcast_to") and x.shape == op.output.shape:
        return x
    if name == "cast" and x.dtype == op.output.dtype:
        return x
    if name == "transpose" and tuple(op.params["axes"]) == tuple(range(x.ndim)):
        return x
    if name in _NEUTRAL:
        neutral, either_side = _NEUTRAL[name]
        y = op.inputs[1]
        for value, other in ((x, y), (y, x)) if either_side else ((x, y),):
            number = type(other) in (int, float) and other == neutral
            if number and type(value) is Value and _fits(value, op.output):
                return value
    return None


def _fits(value: Value, output: Value) -> bool:
    return value.shape == output.shape and value.dtype == output.dtype


def _without_broadcasts(op: Op, made: Made) -> Op:
    """Elementwise operations broadcast by themselves: feed them the value before a broadcast, if the shape stays."""
    inputs = list(op.inputs)
    for i, x in enumerate(inputs):
        source = made.get(x) if type(x) is Value else None
        if source is None or source.prim.name != "broadcast_to":
            continue
        trial = [*inputs[:i], source.inputs[0], *inputs[i + 1 :]]
        if broadcast_shapes(*(v.shape for v in trial if type(v) is Value)) == op.output.shape:
            inputs = trial
    return op if inputs == list(op.inputs) else Op(op.prim, inputs, op.params, op.outputs)


def _merge_reshapes(op: Op, made: Made) -> Op:
    source = made.get(op.inputs[0])
    if source is not None and source.prim.name == "reshape":
        return Op(op.prim, source.inputs, op.params, op.outputs)
    return op


def _merge_transposes(op: Op, made: Made) -> Op:
    source = made.get(op.inputs[0])
    if source is None or source.prim.name != "transpose":
        return op
    inner = source.params["axes"]
    return Op(op.prim, source.inputs, {"axes": tuple(inner[a] for a in op.params["axes"])}, op.outputs)


def _merge_factors(op: Op, made: Made) -> Op:
    """(x * a) * b is x * (a * b) for numbers a and b."""
    x, b = op.inputs
    if type(x) is not Value:
        x, b = b, x
    if type(x) is not Value or type(b) not in (int, float) or x.dtype.kind != "f":
        return op
    source = made.get(x)
    if source is None or source.prim.name != "multiply":
        return op
    y, a = source.inputs
    if type(y) is not Value:
        y, a = a, y
    if type(y) is not Value or type(a) not in (int, float) or y.dtype != op.output.dtype:
        return op
    return Op(op.prim, (y, a * b), op.params, op.outputs)


def _transposes_into_matmul(op: Op, made: Made) -> Op:
    """A product takes either factor transposed, so a transposition of the last two axes before it is free."""
    inputs, params = list(op.inputs), dict(op.params)
    for i, flag in enumerate(("transpose_x", "transpose_y")):
        source = made.get(inputs[i])
        if source is None or source.prim.name != "transpose":
            continue
        axes = list(source.params["axes"])
        rank = len(axes)
        if rank >= 2 and axes == [*range(rank - 2), rank - 1, rank - 2]:
            inputs[i] = source.inputs[0]
            params[flag] = not params.get(flag, False)
    return Op(op.prim, inputs, params, op.outputs)


_RULES: dict[str, tuple[Callable[[Op, Made], Op], ...]] = {
    "reshape": (_merge_reshapes,),
    "transpose": (_merge_transposes,),
    "multiply": (_merge_factors,),
    "matmul": (_transposes_into_matmul,),
}
