"""`fit` measured epoch by epoch: the same models and the same code for kerasish and for real Keras.

There is one call of `fit` a process. Its callback waits before an epoch until it is this side's turn, so that epochs
of several sides alternate and none pays for starting `fit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gpu_channel import Channel, Done

MNIST = Path(__file__).resolve().parent.parent / "datasets" / "mnist.npz"
WIDTH = 8192

Work = tuple[Any, np.ndarray, np.ndarray, int]


def mnist_data(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the training digits as float32 from 0 to 1 and their labels, or random ones of their shape."""
    if MNIST.exists():
        with np.load(MNIST) as data:
            x = (data["x_train"][:samples] / np.float32(255)).astype("float32")
            return x, data["y_train"][:samples].astype("int64")
    random = np.random.default_rng(0)
    return random.random((samples, 28, 28), "float32"), random.integers(0, 10, samples)


def mnist(keras: Any, samples: int) -> Work:
    """The network of workloads.py called `mlp`, on the digits."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, *mnist_data(samples), 32


def cnn(keras: Any, samples: int) -> Work:
    """The network of workloads.py called `cnn`."""
    layers, random = keras.layers, np.random.default_rng(0)
    x, y = random.random((samples, 28, 28, 1), "float32"), random.integers(0, 10, samples)
    model = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y, 128


def mlp(keras: Any, samples: int, width: int = WIDTH) -> Work:
    """Three dense layers of `width` units on `width` numbers, relu, relu, linear; mean squared error, Adam.

    The samples of all batches but the first are those of the first in another order: random numbers take time.
    """
    layers, random = keras.layers, np.random.default_rng(0)
    x, y = (random.standard_normal((width, width), "float32") for _ in range(2))
    x, y = (np.concatenate([np.roll(a, i, 1) for i in range(samples // width)]) for a in (x, y))
    model = keras.Sequential(
        [
            layers.Input((width,)),
            layers.Dense(width, activation="relu"),
            layers.Dense(width, activation="relu"),
            layers.Dense(width),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-5), "mean_squared_error")
    return model, x, y, width


class Clock:
    """Measures by the clock."""

    def start(self) -> None:
        """Begin; the device is idle."""
        self.began = time.perf_counter()

    def stop(self, steps: int) -> dict[str, Any]:
        """Return the seconds of one of `steps` steps; the device is idle again."""
        return {"seconds": (time.perf_counter() - self.began) / steps}


def epochs_by_turns(
    keras: Any,
    channel: Channel,
    work: Work,
    synchronize: Callable[[], None],
    watch: Any = None,
    warm_up: int = 2,
    **notes: Any,
) -> None:
    """Train for as long as the coordinator asks for epochs.

    Args:
        keras: The module with Keras's names.
        channel: Who asks.
        work: A compiled model, its data, and the batch size.
        synchronize: Waits for the device.
        watch: What measures, with the methods of `Clock`.
        warm_up: Epochs before the first that is measured; compiling is in the first of them.
        **notes: What the report should say of this side.
    """
    model, x, y, batch_size = work
    steps = -(-len(x) // batch_size)
    watch = watch or Clock()

    class Turns(keras.callbacks.Callback):
        """Waits before epochs, and answers after the last one that was asked for."""

        def __init__(self) -> None:
            super().__init__()
            self.asked = self.left = 0
            self.began = time.perf_counter()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch < warm_up or self.left:
                return
            if epoch == warm_up:
                channel.say("ready", notes={**notes, "steps": steps})
            self.asked = self.left = channel.wait()
            synchronize()
            watch.start()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 0:
                synchronize()
                notes["first_epoch_s"] = round(time.perf_counter() - self.began, 3)
            if epoch < warm_up:
                return
            self.left -= 1
            if not self.left:
                synchronize()
                found = watch.stop(self.asked * steps)
                channel.say("measured", **found, loss=float((logs or {}).get("loss", "nan")))

    try:
        model.fit(x, y, batch_size=batch_size, epochs=10**6, verbose=0, callbacks=[Turns()])
    except Done:
        pass
