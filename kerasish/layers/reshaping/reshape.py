"""Reshaping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer


class Reshape(Layer):
    """Give each sample another shape.

    Example:

    >>> kerasish.layers.Reshape((3, -1))(kerasish.ops.ones((2, 12))).shape
    (2, 3, 4)

    Args:
        target_shape: Shape without the batch; one dimension may be -1 (the rest).

    Raises:
        ValueError: If more than one dimension is -1, or the sizes do not fit.
    """

    def __init__(self, target_shape: int | Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        shape = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)
        if not all(isinstance(length, int) and length >= -1 for length in shape):
            raise ValueError(
                "Each dimension in `target_shape` must be a non-negative integer, or `-1` for a single unknown "
                f"dimension. Received: target_shape={target_shape}"
            )
        if shape.count(-1) > 1:
            raise ValueError(
                "There must be at most one unknown dimension (-1) in `target_shape`. "
                f"Received: target_shape={target_shape}"
            )
        self.target_shape = shape
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return ops.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (input_shape[0], *self._resolved(tuple(input_shape[1:])))

    def _resolved(self, shape: tuple) -> tuple:
        target = self.target_shape
        if None in shape:
            return tuple(None if d == -1 else d for d in target)
        size, known = math.prod(shape), math.prod(d for d in target if d != -1)
        fits = known and size % known == 0 if -1 in target else known == size
        if not fits:
            raise ValueError(
                f"The total size of the tensor must be unchanged. Received: input_shape={shape}, "
                f"target_shape={target} (layer '{self.name}')"
            )
        return tuple(size // known if d == -1 else d for d in target)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}
