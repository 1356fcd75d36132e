"""Progress of `fit`, `evaluate` and `predict` on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerasish.callbacks.callback import Callback
from kerasish.utils import io_utils
from kerasish.utils.progbar import Progbar, shows_moving_bars

_INTERVAL = 0.1  # seconds between two drawings, and so between two reads of the metrics


class ProgbarLogger(Callback):
    """Show progress: one bar an epoch on a terminal or in a notebook, one line an epoch elsewhere.

    Metrics are read when the bar is drawn, at most ten times a second.

    Example:

    ```python
    model.fit(x, y, callbacks=[keras.callbacks.ProgbarLogger()])  # as fit does by itself
    ```
    """

    reads_logs_lazily = True

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Any = None
        self.target: int | None = None
        self.verbose: int = 1
        self.epochs = 1
        self._called_in_fit = False

    @property
    def _idle_batch_hooks(self) -> tuple:
        # Where no bar moves, batches need counting only if nobody knows how many there will be.
        if self.target is not None and not (self.verbose == 1 and shows_moving_bars()):
            return self._coarse_batch_hooks
        return ()

    @property
    def _coarse_batch_hooks(self) -> tuple:
        # A bar is drawn now and then: it does not matter whether it is told of each batch or of some at a time.
        return (
            ProgbarLogger.on_train_batch_end,
            ProgbarLogger.on_test_batch_end,
            ProgbarLogger.on_predict_batch_end,
        )

    def set_params(self, params: dict[str, Any]) -> None:
        verbose = params["verbose"]
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Validation inside `fit` is silent.
        self._called_in_fit = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._called_in_fit = False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self._called_in_fit:
            self._start_bar()

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._start_bar()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.verbose and self.epochs > 1:
            io_utils.print_msg(f"Epoch {epoch + 1}/{self.epochs}")
        self._start_bar()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._update_bar(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if not self._called_in_fit:
            self._update_bar(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._update_bar(batch, None)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._finish_bar(logs)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._called_in_fit:
            self._finish_bar(logs)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._finish_bar(None)

    def _start_bar(self) -> None:
        if self.progbar is not None:
            self.progbar.close()
        self.seen = 0
        # No metric is averaged: those of the model are running means already.
        self.progbar = Progbar(self.target, verbose=self.verbose, interval=_INTERVAL, stateless_metrics=())

    def _update_bar(self, batch: int, logs: Mapping[str, Any] | None) -> None:
        self.seen = batch + 1
        if self.progbar is None:
            self._start_bar()
        if self.progbar.is_due():
            self.progbar.update(self.seen, sorted(logs.items()) if logs else None, finalize=False)

    def _finish_bar(self, logs: Mapping[str, Any] | None) -> None:
        if self.target is None:
            self.target = self.seen
        if self.progbar is None:
            self._start_bar()
        self.progbar.target = self.target
        self.progbar.update(self.target, logs.items() if logs else None, finalize=True)
        self.progbar = None
