"""Gradient clipping: by value, by each gradient's norm, by the norm of all gradients together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor


def norm(tensor: Tensor) -> Tensor:
    """Return the Euclidean norm of all of a tensor's elements, a scalar."""
    return ops.sqrt(ops.sum(ops.square(tensor)))


def global_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of all elements of all tensors, a scalar."""
    total = ops.sum(ops.square(tensors[0]))
    for tensor in tensors[1:]:
        total = total + ops.sum(ops.square(tensor))
    return ops.sqrt(total)


def clip_by_norm(gradient: Tensor, limit: float) -> Tensor:
    """Scale `gradient` down to the norm `limit` if it is longer."""
    return gradient * (limit / ops.maximum(norm(gradient), limit))


def clip_by_global_norm(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Scale all gradients by one factor, so that together they are no longer than `limit`.

    If the norm is not finite, neither is any clipped gradient: a diverged step stays visible.
    """
    length = global_norm(gradients)
    # `length - length` is 0, or NaN where the norm is infinite or NaN.
    scale = limit / ops.maximum(length, limit) + (length - length)
    return [gradient * scale for gradient in gradients]


def clip_by_value(gradient: Tensor, limit: float) -> Tensor:
    """Clip each element of `gradient` to `[-limit, limit]`."""
    return ops.clip(gradient, -limit, limit)
