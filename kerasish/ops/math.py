"""Mathematics beyond NumPy's: log-sum-exp, top values, segments, and norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives.shapes import broadcast_to, expand_dims, stop_gradient_p
from kerasish.autograd.tensor import Tensor, as_tensor
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
    top = stop_gradient_p(max(x, axis, keepdims=True))
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


def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Return the sums of the slices of `data` that have the same segment number."""
    data, ids = as_tensor(data), as_tensor(segment_ids)
    count = int(ids.numpy().max()) + 1 if num_segments is None else num_segments
    start = broadcast_to(as_tensor(0, data.dtype), (count, *data.shape[1:]))
    return indexing.scatter_add(start, data, [ids], (indexing.ARRAY,))
