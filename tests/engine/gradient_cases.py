"""The points at which every differentiable primitive is checked: by name, functions of float64 arrays.

`ordinary` points have all derivatives; at `once` points (ties, corners) only the first is defined, as the mean of both
sides, which is what central differences give too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kerasish import ops
from kerasish.autograd.loops import loop
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing, linalg
from kerasish.autograd.primitives import shapes as s
from kerasish.ops import products


@dataclass(frozen=True)
class Case:
    """A function of tensors and the float64 arrays to check its gradients at.

    Attributes:
        label: What is special about the point.
        function: Takes as many tensors as there are arrays, returns a tensor or a list of them.
        arrays: Where to check.
        second: Whether the second derivatives are defined there.
        step: Half the distance of the two points of a central difference.
        tolerance: How far the gradients may be off, relative to the largest.
    """

    label: str
    function: Callable
    arrays: tuple[np.ndarray, ...]
    second: bool = True
    step: float = 1e-5
    tolerance: float = 1e-6


def numbers(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Return numbers between `low` and `high` without ties, far from integers and from 0, in no order."""
    count = int(np.prod(shape))
    spread = (np.arange(count) * 0.6180339887498949 + 0.137) % 1.0
    return (low + spread * (high - low)).reshape(shape)


def ordinary(label: str, function: Callable, *arrays: Any, **options: Any) -> Case:
    return Case(label, function, tuple(np.asarray(a, dtype=np.float64) for a in arrays), **options)


def once(label: str, function: Callable, *arrays: Any, **options: Any) -> Case:
    return ordinary(label, function, *arrays, second=False, **options)


def unary(function: Callable, low: float = -2.0, high: float = 2.0, *more: Case) -> list[Case]:
    return [
        ordinary("matrix", function, numbers(2, 3, low=low, high=high)),
        ordinary("scalar", function, numbers(low=low, high=high)),
        ordinary("no elements", function, np.zeros((0, 3))),
        *more,
    ]


def binary(function: Callable, low: float = 0.5, high: float = 2.0, *more: Case) -> list[Case]:
    draw = partial(numbers, low=low, high=high)
    a, b = draw(2, 3), draw(2, 3)[::-1, ::-1] * 1.07
    return [
        ordinary("same shape", function, a, b),
        ordinary("broadcast inner axis", function, a, draw(2, 1) * 1.09),
        ordinary("broadcast both ways", function, draw(3, 1), draw(1, 2) * 1.09),
        ordinary("new leading axes", function, draw(3) * 1.09, draw(2, 1, 3)),
        ordinary("scalar tensor left", function, draw() * 1.09, a),
        ordinary("scalar tensor right", function, a, draw() * 1.09),
        ordinary("number right", lambda x: function(x, 1.3), a),
        ordinary("number left", lambda x: function(1.3, x), a),
        ordinary("int right", lambda x: function(x, 3), a),
        ordinary("one tensor twice", lambda x: function(x, x * 1.5), a),
        ordinary("no elements", function, np.zeros((0, 3)), draw(3)),
        ordinary("broadcast to no elements", function, np.zeros((2, 0)), draw(2, 1)),
        *more,
    ]


def reduction(function: Callable) -> list[Case]:
    x = numbers(2, 3, 2)
    return [
        ordinary("all axes", partial(function, axis=None), x),
        ordinary("inner axis", partial(function, axis=-1), x),
        ordinary("two axes", partial(function, axis=(0, 2)), x),
        ordinary("keepdims", partial(function, axis=1, keepdims=True), x),
        ordinary("no axes", partial(function, axis=()), x),
        ordinary("axis of one", partial(function, axis=0), numbers(1, 3)),
        ordinary("scalar", partial(function, axis=None), numbers()),
        ordinary("no elements, other axis", partial(function, axis=1), np.zeros((0, 3))),
    ]


def _int(*values: Any) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def _template(*parts: Any) -> tuple:
    return tuple(indexing.ARRAY if part == "array" else part for part in parts)


def _tensors(*arrays: Any) -> list:
    return [ops.convert_to_tensor(a) for a in arrays]


def _weighted_square(x: Any) -> Any:
    """x^2 with a gradient rule of the user's own, which is the right one."""

    @ops.custom_gradient
    def square(x):
        return x * x, lambda *args, upstream=None: (args[0] if upstream is None else upstream) * 2.0 * x

    return square(x)


