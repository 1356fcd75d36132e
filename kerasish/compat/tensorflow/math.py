"""`tf.math`."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.compat.tensorflow._naming import named, named_functions

_SAME = (
    "abs add ceil cos cosh divide divide_no_nan equal erf exp expm1 floor greater greater_equal "
    "in_top_k is_finite is_inf is_nan less less_equal log log1p logical_and logical_not logical_or logical_xor maximum "
    "minimum mod multiply negative not_equal reciprocal round rsqrt sigmoid sign sin sinh softplus sqrt square "
    "subtract tan tanh top_k"
).split()
_OURS = {"is_finite": "isfinite", "is_inf": "isinf", "is_nan": "isnan"}
_REDUCTIONS = {
    "reduce_all": "all",
    "reduce_any": "any",
    "reduce_logsumexp": "logsumexp",
    "reduce_max": "max",
    "reduce_mean": "mean",
    "reduce_min": "min",
    "reduce_prod": "prod",
    "reduce_std": "std",
    "reduce_sum": "sum",
    "reduce_variance": "var",
}
_TABLE = {name: _OURS.get(name, name) for name in _SAME} | _REDUCTIONS
_TABLE |= {"pow": "power", "floordiv": "floor_divide", "truediv": "true_divide"}

globals().update(named_functions(ops, _TABLE))


@named
def argmax(input: Any, axis: int = 0) -> Any:
    """Return the position of the largest value along `axis`."""
    return ops.argmax(input, axis=axis)


@named
def argmin(input: Any, axis: int = 0) -> Any:
    """Return the position of the smallest value along `axis`."""
    return ops.argmin(input, axis=axis)


@named
def cumsum(x: Any, axis: int = 0) -> Any:
    """Return the running sums along `axis`."""
    return ops.cumsum(x, axis=axis)


@named
def squared_difference(x: Any, y: Any) -> Any:
    """Return (x - y)², elementwise."""
    return ops.square(ops.subtract(x, y))


@named
def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    """Return `x` divided by its Euclidean norm along `axis`, or by √epsilon where that is larger."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"kerasish's `tf.math` has no {name!r}. It holds what first programs use; `kerasish.ops` has the rest of "
        "Keras's functions under NumPy's names."
    )
