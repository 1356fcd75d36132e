"""Data that stay on the host, on one GPU: transfers beside the steps against copies in front of them.

    python benchmarks/gpu_transfers.py [--rounds N] [--smoke]

Epochs of `fit` in turn, in one process: arrays that are told not to fit on the GPU, with batches that come while the
step before runs, with batches that are copied when the step is called, and, for the best that can be had, those data on
the GPU. There are a network whose steps take longer than its copies and one whose copies take longer. `--smoke` runs
small ones on whatever device there is, to see that all of it works.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pairs import median_ratio, report

import kerasish as keras
from kerasish import devices
from kerasish.compiler.executors.cuda.arguments import Arguments

SIZES = {"long steps": (1024, 4096, 4096, 6), "long copies": (1024, 32768, 16, 1)}
"""Samples in a batch, features of a sample, units of a hidden layer, and hidden layers."""


def epoch(size: tuple[int, int, int, int], where: str, batches: int) -> Callable[[], float]:
    """Return a function that trains and returns the seconds of an epoch in which nothing happens for the first time.

    Args:
        size: Samples in a batch, features, units and layers.
        where: `"transfer"`, `"copy"` or `"device"`.
        batches: Batches in an epoch.
    """
    batch, features, units, depth = size
    x = np.random.default_rng(0).random((batch * batches, features), "float32")
    y = x[:, :1].copy()
    hidden = [keras.layers.Dense(units, activation="relu") for _ in range(depth)]
    model = keras.Sequential([keras.layers.Input((features,)), *hidden, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    has_room, transferred = devices.has_room, Arguments._transferred

    def run() -> float:
        if where != "device":
            devices.has_room = lambda nbytes, device: False
        if where == "copy":
            Arguments._transferred = lambda self, arguments: False  # type: ignore[method-assign]
        seconds: list[float] = []

        def begin(number: int, logs: Any = None) -> None:
            seconds.append(-time.perf_counter())

        def end(number: int, logs: Any = None) -> None:
            seconds[-1] += time.perf_counter()  # (the loss has been read: the GPU is done)

        watch = keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)
        try:
            model.fit(x, y, batch_size=batch, epochs=2, verbose=0, callbacks=[watch])
        finally:
            devices.has_room, Arguments._transferred = has_room, transferred  # type: ignore[method-assign]
        return seconds[-1]

    run()
    return run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="how often each pair is measured")
    parser.add_argument("--smoke", action="store_true", help="small, on any device")
    given = parser.parse_args()
    sizes = {"small": (32, 64, 16, 2)} if given.smoke else SIZES
    batches, rounds = (6, 1) if given.smoke else (24, given.rounds)
    print(f"device: {keras.ops.zeros(1).device}")
    for name, size in sizes.items():
        ours = epoch(size, "transfer", batches)
        for other in ("copy", "device"):
            result = median_ratio(ours, epoch(size, other, batches), rounds)
            report(f"{name}, against {other}", "ms a step", 1e3 / batches, other, result)


if __name__ == "__main__":
    main()
