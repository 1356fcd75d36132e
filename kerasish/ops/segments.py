"""Slices of a tensor that have the same number, put together."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives.shapes import broadcast_to
from kerasish.autograd.tensor import Tensor, as_tensor


def _segments(data: Any, segment_ids: Any, num_segments: int | None) -> tuple[Tensor, Tensor, int]:
    data, ids = as_tensor(data), as_tensor(segment_ids)
    if ids.ndim != 1:
        raise ValueError(
            f"Argument `segment_ids` should be an 1-D vector. Received: segment_ids.shape={ids.shape}"
        )
    return data, ids, int(ids.numpy().max()) + 1 if num_segments is None else int(num_segments)


def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Return the sums of the slices of `data` that have the same segment number.

    Example:

    >>> kerasish.ops.segment_sum([1.0, 2.0, 3.0], [0, 1, 0], num_segments=2).numpy()
    array([4., 2.], dtype=float32)

    Args:
        data: Tensor of shape `(n, ...)`.
        segment_ids: The number of the segment that each slice belongs to, of shape `(n,)`.
        num_segments: How many segments there are. By default one more than the largest number, which has to be known
            then: give it where the call is traced or compiled.
        sorted: Accepted for Keras's sake.
    """
    data, ids, count = _segments(data, segment_ids, num_segments)
    start = broadcast_to(as_tensor(0, data.dtype), (count, *data.shape[1:]))
    return indexing.scatter_add(start, data, [ids], (indexing.ARRAY,))


def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Return the largest values of the slices of `data` that have the same segment number.

    Args:
        data: Tensor of shape `(n, ...)`.
        segment_ids: The number of the segment that each slice belongs to, of shape `(n,)`.
        num_segments: How many segments there are; see `segment_sum`. Empty ones have the lowest value.
        sorted: Accepted for Keras's sake.
    """
    return indexing.combine_segments(*_segments(data, segment_ids, num_segments), "maximum")


def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Return the smallest values of the slices of `data` that have the same segment number.

    Args:
        data: Tensor of shape `(n, ...)`.
        segment_ids: The number of the segment that each slice belongs to, of shape `(n,)`.
        num_segments: How many segments there are; see `segment_sum`. Empty ones have the highest value.
        sorted: Accepted for Keras's sake.
    """
    return indexing.combine_segments(*_segments(data, segment_ids, num_segments), "minimum")


def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Return the products of the slices of `data` that have the same segment number.

    Args:
        data: Tensor of shape `(n, ...)`.
        segment_ids: The number of the segment that each slice belongs to, of shape `(n,)`.
        num_segments: How many segments there are; see `segment_sum`. Empty ones have 1.
        sorted: Accepted for Keras's sake.
    """
    return indexing.combine_segments(*_segments(data, segment_ids, num_segments), "multiply")
