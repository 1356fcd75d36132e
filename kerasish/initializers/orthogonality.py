"""The initializer of orthogonal matrices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kerasish import devices, ops, random
from kerasish.autograd import Tensor, dtypes
from kerasish.initializers.distributions import RandomInitializer

if TYPE_CHECKING:
    from kerasish.random import SeedGenerator


class Orthogonal(RandomInitializer):
    """Draws a matrix with orthonormal columns, or orthonormal rows if it is wider than high.

    The matrix is the Q of the QR decomposition of a normal random matrix, its signs chosen so that all
    orthogonal matrices are equally likely. A tensor of more than two axes is the matrix of shape
    `(prod(shape[:-1]), shape[-1])`, reshaped.

    Example:

    >>> kernel = kerasish.initializers.Orthogonal(seed=1)(shape=(64, 64))   # kernel.T @ kernel is 1

    Args:
        gain: Factor of the orthogonal matrix.
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.

    Reference:
        [Saxe et al., 2014](https://openreview.net/forum?id=_wzZwKpTDF_9C)
    """

    def __init__(self, gain: float = 1.0, seed: int | SeedGenerator | dict | None = None):
        self.gain = gain
        super().__init__(seed=seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        dtype = dtypes.standardize_dtype(dtype)
        # The decomposition has no half-precision version.
        wide_dtype = dtype if dtype == "float64" else "float32"
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall_shape = (max(rows, columns), min(rows, columns))
        q = _orthonormal_columns(random.normal(tall_shape, dtype=wide_dtype, seed=self.seed))
        if rows < columns:
            q = ops.transpose(q)
        q = self.gain * ops.reshape(q, shape)
        return q if dtype == wide_dtype else ops.cast(q, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


def _orthonormal_columns(matrix: Tensor) -> Tensor:
    """The Q of the QR decomposition in which R has a positive diagonal, which makes it unique."""
    xp = devices.array_module(type(matrix._value))
    q, r = xp.linalg.qr(matrix._value)
    return Tensor(q * xp.sign(xp.diagonal(r)))
