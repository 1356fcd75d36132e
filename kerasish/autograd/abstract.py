"""Arrays without values: a shape and a dtype.

A tensor whose value is an `Abstract` runs through exactly the same functions as one with an array; its primitives only
infer the result's shape and dtype. The functional API's `KerasTensor`s, `summary`, and tracing are all this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Dim = int | None
Shape = tuple[Dim, ...]


class Abstract:
    """The shape and dtype of an array that is not there. Unknown dimensions are None.

    Args:
        shape: Tuple of ints and Nones.
        dtype: A NumPy dtype.
    """

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Shape, dtype: np.dtype):
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int | None:
        return known_size(self.shape)

    def __repr__(self) -> str:
        return f"Abstract(shape={self.shape}, dtype={self.dtype})"


def known_size(shape: Shape) -> int | None:
    """Return the number of elements of `shape`, or None where a dimension is unknown."""
    total = 1
    for dim in shape:
        if dim is None:
            return None
        total *= dim
    return total


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the shape that `shapes` broadcast to; an unknown dimension meets anything and stays unknown beside 1.

    Raises:
        ValueError: If two known dimensions differ and neither is 1.
    """
    rank = max(map(len, shapes), default=0)
    result: list[Dim] = [1] * rank
    for shape in shapes:
        for i, dim in enumerate(shape, rank - len(shape)):
            seen = result[i]
            if seen == 1:
                result[i] = dim
            elif dim is None or dim == 1 or dim == seen:
                continue
            elif seen is None:
                result[i] = dim
            else:
                listing = " and ".join(str(s) for s in shapes)
                raise ValueError(
                    f"Cannot broadcast shapes {listing}: dimension {i - rank} is {seen} in one and {dim} in "
                    "another; they must be equal, or one of them 1."
                )
    return tuple(result)


def abstract(value: Any) -> Abstract:
    """Return the `Abstract` of an array (itself if it is one already)."""
    return value if type(value) is Abstract else Abstract(tuple(value.shape), value.dtype)
