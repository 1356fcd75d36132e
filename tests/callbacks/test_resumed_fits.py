"""A fit that was interrupted and is taken up ends, bit by bit, like one that was left alone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerasish as keras

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("without_machine_code")
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(44, 5)).astype("float32")
Y = GENERATOR.integers(0, 3, 44)


@pytest.fixture
def without_machine_code(monkeypatch):
    """Which would take most of the time to compile."""
    monkeypatch.setenv("KERASISH_JIT", "0")


class Interrupt(keras.callbacks.Callback):
    """Raises after a batch of an epoch, or at the end of an epoch (`batch=None`)."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.at == (self.epoch, batch):
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        if self.at == (epoch, None):
            raise KeyboardInterrupt


class Counts(keras.callbacks.Callback):
    """A user's callback that remembers something."""

    def __init__(self):
        super().__init__()
        self.epochs, self.largest = 0, np.zeros(3)

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs += 1

    def on_train_batch_end(self, batch, logs=None):
        self.largest = np.maximum(self.largest, logs["loss"])

    def get_backup_state(self):
        return {"epochs": self.epochs, "largest": self.largest}

    def set_backup_state(self, state):
        self.epochs, self.largest = state["epochs"], state["largest"]


class Noisy(keras.utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = slice(index * 8, index * 8 + 8)
        return X[rows] + np.random.normal(size=X[rows].shape).astype("float32"), Y[rows]


class Endless(Noisy):
    num_batches = None

    def __getitem__(self, index):
        return super().__getitem__(index % 5)


def batches():
    while True:
        rows = np.random.randint(0, len(X), 8)
        yield X[rows], Y[rows]


class NoLength:
    """Starts anew each time, and does not say how long it is."""

    def __iter__(self):
        return ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 44, 4))


DATA = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": 8},
    "pieces": lambda: {"x": X, "y": Y, "batch_size": 4, "steps_per_epoch": 3},
    "in order": lambda: {"x": X, "y": Y, "batch_size": 8, "shuffle": False},
    "generator": lambda: {"x": batches(), "steps_per_epoch": 4},
    "dataset": lambda: {"x": Noisy()},
    "endless dataset": lambda: {"x": Endless(), "steps_per_epoch": 4},
    "no length": lambda: {"x": NoLength(), "steps_per_epoch": 4},
}


class OwnStep(keras.Sequential):
    """Reports something that no metric holds."""

    def train_step(self, data):
        return {**super().train_step(data), "rate": self.optimizer.learning_rate}


def run(
    folder=None, interrupt=None, data="arrays", cls=keras.Sequential, options=None, averaged=False, **save
):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    body = [layers.Dense(6, "relu"), layers.BatchNormalization(), layers.Dropout(0.3)]
    model = cls([keras.Input((5,)), *body, layers.Dense(3, "softmax")])
    optimizer = keras.optimizers.Adam(0.01, use_ema=True) if averaged else "adam"
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **(options or {}))
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        keras.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True),
        counts := Counts(),
    ]
    if averaged:
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if folder is not None:
        callbacks.insert(0, keras.callbacks.BackupAndRestore(folder, **save))
    if interrupt is not None:
        callbacks.append(Interrupt(*interrupt))
    history = model.fit(
        **DATA[data](), epochs=4, verbose=0, validation_data=(X[:9], Y[:9]), callbacks=callbacks
    )
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return {
        "variables": [v.numpy().tobytes() for v in variables],
        "history": history.history,
        "epochs": history.epoch,
        "streams": [
            keras.random.global_seed_generator().state.numpy().tolist(),
            random.random(),
            np.random.random(),
        ],
        "callback": [counts.epochs, counts.largest.tolist()],
    }


UNINTERRUPTED: dict[str, dict] = {}


def assert_resumed_is_whole(tmp_path, interrupt, options=None, **save):
    if str(options) not in UNINTERRUPTED:
        UNINTERRUPTED[str(options)] = run(**(options or {}))
    whole = UNINTERRUPTED[str(options)]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "backup", interrupt, **(options or {}), **save)
    resumed = run(tmp_path / "backup", **(options or {}), **save)
    for name, value in whole.items():
        assert resumed[name] == value, name
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize(
    ("data", "interrupt", "save_freq"),
    [
        ("arrays", (2, 1), 1),
        ("arrays", (1, None), 4),
        ("arrays", (2, 2), "epoch"),
        ("pieces", (2, 1), 1),
        ("pieces", (2, 2), "epoch"),
        ("in order", (2, 1), 2),
        ("generator", (2, 1), 1),
        ("generator", (2, 2), "epoch"),
        ("dataset", (2, 1), 1),
        ("dataset", (1, None), 4),
        ("endless dataset", (2, 1), 1),
        ("endless dataset", (2, 2), "epoch"),
        ("no length", (2, 1), 1),
        ("no length", (1, None), 3),
    ],
)
def test_whatever_the_data_are(tmp_path, data, interrupt, save_freq):
    assert_resumed_is_whole(tmp_path, interrupt, {"data": data}, save_freq=save_freq)


