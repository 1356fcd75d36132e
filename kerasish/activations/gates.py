"""Gated activations: the input multiplied by a smooth gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


def silu(x: Tensor) -> Tensor:
    """Sigmoid linear unit, also called swish: `x * sigmoid(x)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Ramachandran et al., 2017](https://arxiv.org/abs/1710.05941)
    """
    return ops.silu(x)


def hard_silu(x: Tensor) -> Tensor:
    """Piecewise polynomial SiLU, also called hard swish: `x * hard_sigmoid(x)`.

        f(x) = 0                  if x < -3
        f(x) = x * (x + 3) / 6    if -3 <= x <= 3
        f(x) = x                  if x > 3

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Howard et al., 2019](https://arxiv.org/abs/1905.02244)
    """
    return ops.hard_silu(x)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """Gaussian error linear unit: `x * P(X <= x)` with `X ~ N(0, 1)`.

    Exactly, `0.5 * x * (1 + erf(x / sqrt(2)))`; approximately,
    `0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))`.

    Args:
        x: Input tensor, any shape.
        approximate: Whether to use the tanh approximation.

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Hendrycks & Gimpel, 2016](https://arxiv.org/abs/1606.08415)
    """
    return ops.gelu(x, approximate=approximate)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """Gated linear unit: `a * sigmoid(b)`, where `a` and `b` are the two halves of `x`.

    Args:
        x: Input tensor; its size along `axis` is even.
        axis: Axis that is halved.

    Returns:
        A tensor of the shape of `x`, but half its size along `axis`.

    Reference:
        [Dauphin et al., 2017](https://arxiv.org/abs/1612.08083)
    """
    return ops.glu(x, axis=axis)


def mish(x: Tensor) -> Tensor:
    """Mish: `x * tanh(softplus(x))`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Misra, 2019](https://arxiv.org/abs/1908.08681)
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))
