"""S-shaped activations: they squash the real line into an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


def sigmoid(x: Tensor) -> Tensor:
    """Logistic sigmoid: `1 / (1 + exp(-x))`, a probability from a logit.

    Args:
        x: Input tensor (logits), any shape.

    Returns:
        A tensor of the shape of `x`, values in `[0, 1]`.
    """
    return ops.sigmoid(x)


def log_sigmoid(x: Tensor) -> Tensor:
    """Logarithm of the sigmoid: `-log(1 + exp(-x))`, without overflow.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`, values at most 0.
    """
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Piecewise linear sigmoid: `clip(x / 6 + 0.5, 0, 1)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`, values in `[0, 1]`.
    """
    return ops.hard_sigmoid(x)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """Piecewise linear sigmoid, the derivative of SparsePlus: `clip(0.5 * (x + 1), 0, 1)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`, values in `[0, 1]`.

    Reference:
        [Blondel et al., 2019](https://arxiv.org/abs/1901.02324)
    """
    return ops.sparse_sigmoid(x)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent: `(exp(x) - exp(-x)) / (exp(x) + exp(-x))`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`, values in `[-1, 1]`.
    """
    return ops.tanh(x)


def hard_tanh(x: Tensor) -> Tensor:
    """Piecewise linear hyperbolic tangent: `clip(x, -1, 1)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`, values in `[-1, 1]`.
    """
    return ops.hard_tanh(x)


def softsign(x: Tensor) -> Tensor:
    """Softsign: `x / (abs(x) + 1)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`, values in `(-1, 1)`.
    """
    return ops.softsign(x)
