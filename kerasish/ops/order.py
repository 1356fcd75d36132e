"""Sorting and searching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing, reductions
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.shapes import normalize_axis
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.creation import zeros
from kerasish.ops.reductions import sum
from kerasish.ops.shapes import ravel


def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """Return the positions that sort `x` along `axis`, equal values in their order, as int32."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return reductions.argsort(x, axis=normalize_axis(axis, x.ndim)) if x.ndim else zeros((), "int32")


def sort(x: Any, axis: int | None = -1) -> Tensor:
    """Return `x` sorted in ascending order along `axis`."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return indexing.take_along_axis(x, argsort(x, axis), axis) if x.ndim else s.present(x)


def argpartition(x: Any, kth: int, axis: int | None = -1) -> Tensor:
    """Return positions along `axis` such that the `kth` value is where sorting would put it, smaller ones before it.

    Args:
        x: The tensor.
        kth: The place that is to be right; from the end if negative.
        axis: The axis; the flattened tensor's if None.

    Returns:
        An int32 tensor of positions. (They sort the values, which is one such order.)
    """
    x = as_tensor(x)
    length = x.size if axis is None else x.shape[normalize_axis(axis, x.ndim)]
    if length is not None and not -length <= kth < length:
        raise ValueError(f"kth={kth} is out of bounds for {length} values.")
    return argsort(x, axis)


def digitize(x: Any, bins: Sequence[float]) -> Tensor:
    """Return the number of the bin that each value falls into, as int32."""
    x, bins = as_tensor(x), as_tensor(bins)
    above = e.greater_equal(s.expand_dims(x, -1), bins)
    return sum(cast(above, "int32"), -1)


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    """Return where each value would go into a sorted vector to keep it sorted, as int32."""
    if side not in ("left", "right"):
        raise ValueError(f"`side` must be 'left' or 'right'. Received: side={side!r}")
    edges, values = as_tensor(sorted_sequence), as_tensor(values)
    compare = e.greater if side == "left" else e.greater_equal
    return sum(cast(compare(s.expand_dims(values, -1), edges), "int32"), -1)
