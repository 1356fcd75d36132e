"""The base class of all callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Callback:
    """Base class of objects that are called at the stages of `fit`, `evaluate` and `predict`.

    Override the hooks of the stages of interest. A batch hook that is not overridden costs nothing: it is
    never called.

    Example:

    ```python
    class StopAtAccuracy(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if logs["accuracy"] > 0.95:
                self.model.stop_training = True

    model.fit(x, y, epochs=100, callbacks=[StopAtAccuracy()])
    ```

    Setting `self.model.stop_training = True` in a hook of training ends training after the current batch.

    Attributes:
        params: Dict of the run's parameters: `"verbose"`, `"epochs"`, `"steps"`.
        model: The model that is trained, evaluated or used.
        reads_logs_lazily: Class attribute. `True` promises that the batch hooks look at `logs` only while
            they run and accept any mapping; they then get one whose values are computed at the first look.
            Otherwise they get a dict of Python floats.
    """

    reads_logs_lazily = False

    # Callbacks that look at what all others have done are called after them, wherever they stand in the list.
    _comes_last = False
    # The attributes that a run goes on with (see `get_backup_state`).
    _backed_up: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model = None

    @property
    def model(self):
        """The model that the callback is used with."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before the first hook with the run's parameters."""
        self.params = params

    def set_model(self, model) -> None:
        """Called before the first hook with the model."""
        self._model = model

    def get_backup_state(self) -> Any:
        """Return what the callback has to know to go on after an interruption; `BackupAndRestore` keeps it.

        Override it together with `set_backup_state` where a callback remembers something from batch to batch or from
        epoch to epoch.

        Returns:
            Numbers, text, None and arrays, in lists and dicts with text as keys; None where there is nothing to keep.
        """
        return {name: getattr(self, name) for name in self._backed_up} or None

    def set_backup_state(self, state: Any) -> None:
        """Take back what `get_backup_state` returned. Called after all callbacks' `on_train_begin`.

        Args:
            state: What `get_backup_state` returned in the run that was interrupted.
        """
        for name in self._backed_up:
            if name in state:
                setattr(self, name, state[name])

    def on_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An alias of `on_train_batch_begin` for older code."""

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An alias of `on_train_batch_end` for older code."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called at the start of an epoch of training.

        Args:
            epoch: Index of the epoch, from 0.
            logs: Empty.
        """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called at the end of an epoch of training, after validation.

        Args:
            epoch: Index of the epoch, from 0.
            logs: The epoch's loss and metrics, and those of validation with the prefix `val_`. What a
                callback adds is seen by the callbacks after it.
        """

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called before a batch of training; with `steps_per_execution=N`, before every N batches.

        Args:
            batch: Index of the batch in the epoch, from 0.
            logs: Empty.
        """
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called after a batch of training; with `steps_per_execution=N`, after every N batches.

        Args:
            batch: Index of the batch in the epoch, from 0.
            logs: Loss and metrics of the epoch so far.
        """
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called before a batch of `evaluate` or of validation.

        Args:
            batch: Index of the batch, from 0.
            logs: Empty.
        """

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called after a batch of `evaluate` or of validation.

        Args:
            batch: Index of the batch, from 0.
            logs: Loss and metrics of the evaluation so far.
        """

    def on_predict_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called before a batch of `predict`.

        Args:
            batch: Index of the batch, from 0.
            logs: Empty.
        """

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Called after a batch of `predict`.

        Args:
            batch: Index of the batch, from 0.
            logs: `{"outputs": ...}`, the batch's predictions.
        """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called at the start of `fit`, with empty logs."""

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Called at the end of `fit` that was not ended by an error, with the last epoch's logs."""

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called at the start of `evaluate` or of validation, with empty logs."""

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Called at the end of `evaluate` or of validation, with its logs."""

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called at the start of `predict`, with empty logs."""

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """Called at the end of `predict`, with empty logs."""
