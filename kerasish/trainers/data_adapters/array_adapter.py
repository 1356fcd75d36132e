"""Batches of arrays in memory."""

from __future__ import annotations

import operator
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from kerasish import devices, tree
from kerasish.devices.rows import LazyRows, Rows, take_rows
from kerasish.trainers.data_adapters.class_weights import class_to_sample_weights, weights_for_outputs
from kerasish.trainers.data_adapters.conversion import FloatRows, as_rows, check_same_samples, name_leaves
from kerasish.trainers.data_adapters.data_adapter import DataAdapter, epoch_generator, shuffle_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class ArrayAdapter(DataAdapter):
    """Cuts arrays (and structures of arrays) into batches.

    Floats are converted to the default float type once, here, or, if inputs of that take much memory, batch by
    batch; integers, booleans and strings stay as they are.

    Args:
        x: Inputs: an array or a structure of arrays whose first axis counts samples.
        y: Targets, or `None`.
        sample_weight: Weights of shape `(samples,)` or of the targets' structure, or `None`.
        batch_size: Samples per batch. Defaults to a `steps`-th of the samples, or 32.
        steps: Number of batches an epoch is to have, used if `batch_size` is `None`.
        shuffle: `True` permutes the samples anew each epoch, `"batch"` those within each batch.
        class_weight: Maps class numbers to weights, or `None`.
        seed: Two integers that key the permutations; drawn from the global seed generator if `None`.
    """

    num_samples: int
    num_batches: int
    batch_size: int

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: bool | str = False,
        class_weight: dict | None = None,
        seed: tuple[int, int] | None = None,
    ):
        data = _standardize(x, y, sample_weight, class_weight)
        self.num_samples = samples = check_same_samples(data)
        if samples == 0:
            raise ValueError("The data is empty: all arrays have 0 samples. Expected at least one sample.")
        self.batch_size = _batch_size(batch_size, steps, samples)
        self.num_batches = -(-samples // self.batch_size)
        self._shuffle = _shuffle_mode(shuffle)
        if self._shuffle:
            self.seed = shuffle_seed(seed)
        self._there: list[Any] = []
        self._device: str | None = None
        self._order_there: Any = None
        self._arrays = [array for array in tree.flatten(data) if array is not None]
        self._arrange = _arrangement(data)

    @property
    def partial_batch_size(self) -> int | None:
        """Number of samples of the last batch if it is not full, else `None`."""
        return self.num_samples % self.batch_size or None

    def batches(self, epoch: int | None = None, *, start: int = 0) -> Iterator[tuple]:
        """Iterates over the batches of one epoch.

        Each batch may be kept: shuffled batches are new arrays, those of an epoch in order are views of the data. Once
        the adapter has to `follow` steps that gather their batches, they come as `Rows`.

        Args:
            epoch: Number of the epoch; the order of a shuffled epoch depends on it and on `seed` alone.
                By default the epochs are counted.
            start: Number of batches to skip.

        Returns:
            An iterator of tuples `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        """
        epoch = self._epoch_number(epoch)
        order = None if self.seed is None else self._order(self.seed, epoch)
        cut = self._cut_there if self._there else self._cut
        return cut(order, start * self.batch_size)

    def follow(self, array: Any) -> None:
        """Have the batches come as `Rows`, which the steps gather.

        On the CPU they are rows of the data themselves, on another device of a copy there, if it fits. If not, the data
        stay where they are, and the steps bring their rows.

        Args:
            array: An array of the device that the steps run on.
        """
        device = devices.device_name(array)
        if self._device == device or not self._arrays or not all(map(_is_numeric, self._arrays)):
            return
        self._there, self._order_there, self._device = self._arrays, None, device
        if type(array) is not np.ndarray:
            try:
                self._copy_to(device)
            except MemoryError:  # of either side: there would be room, but not in one piece
                self._there, self._order_there = self._arrays, None

    def _copy_to(self, device: str) -> None:
        """Keep a copy of the data on a device, if there is room."""
        nbytes = sum(prod(a.shape) * a.dtype.itemsize for a in self._arrays)
        if not devices.has_room(nbytes + self.num_samples * _NUMBER.itemsize, device):
            return
        whole = [a.all() if type(a) is FloatRows else np.ascontiguousarray(a) for a in self._arrays]
        self._there = [devices.moved(a, device) for a in whole]
        if self.seed is not None:
            self._order_there = devices.moved(np.arange(self.num_samples, dtype=_NUMBER), device)

    def peek(self) -> tuple:
        return next(self._cut(None, 0))

    def _order(self, seed: tuple[int, int], epoch: int) -> np.ndarray:
        generator = epoch_generator(seed, epoch)
        if self._shuffle != "batch":
            return generator.permutation(self.num_samples)
        order = np.arange(self.num_samples)
        full = self.num_samples // self.batch_size * self.batch_size
        order[:full] = generator.permuted(order[:full].reshape(-1, self.batch_size), axis=1).reshape(-1)
        order[full:] = generator.permutation(order[full:])
        return order

    def _cut(self, order: np.ndarray | None, start: int) -> Iterator[tuple]:
        """The loop over batches: nothing but the indexing itself is done for each."""
        arrays, arrange, size = self._arrays, self._arrange, self.batch_size
        for begin in range(start, self.num_samples, size):
            rows: Any = slice(begin, min(begin + size, self.num_samples))
            if order is not None:
                rows = order[rows]
            yield arrange([_rows(array, rows) for array in arrays])

    def _cut_there(self, order: np.ndarray | None, start: int) -> Iterator[tuple]:
        """The loop over batches that the steps gather."""
        arrays, arrange, size = self._there, self._arrange, self.batch_size
        if order is not None and self._order_there is not None:
            there = self._order_there
            there[...] = devices.moved(order.astype(_NUMBER, copy=False), devices.device_name(there))
            order = there
        for begin in range(start, self.num_samples, size):
            count = min(size, self.num_samples - begin)
            yield arrange([Rows(array, order, begin, count) for array in arrays])


_NUMBER = np.dtype(np.int64)
"""What the numbers of rows are on another device."""


def _is_numeric(array: Any) -> bool:
    return type(array) in (np.ndarray, FloatRows) and array.dtype.kind not in "OSU"


def _rows(array: Any, rows: Any) -> np.ndarray:
    if isinstance(array, LazyRows):
        return array.gather(rows)
    return array[rows] if type(rows) is slice else take_rows(array, rows)


def _standardize(x: Any, y: Any, sample_weight: Any, class_weight: dict | None) -> tuple:
    """The checked tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` of structures of arrays."""
    if sample_weight is not None and class_weight is not None:
        raise ValueError("You cannot use `class_weight` and `sample_weight` at the same time.")
    x, y, sample_weight = (
        _rows_of(member, name, lazily=name == "x")
        for member, name in ((x, "x"), (y, "y"), (sample_weight, "sample_weight"))
    )
    if class_weight is not None:
        sample_weight = class_to_sample_weights(y, class_weight)
    elif sample_weight is not None and y is not None:
        sample_weight = weights_for_outputs(sample_weight, y)
    if y is None:
        return (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def _rows_of(structure: Any, name: str, lazily: bool) -> Any:
    if not tree.is_nested(structure):
        return None if structure is None else as_rows(structure, name, lazily)
    leaves = [
        None if leaf is None else as_rows(leaf, path, lazily) for path, leaf in name_leaves(structure, name)
    ]
    return tree.pack_sequence_as(structure, leaves)


def _arrangement(data: tuple) -> Callable[[list], tuple]:
    """A function that arranges a flat list of arrays as `data` is."""
    if not any(member is None or tree.is_nested(member) for member in data):
        return tuple

    def arrange(arrays: list) -> tuple:
        following = iter(arrays)
        return tree.map_structure(lambda _: next(following), data, none_is_leaf=False)

    return arrange


def _batch_size(batch_size: int | None, steps: int | None, samples: int) -> int:
    if batch_size is None:
        return -(-samples // _positive("steps_per_epoch", steps)) if steps is not None else 32
    return _positive("batch_size", batch_size)


def _positive(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"`{name}` must be a positive integer or None. Received: {name}={value!r}")
    return number


def _shuffle_mode(shuffle: Any) -> bool | str:
    if isinstance(shuffle, str) and shuffle != "batch":
        raise ValueError(f"`shuffle` must be True, False or 'batch'. Received: shuffle={shuffle!r}")
    return shuffle if shuffle == "batch" else bool(shuffle)
