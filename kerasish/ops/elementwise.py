"""Elementwise functions of `keras.ops`: each is one primitive under Keras's name and argument names.

Arguments are tensors, arrays, numbers or nested lists; two arguments broadcast and are promoted to one dtype.
"""

from __future__ import annotations

from typing import Any

from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.tensor import Tensor


def absolute(x: Any) -> Tensor:
    """|x|, elementwise."""
    return e.absolute(x)


def abs(x: Any) -> Tensor:
    """|x|, elementwise."""
    return e.absolute(x)


def negative(x: Any) -> Tensor:
    """-x, elementwise."""
    return e.negative(x)


def sign(x: Any) -> Tensor:
    """-1, 0 or 1 by the sign of x, elementwise."""
    return e.sign(x)


def square(x: Any) -> Tensor:
    """x squared, elementwise."""
    return e.square(x)


def reciprocal(x: Any) -> Tensor:
    """1 / x, elementwise."""
    return e.reciprocal(x)


def floor(x: Any) -> Tensor:
    """The largest integer not above x, elementwise."""
    return e.floor(x)


def ceil(x: Any) -> Tensor:
    """The smallest integer not below x, elementwise."""
    return e.ceil(x)


def trunc(x: Any) -> Tensor:
    """x without its fraction, elementwise."""
    return e.trunc(x)


def exp(x: Any) -> Tensor:
    """e to the power x, elementwise."""
    return e.exp(x)


def exp2(x: Any) -> Tensor:
    """2 to the power x, elementwise."""
    return e.exp2(x)


def expm1(x: Any) -> Tensor:
    """exp(x) - 1, accurate for small x, elementwise."""
    return e.expm1(x)


def log(x: Any) -> Tensor:
    """The natural logarithm, elementwise."""
    return e.log(x)


def log1p(x: Any) -> Tensor:
    """log(1 + x), accurate for small x, elementwise."""
    return e.log1p(x)


def log2(x: Any) -> Tensor:
    """The logarithm to base 2, elementwise."""
    return e.log2(x)


def log10(x: Any) -> Tensor:
    """The logarithm to base 10, elementwise."""
    return e.log10(x)


def sqrt(x: Any) -> Tensor:
    """The square root, elementwise."""
    return e.sqrt(x)


def cbrt(x: Any) -> Tensor:
    """The cube root, elementwise."""
    return e.cbrt(x)


def erf(x: Any) -> Tensor:
    """The error function, elementwise."""
    return e.erf(x)


def erfc(x: Any) -> Tensor:
    """The complementary error function, elementwise."""
    return e.erfc(x)


def erfinv(x: Any) -> Tensor:
    """The inverse of the error function, elementwise."""
    return e.erfinv(x)


def sin(x: Any) -> Tensor:
    """The sine of radians, elementwise."""
    return e.sin(x)


def cos(x: Any) -> Tensor:
    """The cosine of radians, elementwise."""
    return e.cos(x)


def tan(x: Any) -> Tensor:
    """The tangent of radians, elementwise."""
    return e.tan(x)


def arcsin(x: Any) -> Tensor:
    """The inverse sine in radians, elementwise."""
    return e.arcsin(x)


def arccos(x: Any) -> Tensor:
    """The inverse cosine in radians, elementwise."""
    return e.arccos(x)


def arctan(x: Any) -> Tensor:
    """The inverse tangent in radians, elementwise."""
    return e.arctan(x)


def sinh(x: Any) -> Tensor:
    """The hyperbolic sine, elementwise."""
    return e.sinh(x)


def cosh(x: Any) -> Tensor:
    """The hyperbolic cosine, elementwise."""
    return e.cosh(x)


def tanh(x: Any) -> Tensor:
    """The hyperbolic tangent, elementwise."""
    return e.tanh(x)


def arcsinh(x: Any) -> Tensor:
    """The inverse hyperbolic sine, elementwise."""
    return e.arcsinh(x)


def arccosh(x: Any) -> Tensor:
    """The inverse hyperbolic cosine, elementwise."""
    return e.arccosh(x)


def arctanh(x: Any) -> Tensor:
    """The inverse hyperbolic tangent, elementwise."""
    return e.arctanh(x)


def logical_not(x: Any) -> Tensor:
    """Not x, elementwise."""
    return e.logical_not(x)


def isnan(x: Any) -> Tensor:
    """Whether x is not a number, elementwise."""
    return e.isnan(x)


def isinf(x: Any) -> Tensor:
    """Whether x is infinite, elementwise."""
    return e.isinf(x)


def isfinite(x: Any) -> Tensor:
    """Whether x is neither infinite nor NaN, elementwise."""
    return e.isfinite(x)


def signbit(x: Any) -> Tensor:
    """Whether the sign bit of x is set, elementwise."""
    return e.signbit(x)


def bitwise_not(x: Any) -> Tensor:
    """The complement of each bit, elementwise."""
    return e.bitwise_not(x)


