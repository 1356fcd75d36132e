"""The outputs of a prediction, batch after batch, on their way to the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import tree
from kerasish.autograd.tensor import Tensor
from kerasish.trainers.logs import to_numpy

_AT_ONCE = 1 << 26
"""Bytes of outputs that are brought to the host together."""


class Outputs:
    """Outputs of batches, which come to the host many at a time: whoever wants values there waits for the device."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._late: list[Any] = []
        self._nbytes = 0

    def add(self, outputs: Any) -> None:
        """Take over the outputs of one batch."""
        tensors = [leaf for leaf in tree.flatten(outputs) if isinstance(leaf, Tensor)]
        self._late.append(outputs)
        self._nbytes += sum(t._value.nbytes for t in tensors)
        # What is on the host is taken at once, and so are variables: the next batch may change them.
        if self._nbytes > _AT_ONCE or any(t.mutable or type(t._value) is np.ndarray for t in tensors):
            self._bring()

    def last(self) -> Any:
        """Return the outputs of the last batch as NumPy arrays."""
        self._bring()
        return self._parts[-1]

    def all(self) -> Any:
        """Return the outputs of all batches as one structure of NumPy arrays.

        Raises:
            ValueError: If there was no batch.
        """
        self._bring()
        if not self._parts:
            raise ValueError("There is nothing to predict: the data have no batches.")
        if len(self._parts) == 1:
            return tree.map_structure(np.array, self._parts[0])
        return tree.map_structure(lambda *arrays: np.concatenate(arrays), *self._parts)

    def _bring(self) -> None:
        for outputs in self._late:
            self._parts.append(tree.map_structure(to_numpy, outputs))
        self._late, self._nbytes = [], 0
