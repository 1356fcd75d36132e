"""What a step, an epoch or an evaluation reports: losses and metrics as Python numbers, by name or in order."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.tensor import Tensor
from kerasish.callbacks.logs import to_floats
from kerasish.trainers.compilation import Compilation


def to_numpy(value: Any) -> Any:
    """Return a tensor as an array; anything else as it is."""
    return value.numpy() if isinstance(value, Tensor) else value


def numbers(logs: dict[str, Any]) -> dict[str, Any]:
    """Return logs sorted by name, those of nested dicts too, with scalar tensors as Python floats."""
    return {name: to_numpy(value) for name, value in to_floats(logs).items()}


def epoch_logs(model: Compilation, logs: dict[str, Any] | None) -> dict[str, Any]:
    """Return an epoch's logs: the metrics' values, or what the step returned last where it returns other names.

    A loss that an own step returns without tracking it is the step's: the tracker's would be 0.

    Args:
        model: The model.
        logs: What the last step returned; None where it left the metrics to be read.
    """
    results = model.get_metrics_result()
    if isinstance(logs, dict):
        if set(logs) != set(results):
            results = logs
        elif "loss" in logs and not float(model._loss_tracker.count):
            results["loss"] = logs["loss"]
    return numbers(results)


def in_order(model: Compilation, logs: dict[str, Any]) -> Any:
    """Return the values of logs as a list, the model's metrics first in their order; a single value as itself."""
    names: list[str] = []
    for metric in model.metrics:
        names += [m.name for m in metric.metrics] if metric is model._compile_metrics else [metric.name]
    # Metrics of several outputs are logged under other names than their own: these come last.
    rest = sorted(set(logs) - set(names))
    values = [logs[name] for name in (*names, *rest) if name in logs]
    return values[0] if len(values) == 1 else values
