"""Boston Housing: prices of houses in the 1970s."""

from __future__ import annotations

import os

import numpy as np

from kerasish.datasets._find import ORIGIN, find_file
from kerasish.datasets._read import read_npz
from kerasish.datasets._split import check_test_split, shuffled, split

_HASHES = ("f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",)

Arrays = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str | os.PathLike = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Arrays, Arrays]:
    """Load Boston Housing: 13 attributes of the houses of 506 suburbs, and their median value in k$.

    The data set has an ethical problem: one variable, "B", assumes that racial self-segregation influences
    house prices. Use it only to show such problems; `california_housing` is a replacement.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.boston_housing.load_data()
    ```

    Args:
        path: Path of a file that exists, or the file's name in the cache (`~/.keras/datasets`).
        test_split: Fraction of the data to test on.
        seed: Seed of the random order before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: float64 arrays of shapes `(n, 13)` and `(n,)`.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
        ValueError: If `test_split` is outside [0, 1), or the file is damaged or something else.
    """
    check_test_split(test_split)
    x, y = read_npz(find_file(path, f"{ORIGIN}boston_housing.npz", _HASHES), ("x", "y"))
    return split(test_split, *shuffled(np.random.RandomState(seed), x, y))
