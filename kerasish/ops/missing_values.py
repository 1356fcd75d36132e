"""Reductions that leave out what is not a number (NaN)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import Axis, as_float
from kerasish.ops.reductions import all, argmax, argmin, cumprod, cumsum, max, min, prod, sum
from kerasish.ops.statistics import quantiles


def _filled(x: Any, value: float) -> tuple[Tensor, Tensor]:
    """Return `x` with `value` in place of NaN, and where those are."""
    x = as_tensor(x)
    missing = e.isnan(x)
    return (e.where(missing, value, x) if x._value.dtype.kind in "fVc" else x), missing


def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axis` of what is not NaN."""
    return sum(_filled(x, 0.0)[0], axis, keepdims)


def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the product over `axis` of what is not NaN."""
    return prod(_filled(x, 1.0)[0], axis, keepdims)


def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return the running sum along `axis`, NaN counted as 0."""
    return cumsum(_filled(x, 0.0)[0], axis, dtype)


def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return the running product along `axis`, NaN counted as 1."""
    return cumprod(_filled(x, 1.0)[0], axis, dtype)


def _extremum(x: Any, axis: Axis, keepdims: bool, reduce: Any, worst: float) -> Tensor:
    filled, missing = _filled(x, worst)
    found = reduce(filled, axis, keepdims)
    if filled._value.dtype.kind not in "fV":
        return found
    return e.where(all(missing, axis, keepdims), math.nan, found)


def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest value over `axis` that is not NaN; NaN where there is none."""
    return _extremum(x, axis, keepdims, max, -math.inf)


def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the smallest value over `axis` that is not NaN; NaN where there is none."""
    return _extremum(x, axis, keepdims, min, math.inf)


def _position(x: Any, axis: int | None, keepdims: bool, find: Any, worst: float) -> Tensor:
    filled, missing = _filled(x, worst)
    return e.where(all(missing, axis, keepdims), np.int32(-1), find(filled, axis, keepdims))


def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the largest value along `axis` that is not NaN, as int32; -1 where there is none."""
    return _position(x, axis, keepdims, argmax, -math.inf)


def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the smallest value along `axis` that is not NaN, as int32; -1 where there is none."""
    return _position(x, axis, keepdims, argmin, math.inf)


def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axis` of what is not NaN."""
    filled, missing = _filled(as_float(x), 0.0)
    count = sum(cast(e.logical_not(missing), filled._value.dtype), axis, keepdims)
    none = e.equal(count, 0)
    return e.where(none, math.nan, sum(filled, axis, keepdims) / e.where(none, 1.0, count))


def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the variance over `axis` of what is not NaN."""
    filled, missing = _filled(as_float(x), 0.0)
    apart = e.where(missing, 0.0, filled - nanmean(x, axis, keepdims=True))
    return nanmean(e.where(missing, math.nan, e.square(apart)), axis, keepdims)


def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over `axis` of what is not NaN."""
    return e.sqrt(nanvar(x, axis, keepdims))


def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """Return quantiles over `axis` of what is not NaN; see `quantile`."""
    return quantiles(x, q, axis, method, keepdims, skip=True)


def nanpercentile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return percentiles over `axis` of what is not NaN; see `quantile`."""
    return quantiles(x, as_float(q) / 100, axis, method, keepdims, skip=True)


def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the middle value over `axis` of what is not NaN, or the mean of the middle two."""
    return quantiles(x, 0.5, axis, "midpoint", keepdims, skip=True)
