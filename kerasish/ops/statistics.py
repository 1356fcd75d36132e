"""Quantiles, correlations and integrals of samples."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import convolution, indexing
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.linalg import matmul
from kerasish.autograd.primitives.shapes import normalize_axis
from kerasish.autograd.tensor import Tensor
from kerasish.ops.common import Axis, as_float, axes_of, common_float
from kerasish.ops.order import sort
from kerasish.ops.positions import diagonal
from kerasish.ops.reductions import any, diff, mean, sum
from kerasish.ops.shapes import moveaxis

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Return the values below which the fractions `q` of the values over `axis` lie.

    Example:

    >>> kerasish.ops.quantile([1.0, 2.0, 3.0, 4.0], 0.5).numpy()
    2.5

    Args:
        x: The tensor.
        q: A number between 0 and 1, or a tensor of them.
        axis: The axis or axes; by default all of them.
        method: What to do between two values: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.
        keepdims: Whether the reduced axes stay with length one.

    Returns:
        Tensor whose first axes are those of `q`. A NaN among the values makes the result NaN.

    Raises:
        ValueError: If there is no such method.
    """
    return quantiles(x, q, axis, method, keepdims, skip=False)


def percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Return the values below which `q` per cent of the values over `axis` lie; see `quantile`."""
    return quantiles(x, as_float(q) / 100, axis, method, keepdims, skip=False)


def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the middle value over `axis` (all axes by default), or the mean of the middle two."""
    return quantiles(x, 0.5, axis, "midpoint", keepdims, skip=False)


def quantiles(x: Any, q: Any, axis: Axis, method: str, keepdims: bool, skip: bool) -> Tensor:
    """Return quantiles; NaN are left out if `skip`."""
    if method not in METHODS:
        raise ValueError(f"Invalid method: {method}. Expected one of {METHODS}.")
    x = as_float(x)
    q = cast(as_float(q), x._value.dtype)
    axes = axes_of(x, axis)
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = s.transpose(x, (*kept, *axes))
    rows = s.reshape(rows, (*rows.shape[: len(kept)], -1))
    count = rows.shape[-1]
    if count is None:
        raise ValueError(
            f"Quantiles are over axes of known lengths. Received: x.shape={x.shape}, axis={axis}"
        )
    missing = e.isnan(rows)
    last: Any = count - 1
    if skip:  # NaN are sorted to the end
        last = cast(count - 1 - sum(cast(missing, "int32"), -1, keepdims=True), x._value.dtype)
    found = _between(sort(rows, -1), s.reshape(q, (-1,)) * last, method, count)
    if not skip:
        found = e.where(any(missing, -1, keepdims=True), float("nan"), found)
    found = s.reshape(moveaxis(found, -1, 0), (*q.shape, *rows.shape[:-1]))
    return s.expand_dims(found, tuple(q.ndim + a for a in axes)) if keepdims and axes else found


def _between(rows: Tensor, places: Tensor, method: str, count: int) -> Tensor:
    """Return the values at places between the numbers of sorted rows; NaN at negative places."""
    below = e.floor(places)
    share = places - below

    def at(place: Tensor) -> Tensor:
        index = e.minimum(e.maximum(cast(place, "int32"), 0), count - 1)
        wide = (*rows.shape[:-1], index.shape[-1])
        return indexing.take_along_axis(rows, s.broadcast_to(index, wide), -1)

    low, high = at(below), at(e.ceil(places))
    if method == "linear":
        result = low * (1 - share) + high * share
    elif method == "midpoint":
        result = (low + high) * 0.5
    elif method == "nearest":
        result = e.where(e.less_equal(share, 0.5), low, high)
    else:
        result = low if method == "lower" else high
    return e.where(e.less(places, 0), float("nan"), result)


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Return the integral along `axis` by the trapezoidal rule.

    Args:
        y: The values to integrate.
        x: Where they are, of the shape of `y` or of its axis; by default `dx` apart.
        dx: The distance of neighbors where `x` is not given.
        axis: The axis.
    """
    y = as_float(y)
    axis = normalize_axis(axis, y.ndim)
    lead = (slice(None),) * axis
    sums = y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]
    if x is None:
        return sum(sums, axis) * (dx * 0.5)
    x = as_float(x)
    steps = diff(x) if x.ndim == 1 else diff(x, axis=axis)
    if steps.ndim == 1:
        steps = s.reshape(steps, (-1,) + (1,) * (y.ndim - 1 - axis))
    return sum(sums * steps, axis) * 0.5


def corrcoef(x: Any) -> Tensor:
    """Return the correlation coefficients of variables.

    Args:
        x: Tensor of shape `(variables, observations)`, or one variable `(observations,)`.

    Returns:
        Tensor of shape `(variables, variables)`, or a scalar.
    """
    x = as_float(x)
    if x.ndim > 2:
        raise ValueError(f"`corrcoef` takes one or two axes. Received: x.shape={x.shape}")
    single = x.ndim < 2
    x = s.reshape(x, (1, -1)) if single else x
    apart = x - mean(x, -1, keepdims=True)
    products = matmul(apart, apart, transpose_y=True)
    spread = e.sqrt(diagonal(products))
    found = products / s.expand_dims(spread, -1) / spread
    found = e.minimum(e.maximum(found, -1.0), 1.0)
    return s.reshape(found, ()) if single else found


def correlate(x1: Any, x2: Any, mode: str = "valid") -> Tensor:
    """Return the cross-correlation of two vectors: the sums of products at each shift.

    Args:
        x1: One vector.
        x2: The other.
        mode: `"valid"` (shifts where one covers the other), `"same"` (as many as the longer vector has) or `"full"`
            (all shifts where they meet).

    Raises:
        ValueError: If they are no vectors, or there is no such mode.
    """
    x1, x2 = common_float(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"`correlate` takes two vectors. Received: x1.shape={x1.shape}, x2.shape={x2.shape}")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"`mode` must be 'valid', 'same' or 'full'. Received: mode={mode!r}")
    n, m = x1.shape[0], x2.shape[0]
    shifts = convolution.conv(
        s.reshape(x1, (1, n, 1)),
        s.reshape(x2, (m, 1, 1)),
        strides=(1,),
        padding=((m - 1, m - 1),),
        dilation=(1,),
        groups=1,
    )
    found = s.reshape(shifts, (n + m - 1,))
    shorter, longer = sorted((n, m))
    if mode == "full":
        return found
    # Where there is no middle, one more is left out on the side where the longer vector begins.
    start = shorter - 1 if mode == "valid" else (shorter - 1 + (n < m)) // 2
    return found[start : start + (longer - shorter + 1 if mode == "valid" else longer)]
