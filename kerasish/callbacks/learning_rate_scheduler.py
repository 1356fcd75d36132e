"""Set the learning rate by a function of the epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasish.autograd import is_tensor
from kerasish.callbacks.callback import Callback
from kerasish.utils import io_utils


class LearningRateScheduler(Callback):
    """Set the optimizer's learning rate at the start of every epoch.

    Example:

    ```python
    def schedule(epoch, learning_rate):
        return learning_rate if epoch < 10 else learning_rate * 0.9

    model.fit(x, y, epochs=20, callbacks=[keras.callbacks.LearningRateScheduler(schedule)])
    ```

    Args:
        schedule: A function of the epoch's index (from 0) and the current learning rate that returns the new
            learning rate, a float. A function of the epoch alone is accepted too.
        verbose: 0 silent, 1 a message an epoch.

    Raises:
        ValueError: During training, if the optimizer has no learning rate or `schedule` returns no float.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name, optimizer in named_optimizers(self.model.optimizer):
            learning_rate = self._update_optimizer_lr(optimizer, epoch)
            if self.verbose > 0:
                which = f"{name} learning rate" if name else "learning rate"
                io_utils.print_msg(
                    f"Epoch {epoch + 1}: LearningRateScheduler setting {which} to {learning_rate}."
                )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            log_learning_rates(self.model.optimizer, logs)

    def _update_optimizer_lr(self, optimizer: Any, epoch: int) -> Any:
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        learning_rate = self._call_schedule(epoch, float(optimizer.learning_rate))
        if is_tensor(learning_rate) and not learning_rate.shape:
            learning_rate = float(learning_rate)
        if not isinstance(learning_rate, (float, np.float32, np.float64)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {learning_rate}")
        optimizer.learning_rate = learning_rate
        return learning_rate

    def _call_schedule(self, epoch: int, learning_rate: float) -> Any:
        try:
            return self.schedule(epoch, learning_rate)
        except TypeError:
            # Either a function of the epoch alone, or a mistake inside the function.
            import inspect

            try:
                inspect.signature(self.schedule).bind(epoch, learning_rate)
            except TypeError:
                return self.schedule(epoch)
            except ValueError:
                pass
            raise


def named_optimizers(optimizer: Any) -> list[tuple[str, Any]]:
    """Return the members of an optimizer that holds several, with their names; or it alone, nameless."""
    members = getattr(optimizer, "optimizers", None)
    return [("", optimizer)] if members is None else [(member.name, member) for member in members]


def log_learning_rates(optimizer: Any, logs: dict[str, Any]) -> None:
    """Add the current learning rate to an epoch's logs, where `History` finds it."""
    for name, member in named_optimizers(optimizer):
        logs[f"learning_rate_{name}" if name else "learning_rate"] = float(member.learning_rate)
