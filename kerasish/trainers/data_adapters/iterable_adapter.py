"""Batches from generators, PyTorch data loaders and other iterables."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kerasish import tree
from kerasish.trainers.data_adapters.conversion import as_numpy, check_same_samples
from kerasish.trainers.data_adapters.data_adapter import DataAdapter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# How many batches of each generator have been used in this process.
_used: weakref.WeakKeyDictionary[Iterator, int] = weakref.WeakKeyDictionary()


class IterableAdapter(DataAdapter):
    """Takes batches from an iterable, which decides about their size and order.

    A generator (or another iterator) is consumed once: a later epoch goes on where the one before stopped.
    Any other iterable starts anew each epoch.

    Args:
        data: Yields `(x,)`, `(x, y)` or `(x, y, sample_weight)`, or the inputs alone as an array or a dict.
        kind: What to call the data in errors.
    """

    def __init__(self, data: Iterable, kind: str = "generator"):
        self._kind = kind
        self._data = data
        self._rest: Iterator | None = None
        if isinstance(data, Iterator):
            first = list(itertools.islice(data, 1))
            if not first:
                raise ValueError(f"The {kind} must yield at least one batch. Received an empty {kind}.")
            self._first = standardize_batch(first[0], kind)
            self._rest = itertools.chain(first, data)
            self.continues = True
        else:
            self.num_batches = _length(data)
        batch_size = getattr(data, "batch_size", None)
        self.batch_size = batch_size if isinstance(batch_size, int) else None

    def peek(self) -> tuple | None:
        return super().peek() if self._rest is None else self._first

    def batches(self, epoch: int | None = None, *, start: int = 0) -> Iterator[tuple]:
        if self._rest is None:
            for batch in itertools.islice(self._data, start, None):
                yield standardize_batch(batch, self._kind)
            return
        for batch in self._rest:
            self._count(1)
            yield standardize_batch(batch, self._kind)

    def skip(self, count: int) -> None:
        """Pass over `count` batches of a generator, less those that this process has used of it before."""
        assert self._rest is not None
        count -= self._count(0)
        for _ in itertools.islice(self._rest, max(count, 0)):
            self._count(1)

    def _count(self, more: int) -> int:
        """Count batches of a generator that are used, and return how many these are now."""
        try:
            count = _used[self._data] = _used.get(self._data, 0) + more  # type: ignore[index, arg-type]
        except TypeError:  # some iterators cannot be remembered
            return 0
        return count


def standardize_batch(batch: Any, kind: str) -> tuple:
    """A batch as a tuple `(x,)`, `(x, y)` or `(x, y, sample_weight)` of NumPy arrays.

    Args:
        batch: What the data yielded.
        kind: What to call the data in errors.
    """
    if isinstance(batch, list) and kind != "generator":  # PyTorch's loaders make lists of what were tuples
        batch = tuple(batch)
    elif isinstance(batch, dict) or hasattr(batch, "shape"):
        batch = (batch,)
    if not isinstance(batch, tuple) or not 1 <= len(batch) <= 3:
        received = f"a {type(batch).__name__}" + (
            f" of {len(batch)} items" if hasattr(batch, "__len__") else ""
        )
        raise ValueError(
            f"The {kind} must return batches as a tuple, either (input,) or (inputs, targets) or "
            f"(inputs, targets, sample_weights), or as an array or a dict of inputs. Received: {received}."
        )
    batch = tuple(batch)
    while len(batch) > 1 and batch[-1] is None:
        batch = batch[:-1]
    name = f"batch of the {kind}"
    arrays = tree.map_structure(lambda leaf: as_numpy(leaf, name), batch, none_is_leaf=False)
    if len(arrays) > 1 and all(array is None or array.ndim for array in tree.flatten(arrays)):
        check_same_samples(arrays)
    return arrays


def _length(data: Any) -> int | None:
    """The number of batches where the data knows it: streams raise a TypeError, or have no length."""
    try:
        return len(data)
    except TypeError:
        return None
