"""Reductions and running totals along axes."""

from __future__ import annotations

import builtins
from typing import Any

from kerasish import config
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing, reductions
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.shapes import normalize_axis
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import Axis, axes_of, common_float
from kerasish.ops.creation import full, ones_like
from kerasish.ops.shapes import ravel


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axis` (all axes by default); small integers are summed in 32 bits."""
    x = x if isinstance(x, Tensor) else as_tensor(x)
    return s.reduce_sum(x, axis=axes_of(x, axis), keepdims=keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axis` (all axes by default); integers have a float mean."""
    x = x if isinstance(x, Tensor) else as_tensor(x)
    if x._value.dtype.kind in "biu":
        x = cast(x, config.floatx())
    axes = axes_of(x, axis)
    count = 1
    for a in axes:
        length = x.shape[a]
        if length is None:
            return _unknown_mean(x, axes, keepdims)
        count *= length
    if count:
        return s.reduce_mean(x, axis=axes, keepdims=keepdims, count=count)
    total = s.reduce_sum(x, axis=axes, keepdims=keepdims)
    return total / as_tensor(0.0, total.dtype)


def _unknown_mean(x: Tensor, axes: tuple, keepdims: bool) -> Tensor:
    """The mean over an axis of unknown length, which only symbolic tensors have: its count is symbolic too."""
    counts = s.reduce_sum(ones_like(x), axis=axes, keepdims=keepdims)
    return s.reduce_sum(x, axis=axes, keepdims=keepdims) / counts


def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Return the largest value over `axis` (all axes by default)."""
    return _extremum(reductions.reduce_max, e.maximum, x, axis, keepdims, initial)


def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Return the smallest value over `axis` (all axes by default)."""
    return _extremum(reductions.reduce_min, e.minimum, x, axis, keepdims, initial)


def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest value over `axis` (all axes by default); another name for `max`."""
    return max(x, axis, keepdims)


def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the smallest value over `axis` (all axes by default); another name for `min`."""
    return min(x, axis, keepdims)


def _extremum(reduce: Any, pair: Any, x: Any, axis: Axis, keepdims: bool, initial: Any) -> Tensor:
    x = as_tensor(x)
    axes = axes_of(x, axis)
    if builtins.any(x.shape[a] == 0 for a in axes):
        if initial is None:
            raise ValueError(
                f"An axis without elements has no {reduce.name[7:]}. Received: shape={x.shape}, axis={axis}. Pass "
                "`initial=` to say what it should be."
            )
        return full(s.reduced_shape(x.shape, axes, keepdims), initial, x.dtype)
    result = reduce(x, axis=axes, keepdims=keepdims) if axes else s.present(x)
    return result if initial is None else cast(pair(result, initial), x.dtype)


def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """Return the product over `axis` (all axes by default)."""
    x = as_tensor(x, dtype)
    return reductions.reduce_prod(x, axis=axes_of(x, axis), keepdims=keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether all values over `axis` are true."""
    x = cast(x, "bool")
    return reductions.reduce_all(x, axis=axes_of(x, axis), keepdims=keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether any value over `axis` is true."""
    x = cast(x, "bool")
    return reductions.reduce_any(x, axis=axes_of(x, axis), keepdims=keepdims)


def count_nonzero(x: Any, axis: Axis = None) -> Tensor:
    """Return how many values over `axis` are not zero."""
    return sum(cast(e.not_equal(as_tensor(x), 0), "int32"), axis)


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the variance over `axis` (the mean squared distance from the mean)."""
    x = as_tensor(x)
    if x._value.dtype.kind in "biu":
        x = cast(x, config.floatx())
    return mean(e.square(x - mean(x, axis, keepdims=True)), axis, keepdims)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over `axis`."""
    return e.sqrt(var(x, axis, keepdims))


def average(x: Any, axis: Axis = None, weights: Any = None) -> Tensor:
    """Return the mean over `axis` weighted by `weights`."""
    x = as_tensor(x)
    if weights is None:
        return mean(x, axis)
    weights = as_tensor(weights)
    x, weights = common_float(x, weights)
    if weights.ndim == 1 and x.ndim > 1 and isinstance(axis, int):
        shape = [1] * x.ndim
        shape[axis] = -1
        weights = s.reshape(weights, shape)
    weights = s.broadcast_to(weights, x.shape)
    return sum(x * weights, axis) / sum(weights, axis)


def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest value less the smallest over `axis`."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the largest value along `axis` (in the flattened tensor by default), as int32."""
    return _position(reductions.argmax, x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the smallest value along `axis` (in the flattened tensor by default), as int32."""
    return _position(reductions.argmin, x, axis, keepdims)


def _position(primitive: Any, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    x = x if isinstance(x, Tensor) else as_tensor(x)
    if axis is None:
        found = primitive(ravel(x), axis=0, keepdims=False)
        return s.reshape(found, (1,) * x.ndim) if keepdims else found
    return primitive(x, axis=normalize_axis(axis, x.ndim), keepdims=keepdims)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return the running sum along `axis` (of the flattened tensor by default)."""
    x = _countable(x, dtype)
    if axis is None:
        x, axis = ravel(x), 0
    return reductions.cumsum(x, axis=normalize_axis(axis, x.ndim))


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return the running product along `axis` (of the flattened tensor by default)."""
    x = _countable(x, dtype)
    if axis is None:
        x, axis = ravel(x), 0
    return s.present(reductions.running_product(x, normalize_axis(axis, x.ndim)))


def _countable(x: Any, dtype: Any) -> Tensor:
    """Return `x` as a tensor of `dtype`, or of its own but for booleans."""
    x = as_tensor(x, dtype)
    return cast(x, "int32") if dtype is None and x.dtype == "bool" else x


def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Return the `n`-th differences of neighbors along `axis`."""
    a = as_tensor(a)
    axis = normalize_axis(axis, a.ndim)
    lead = (slice(None),) * axis
    less = e.not_equal if a.dtype == "bool" else e.subtract
    for _ in range(n):
        after = indexing.slice_(a, index=(*lead, slice(1, None)))
        a = less(after, indexing.slice_(a, index=(*lead, slice(None, -1))))
    return s.present(a)
