"""Whether memory grows: 10,000 calls of `predict` and 1,000 of `fit` on a small model.

    python benchmarks/memory_growth.py

Prints the process's memory in use before and after each, when the first calls have filled the caches.
"""

from __future__ import annotations

import gc

import numpy as np

import kerasish as keras


def resident_mb() -> float:
    """Return the memory that the process holds now, in MB."""
    gc.collect()
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def measure(name: str, call, calls: int) -> None:
    for _ in range(calls // 20):
        call()
    before = resident_mb()
    for _ in range(calls):
        call()
    after = resident_mb()
    print(f"{calls} x {name}: {before:.1f} MB before, {after:.1f} MB after, {after - before:+.2f} MB")


def main() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((8, 4), dtype="float32"), rng.integers(0, 3, 8)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    measure("predict", lambda: model.predict(x, verbose=0), 10_000)
    measure("fit", lambda: model.fit(x, y, verbose=0), 1_000)


if __name__ == "__main__":
    main()
