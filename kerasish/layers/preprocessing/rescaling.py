"""Rescaling of numbers."""

from __future__ import annotations

from typing import Any

from kerasish import config, ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


class Rescaling(Layer):
    """Multiply by a number and add another: `inputs * scale + offset`.

    Example:

    >>> kerasish.layers.Rescaling(1 / 255)(kerasish.ops.array([0, 255])).numpy()
    array([0., 1.], dtype=float32)

    Args:
        scale: The factor: a number, or one for each channel.
        offset: The summand: a number, or one for each channel.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        dtype = self.compute_dtype
        scale = ops.convert_to_tensor(self.scale, dtype)
        if scale.ndim and config.image_data_format() == "channels_first":
            scale = ops.reshape(scale, scale.shape + (1,) * (3 - scale.ndim))
        return ops.cast(inputs, dtype) * scale + ops.convert_to_tensor(self.offset, dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": serialize_keras_object(self.scale),
            "offset": serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        numbers = {
            name: deserialize_keras_object(config[name], custom_objects=custom_objects)
            for name in ("scale", "offset")
        }
        return cls(**{**config, **numbers})