@pytest.mark.parametrize(
    ("options", "interrupt"),
    [
        ({"options": {"run_eagerly": True}}, (1, 5)),
        ({"options": {"steps_per_execution": 2}}, (0, 1)),
        ({"options": {"steps_per_execution": 2}}, (1, 5)),
        ({"cls": OwnStep}, (1, 5)),
        ({"cls": OwnStep}, (3, None)),
        ({"averaged": True}, (0, 1)),
        ({"averaged": True}, (3, None)),
    ],
    ids=str,
)
def test_however_it_is_trained(tmp_path, options, interrupt):
    assert_resumed_is_whole(tmp_path, interrupt, options, save_freq=2)


class Adversaries(keras.Model):
    """Has optimizers, a metric and a seed of its own, all of which the first step makes or uses."""

    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(5)])
        self.critic = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        self.own = {"generator": keras.optimizers.Adam(), "critic": keras.optimizers.RMSprop()}
        self.seed, self.gap = keras.random.SeedGenerator(3), keras.metrics.Mean(name="gap")

    def call(self, x):
        return self.critic(x)

    def train_step(self, data):
        noise = keras.random.normal((keras.ops.shape(data[0])[0], 2), seed=self.seed)
        for name, sign in (("critic", 1.0), ("generator", -1.0)):
            variables = getattr(self, name).trainable_variables
            with keras.GradientTape() as tape:
                made = keras.ops.mean(self.critic(self.generator(noise)))
                gap = made - keras.ops.mean(self.critic(data[0]))
                loss = sign * gap
            self.own[name].apply(tape.gradient(loss, variables), variables)
        self.gap.update_state(gap)
        return {"gap": self.gap.result()}


def test_optimizers_of_the_model_s_own(tmp_path):
    def fit(folder, interrupt=None):
        keras.utils.set_random_seed(3)
        model = Adversaries()
        model.build((None, 5))
        model.compile()
        callbacks = [keras.callbacks.BackupAndRestore(folder, save_freq=2)]
        callbacks += [Interrupt(*interrupt)] if interrupt else []
        history = model.fit(X, batch_size=8, epochs=3, verbose=0, callbacks=callbacks).history
        optimizers = [v for optimizer in model.own.values() for v in optimizer.variables]
        return history, [v.numpy().tobytes() for v in (*model.variables, *optimizers)]

    whole = fit(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", (1, 4))
    assert fit(tmp_path / "cut") == whole


def test_a_run_that_was_told_to_stop_is_not_trained_on(tmp_path):
    class StopAt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 3

    def fit(interrupt=None):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
        callbacks = [StopAt(), backup, *([Interrupt(0, interrupt)] if interrupt != "no" else [])]
        history = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=callbacks).history
        return history, [w.tolist() for w in model.get_weights()]

    whole = fit("no")
    with pytest.raises(KeyboardInterrupt):
        fit(None)  # at the end of the epoch, which batch 3 has ended
    assert fit("no") == whole and len(whole[0]["loss"]) == 1


def test_a_kept_backup_ends_the_next_run_with_the_same_history(tmp_path):
    def fit():
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        backup = keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
        history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[backup])
        return history.history, history.epoch, model.get_metrics_result()["mae"].item()

    assert fit() == fit()


def test_weights_that_became_nan_are_taken_up_as_they_are(tmp_path):
    def fit(interrupt=None):
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(1e30), "mse")
        callbacks = [keras.callbacks.BackupAndRestore(tmp_path)]
        callbacks += [Interrupt(1, 0)] if interrupt else []
        return model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=callbacks).history

    with pytest.raises(KeyboardInterrupt):
        fit(interrupt=True)
    history = fit()
    assert len(history["loss"]) == 3 and np.isnan(history["loss"][-1])


def test_the_next_fit_of_an_interrupted_model_starts_at_its_beginning(tmp_path):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    for interrupt in (Interrupt(1, 0), Interrupt(2, 0)):
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=4, verbose=0, callbacks=[backup, interrupt])
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_a_csv_file_goes_on_after_the_lines_of_finished_epochs(tmp_path):
    def fit(name, interrupt=None, save_freq=2):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        log = keras.callbacks.CSVLogger(tmp_path / name)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=save_freq)
        callbacks = [log, backup, *([Interrupt(*interrupt)] if interrupt else [])]
        model.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=callbacks)
        return (tmp_path / name).read_text()

    whole = fit("whole.csv")
    for interrupt in ((0, 1), (1, 1), (3, None)):
        with pytest.raises(KeyboardInterrupt):
            fit("cut.csv", interrupt)
    assert fit("cut.csv") == whole
    assert fit("cut.csv") == whole  # a run of its own replaces the file


def test_what_a_callback_remembers_must_fit_in_a_file(tmp_path):
    class Strange(keras.callbacks.Callback):
        def get_backup_state(self):
            return {"model": object()}

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="A backup holds numbers, text, arrays.*get_backup_state"):
        model.fit(X, Y, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(tmp_path), Strange()])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_killed_at_random_moments():
    """See tools/killed_fits.py, which kills more of them."""
    tool = str(ROOT / "tools" / "killed_fits.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if os.path.isdir("/dev/shm"):  # in memory, where nothing waits for a disk
        environment["TMPDIR"] = "/dev/shm"
    command = [sys.executable, tool, "--kills", "4", "--kinds", "arrays, every 3"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "4 kills" in result.stdout and "0 of them different" in result.stdout
