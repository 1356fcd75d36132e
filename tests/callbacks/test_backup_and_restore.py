"""BackupAndRestore: an interrupted run goes on where it was, from one file that is whole at any moment."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest
from callback_fakes import Model

from kerasish import callbacks as ours
from kerasish.random import global_seed_generator


class Interrupt(ours.Callback):
    """Count epochs into the weight, draw from the global random stream, and stop hard when told to."""

    def __init__(self, epoch=None, batch=None):
        super().__init__()
        self.at = epoch, batch
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.epochs.append(epoch)
        if self.at == (epoch, None):
            raise KeyboardInterrupt
        self.model.weight = self.model.weight * 2 + 1
        global_seed_generator().next()

    def on_train_batch_end(self, batch, logs=None):
        if self.at == (self.epoch, batch):
            raise KeyboardInterrupt


def fit(folder, model, interrupt=None, steps=0, **options):
    backup = ours.BackupAndRestore(folder, **options)
    model._initial_epoch = None
    callbacks = ours.CallbackList([backup, interrupt or Interrupt()], model=model)
    # As `fit`: the first epoch is asked for after on_train_begin.
    callbacks.on_train_begin()
    start = model._initial_epoch or 0
    run_from(callbacks, start, steps)
    return callbacks.callbacks[1].epochs


def run_from(callbacks, start, steps):
    for epoch in range(start, 5):
        callbacks.on_epoch_begin(epoch)
        for step in range(steps):
            callbacks.on_train_batch_end(step, {"loss": 1.0})
        callbacks.on_epoch_end(epoch, {"loss": 1.0})
    callbacks.on_train_end({})


def state_of(model):
    return model.weight, global_seed_generator().state.numpy().tolist()


def reset_random():
    global_seed_generator().state.assign(np.array([7, 0], "uint32"))


@pytest.mark.parametrize("epoch", range(5))
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path, epoch):
    reset_random()
    whole = Model()
    fit(tmp_path / "whole", whole)
    expected = state_of(whole)

    reset_random()
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", Model(), Interrupt(epoch))
    global_seed_generator().state.assign(np.array([99, 99], "uint32"))
    if not epoch:
        reset_random()  # nothing was saved yet: this is a first run
    resumed = Model()
    assert fit(tmp_path / "cut", resumed) == list(range(epoch, 5))
    assert state_of(resumed) == expected


def test_the_end_deletes_the_backup_and_its_folder_only_if_empty(tmp_path):
    fit(tmp_path / "own", Model())
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "notes.txt").write_text("mine")
    fit(tmp_path / "shared", Model())
    assert not (tmp_path / "own").exists()
    assert os.listdir(tmp_path / "shared") == ["notes.txt"]


def test_a_kept_backup_ends_the_next_run_at_once(tmp_path):
    model = Model()
    fit(tmp_path / "b", model, delete_checkpoint=False)
    assert os.listdir(tmp_path / "b") == ["latest.weights.h5"] and model._initial_epoch is None
    assert fit(tmp_path / "b", Model()) == []


@pytest.mark.parametrize(
    ("save_freq", "epoch", "batch", "resumes_at", "saved_batch"),
    [
        (2, 0, 0, 0, None),
        (2, 0, 2, 0, 1),
        (2, 1, 2, 1, 2),
        (4, 1, 1, 1, 0),
        (10, 1, 0, 0, None),
        ("epoch", 2, 1, 2, 0),
    ],
)
def test_backups_of_batches(tmp_path, save_freq, epoch, batch, resumes_at, saved_batch):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, Model(), Interrupt(epoch, batch), steps=3, save_freq=save_freq)
    assert bool(os.listdir(tmp_path)) is (saved_batch is not None)
    assert fit(tmp_path, Model(), steps=3)[0] == resumes_at


def test_save_freq_false_saves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "b", Model(), Interrupt(4), steps=3, save_freq=False)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("moment", ["weights", "state", "rename"])
def test_a_save_that_dies_leaves_the_backup_before_it(tmp_path, monkeypatch, moment):
    class Dying(Model):
        def save_weights(self, path, overwrite=True):
            super().save_weights(path, overwrite)
            if self.weight == 7.0 and moment == "weights":
                raise OSError("disk full")

    def die(*args):
        if model.weight == 7.0:
            raise OSError("disk full")
        return original(*args)

    model = Dying()
    if moment != "weights":
        where, name = (ours.backup_and_restore, "write_state") if moment == "state" else (os, "replace")
        original = getattr(where, name)
        monkeypatch.setattr(where, name, die)
    with pytest.raises(OSError, match="disk full"):
        fit(tmp_path, model)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["latest.weights.h5"]
    resumed = Model()
    assert fit(tmp_path, resumed) == [2, 3, 4] and resumed.weight == 31.0


def test_the_backup_before_a_damaged_one_is_restored(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, Model(), Interrupt(3), double_checkpoint=True)
    assert sorted(os.listdir(tmp_path)) == ["latest.weights.h5", "previous.weights.h5"]
    latest = tmp_path / "latest.weights.h5"
    latest.write_bytes(latest.read_bytes()[:700])
    resumed = Model()
    with pytest.warns(
        UserWarning, match=r"latest.weights.h5 cannot be restored .*; trying the one before it"
    ):
        assert fit(tmp_path, resumed) == [2, 3, 4]
    assert resumed.weight == 31.0


def test_a_damaged_backup_is_an_error(tmp_path):
    (tmp_path / "latest.weights.h5").write_bytes(b"text")
    with pytest.raises(OSError, match="file signature not found"):
        fit(tmp_path, Model())


def test_weights_without_a_state_are_no_backup(tmp_path):
    Model().save_weights(tmp_path / "latest.weights.h5")
    with pytest.raises(ValueError, match="is not a backup of training.*Remove it"):
        fit(tmp_path, Model())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backup_dir": ""}, "Empty `backup_dir` argument passed"),
        ({"backup_dir": None}, "Empty `backup_dir` argument passed"),
        ({"backup_dir": "b", "save_freq": "batch"}, "save_freq=batch. Expected either 'epoch' or an integer"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ours.BackupAndRestore(**arguments)


def test_a_model_must_be_built(tmp_path):
    model = Model()
    model.built = False
    with pytest.raises(ValueError, match="your model must be built before you call"):
        fit(tmp_path, model)


def test_the_state_lies_beside_the_weights(tmp_path):
    fit(tmp_path, Model(), delete_checkpoint=False)
    with h5py.File(tmp_path / "latest.weights.h5") as file:
        assert set(file) == {"weight", "training_state"}
