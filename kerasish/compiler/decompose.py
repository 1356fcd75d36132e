"""Composite primitives in terms of simpler ones, so that what they are made of can be fused with what is around them.

Only the fusing executors want this: a library call runs a softmax faster than five separate operations do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract, broadcast_shapes
from kerasish.autograd.primitive import TABLE, Primitive
from kerasish.autograd.primitives.shapes import reduced_shape
from kerasish.compiler.graph import Graph, Op, Value

INT32 = np.dtype(np.int32)
_BOOL = np.dtype(bool)
_ROW_LIMIT = 4096
"""Longest row that is searched for one index instead of being indexed in memory."""


def _iota_run(xp: Any, shape: tuple[int, ...], axis: int) -> Any:
    along = tuple(n if i == axis else 1 for i, n in enumerate(shape))
    return xp.broadcast_to(xp.arange(shape[axis], dtype=INT32).reshape(along), shape)


iota = Primitive("iota", _iota_run, lambda shape, axis: Abstract(shape, INT32))
"""The position of each element along an axis, as int32."""


class Emitter:
    """Collects operations; what has been asked for before is not computed twice."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self._seen: dict[Any, Value] = {}

    def op(self, name: str, shape: tuple[int, ...], kind: np.dtype, /, *inputs: Any, **params: Any) -> Value:
        key = (name, tuple((type(x), x) for x in inputs), kind, tuple(params.items()))
        value = self._seen.get(key)
        if value is None:
            value = self._seen[key] = Value(shape, kind)
            self.ops.append(Op(TABLE[name], inputs, params, (value,)))
        return value

    def constant(self, array: np.ndarray) -> Value:
        key = ("constant", array.dtype, array.shape, array.tobytes())
        value = self._seen.get(key)
        if value is None:
            value = self._seen[key] = Value(array.shape, array.dtype, "constant", array)
        return value

    def binary(self, name: str, x: Any, y: Any) -> Value:
        operands = [v for v in (x, y) if type(v) is Value]
        dtype = (
            _BOOL
            if name in ("equal", "not_equal", "less", "greater", "logical_and", "logical_or")
            else operands[0].dtype
        )
        return self.op(name, broadcast_shapes(*(v.shape for v in operands)), dtype, x, y)

    def unary(self, name: str, x: Value) -> Value:
        return self.op(name, x.shape, x.dtype, x)

    def where(self, condition: Value, x: Any, y: Any) -> Value:
        operands = [v for v in (x, y) if type(v) is Value]
        shape = broadcast_shapes(condition.shape, *(v.shape for v in operands))
        return self.op("where", shape, operands[0].dtype, condition, x, y)

    def reduce(self, kind: str, x: Value, axis: int, keepdims: bool = True) -> Value:
        return self.op(
            f"reduce_{kind}",
            reduced_shape(x.shape, (axis,), keepdims),
            x.dtype,
            x,
            axis=(axis,),
            keepdims=keepdims,
        )

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        return x if x.shape == shape else self.op("reshape", shape, x.dtype, x, newshape=shape)

    def cast(self, x: Value, dtype: np.dtype) -> Value:
        return x if x.dtype == dtype else self.op("cast", x.shape, dtype, x, dtype=dtype)

    def clipped(self, x: Value, low: float, high: float) -> Value:
        return self.binary("minimum", self.binary("maximum", x, low), high)

    def between(self, x: Value, low: float, high: float) -> Value:
        """Return whether elements are inside the bounds."""
        return self.binary("logical_and", self.binary("greater", x, low), self.binary("less", x, high))

    def at(self, x: Value, position: Value, axis: int) -> Value:
        """Return whether an element of `x` is the one at `position` along `axis`."""
        return self.binary("equal", self.op("iota", x.shape, INT32, shape=x.shape, axis=axis), position)

    def pick(self, x: Value, here: Value, axis: int) -> Value:
        """Return the one element along `axis` where `here` holds; zero where it never does."""
        return self.reduce("sum", self.where(here, x, 0), axis)


Rule = Callable[..., Value]


def _softmax(e: Emitter, x: Value, axis: int) -> Value:
    grown = e.unary("exp", e.binary("subtract", x, e.reduce("max", x, axis)))
    return e.binary("divide", grown, e.reduce("sum", grown, axis))


def _argument(kind: str) -> Rule:
    def rule(e: Emitter, x: Value, axis: int, keepdims: bool) -> Value:
        """The first place that holds the extremum (NaN counts as one, as in NumPy)."""
        top = e.reduce(kind, x, axis)
        best = e.binary("equal", x, top)
        if x.dtype.kind == "f":
            best = e.binary("logical_or", best, e.binary("not_equal", x, x))
        places = e.op("iota", x.shape, INT32, shape=x.shape, axis=axis)
        return e.reduce("min", e.where(best, places, x.shape[axis]), axis, keepdims)

    return rule


