"""Constraints: projections that the optimizer applies to weights after each update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import config, ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor


class Constraint:
    """Base of the constraints: maps a weight to its projection; this one changes nothing.

    Layers take one as `kernel_constraint` or `bias_constraint`.

    Example:

    ```python
    class AtMostOne(kerasish.constraints.Constraint):
        def __call__(self, w):
            return kerasish.ops.minimum(w, 1.0)
    ```
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Returns the projected weight.

        Args:
            w: Weight, any shape.

        Returns:
            A tensor of the shape of `w`.
        """
        return w

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as a JSON-serializable dict."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """Returns a constraint made from the result of `get_config`."""
        return cls(**config)


class NonNeg(Constraint):
    """Keeps weights non-negative: `max(w, 0)`.

    Example:

    >>> kerasish.constraints.NonNeg()(kerasish.ops.array([-1.0, 2.0]))   # [0., 2.]
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ops.maximum(w, 0)


class MaxNorm(Constraint):
    """Keeps the norm of the weights that lead to each unit at most `max_value`.

    Example:

    >>> layer = kerasish.layers.Dense(4, kernel_constraint=kerasish.constraints.MaxNorm(2.0))

    Args:
        max_value: The largest norm.
        axis: Axis or axes of one unit's weights: 0 for a `Dense` kernel of shape `(inputs, units)`,
            `[0, 1, 2]` for a `Conv2D` kernel of shape `(rows, columns, inputs, filters)`.
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        return ops.multiply(w, ops.clip(norms, 0, self.max_value) / (config.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """Keeps the norm of the weights that lead to each unit at 1.

    Example:

    >>> layer = kerasish.layers.Dense(4, kernel_constraint=kerasish.constraints.UnitNorm())

    Args:
        axis: Axis or axes of one unit's weights: 0 for a `Dense` kernel of shape `(inputs, units)`,
            `[0, 1, 2]` for a `Conv2D` kernel of shape `(rows, columns, inputs, filters)`.
    """

    def __init__(self, axis: int | Sequence[int] = 0):
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return ops.divide(w, config.epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Keeps the norm of the weights that lead to each unit between two bounds.

    The new norm is `(1 - rate) * norm + rate * clip(norm, min_value, max_value)`.

    Example:

    >>> constraint = kerasish.constraints.MinMaxNorm(min_value=0.5, max_value=2.0, rate=0.9)

    Args:
        min_value: The smallest norm.
        max_value: The largest norm.
        rate: 1.0 enforces the bounds at each step; less moves the norm towards them bit by bit.
        axis: Axis or axes of one unit's weights: 0 for a `Dense` kernel of shape `(inputs, units)`,
            `[0, 1, 2]` for a `Conv2D` kernel of shape `(rows, columns, inputs, filters)`.
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        desired = ops.clip(norms, self.min_value, self.max_value)
        if self.rate != 1:
            desired = self.rate * desired + (1 - self.rate) * norms
        return ops.multiply(w, desired / (config.epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


def _norms(w: Tensor, axis: int | Sequence[int]) -> Tensor:
    """Euclidean norms along `axis`, which stays with size 1."""
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))
