"""What every data adapter offers to the trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasish.random.seed import draw_seed

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = 0xFFFFFFFF


class DataAdapter:
    """Base class of the adapters that turn what users pass to `fit` into batches.

    `fit`, `evaluate` and `predict` take an instance of a subclass of your own in place of data.

    Attributes:
        num_samples: Number of samples, or `None` if unknown.
        num_batches: Number of batches of one pass over the data, or `None` if unknown or endless.
        batch_size: Number of samples of a full batch, or `None` if unknown.
        seed: Two integers that key the order of every epoch, or `None` if nothing is shuffled.
        continues: Whether a pass goes on where the one before stopped, as those over a generator do.
    """

    num_samples: int | None = None
    num_batches: int | None = None
    batch_size: int | None = None
    seed: tuple[int, int] | None = None
    continues: bool = False

    def batches(self, epoch: int | None = None, *, start: int = 0) -> Iterator[tuple]:
        """Iterates over one pass of batches.

        Args:
            epoch: Which pass this is. The order of a shuffled pass depends on `seed` and `epoch` alone.
                By default the passes are counted.
            start: Number of batches of this pass to skip.

        Returns:
            An iterator of tuples `(x,)`, `(x, y)` or `(x, y, sample_weight)` of (structures of) NumPy arrays.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `batches()`.")

    def peek(self) -> tuple | None:
        """The first batch (in any order) to see shapes and types by, without using it up; `None` if there is none."""
        return next(iter(self.batches(0)), None)

    def skip(self, count: int) -> None:
        """Pass over the batches that an interrupted run has used, where passes go on (`continues`)."""

    def on_epoch_begin(self) -> None:
        """Called before the first batch of every epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of every epoch."""

    def _epoch_number(self, epoch: int | None) -> int:
        """The number of a pass: the one given, or the one after the last."""
        if epoch is None:
            epoch = self.__dict__.get("_next_epoch", 0)
        self._next_epoch = epoch + 1
        return epoch


def shuffle_seed(seed: tuple[int, int] | None) -> tuple[int, int]:
    """The two integers that key the order of all epochs: those given, or new ones of the global generator."""
    first, second = draw_seed(None).numpy() if seed is None else seed
    return int(first) & _WORD, int(second) & _WORD


def epoch_generator(seed: tuple[int, int], epoch: int) -> np.random.Generator:
    """A generator of random numbers whose stream depends on `seed` and `epoch` only."""
    key = np.array([seed[0] << 32 | seed[1], epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))