def _take_along_axis(e: Emitter, x: Value, indices: Value, axis: int) -> Value:
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    position = indices
    if indices.dtype.kind == "i":
        position = e.where(e.binary("less", indices, 0), e.binary("add", indices, x.shape[axis]), indices)
    assert indices.shape == shape
    return e.pick(x, e.at(x, e.cast(position, INT32), axis), axis)


def _class_index(e: Emitter, output: Value, target: Value) -> tuple[int, Value]:
    axis = output.ndim - 1
    position = e.cast(e.reshape(target, (*target.shape, 1)), INT32)
    return axis, e.at(output, position, axis)


def _of_probabilities(e: Emitter, output: Value, target: Value) -> tuple[Value, Value, Value, Value]:
    """Where the true class is, its entry, the sum of all, and the first over the second."""
    axis, here = _class_index(e, output, target)
    picked, total = e.pick(output, here, axis), e.reduce("sum", output, axis)
    return here, picked, total, e.binary("divide", picked, total)


def _probabilities(e: Emitter, output: Value, target: Value, low: float, high: float) -> Value:
    *_, probability = _of_probabilities(e, output, target)
    return e.reshape(e.unary("negative", e.unary("log", e.clipped(probability, low, high))), target.shape)


def _probabilities_grad(e: Emitter, g: Value, output: Value, target: Value, low: float, high: float) -> Value:
    here, picked, total, probability = _of_probabilities(e, output, target)
    inside = e.between(probability, low, high)
    g = e.where(inside, e.reshape(g, (*g.shape, 1)), 0)
    at_target = e.binary("divide", g, e.where(inside, picked, 1))
    return e.binary("subtract", e.binary("divide", g, total), e.where(here, at_target, 0))


def _logits(e: Emitter, output: Value, target: Value) -> Value:
    axis, here = _class_index(e, output, target)
    shifted = e.binary("subtract", output, e.reduce("max", output, axis))
    total = e.unary("log", e.reduce("sum", e.unary("exp", shifted), axis))
    return e.reshape(e.binary("subtract", total, e.pick(shifted, here, axis)), target.shape)


def _logits_grad(e: Emitter, g: Value, output: Value, target: Value) -> Value:
    axis, here = _class_index(e, output, target)
    probability = _softmax(e, output, axis)
    error = e.where(here, e.binary("subtract", probability, 1), probability)
    return e.binary("multiply", error, e.reshape(g, (*g.shape, 1)))


_RULES: dict[str, Rule] = {
    "softmax": _softmax,
    "argmax": _argument("max"),
    "argmin": _argument("min"),
    "take_along_axis": _take_along_axis,
    "sparse_crossentropy_of_probabilities": _probabilities,
    "sparse_crossentropy_of_probabilities_grad": _probabilities_grad,
    "sparse_crossentropy_of_logits": _logits,
    "sparse_crossentropy_of_logits_grad": _logits_grad,
}


def _applies(op: Op, halves: bool) -> bool:
    if any(v.size == 0 or v.dtype.kind not in "biufV" for v in (*op.values, *op.outputs)):
        return False
    if not halves and any(v.dtype.kind in "fV" and v.dtype.itemsize == 2 for v in (*op.values, *op.outputs)):
        return False
    if op.prim.name == "take_along_axis":
        x, indices = op.inputs
        axis = op.params["axis"]
        rows = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
        return (
            indices.shape == rows
            and x.shape[axis] <= _ROW_LIMIT
            and indices.dtype.kind in "iu"
            and x.dtype.kind in "fiuV"
        )
    return not any(v.dtype.kind == "b" for v in op.values)


def decompose(graph: Graph, halves: bool = False) -> Graph:
    """Replace composite primitives by what they are made of.

    Args:
        graph: A graph of primitives.
        halves: Whether kernels compute with floats of two bytes.
    """
    return rewritten(graph, _RULES, lambda op: _applies(op, halves))


def rewritten(graph: Graph, rules: Mapping[str, Rule], applies: Callable[[Op], bool]) -> Graph:
    """Replace primitives by what rules make of them.

    Args:
        graph: A graph of primitives.
        rules: By the primitives' names.
        applies: Whether an operation that there is a rule for is to be replaced.
    """
    emitter = Emitter()
    mapping: dict[Value, Any] = {}
    for op in graph.ops:
        op = op.replacing(mapping)
        rule = rules.get(op.prim.name)
        if rule is None or not applies(op):
            emitter.ops.append(op)
        else:
            mapping[op.output] = rule(emitter, *op.inputs, **op.params)
    return graph.with_ops(emitter.ops, mapping)
