"""Integers as vectors: what layers that encode categories share."""

from __future__ import annotations

from kerasish import ops
from kerasish.autograd.tensor import Tensor


def encode_categories(
    inputs: Tensor, output_mode: str, depth: int, dtype: str, count_weights: Tensor | None = None
) -> Tensor:
    """Return integers as they are, as one-hot vectors, or as vectors that tell which or how many a sample has.

    Args:
        inputs: Tensor of integers.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`.
        depth: Length of the vectors.
        dtype: Type of the result.
        count_weights: What each integer counts for, with `"count"`.
    """
    if output_mode == "int":
        return ops.cast(inputs, dtype)
    if inputs.ndim == 0:
        inputs = ops.expand_dims(inputs, -1)
    if output_mode == "one_hot":
        if inputs.ndim > 1 and inputs.shape[-1] == 1:
            inputs = ops.squeeze(inputs, -1)
        return ops.one_hot(inputs, depth, dtype=dtype)
    axis = 1 if inputs.ndim > 1 else 0
    hot = ops.one_hot(inputs, depth, dtype=dtype if count_weights is None else count_weights.dtype)
    if output_mode == "multi_hot":
        return ops.max(hot, axis=axis)
    if count_weights is not None:
        hot = hot * ops.expand_dims(count_weights, -1)
    return ops.sum(hot, axis=axis)
