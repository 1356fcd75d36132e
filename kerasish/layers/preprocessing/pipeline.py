"""Layers one after another."""

from __future__ import annotations

import inspect
from typing import Any

from kerasish.layers.layer import Layer
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


class Pipeline(Layer):
    """Apply layers one after another, to tensors or to dicts of images, labels and bounding boxes.

    Example:

    >>> pipeline = kerasish.layers.Pipeline([kerasish.layers.RandomFlip(), kerasish.layers.Resizing(8, 8)])
    >>> pipeline(kerasish.ops.ones((2, 10, 12, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        layers: The layers.
        name: The layer's name.
    """

    def __init__(self, layers: Any, name: str | None = None):
        super().__init__(name=name)
        self._pipeline_layers = layers
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    @property
    def layers(self) -> Any:
        """The layers, in their order."""
        return self._pipeline_layers

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            takes_training = training is not None and "training" in inspect.signature(layer.call).parameters
            inputs = layer(inputs, training=training) if takes_training else layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {
            "layers": [serialize_keras_object(layer) for layer in self._pipeline_layers],
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(
                "`Pipeline` config must contain a `layers` key mapping to a list of serialized layers. "
                f"Received config with layers={layers}."
            )
        rebuilt = [deserialize_keras_object(layer, custom_objects=custom_objects) for layer in layers]
        return cls(**{**config, "layers": rebuilt})
