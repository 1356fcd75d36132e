"""Scalar lowering: what each elementwise primitive computes for one element.

A rule is `rule(c, dtype, *operands, **params) -> Scalar`. It writes an expression with the code builder `c` of the
language that is being generated; `dtype` is the result's. The builder knows arithmetic, comparisons, choices, casts and
calls of the mathematical functions of the C library; all that is composed of those is written here, once.

Operands of an arithmetic rule have been cast to one dtype before, as NumPy does: the result's, or, for a predicate,
the operands' own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

BOOL, INT32, UINT32 = np.dtype(bool), np.dtype(np.int32), np.dtype(np.uint32)
INT64, FLOAT32, FLOAT64 = np.dtype(np.int64), np.dtype(np.float32), np.dtype(np.float64)


class Scalar(NamedTuple):
    """One scalar of generated code: how the code refers to it, and its dtype."""

    ref: str
    dtype: np.dtype


class Builder(Protocol):
    """What a language offers to the rules."""

    def const(self, value: Any, dtype: np.dtype) -> Scalar: ...
    def cast(self, x: Scalar, dtype: np.dtype) -> Scalar: ...
    def bitcast(self, x: Scalar, dtype: np.dtype) -> Scalar: ...
    def binary(self, kind: str, x: Scalar, y: Scalar) -> Scalar:
        """add, sub, mul, div, rem (of C: towards zero), and, or, xor, shl, shr."""

    def compare(self, kind: str, x: Scalar, y: Scalar) -> Scalar:
        """eq, ne, lt, le, gt, ge; all but ne are false where an operand is NaN."""

    def select(self, condition: Scalar, x: Scalar, y: Scalar) -> Scalar: ...
    def call(self, function: str, *operands: Scalar) -> Scalar:
        """A function of C's mathematical library by its name for doubles, in the operands' dtype."""


Rule = Callable[..., Scalar]
RULES: dict[str, Rule] = {}
"""The rule of each primitive that has one, by its name."""

PREDICATES = frozenset(
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not "
    "isnan isinf isfinite signbit".split()
)
"""Primitives whose operands are not cast to the result's dtype."""

LIGHT = frozenset(
    "add subtract multiply negative absolute square maximum minimum relu where cast alias equal not_equal less "
    "less_equal greater greater_equal logical_and logical_or logical_xor logical_not bitwise_and bitwise_or "
    "bitwise_xor bitwise_not iota".split()
)
"""Primitives that are cheaper to compute again than to store and load."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register


def _zero(c: Builder, x: Scalar) -> Scalar:
    return c.const(0, x.dtype)


# Arithmetic


def _binary(kind: str) -> Rule:
    def lower(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
        if dtype == BOOL:
            kinds = {"add": "or", "mul": "and", "sub": "xor"}
            return c.binary(kinds.get(kind, kind), x, y)
        return c.binary(kind, x, y)

    return lower


for _name, _kind in [("add", "add"), ("subtract", "sub"), ("multiply", "mul"), ("divide", "div"),
                     ("bitwise_and", "and"), ("bitwise_or", "or"), ("bitwise_xor", "xor")]:  # fmt: skip
    RULES[_name] = _binary(_kind)


def _guarded(c: Builder, x: Scalar, y: Scalar) -> tuple[Scalar, Scalar]:
    """Return an integer divisor that cannot trap, and whether the true one is zero."""
    zero = c.compare("eq", y, _zero(c, y))
    safe = c.select(zero, c.const(1, y.dtype), y)
    return safe, zero


@rule("floor_divide")
def _floor_divide(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    if dtype.kind == "f":
        return _floor_divide_floats(c, dtype, x, y)
    safe, zero = _guarded(c, x, y)
    if dtype.kind == "u":
        return c.select(zero, _zero(c, x), c.binary("div", x, safe))
    # The least integer divided by -1 traps; negating it wraps as NumPy does.
    minus = c.compare("eq", y, c.const(-1, dtype))
    safe = c.select(minus, c.const(1, dtype), safe)
    quotient, rest = c.binary("div", x, safe), c.binary("rem", x, safe)
    inexact = c.compare("ne", rest, _zero(c, rest))
    apart = c.compare("lt", c.binary("xor", rest, safe), _zero(c, rest))
    quotient = c.binary("sub", quotient, c.cast(c.binary("and", inexact, apart), dtype))
    quotient = c.select(minus, c.binary("sub", _zero(c, x), x), quotient)
    return c.select(zero, _zero(c, x), quotient)


def _floor_divide_floats(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    """From the exact remainder, as NumPy does it: rounding x / y could reach the next integer."""
    zero, one = _zero(c, x), c.const(1, dtype)
    rest = c.call("fmod", x, y)
    quotient = c.binary("div", c.binary("sub", x, rest), y)
    apart = c.binary("xor", c.compare("lt", rest, zero), c.compare("lt", y, zero))
    apart = c.binary("and", c.compare("ne", rest, zero), apart)
    quotient = c.select(apart, c.binary("sub", quotient, one), quotient)
    below = c.call("floor", quotient)
    above = c.compare("gt", c.binary("sub", quotient, below), c.const(0.5, dtype))
    below = c.select(above, c.binary("add", below, one), below)
    return c.select(c.compare("eq", y, zero), c.binary("div", x, y), below)


@rule("remainder")
def _remainder(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    """The remainder with the divisor's sign."""
    rest = _fmod(c, dtype, x, y)
    if dtype.kind == "u":
        return rest
    zero = _zero(c, rest)
    apart = c.binary("xor", c.compare("lt", rest, zero), c.compare("lt", y, zero))
    moved = c.select(c.binary("and", c.compare("ne", rest, zero), apart), c.binary("add", rest, y), rest)
    return moved


