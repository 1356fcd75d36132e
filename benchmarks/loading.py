"""Opening a `.keras` file of 100 MB, in turn with reading its arrays with h5py.

    python benchmarks/loading.py [ROUNDS]

h5py reads them in two ways: from the archive, whose member it gets as bytes (as Keras does), and from a file that the
member was taken out to before, unmeasured. Both sides end with all arrays in memory of their own. `load_weights` of the
same file into a model that is there is measured too, and, where Keras is installed, `load_model` of both.
"""

from __future__ import annotations

import importlib.util
import io
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
from pairs import median_ratio, report

import kerasish

WEIGHTS = "model.weights.h5"


def arrays(source: Any) -> list[Any]:
    """Read all arrays of an HDF5 file."""
    found: list[Any] = []
    with h5py.File(source) as file:
        file.visititems(lambda name, node: found.append(node[()]) if isinstance(node, h5py.Dataset) else None)
    return found


def member(path: str) -> list[Any]:
    """Read all arrays of the weights in an archive."""
    with zipfile.ZipFile(path) as archive:
        return arrays(io.BytesIO(archive.read(WEIGHTS)))


def seconds(work: Callable[[], Any]) -> Callable[[], float]:
    def measure() -> float:
        start = time.perf_counter()
        kept = work()
        passed = time.perf_counter() - start
        del kept
        return passed

    return measure


def main(rounds: int) -> None:
    layers = [kerasish.layers.Dense(1024, activation="relu") for _ in range(25)]
    model = kerasish.Sequential([kerasish.Input((1024,)), *layers])
    with tempfile.TemporaryDirectory() as folder:
        path, extracted = str(Path(folder) / "large.keras"), str(Path(folder) / WEIGHTS)
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            archive.extract(WEIGHTS, folder)
        print(f"{os.path.getsize(path) / 1e6:.0f} MB in {len(model.get_weights())} arrays")
        load = seconds(lambda: kerasish.models.load_model(path, compile=False))
        plain, archived = seconds(lambda: arrays(extracted)), seconds(lambda: member(path))
        load(), plain(), archived()
        report("load_model", "ms", 1e3, "h5py from a file of its own", median_ratio(load, plain, rounds))
        report("load_model", "ms", 1e3, "h5py from the archive", median_ratio(load, archived, rounds))
        again = seconds(lambda: model.load_weights(path))
        report("load_weights", "ms", 1e3, "h5py from a file of its own", median_ratio(again, plain, rounds))
        if importlib.util.find_spec("keras") is not None:
            import keras

            theirs = seconds(lambda: keras.models.load_model(path, compile=False))
            theirs()
            report("load_model", "ms", 1e3, "Keras", median_ratio(load, theirs, 5))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
