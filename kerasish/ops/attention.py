"""Attention: averages of values weighted by how well their keys match queries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives.shapes import reshape
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.activations import softmax
from kerasish.ops.contraction import einsum
from kerasish.ops.creation import arange
from kerasish.ops.shapes import expand_dims


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Return `softmax(query key^T * scale + bias) value` for each head (Vaswani et al., 2017).

    Example:

    >>> q = kerasish.ops.ones((2, 5, 8, 16))
    >>> k = kerasish.ops.ones((2, 7, 8, 16))
    >>> kerasish.ops.dot_product_attention(q, k, k).shape
    (2, 5, 8, 16)

    Args:
        query: Tensor of shape `(batch, queries, heads, depth)`.
        key: Tensor of shape `(batch, keys, key_heads, depth)`; `heads` is a multiple of `key_heads`, each of which
            serves as many heads in turn.
        value: Tensor of shape `(batch, keys, key_heads, value_depth)`.
        bias: What is added to the scores; it broadcasts to `(batch, heads, queries, keys)`.
        mask: Where a query may look, True or 1 for yes; it broadcasts to `(batch, heads, queries, keys)`.
        scale: Factor of the scores, `1 / sqrt(depth)` by default.
        is_causal: Whether query i sees no key after key i.
        flash_attention: Accepted for Keras's sake; there is one way of computing.
        attn_logits_soft_cap: For TPUs only: None here.

    Returns:
        Tensor of shape `(batch, queries, heads, value_depth)`.

    Raises:
        ValueError: If a tensor has not four axes, the heads do not divide, or `attn_logits_soft_cap` is given.
    """
    if attn_logits_soft_cap is not None:
        raise ValueError(
            f"`attn_logits_soft_cap` is for TPUs. Received: attn_logits_soft_cap={attn_logits_soft_cap}; pass None."
        )
    query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
    if query.ndim != 4 or key.ndim != 4 or value.ndim != 4:
        raise ValueError(
            "`dot_product_attention` only supports 4D inputs, (batch, length, heads, depth). "
            f"Received: query.shape={query.shape}, key.shape={key.shape}, value.shape={value.shape}."
        )
    heads, key_heads, depth = query.shape[2], key.shape[2], query.shape[3]
    if heads % key_heads:
        raise ValueError(
            "The number of query heads must be a multiple of the number of key heads. "
            f"Received: query.shape={query.shape}, key.shape={key.shape}"
        )
    dtype = dtypes.result_type(query.dtype, key.dtype, value.dtype)
    query, key, value = cast(query, dtype), cast(key, dtype), cast(value, dtype)
    wide = dtypes.result_type(dtype, "float32")
    groups = heads // key_heads
    if groups > 1:
        batch, queries = query.shape[:2]
        query = reshape(query, (batch, queries, key_heads, groups, depth))
        scores = einsum("btkgh,bskh->bkgts", cast(query, wide), cast(key, wide))
        scores = reshape(scores, (batch, heads, *scores.shape[3:]))
    else:
        scores = einsum("btnh,bsnh->bnts", cast(query, wide), cast(key, wide))
    weights = cast(softmax(_masked(scores * _scale(scale, depth), bias, mask, is_causal)), dtype)
    if groups == 1:
        return einsum("bnts,bsnh->btnh", weights, value)
    weights = reshape(weights, (batch, key_heads, groups, *weights.shape[2:]))
    mixed = einsum("bkgts,bskh->btkgh", weights, value)
    return reshape(mixed, (batch, queries, heads, value.shape[3]))


def _scale(scale: Any, depth: int) -> Any:
    return 1.0 / math.sqrt(depth) if scale is None else scale


def _masked(scores: Tensor, bias: Any, mask: Any, is_causal: bool) -> Tensor:
    """Return scores with the bias added, and a very low number where a query must not look."""
    if bias is not None:
        scores = scores + as_tensor(bias, scores.dtype)
    allowed = None if mask is None else cast(mask, "bool")
    if is_causal:
        queries, keys = scores.shape[-2:]
        if None in (queries, keys):
            raise ValueError(
                f"Causal attention needs sequences of known length. Received scores of shape {scores.shape}."
            )
        before = e.greater_equal(expand_dims(arange(queries), 1), arange(keys))
        allowed = before if allowed is None else e.logical_and(allowed, before)
    if allowed is None:
        return scores
    lowest = -0.7 * float(np.finfo(scores._value.dtype).max)
    return e.where(allowed, scores, lowest)
