"""Whether memory or time grows with use: `predict` and `fit` in a loop, and models made, used and dropped.

    python benchmarks/memory_growth.py                # 10,000 predicts, 1,000 fits, 200 models: memory before, after
    python benchmarks/memory_growth.py --minutes 60   # the same for an hour, a line a minute
    python benchmarks/memory_growth.py --minutes 60 --only models

Prints the memory that the process holds, its threads, open files and Python objects, and the time of one call. The last
line compares the last quarter of the time with the second.
"""

from __future__ import annotations

import argparse
import collections
import gc
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable

import numpy as np

import kerasish as keras


def resident_mb() -> float:
    """Return the memory that the process holds now, in MB."""
    gc.collect()
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def classifier() -> keras.Model:
    layers = keras.layers
    body = [layers.Dense(16, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
    model = keras.Sequential([keras.Input((4,)), *body, layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def jobs() -> dict[str, Callable[[], object]]:
    """Return what is repeated, by name."""
    rng = np.random.default_rng(0)
    x, y = rng.random((64, 4), dtype="float32"), rng.integers(0, 3, 64)
    model = classifier()
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "model.keras")
    model.fit(x, y, verbose=0)
    model.save(path)
    count = 0

    def predict() -> None:
        model.predict(x[:8], verbose=0)

    def fit() -> None:
        model.fit(x, y, batch_size=16, validation_data=(x, y), verbose=0)

    def make_and_drop() -> None:
        """What a service does that reloads its models, and a search that trains many."""
        nonlocal count
        count += 1
        loaded = keras.models.load_model(path)
        loaded.predict(x, batch_size=1 + count % 7, verbose=0)
        made = classifier()
        made.fit(x, y, batch_size=16, verbose=0)
        keras.function(made)(x)
        keras.utils.clear_session(free_memory=count % 10 == 0)

    return {"predict": predict, "fit": fit, "models": make_and_drop}


def measure(name: str, call: Callable[[], object], calls: int) -> None:
    for _ in range(max(calls // 20, 20)):
        call()
    before = resident_mb()
    for _ in range(calls):
        call()
    after = resident_mb()
    print(f"{calls} x {name}: {before:.1f} MB before, {after:.1f} MB after, {after - before:+.2f} MB")


def watch(todo: dict[str, Callable[[], object]], minutes: float, every: float) -> None:
    """Run everything in turn for a time, and print a line now and then."""
    start = time.perf_counter()
    rows: list[tuple] = []
    # The last calls only: lists of all would be what grows.
    times = {name: collections.deque([0.0] * 1000, maxlen=1000) for name in todo}
    print(
        "minutes  memory MB  threads  files  objects" + "".join(f"  {name} us" for name in todo), flush=True
    )
    while time.perf_counter() - start < 60 * minutes:
        begin = time.perf_counter()
        while time.perf_counter() - begin < every:
            for name, call in todo.items():
                for _ in range(20 if name == "predict" else 1):
                    moment = time.perf_counter()
                    call()
                    times[name].append(time.perf_counter() - moment)
        memory = resident_mb()
        row = (
            (time.perf_counter() - start) / 60,
            memory,
            threading.active_count(),
            len(os.listdir("/proc/self/fd")),
            len(gc.get_objects()),
            *(statistics.median(filter(None, values)) * 1e6 for values in times.values()),
        )
        rows.append(row)
        print(
            "  ".join(f"{value:9.1f}" if isinstance(value, float) else f"{value:7d}" for value in row),
            flush=True,
        )
    if len(rows) < 8:
        return
    quarter = len(rows) // 4
    early, late = rows[quarter : 2 * quarter], rows[-quarter:]

    def change(column: int) -> tuple[float, float]:
        return tuple(statistics.median(row[column] for row in part) for part in (early, late))

    before, after = change(1)
    print(
        f"memory: {before:.1f} MB in the second quarter, {after:.1f} MB in the last, {after - before:+.2f} MB"
    )
    for column, name in enumerate(todo, 5):
        before, after = change(column)
        print(
            f"{name}: {before:.0f} us in the second quarter, {after:.0f} us in the last, ratio {after / before:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--minutes", type=float, default=0, help="how long to go on; without it, a number of calls"
    )
    parser.add_argument("--every", type=float, default=60, help="seconds between two lines")
    parser.add_argument("--only", default="", help="predict, fit or models")
    arguments = parser.parse_args()
    todo = {name: call for name, call in jobs().items() if arguments.only in ("", name)}
    if arguments.minutes:
        watch(todo, arguments.minutes, arguments.every)
        return
    for name, calls in (("predict", 10_000), ("fit", 1_000), ("models", 200)):
        if name in todo:
            measure(name, todo[name], calls)


if __name__ == "__main__":
    main()
