"""Masking of timesteps."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer
from kerasish.serialization import deserialize_keras_object


class Masking(Layer):
    """Mask the timesteps all of whose features equal a value, and set them to 0.

    Layers further on that support masking leave them out. In a mask, True stands for a timestep that counts.

    Example:

    >>> x = kerasish.ops.convert_to_tensor([[[1.0, 2.0], [0.0, 0.0]]])
    >>> kerasish.layers.Masking()(x)._keras_mask.numpy()
    array([[ True, False]])

    Args:
        mask_value: The value.

    Input shape:
        `(batch, timesteps, features)`.
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(mask_value, dict) and mask_value.get("config"):
            mask_value = deserialize_keras_object(mask_value)
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        outputs = ops.where(counts, inputs, ops.cast(0, inputs.dtype))
        outputs._keras_mask = ops.squeeze(counts, axis=-1)
        return outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return where the timesteps of the inputs count."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
