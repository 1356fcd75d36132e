"""The record of a training run."""

from __future__ import annotations

from typing import Any

from kerasish.callbacks.callback import Callback


class History(Callback):
    """Record every epoch's loss and metrics. `fit` adds one by itself and returns it.

    Example:

    ```python
    history = model.fit(x, y, epochs=3)
    history.history["loss"]  # three numbers
    ```

    Attributes:
        history: Dict from a metric's name to the list of its values, one an epoch.
        epoch: Indices of the recorded epochs.
    """

    _backed_up = ("history", "epoch")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
