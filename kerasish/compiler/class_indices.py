"""Cross-entropies of class indices by library calls: the loss and its gradient share what both of them need.

In eager execution each is one primitive, whose gradient has to find out once more where the true classes are, what the
rows add up to, and which probabilities were clipped. In a graph it is there already. (Kernels in machine code have a
way of their own, in `decompose`: they look at each class as they go along a row.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive
from kerasish.compiler.decompose import Emitter, Rule, rewritten
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.devices import cpu

_INT64 = np.dtype(np.int64)


def _places_run(xp: Any, starts: Any, target: Any, count: int) -> Any:
    cpu.check_classes(target, count)
    return (starts + target).astype(_INT64, copy=False)


def _put_run(xp: Any, x: Any, places: Any, values: Any) -> Any:
    out = xp.array(x, order="C")
    out.reshape(-1)[places] = values
    return out


class_places = Primitive(
    "class_places", _places_run, lambda starts, target, count: Abstract(starts.shape, _INT64)
)
"""Where classes are in a matrix, counted along its rows, which begin at `starts`. Other indices are an error."""

at_places = Primitive(
    "at_places",
    lambda xp, x, places: x.reshape(-1)[places],
    lambda x, places: Abstract(places.shape, x.dtype),
)
"""The elements at places that are counted along the rows."""

put_at_places = Primitive("put_at_places", _put_run, lambda x, places, values: Abstract(x.shape, x.dtype))
"""A copy with other elements at places that are counted along the rows."""


class _Shared:
    """What a cross-entropy and its gradient are made of, as vectors with one element a sample."""

    def __init__(self, e: Emitter, output: Value, target: Value):
        self.e = e
        self.count = output.shape[-1]
        self.rows = target.size
        self.matrix = e.reshape(output, (self.rows, self.count))
        self._target = target

    def places(self) -> Value:
        """Where the entries of the true classes are."""
        starts = self.e.constant(np.arange(0, self.rows * self.count, self.count))
        classes = self.e.reshape(self._target, (self.rows,))
        return self.e.op("class_places", (self.rows,), _INT64, starts, classes, count=self.count)

    def picked(self, x: Value) -> Value:
        """The entries of the true classes."""
        return self.e.op("at_places", (self.rows,), x.dtype, x, self.places())

    def total(self, x: Value) -> Value:
        return self.e.reduce("sum", x, 1, keepdims=False)

    def vector(self, g: Value) -> Value:
        return self.e.reshape(g, (self.rows,))

    def column(self, x: Value) -> Value:
        return self.e.reshape(x, (self.rows, 1))

    def with_true(self, x: Value, values: Value) -> Value:
        """Return a matrix with other entries for the true classes."""
        return self.e.op("put_at_places", x.shape, x.dtype, x, self.places(), values)


def _of_probabilities(s: _Shared, low: float, high: float) -> tuple[Value, Value, Value]:
    """What the rows add up to, the probabilities of the true classes, and these clipped."""
    total = s.total(s.matrix)
    probability = s.e.binary("divide", s.picked(s.matrix), total)
    return total, probability, s.e.clipped(probability, low, high)


def _probabilities(e: Emitter, output: Value, target: Value, low: float, high: float) -> Value:
    *_, clipped = _of_probabilities(_Shared(e, output, target), low, high)
    return e.reshape(e.unary("negative", e.unary("log", clipped)), target.shape)


def _probabilities_grad(e: Emitter, g: Value, output: Value, target: Value, low: float, high: float) -> Value:
    # d/dx_j of -log(p), where p = x_t / sum(x), is (1 - (j == t) / p) / sum(x) where nothing is clipped, else 0.
    s = _Shared(e, output, target)
    total, probability, clipped = _of_probabilities(s, low, high)
    passed = e.where(e.between(probability, low, high), s.vector(g), 0)
    share = e.binary("divide", passed, total)
    true = e.binary("subtract", share, e.binary("divide", share, clipped))
    spread = e.op("broadcast_to", s.matrix.shape, share.dtype, s.column(share), shape=s.matrix.shape)
    return e.reshape(s.with_true(spread, true), output.shape)


def _of_logits(s: _Shared) -> tuple[Value, Value, Value]:
    """The logits less the largest of their row, their exponentials, and what these add up to."""
    shifted = s.e.binary("subtract", s.matrix, s.e.reduce("max", s.matrix, 1))
    grown = s.e.unary("exp", shifted)
    return shifted, grown, s.total(grown)


def _logits(e: Emitter, output: Value, target: Value) -> Value:
    s = _Shared(e, output, target)
    shifted, _, total = _of_logits(s)
    return e.reshape(e.binary("subtract", e.unary("log", total), s.picked(shifted)), target.shape)


def _logits_grad(e: Emitter, g: Value, output: Value, target: Value) -> Value:
    # d/dx_j of log(sum(exp(x))) - x_t is softmax(x)_j - (j == t).
    s = _Shared(e, output, target)
    _, grown, total = _of_logits(s)
    probability = e.binary("divide", grown, s.column(total))
    error = s.with_true(probability, e.binary("subtract", s.picked(probability), 1))
    return e.reshape(e.binary("multiply", error, s.column(s.vector(g))), output.shape)


_RULES: dict[str, Rule] = {
    "sparse_crossentropy_of_probabilities": _probabilities,
    "sparse_crossentropy_of_probabilities_grad": _probabilities_grad,
    "sparse_crossentropy_of_logits": _logits,
    "sparse_crossentropy_of_logits_grad": _logits_grad,
}


def _applies(op: Op) -> bool:
    *floats, target = op.values
    return target.size > 0 and target.dtype.kind in "iu" and all(x.dtype.kind == "f" for x in floats)


def share_crossentropies(graph: Graph) -> Graph:
    """Replace cross-entropies of class indices, and their gradients, by operations that both have in common."""
    return rewritten(graph, _RULES, _applies)
