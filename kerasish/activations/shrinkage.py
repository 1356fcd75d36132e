"""Shrinkage activations: they move inputs towards zero, small ones all the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Soft shrinkage: `sign(x) * max(abs(x) - threshold, 0)`.

    Args:
        x: Input tensor, any shape.
        threshold: How far inputs move towards zero.

    Returns:
        A tensor of the shape of `x`.
    """
    return ops.soft_shrink(x, threshold=threshold)


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """Hard shrinkage: `x` if `abs(x) > threshold`, else 0.

    Args:
        x: Input tensor, any shape.
        threshold: Inputs up to this magnitude become zero.

    Returns:
        A tensor of the shape of `x`.
    """
    return ops.hard_shrink(x, threshold=threshold)


def tanh_shrink(x: Tensor) -> Tensor:
    """Tanh shrinkage: `x - tanh(x)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`.
    """
    return ops.tanh_shrink(x)