def _two_results(x: Any, y: Any) -> Any:
    @ops.custom_gradient
    def both(x, y):
        return (x * y, x + y), lambda g, h: (g * y + h, g * x + h)

    return list(both(x, y))


def _looped(h: Any, xs: Any, w: Any) -> Any:
    def step(carried, slices):
        return [ops.tanh(carried[0] @ w + slices[0])], [carried[0] * slices[0], ops.exp(w * 0.1)]

    last, stacked = loop(step, [h], [xs], 3)
    return [*last, *stacked]


_x23, _x234 = numbers(2, 3), numbers(2, 3, 4)
_everything = slice(None)
_ties = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, -1.0]])
_zeros = [
    ("no zero", [1.5, -2.0, 0.5]),
    ("one zero", [1.5, 0.0, 0.5]),
    ("two zeros", [0.0, 2.0, 0.0]),
    ("all zeros", [0.0, 0.0, 0.0]),
]

CASES: dict[str, Sequence[Case]] = {
    # Arithmetic
    "add": binary(e.add),
    "subtract": binary(e.subtract),
    "multiply": binary(e.multiply, 0.5, 2.0, ordinary("zeros", e.multiply, [0.0, 1.0], [0.0, 0.0])),
    "divide": binary(e.divide),
    "remainder": binary(
        e.remainder, 0.5, 2.0, ordinary("negative", e.remainder, [-3.7, 3.7, -3.7], [1.5, -1.5, -1.6])
    ),
    "fmod": binary(e.fmod, 0.5, 2.0, ordinary("negative", e.fmod, [-3.7, 3.7, -3.7], [1.5, -1.5, -1.6])),
    "power": binary(
        e.power,
        0.5,
        2.0,
        ordinary("zero base, number", lambda x: e.power(x, 3), [0.0, -1.5, 2.0]),
        ordinary("zero base squared", lambda x: e.power(x, 2), [0.0, -1.5, 2.0]),
        ordinary("zero base, float number", lambda x: e.power(x, 2.0), [0.0, -1.5, 2.0]),
        ordinary("to the first", lambda x: e.power(x, 1), [0.0, -1.5, 2.0]),
        ordinary("to the zeroth", lambda x: e.power(x, 0), [0.0, -1.5, 2.0]),
        ordinary(
            "zero base, tensor",
            lambda x: e.power(x, ops.convert_to_tensor([3.0, 2.0, 1.0])),
            [0.0, -1.5, 2.0],
        ),
        ordinary(
            "to the zeroth, tensor", lambda x: e.power(x, ops.convert_to_tensor([0.0, 0.0])), [0.0, -1.5]
        ),
        once("zero base, by exponent", lambda y: e.power(0.0, y), [2.0, 3.5]),
        ordinary("negative exponent", lambda x: e.power(x, -2), [0.5, -1.5, 2.0]),
    ),
    "maximum": binary(
        e.maximum,
        0.5,
        2.0,
        once("ties", e.maximum, [1.0, 2.0, 3.0], [1.0, 2.5, 3.0]),
        once("ties with a number", lambda x: e.maximum(x, 0.0), [0.0, 1.0, -1.0]),
    ),
    "minimum": binary(
        e.minimum,
        0.5,
        2.0,
        once("ties", e.minimum, [1.0, 2.0, 3.0], [1.0, 2.5, 3.0]),
        once("ties with a number", lambda x: e.minimum(x, 0.0), [0.0, 1.0, -1.0]),
    ),
    "arctan2": binary(
        e.arctan2,
        0.5,
        2.0,
        ordinary("all quadrants", e.arctan2, [1.0, 1.0, -1.0, -1.0], [2.0, -2.0, 2.0, -2.0]),
    ),
    "hypot": binary(e.hypot, 0.5, 2.0, ordinary("signs", e.hypot, [1.0, -1.0, 0.0], [0.0, 2.0, -2.0])),
    "logaddexp": binary(
        e.logaddexp, 0.5, 2.0, ordinary("far apart", e.logaddexp, [700.0, -5.0], [-5.0, 700.0])
    ),
    "negative": unary(e.negative),
    "absolute": unary(e.absolute, -2.0, 2.0, once("corner", e.absolute, [0.0, 1.0, -1.0])),
    "sign": unary(e.sign),
    "square": unary(e.square, -2.0, 2.0, ordinary("zero", e.square, [0.0, 1.0])),
    "reciprocal": unary(e.reciprocal, 0.5, 2.0, ordinary("negative", e.reciprocal, [-0.5, -2.0])),
    "floor": unary(e.floor),
    "ceil": unary(e.ceil),
    "trunc": unary(e.trunc),
    "rint": unary(e.rint),
    # Exponentials and logarithms
    "exp": unary(e.exp),
    "expm1": unary(e.expm1, -2.0, 2.0, ordinary("near zero", e.expm1, [1e-9, 0.0])),
    "exp2": unary(e.exp2),
    "log": unary(e.log, 0.3, 3.0),
    "log1p": unary(e.log1p, -0.5, 3.0, ordinary("near zero", e.log1p, [1e-9, 0.0])),
    "log2": unary(e.log2, 0.3, 3.0),
    "log10": unary(e.log10, 0.3, 3.0),
    "sqrt": unary(e.sqrt, 0.3, 3.0),
    "cbrt": unary(e.cbrt, 0.3, 3.0, ordinary("negative", e.cbrt, [-0.5, -8.0])),
    "sigmoid": unary(e.sigmoid, -4.0, 4.0, ordinary("saturated", e.sigmoid, [-800.0, 800.0, 40.0])),
    "softplus": unary(e.softplus, -4.0, 4.0, ordinary("saturated", e.softplus, [-800.0, 800.0])),
    "relu": unary(e.relu),
    "erf": unary(e.erf, -3.0, 3.0, ordinary("zero", e.erf, [0.0])),
    "erfc": unary(e.erfc, -3.0, 3.0, ordinary("zero", e.erfc, [0.0])),
    "erfinv": unary(e.erfinv, -0.9, 0.9, ordinary("zero", e.erfinv, [0.0])),
    # Trigonometry
    "sin": unary(e.sin),
    "cos": unary(e.cos),
    "tan": unary(e.tan, -1.2, 1.2),
    "arcsin": unary(e.arcsin, -0.9, 0.9),
    "arccos": unary(e.arccos, -0.9, 0.9),
    "arctan": unary(e.arctan),
    "sinh": unary(e.sinh),
    "cosh": unary(e.cosh),
    "tanh": unary(e.tanh),
    "arcsinh": unary(e.arcsinh),
    "arccosh": unary(e.arccosh, 1.5, 3.0),
    "arctanh": unary(e.arctanh, -0.8, 0.8),
    # Choice and conversion
    "where": [
        ordinary(
            "same shape", partial(e.where, np.array([True, False, True])), [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
        ),
        ordinary("broadcast condition", partial(e.where, np.array([[True], [False]])), _x23, numbers(3)),
        ordinary("broadcast all", partial(e.where, np.array([[True], [False]])), numbers(3), numbers(1)),
        ordinary("number", lambda x: e.where(np.array([True, False, True]), x, 0.5), [1.0, 2.0, 3.0]),
        ordinary("number first", lambda x: e.where(np.array([True, False, True]), 2, x), [1.0, 2.0, 3.0]),
        ordinary("scalar", partial(e.where, True), 1.0, 2.0),
        ordinary("no elements", partial(e.where, np.zeros((0, 3), bool)), np.zeros((0, 3)), numbers(3)),
    ],
    "cast": [
        ordinary(
            "down and up", lambda x: cast(cast(x, "float32"), "float64"), _x23, step=1e-2, tolerance=1e-4
        ),
        ordinary("no elements", lambda x: cast(cast(x, "float32"), "float64"), np.zeros((0, 2))),
    ],
    # Shapes
    "reshape": [
        ordinary("flatten", lambda x: s.reshape(x, -1), _x234),
        ordinary("scalar", lambda x: s.reshape(x, (1, 1)), 1.5),
        ordinary("to scalar", lambda x: s.reshape(x, ()), [1.5]),
        ordinary("no elements", lambda x: s.reshape(x, (3, 0)), np.zeros((0, 2))),
        ordinary("axes of one", lambda x: s.squeeze(s.expand_dims(x, (0, 2)), 0), _x23),
    ],
    "transpose": [
        ordinary("reversed", s.transpose, _x234),
        ordinary("cycle", lambda x: s.transpose(x, (1, 2, 0)), _x234),
        ordinary("scalar", s.transpose, 1.5),
        ordinary("no elements", s.transpose, np.zeros((0, 2))),
    ],
    "broadcast_to": [
        ordinary("new axes", lambda x: s.broadcast_to(x, (4, 2, 3)), _x23),
        ordinary("axes of one", lambda x: s.broadcast_to(x, (2, 5, 3)), numbers(2, 1, 3)),
        ordinary("both", lambda x: s.broadcast_to(x, (2, 5, 3)), numbers(1, 3)),
        ordinary("scalar", lambda x: s.broadcast_to(x, (2, 3)), 1.5),
        ordinary("to no elements", lambda x: s.broadcast_to(x, (0, 3)), numbers(1, 3)),
    ],
    "concatenate": [
        ordinary("rows", lambda x, y: s.concatenate([x, y], 0), _x23, numbers(1, 3)),
        ordinary("columns", lambda x, y: s.concatenate([x, y], -1), _x23, numbers(2, 2)),
        ordinary("twice the same", lambda x: s.concatenate([x, x * 2.0, x], 1), _x23),
        ordinary("one has no elements", lambda x, y: s.concatenate([x, y], 0), _x23, np.zeros((0, 3))),
        ordinary("stack", lambda x, y: s.stack([x, y], 1), _x23, numbers(2, 3)),
        ordinary("stack of scalars", lambda x, y: s.stack([x, y]), 1.5, 2.5),
        ordinary("a constant between", lambda x: s.concatenate([x, np.ones((1, 3)), x]), _x23),
    ],
    "pad": [
        ordinary("zeros", lambda x: ops.pad(x, ((1, 0), (2, 1))), _x23),
        ordinary("a value", lambda x: ops.pad(x, 1, constant_values=2.5), _x23),
        ordinary("nothing", lambda x: ops.pad(x, 0), _x23),
        ordinary("no elements", lambda x: ops.pad(x, 1), np.zeros((0, 2))),
    ],
    "flip": [
        ordinary("all", ops.flip, _x23),
        ordinary("one axis", lambda x: ops.flip(x, 1), _x23),
        ordinary("scalar", ops.flip, 1.5),
    ],
    "copy": [ordinary("matrix", ops.copy, _x23), ordinary("scalar", ops.copy, 1.5)],
    "identity": [ordinary("matrix", lambda x: +x, _x23), ordinary("scalar", lambda x: +x, 1.5)],
    # Positions
    "slice": [
        ordinary("row", lambda x: x[1], _x234),
        ordinary("negative step", lambda x: x[::-1, ::-2], _x23),
        ordinary("mixed", lambda x: x[..., None, 1:3, 0], _x234),
        ordinary("element", lambda x: x[1, -1], _x23),
        ordinary("empty slice", lambda x: x[2:], _x23),
        ordinary("overlapping reads", lambda x: x[1:] * x[:-1], numbers(4)),
    ],
    "unslice": [
        ordinary("rows", lambda g: indexing._unslice(g, index=(slice(1, 3),), shape=(4, 3)), _x23),
        ordinary(
            "negative step",
            lambda g: indexing._unslice(g, index=(slice(None, None, -2),), shape=(4, 3)),
            _x23,
        ),
        ordinary("scalar", lambda g: indexing._unslice(g, index=(1, 2), shape=(2, 3)), 1.5),
    ],
    "gather": [
        ordinary("rows", lambda x: x[_int(1, 0, 1)], _x23),
        ordinary("negative indices", lambda x: x[:, _int(-1, 0, -1, 2)], _x23),
        ordinary("pairs", lambda x: x[_int(0, 1, 1), _int(2, 2, 2)], _x23),
        ordinary("grid", lambda x: x[_int([0], [1]), _int([2, 0, 2])], _x23),
        ordinary("apart", lambda x: x[_int(0, 1), :, _int(3, 3)], _x234),
        ordinary("with an int and None", lambda x: x[1, None, _int(0, 2, 0)], _x234),
        ordinary("after a slice", lambda x: x[:, _int([0, 0], [2, 1]), 1:3], _x234),
        ordinary("mask", lambda x: x[np.array([[True, False, True], [False, False, True]])], _x23),
        ordinary("mask of rows", lambda x: x[np.array([False, True])], _x23),
        ordinary("empty mask", lambda x: x[np.zeros((2, 3), bool)], _x23),
        ordinary("no indices", lambda x: x[np.zeros((0,), np.int32)], _x23),
        ordinary("take", lambda x: ops.take(x, _int([0, 2], [2, 2]), axis=1), _x23),
        ordinary("take flat", lambda x: ops.take(x, _int(5, 0, 5)), _x23),
        ordinary("scalar index", lambda x: ops.take(x, 1, axis=0), _x23),
    ],
    "scatter_add": [
        ordinary(
            "repeated rows",
            lambda x, v: indexing.scatter_add(x, v, _tensors(_int(1, 0, 1)), _template("array")),
            _x23,
            numbers(3, 3),
        ),
        ordinary(
            "broadcast values",
            lambda x, v: indexing.scatter_add(x, v, _tensors(_int(1, 1)), _template(_everything, "array")),
            _x23,
            numbers(1),
        ),
        ordinary(
            "pairs",
            lambda x, v: indexing.scatter_add(
                x, v, _tensors(_int(1, 1), _int(2, 2)), _template("array", "array")
            ),
            _x23,
            numbers(2),
        ),
        ordinary("segment sum", lambda x: ops.segment_sum(x, _int(0, 2, 0), 4), numbers(3, 2)),
        ordinary("op", lambda x, v: ops.scatter_update(x, _int([0, 1], [0, 1]), v, "add"), _x23, numbers(2)),
        ordinary("nowhere", lambda x: ops.segment_sum(x, np.zeros(0, np.int32), 2), np.zeros((0, 2))),
    ],
    "scatter_set": [
        ordinary(
            "rows",
            lambda x, v: indexing.scatter_set(x, v, _tensors(_int(2, 0)), _template("array")),
            numbers(3, 2),
            numbers(2, 2),
        ),
        ordinary("slice", lambda x, v: ops.slice_update(x, (1, 0), v), numbers(3, 3), numbers(2, 2)),
        ordinary("op", lambda x, v: ops.scatter_update(x, _int([0, 1], [1, 2]), v), _x23, numbers(2)),
        ordinary(
            "broadcast values",
            lambda x, v: indexing.scatter_set(x, v, _tensors(_int(1, 2)), _template(_everything, "array")),
            _x23,
            numbers(1),
        ),
        ordinary("diagonal matrix", lambda x: ops.diag(x, -1), numbers(3)),
    ],
    "take_along_axis": [
        ordinary("columns", lambda x: ops.take_along_axis(x, _int([0, 0], [2, 1]), 1), _x23),
        ordinary("flat", lambda x: ops.take_along_axis(x, _int(5, 5, 0), None), _x23),
        ordinary("broadcast rows", lambda x: ops.take_along_axis(x, _int([1, 0, 1]), 0), _x23),
        ordinary(
            "broadcast values", lambda x: ops.take_along_axis(x, _int([0, 1], [1, 1]), 1), numbers(1, 2)
        ),
        ordinary("negative", lambda x: ops.take_along_axis(x, _int([-1], [-3]), 1), _x23),
        ordinary("sort", lambda x: ops.sort(x, 0), _x23),
        once("sort with ties", lambda x: ops.sum(ops.sort(x, 1), 1), _ties),
        ordinary("top_k", lambda x: ops.top_k(x, 2)[0], _x23),
        ordinary("no elements", lambda x: ops.take_along_axis(x, np.zeros((2, 0), np.int32), 1), _x23),
    ],
    "put_along_axis_add": [
        ordinary(
            "repeated",
            lambda x, v: indexing._put_along_add(x, *_tensors(_int([0, 0], [2, 1])), v, axis=1),
            _x23,
            numbers(2, 2),
        ),
    ],
    # Reductions
    "reduce_sum": [
        *reduction(ops.sum),
        ordinary("no elements, same axis", lambda x: ops.sum(x, 0), np.zeros((0, 3))),
    ],
    "reduce_max": [
        *reduction(ops.max),
        once("two tied", lambda x: ops.max(x, 1), _ties),
        once("tied over two axes", ops.max, [[1.0, 3.0], [3.0, 0.0]]),
    ],
    "reduce_min": [*reduction(ops.min), once("two tied", lambda x: ops.min(x, 0), [[1.0, 2.0], [1.0, 3.0]])],
    "reduce_prod": [
        *reduction(ops.prod),
        *(ordinary(label, ops.prod, x) for label, x in _zeros),
        ordinary("zeros in rows", lambda x: ops.prod(x, 1), [x for _, x in _zeros]),
        ordinary("no elements, same axis", lambda x: ops.prod(x, 0), np.zeros((0, 3))),
    ],
    "cumsum": [
        ordinary("rows", lambda x: ops.cumsum(x, 0), _x23),
        ordinary("flat", ops.cumsum, _x23),
        ordinary("no elements", lambda x: ops.cumsum(x, 0), np.zeros((0, 3))),
        *(ordinary(f"cumprod, {label}", ops.cumprod, x) for label, x in _zeros),
        ordinary("cumprod of an axis", lambda x: ops.cumprod(x, 1), numbers(2, 5)),
    ],
    "reduce_mean": [
        *reduction(ops.mean),
        ordinary("columns of no rows", lambda x: ops.mean(x, 1), np.zeros((0, 3))),
    ],
    # Products
    "affine": [
        ordinary("matrix", products.affine, _x23, numbers(3, 4), numbers(4)),
        ordinary("stack", products.affine, _x234, numbers(4, 2), numbers(2)),
        ordinary("no rows", products.affine, np.zeros((0, 3)), numbers(3, 4), numbers(4)),
    ],
    "matmul": [
        ordinary("matrices", linalg.matmul, _x23, numbers(3, 4)),
        ordinary("left transposed", partial(linalg.matmul, transpose_x=True), _x23, numbers(2, 4)),
        ordinary("right transposed", partial(linalg.matmul, transpose_y=True), _x23, numbers(4, 3)),
        ordinary(
            "both transposed", partial(linalg.matmul, transpose_x=True, transpose_y=True), _x23, numbers(4, 2)
        ),
        ordinary("stacks", linalg.matmul, _x234, numbers(2, 4, 2)),
        ordinary("stacks transposed", partial(linalg.matmul, transpose_x=True), _x234, numbers(2, 3, 2)),
        ordinary(
            "stacks both", partial(linalg.matmul, transpose_x=True, transpose_y=True), _x234, numbers(2, 2, 3)
        ),
        ordinary("stack times matrix", linalg.matmul, _x234, numbers(4, 2)),
        ordinary(
            "stack times matrix transposed", partial(linalg.matmul, transpose_y=True), _x234, numbers(2, 4)
        ),
        ordinary(
            "stack transposed times matrix", partial(linalg.matmul, transpose_x=True), _x234, numbers(3, 2)
        ),
        ordinary("matrix times stack", linalg.matmul, numbers(2, 3), numbers(2, 3, 2)),
        ordinary("broadcast stacks", linalg.matmul, numbers(2, 1, 2, 3), numbers(3, 3, 2)),
        ordinary("vectors", ops.matmul, numbers(3), numbers(3)),
        ordinary("vector times matrix", ops.matmul, numbers(2), _x23),
        ordinary("matrix times vector", ops.matmul, _x23, numbers(3)),
        ordinary("vector times stack", ops.matmul, numbers(3), _x234),
        ordinary("squared", lambda x: x @ x, numbers(2, 2)),
        ordinary("no rows", linalg.matmul, np.zeros((0, 3)), numbers(3, 2)),
        ordinary("no inner axis", linalg.matmul, np.zeros((2, 0)), np.zeros((0, 3))),
        ordinary("tensordot", lambda x, y: ops.tensordot(x, y, ((1, 0), (0, 2))), _x234, numbers(3, 2, 2)),
    ],
    "softmax": [
        ordinary("rows", ops.softmax, _x23),
        ordinary("columns", lambda x: ops.softmax(x, 0), _x23),
        ordinary("ties", ops.softmax, _ties),
        ordinary("large", ops.softmax, [[1000.0, 1001.0, -1000.0]]),
        ordinary("one class", ops.softmax, numbers(3, 1)),
        ordinary("no rows", ops.softmax, np.zeros((0, 3))),
        ordinary("several axes", lambda x: ops.softmax(x, (0, 2)), _x234),
    ],
    "custom_gradient": [
        ordinary("one result", _weighted_square, _x23),
        ordinary("two results", _two_results, _x23, numbers(2, 3)),
    ],
    "scan": [ordinary("a product and sums", _looped, numbers(2, 2), numbers(3, 2, 2), numbers(2, 2))],
}

# Losses whose gradient is a primitive of its own

_probabilities = numbers(2, 3, low=0.2, high=0.6)
_classes = _int(2, 0)
for _name, _logits, _point in (
    ("sparse_crossentropy_of_probabilities", False, _probabilities),
    ("sparse_crossentropy_of_logits", True, _x23),
):
    _loss = partial(ops.sparse_categorical_crossentropy, from_logits=_logits)
    CASES[_name] = CASES[f"{_name}_grad"] = [
        ordinary("rows", partial(_loss, _classes), _point),
        ordinary("steps", partial(_loss, _int([2, 0], [1, 1])), np.stack([_point, _point[::-1]])),
        ordinary("other axis", partial(_loss, _int(1, 0, 1), axis=0), _point),
        ordinary("no rows", partial(_loss, np.zeros(0, np.int32)), np.zeros((0, 3))),
    ]
