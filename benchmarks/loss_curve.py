"""The loss curve of MNIST over five epochs, beside that of real Keras: several seeds on each side.

    KERAS_BACKEND=jax python benchmarks/loss_curve.py

Prints both sides' losses and validation losses epoch by epoch as mean and range over the seeds, and whether the means
are closer to each other than the seeds of one side are.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np


def curves(keras: Any, data: tuple, seed: int, epochs: int) -> np.ndarray:
    """Return losses and validation losses of one run, an array of shape `(2, epochs)`."""
    (x, y), test = data
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=epochs, validation_data=test, verbose=0).history
    return np.array([history["loss"], history["val_loss"]])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    import kerasish

    (x, y), (x_test, y_test) = kerasish.datasets.mnist.load_data()
    data = (x / 255.0, y), (x_test / 255.0, y_test)
    runs = {
        name: np.array([curves(side, data, seed, arguments.epochs) for seed in range(arguments.seeds)])
        for name, side in (("kerasish", kerasish), ("keras", keras))
    }
    for index, title in enumerate(("loss", "val_loss")):
        for name, values in runs.items():
            shown = "  ".join(f"{v.mean():.4f} ({v.min():.4f}-{v.max():.4f})" for v in values[:, index].T)
            print(f"{title:9}{name:10}{shown}")
        mine, theirs = runs["kerasish"][:, index], runs["keras"][:, index]
        apart = np.abs(mine.mean(0) - theirs.mean(0))
        spread = np.maximum(np.ptp(mine, axis=0), np.ptp(theirs, axis=0))
        print(f"{title:9}means apart {np.round(apart, 4).tolist()}, spread {np.round(spread, 4).tolist()}")
        print(f"{title:9}within the spread: {bool((apart <= spread).all())}")


if __name__ == "__main__":
    main()
