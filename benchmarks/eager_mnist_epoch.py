"""One eager epoch of the MNIST network at batch 32, kerasish against hand-written NumPy.

    python benchmarks/eager_mnist_epoch.py [ROUNDS]

The network is that of program 2 of the examples; the NumPy side is yardstick_numpy.py, with gradients derived by hand
and every buffer allocated once. Both run in turn, in one process.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from pathlib import Path

import yardstick_numpy
from pairs import median_ratio, report

import kerasish as keras

DATA = Path(__file__).resolve().parent.parent / "datasets" / "mnist.npz"


def prepare_kerasish():
    """Return a function that measures one epoch of `fit(run_eagerly=True)` in seconds."""
    (x, y), _ = keras.datasets.mnist.load_data()
    x = (x / 255.0).astype("float32")
    model = keras.Sequential(
        [
            keras.layers.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    model.fit(x[:320], y[:320], batch_size=32, verbose=0)

    def run() -> float:
        start = time.perf_counter()
        model.fit(x, y, batch_size=32, epochs=1, verbose=0)
        return time.perf_counter() - start

    return run


def run_yardstick() -> float:
    """Return the seconds that the yardstick prints for one epoch (loading the data is not in them)."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        yardstick_numpy.main(str(DATA), 1)
    return float(printed.getvalue().split(":")[1].split()[0])


def main(rounds: int) -> None:
    report(
        "MNIST network, one eager epoch",
        "s",
        1.0,
        "NumPy by hand",
        median_ratio(prepare_kerasish(), run_yardstick, rounds),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
