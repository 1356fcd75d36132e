"""Survive interruptions of training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.callback import Callback
from kerasish.random import global_seed_generator

_STATE = "training_state"  # name of the dataset beside the weights; loaders of weights pass over it


class BackupAndRestore(Callback):
    """Back up the training state, and restore it when `fit` is called again after an interruption.

    The state is one file: the weights, the optimizer's variables, the epoch and the random streams. It is
    written under a temporary name and renamed, so that an interruption at any moment leaves the old state or
    the new one. A run that ends by itself deletes it.

    Example:

    ```python
    backup = keras.callbacks.BackupAndRestore("backup")
    model.fit(x, y, epochs=100, callbacks=[backup])  # killed in epoch 40: the same call goes on there
    ```

    Args:
        backup_dir: Folder for the state, for this callback alone.
        save_freq: `"epoch"`, a number of batches, or `False` for no backups. A run restored from a backup
            made within an epoch starts that epoch again.
        double_checkpoint: Whether to keep the state before the last one too, and to fall back on it if the
            last cannot be read.
        delete_checkpoint: Whether to delete the state when training has ended by itself.

    Raises:
        ValueError: If `backup_dir` is empty, `save_freq` is something else, or the model is not built when
            training begins.
    """

    reads_logs_lazily = True

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int | bool = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                f"Invalid value for argument `save_freq`. Received: save_freq={save_freq}. "
                "Expected either 'epoch' or an integer value."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._path = os.path.join(self.backup_dir, "latest.weights.h5")
        self._previous_path = os.path.join(self.backup_dir, "previous.weights.h5")
        self._partial_path = os.path.join(self.backup_dir, "partial.weights.h5")
        self._current_epoch = 0
        self._last_batch_seen = 0
        self._batches_seen_since_last_saving = 0

    @property
    def _idle_batch_hooks(self) -> tuple:
        counts_batches = self.save_freq != "epoch" and self.save_freq
        return () if counts_batches else (BackupAndRestore.on_train_batch_end,)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self.model.built:
            raise ValueError(
                "To use the BackupAndRestore callback, your model must be built before you call `fit()`. "
                f"Model {self.model} is unbuilt. You can build it beforehand by calling it on a batch of "
                "data."
            )
        paths = [path for path in (self._path, self._previous_path) if os.path.exists(path)]
        for path in paths:
            try:
                self._restore(path)
                return
            except (OSError, ValueError, KeyError) as error:
                if path == paths[-1]:
                    raise
                import warnings

                warnings.warn(
                    f"The backup {path} cannot be restored ({error}); trying the one before it.", stacklevel=2
                )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._current_epoch = epoch
        self._last_batch_seen = 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._should_save_on_batch(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._current_epoch = epoch + 1
        self._last_batch_seen = 0
        if self.save_freq == "epoch":
            self._save()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        # The next `fit` of this model starts where it is told to.
        self.model._initial_epoch = None
        if self.delete_checkpoint:
            for path in (self._path, self._previous_path, self._partial_path):
                if os.path.exists(path):
                    os.remove(path)
            if os.path.isdir(self.backup_dir) and not os.listdir(self.backup_dir):
                os.rmdir(self.backup_dir)

    def _should_save_on_batch(self, batch: int) -> bool:
        """Count batches; with `steps_per_execution` their indices arrive in strides."""
        if isinstance(self.save_freq, str) or not self.save_freq:
            return False
        new_epoch = batch <= self._last_batch_seen
        self._batches_seen_since_last_saving += batch + 1 if new_epoch else batch - self._last_batch_seen
        self._last_batch_seen = batch
        if self._batches_seen_since_last_saving < self.save_freq:
            return False
        self._batches_seen_since_last_saving = 0
        return True

    def _save(self) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        state = {
            "epoch": self._current_epoch,
            "batch": self._last_batch_seen,
            "seeds": [seed.numpy().tolist() for seed in _seeds(self.model)],
        }
        try:
            self.model.save_weights(self._partial_path, overwrite=True)
            _write_state(self._partial_path, state)
            if self.double_checkpoint and os.path.exists(self._path):
                os.replace(self._path, self._previous_path)
            os.replace(self._partial_path, self._path)
        finally:
            if os.path.exists(self._partial_path):
                os.remove(self._partial_path)

    def _restore(self, path: str) -> None:
        state = _read_state(path)
        if len(state["seeds"]) != len(_seeds(self.model)):
            raise ValueError(
                f"{path} is a backup of another model: it has {len(state['seeds'])} random streams, the model and "
                f"the program have {len(_seeds(self.model))}. Remove it, or pass another `backup_dir`."
            )
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and not optimizer.built:
            # The optimizer's variables must exist for the file's values to go to.
            optimizer.build(self.model.trainable_variables)
        self.model.load_weights(path)
        for seed, value in zip(_seeds(self.model), state["seeds"], strict=True):
            seed.assign(value)
        self.model._initial_epoch = state["epoch"]


def _seeds(model: Any) -> list:
    """The states of all random streams: the global one, and those of the model's layers.

    Files of weights leave the latter out, as Keras's do.
    """
    own = [variable for variable in model.variables if variable.name == "seed_generator_state"]
    return [global_seed_generator().state, *own]


def _write_state(path: str, state: dict[str, Any]) -> None:
    """Put the state into the file of weights, and the file on the disk."""
    import json

    import h5py
    import numpy as np

    with h5py.File(path, "r+") as file:
        file.create_dataset(_STATE, data=np.frombuffer(json.dumps(state).encode(), dtype="uint8"))
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _read_state(path: str) -> dict[str, Any]:
    import json

    import h5py

    with h5py.File(path, "r") as file:
        if _STATE not in file:
            raise ValueError(
                f"{path} is not a backup of training: it has no `{_STATE}`. Remove it, or pass another "
                "`backup_dir`."
            )
        return json.loads(file[_STATE][()].tobytes())
