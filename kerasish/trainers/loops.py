"""The loop over the batches of an epoch, and the callbacks around it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from kerasish import config
from kerasish.callbacks import CallbackList
from kerasish.callbacks.logs import LazyLogs, to_floats
from kerasish.trainers.batch_steps import BatchSteps
from kerasish.trainers.data_adapters import EpochIterator
from kerasish.trainers.logs import epoch_logs
from kerasish.trainers.steps import Step


def limited_epochs(epochs: int) -> int:
    """Return a number of epochs, no larger than `config.set_max_epochs` allows."""
    most = config.max_epochs()
    if not most or most >= epochs:
        return epochs
    warnings.warn(f"Limiting epochs to {most}", stacklevel=3)
    return most


def callback_list(
    model: BatchSteps,
    callbacks: Any,
    verbose: int | str,
    epochs: int,
    steps: int | None,
    history: bool = False,
) -> CallbackList:
    """Return the user's callbacks and the progress bar as one; a `CallbackList` is taken as it is.

    Args:
        model: The model.
        callbacks: A callback, a list of them, a `CallbackList`, or None.
        verbose: 0 for silence, 1 for a bar, 2 for a line an epoch; `"auto"` is 1.
        epochs: How many epochs the bar announces.
        steps: Batches in an epoch, None where that is not known.
        history: Whether to add a `History`.
    """
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks,
        add_history=history,
        add_progbar=verbose != 0,
        model=model,
        verbose=1 if verbose == "auto" else verbose,
        epochs=epochs,
        steps=steps,
    )


def run_epoch(
    model: BatchSteps,
    epoch_iterator: EpochIterator,
    epoch: int,
    callbacks: CallbackList,
    mode: str,
    step: Step,
    start: int = 0,
    logs: dict[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Run the batches of one epoch and return the logs at its end; None where there was no batch.

    Args:
        model: The model.
        epoch_iterator: The data.
        epoch: Number of the epoch, from 0; it decides the order of shuffled samples.
        callbacks: What is told of each batch, if it overrides the batch hooks of `mode`.
        mode: `"train"` or `"test"`.
        step: Runs batches and returns their logs, or None where the metrics are to be read when they are shown.
            Where nobody has to be told of each batch, it may run several at once.
        start: Batches that an interrupted run has trained on.
        logs: What the last of these reported.
    """
    begin = callbacks.on_train_batch_begin if mode == "train" else callbacks.on_test_batch_begin
    end = callbacks.on_train_batch_end if mode == "train" else callbacks.on_test_batch_end
    listens = callbacks.wants_batch_hooks(mode)
    if start and model.stop_training:  # the interrupted run was told to stop by its last batch
        return epoch_logs(model, logs)
    size = model.steps_per_execution
    alone = not step.joins or callbacks.wants_every_batch(mode)
    often = None if alone else (lambda batch: max(size, step.at_once(batch)))
    first = start - 1
    for first, batches in grouped(epoch_iterator.epoch(epoch, start=start), often or size, start):
        if listens:
            begin(first)
        logs = step(batches[0]) if len(batches) == 1 else step.run(batches)
        if listens:
            shown = LazyLogs(model.get_metrics_result) if logs is None else to_floats(logs)
            end(first + len(batches) - 1, shown)
        if model.stop_training and mode == "train":
            break
    return None if first < 0 else epoch_logs(model, logs)


def grouped(
    batches: Iterator[tuple], size: int | Callable[[tuple], int], first: int = 0
) -> Iterator[tuple[int, Sequence[tuple]]]:
    """Yield batches in groups with the number of each group's first.

    Args:
        batches: The batches.
        size: How many there are in a group; or what tells it by a group's first batch.
        first: Number of the first batch.
    """
    if size == 1:
        for number, batch in enumerate(batches, first):
            yield number, (batch,)
        return
    for batch in batches:
        more = (size(batch) if callable(size) else size) - 1
        group = [batch, *islice(batches, more)]
        yield first, group
        first += len(group)
