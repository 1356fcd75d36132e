"""Sums, products, averages and extremes of inputs, element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.merging.base_merge import Merge, mask_like


class Add(Merge):
    """The sum of the inputs.

    Example:

    >>> kerasish.layers.Add()([kerasish.ops.ones((2, 3)), kerasish.ops.ones((2, 3))]).numpy()[0]
    array([2., 2., 2.], dtype=float32)

    Call arguments:
        inputs: A list of tensors whose shapes broadcast.
    """

    def merge(self, inputs: list[Tensor]) -> Tensor:
        total = inputs[0]
        for x in inputs[1:]:
            total = ops.add(total, x)
        return total


class Subtract(Merge):
    """The difference of two inputs: `inputs[0] - inputs[1]`.

    Example:

    >>> kerasish.layers.Subtract()([kerasish.ops.ones((2, 3)), kerasish.ops.ones((2, 3))]).numpy()[0]
    array([0., 0., 0.], dtype=float32)

    Call arguments:
        inputs: A list of two tensors whose shapes broadcast.
    """

    def build(self, input_shape: Sequence[tuple]) -> None:
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                f"A `Subtract` layer should be called on exactly 2 inputs. Received: input_shape={input_shape}"
            )

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return ops.subtract(inputs[0], inputs[1])


class Multiply(Merge):
    """The product of the inputs. A masked timestep counts as 1, or 0 where it is masked in all inputs.

    Example:

    >>> x = kerasish.ops.convert_to_tensor([[1.0, 2.0, 3.0]])
    >>> kerasish.layers.Multiply()([x, x]).numpy()
    array([[1., 4., 9.]], dtype=float32)

    Call arguments:
        inputs: A list of tensors whose shapes broadcast.
    """

    def merge(self, inputs: list[Tensor]) -> Tensor:
        masks = [mask_like(x) for x in inputs]
        product: Any = None
        mask: Any = None
        for x, own in zip(inputs, masks, strict=True):
            if own is not None:
                x = ops.where(own, x, ops.cast(1, x.dtype))
                mask = own if mask is None else ops.logical_or(mask, own)
            product = x if product is None else ops.multiply(product, x)
        if all(own is not None for own in masks):
            product = ops.where(mask, product, ops.cast(0, product.dtype))
            product._keras_mask = ops.any(mask, axis=-1)
        return product


class Average(Merge):
    """The mean of the inputs.

    Example:

    >>> kerasish.layers.Average()([kerasish.ops.ones((1, 2)), kerasish.ops.zeros((1, 2))]).numpy()
    array([[0.5, 0.5]], dtype=float32)

    Call arguments:
        inputs: A list of tensors whose shapes broadcast.
    """

    def merge(self, inputs: list[Tensor]) -> Tensor:
        total = inputs[0]
        for x in inputs[1:]:
            total = ops.add(total, x)
        return total / len(inputs)


class Maximum(Merge):
    """The largest of the inputs, element by element, among those that are not masked.

    Example:

    >>> kerasish.layers.Maximum()([kerasish.ops.ones((1, 2)), kerasish.ops.zeros((1, 2))]).numpy()
    array([[1., 1.]], dtype=float32)

    Call arguments:
        inputs: A list of tensors whose shapes broadcast.
    """

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return _extreme(ops.maximum, inputs)


class Minimum(Merge):
    """The smallest of the inputs, element by element, among those that are not masked.

    Example:

    >>> kerasish.layers.Minimum()([kerasish.ops.ones((1, 2)), kerasish.ops.zeros((1, 2))]).numpy()
    array([[0., 0.]], dtype=float32)

    Call arguments:
        inputs: A list of tensors whose shapes broadcast.
    """

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return _extreme(ops.minimum, inputs)


def _extreme(choose: Callable, inputs: list[Tensor]) -> Tensor:
    """Choose between inputs, where what is masked in one is taken from the other."""
    result: Any = None
    mask: Any = None
    for x in inputs:
        own = mask_like(x)
        if result is None:
            result, mask = x, own
            continue
        if own is not None:
            x = ops.where(own, x, result)
        if mask is not None:
            result = ops.where(mask, result, x)
        mask = None if own is None or mask is None else ops.logical_or(mask, own)
        result = choose(result, x)
    if mask is not None:
        result._keras_mask = ops.any(mask, axis=-1)
    return result


def add(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Return the sum of a list of tensors (see `Add`)."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Return the difference of two tensors (see `Subtract`)."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Return the product of a list of tensors (see `Multiply`)."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Return the mean of a list of tensors (see `Average`)."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Return the largest of a list of tensors, element by element (see `Maximum`)."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Return the smallest of a list of tensors, element by element (see `Minimum`)."""
    return Minimum(**kwargs)(inputs)
