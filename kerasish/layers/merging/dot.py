"""Dot products of two inputs, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.merging.base_merge import Merge


class Dot(Merge):
    """The dot product of two inputs along an axis of each, sample by sample.

    Example:

    >>> x, y = kerasish.ops.ones((2, 3, 5)), kerasish.ops.ones((2, 10, 3))
    >>> kerasish.layers.Dot(axes=(1, 2))([x, y]).shape
    (2, 5, 10)

    Args:
        axes: The axis to sum over, or two of them, one for each input. Axis 0 is the batch.
        normalize: Whether to divide by the norms along these axes, which makes it the cosine similarity.

    Call arguments:
        inputs: A list of two tensors.

    Raises:
        TypeError: If `axes` is no integer and no pair.
        ValueError: If `axes` holds something else than two integers, or, at the first call, the lengths differ.
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(
                    f"Invalid type for argument `axes`: it should be a list or an int. Received: axes={axes}"
                )
            if len(axes) != 2:
                raise ValueError(
                    f"Invalid format for argument `axes`: it should contain two elements. Received: axes={axes}"
                )
            if not all(isinstance(axis, int) for axis in axes):
                raise ValueError(
                    "Invalid format for argument `axes`: list elements should be integers. "
                    f"Received: axes={axes}"
                )
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Sequence[tuple]) -> None:
        self._check_two(input_shape)
        shapes = list(input_shape)
        axes = self._axes([len(shape) for shape in shapes])
        lengths = [shape[axis] for shape, axis in zip(shapes, axes, strict=True)]
        if lengths[0] != lengths[1]:
            raise ValueError(
                f"Incompatible input shapes: axis values {lengths[0]} (at axis {axes[0]}) != {lengths[1]} (at axis "
                f"{axes[1]}). Full input shapes: {shapes[0]}, {shapes[1]}"
            )
        if 0 in axes:
            raise ValueError(
                f"`Dot` cannot sum over axis 0, which is the batch. Received: axes={self.axes} for input shapes "
                f"{shapes[0]}, {shapes[1]}"
            )

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        self._check_two(inputs)
        x, y = inputs
        x_axis, y_axis = self._axes([len(x.shape), len(y.shape)])
        if self.normalize:
            x, y = ops.normalize(x, axis=x_axis), ops.normalize(y, axis=y_axis)
        x, y = ops.moveaxis(x, x_axis, -1), ops.moveaxis(y, y_axis, 1)
        outer = [*x.shape[1:-1], *y.shape[2:]]
        direct = len(x.shape) == len(y.shape) == 3
        product = ops.matmul(x if direct else _as_matrices(x, -1), y if direct else _as_matrices(y, 1))
        return product if direct else ops.reshape(product, (product.shape[0], *(outer or [1])))

    def compute_output_shape(self, input_shape: Sequence[tuple]) -> tuple:
        self._check_two(input_shape)
        first, second = list(input_shape[0]), list(input_shape[1])
        axes = self._axes([len(first), len(second)])
        first.pop(axes[0])
        second.pop(axes[1])
        shape = first + second[1:]
        return tuple(shape) if len(shape) > 1 else (*shape, 1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}

    @staticmethod
    def _check_two(inputs: Any) -> None:
        if (
            not isinstance(inputs, (tuple, list))
            or len(inputs) != 2
            or isinstance(inputs[0], (int, type(None)))
        ):
            raise ValueError(
                f"A `Dot` layer should be called on a list of 2 inputs. Received: input_shape={inputs}"
            )

    def _axes(self, ranks: list[int]) -> list[int]:
        """Return the axis of each input, counted from the front."""
        axes = [self.axes] * 2 if isinstance(self.axes, int) else self.axes
        return [axis % rank for axis, rank in zip(axes, ranks, strict=True)]


def _as_matrices(x: Tensor, axis: int) -> Tensor:
    """Return a batch of matrices, one of whose axes is `axis` of the samples."""
    if len(x.shape) == 2:
        return ops.expand_dims(x, 1 if axis == -1 else 2)
    if len(x.shape) == 3:
        return x
    batch, length = x.shape[0], x.shape[axis]
    return ops.reshape(x, (batch, -1, length) if axis == -1 else (batch, length, -1))


def dot(inputs: Sequence[Any], axes: Any = -1, **kwargs: Any) -> Tensor:
    """Return the dot product of two tensors, sample by sample (see `Dot`).

    Args:
        inputs: Two tensors.
        axes: The axis to sum over, or two of them.
        **kwargs: `normalize`, and arguments of all layers.
    """
    return Dot(axes=axes, **kwargs)(inputs)
