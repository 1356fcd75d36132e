"""What callbacks that watch one metric share."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from kerasish.callbacks.callback import Callback


class MonitorCallback(Callback):
    """Base class of callbacks that watch whether one metric improves.

    A value v improves on a reference r if `v + min_delta < r` (mode `"min"`) or `v - min_delta > r` (mode
    `"max"`). In mode `"auto"` the direction is that of the metric: down for losses, up for accuracies.

    Args:
        monitor: Name of the metric, such as `"val_loss"`.
        mode: `"auto"`, `"min"` or `"max"`.
        baseline: First value to improve on. `None`: any value is an improvement.
        min_delta: Least change that counts as an improvement.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            import warnings

            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op: Callable[[float, float], bool] | None = None

    def _set_monitor_op(self) -> None:
        """Find the direction. This waits for the first value, when the model's metrics are known."""
        if self.mode == "min" or (self.mode == "auto" and self.monitor.removeprefix("val_") == "loss"):
            self.monitor_op = operator.lt
        elif self.mode == "max":
            self.monitor_op = operator.gt
        else:
            self.monitor_op = self._direction_of_metric()
        if self.monitor_op is operator.lt:
            self.min_delta *= -1

    def _direction_of_metric(self) -> Callable[[float, float], bool]:
        name = self.monitor.removeprefix("val_")
        for metric in _compiled_metrics(self.model):
            direction = getattr(metric, "_direction", None)
            if metric.name == name and direction is not None:
                return operator.gt if direction == "up" else operator.lt
        raise ValueError(
            f"{type(self).__name__} callback received monitor={self.monitor}, but Keras isn't able to "
            "automatically "
            "determine whether that metric should be maximized or minimized. Pass `mode='max'` in order to "
            "monitor "
            "based on the highest metric value, or pass `mode='min'` in order to use the lowest value."
        )

    def _is_improvement(self, monitor_value: Any, reference_value: Any) -> bool:
        if self.monitor_op is None:
            self._set_monitor_op()
        assert self.monitor_op is not None
        if reference_value is None:
            return True
        return bool(self.monitor_op(monitor_value - self.min_delta, reference_value))


def _compiled_metrics(model: Any) -> list:
    """The model's metrics, with those that `compile` gathered in one container."""
    metrics: list[Any] = []
    for metric in getattr(model, "metrics", None) or ():
        members = getattr(metric, "metrics", None)
        metrics.extend(members if members else [metric])
    return metrics
