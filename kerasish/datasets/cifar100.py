"""CIFAR-100: small colour images of a hundred kinds of things."""

from __future__ import annotations

import numpy as np

from kerasish.datasets._cifar import read_batches
from kerasish.datasets._find import find_cached

_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
_HASHES = ("85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",)

Arrays = tuple[np.ndarray, np.ndarray]


def load_data(label_mode: str = "fine") -> tuple[Arrays, Arrays]:
    """Load CIFAR-100: 50,000 colour images of 32x32 pixels to train on, and 10,000 to test.

    The 100 fine classes are grouped into 20 coarse ones. See the
    [CIFAR homepage](https://www.cs.toronto.edu/~kriz/cifar.html).

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.cifar100.load_data()
    ```

    Args:
        label_mode: `"fine"` or `"coarse"`: which labels to return.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of shapes `(50000, 32, 32, 3)`, `(50000, 1)`,
        `(10000, 32, 32, 3)` and `(10000, 1)`; images are `(n, 3, 32, 32)` if `image_data_format` is
        `channels_first`.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
        ValueError: If `label_mode` is something else, or the file is damaged or something else.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.'
        )
    path = find_cached("cifar-100-python-target", _ORIGIN, _HASHES, extract=True)
    label_key = f"{label_mode}_labels"
    return (
        read_batches(path, ["cifar-100-python/train"], label_key),
        read_batches(path, ["cifar-100-python/test"], label_key),
    )
