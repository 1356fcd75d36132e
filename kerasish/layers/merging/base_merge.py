"""What the layers that merge inputs element by element have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.abstract import broadcast_shapes
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer


class Merge(Layer):
    """The base of layers that take a list of inputs.

    A subclass writes `merge`, which sees inputs of one rank: those of a lower one get axes of length one after the
    batch.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Sequence[tuple]) -> None:
        self.check_list(input_shape)
        batches = {shape[0] for shape in input_shape if shape} - {None}
        if len(batches) > 1:
            raise ValueError(
                f"Cannot merge tensors with different batch sizes. Received tensors with shapes {input_shape}"
            )
        self.compute_output_shape(input_shape)

    @staticmethod
    def check_list(input_shape: Any) -> None:
        """Raise ValueError unless there are shapes of several inputs."""
        if not input_shape or not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(
                "A merge layer should be called on a list of at least 1 input. "
                f"Received: input_shape={input_shape} (not a list of shapes)"
            )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """Return what becomes of inputs of one rank. Override it."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `merge()` method.")

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                f"A merge layer should be called on a list of inputs. Received: inputs={inputs} (not a list of tensors)"
            )
        rank = max(len(x.shape) for x in inputs)
        return self.merge([_of_rank(x, rank) for x in inputs])

    def compute_output_shape(self, input_shape: Sequence[tuple]) -> tuple:
        self.check_list(input_shape)
        try:
            sample = broadcast_shapes(*(tuple(shape[1:]) for shape in input_shape))
        except ValueError:
            raise ValueError(
                f"Inputs have incompatible shapes. Received shapes {', '.join(map(str, input_shape))} for layer "
                f"'{self.name}': apart from the batch, dimensions must be equal, or one of them 1."
            ) from None
        batches = {shape[0] for shape in input_shape} - {None}
        return (batches.pop() if len(batches) == 1 else None, *sample)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return where any of the inputs counts; None unless all have a mask."""
        check_masks(inputs, previous_mask)
        if previous_mask is None or any(mask is None for mask in previous_mask):
            return None
        merged = previous_mask[0]
        for mask in previous_mask[1:]:
            merged = ops.logical_or(merged, mask)
        return merged


def _of_rank(x: Tensor, rank: int) -> Tensor:
    while len(x.shape) < rank:
        x = ops.expand_dims(x, axis=1)
    return x


def check_masks(inputs: Any, mask: Any) -> None:
    """Raise ValueError unless there is one mask for each input, or none at all."""
    if mask is None:
        return
    for name, value in (("mask", mask), ("inputs", inputs)):
        if not isinstance(value, (tuple, list)):
            raise ValueError(f"`{name}` should be a list. Received: {name}={value}")
    if len(mask) != len(inputs):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. "
            f"Received: inputs={inputs} of length {len(inputs)}, and mask={mask} of length {len(mask)}"
        )


def mask_like(x: Any) -> Any:
    """Return the mask that a tensor carries with an axis for the features and the tensor's shape; None without one."""
    mask = getattr(x, "_keras_mask", None)
    return None if mask is None else ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(x))
