"""Batches of a `PyDataset`, made in the calling thread or ahead of time by threads or processes."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING

from kerasish.trainers.data_adapters.class_weights import class_to_sample_weights
from kerasish.trainers.data_adapters.data_adapter import DataAdapter, epoch_generator, shuffle_seed
from kerasish.trainers.data_adapters.iterable_adapter import standardize_batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor
    from typing import Any

    from kerasish.utils.py_dataset import PyDataset

# The dataset of a worker process; each process serves one dataset.
_dataset_of_process: Any = None


class PyDatasetAdapter(DataAdapter):
    """Takes batches from a `PyDataset` by index.

    Args:
        dataset: The dataset.
        shuffle: Whether the batches of a finite dataset come in another order each epoch.
        class_weight: Maps class numbers to weights, or `None`.
        seed: Two integers that key the order; drawn from the global seed generator if `None`.
    """

    def __init__(
        self,
        dataset: PyDataset,
        shuffle: bool | str = False,
        class_weight: dict | None = None,
        seed: tuple[int, int] | None = None,
    ):
        self._dataset = dataset
        self._class_weight = class_weight
        if shuffle and dataset.num_batches is not None:
            self.seed = shuffle_seed(seed)
        if dataset.num_batches == 0:
            raise ValueError(
                f"The PyDataset has length 0: {type(dataset).__name__}. Expected at least one batch."
            )
        # An endless dataset goes on where it stopped, with the batches already prepared.
        self._endless = itertools.count()
        self._ready: deque = deque()

    @property
    def num_batches(self) -> int | None:  # type: ignore[override]
        """Number of batches; asked of the dataset each time, since it may change between epochs."""
        return self._dataset.num_batches

    @property
    def continues(self) -> bool:  # type: ignore[override]
        return self._dataset.num_batches is None

    def skip(self, count: int) -> None:
        self._endless = itertools.count(count)

    def peek(self) -> tuple:
        return self._standardize(self._dataset[0])

    def batches(self, epoch: int | None = None, *, start: int = 0) -> Iterator[tuple]:
        dataset = self._dataset
        indices = self._indices(self._epoch_number(epoch), start)
        ready = self._ready if dataset.num_batches is None else deque()
        workers = dataset.workers
        if workers > 1 or (workers == 1 and dataset.use_multiprocessing):
            made: Iterator = _made_ahead(dataset, indices, ready)
        else:
            made = map(dataset.__getitem__, indices)
        return map(self._standardize, made)

    def on_epoch_begin(self) -> None:
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._dataset.on_epoch_end()

    def _indices(self, epoch: int, start: int) -> Iterator[int]:
        num_batches = self._dataset.num_batches
        if num_batches is None:
            return self._endless
        if self.seed is None:
            return iter(range(start, num_batches))
        return iter(epoch_generator(self.seed, epoch).permutation(num_batches)[start:].tolist())

    def _standardize(self, batch: Any) -> tuple:
        batch = standardize_batch(batch, "PyDataset")
        if self._class_weight is None or len(batch) == 1:
            return batch
        if len(batch) == 3:
            raise ValueError("You cannot use `class_weight` and `sample_weight` at the same time.")
        return (*batch, class_to_sample_weights(batch[1], self._class_weight))


def _made_ahead(dataset: PyDataset, indices: Iterator[int], ready: deque) -> Iterator[Any]:
    """The batches of the given indices, in order, up to `max_queue_size` of them made ahead by workers.

    Args:
        dataset: The dataset.
        indices: Indices of batches, possibly without end.
        ready: Batches made before and not used; receives those that are left when the iteration is given up.
    """
    while ready:
        yield ready.popleft()
    executor, make = _workers(dataset)
    pending: deque = deque()
    try:
        for index in itertools.islice(indices, max(1, dataset.max_queue_size)):
            pending.append(executor.submit(make, index))
        while pending:
            batch = pending.popleft().result()
            for index in itertools.islice(indices, 1):
                pending.append(executor.submit(make, index))
            yield batch
    except GeneratorExit:
        # An endless dataset must not lose the batches whose indices are spent.
        ready.extend(future.result() for future in pending)
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _workers(dataset: PyDataset) -> tuple[Executor, Any]:
    """Threads or processes, and the function that makes a batch in one of them."""
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    if dataset.use_multiprocessing:
        return ProcessPoolExecutor(
            dataset.workers, initializer=_start_process, initargs=(dataset,)
        ), _make_in_process
    return ThreadPoolExecutor(dataset.workers, thread_name_prefix="PyDataset"), dataset.__getitem__


def _start_process(dataset: PyDataset) -> None:
    global _dataset_of_process
    _dataset_of_process = dataset


def _make_in_process(index: int) -> Any:
    return _dataset_of_process[index]
