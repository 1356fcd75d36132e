"""Fashion-MNIST: pictures of clothes."""

from __future__ import annotations

import numpy as np

from kerasish.datasets._find import ORIGIN, find_cached
from kerasish.datasets._read import read_idx_gz

_FILES = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}

Arrays = tuple[np.ndarray, np.ndarray]


def load_data() -> tuple[Arrays, Arrays]:
    """Load Fashion-MNIST: 60,000 grayscale images of 28x28 pixels to train on, and 10,000 to test.

    The classes are 0 T-shirt/top, 1 Trouser, 2 Pullover, 3 Dress, 4 Coat, 5 Sandal, 6 Shirt, 7 Sneaker, 8
    Bag, 9 Ankle boot.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    ```

    Zalando SE holds the copyright of Fashion-MNIST; it is available under the MIT license.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 arrays of shapes `(60000, 28, 28)`, `(60000,)`,
        `(10000, 28, 28)` and `(10000,)`.

    Raises:
        FileNotFoundError: If a file is nowhere and cannot be downloaded.
        ValueError: If a file is damaged or something else.
    """
    paths = [
        find_cached(name, ORIGIN + name, (file_hash,), subdir="fashion-mnist")
        for name, file_hash in _FILES.items()
    ]
    x_train, y_train, x_test, y_test = [read_idx_gz(path) for path in paths]
    return (x_train, y_train), (x_test, y_test)
