"""Layers around another layer."""

from __future__ import annotations

from typing import Any

from kerasish.layers.layer import Layer
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


class Wrapper(Layer):
    """The base of layers that hold another layer and do something more with it, such as `TimeDistributed`.

    Args:
        layer: The layer inside.

    Raises:
        ValueError: If it is no layer.
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer} supplied to Wrapper isn't a supported layer type. Please ensure wrapped layer is a "
                "valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        layer = deserialize_keras_object(config.pop("layer"), custom_objects=custom_objects)
        return cls(layer, **config)
