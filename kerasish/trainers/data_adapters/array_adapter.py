"""Batches of arrays in memory."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from kerasish import devices, tree
from kerasish.devices.rows import Rows
from kerasish.trainers.data_adapters.class_weights import class_to_sample_weights, weights_for_outputs
from kerasish.trainers.data_adapters.conversion import SparseRows, as_rows, check_same_samples, name_leaves
from kerasish.trainers.data_adapters.data_adapter import DataAdapter, epoch_generator, shuffle_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class ArrayAdapter(DataAdapter):
    """Cuts arrays (and structures of arrays) into batches.

    Floats are converted to the default float type once, here; integers, booleans and strings stay as they
    are.

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
        self._order_there: Any = None
        self._arrays = [array for array in tree.flatten(data) if array is not None]
        self._arrange = _arrangement(data)

    @property
    def partial_batch_size(self) -> int | None:
        """Number of samples of the last batch if it is not full, else `None`."""
        return self.num_samples % self.batch_size or None

    def batches(self, epoch: int | None = None, *, start: int = 0, out: Any = None) -> Iterator[tuple]:
        """Iterates over the batches of one epoch.

        Unless `out` is given, each batch may be kept: shuffled batches are new arrays, those of an epoch in
        order are views of the data.

        Args:
            epoch: Number of the epoch; the order of a shuffled epoch depends on it and on `seed` alone.
                By default the epochs are counted.
            start: Number of batches to skip.
            out: Arrays of `batch_size` samples, in the structure of a batch, to write each batch to (a last
                batch that is not full comes as views of their first rows); or `True` for such arrays of the
                adapter's own, which an epoch in order does not need. Each batch is then valid until the next.

        Returns:
            An iterator of tuples `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        """
        epoch = self._epoch_number(epoch)
        if out is None:
            buffers = None
        elif out is not True:
            buffers = [buffer for buffer in tree.flatten(out) if buffer is not None]
        elif self._shuffle:
            buffers = [np.empty((self.batch_size, *array.shape[1:]), array.dtype) for array in self._arrays]
        else:
            buffers = None
        order = None if self.seed is None else self._order(self.seed, epoch)
        if self._there and buffers is None:
            return self._cut_there(order, start * self.batch_size)
        return self._cut(order, start * self.batch_size, buffers)

    def follow(self, array: Any) -> None:
        """Keep a copy of the data on the device that holds `array`, if that is not the CPU and has room for it.

        Batches then come as `Rows`, which the steps gather there.
        """
        device = devices.device_name(array)
        if self._there and devices.device_name(self._there[0]) == device:
            return
        plain = all(type(a) is np.ndarray and a.dtype.kind not in "OSU" for a in self._arrays)
        if type(array) is np.ndarray or not plain or not self._arrays:
            return
        nbytes = sum(a.nbytes for a in self._arrays)
        if device.startswith("gpu") and nbytes > devices.memory_info(device).free // 2:
            return
        self._there = [devices.moved(np.ascontiguousarray(a), device) for a in self._arrays]
        if self.seed is not None:
            self._order_there = devices.moved(np.arange(self.num_samples), device)

    def peek(self) -> tuple:
        return next(self._cut(None, 0, None))

    def _order(self, seed: tuple[int, int], epoch: int) -> np.ndarray:
        generator = epoch_generator(seed, epoch)
        if self._shuffle != "batch":
            return generator.permutation(self.num_samples)
        order = np.arange(self.num_samples)
        full = self.num_samples // self.batch_size * self.batch_size
        order[:full] = generator.permuted(order[:full].reshape(-1, self.batch_size), axis=1).reshape(-1)
        order[full:] = generator.permutation(order[full:])
        return order

    def _cut(self, order: np.ndarray | None, start: int, buffers: list | None) -> Iterator[tuple]:
        """The loop over batches: nothing but the indexing itself is done for each."""
        arrays, arrange, size = self._arrays, self._arrange, self.batch_size
        for begin in range(start, self.num_samples, size):
            end = min(begin + size, self.num_samples)
            rows = slice(begin, end) if order is None else order[begin:end]
            if buffers is not None:
                yield arrange(
                    [
                        _fill(buffer[: end - begin], array, rows)
                        for buffer, array in zip(buffers, arrays, strict=True)
                    ]
                )
            elif order is None:
                yield arrange([_slice(array, rows) for array in arrays])
            else:
                yield arrange([array.take(rows, 0) for array in arrays])

    def _cut_there(self, order: np.ndarray | None, start: int) -> Iterator[tuple]:
        """The loop over batches of data on a device."""
        arrays, arrange, size, there = self._there, self._arrange, self.batch_size, None
        if order is not None:
            there = self._order_there
            there[...] = devices.moved(order.astype(np.int64, copy=False), devices.device_name(there))
        for begin in range(start, self.num_samples, size):
            count = min(size, self.num_samples - begin)
            yield arrange([Rows(array, there, begin, count) for array in arrays])


def _slice(array: Any, rows: Any) -> np.ndarray:
    return array.take(rows) if type(array) is SparseRows else array[rows]


def _fill(buffer: np.ndarray, array: Any, rows: Any) -> np.ndarray:
    if type(rows) is slice and type(array) is not SparseRows:
        np.copyto(buffer, array[rows])
        return buffer
    # The indices are in range; were they checked, `take` would write to a copy of the buffer first.
    return array.take(rows, 0, buffer, "clip")


def _standardize(x: Any, y: Any, sample_weight: Any, class_weight: dict | None) -> tuple:
    """The checked tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` of structures of arrays."""
    if sample_weight is not None and class_weight is not None:
        raise ValueError("You cannot use `class_weight` and `sample_weight` at the same time.")
    x, y, sample_weight = (
        _rows_of(member, name) for member, name in ((x, "x"), (y, "y"), (sample_weight, "sample_weight"))
    )
    if class_weight is not None:
        sample_weight = class_to_sample_weights(y, class_weight)
    elif sample_weight is not None and y is not None:
        sample_weight = weights_for_outputs(sample_weight, y)
    if y is None:
        return (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def _rows_of(structure: Any, name: str) -> Any:
    if not tree.is_nested(structure):
        return None if structure is None else as_rows(structure, name)
    leaves = [None if leaf is None else as_rows(leaf, path) for path, leaf in name_leaves(structure, name)]
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
