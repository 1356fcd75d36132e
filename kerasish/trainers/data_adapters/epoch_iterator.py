"""Epochs: passes over the data, or pieces of passes of a given number of steps."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from kerasish import config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kerasish.trainers.data_adapters.data_adapter import DataAdapter


class EpochIterator:
    """Deals out an adapter's batches epoch by epoch.

    Without `steps_per_epoch` an epoch is a pass over the data. With it, epochs of that many steps follow
    each other through the data; the one in which a pass ends is short, with a warning, and the next starts a
    new pass. Where the number of batches is known, what an epoch consists of depends on its number alone, so
    that a resumed run goes on with the batches it would have had.

    Example:

    >>> from kerasish.trainers.data_adapters import get_data_adapter
    >>> epochs = EpochIterator(get_data_adapter(x, y, batch_size=32, shuffle=True))
    >>> for epoch in range(2):
    ...     for batch in epochs.epoch(epoch):
    ...         print([len(part) for part in batch])

    Args:
        adapter: Where the batches come from.
        steps_per_epoch: Number of batches of an epoch, or `None` for a pass over the data.
    """

    def __init__(self, adapter: DataAdapter, steps_per_epoch: int | None = None):
        if steps_per_epoch is not None and (not isinstance(steps_per_epoch, int) or steps_per_epoch < 1):
            raise ValueError(
                "`steps_per_epoch` must be a positive integer or None. "
                f"Received: steps_per_epoch={steps_per_epoch!r}"
            )
        self.adapter = adapter
        self.steps_per_epoch = self._limited(steps_per_epoch)
        self._counted: int | None = None
        self._pass: Iterator[tuple] | None = None
        self._position: tuple[int, int] | None = None
        self._used = 0  # batches of the present pass over data without a known end

    def _limited(self, steps: int | None) -> int | None:
        """Returns the steps of an epoch, no more than `config.set_max_steps_per_epoch` allows."""
        most = config.max_steps_per_epoch()
        batches = steps or self.adapter.num_batches if most else None
        if not most or (batches is not None and batches <= most):
            return steps
        import warnings

        warnings.warn(f"Limiting steps_per_epoch to {most}", stacklevel=4)
        return most

    @property
    def num_batches(self) -> int | None:
        """Number of batches of an epoch; for data of unknown length, `None` until an epoch has been seen."""
        return self.steps_per_epoch or self.adapter.num_batches or self._counted

    def epoch(self, epoch: int = 0, start: int = 0) -> Iterator[tuple]:
        """Iterates over the batches of one epoch, between the adapter's `on_epoch_begin` and `on_epoch_end`.

        Args:
            epoch: Number of the epoch, from 0.
            start: Number of batches of the epoch to leave out, which an interrupted run has used.
        """
        self.adapter.on_epoch_begin()
        try:
            if self.steps_per_epoch is None:
                yield from self._whole_pass(epoch, start)
            else:
                yield from self._steps(self.steps_per_epoch, epoch, start)
        finally:
            self.adapter.on_epoch_end()

    def reset(self) -> None:
        """Forgets where the last epoch stopped: the next one starts at the beginning of a pass."""
        self._pass = self._position = None

    def state(self) -> dict[str, Any]:
        """Returns what a later run needs to go on with the batches that this one would have had."""
        seed = self.adapter.seed
        return {"seed": None if seed is None else list(seed), "used": self._used, "counted": self._counted}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` returned, with the same data from their beginning."""
        adapter = self.adapter
        if state["seed"] is not None and adapter.seed is not None:
            adapter.seed = tuple(state["seed"])
        self._counted, self._used = state["counted"], state["used"]
        if adapter.continues:
            adapter.skip(self._used)
        elif adapter.num_batches is None and self.steps_per_epoch is not None and self._used:
            self._pass, self._position = adapter.batches(0, start=self._used), (0, 0)

    def _whole_pass(self, epoch: int, start: int) -> Iterator[tuple]:
        continues = self.adapter.continues
        count = start
        for batch in self.adapter.batches(epoch, start=0 if continues else start):
            count += 1
            self._used += continues
            yield batch
        if count == 0:
            _warn_out_of_data()
        else:
            self._counted = count

    def _steps(self, steps: int, epoch: int, start: int) -> Iterator[tuple]:
        total = self.adapter.num_batches
        number, first = 0, 0  # of a stream: it goes on wherever it is
        if total is not None:
            number, piece = divmod(epoch, -(-total // steps))
            first = piece * steps
        if self._pass is None or self._position != (number, first) or (start and total is not None):
            self._pass = self.adapter.batches(number, start=0 if total is None else first + start)
            self._used = self._used if self.adapter.continues else 0
        if total is not None:
            # Unknown until the epoch is complete: one that is given up starts again.
            self._position = None
        count = start
        for batch in itertools.islice(self._pass, steps - start):
            count += 1
            self._used += 1
            yield batch
        if count < steps:
            _warn_out_of_data()
        if count < steps or (total is not None and first + steps >= total):
            self._pass = self._position = None
        else:
            self._position = (number, first + steps if total is not None else 0)


def _warn_out_of_data() -> None:
    import warnings

    warnings.warn(
        "Your input ran out of data; interrupting training. Make sure that your dataset or generator can "
        "generate at least `steps_per_epoch * epochs` batches. You may need to use the `.repeat()` "
        "function when building your dataset.",
        stacklevel=3,
    )
