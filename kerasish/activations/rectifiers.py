"""Rectifiers: activations that let positive inputs through and damp the negative ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops
from kerasish.autograd import dtypes

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


def relu(
    x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Rectified linear unit: `max(x, 0)`, with an optional slope, cap and threshold.

    With `t = threshold`, `a = negative_slope` and `m = max_value`:

        f(x) = min(x, m)      if x > t (and x >= 0)
        f(x) = a * (x - t)    otherwise

    Example:

    >>> x = [-10.0, -5.0, 0.0, 5.0, 10.0]
    >>> kerasish.activations.relu(x)                       # [0., 0., 0., 5., 10.]
    >>> kerasish.activations.relu(x, negative_slope=0.5)   # [-5., -2.5, 0., 5., 10.]
    >>> kerasish.activations.relu(x, max_value=5.0)        # [0., 0., 0., 5., 5.]
    >>> kerasish.activations.relu(x, threshold=5.0)        # [0., 0., 0., 0., 10.]

    Args:
        x: Input tensor, any shape.
        negative_slope: Slope of the part below the threshold.
        max_value: The largest value returned; `None` for no limit.
        threshold: Inputs up to this value are damped or set to zero.

    Returns:
        A tensor of the shape of `x`.
    """
    if max_value is None and threshold == 0:
        return ops.leaky_relu(x, negative_slope=negative_slope) if negative_slope else ops.relu(x)
    if max_value == 6 and threshold == 0 and not negative_slope:
        return ops.relu6(x)

    x = ops.convert_to_tensor(x)
    if threshold != 0:
        rectified = ops.where(x > _as_scalar_of(x, threshold), x, _as_scalar_of(x, 0))
    else:
        rectified = ops.relu(x)
    if max_value is not None:
        rectified = ops.clip(rectified, _as_scalar_of(x, 0), _as_scalar_of(x, max_value))
    if negative_slope:
        rectified = rectified - negative_slope * ops.relu(threshold - x if threshold else -x)
    return rectified


def _as_scalar_of(x: Tensor, value: float) -> float | int:
    """`value` as a Python scalar that keeps the dtype of `x` in an operation: integers stay integers."""
    return value if dtypes.is_float(x.dtype) else int(value)


def relu6(x: Tensor) -> Tensor:
    """Rectified linear unit capped at six: `min(max(x, 0), 6)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`.
    """
    return ops.relu6(x)


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """Leaky rectified linear unit: `x` if `x >= 0`, else `negative_slope * x`.

    Args:
        x: Input tensor, any shape.
        negative_slope: Slope of the negative part.

    Returns:
        A tensor of the shape of `x`.
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit: `x` if `x > 0`, else `alpha * (exp(x) - 1)`.

    Negative outputs bring the mean of the activations closer to zero, and saturate at `-alpha`.

    Args:
        x: Input tensor, any shape.
        alpha: Scale of the negative part.

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Clevert et al., 2016](https://arxiv.org/abs/1511.07289)
    """
    return ops.elu(x, alpha=alpha)


def selu(x: Tensor) -> Tensor:
    """Scaled exponential linear unit: `scale * elu(x, alpha)`.

    `alpha = 1.67326324` and `scale = 1.05070098` keep mean and variance from layer to layer, given
    `LecunNormal` initial weights, wide layers and `AlphaDropout` in place of `Dropout`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515)
    """
    return ops.selu(x)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Continuously differentiable ELU: `x` if `x >= 0`, else `alpha * (exp(x / alpha) - 1)`.

    Args:
        x: Input tensor, any shape.
        alpha: Where the negative part saturates (at `-alpha`).

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Barron, 2017](https://arxiv.org/abs/1704.07483)
    """
    return ops.celu(x, alpha=alpha)


def softplus(x: Tensor) -> Tensor:
    """Softplus, a smooth rectifier: `log(exp(x) + 1)`.

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`, positive.
    """
    return ops.softplus(x)


def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """Squareplus, a smooth rectifier without exponentials: `(x + sqrt(x**2 + b)) / 2`.

    Args:
        x: Input tensor, any shape.
        b: Smoothness; 0 gives the rectified linear unit.

    Returns:
        A tensor of the shape of `x`.

    Reference:
        [Barron, 2021](https://arxiv.org/abs/2112.11687)
    """
    return ops.squareplus(x, b=b)


def sparse_plus(x: Tensor) -> Tensor:
    """SparsePlus, a softplus that is exactly zero for small inputs.

        f(x) = 0                 if x <= -1
        f(x) = (x + 1)**2 / 4    if -1 < x < 1
        f(x) = x                 if x >= 1

    Args:
        x: Input tensor, any shape.

    Returns:
        A tensor of the shape of `x`.
    """
    return ops.sparse_plus(x)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """Threshold: `x` if `x > threshold`, else `default_value`.

    Args:
        x: Input tensor, any shape.
        threshold: Inputs above this value are kept.
        default_value: What replaces the other inputs.

    Returns:
        A tensor of the shape of `x`.
    """
    return ops.threshold(x, threshold, default_value)
