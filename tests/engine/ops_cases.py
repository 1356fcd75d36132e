"""The calls of `ops` that are compared with `keras.ops`: a name, arguments with NumPy arrays in place of tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Call(NamedTuple):
    """One call of a function of `ops`.

    Attributes:
        name: The function.
        args: Its arguments; arrays (also in lists) stand for tensors.
        kwargs: Its keyword arguments.
        symbolic: Whether it can be called with symbolic tensors in place of the arrays; `"known"`: of known shapes;
            `"traced"`: only while Keras compiles them, since it infers no or other shapes.
    """

    name: str
    args: tuple
    kwargs: dict[str, Any]
    symbolic: bool | str

    def __str__(self) -> str:
        parts = [_brief(a) for a in self.args] + [f"{k}={_brief(v)}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(parts)})"


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}".replace(" ", "")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_brief, value))}]"
    return getattr(value, "__name__", repr(value))


CALLS: list[Call] = []


def call(name: str, *args: Any, symbolic: bool | str = True, **kwargs: Any) -> None:
    CALLS.append(Call(name, args, kwargs, symbolic))


# Not compared: sparsemax, which in Keras 3.15 is no distribution where more than one score is kept.


def floats(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Return float32 numbers between `low` and `high` in no order."""
    spread = (np.arange(int(np.prod(shape))) * 0.6180339887498949 + 0.137) % 1.0
    return (low + spread * (high - low)).reshape(shape).astype(np.float32)


def ints(*values: Any) -> np.ndarray:
    return np.array(values, np.int32)


X, Y = floats(2, 3), floats(2, 3, low=0.3, high=1.7)[::-1]
CUBE = floats(2, 3, 4)
VECTOR = floats(5)
NUMBERS = ints([3, -1, 2], [0, 5, -4])
NATURALS = ints([3, 1, 2], [4, 5, 1])
MASK = np.array([[True, False, True], [False, False, True]])
TIES = np.array([[1.0, 3.0, 3.0, -1.0], [2.0, 2.0, -1.0, 2.0]], np.float32)
ODD = np.array([[1.0, np.nan, np.inf], [-np.inf, 0.0, -2.5]], np.float32)
EMPTY = np.zeros((0, 3), np.float32)
SQUARE = floats(3, 3) + 3 * np.eye(3, dtype=np.float32)

# Elementwise

for _name in (
    "absolute abs negative sign square exp exp2 expm1 sin cos tan sinh cosh tanh arctan arcsinh cbrt floor ceil "
    "erf erfc relu relu6 sigmoid sparse_sigmoid softplus softsign silu swish log_sigmoid leaky_relu hard_sigmoid "
    "hard_silu hard_swish elu selu celu gelu tanh_shrink hard_tanh hard_shrink soft_shrink squareplus sparse_plus "
    "trunc round signbit softmax log_softmax logsumexp normalize"
).split():
    call(_name, CUBE)
for _name in "log log1p log2 log10 sqrt rsqrt reciprocal".split():
    call(_name, Y)
for _name in "arcsin arccos arctanh erfinv".split():
    call(_name, X / 2.5)
call("arccosh", Y + 1)
for _name in "isnan isinf isfinite nan_to_num".split():
    call(_name, ODD)
call("nan_to_num", ODD, nan=1.0, posinf=2.0, neginf=-3.0)
for _name in "logical_not".split():
    call(_name, MASK)
for _name in "bitwise_not bitwise_invert absolute negative sign square relu exp floor".split():
    call(_name, NUMBERS)
for _name in (
    "add subtract multiply divide true_divide floor_divide mod fmod maximum minimum arctan2 hypot logaddexp "
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor nextafter "
    "divide_no_nan isclose"
).split():
    call(_name, X, Y)
    call(_name, X, Y[0])
for _name in "add subtract multiply divide floor_divide mod fmod maximum minimum equal less power".split():
    call(_name, NUMBERS, NATURALS)
    call(_name, X, 2)
    call(_name, 2.5, Y)
    call(_name, NATURALS, 1.5)
for _name in (
    "bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift gcd lcm"
).split():
    call(_name, NATURALS, np.minimum(NATURALS[::-1], 4))
