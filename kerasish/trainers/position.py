"""Where a `fit` is, and what it needs to be there again after an interruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish import tree
from kerasish.autograd.scope import StatelessScope
from kerasish.callbacks import CallbackList
from kerasish.optimizers import Optimizer
from kerasish.trainers.batch_steps import BatchSteps
from kerasish.trainers.data_adapters import EpochIterator
from kerasish.trainers.steps import CompiledStep, tensors


class Position:
    """The position of a `fit` in its data, with all state that neither weights nor optimizer hold.

    `BackupAndRestore` keeps it beside the weights. `fit` asks it where to go on.

    Args:
        model: The model.
        epoch_iterator: The data.
        callbacks: The callbacks of the run.
        step: What runs one batch; metrics that are made by the first batch are made through it.
    """

    def __init__(
        self, model: BatchSteps, epoch_iterator: EpochIterator, callbacks: CallbackList, step: Callable
    ):
        self._model = model
        self._data = epoch_iterator
        self._callbacks = callbacks
        self._step = step
        self._resumed: tuple[int, int, Any] | None = None
        self.ended = False
        """Whether the run that is taken up had been told to stop."""

    def start_of(self, epoch: int) -> tuple[int, dict[str, Any] | None]:
        """Return how many batches of an epoch are behind us, and what the last of them reported."""
        if self._resumed is None or self._resumed[0] != epoch:
            return 0, None
        return self._resumed[1:]

    def state(self) -> dict[str, Any]:
        """Return everything beside weights, optimizer and random streams that a run depends on."""
        model = self._model
        return {
            "stopped": bool(model.stop_training),
            "data": self._data.state(),
            "metrics": [variable.numpy() for variable in _metric_variables(model)],
            "callbacks": [
                [type(callback).__name__, callback.get_backup_state()]
                for callback in self._callbacks.callbacks
                if hasattr(callback, "get_backup_state")
            ],
        }

    def restore(self, state: dict[str, Any], epoch: int, batches: int, logs: dict[str, Any] | None) -> None:
        """Take up a run where `state` was taken: call it when all callbacks have begun, and the weights are loaded.

        Args:
            state: What `state` returned.
            epoch: The epoch that is under way or comes next.
            batches: How many of its batches have been trained on.
            logs: What the last of them reported.
        """
        self._data.restore(state["data"])
        self._resumed = (epoch, batches, logs)
        self.ended = state["stopped"] and not batches
        self.restore_variables(state)

    def restore_variables(self, state: dict[str, Any]) -> None:
        """Give metrics and callbacks their values: the start of an epoch may have changed them."""
        model = self._model
        for variable, value in zip(_metric_variables(model), state["metrics"], strict=True):
            variable.assign(value)
        model.stop_training = state["stopped"]
        kept: dict[str, list[Any]] = {}
        for name, value in state["callbacks"]:
            kept.setdefault(name, []).append(value)
        for callback in self._callbacks.callbacks:
            values = kept.get(type(callback).__name__)
            value = values.pop(0) if values else None
            if value is not None:
                callback.set_backup_state(value)

    def make_variables(self, state: dict[str, Any]) -> None:
        """Make what the first batch would make: metrics that `compile` names, optimizers that the model has of its own.

        Call it before weights are loaded, which may be those of such optimizers too.
        """
        model = self._model
        optimizers = [
            leaf
            for value in vars(model).values()
            if isinstance(value, (Optimizer, list, tuple, dict))
            for leaf in tree.flatten(value)
            if isinstance(leaf, Optimizer)
        ]
        if len(_metric_variables(model)) == len(state["metrics"]) and all(o.built for o in optimizers):
            return
        batch = self._data.adapter.peek()
        assert batch is not None
        if isinstance(self._step, CompiledStep) and self._step.trace_if_possible(batch):
            return
        function = model._step_function("train")
        with StatelessScope():
            function(tensors(batch))


def _metric_variables(model: BatchSteps) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]
