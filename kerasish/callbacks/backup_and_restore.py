"""Survive interruptions of training."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.backup_file import read_state, write_state
from kerasish.callbacks.callback import Callback
from kerasish.callbacks.logs import LazyLogs, to_floats
from kerasish.random import streams
from kerasish.saving.atomic import move_into_place


class BackupAndRestore(Callback):
    """Back up the training state, and restore it when `fit` is called again after an interruption.

    An interrupted run that is taken up ends with the same weights, optimizer, metrics, `History` and random streams,
    bit by bit, as one that was never interrupted. For that the state holds the weights, the optimizer's variables, the
    metrics, the place in the data, all random streams (Python's and NumPy's too), and what the other callbacks remember
    (see `Callback.get_backup_state`); the callback is called after all others, wherever it stands in the list. The
    program must be the same: its model, data and arguments.

    The state is one file, written under a temporary name and renamed: an interruption at any moment, the end of the
    process too, leaves the old state or the new one. A run that ends by itself deletes it.

    Example:

    ```python
    backup = keras.callbacks.BackupAndRestore("backup")
    model.fit(x, y, epochs=100, callbacks=[backup])  # killed in epoch 40: the same call goes on there
    ```

    Unlike in Keras, `History` holds the epochs before the interruption too, and a run that is taken up within an epoch
    goes on with the next batch instead of starting the epoch again.

    Data that a program makes itself must come the same way again: a generator is started anew and the batches that were
    used are taken from it and dropped; a `PyDataset` whose batches are random has to draw them from `numpy.random`,
    without workers, or from a seed of the batch's index.

    Args:
        backup_dir: Folder for the state, for this callback alone.
        save_freq: `"epoch"`, a number of batches, or `False` for no backups.
        double_checkpoint: Whether to keep the state before the last one too, and to fall back on it if the
            last cannot be read.
        delete_checkpoint: Whether to delete the state when training has ended by itself. A state that is kept ends the
            next run at once, with the same `History`.

    Raises:
        ValueError: If `backup_dir` is empty, `save_freq` is something else, or the model is not built when
            training begins.
    """

    reads_logs_lazily = True
    _comes_last = True

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
        self._pending: tuple[str, dict[str, Any]] | None = None  # restored within an epoch that has not begun

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
        self._pending = None
        self._batches_seen_since_last_saving = 0
        self._remove_parts()
        paths = [path for path in (self._path, self._previous_path) if os.path.exists(path)]
        for path in paths:
            try:
                self._restore(path)
                return
            except (OSError, ValueError, KeyError, RuntimeError) as error:  # (h5py's, for a damaged file)
                if path == paths[-1]:
                    raise
                import warnings

                warnings.warn(
                    f"The backup {path} cannot be restored ({error}); trying the one before it.", stacklevel=2
                )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._current_epoch = epoch
        self._last_batch_seen = 0
        if self._pending is not None:
            # Callbacks have begun the epoch once more: what that changed is put back.
            path, state = self._pending
            self._pending = None
            self._restore_variables(path, state)
            self.model._position.restore_variables(state["run"])
            self._last_batch_seen = state["batches"] - 1

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._should_save_on_batch(batch):
            reported = None if isinstance(logs, LazyLogs) else to_floats(logs)
            self._save(self._current_epoch, batch + 1, reported)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._current_epoch = epoch + 1
        self._last_batch_seen = 0
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0, None)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        # The next `fit` of this model starts where it is told to.
        self.model._initial_epoch = None
        if self.delete_checkpoint:
            # The older state goes first: a run that is killed here must not be taken up at it.
            for path in (self._previous_path, self._partial_path, self._path):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)
            if os.path.isdir(self.backup_dir) and not os.listdir(self.backup_dir):
                os.rmdir(self.backup_dir)

    def _remove_parts(self) -> None:
        """Remove what saves left that were killed."""
        name = os.path.basename(self._partial_path)
        for part in os.listdir(self.backup_dir) if os.path.isdir(self.backup_dir) else ():
            if part == name or part.startswith(f".{name}."):
                with contextlib.suppress(OSError):  # they are in nobody's way
                    os.remove(os.path.join(self.backup_dir, part))

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

    def _save(self, epoch: int, batches: int, logs: dict[str, Any] | None) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        position = getattr(self.model, "_position", None)
        state = {
            "epoch": epoch,
            "batches": batches,
            "logs": logs,
            "random": streams.states(self.model),
            "run": None if position is None else position.state(),
        }
        try:
            self.model.save_weights(self._partial_path, overwrite=True)
            write_state(self._partial_path, state)
            if self.double_checkpoint and os.path.exists(self._path):
                os.replace(self._path, self._previous_path)
            move_into_place(self._partial_path, self._path)
        finally:
            if os.path.exists(self._partial_path):
                os.remove(self._partial_path)

    def _restore(self, path: str) -> None:
        state = read_state(path)
        position = getattr(self.model, "_position", None)
        if position is not None and state["run"] is not None:
            position.make_variables(state["run"])
        self._restore_variables(path, state)
        self.model._initial_epoch = state["epoch"]
        if position is None or state["run"] is None:  # a training loop of the user's own
            return
        position.restore(state["run"], state["epoch"], state["batches"], state["logs"])
        streams.restore(self.model, state["random"])  # to find the place in the data may have drawn numbers
        if state["batches"]:
            self._pending = (path, state)

    def _restore_variables(self, path: str, state: dict[str, Any]) -> None:
        """Give weights, optimizer and random streams their values."""
        try:
            streams.restore(self.model, state["random"])
        except ValueError as error:
            raise ValueError(
                f"{path} is a backup of another model: {error}. Remove it, or pass another `backup_dir`."
            ) from None
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and not optimizer.built:
            # The optimizer's variables must exist for the file's values to go to.
            optimizer.build(self.model.trainable_variables)
        # A run whose weights have become NaN goes on as it would have.
        self.model.load_weights(path, allow_nan=True)
