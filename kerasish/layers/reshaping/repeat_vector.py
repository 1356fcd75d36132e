"""Repetition of vectors."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer


class RepeatVector(Layer):
    """Repeat each sample's vector `n` times: `(batch, features)` becomes `(batch, n, features)`.

    Example:

    >>> kerasish.layers.RepeatVector(3)(kerasish.ops.ones((2, 32))).shape
    (2, 3, 32)

    Args:
        n: How often, a positive integer.

    Raises:
        TypeError: If `n` is no integer.
        ValueError: If `n` is not positive.
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = positive_integer("n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}


def positive_integer(name: str, value: Any) -> int:
    """Return `value`, which must be an integer above zero.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is not positive.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(
            f"Expected an integer value for `{name}`, got {type(value)}. Received: {name}={value}"
        )
    if value <= 0:
        raise ValueError(f"Argument `{name}` should be a positive integer. Received: {name}={value}")
    return value
