"""Data that layers adapt to, as batches in NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from kerasish.autograd.tensor import Tensor


def batches_of(data: Any, steps: int | None = None) -> Iterator[np.ndarray]:
    """Yield batches: an array as one, and else those of a data set or any other iterable of batches.

    Of batches that are tuples, such as `(x, y)`, the first part is taken.

    Args:
        data: An array, a tensor, a `PyDataset`, or an iterable of batches.
        steps: How many batches, all by default.

    Raises:
        TypeError: If `data` is none of these.
    """
    if isinstance(data, (np.ndarray, Tensor)) or hasattr(data, "__array__"):
        yield as_array(data)
        return
    if hasattr(data, "__getitem__") and hasattr(data, "num_batches"):  # a PyDataset has no end of its own
        parts: Any = (data[i] for i in range(data.num_batches))
    elif hasattr(data, "__iter__"):
        parts = data
    else:
        raise TypeError(
            f"Unsupported data type: {type(data)}. `adapt` takes arrays, tensors, `keras.utils.PyDataset` and "
            "iterables of batches (e.g. list, generator)."
        )
    for batch in islice(parts, steps):
        yield as_array(batch[0] if isinstance(batch, tuple) else batch)


def as_array(value: Any) -> np.ndarray:
    """Return a batch as a NumPy array."""
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)
