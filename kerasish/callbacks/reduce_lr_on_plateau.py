"""Lower the learning rate when a metric no longer improves."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.callbacks.learning_rate_scheduler import log_learning_rates, named_optimizers
from kerasish.callbacks.monitor_callback import MonitorCallback
from kerasish.utils import io_utils


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by a factor when a metric has stopped improving.

    Example:

    ```python
    reduce = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=5, min_lr=0.001)
    model.fit(x, y, validation_split=0.1, epochs=100, callbacks=[reduce])
    ```

    Args:
        monitor: Name of the metric to watch.
        factor: What the learning rate is multiplied by, less than 1.
        patience: Number of epochs without improvement after which the learning rate is reduced.
        verbose: 0 silent, 1 a message at every reduction.
        mode: `"min"`, `"max"`, or `"auto"`: the metric's own direction.
        min_delta: Least change that counts as an improvement.
        cooldown: Number of epochs after a reduction in which patience does not run.
        min_lr: Least learning rate.
        **kwargs: Ignored, for older code.

    Raises:
        ValueError: If `factor` is not less than 1.
    """

    _backed_up = ("best", "cooldown_counter", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = {} if logs is None else logs
        log_learning_rates(self.model.optimizer, logs)
        current = logs.get(self.monitor)
        if current is None:
            import warnings

            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce_learning_rates(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Return whether the epochs after a reduction are still running."""
        return self.cooldown_counter > 0

    def _reduce_learning_rates(self, epoch: int) -> bool:
        """Reduce every optimizer's learning rate that is above the least; return whether there was one."""
        reduced = False
        for name, optimizer in named_optimizers(self.model.optimizer):
            old = float(optimizer.learning_rate)
            # The learning rate is stored as float32: the least one is compared as such.
            if old > np.float32(self.min_lr):
                new = max(old * self.factor, self.min_lr)
                optimizer.learning_rate = new
                reduced = True
                if self.verbose > 0:
                    which = f"{name} learning rate" if name else "learning rate"
                    io_utils.print_msg(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing {which} to {new}.")
        return reduced
