"""A penalty on activations as a layer."""

from __future__ import annotations

from typing import Any

from kerasish import regularizers
from kerasish.layers.layer import Layer


class ActivityRegularization(Layer):
    """Pass the inputs on and add `l1 * sum(|x|) + l2 * sum(x ** 2)`, a sample, to the loss.

    Example:

    >>> layer = kerasish.layers.ActivityRegularization(l2=0.5)
    >>> layer(kerasish.ops.ones((1, 4))).shape, float(layer.losses[0])
    ((1, 4), 2.0)

    Args:
        l1: Weight of the sum of absolute values.
        l2: Weight of the sum of squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}
