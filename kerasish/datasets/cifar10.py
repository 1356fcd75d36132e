"""CIFAR-10: small colour images of ten kinds of things."""

from __future__ import annotations

import numpy as np

from kerasish.datasets._cifar import read_batches
from kerasish.datasets._find import find_cached

_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_HASHES = ("6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",)

Arrays = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Arrays, Arrays]:
    """Load CIFAR-10: 50,000 colour images of 32x32 pixels to train on, and 10,000 to test.

    The classes are 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.
    See the [CIFAR homepage](https://www.cs.toronto.edu/~kriz/cifar.html).

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.cifar10.load_data()
    ```

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of shapes `(50000, 32, 32, 3)`, `(50000, 1)`,
        `(10000, 32, 32, 3)` and `(10000, 1)`; images are `(n, 3, 32, 32)` if `image_data_format` is
        `channels_first`.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
        ValueError: If the file is damaged or something else.
    """
    path = find_cached("cifar-10-batches-py-target", _ORIGIN, _HASHES, extract=True)
    train = [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)]
    return read_batches(path, train, "labels"), read_batches(
        path, ["cifar-10-batches-py/test_batch"], "labels"
    )
