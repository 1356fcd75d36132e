"""Elementwise primitives: one value in the result for each value (or pair of values) in the arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract, broadcast_shapes
from kerasish.autograd.primitive import Binary, Piece, Primitive, Unary, cast
from kerasish.autograd.tensor import Tensor, as_tensor


def _select_gradient(choose: Any) -> tuple:
    """Return the gradients of a maximum or minimum: to the chosen operand, half to each where they are equal."""

    def rule(g: Tensor, x: Any, y: Any) -> Tensor:
        share = where(equal(x, y), 0.5, cast(choose(x, y), g.dtype))
        return g * share

    return (lambda g, out, x, y: rule(g, x, y), lambda g, out, x, y: rule(g, y, x))


# Arithmetic

add = Binary("add", "add", (lambda g, out, x, y: g, lambda g, out, x, y: g))
subtract = Binary("subtract", "subtract", (lambda g, out, x, y: g, lambda g, out, x, y: -g))
multiply = Binary("multiply", "multiply", (lambda g, out, x, y: g * y, lambda g, out, x, y: g * x))
divide = Binary(
    "divide",
    "true_divide",
    (lambda g, out, x, y: g / y, lambda g, out, x, y: -(g * out) / y),
    floating=True,
)
floor_divide = Binary("floor_divide", "floor_divide", counting=True)
remainder = Binary(
    "remainder",
    "remainder",
    (lambda g, out, x, y: g, lambda g, out, x, y: -g * floor_divide(x, y)),
    counting=True,
)
fmod = Binary("fmod", "fmod", (lambda g, out, x, y: g, lambda g, out, x, y: -g * trunc(x / y)), counting=True)


def _power_base(g: Tensor, out: Tensor, x: Any, y: Any) -> Tensor:
    if isinstance(y, (int, float)):
        if y == 2:
            return g * (x * 2)
        return g * (y * power(x, y - 1)) if y else g * 0
    return g * y * power(x, where(equal(y, 0), 1.0, y - 1))


def _power_exponent(g: Tensor, out: Tensor, x: Any, y: Any) -> Tensor:
    """x^y log x, which is 0 where x is 0."""
    x = as_tensor(x, out.dtype)
    return g * out * log(where(equal(x, 0), 1.0, x))


power = Binary("power", "power", (_power_base, _power_exponent), counting=True)
maximum = Binary("maximum", "maximum", _select_gradient(lambda x, y: greater(x, y)))
minimum = Binary("minimum", "minimum", _select_gradient(lambda x, y: less(x, y)))
arctan2 = Binary(
    "arctan2",
    "arctan2",
    (lambda g, out, x, y: g * y / (x * x + y * y), lambda g, out, x, y: -g * x / (x * x + y * y)),
    floating=True,
)
hypot = Binary(
    "hypot", "hypot", (lambda g, out, x, y: g * x / out, lambda g, out, x, y: g * y / out), floating=True
)
logaddexp = Binary(
    "logaddexp",
    "logaddexp",
    (lambda g, out, x, y: g * exp(x - out), lambda g, out, x, y: g * exp(y - out)),
    floating=True,
)

negative = Unary("negative", "negative", lambda g, out, x: -g)
absolute = Unary("absolute", "absolute", lambda g, out, x: g * sign(x))
sign = Unary("sign", "sign", lambda g, out, x: g * 0)
square = Unary("square", "square", lambda g, out, x: g * (x * 2), counting=True)
reciprocal = Unary("reciprocal", lambda xp, x: 1 / x, lambda g, out, x: -g * (out * out), floating=True)
floor = Unary("floor", "floor", lambda g, out, x: g * 0, floating=True)
ceil = Unary("ceil", "ceil", lambda g, out, x: g * 0, floating=True)
trunc = Unary("trunc", "trunc", lambda g, out, x: g * 0)
rint = Unary("rint", "rint", lambda g, out, x: g * 0)

# Exponentials and logarithms

exp = Unary("exp", "exp", lambda g, out, x: g * out, floating=True)
expm1 = Unary("expm1", "expm1", lambda g, out, x: g * (out + 1), floating=True)
exp2 = Unary("exp2", "exp2", lambda g, out, x: g * (out * math.log(2)), floating=True)
log = Unary("log", "log", lambda g, out, x: g / x, floating=True)
log1p = Unary("log1p", "log1p", lambda g, out, x: g / (x + 1), floating=True)
log2 = Unary("log2", "log2", lambda g, out, x: g / (x * math.log(2)), floating=True)
log10 = Unary("log10", "log10", lambda g, out, x: g / (x * math.log(10)), floating=True)
sqrt = Unary("sqrt", "sqrt", lambda g, out, x: g * 0.5 / out, floating=True)
cbrt = Unary("cbrt", "cbrt", lambda g, out, x: g / (3 * out * out), floating=True)
sigmoid = Unary("sigmoid", "sigmoid", lambda g, out, x: g * (out * (1 - out)), floating=True)
softplus = Unary(
    "softplus", lambda xp, x: xp.logaddexp(x, 0), lambda g, out, x: g * sigmoid(x), floating=True
)
_relu_gradient = Piece(
    "relu_gradient",
    lambda xp, g, out: xp.where(out > 0, g, 0),
    lambda g, out: where(greater(out, 0), g, 0),
)
relu = Unary("relu", lambda xp, x: xp.maximum(x, 0), lambda g, out, x: _relu_gradient(g, out), counting=True)
erf = Unary("erf", "erf", lambda g, out, x: g * (2 / math.sqrt(math.pi) * exp(-(x * x))), floating=True)
erfc = Unary("erfc", "erfc", lambda g, out, x: g * (-2 / math.sqrt(math.pi) * exp(-(x * x))), floating=True)
erfinv = Unary(
    "erfinv", "erfinv", lambda g, out, x: g * (math.sqrt(math.pi) / 2 * exp(out * out)), floating=True
)


def _bessel_gradient(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    """g times the modified Bessel function of order one, as the mean of exp(x cos t) cos t over a circle.

    Equidistant points on a circle give such means to full precision as soon as there are enough of them.
    """
    from kerasish.autograd.primitives.shapes import expand_dims, reduce_sum

    cosines = np.cos(np.arange(_CIRCLE) * (2 * np.pi / _CIRCLE))
    points = as_tensor(cosines, x.dtype)
    values = exp(expand_dims(x, -1) * points) * points
    return g * (reduce_sum(values, axis=(x.ndim,), keepdims=False) / _CIRCLE)


_CIRCLE = 128
i0 = Unary("i0", "i0", _bessel_gradient, floating=True)

# Trigonometry

sin = Unary("sin", "sin", lambda g, out, x: g * cos(x), floating=True)
cos = Unary("cos", "cos", lambda g, out, x: -g * sin(x), floating=True)
tan = Unary("tan", "tan", lambda g, out, x: g * (1 + out * out), floating=True)
arcsin = Unary("arcsin", "arcsin", lambda g, out, x: g / sqrt(1 - x * x), floating=True)
arccos = Unary("arccos", "arccos", lambda g, out, x: -g / sqrt(1 - x * x), floating=True)
arctan = Unary("arctan", "arctan", lambda g, out, x: g / (1 + x * x), floating=True)
sinh = Unary("sinh", "sinh", lambda g, out, x: g * cosh(x), floating=True)
cosh = Unary("cosh", "cosh", lambda g, out, x: g * sinh(x), floating=True)
tanh = Unary("tanh", "tanh", lambda g, out, x: g * (1 - out * out), floating=True)
arcsinh = Unary("arcsinh", "arcsinh", lambda g, out, x: g / sqrt(x * x + 1), floating=True)
arccosh = Unary("arccosh", "arccosh", lambda g, out, x: g / sqrt(x * x - 1), floating=True)
arctanh = Unary("arctanh", "arctanh", lambda g, out, x: g / (1 - x * x), floating=True)

# Comparisons, logic and bits

equal = Binary("equal", "equal", dtype=bool)
not_equal = Binary("not_equal", "not_equal", dtype=bool)
less = Binary("less", "less", dtype=bool)
less_equal = Binary("less_equal", "less_equal", dtype=bool)
greater = Binary("greater", "greater", dtype=bool)
greater_equal = Binary("greater_equal", "greater_equal", dtype=bool)
logical_and = Binary("logical_and", "logical_and", dtype=bool)
logical_or = Binary("logical_or", "logical_or", dtype=bool)
logical_xor = Binary("logical_xor", "logical_xor", dtype=bool)
logical_not = Unary("logical_not", "logical_not", dtype=bool)
isnan = Unary("isnan", "isnan", dtype=bool)
isinf = Unary("isinf", "isinf", dtype=bool)
isfinite = Unary("isfinite", "isfinite", dtype=bool)
signbit = Unary("signbit", "signbit", dtype=bool)
bitwise_and = Binary("bitwise_and", "bitwise_and")
bitwise_or = Binary("bitwise_or", "bitwise_or")
bitwise_xor = Binary("bitwise_xor", "bitwise_xor")
bitwise_not = Unary("bitwise_not", "invert")
left_shift = Binary("left_shift", "left_shift", counting=True)
right_shift = Binary("right_shift", "right_shift", counting=True)
nextafter = Binary("nextafter", "nextafter", floating=True)
gcd = Binary("gcd", "gcd")
lcm = Binary("lcm", "lcm")

# Choice


def _where_infer(condition: Abstract, x: Any, y: Any) -> Abstract:
    operands = [operand for operand in (x, y) if type(operand) is Abstract]
    shape = broadcast_shapes(condition.shape, *(operand.shape for operand in operands))
    return Abstract(shape, operands[0].dtype)


_where = Primitive(
    "where",
    "where",
    _where_infer,
    (
        None,
        lambda g, out, condition, x, y: where(condition, g, 0),
        lambda g, out, condition, x, y: where(condition, 0, g),
    ),
)
_where.broadcasts = True


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """Return `x` where `condition` holds and `y` elsewhere, all broadcast to one shape."""
    condition = condition if isinstance(condition, Tensor) else as_tensor(condition)
    if condition._value.dtype.kind != "b":
        condition = cast(condition, "bool")
    x, y = common_dtype(x, y)
    return _where(condition, x, y)


def common_dtype(x: Any, y: Any) -> tuple[Any, Any]:
    """Bring two operands to one dtype; at most one stays a Python number, which takes the other's dtype."""
    x_is, y_is = isinstance(x, Tensor), isinstance(y, Tensor)
    if x_is and y_is:
        if x._value.dtype == y._value.dtype:
            return x, y
    elif x_is or y_is:
        tensor, other = (x, y) if x_is else (y, x)
        kind = tensor._value.dtype.kind
        if isinstance(other, float) and kind in "fc":  # np.float64 scalars too
            return (x, float(y)) if x_is else (float(x), y)
        if type(other) is int and kind in "fciu":
            return x, y
    # Adding decides the type without a rule of its own; on scalars of the operands' types it costs nothing.
    from kerasish.autograd import dtypes

    kinds = [float if isinstance(v, float) else int if type(v) is int else as_tensor(v).dtype for v in (x, y)]
    dtype = dtypes.result_type(*kinds)
    return as_tensor(x, dtype), as_tensor(y, dtype)
