"""`tf.random`."""

from __future__ import annotations

from typing import Any

from kerasish import random as _random
from kerasish.compat.tensorflow._naming import named
from kerasish.random.seed import global_seed_generator


def set_seed(seed: int) -> None:
    """Start the random numbers of this process again from `seed`."""
    global_seed_generator().state.assign([seed & 0xFFFFFFFF, 0])


@named
def normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = "float32", seed: Any = None
) -> Any:
    """Draw from the normal distribution."""
    return _random.normal(shape, mean, stddev, dtype, seed)


@named
def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = "float32", seed: Any = None
) -> Any:
    """Draw from the normal distribution cut off at two standard deviations."""
    return _random.truncated_normal(shape, mean, stddev, dtype, seed)


@named
def uniform(shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None) -> Any:
    """Draw evenly from `minval` up to but not including `maxval` (1 by default); integers for an integer `dtype`."""
    if "int" in dtype:
        if maxval is None:
            raise ValueError("`tf.random.uniform` needs `maxval` for an integer dtype.")
        return _random.randint(shape, minval, maxval, dtype, seed)
    return _random.uniform(shape, minval, 1.0 if maxval is None else maxval, dtype, seed)


@named
def shuffle(value: Any, seed: Any = None) -> Any:
    """Return `value` with its first axis in random order."""
    return _random.shuffle(value, 0, seed)
