"""One seed for every source of random numbers."""

from __future__ import annotations

import random

import numpy as np

from kerasish.random.seed import reset_global_seed


def set_random_seed(seed: int) -> None:
    """Seeds Python's `random`, NumPy's global generator and kerasish's own, so that a run can be repeated.

    Example:

    >>> kerasish.utils.set_random_seed(42)

    Args:
        seed: An integer from 0 to 2**32 - 1.

    Raises:
        ValueError: If `seed` is not such an integer.
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
        raise ValueError(
            f"Expected `seed` argument to be an integer. Received: seed={seed!r} (of type "
            f"{type(seed).__name__})"
        )
    if not 0 <= seed < 2**32:
        raise ValueError(f"Expected `seed` to be between 0 and 2**32 - 1. Received: seed={seed}")
    seed = int(seed)
    reset_global_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