call("power", Y, X)
call("add", CUBE, floats(3, 1))
call("add", EMPTY, X[:1])
call("logical_and", MASK, X)
call("equal", TIES, TIES)
call("floor_divide", ints(-7, 7, -7), ints(2, -2, -2))
call("mod", ints(-7, 7, -7), ints(2, -2, -2))
call("divide_no_nan", X, np.array([0.0, 1.0, 0.0], np.float32))
call("isclose", ODD, ODD)
call("isclose", ODD, ODD, equal_nan=True)
call("isclose", X, X + 1e-6, rtol=1e-7, atol=1e-3)
call("allclose", X, X + 1e-9)
call("clip", X, -0.5, 0.5)
call("clip", NUMBERS, -1, 3)
call("clip", X, np.array([-1.0, 0.0, 0.5], np.float32), 1.0)
call("clip", np.array([0, 2, 100], np.uint8), -1, 300)
call("clip", np.array([0, 2, 100], np.int8), -300, 200)
call("round", X * 100, decimals=1)
call("round", NUMBERS * 17, decimals=-1)
call("leaky_relu", X, negative_slope=0.3)
call("elu", X, alpha=0.5)
call("celu", X, alpha=0.5)
call("gelu", X, approximate=False)
call("glu", floats(2, 4))
call("glu", floats(4, 3), axis=0, symbolic="known")
call("hard_shrink", X, threshold=1.0)
call("soft_shrink", X, threshold=1.0)
call("threshold", X, 0.5, -1.0)
call("squareplus", X, b=2)
call("cast", X, "int32")
call("cast", MASK, "float32")
call("cast", ODD, "bool")
call("saturate_cast", X * 300, "uint8")
call("where", MASK, X, Y)
call("where", MASK, X, 0.0)
call("where", MASK, 1, X)
call("where", MASK[:, :1], X[0], 2.5)
call("where", NUMBERS, NUMBERS, 7)
call("where", MASK, symbolic=False)
call("nonzero", NUMBERS, symbolic=False)
call("select", [MASK, X > 0], [X, Y], default=7.0)
call("logical_and", True, MASK)

# Softmax and its like

for _axis in (0, 1, -1, (0, 2), None):
    call("softmax", CUBE, axis=_axis)
    call("log_softmax", CUBE, axis=_axis)
    call("logsumexp", CUBE, axis=_axis)
call("logsumexp", CUBE, axis=1, keepdims=True)
call("logsumexp", np.array([-np.inf, -np.inf], np.float32))
call("softmax", np.array([1000.0, 1001.0], np.float32))
call("one_hot", NATURALS, 5)
call("one_hot", NATURALS, 6, axis=0, dtype="int32")
call("one_hot", ints(-1, 7, 1), 3)
call("multi_hot", NATURALS, 6, symbolic="traced")
call("normalize", CUBE, axis=1)
call("normalize", X, order=1)
call("normalize", X, order=3)
call("moments", CUBE, axes=[0])
call("moments", CUBE, axes=(0, 2), keepdims=True)
call("categorical_crossentropy", np.eye(3, dtype=np.float32)[:2], Y / 2)
call("categorical_crossentropy", np.eye(3, dtype=np.float32)[:2], X, from_logits=True)
call("sparse_categorical_crossentropy", ints(2, 0), Y / 2)
call("sparse_categorical_crossentropy", ints(2, 0), X, from_logits=True)
call("binary_crossentropy", MASK.astype(np.float32), Y / 2)
call("binary_crossentropy", MASK.astype(np.float32), X, from_logits=True)

# Reductions

for _name in "sum mean max min amax amin prod std var any all count_nonzero".split():
    for _axis in (None, 0, -1, (0, 2)):
        call(_name, CUBE, axis=_axis)
    if _name != "count_nonzero":
        call(_name, CUBE, axis=1, keepdims=True)
        call(_name, X, keepdims=True)
for _name in "sum prod mean max".split():
    call(_name, NUMBERS, axis=0)
call("sum", MASK)
call("mean", MASK, axis=0)
call("sum", EMPTY, axis=0)
call("sum", EMPTY, axis=1)
call("prod", EMPTY, axis=0)
call("max", X, axis=0, initial=1.0)
call("min", EMPTY, axis=0, initial=1.0)
call("prod", X, dtype="float32")
for _name in "argmax argmin".split():
    call(_name, TIES)
    call(_name, TIES, axis=1)
    call(_name, TIES, axis=0, keepdims=True)
    call(_name, CUBE, axis=-2)
