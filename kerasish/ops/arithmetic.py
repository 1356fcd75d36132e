"""Elementwise functions that are compositions of several primitives."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.elementwise import where as _where
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import common_float
from kerasish.ops.reductions import all


def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """Return `x` limited to the range from `x_min` to `x_max`.

    A bound that is no number of an integer type wraps around, as in Keras: -1 is 255 for uint8.
    """
    x = as_tensor(x)
    dtype = x._value.dtype

    def bound(value: Any) -> Any:
        if not isinstance(value, (int, float)):
            return as_tensor(value, x.dtype)
        if dtype.kind in "iu" and isinstance(value, int) and -(2**31) <= value < 2**31:
            return np.int64(value).astype(dtype).item()
        return value

    if x_min is not None:
        x = e.maximum(x, bound(x_min))
    if x_max is not None:
        x = e.minimum(x, bound(x_max))
    x = x if dtype.kind == "b" or x._value.dtype.kind != dtype.kind else cast(x, dtype)
    return s.present(x)


def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """Return x1 / x2, and 0 where x2 is 0."""
    x1, x2 = common_float(x1, x2)
    zero = e.equal(x2, 0)
    return _where(zero, 0.0, x1 / _where(zero, 1.0, x2))


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Return `x` with NaN and the infinities replaced (the infinities by the largest finite numbers)."""
    x = as_tensor(x)
    if x._value.dtype.kind not in "fc":
        return s.present(x)
    limits = np.finfo(x._value.dtype)
    infinite = e.isinf(x)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    x = _where(e.isnan(x), nan, x)
    return _where(infinite, _where(e.greater(x, 0), as_tensor(high, x.dtype), as_tensor(low, x.dtype)), x)


def round(x: Any, decimals: int = 0) -> Tensor:
    """Return `x` rounded to `decimals` places, halves to even."""
    x = as_tensor(x)
    if x._value.dtype.kind in "biu" and decimals >= 0:
        return cast(x, "int32") if x.dtype == "bool" else s.present(x)
    if not decimals:
        return e.rint(x)
    factor = 10.0**decimals
    return cast(e.rint(x * factor) / factor, x.dtype)


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether |x1 - x2| <= atol + rtol |x2|, elementwise."""
    x1, x2 = common_float(x1, x2)
    close = e.logical_or(
        e.less_equal(e.absolute(x1 - x2), atol + rtol * e.absolute(x2)) & e.isfinite(x2), e.equal(x1, x2)
    )
    return e.logical_or(close, e.logical_and(e.isnan(x1), e.isnan(x2))) if equal_nan else close


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether all values are close (see `isclose`)."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))
