"""Neural-network functions of `keras.ops`: activations, softmax, one-hot and normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive, cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives.shapes import expand_dims, normalize_axis, reduce_sum
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops import numpy as knp
from kerasish.ops.math import logsumexp


def relu(x: Any) -> Tensor:
    """max(x, 0), elementwise."""
    return e.relu(x)


def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6), elementwise."""
    x = _float(x)
    return e.relu(x) - e.relu(x - 6)


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x)), elementwise."""
    return e.sigmoid(x)


def sparse_sigmoid(x: Any) -> Tensor:
    """0 up to -1, 1 from 1 on, a straight line between, elementwise."""
    x = _float(x)
    return e.where(x <= -1, 0.0, e.where(x >= 1, 1.0, 0.5 * (x + 1)))


def softplus(x: Any) -> Tensor:
    """log(1 + exp(x)), elementwise."""
    return e.softplus(x)


def softsign(x: Any) -> Tensor:
    """x / (1 + |x|), elementwise."""
    x = _float(x)
    return x / (e.absolute(x) + 1)


def silu(x: Any) -> Tensor:
    """x * sigmoid(x), elementwise (also called swish)."""
    x = _float(x)
    return x * e.sigmoid(x)


swish = silu


def log_sigmoid(x: Any) -> Tensor:
    """log(sigmoid(x)), elementwise."""
    return -e.softplus(-_float(x))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """x where it is positive, `negative_slope * x` elsewhere."""
    x = _float(x)
    return e.where(x > 0, x, x * negative_slope)


def hard_sigmoid(x: Any) -> Tensor:
    """relu6(x + 3) / 6, elementwise."""
    return relu6(_float(x) + 3) / 6


def hard_silu(x: Any) -> Tensor:
    """x * hard_sigmoid(x), elementwise (also called hard swish)."""
    x = _float(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where it is positive, `alpha * (exp(x) - 1)` elsewhere."""
    x = _float(x)
    positive = x > 0
    # The branch not taken must not overflow, or its gradient would be NaN.
    return e.where(positive, x, e.expm1(e.where(positive, 0.0, x)) * alpha)


