"""The layer that changes nothing."""

from __future__ import annotations

from typing import Any

from kerasish.layers.layer import Layer


class Identity(Layer):
    """Return the inputs as they are: a placeholder where no operation is wanted.

    Example:

    >>> kerasish.layers.Identity()([1.0, 2.0]).numpy()
    array([1., 2.], dtype=float32)
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
