"""Batches that stay where the data are until a step gathers them."""

from __future__ import annotations

from typing import Any


class Rows:
    """Some rows of an array on a device, named but not gathered yet.

    A compiled step gathers them itself, as part of what it launches.

    Attributes:
        source: The array.
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

    def take(self) -> Any:
        """Return the rows as an array."""
        span = slice(self.begin, self.begin + self.count)
        return self.source[span] if self.order is None else self.source[self.order[span]]
