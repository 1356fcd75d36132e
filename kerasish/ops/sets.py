"""Counting values, and finding each once."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive, cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.shapes import normalize_axis
from kerasish.autograd.tensor import Tensor, as_tensor, no_value
from kerasish.ops.common import as_float
from kerasish.ops.creation import full, linspace, zeros
from kerasish.ops.order import searchsorted
from kerasish.ops.reductions import any, max, min


def _bincount_run(xp: Any, x: Any, weights: Any = None, minimum: int = 0) -> Any:
    if x.ndim == 1:
        found = xp.bincount(x, weights, minimum)
        return found.astype(np.int32 if weights is None else weights.dtype)
    rows = [
        _bincount_run(xp, x[i], None if weights is None else weights[i], minimum) for i in range(x.shape[0])
    ]
    longest = sorted(row.shape[0] for row in rows)[-1]
    return xp.stack([xp.pad(row, ((0, longest - row.shape[0]),), mode="constant") for row in rows])


def _bincount_infer(x: Abstract, weights: Abstract | None = None, minimum: int = 0) -> Abstract:
    dtype = np.dtype(np.int32) if weights is None else weights.dtype
    return Abstract((*x.shape[:-1], None), dtype)


def _bincount_vjp(g: Tensor, out: Tensor, x: Tensor, weights: Tensor, minimum: int = 0) -> Tensor:
    return indexing.take_along_axis(g, x, -1)


_bincount = Primitive("bincount", _bincount_run, _bincount_infer, (None, _bincount_vjp))


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """Return how often each of the numbers 0, 1, 2, ... is there.

    Example:

    >>> kerasish.ops.bincount([1, 2, 2, 4]).numpy()
    array([0, 1, 2, 0, 1], dtype=int32)

    Args:
        x: A vector of non-negative integers, or a matrix: then each row is counted apart.
        weights: What each counts for, 1 by default.
        minlength: The least length of the result.
        sparse: Accepted for Keras's sake; tensors are dense.

    Returns:
        A tensor as long as the largest number plus one, int32 or of the type of `weights`.

    Raises:
        TypeError: If `x` is not of integers.
        ValueError: If it is neither a vector nor a matrix.
    """
    x = as_tensor(x)
    if x._value.dtype.kind not in "iub":
        raise TypeError(f"`bincount` counts integers. Received: x.dtype={x.dtype}")
    if x.ndim not in (1, 2):
        raise ValueError(f"`bincount` takes a vector or a matrix. Received: x.shape={x.shape}")
    x = cast(x, "int32")
    if weights is None:
        return _bincount(x, minimum=int(minlength))
    return _bincount(x, as_tensor(weights), minimum=int(minlength))


def histogram(x: Any, bins: Any = 10, range: tuple | None = None) -> tuple[Tensor, Tensor]:
    """Return how many values fall into each of some bins, and the bins' edges.

    Args:
        x: A vector.
        bins: How many bins of one width there are, or a vector of their edges.
        range: The least and the largest value that are counted; those of `x` by default.

    Returns:
        A tensor of counts (floats), and one of edges, which is one longer. All bins but the last leave out their upper
        edge.

    Raises:
        ValueError: If `x` is no vector, or `bins` or `range` cannot be.
    """
    if isinstance(bins, int) and bins <= 0:
        raise ValueError(f"Argument `bins` should be a positive integer. Received: bins={bins}")
    if range is not None and (not isinstance(range, (tuple, list)) or len(range) != 2 or range[1] < range[0]):
        raise ValueError(
            f"Argument `range` must be a tuple of the least and the largest value. Received: range={range}"
        )
    x = as_float(x)
    if x.ndim != 1:
        raise ValueError(f"Input tensor must be 1-dimensional. Received: input.shape={x.shape}")
    edges = _edges(x, bins, range) if isinstance(bins, int) else as_tensor(bins, x.dtype)
    count = edges.shape[0] - 1
    place = searchsorted(edges, x, "right") - 1
    place = e.where(e.equal(x, edges[-1]), np.int32(count - 1), place)
    inside = e.logical_and(e.greater_equal(place, 0), e.less(place, count))
    counts = indexing.scatter_add(
        zeros((count,), x.dtype),
        cast(inside, x.dtype),
        [e.where(inside, place, np.int32(0))],
        (indexing.ARRAY,),
    )
    return counts, edges


def _edges(x: Tensor, bins: int, range: tuple | None) -> Tensor:
    low, high = (min(x), max(x)) if range is None else (as_tensor(v, x.dtype) for v in range)
    same = e.equal(low, high)
    low, high = e.where(same, low - 0.5, low), e.where(same, high + 0.5, high)
    return linspace(low, high, bins + 1, dtype=x.dtype)


def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return whether each value of `x1` is one of `x2`.

    Args:
        x1: The values to look for.
        x2: The values to look among.
        assume_unique: Accepted for Keras's sake.
        invert: Whether to return the opposite.
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    dtype = dtypes.result_type(x1.dtype, x2.dtype)
    x1, x2 = cast(x1, dtype), s.reshape(cast(x2, dtype), (-1,))
    found = any(e.equal(s.expand_dims(x1, -1), x2), -1)
    return e.logical_not(found) if invert else found


# Each value once


def _unique_run(xp: Any, x: Any, axis: int, size: int | None) -> tuple:
    if x.ndim == 1:
        _, index, inverse, counts = xp.unique(x, True, True, True, equal_nan=False)
    else:
        _, index, inverse, counts = xp.unique(x, True, True, True, axis=axis)
    found = [index.astype(np.int32), counts.astype(np.int32)]
    if size is not None:
        missing = size - index.shape[0]
        for i, part in enumerate(found):
            if missing > 0:
                fill = xp.zeros(missing, np.int32)
                fill[:] = 0 if i or not index.shape[0] else part[0]
                part = xp.concatenate([part, fill])
            found[i] = part[:size].copy()
    return found[0], inverse.reshape(x.shape[axis]).astype(np.int32), found[1]


def _unique_infer(x: Abstract, axis: int, size: int | None) -> tuple:
    return (
        Abstract((size,), np.dtype(np.int32)),
        Abstract((x.shape[axis],), np.dtype(np.int32)),
        Abstract((size,), np.dtype(np.int32)),
    )


_unique = Primitive("unique", _unique_run, _unique_infer)
"""Where each value is first, which of them each one is, and how often it is there."""


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return each value once, in ascending order.

    Example:

    >>> kerasish.ops.unique([3, 1, 3]).numpy()
    array([1, 3], dtype=int32)

    Args:
        x: The tensor.
        sorted: Accepted for Keras's sake; values are always sorted.
        return_index: Whether to return where each is first.
        return_inverse: Whether to return which of them each value is.
        return_counts: Whether to return how often each is there.
        axis: Find slices along this axis; single values by default.
        size: How many to return; where there are fewer, the rest is filled. Needed where the call is traced.
        fill_value: What to fill with; the least value (or slice) by default.

    Returns:
        The values, or a tuple of them and what else was asked for, all int32.

    Raises:
        NoValueError: If `x` has no values yet and `size` is not given.
    """
    x = as_tensor(x)
    if size is None and type(x._value) is Abstract:
        raise no_value(x, "searched for unique values unless `size` says how many")
    rows = s.reshape(x, (-1,)) if axis is None else x
    along = 0 if axis is None else normalize_axis(axis, x.ndim)
    index, inverse, counts = _unique(rows, axis=along, size=size)
    if size is not None and rows.shape[along] == 0:  # there is no first value to fill with
        rest = (*rows.shape[:along], size, *rows.shape[along + 1 :])
        values = full(rest, 0 if fill_value is None else fill_value, rows.dtype)
    else:
        values = indexing.take(rows, index, along)
    if size is not None and fill_value is not None:
        filled = s.reshape(e.equal(counts, 0), (-1,) + (1,) * (rows.ndim - 1 - along))
        values = e.where(filled, as_tensor(fill_value, rows.dtype), values)
    results = [values]
    if return_index:
        results.append(index)
    if return_inverse:
        results.append(s.reshape(inverse, x.shape) if axis is None else inverse)
    if return_counts:
        results.append(counts)
    return tuple(results) if len(results) > 1 else values
