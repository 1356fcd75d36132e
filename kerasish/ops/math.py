"""Mathematics beyond NumPy's: log-sum-exp, top values and distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives.shapes import expand_dims, stop_gradient_p
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import common_float
from kerasish.ops.order import argsort
from kerasish.ops.reductions import all, max, sum
from kerasish.ops.shapes import squeeze


def rsqrt(x: Any) -> Tensor:
    """Return 1 / sqrt(x), elementwise."""
    return e.reciprocal(e.sqrt(x))


def logsumexp(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Return log(sum(exp(x))) over `axis` without overflow."""
    x = as_tensor(x)
    if x._value.dtype.kind in "biu":
        x = cast(x, dtypes.result_type(x.dtype, float))
    top = stop_gradient_p(max(x, axis, keepdims=True, initial=-math.inf))
    top = e.where(e.isfinite(top), top, 0.0)
    result = e.log(sum(e.exp(x - top), axis, keepdims=True)) + top
    return result if keepdims else squeeze(result, axis if axis is not None else tuple(range(x.ndim)))


def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """Return the `k` largest values along the last axis, largest first, and their positions (int32)."""
    x = as_tensor(x)
    if x.ndim == 0 or (x.shape[-1] is not None and k > x.shape[-1]):
        raise ValueError(
            f"`k` must be at most the length of the last axis. Received: k={k}, x.shape={x.shape}"
        )
    # A stable ascending sort of the negated values keeps equal values in their order.
    kind = x._value.dtype.kind
    falling = e.bitwise_not(x) if kind in "iu" else e.negative(cast(x, "int32") if kind == "b" else x)
    order = argsort(falling, -1)[..., :k]
    return indexing.take_along_axis(x, order, -1), order


def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Return whether each target class is among the `k` largest predictions of its row (ties count as in)."""
    targets, predictions = as_tensor(targets), as_tensor(predictions)
    own = indexing.take_along_axis(predictions, expand_dims(targets, -1), -1)
    larger = sum(cast(e.greater(predictions, own), "int32"), -1)
    return e.logical_and(e.less(larger, k), all(e.isfinite(own), -1))


def cdist(x: Any, y: Any) -> Tensor:
    """Return the Euclidean distance of each row of `x` from each row of `y`.

    Args:
        x: Tensor of shape `(..., m, d)`.
        y: Tensor of shape `(..., n, d)`.

    Returns:
        Tensor of shape `(..., m, n)`. The gradient where two rows are equal is 0.

    Raises:
        ValueError: If one is not made of rows, or the rows differ in length.
    """
    x, y = common_float(x, y)
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError(
            f"`cdist` inputs must have rank >= 2. Received: x.shape={x.shape}, y.shape={y.shape}"
        )
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"Last dimension of inputs to `cdist` must match. Received: x.shape={x.shape}, y.shape={y.shape}"
        )
    squares = sum(e.square(expand_dims(x, -2) - expand_dims(y, -3)), -1)
    same = e.equal(squares, 0)
    return e.where(same, 0.0, e.sqrt(e.where(same, 1.0, squares)))