call("average", X)
call("average", X, axis=1, weights=np.array([1.0, 2.0, 3.0], np.float32))
call("average", X, axis=0, weights=Y)
call("ptp", X)
call("ptp", CUBE, axis=1, keepdims=True)
for _name in "cumsum cumprod".split():
    call(_name, CUBE, symbolic="known")
    call(_name, CUBE, axis=1)
    call(_name, NUMBERS, axis=0, symbolic="known")
call("cumsum", MASK, axis=1)
call("cumsum", X, axis=0, dtype="int32")
for _order in (None, 1, 2, 3, 0, float("inf"), float("-inf")):
    call("norm", X, ord=_order, axis=1)
for _order in ("fro", 1, -1, float("inf"), float("-inf"), None):
    call("norm", X, ord=_order)
    call("norm", CUBE, ord=_order, axis=(0, 2), keepdims=True)
call("norm", X, axis=0, keepdims=True)
call("diff", X)
call("diff", CUBE, n=2, axis=1)
call("trace", SQUARE, symbolic="known")
call("trace", CUBE, offset=1, axis1=1, axis2=2)
call("segment_sum", CUBE, ints(0, 2), num_segments=3, symbolic="traced")

# Order

for _axis in (0, 1, -1, None):
    call("sort", TIES, axis=_axis)
    call("argsort", TIES, axis=_axis)
call("sort", NUMBERS)
call("top_k", TIES, 2)
call("top_k", NUMBERS, 3)
call("in_top_k", ints(1, 0), TIES, 2)
call("searchsorted", np.array([1.0, 2.0, 2.0, 3.0], np.float32), np.array([0.0, 2.0, 5.0], np.float32))
call(
    "searchsorted", np.array([1.0, 2.0, 2.0, 3.0], np.float32), np.array([0.0, 2.0], np.float32), side="right"
)
call("digitize", X, np.array([-1.0, 0.0, 1.0], np.float32))
call("flip", CUBE)
call("flip", CUBE, axis=1)
call("flip", CUBE, axis=(0, 2))
call("roll", CUBE, 2)
call("roll", CUBE, -1, axis=1)
call("roll", CUBE, (1, 2), axis=(0, 2))

# Shapes

call("reshape", CUBE, (4, 6))
call("reshape", CUBE, (-1, 4))
call("reshape", CUBE, (2, -1))
call("reshape", X, -1)
call("ravel", CUBE)
call("transpose", CUBE)
call("transpose", CUBE, axes=(1, 2, 0))
call("swapaxes", CUBE, 0, -1)
call("moveaxis", CUBE, 0, -1)
call("moveaxis", CUBE, (0, 1), (2, 0))
call("expand_dims", X, 0)
call("expand_dims", X, -1)
call("expand_dims", X, (0, 3))
call("squeeze", floats(1, 2, 1))
call("squeeze", floats(1, 2, 1), axis=0)
call("squeeze", floats(1, 2, 1), axis=-1)
call("broadcast_to", floats(3, 1), (2, 3, 4))
call("concatenate", [X, Y], axis=0)
call("concatenate", [X, Y], axis=-1)
call("concatenate", [X, NUMBERS], axis=1)
call("stack", [X, Y])
call("stack", [X, Y], axis=-1)
call("append", X, Y)
call("append", X, Y, axis=0)
call("hstack", [X, Y])
call("hstack", [VECTOR, VECTOR], symbolic="traced")
call("vstack", [X, Y])
call("vstack", [VECTOR, VECTOR], symbolic="traced")
call("dstack", [X, Y])
call("dstack", [VECTOR, VECTOR])
call("split", CUBE, 2, axis=2)
call("split", CUBE, 3, axis=1)
call("split", CUBE, [1, 3], axis=-1)
call("array_split", VECTOR, 3, symbolic="traced")
call("array_split", CUBE, 3, axis=2)
call("unstack", CUBE, axis=1)
call("unstack", X, 2)
call("repeat", X, 2)
call("repeat", X, 2, axis=1)
call("repeat", X, ints(1, 2, 0), axis=1, symbolic=False)
call("tile", X, 2)
call("tile", X, (2, 1))
call("tile", X, (2, 1, 3))
call("pad", X, 1)
call("pad", X, ((0, 1), (2, 0)), constant_values=5.0)
for _mode in ("reflect", "symmetric", "edge"):
    call("pad", CUBE, ((1, 0), (1, 2), (2, 1)), mode=_mode, symbolic="traced")
    call("pad", CUBE, ((0, 0), (1, 2), (2, 1)), mode=_mode)