def selu(x: Any) -> Tensor:
    """elu scaled so that activations keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0), elementwise."""
    x = _float(x)
    return e.maximum(x, 0.0) + alpha * e.expm1(e.minimum(x, 0.0) / alpha)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    """x times the normal distribution function of x, by tanh if `approximate`."""
    x = _float(x)
    if approximate:
        return 0.5 * x * (1 + e.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    return 0.5 * x * (1 + e.erf(x * math.sqrt(0.5)))


def glu(x: Any, axis: int = -1) -> Tensor:
    """The first half of `x` along `axis` times the sigmoid of the second."""
    x = _float(x)
    if x.shape[axis] is not None and x.shape[axis] % 2:
        raise ValueError(f"axis size must be divisible by 2. Received: x.shape={x.shape} with axis={axis}")
    first, second = knp.split(x, 2, axis)
    return first * e.sigmoid(second)


def tanh_shrink(x: Any) -> Tensor:
    """x - tanh(x), elementwise."""
    x = _float(x)
    return x - e.tanh(x)


def hard_tanh(x: Any) -> Tensor:
    """x limited to -1 … 1, elementwise."""
    return knp.clip(_float(x), -1.0, 1.0)


def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """0 where |x| is at most `threshold`, x elsewhere."""
    x = _float(x)
    return e.where(e.absolute(x) > threshold, x, 0.0)


def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by `threshold`, and 0 where it would pass it."""
    x = _float(x)
    return e.where(x > threshold, x - threshold, e.where(x < -threshold, x + threshold, 0.0))


def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """x where it is above `threshold`, `default_value` elsewhere."""
    x = _float(x)
    return e.where(x > threshold, x, default_value)


def squareplus(x: Any, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, elementwise."""
    x = _float(x)
    return (x + e.sqrt(e.square(x) + b)) / 2


def sparse_plus(x: Any) -> Tensor:
    """0 up to -1, x from 1 on, (x + 1)^2 / 4 between, elementwise."""
    x = _float(x)
    return e.where(x <= -1, 0.0, e.where(x < 1, 0.25 * e.square(x + 1), x))


def softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """exp(x) divided by its sum over `axis`, without overflow."""
    x = _float(x)
    if isinstance(axis, (tuple, list)) or axis is None:
        return _over_axes(softmax, x, axis)
    return _softmax(x, axis=normalize_axis(axis, x.ndim))


def log_softmax(x: Any, axis: int | Sequence[int] | None = -1) -> Tensor:
    """log(softmax(x)) over `axis`, without overflow."""
    x = _float(x)
    if isinstance(axis, (tuple, list)) or axis is None:
        return _over_axes(log_softmax, x, axis)
    return x - logsumexp(x, axis, keepdims=True)


def _over_axes(function: Any, x: Tensor, axis: Sequence[int] | None) -> Tensor:
    """Apply `function` over several axes at once by making them one (all of them where `axis` is None)."""
    axes = tuple(range(x.ndim)) if axis is None else tuple(normalize_axis(a, x.ndim) for a in axis)
    rest = [a for a in range(x.ndim) if a not in axes]
    moved = knp.transpose(x, [*rest, *axes])
    flat = knp.reshape(moved, [*(x.shape[a] for a in rest), -1])
    return knp.transpose(knp.reshape(function(flat, -1), moved.shape), np.argsort([*rest, *axes]).tolist())


def _softmax_run(xp: Any, x: Any, axis: int) -> Any:
    out = xp.exp(x - xp.max(x, axis, keepdims=True))
    out /= xp.sum(out, axis, keepdims=True)
    return out


def _softmax_vjp(g: Tensor, out: Tensor, x: Tensor, axis: int) -> Tensor:
    weighted = g * out
    return weighted - out * reduce_sum(weighted, axis=(axis,), keepdims=True)


_softmax = Primitive("softmax", _softmax_run, lambda x, axis: Abstract(x.shape, x.dtype), (_softmax_vjp,))


def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """The nearest point of the probability simplex to `x` along `axis` (Martins and Astudillo, 2016)."""
    x = knp.moveaxis(_float(x), axis, -1)
    falling = knp.flip(knp.sort(x, -1), -1)
    ranks = knp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    sums = knp.cumsum(falling, -1)
    kept = cast(1 + ranks * falling > sums, x.dtype)
    count = knp.sum(kept, -1, keepdims=True)
    limit = (knp.sum(falling * kept, -1, keepdims=True) - 1) / count
    return knp.moveaxis(e.relu(x - limit), -1, axis)


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """Return 1 at the position that each integer names along a new axis of length `num_classes`, and 0 elsewhere."""
    x = as_tensor(x)
    axis = normalize_axis(axis, x.ndim + 1)
    shape = [1] * (x.ndim + 1)
    shape[axis] = num_classes
    classes = knp.reshape(knp.arange(num_classes, dtype=x.dtype if x.dtype != "bool" else "int32"), shape)
    return cast(e.equal(expand_dims(x, axis), classes), dtype or config.floatx())


def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """Return 1 at each position that the integers along `axis` name, and 0 elsewhere."""
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if num_classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    inputs = as_tensor(inputs)
    hot = one_hot(inputs, num_classes, -1, dtype)
    return knp.max(hot, normalize_axis(axis, inputs.ndim) if inputs.ndim > 1 else 0)


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """Return `x` divided by its norm of `order` along `axis`, which counts as at least `epsilon`."""
    from kerasish.ops.math import norm

    x = _float(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        square_sum = knp.sum(e.square(x), axis, keepdims=True)
        return x * e.reciprocal(e.sqrt(e.maximum(square_sum, epsilon**2)))
    return x / e.maximum(norm(x, order, axis, keepdims=True), epsilon)


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance over `axes`."""
    x = as_tensor(x)
    mean = knp.mean(x, axes, keepdims=True)
    variance = knp.mean(e.square(x - mean), axes, keepdims)
    return (mean if keepdims else knp.squeeze(mean, axes)), variance


def _float(x: Any) -> Tensor:
    x = x if isinstance(x, Tensor) else as_tensor(x)
    return cast(x, config.floatx()) if x._value.dtype.kind in "biu" else x