def bitwise_invert(x: Any) -> Tensor:
    """The complement of each bit, elementwise."""
    return e.bitwise_not(x)


def add(x1: Any, x2: Any) -> Tensor:
    """x1 + x2, elementwise."""
    return e.add(x1, x2)


def subtract(x1: Any, x2: Any) -> Tensor:
    """x1 - x2, elementwise."""
    return e.subtract(x1, x2)


def multiply(x1: Any, x2: Any) -> Tensor:
    """x1 * x2, elementwise."""
    return e.multiply(x1, x2)


def divide(x1: Any, x2: Any) -> Tensor:
    """x1 / x2, elementwise; integers are divided as floats."""
    return e.divide(x1, x2)


def true_divide(x1: Any, x2: Any) -> Tensor:
    """x1 / x2, elementwise; integers are divided as floats."""
    return e.divide(x1, x2)


def floor_divide(x1: Any, x2: Any) -> Tensor:
    """x1 / x2 rounded down, elementwise."""
    return e.floor_divide(x1, x2)


def mod(x1: Any, x2: Any) -> Tensor:
    """The remainder of x1 / x2 with the sign of x2, elementwise."""
    return e.remainder(x1, x2)


def fmod(x1: Any, x2: Any) -> Tensor:
    """The remainder of x1 / x2 with the sign of x1, elementwise."""
    return e.fmod(x1, x2)


def power(x1: Any, x2: Any) -> Tensor:
    """x1 to the power x2, elementwise."""
    return e.power(x1, x2)


def maximum(x1: Any, x2: Any) -> Tensor:
    """The larger of x1 and x2, elementwise."""
    return e.maximum(x1, x2)


def minimum(x1: Any, x2: Any) -> Tensor:
    """The smaller of x1 and x2, elementwise."""
    return e.minimum(x1, x2)


def arctan2(x1: Any, x2: Any) -> Tensor:
    """The angle in radians of the point (x2, x1), elementwise."""
    return e.arctan2(x1, x2)


def hypot(x1: Any, x2: Any) -> Tensor:
    """sqrt(x1^2 + x2^2), elementwise."""
    return e.hypot(x1, x2)


def logaddexp(x1: Any, x2: Any) -> Tensor:
    """log(exp(x1) + exp(x2)) without overflow, elementwise."""
    return e.logaddexp(x1, x2)


def equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 == x2, elementwise."""
    return e.equal(x1, x2)


def not_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 != x2, elementwise."""
    return e.not_equal(x1, x2)


def less(x1: Any, x2: Any) -> Tensor:
    """Whether x1 < x2, elementwise."""
    return e.less(x1, x2)


def less_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 <= x2, elementwise."""
    return e.less_equal(x1, x2)


def greater(x1: Any, x2: Any) -> Tensor:
    """Whether x1 > x2, elementwise."""
    return e.greater(x1, x2)


def greater_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 >= x2, elementwise."""
    return e.greater_equal(x1, x2)


def logical_and(x1: Any, x2: Any) -> Tensor:
    """x1 and x2, elementwise."""
    return e.logical_and(x1, x2)


def logical_or(x1: Any, x2: Any) -> Tensor:
    """x1 or x2, elementwise."""
    return e.logical_or(x1, x2)


def logical_xor(x1: Any, x2: Any) -> Tensor:
    """Either x1 or x2 but not both, elementwise."""
    return e.logical_xor(x1, x2)


def bitwise_and(x: Any, y: Any) -> Tensor:
    """The bits set in both, elementwise."""
    return e.bitwise_and(x, y)


def bitwise_or(x: Any, y: Any) -> Tensor:
    """The bits set in either, elementwise."""
    return e.bitwise_or(x, y)


def bitwise_xor(x: Any, y: Any) -> Tensor:
    """The bits set in one but not both, elementwise."""
    return e.bitwise_xor(x, y)


def left_shift(x: Any, y: Any) -> Tensor:
    """The bits of x1 moved up x2 places, elementwise."""
    return e.left_shift(x, y)


def right_shift(x: Any, y: Any) -> Tensor:
    """The bits of x1 moved down x2 places, elementwise."""
    return e.right_shift(x, y)


def bitwise_left_shift(x: Any, y: Any) -> Tensor:
    """The bits of x1 moved up x2 places, elementwise."""
    return e.left_shift(x, y)


def bitwise_right_shift(x: Any, y: Any) -> Tensor:
    """The bits of x1 moved down x2 places, elementwise."""
    return e.right_shift(x, y)


def nextafter(x1: Any, x2: Any) -> Tensor:
    """The next float after x1 towards x2, elementwise."""
    return e.nextafter(x1, x2)


def gcd(x1: Any, x2: Any) -> Tensor:
    """The greatest common divisor, elementwise."""
    return e.gcd(x1, x2)


def lcm(x1: Any, x2: Any) -> Tensor:
    """The least common multiple, elementwise."""
    return e.lcm(x1, x2)
