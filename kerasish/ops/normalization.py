"""Normalization by norms, and by means and variances."""

from __future__ import annotations

from typing import Any

from kerasish import config
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import as_float
from kerasish.ops.linalg import norm
from kerasish.ops.reductions import mean, sum
from kerasish.ops.shapes import squeeze


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """Return `x` divided by its norm of `order` along `axis`, which counts as at least `epsilon`."""
    x = as_float(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        square_sum = sum(e.square(x), axis, keepdims=True)
        return x * e.reciprocal(e.sqrt(e.maximum(square_sum, epsilon**2)))
    return x / e.maximum(norm(x, order, axis, keepdims=True), epsilon)


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance over `axes`."""
    x = as_tensor(x)
    center = mean(x, axes, keepdims=True)
    variance = mean(e.square(x - center), axes, keepdims)
    return (center if keepdims else squeeze(center, axes)), variance
