"""Kill a `fit` again and again, let `BackupAndRestore` take it up each time, and compare with a run left alone.

    python tools/killed_fits.py --kills 200

A process that has imported everything forks one child for each start of the run and kills it with SIGKILL, which
nothing can catch, at a random moment: while it starts, trains, validates, writes a backup, or ends. When a run has come
to its end, the bytes of its weights, optimizer, metrics, History, CSV file and random streams are compared with those
of a run that was never killed, and the next kind of run is next. Exits with 1 if one byte differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import kerasish as keras

KINDS: dict[str, dict[str, Any]] = {
    "arrays, every batch": {"save_freq": 1},
    "arrays, every 3 batches": {"save_freq": 3},
    "arrays, every epoch": {"save_freq": "epoch", "double_checkpoint": True},
    "arrays, 2 steps per execution": {"save_freq": 2, "steps_per_execution": 2},
    "generator, every 2 batches": {"save_freq": 2, "data": "generator"},
    "PyDataset, every 5 batches": {"save_freq": 5, "data": "dataset", "double_checkpoint": True},
    "pieces of a pass, every 4 batches": {"save_freq": 4, "data": "pieces"},
    "op by op, every 3 batches": {"save_freq": 3, "run_eagerly": True},
    "averaged weights, every epoch": {"save_freq": "epoch", "optimizer": "averaged"},
}
EPOCHS = 6


class Augmented(keras.utils.PyDataset):
    """Batches with noise from NumPy's global stream."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple:
        rows = slice(index * 16, (index + 1) * 16)
        return self.x[rows] + np.random.normal(size=self.x[rows].shape).astype("float32"), self.y[rows]


def noisy_batches(x: np.ndarray, y: np.ndarray) -> Any:
    """Yield random batches without end, drawn from NumPy's global stream."""
    while True:
        rows = np.random.randint(0, len(x), 16)
        yield x[rows], y[rows]


def train(folder: str, kind: dict[str, Any], on_start: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Run one `fit` from its beginning, or from where its backup is, and return all that it leaves."""
    keras.utils.set_random_seed(7)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(128, 12)).astype("float32")
    y = generator.integers(0, 4, 128)
    layers = keras.layers
    inputs = keras.Input((12,))
    hidden = layers.Dropout(0.3)(layers.BatchNormalization()(layers.Dense(24, "relu")(inputs)))
    model = keras.Model(inputs, layers.Dense(4, "softmax")(layers.GaussianNoise(0.1)(hidden)))
    averaged = kind.get("optimizer") == "averaged"
    model.compile(
        keras.optimizers.Adam(0.01, use_ema=True) if averaged else "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
        steps_per_execution=kind.get("steps_per_execution", 1),
        run_eagerly=kind.get("run_eagerly", False),
    )
    options = {"save_freq": kind["save_freq"], "double_checkpoint": kind.get("double_checkpoint", False)}
    callbacks = [
        keras.callbacks.BackupAndRestore(os.path.join(folder, "backup"), **options),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.95),
        keras.callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.8),
        keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
        keras.callbacks.CSVLogger(os.path.join(folder, "log.csv")),
        *([keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if averaged else []),
    ]
    data: Any = {"x": x, "y": y, "batch_size": 16}
    if kind.get("data") == "generator":
        data = {"x": noisy_batches(x, y), "steps_per_epoch": 8}
    elif kind.get("data") == "dataset":
        data = {"x": Augmented(x, y)}
    elif kind.get("data") == "pieces":
        data["steps_per_epoch"] = 5
    on_start()
    history = model.fit(
        **data, epochs=EPOCHS, verbose=0, callbacks=callbacks, validation_data=(x[:32], y[:32])
    )
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    with open(os.path.join(folder, "log.csv"), encoding="utf-8") as log:
        lines = log.read()
    return {
        "variables": [hashlib.sha256(v.numpy().tobytes()).hexdigest() for v in variables],
        "history": history.history,
        "epochs": history.epoch,
        "streams": [
            keras.random.global_seed_generator().state.numpy().tolist(),
            random.random(),
            float(np.random.random()),
        ],
        "log": lines,
    }


def in_child(folder: str, kind: dict[str, Any], seconds: float | None) -> tuple[str, float]:
    """Start the run in a child and kill it after some seconds; return how it ended, and how long it took."""
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            result = train(folder, kind)
            partial = os.path.join(folder, "result.part")
            with open(partial, "w", encoding="utf-8") as file:
                json.dump(result, file)
            os.replace(partial, os.path.join(folder, "result.json"))
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    elapsed = time.perf_counter() - begin
    if os.WIFSIGNALED(status):
        return "killed", elapsed
    return ("ended" if os.WEXITSTATUS(status) == 0 else "failed"), elapsed


def result_of(folder: str) -> Any:
    with open(os.path.join(folder, "result.json"), encoding="utf-8") as file:
        return json.load(file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how many runs to kill in all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--kinds", default="", help="only kinds of runs with this text in their names")
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    kinds = {name: kind for name, kind in KINDS.items() if arguments.kinds in name}
    root = tempfile.mkdtemp()
    killed = ends = wrong = round_ = 0
    expected: dict[str, Any] = {}
    lengths: dict[str, float] = {}
    try:
        for name, kind in kinds.items():
            folder = os.path.join(root, f"whole {name}")
            os.makedirs(folder)
            in_child(folder, kind, None)  # fills the cache of kernels
            shutil.rmtree(folder)
            os.makedirs(folder)
            how, lengths[name] = in_child(folder, kind, None)
            assert how == "ended", name
            expected[name] = result_of(folder)
        while killed < arguments.kills:
            for name, kind in kinds.items():
                folder = os.path.join(root, f"{round_} {name}")
                os.makedirs(folder)
                times = 0
                while killed < arguments.kills:
                    how, _ = in_child(folder, kind, moments.uniform(0.0, 0.8 * lengths[name]))
                    if how == "failed":
                        print(f"{name}: the run fails when it is taken up")
                        return 1
                    if os.path.exists(os.path.join(folder, "result.json")):
                        break
                    killed += how == "killed"
                    times += 1
                else:
                    how, _ = in_child(folder, kind, None)
                    if how != "ended":
                        print(f"{name}: the run fails when it is taken up")
                        return 1
                found = result_of(folder)
                different = [key for key in found if found[key] != expected[name][key]]
                ends += 1
                wrong += bool(different)
                left = sorted(os.listdir(folder))
                print(
                    f"{name}: killed {times} times, {'differs in ' + str(different) if different else 'identical'}"
                    f"{'' if left == ['log.csv', 'result.json'] else ', left behind: ' + str(left)}",
                    flush=True,
                )
                if killed >= arguments.kills:
                    break
            round_ += 1
    finally:
        shutil.rmtree(root)
    print(f"{killed} kills, {ends} runs, {wrong} of them different from the run left alone")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
