"""California Housing: prices of houses in 1990."""

from __future__ import annotations

import os

import numpy as np

from kerasish.datasets._find import ORIGIN, find_file
from kerasish.datasets._read import read_npz
from kerasish.datasets._split import check_test_split, shuffled, split

_HASHES = ("1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",)
_SMALL = 600  # samples of the small version

Arrays = tuple[np.ndarray, np.ndarray]


def load_data(
    version: str = "large",
    path: str | os.PathLike = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Arrays, Arrays]:
    """Load California Housing: 8 features of 20,640 districts, and the median house value in dollars.

    The features are median income, house age, average rooms and bedrooms a household, population, average
    members of a household, latitude and longitude, from the 1990 census.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.california_housing.load_data(version="small")
    ```

    Args:
        version: `"large"`: all 20,640 districts; `"small"`: the first 600.
        path: Path of a file that exists, or the file's name in the cache (`~/.keras/datasets`).
        test_split: Fraction of the data to test on.
        seed: Seed of the random order before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of shapes `(n, 8)` and `(n,)`.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
        ValueError: If `test_split` is outside [0, 1), `version` is something else, or the file is damaged.
    """
    check_test_split(test_split)
    if version not in ("small", "large"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version}")
    x, y = read_npz(find_file(path, f"{ORIGIN}california_housing.npz", _HASHES), ("x", "y"))
    count = _SMALL if version == "small" else len(x)
    return split(test_split, *shuffled(np.random.RandomState(seed), x[:count], y[:count]))
