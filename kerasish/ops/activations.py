"""Activation functions of `keras.ops`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Piece, Primitive, cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives.shapes import normalize_axis, reduce_sum
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.arithmetic import clip
from kerasish.ops.common import as_float
from kerasish.ops.creation import arange
from kerasish.ops.math import logsumexp
from kerasish.ops.order import sort
from kerasish.ops.reductions import cumsum, sum
from kerasish.ops.shapes import flip, moveaxis, reshape, split, transpose


def relu(x: Any) -> Tensor:
    """max(x, 0), elementwise."""
    return e.relu(x)


def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6), elementwise."""
    x = as_float(x)
    return e.relu(x) - e.relu(x - 6)


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x)), elementwise."""
    return e.sigmoid(x)


def sparse_sigmoid(x: Any) -> Tensor:
    """0 up to -1, 1 from 1 on, a straight line between, elementwise."""
    x = as_float(x)
    return e.where(x <= -1, 0.0, e.where(x >= 1, 1.0, 0.5 * (x + 1)))


def softplus(x: Any) -> Tensor:
    """log(1 + exp(x)), elementwise."""
    return e.softplus(x)


def softsign(x: Any) -> Tensor:
    """x / (1 + |x|), elementwise."""
    x = as_float(x)
    return x / (e.absolute(x) + 1)


def silu(x: Any) -> Tensor:
    """x * sigmoid(x), elementwise (also called swish)."""
    x = as_float(x)
    return x * e.sigmoid(x)


swish = silu


def log_sigmoid(x: Any) -> Tensor:
    """log(sigmoid(x)), elementwise."""
    return -e.softplus(-as_float(x))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """x where it is positive, `negative_slope * x` elsewhere."""
    x = as_float(x)
    return e.where(x >= 0, x, x * negative_slope)  # at 0 the slope is 1


def hard_sigmoid(x: Any) -> Tensor:
    """relu6(x + 3) / 6, elementwise."""
    return relu6(as_float(x) + 3) / 6


def hard_silu(x: Any) -> Tensor:
    """x * hard_sigmoid(x), elementwise (also called hard swish)."""
    x = as_float(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where it is positive, `alpha * (exp(x) - 1)` elsewhere."""
    x = as_float(x)
    positive = x > 0
    # The branch not taken must not overflow, or its gradient would be NaN.
    return e.where(positive, x, e.expm1(e.where(positive, 0.0, x)) * alpha)


def selu(x: Any) -> Tensor:
    """elu scaled so that activations keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0), elementwise."""
    x = as_float(x)
    return e.maximum(x, 0.0) + alpha * e.expm1(e.minimum(x, 0.0) / alpha)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    """x times the normal distribution function of x, by tanh if `approximate`."""
    x = as_float(x)
    if approximate:
        return 0.5 * x * (1 + e.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    return 0.5 * x * (1 + e.erf(x * math.sqrt(0.5)))


def glu(x: Any, axis: int = -1) -> Tensor:
    """The first half of `x` along `axis` times the sigmoid of the second."""
    x = as_float(x)
    if x.shape[axis] is not None and x.shape[axis] % 2:
        raise ValueError(f"axis size must be divisible by 2. Received: x.shape={x.shape} with axis={axis}")
    first, second = split(x, 2, axis)
    return first * e.sigmoid(second)


def tanh_shrink(x: Any) -> Tensor:
    """x - tanh(x), elementwise."""
    x = as_float(x)
    return x - e.tanh(x)


def hard_tanh(x: Any) -> Tensor:
    """x limited to -1 … 1, elementwise."""
    return clip(as_float(x), -1.0, 1.0)


def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """0 where |x| is at most `threshold`, x elsewhere."""
    x = as_float(x)
    return e.where(e.absolute(x) > threshold, x, 0.0)


def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by `threshold`, and 0 where it would pass it."""
    x = as_float(x)
    return e.where(x > threshold, x - threshold, e.where(x < -threshold, x + threshold, 0.0))


def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """x where it is above `threshold`, `default_value` elsewhere."""
    x = as_tensor(x)
    return e.where(e.greater(x, threshold), x, default_value)


def squareplus(x: Any, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, elementwise."""
    x = as_float(x)
    return (x + e.sqrt(e.square(x) + b)) / 2


def sparse_plus(x: Any) -> Tensor:
    """0 up to -1, x from 1 on, (x + 1)^2 / 4 between, elementwise."""
    x = as_float(x)
    return e.where(x <= -1, 0.0, e.where(x < 1, 0.25 * e.square(x + 1), x))


def softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """exp(x) divided by its sum over `axis`, without overflow."""
    x = as_float(x)
    if isinstance(axis, (tuple, list)) or axis is None:
        return _over_axes(softmax, x, axis)
    axis = normalize_axis(axis, x.ndim)
    return x if x.shape[axis] == 0 else _softmax(x, axis=axis)


def log_softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """log(softmax(x)) over `axis`, without overflow."""
    x = as_float(x)
    if isinstance(axis, (tuple, list)) or axis is None:
        return _over_axes(log_softmax, x, axis)
    return x - logsumexp(x, axis, keepdims=True)


def _over_axes(function: Any, x: Tensor, axis: Sequence[int] | None) -> Tensor:
    """Apply `function` over several axes at once by making them one (all of them where `axis` is None)."""
    axes = tuple(range(x.ndim)) if axis is None else tuple(normalize_axis(a, x.ndim) for a in axis)
    rest = [a for a in range(x.ndim) if a not in axes]
    moved = transpose(x, [*rest, *axes])
    flat = reshape(moved, [*(x.shape[a] for a in rest), -1])
    return transpose(reshape(function(flat, -1), moved.shape), np.argsort([*rest, *axes]).tolist())


def _softmax_run(xp: Any, x: Any, axis: int) -> Any:
    out = xp.exp(x - xp.max(x, axis, keepdims=True))
    out /= xp.sum(out, axis, keepdims=True)
    return out


def _softmax_gradient_run(xp: Any, g: Any, out: Any, axis: int) -> Any:
    weighted = g * out
    weighted -= out * xp.sum(weighted, axis, keepdims=True)
    return weighted


def _softmax_gradient_parts(g: Tensor, out: Tensor, axis: int) -> Tensor:
    weighted = g * out
    return weighted - out * reduce_sum(weighted, axis=(axis,), keepdims=True)


_softmax_gradient = Piece("softmax_gradient", _softmax_gradient_run, _softmax_gradient_parts)
_softmax = Primitive(
    "softmax",
    _softmax_run,
    lambda x, axis: Abstract(x.shape, x.dtype),
    (lambda g, out, x, axis: _softmax_gradient(g, out, axis=axis),),
)


def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """The nearest point of the probability simplex to `x` along `axis` (Martins and Astudillo, 2016)."""
    x = moveaxis(as_float(x), axis, -1)
    falling = flip(sort(x, -1), -1)
    ranks = arange(1, x.shape[-1] + 1, dtype=x.dtype)
    sums = cumsum(falling, -1)
    kept = cast(1 + ranks * falling > sums, x.dtype)
    count = sum(kept, -1, keepdims=True)
    limit = (sum(falling * kept, -1, keepdims=True) - 1) / count
    return moveaxis(e.relu(x - limit), -1, axis)
