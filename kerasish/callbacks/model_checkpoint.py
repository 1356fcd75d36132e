"""Save the model while it trains."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.logs import to_floats
from kerasish.callbacks.monitor_callback import MonitorCallback
from kerasish.utils import io_utils


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, at the end of epochs or every so many batches.

    Example:

    ```python
    best = keras.callbacks.ModelCheckpoint("best.keras", monitor="val_accuracy", save_best_only=True)
    model.fit(x, y, validation_split=0.1, epochs=10, callbacks=[best])
    model = keras.models.load_model("best.keras")
    ```

    Weights saved with `save_weights_only=True` hold the optimizer's state too. To go on training from them,
    compile the model before `load_weights`.

    Args:
        filepath: Path to save to, ending in `.weights.h5` if `save_weights_only`, else in `.keras` or `.h5`.
            It may hold `{epoch}`, `{batch}` and names from the logs: `"{epoch:02d}-{val_loss:.2f}.keras"`.
        monitor: Name of the metric to watch.
        verbose: 0 silent, 1 a message at every save.
        save_best_only: Whether to save only when the metric has improved.
        save_weights_only: Whether to save the weights (`model.save_weights`) or the whole model
            (`model.save`).
        mode: `"min"`, `"max"`, or `"auto"`: the metric's own direction.
        save_freq: `"epoch"`, or a number of batches. The metrics of a batch are those of its epoch so far.
        initial_value_threshold: Value of the metric to improve on, for `save_best_only`.

    Raises:
        ValueError: If `save_freq` is neither `"epoch"` nor an integer, or the path has another ending.
    """

    reads_logs_lazily = True

    _backed_up = ("best", "_batches_seen_since_last_saving", "_last_batch_seen")

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.verbose = verbose
        self.filepath = os.fspath(filepath)
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._batches_seen_since_last_saving = 0
        self._last_batch_seen: int | None = None
        self._current_epoch = 0

        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values"
            )
        if save_weights_only and not self.filepath.endswith(".weights.h5"):
            raise ValueError(
                "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided must end in "
                f"`.weights.h5` (Keras weights format). Received: filepath={self.filepath}"
            )
        if not save_weights_only and not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(
                "The filepath provided must end in `.keras` (Keras model format). "
                f"Received: filepath={self.filepath}"
            )

    @property
    def _idle_batch_hooks(self) -> tuple:
        return (ModelCheckpoint.on_train_batch_end,) if self.save_freq == "epoch" else ()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._should_save_on_batch(batch):
            self._save_model(self._current_epoch, batch, to_floats(logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs or {})

    def _should_save_on_batch(self, batch: int) -> bool:
        """Count batches; with `steps_per_execution` their indices arrive in strides."""
        if isinstance(self.save_freq, str):
            return False
        last = self._last_batch_seen
        self._batches_seen_since_last_saving += batch + 1 if last is None or batch <= last else batch - last
        self._last_batch_seen = batch
        if self._batches_seen_since_last_saving < self.save_freq:
            return False
        self._batches_seen_since_last_saving = 0
        return True

    def _should_save_model(self, epoch: int, logs: dict[str, Any], filepath: str) -> bool:
        if not self.save_best_only:
            self._say(epoch, f"saving model to {filepath}")
            return True
        import warnings

        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=4)
            return True
        if getattr(current, "shape", ()):
            warnings.warn(
                f"Can save best model only when `monitor` is a scalar value. Received: {current}. "
                "Falling back to `save_best_only=False`.",
                stacklevel=4,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {best}")
            return False
        self._say(epoch, f"{self.monitor} improved from {best} to {current:.5f}, saving model to {filepath}")
        return True

    def _save_model(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        filepath = self._get_file_path(epoch, batch, logs)
        if os.path.isdir(filepath):
            raise OSError(
                "Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an existing "
                f"directory: {filepath}"
            )
        if not self._should_save_model(epoch, logs, filepath):
            return
        folder = os.path.dirname(filepath)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(filepath, overwrite=True)
        else:
            self.model.save(filepath, overwrite=True)
        if self.save_best_only and logs.get(self.monitor) is not None:
            # Only what has been saved is the best so far: a failed save is tried again.
            self.best = logs[self.monitor]
        self._say(epoch, f"finished saving model to {filepath}")

    def _get_file_path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        names = dict(logs)
        if batch is not None:
            names.setdefault("batch", batch + 1)
        names["epoch"] = epoch + 1
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}. '
                f"Available names are: {', '.join(names)}"
            ) from error

    def _say(self, epoch: int, message: str) -> None:
        if self.verbose > 0:
            io_utils.print_msg(f"Epoch {epoch + 1}: {message}")
