"""Batches of samples that are read when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerasish import tree
from kerasish.utils.py_dataset import PyDataset


class SampleBatches(PyDataset):
    """A dataset whose samples are read by their numbers, batch by batch.

    It is what `timeseries_dataset_from_array`, `image_dataset_from_directory` and `text_dataset_from_directory` return:
    iterate over it, or hand it to `fit`.

    Args:
        read: Takes an array of sample numbers and returns those samples as one batch.
        count: How many samples there are.
        batch_size: Samples in a batch; None for single samples.
        shuffle: Whether the samples come in another order after every pass.
        seed: Seed of the orders; drawn from NumPy's generator where None.
        class_names: Names of the classes, if there are any.
        file_paths: Where the samples are read from, if they are files.
    """

    def __init__(
        self,
        read: Callable[[np.ndarray], Any],
        count: int,
        batch_size: int | None,
        shuffle: bool = False,
        seed: int | None = None,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
    ):
        super().__init__()
        if batch_size is not None and batch_size < 1:
            raise ValueError(
                f"`batch_size` must be a positive integer or None. Received: batch_size={batch_size}"
            )
        self.batch_size = batch_size
        self.class_names = class_names
        self.file_paths = file_paths
        self._read = read
        self._order = np.arange(count)
        self._random = np.random.default_rng(drawn_seed(seed)) if shuffle else None

    def __len__(self) -> int:
        return -(-len(self._order) // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index`."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"The dataset has {len(self)} batches. Received: index={index}")
        size = self.batch_size or 1
        start = index % len(self) * size
        batch = self._read(self._order[start : start + size])
        return batch if self.batch_size else tree.map_structure(lambda values: values[0], batch)

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Change the order of the samples, where they are shuffled."""
        if self._random is not None:
            self._order = self._random.permutation(self._order)


def drawn_seed(seed: int | None) -> int:
    """Return `seed`, or one from NumPy's generator, which `set_random_seed` seeds."""
    return int(np.random.randint(1_000_000)) if seed is None else seed
