"""An activation function as a layer."""

from __future__ import annotations

from typing import Any

from kerasish import activations
from kerasish.layers.layer import Layer


class Activation(Layer):
    """Apply an activation function: `outputs = activation(inputs)`.

    Example:

    >>> kerasish.layers.Activation("relu")([-3.0, -1.0, 0.0, 2.0]).numpy()
    array([0., 0., 0., 2.], dtype=float32)

    Args:
        activation: A callable or a name.
    """

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activations.get(activation)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}
