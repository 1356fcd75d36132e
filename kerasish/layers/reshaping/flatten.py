"""Flattening."""

from __future__ import annotations

import math
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer


class Flatten(Layer):
    """Make one axis of all but the first: `(batch, a, b)` becomes `(batch, a * b)`.

    Example:

    >>> kerasish.layers.Flatten()(kerasish.ops.ones((2, 28, 28))).shape
    (2, 784)

    Args:
        data_format: `"channels_last"`, or `"channels_first"` to move the channels last before flattening.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = self.data_format == "channels_first"

    def build(self, input_shape: tuple) -> None:
        """Make nothing: files note the shape that the layer was built with."""

    def call(self, inputs: Tensor) -> Tensor:
        shape = inputs.shape
        rank = len(shape)
        if self._channels_first and rank > 1:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        return ops.reshape(inputs, self.compute_output_shape(shape))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if not input_shape:
            return (1,)
        rest = input_shape[1:]
        return (input_shape[0], None if None in rest else math.prod(rest))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}
