"""Activations that are a single elementary function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


def linear(x: Tensor) -> Tensor:
    """Identity: returns its input, unchanged.

    Args:
        x: Input tensor, any shape and dtype.

    Returns:
        `x` itself.
    """
    return x


def exponential(x: Tensor) -> Tensor:
    """Exponential: `exp(x)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`; integer inputs become floats.
    """
    return ops.exp(x)
