"""Batches that stay where the data are until a step gathers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Rows:
    """Some rows of an array, named but not gathered yet.

    A compiled step gathers them itself: on a device as part of what it launches, on a CPU into memory of its own.

    Attributes:
        source: The array, or `LazyRows`.
        order: Numbers of rows on the same device, or None where the rows follow each other.
        begin: The place of the first in `order`, or its number.
    """

    __slots__ = ("source", "order", "begin", "count")

    def __init__(self, source: Any, order: Any, begin: int, count: int):
        self.source = source
        self.order = order
        self.begin = begin
        self.count = count

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.count, *self.source.shape[1:])

    @property
    def dtype(self) -> Any:
        return self.source.dtype

    def follows(self, other: Rows) -> bool:
        """Tell whether these rows come behind others that are as many, in the same arrays."""
        return (
            self.begin == other.begin + other.count
            and self.source is other.source
            and self.order is other.order
            and self.count == other.count
        )

    def take(self, memory: np.ndarray | None = None) -> Any:
        """Return the rows as an array: on a CPU in `memory`, unless they are an array's and follow each other."""
        span = slice(self.begin, self.begin + self.count)
        rows = span if self.order is None else self.order[span]
        source = self.source
        if isinstance(source, LazyRows):
            return source.gather(rows, memory)
        if memory is None or self.order is None:
            return source[rows]
        return take_rows(source, rows, memory)


def are_rows_of(array_type: type, batch: Sequence[Any]) -> bool:
    """Tell whether the arrays of a batch are rows of arrays of a type."""
    return bool(batch) and all(type(rows) is Rows and type(rows.source) is array_type for rows in batch)


def take_rows(source: np.ndarray, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return the rows with the given numbers, which are in range, in `out` if it is given."""
    if source.flags.c_contiguous:
        # (Were the numbers checked, `take` would write to a copy of `out` first.)
        return source.take(rows, 0, out, "clip")
    if out is None:  # of other arrays `take` would copy all of it first
        return source[rows]
    np.copyto(out, source[rows])
    return out


class LazyRows:
    """Samples in main memory that become a NumPy array batch by batch.

    Attributes:
        shape: The shape that all would have.
        dtype: The dtype of the batches.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, rows: slice) -> LazyRows:
        raise NotImplementedError

    def gather(self, rows: Any, out: np.ndarray | None = None) -> np.ndarray:
        """Return the rows with the given numbers, or of the given slice, as an array."""
        raise NotImplementedError
