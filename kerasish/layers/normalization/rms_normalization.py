"""Root mean square normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer
from kerasish.layers.normalization.base_normalization import at_least_float32, check_axes


class RMSNormalization(Layer):
    """Divide by the root of the mean square over some axes: `x / sqrt(mean(x ** 2) + epsilon) * scale`.

    Zhang and Sennrich, "Root mean square layer normalization", 2019.

    Example:

    >>> kerasish.layers.RMSNormalization()([[3.0, 3.0]]).numpy()
    array([[1., 1.]], dtype=float32)

    Args:
        axis: The axis or axes that the mean is taken over.
        epsilon: Small number added to the mean, so that it is never zero.
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape: tuple) -> None:
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        shape = tuple(input_shape[axis] for axis in self.axis)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, x: Tensor) -> Tensor:
        wide = at_least_float32(x)
        mean = ops.mean(ops.square(wide), tuple(self.axis), keepdims=True)
        outputs = wide * ops.rsqrt(mean + self.epsilon) * ops.cast(self.scale, wide.dtype)
        return ops.cast(outputs, x.dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}
