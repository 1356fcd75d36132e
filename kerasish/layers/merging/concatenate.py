"""Concatenation of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.merging.base_merge import Merge, check_masks


class Concatenate(Merge):
    """The inputs one after the other along an axis.

    Example:

    >>> x = kerasish.ops.ones((2, 3))
    >>> kerasish.layers.Concatenate()([x, x]).shape
    (2, 6)

    Args:
        axis: The axis along which the inputs are joined.

    Call arguments:
        inputs: A list of tensors of the same shape except for that axis.

    Raises:
        ValueError: At the first call, if the shapes do not fit.
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Sequence[tuple]) -> None:
        if not input_shape or not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(
                "A `Concatenate` layer should be called on a list of at least 1 input. "
                f"Received: input_shape={input_shape}"
            )
        others = [[d for i, d in enumerate(s) if i != self.axis % len(s)] for s in input_shape]
        known = [{d for d in dims if d is not None} for dims in zip(*others, strict=False)]
        if len(set(map(len, others))) > 1 or any(len(dims) > 1 for dims in known):
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis. "
                f"Received: input_shape={input_shape}"
            )

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                f"A merge layer should be called on a list of inputs. Received: inputs={inputs} (not a list of tensors)"
            )
        return ops.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape: Sequence[tuple]) -> tuple:
        if not isinstance(input_shape, (tuple, list)) or not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(
                f"A `Concatenate` layer should be called on a list of inputs. Received: input_shape={input_shape}"
            )
        shape = list(input_shape[0])
        lengths = [one[self.axis] for one in input_shape]
        shape[self.axis] = None if None in lengths else sum(lengths)
        return tuple(shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the masks joined like the inputs; an input without one counts everywhere."""
        check_masks(inputs, mask)
        if mask is None or all(part is None for part in mask):
            return None
        masks = []
        for x, part in zip(inputs, mask, strict=True):
            if part is None:
                part = ops.ones_like(x, dtype="bool")
            elif len(part.shape) < len(x.shape):
                part = ops.logical_or(ops.expand_dims(part, axis=-1), ops.zeros_like(x, dtype="bool"))
            masks.append(part)
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1, keepdims=False)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Tensor:
    """Return tensors joined along an axis (see `Concatenate`)."""
    return Concatenate(axis=axis, **kwargs)(inputs)