call("diagonal", CUBE, symbolic="known")
call("diagonal", CUBE, offset=1, axis1=1, axis2=2)
call("diagonal", CUBE, offset=-1, axis1=2, axis2=1)
call("diag", VECTOR)
call("diag", VECTOR, k=-2)
call("diag", SQUARE, symbolic="known")
call("diag", SQUARE, k=1, symbolic="known")
call("tril", CUBE)
call("triu", CUBE, k=1)
call("tril", MASK, k=-1, symbolic="known")
call("meshgrid", VECTOR, floats(3), symbolic="traced")
call("meshgrid", VECTOR, floats(3), floats(2), indexing="ij", symbolic="traced")
call("fliplr", X, symbolic="traced")
call("flipud", X, symbolic="traced")
call("ones_like", X)
call("zeros_like", NUMBERS)
call("zeros_like", X, dtype="int32")
call("full_like", X, 2)
call("full_like", NUMBERS, 2.5, dtype="float32")
call("empty_like", X, symbolic="traced")
call("copy", X)
call("array", X)
call("identity", 3)
call("eye", 3)
call("eye", 2, 4, k=1, dtype="int32")
call("tri", 3)
call("tri", 2, 4, k=-1)
call("zeros", (2, 3))
call("ones", (2,), dtype="int32")
call("full", (2, 2), 3)
call("full", (2,), 3.5)
call("arange", 5)
call("arange", 1, 7, 2)
call("arange", 0.0, 1.0, 0.25)
call("arange", 3, dtype="float32")
call("linspace", 0, 10, num=5)
call("linspace", 0.0, 1.0, num=4, endpoint=False)
call("linspace", X, Y, num=3, axis=0, symbolic="traced")
call("linspace", X, Y, num=3, axis=-1, symbolic="traced")
call("linspace", 0, 1, num=1)
call("linspace", 2, 3, num=0)
call("logspace", 0, 2, num=5)
call("ndim", CUBE, symbolic=False)
call("size", CUBE, symbolic=False)
call("shape", CUBE, symbolic=False)

# Positions

call("take", CUBE, ints(1, 0, 1), axis=0)
call("take", CUBE, ints([2, 0], [1, 1]), axis=1)
call("take", CUBE, ints(5, -1))
call("take", CUBE, 1, axis=2)
call("take_along_axis", X, ints([0, 2], [1, 1]), axis=1)
call("take_along_axis", X, ints([1, 0, 1]), axis=0)
call("take_along_axis", X, ints(3, -1), axis=None, symbolic="traced")
call("get_item", CUBE, 1)
call("get_item", CUBE, (slice(None), slice(None, None, 2), None))
call("get_item", CUBE, (..., -1))
call("slice", CUBE, (0, 1, 2), (2, 1, 2), symbolic="known")
call("slice_update", CUBE, (0, 1, 2), floats(2, 1, 2, low=5, high=6))
call("scatter", ints([0], [2], [0]), floats(3, 2), (4, 2))
call("scatter_update", X, ints([0, 1], [1, 2]), floats(2))

# Products

call("matmul", X, floats(3, 4))
call("matmul", CUBE, floats(4, 2))
call("matmul", CUBE, floats(2, 4, 2))
call("matmul", X, floats(3))
call("matmul", floats(2), X)
call("matmul", floats(3), floats(3), symbolic="traced")
call("matmul", NUMBERS, NUMBERS.T, symbolic="traced")
call("dot", X, floats(3, 2), symbolic="traced")
call("dot", CUBE, floats(4))
call("dot", X, 2.0)
call("dot", CUBE, floats(5, 4, 2), symbolic="traced")
call("tensordot", CUBE, floats(3, 4, 2))
call("tensordot", CUBE, floats(4, 3), axes=([1, 2], [1, 0]))
call("tensordot", X, VECTOR, axes=0)
call("outer", VECTOR, floats(3), symbolic="traced")
call("inner", X, Y)
call("inner", CUBE, floats(4))
call("vdot", X, Y)
