"""Initializers that draw from a distribution given by its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import random
from kerasish.initializers.base import Initializer
from kerasish.random import SeedGenerator
from kerasish.random.seed import make_default_seed
from kerasish.serialization import deserialize_keras_object, serialize_keras_object

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class RandomInitializer(Initializer):
    """Base of the random initializers: holds the seed.

    An integer seed gives the same values on every call, and so does `None`, which stands for an integer
    drawn at construction. A `SeedGenerator` gives new values on every call.

    Args:
        seed: Integer, `kerasish.random.SeedGenerator`, the config of one, or `None`.

    Raises:
        ValueError: If `seed` is something else.
    """

    def __init__(self, seed: int | SeedGenerator | dict | None = None):
        self._init_seed = seed
        if seed is None:
            seed = make_default_seed()
        elif isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        elif not isinstance(seed, int | SeedGenerator):
            raise ValueError(
                "`seed` argument should be an instance of `keras.random.SeedGenerator()` or an integer. "
                f"Received: seed={seed} (of type {type(seed).__name__})"
            )
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Draws from a normal distribution.

    Example:

    >>> values = kerasish.initializers.RandomNormal(stddev=0.1, seed=1)(shape=(2, 2))

    Args:
        mean: Mean of the distribution.
        stddev: Standard deviation of the distribution.
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | dict | None = None
    ):
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed=seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return random.normal(shape, mean=self.mean, stddev=self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomInitializer):
    """Draws from a normal distribution cut off at two standard deviations from its mean.

    Example:

    >>> values = kerasish.initializers.TruncatedNormal(stddev=0.1, seed=1)(shape=(2, 2))

    Args:
        mean: Mean of the distribution.
        stddev: Standard deviation of the distribution before the cut.
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | dict | None = None
    ):
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed=seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return random.truncated_normal(shape, mean=self.mean, stddev=self.stddev, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class RandomUniform(RandomInitializer):
    """Draws from a uniform distribution.

    Example:

    >>> values = kerasish.initializers.RandomUniform(minval=-1.0, maxval=1.0, seed=1)(shape=(2, 2))

    Args:
        minval: Lower bound, included.
        maxval: Upper bound, excluded.
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | SeedGenerator | dict | None = None
    ):
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed=seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return random.uniform(shape, minval=self.minval, maxval=self.maxval, dtype=dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}