@rule("fmod")
def _fmod(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    if dtype.kind == "f":
        return c.call("fmod", x, y)
    safe, _ = _guarded(c, x, y)
    if dtype.kind == "i":
        safe = c.select(c.compare("eq", y, c.const(-1, dtype)), c.const(1, dtype), safe)
    return c.binary("rem", x, safe)


@rule("maximum")
def _maximum(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    return _extremum(c, "gt", x, y)


@rule("minimum")
def _minimum(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    return _extremum(c, "lt", x, y)


def _extremum(c: Builder, kind: str, x: Scalar, y: Scalar) -> Scalar:
    """The larger or smaller operand; NaN where either is."""
    if x.dtype == BOOL:
        return c.binary("or" if kind == "gt" else "and", x, y)
    first = c.compare(kind, x, y)
    if x.dtype.kind == "f":
        first = c.binary("or", first, c.compare("ne", x, x))
    return c.select(first, x, y)


@rule("relu")
def _relu(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    """max(x, 0), written so that NaN stays."""
    zero = _zero(c, x)
    return x if dtype.kind in "ub" else c.select(c.compare("le", x, zero), zero, x)


@rule("negative")
def _negative(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return c.binary("sub", c.const(-0.0 if dtype.kind == "f" else 0, dtype), x)


@rule("absolute")
def _absolute(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    if dtype.kind == "f":
        return c.call("fabs", x)
    return x if dtype.kind != "i" else c.select(c.compare("lt", x, _zero(c, x)), _negative(c, dtype, x), x)


@rule("sign")
def _sign(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    zero, one = _zero(c, x), c.const(1, dtype)
    positive = c.select(
        c.compare("gt", x, zero), one, zero if dtype.kind != "f" else c.binary("mul", x, zero)
    )
    return positive if dtype.kind == "u" else c.select(c.compare("lt", x, zero), c.const(-1, dtype), positive)


@rule("square")
def _square(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return _binary("mul")(c, dtype, x, x)


@rule("reciprocal")
def _reciprocal(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return c.binary("div", c.const(1, dtype), x)


def _call(function: str) -> Rule:
    return lambda c, dtype, *operands: c.call(function, *operands)


for _name in ("floor", "ceil", "trunc", "rint"):
    RULES[_name] = lambda c, dtype, x, _function=_name: c.call(_function, x) if dtype.kind == "f" else x
for _name, _function in [
    ("sqrt", "sqrt"), ("cbrt", "cbrt"), ("expm1", "expm1"), ("exp2", "exp2"), ("log1p", "log1p"), ("log2", "log2"),
    ("log10", "log10"), ("sin", "sin"), ("cos", "cos"), ("tan", "tan"), ("arcsin", "asin"), ("arccos", "acos"),
    ("arctan", "atan"), ("sinh", "sinh"), ("cosh", "cosh"), ("arcsinh", "asinh"), ("arccosh", "acosh"),
    ("arctanh", "atanh"), ("arctan2", "atan2"), ("hypot", "hypot"), ("nextafter", "nextafter"), ("erf", "erf"),
    ("erfc", "erfc"),
]:  # fmt: skip
    RULES[_name] = _call(_function)


@rule("power")
def _power(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    return c.call("pow", x, y)


# Exponentials and logarithms. In float32 they are polynomials (after S. Moshier's Cephes library) rather than calls
# of the C library, so that a loop over them becomes vector instructions.


def _polynomial(c: Builder, x: Scalar, *coefficients: float) -> Scalar:
    total = c.const(coefficients[0], x.dtype)
    for coefficient in coefficients[1:]:
        total = c.call("fma", total, x, c.const(coefficient, x.dtype))
    return total


def _clamp(c: Builder, x: Scalar, low: float, high: float) -> Scalar:
    """Limit x; NaN stays."""
    low_, high_ = c.const(low, x.dtype), c.const(high, x.dtype)
    x = c.select(c.compare("lt", x, low_), low_, x)
    return c.select(c.compare("gt", x, high_), high_, x)


def _power_of_two(c: Builder, n: Scalar) -> Scalar:
    return c.bitcast(c.binary("shl", c.binary("add", n, c.const(127, INT32)), c.const(23, INT32)), FLOAT32)


@rule("exp")
def _exp(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    """2^n e^r with r = x - n log 2, n the nearest integer; the power is applied in two halves so as not to overflow."""
    if dtype != FLOAT32:
        return c.call("exp", x)
    x = _clamp(c, x, -104.0, 89.0)
    magic = c.const(12582912.0, FLOAT32)  # adding 1.5 * 2^23 rounds to an integer, found in the low bits
    shifted = c.call("fma", x, c.const(math.log2(math.e), FLOAT32), magic)
    n_float = c.binary("sub", shifted, magic)
    n = c.binary("sub", c.bitcast(shifted, INT32), c.const(0x4B400000, INT32))
    r = c.call("fma", n_float, c.const(-0.693359375, FLOAT32), x)
    r = c.call("fma", n_float, c.const(2.12194440e-4, FLOAT32), r)
    tail = _polynomial(c, r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
                       5.0000001201e-1)  # fmt: skip
    value = c.call("fma", tail, c.binary("mul", r, r), c.binary("add", r, c.const(1, FLOAT32)))
    half = c.binary("shr", n, c.const(1, INT32))
    return c.binary(
        "mul", c.binary("mul", value, _power_of_two(c, half)), _power_of_two(c, c.binary("sub", n, half))
    )


@rule("log")
def _log(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    """e log 2 + log m for x = 2^e m with m in [sqrt(1/2), sqrt(2))."""
    if dtype != FLOAT32:
        return c.call("log", x)
    one = c.const(1, FLOAT32)
    tiny = c.compare("lt", x, c.const(np.finfo(np.float32).tiny, FLOAT32))
    scaled = c.select(tiny, c.binary("mul", x, c.const(2.0**23, FLOAT32)), x)
    bits = c.bitcast(scaled, INT32)
    # Subtracting the bits of sqrt(1/2) puts the cut between exponents there.
    offset = c.binary("sub", bits, c.const(0x3F3504F3, INT32))
    exponent = c.binary("shr", offset, c.const(23, INT32))
    mantissa = c.bitcast(c.binary("sub", bits, c.binary("shl", exponent, c.const(23, INT32))), FLOAT32)
    exponent = c.binary("sub", exponent, c.select(tiny, c.const(23, INT32), c.const(0, INT32)))
    e, m = c.cast(exponent, FLOAT32), c.binary("sub", mantissa, one)
    square = c.binary("mul", m, m)
    tail = _polynomial(c, m, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                       -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # fmt: skip
    y = c.binary("mul", c.binary("mul", m, square), tail)
    y = c.call("fma", e, c.const(-2.12194440e-4, FLOAT32), y)
    y = c.call("fma", square, c.const(-0.5, FLOAT32), y)
    value = c.call("fma", e, c.const(0.693359375, FLOAT32), c.binary("add", m, y))
    value = c.select(
        c.compare("lt", x, c.const(math.inf, FLOAT32)), value, x
    )  # infinity and NaN are themselves
    value = c.select(c.compare("eq", x, _zero(c, x)), c.const(-math.inf, FLOAT32), value)
    return c.select(c.compare("lt", x, _zero(c, x)), c.const(math.nan, FLOAT32), value)


@rule("tanh")
def _tanh(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    """A polynomial near 0, 1 - 2 / (exp(2|x|) + 1) elsewhere."""
    if dtype != FLOAT32:
        return c.call("tanh", x)
    one, size = c.const(1, FLOAT32), c.call("fabs", x)
    square = c.binary("mul", x, x)
    near = _polynomial(c, square, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1,
                       -3.33332819422e-1)  # fmt: skip
    near = c.call("fma", c.binary("mul", near, square), x, x)
    grown = _exp(c, dtype, c.binary("add", size, size))
    far = c.binary("sub", one, c.binary("div", c.const(2, FLOAT32), c.binary("add", grown, one)))
    return c.select(c.compare("lt", size, c.const(0.625, FLOAT32)), near, c.call("copysign", far, x))


@rule("sigmoid")
def _sigmoid(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    one = c.const(1, dtype)
    return c.binary("div", one, c.binary("add", one, _exp(c, dtype, _negative(c, dtype, x))))


@rule("softplus")
def _softplus(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    """max(x, 0) + log1p(exp(-|x|))."""
    small = _exp(c, dtype, _negative(c, dtype, c.call("fabs", x)))
    return c.binary("add", _relu(c, dtype, x), _log_of_one_more(c, dtype, small))


def _log_of_one_more(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    """log(1 + x) for x in [0, 1], with what rounding 1 + x lost put back."""
    if dtype != FLOAT32:
        return c.call("log1p", x)
    one = c.const(1, dtype)
    u = c.binary("add", one, x)
    lost = c.binary("sub", x, c.binary("sub", u, one))
    return c.binary("add", _log(c, dtype, u), c.binary("div", lost, u))


@rule("logaddexp")
def _logaddexp(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
    top = _extremum(c, "gt", x, y)
    apart = c.call("fabs", c.binary("sub", x, y))
    apart = c.select(c.compare("eq", x, y), _zero(c, x), apart)  # equal infinities
    return c.binary("add", top, _log_of_one_more(c, dtype, _exp(c, dtype, _negative(c, dtype, apart))))


# Comparisons, logic and bits


def _comparison(kind: str) -> Rule:
    return lambda c, dtype, x, y: c.compare(kind, x, y)


for _name, _kind in [("equal", "eq"), ("not_equal", "ne"), ("less", "lt"), ("less_equal", "le"), ("greater", "gt"),
                     ("greater_equal", "ge")]:  # fmt: skip
    RULES[_name] = _comparison(_kind)


def _logical(kind: str) -> Rule:
    return lambda c, dtype, x, y: c.binary(kind, c.cast(x, BOOL), c.cast(y, BOOL))


for _name, _kind in [("logical_and", "and"), ("logical_or", "or"), ("logical_xor", "xor")]:
    RULES[_name] = _logical(_kind)


@rule("logical_not")
def _logical_not(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return c.binary("xor", c.cast(x, BOOL), c.const(True, BOOL))


@rule("isnan")
def _isnan(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return c.compare("ne", x, x)


@rule("isinf")
def _isinf(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    if x.dtype.kind != "f":
        return c.const(False, BOOL)
    return c.compare("eq", c.call("fabs", x), c.const(math.inf, x.dtype))


@rule("isfinite")
def _isfinite(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    if x.dtype.kind != "f":
        return c.const(True, BOOL)
    return c.compare("lt", c.call("fabs", x), c.const(math.inf, x.dtype))


@rule("bitwise_not")
def _bitwise_not(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return c.binary(
        "xor",
        x,
        c.const(True if dtype == BOOL else (-1 if dtype.kind == "i" else np.iinfo(dtype).max), dtype),
    )


def _shift(kind: str) -> Rule:
    def lower(c: Builder, dtype: np.dtype, x: Scalar, y: Scalar) -> Scalar:
        """Shifts by the width or more leave 0, or -1 for a negative number moved right."""
        bits = dtype.itemsize * 8
        unsigned = np.dtype(f"u{dtype.itemsize}")
        wide = c.compare("ge", c.cast(y, unsigned), c.const(bits, unsigned))
        shifted = c.binary(kind, x, c.select(wide, _zero(c, y), y))
        beyond = (
            c.binary("shr", x, c.const(bits - 1, dtype))
            if kind == "shr" and dtype.kind == "i"
            else _zero(c, x)
        )
        return c.select(wide, beyond, shifted)

    return lower


RULES["left_shift"], RULES["right_shift"] = _shift("shl"), _shift("shr")


# Choice, conversion, and what changes no value


@rule("where")
def _where(c: Builder, dtype: np.dtype, condition: Scalar, x: Scalar, y: Scalar) -> Scalar:
    return c.select(condition, x, y)


@rule("cast")
def _cast(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return c.cast(x, dtype)


@rule("alias", "copy", "stop_gradient", "broadcast_to", "reshape")
def _alias(c: Builder, dtype: np.dtype, x: Scalar) -> Scalar:
    return x


def operand_dtypes(name: str, operands: list[Any], dtype: np.dtype) -> list[np.dtype]:
    """Return the dtype to cast each operand to: numbers take that of the arrays beside them."""
    known = [x.dtype for x in operands if hasattr(x, "dtype")]
    if name == "where":
        return [BOOL, dtype, dtype]
    if name in PREDICATES:
        return [known[0] if known else FLOAT64] * len(operands)
    return known if name == "cast" else [dtype] * len(operands)
