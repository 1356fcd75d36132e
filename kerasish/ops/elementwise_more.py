"""Elementwise functions that are made of others."""

from __future__ import annotations

import math
from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import as_float, common_float


def deg2rad(x: Any) -> Tensor:
    """Degrees in radians, elementwise."""
    return as_float(x) * (math.pi / 180)


def rad2deg(x: Any) -> Tensor:
    """Radians in degrees, elementwise."""
    return as_float(x) * (180 / math.pi)


def fabs(x: Any) -> Tensor:
    """|x| as floats, elementwise."""
    return e.absolute(as_float(x))


def sinc(x: Any) -> Tensor:
    """sin(pi x) / (pi x), and 1 where x is 0, elementwise."""
    turned = as_float(x) * math.pi
    zero = e.equal(turned, 0)
    safe = e.where(zero, 1.0, turned)
    return e.where(zero, 1.0, e.sin(safe) / safe)


def i0(x: Any) -> Tensor:
    """The modified Bessel function of the first kind and order 0, elementwise."""
    return e.i0(x)


def isneginf(x: Any) -> Tensor:
    """Whether x is negative infinity, elementwise."""
    return e.equal(as_float(x), -math.inf)


def isposinf(x: Any) -> Tensor:
    """Whether x is positive infinity, elementwise."""
    return e.equal(as_float(x), math.inf)


def _common(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    x1, x2 = e.common_dtype(x1, x2)
    tensor = x1 if isinstance(x1, Tensor) else x2
    return as_tensor(x1, tensor.dtype), as_tensor(x2, tensor.dtype)


def fmax(x1: Any, x2: Any) -> Tensor:
    """The larger of x1 and x2, or the one that is a number where the other is NaN, elementwise."""
    x1, x2 = _common(x1, x2)
    if x1._value.dtype.kind not in "fV":
        return e.maximum(x1, x2)
    return e.where(e.isnan(x1), x2, e.where(e.isnan(x2), x1, e.maximum(x1, x2)))


def fmin(x1: Any, x2: Any) -> Tensor:
    """The smaller of x1 and x2, or the one that is a number where the other is NaN, elementwise."""
    x1, x2 = _common(x1, x2)
    if x1._value.dtype.kind not in "fV":
        return e.minimum(x1, x2)
    return e.where(e.isnan(x1), x2, e.where(e.isnan(x2), x1, e.minimum(x1, x2)))


def heaviside(x1: Any, x2: Any) -> Tensor:
    """0 where x1 is negative, 1 where it is positive, and x2 where it is 0, elementwise."""
    x1, x2 = common_float(x1, x2)
    step = e.where(e.less(x1, 0), 0.0, e.where(e.greater(x1, 0), 1.0, x2))
    return e.where(e.isnan(x1), x1, step)


def logaddexp2(x1: Any, x2: Any) -> Tensor:
    """log2(2^x1 + 2^x2) without overflow, elementwise."""
    x1, x2 = common_float(x1, x2)
    return e.logaddexp(x1 * math.log(2), x2 * math.log(2)) / math.log(2)


def ldexp(x1: Any, x2: Any) -> Tensor:
    """x1 times 2 to the power x2, elementwise.

    Raises:
        TypeError: If `x2` is not of integers.
    """
    x1, x2 = as_float(x1), as_tensor(x2)
    if x2.dtype not in dtypes.INTS:
        raise TypeError(f"ldexp exponent must be an integer type. Received: x2 dtype={x2.dtype}")
    # In two steps, since 2^x2 alone may be out of range where the result is not.
    half = e.floor_divide(x2, 2)
    powers = (e.exp2(cast(part, x1.dtype)) for part in (half, x2 - half))
    for power in powers:
        x1 = x1 * power
    return x1
