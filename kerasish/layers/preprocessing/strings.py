"""Text and integers that users pass to layers, as NumPy arrays of Python objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.autograd.tensor import Tensor


def as_objects(values: Any, encoding: str = "utf-8") -> np.ndarray:
    """Return strings or integers as an array of Python objects; bytes are decoded.

    Args:
        values: A tensor, an array, a list, or a single value.
        encoding: What bytes are text in.

    Raises:
        ValueError: If lists are of different lengths.
    """
    if isinstance(values, Tensor):
        return values.numpy().astype(object)
    if hasattr(values, "numpy"):
        values = values.numpy()
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"Lists must be of the same length to make an array. Received: {values!r}") from None
    if array.dtype.kind == "S":
        return np.char.decode(array, encoding).astype(object)
    array = array.astype(object)
    if any(isinstance(v, bytes) for v in array.flat):
        array = mapped(lambda v: v.decode(encoding) if isinstance(v, bytes) else v, array)
    return array


def mapped(function: Any, array: np.ndarray) -> np.ndarray:
    """Return the results of `function` for each value, in an array of objects of the same shape."""
    out = np.empty(array.shape, object)
    out.reshape(-1)[:] = [function(v) for v in array.reshape(-1)]
    return out


def hash_texts(array: np.ndarray) -> np.ndarray:
    """Return values as the text that is hashed: numbers as integers in decimal digits."""
    return mapped(lambda v: v if isinstance(v, str) else str(int(v)), array)
