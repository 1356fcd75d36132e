"""Softmax as a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer


class Softmax(Layer):
    """Make a probability distribution: `exp(x) / sum(exp(x))`, over the positions that a mask leaves.

    Example:

    >>> kerasish.layers.Softmax()([0.0, 0.0]).numpy()
    array([0.5, 0.5], dtype=float32)

    Args:
        axis: The axis or axes that sum up to one.

    Call arguments:
        inputs: Tensor of any rank.
        mask: Tensor that broadcasts to the inputs' shape; positions where it is false get probability 0.

    Raises:
        ValueError: If a mask does not broadcast to the inputs' shape.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        axis = self.axis
        if isinstance(axis, (list, tuple)):
            axis = axis[0] if len(axis) == 1 else tuple(axis)
        if mask is None:
            return ops.softmax(inputs, axis=axis)
        _check_mask(mask.shape, inputs.shape)
        mask = mask if mask.dtype == "bool" else ops.greater(mask, 0.5)
        outputs = ops.softmax(ops.where(mask, inputs, _very_negative(inputs.dtype)), axis=axis)
        # Where everything is masked, nothing is left of the even distribution that softmax makes of it.
        return ops.where(mask, outputs, 0.0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def _very_negative(dtype: str) -> float:
    """Return a number that softmax makes 0, and that the type can hold."""
    return -3e4 if dtype == "float16" else -1e9


def _check_mask(mask_shape: tuple, shape: tuple) -> None:
    received = f"Received: inputs.shape={shape}, mask.shape={mask_shape}"
    if len(mask_shape) > len(shape):
        raise ValueError(
            f"The `mask` must be broadcastable to `inputs` and must not have more dimensions. {received}"
        )
    for m, n in zip(mask_shape[::-1], shape[::-1], strict=False):
        if m not in (None, 1) and n is not None and m != n:
            raise ValueError(
                "The `mask` must be broadcastable to `inputs`. Each mask dimension must be 1 or match the "
                f"corresponding input dimension. {received}"
            )
