"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import random
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer


class Dropout(Layer):
    """In training, set each input to 0 with probability `rate` and divide the others by `1 - rate`.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Example:

    >>> kerasish.layers.Dropout(0.5)(kerasish.ops.ones((1, 4)), training=False).numpy()
    array([[1., 1., 1., 1.]], dtype=float32)

    Args:
        rate: Probability of dropping a value, from 0 to 1.
        noise_shape: Shape of the random choice, None for an axis of the inputs: `(batch, 1, features)` drops the same
            features at all timesteps.
        seed: An integer that makes the stream of choices repeatable.

    Raises:
        ValueError: If `rate` is outside 0 … 1, or `noise_shape` holds anything but positive integers and None.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(
                f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. "
                f"Received: rate={rate}"
            )
        self.rate = rate
        self.seed = seed
        self.noise_shape = _checked_noise_shape(noise_shape)
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training and self.rate > 0:
            return random.dropout(inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator)
        return inputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}


def _checked_noise_shape(noise_shape: Any) -> tuple | None:
    if noise_shape is None:
        return None
    if isinstance(noise_shape, str) or not hasattr(noise_shape, "__iter__"):
        raise ValueError(
            "Invalid value received for argument `noise_shape`. Expected an iterable of integers (e.g., a tuple or "
            f"list). Received: noise_shape={noise_shape}"
        )
    shape = tuple(noise_shape)
    for index, length in enumerate(shape):
        if length is not None and (not isinstance(length, int) or length <= 0):
            raise ValueError(
                "Invalid value received for argument `noise_shape`. Expected all dimensions to be positive integers or "
                f"None. Received {length!r} at index {index}: noise_shape={shape}"
            )
    return shape
