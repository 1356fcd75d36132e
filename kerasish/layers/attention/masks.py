"""Masks of attention: which query may attend to which value."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor


def _distances(queries: int, values: int) -> Tensor:
    """Return how far each query is behind each value, of shape `(1, queries, values)`."""
    rows = ops.reshape(ops.arange(queries, dtype="int32"), (1, queries, 1))
    return rows - ops.reshape(ops.arange(values, dtype="int32"), (1, 1, values))


def causal_mask(queries: int, values: int) -> Tensor:
    """Return the mask by which query i attends to values 0 … i only, of shape `(1, queries, values)`."""
    return ops.greater_equal(_distances(queries, values), 0)


def sliding_window_mask(queries: int, values: int, window: int) -> Tensor:
    """Return the mask by which each query attends to values less than `window` steps away."""
    return ops.less(ops.abs(_distances(queries, values)), window)


def attention_mask_of(
    query: Tensor,
    value: Tensor,
    *,
    query_mask: Any = None,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
    use_causal_mask: bool = False,
    sliding_window: int | None = None,
) -> Any:
    """Return what all masks of a call leave, of shape `(batch, queries, values)`, or None where there is no mask.

    Args:
        query: Tensor `(batch, queries, ...)`.
        value: Tensor `(batch, values, ...)`.
        query_mask: Mask of the queries, `(batch, queries)`.
        value_mask: Mask of the values, `(batch, values)`.
        key_mask: Mask of the keys, `(batch, values)`.
        attention_mask: Mask of pairs, that broadcasts to `(batch, queries, values)`.
        use_causal_mask: Whether queries attend to nothing after them.
        sliding_window: How many steps away values must be less than, or None.
    """
    parts = []
    if query_mask is not None:
        parts.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
    for mask in (value_mask, key_mask):
        if mask is not None:
            parts.append(ops.expand_dims(ops.cast(mask, "bool"), -2))
    if use_causal_mask:
        parts.append(causal_mask(query.shape[1], value.shape[1]))
    if sliding_window is not None:
        parts.append(sliding_window_mask(query.shape[1], value.shape[1], sliding_window))
    if attention_mask is not None:
        parts.insert(0, ops.cast(attention_mask, "bool"))
    if not parts:
        return None
    found = parts[0]
    for part in parts[1:]:
        found = ops.logical_and(found, part)
    return found
