"""The validation after an epoch of `fit`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from kerasish.trainers import data_adapters
from kerasish.trainers.batch_steps import BatchSteps
from kerasish.trainers.data_adapters import EpochIterator
from kerasish.trainers.preparation import prepare
from kerasish.utils.data_utils import unpack_x_y_sample_weight


class Validation:
    """The validation after an epoch of `fit`: its data, read once, and when it is due.

    Args:
        model: The model.
        data: `(x, y)`, `(x, y, sample_weight)`, anything that yields batches, or None for no validation.
        batch_size: Samples in a batch.
        steps: Batches to validate on; all where None.
        frequency: After how many epochs validation is due, or after which ones (from 1).
    """

    def __init__(
        self,
        model: BatchSteps,
        data: Any,
        batch_size: int | None,
        steps: int | None,
        frequency: int | Collection[int],
    ):
        whole = isinstance(frequency, int) and not isinstance(frequency, bool) and frequency >= 1
        if not whole and not isinstance(frequency, (list, tuple, set, range)):
            raise ValueError(
                "Expected `validation_freq` to be a list or int. "
                f"Received: validation_freq={frequency} of the type {type(frequency)}."
            )
        self._model = model
        self._frequency = frequency
        self._epoch_iterator = None
        if data is None:
            return
        if isinstance(data, (tuple, list)):
            x, y, sample_weight = unpack_x_y_sample_weight(tuple(data))
        else:
            x, y, sample_weight = data, None, None
        adapter = data_adapters.get_data_adapter(
            x, y, sample_weight, batch_size=batch_size, steps_per_epoch=steps, shuffle=False
        )
        self._epoch_iterator = EpochIterator(adapter, steps)
        prepare(model, self._epoch_iterator, y, training=False, argument="validation_data[1]")

    def due(self, epoch: int) -> bool:
        """Return whether to validate after `epoch` (from 0)."""
        if self._epoch_iterator is None:
            return False
        if isinstance(self._frequency, int):
            return (epoch + 1) % self._frequency == 0
        return epoch + 1 in self._frequency

    def run(self, callbacks: Any) -> dict[str, Any]:
        """Validate and return the results under names with `val_`."""
        assert self._epoch_iterator is not None
        self._epoch_iterator.reset()
        logs = self._model.evaluate(
            callbacks=callbacks, return_dict=True, _epoch_iterator=self._epoch_iterator
        )
        return {f"val_{name}": value for name, value in logs.items()}
