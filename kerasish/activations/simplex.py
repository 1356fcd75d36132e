"""Activations that turn scores into a probability distribution along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Softmax: `exp(x) / sum(exp(x))` along `axis`.

    Example:

    >>> kerasish.activations.softmax(kerasish.ops.array([0.0, 0.0]))   # [0.5, 0.5]

    Args:
        x: Input tensor (logits), any shape.
        axis: Axis along which the result sums to 1.

    Returns:
        A tensor of the shape of `x`, values in `[0, 1]`.
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Logarithm of softmax: `x - log(sum(exp(x)))` along `axis`, without overflow.

    Args:
        x: Input tensor (logits), any shape.
        axis: Axis along which the exponential of the result sums to 1.

    Returns:
        A tensor of the shape of `x`, values at most 0.
    """
    return ops.log_softmax(x, axis=axis)


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """Sparsemax: the Euclidean projection of `x` onto the probability simplex.

    `max(x - tau, 0)`, with `tau` such that the result sums to 1; small scores get exactly zero.

    Args:
        x: Input tensor (scores), any shape.
        axis: Axis along which the result sums to 1.

    Returns:
        A tensor of the shape of `x`, values in `[0, 1]`.

    Reference:
        [Martins & Astudillo, 2016](https://arxiv.org/abs/1602.02068)
    """
    return ops.sparsemax(x, axis=axis)
