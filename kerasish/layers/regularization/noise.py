"""Random noise in training: added, multiplied, or in place of values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kerasish import ops, random
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer

# Of `selu`, whose mean and variance alpha dropout keeps.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


class BaseNoise(Layer):
    """A layer that disturbs its inputs in training and passes them on in inference.

    Args:
        amount: How much, from 0 (nothing) to 1.
        argument: What the constructor calls `amount`.
        seed: An integer that makes the stream of noise repeatable.

    Raises:
        ValueError: If `amount` is outside 0 … 1.
    """

    def __init__(self, amount: float, argument: str, seed: int | None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= amount <= 1:
            raise ValueError(
                f"Invalid value received for argument `{argument}`. Expected a float value between 0 and 1. "
                f"Received: {argument}={amount}"
            )
        self.seed = seed
        if amount > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def _normal(self, inputs: Tensor, mean: float, stddev: float) -> Tensor:
        return random.normal(inputs.shape, mean, stddev, dtype=self.compute_dtype, seed=self.seed_generator)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape


class GaussianNoise(BaseNoise):
    """In training, add normal noise of mean 0.

    Example:

    >>> kerasish.layers.GaussianNoise(0.5)(kerasish.ops.ones((1, 2)), training=False).numpy()
    array([[1., 1.]], dtype=float32)

    Args:
        stddev: Standard deviation of the noise, from 0 to 1.
        seed: An integer that makes the stream of noise repeatable.

    Raises:
        ValueError: If `stddev` is outside 0 … 1.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(stddev, "stddev", seed, **kwargs)
        self.stddev = stddev

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training and self.stddev > 0:
            return inputs + self._normal(inputs, 0.0, self.stddev)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(BaseNoise):
    """In training, multiply by normal noise of mean 1 and standard deviation `sqrt(rate / (1 - rate))`.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014, section 10.

    Example:

    >>> kerasish.layers.GaussianDropout(0.5)(kerasish.ops.ones((1, 2)), training=False).numpy()
    array([[1., 1.]], dtype=float32)

    Args:
        rate: Probability of a dropout of the same variance, from 0 to 1.
        seed: An integer that makes the stream of noise repeatable.

    Raises:
        ValueError: If `rate` is outside 0 … 1.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(rate, "rate", seed, **kwargs)
        self.rate = rate

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training and self.rate > 0:
            return inputs * self._normal(inputs, 1.0, math.sqrt(self.rate / (1.0 - self.rate)))
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(BaseNoise):
    """Dropout that keeps mean and variance after `selu`: dropped values become its limit at minus infinity.

    Klambauer et al., "Self-normalizing neural networks", 2017.

    Example:

    >>> kerasish.layers.AlphaDropout(0.5)(kerasish.ops.ones((1, 2)), training=False).numpy()
    array([[1., 1.]], dtype=float32)

    Args:
        rate: Probability of dropping a value, from 0 to 1.
        noise_shape: Shape of the random choice, None for an axis of the inputs.
        seed: An integer that makes the stream of choices repeatable.

    Raises:
        ValueError: If `rate` is outside 0 … 1.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(rate, "rate", seed, **kwargs)
        self.rate = rate
        self.noise_shape = noise_shape

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        shape = inputs.shape
        if self.noise_shape is not None:
            shape = tuple(d if n is None else n for n, d in zip(self.noise_shape, shape, strict=True))
        lowest = -_SELU_ALPHA * _SELU_SCALE
        kept = ops.greater_equal(random.uniform(shape, seed=self.seed_generator), self.rate)
        factor = ((1 - self.rate) * (1 + self.rate * lowest**2)) ** -0.5
        return factor * ops.where(kept, inputs, lowest) - factor * lowest * self.rate

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }
