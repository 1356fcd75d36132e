"""MNIST: handwritten digits."""

from __future__ import annotations

import os

import numpy as np

from kerasish.datasets._find import ORIGIN, find_file
from kerasish.datasets._read import read_npz

# Of the file that Keras downloads, and of the project's own in datasets/, which has the same arrays.
_HASHES = (
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64",
)

Arrays = tuple[np.ndarray, np.ndarray]


def load_data(path: str | os.PathLike = "mnist.npz") -> tuple[Arrays, Arrays]:
    """Load MNIST: 60,000 grayscale images of digits, 28x28 pixels, to train on, and 10,000 to test.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    ```

    Yann LeCun and Corinna Cortes hold the copyright of MNIST, a derivative of NIST's data sets; it is
    available under the Creative Commons Attribution-Share Alike 3.0 license.

    Args:
        path: Path of a file that exists, or the file's name in the cache (`~/.keras/datasets`).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of shapes `(60000, 28, 28)`, `(60000,)`,
        `(10000, 28, 28)` and `(10000,)`.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
        ValueError: If the file is damaged or something else.
    """
    path = find_file(path, f"{ORIGIN}mnist.npz", _HASHES)
    x_train, y_train, x_test, y_test = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train), (x_test, y_test)
