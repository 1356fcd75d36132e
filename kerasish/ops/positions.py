"""Values at positions: indices, diagonals, triangles and choices."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import devices
from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives.elementwise import where as _where
from kerasish.autograd.tensor import Tensor, as_tensor, no_value
from kerasish.ops.creation import tri, zeros
from kerasish.ops.reductions import sum
from kerasish.ops.shapes import moveaxis, ravel


def get_item(x: Any, key: Any) -> Tensor:
    """Return `x[key]`."""
    return as_tensor(x)[key]


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Return the slices of `x` at `indices` along `axis` (of the flattened tensor by default)."""
    return indexing.take(x, indices, axis)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Return, for each index along `axis`, the value of `x` there."""
    return indexing.take_along_axis(x, indices, axis)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the diagonal of each matrix that two axes make, along a new last axis."""
    x = _known_matrices("diagonal", moveaxis(as_tensor(x), (axis1, axis2), (-2, -1)))
    rows, columns = x.shape[-2:]
    length = builtins.max(0, builtins.min(rows + builtins.min(offset, 0), columns - builtins.max(offset, 0)))
    steps = np.arange(length, dtype=np.int32)
    return x[..., steps + builtins.max(-offset, 0), steps + builtins.max(offset, 0)]


def diag(x: Any, k: int = 0) -> Tensor:
    """Return the diagonal of a matrix, or the matrix with a vector on its diagonal."""
    x = as_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"`x` must be 1-d or 2-d. Received: x.shape={x.shape}")
    n = x.shape[0] + builtins.abs(k)
    index = np.arange(x.shape[0], dtype=np.int32)
    rows, columns = index + builtins.max(-k, 0), index + builtins.max(k, 0)
    template = (indexing.ARRAY, indexing.ARRAY)
    return indexing.scatter_set(zeros((n, n), x.dtype), x, [as_tensor(rows), as_tensor(columns)], template)


def tril(x: Any, k: int = 0) -> Tensor:
    """Return `x` with zeros above diagonal `k` of each matrix."""
    x = _known_matrices("tril", x)
    return _where(tri(*x.shape[-2:], k=k, dtype="bool"), x, _zero(x))


def triu(x: Any, k: int = 0) -> Tensor:
    """Return `x` with zeros below diagonal `k` of each matrix."""
    x = _known_matrices("triu", x)
    return _where(tri(*x.shape[-2:], k=k - 1, dtype="bool"), _zero(x), x)


def _known_matrices(what: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2 or None in x.shape[-2:]:
        raise ValueError(f"`{what}` needs two last axes of known lengths. Received: x.shape={x.shape}")
    return x


def _zero(x: Tensor) -> Any:
    return False if x.dtype == "bool" else 0


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the sum of the diagonal of each matrix that two axes make."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return `x1` where `condition` holds and `x2` elsewhere; without them, the positions where it holds."""
    if (x1 is None) != (x2 is None):
        raise ValueError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    return nonzero(condition) if x1 is None else _where(condition, x1, x2)


def nonzero(x: Any) -> tuple[Tensor, ...]:
    """Return the positions of the values that are not zero, one tensor an axis (values are needed)."""
    x = as_tensor(x)
    if type(x._value) is Abstract:
        raise no_value(x, "asked where it is not zero")
    found = devices.array_module(type(x._value)).nonzero(x._value)
    return tuple(as_tensor(places.astype(np.int32)) for places in found)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """Return, at each place, the value of the first choice whose condition holds there."""
    if len(condlist) != len(choicelist):
        raise ValueError(
            "`select` needs a choice for each condition. "
            f"Received: {len(condlist)} conditions and {len(choicelist)} choices."
        )
    values = [v if type(v) in (int, float) else as_tensor(v) for v in (*choicelist, default)]
    dtype = dtypes.result_type(*(v.dtype if isinstance(v, Tensor) else type(v) for v in values))
    *choices, result = (as_tensor(v, dtype) for v in values)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        result = _where(condition, choice, result)
    return result


def diagflat(x: Any, k: int = 0) -> Tensor:
    """Return a matrix with the flattened `x` on its diagonal `k`."""
    return diag(ravel(x), k)


def unravel_index(indices: Any, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Return positions in a flattened tensor of `shape` as positions along each of its axes (int32 ones stay int32)."""
    rest = as_tensor(indices)
    total = 1
    for length in shape:
        total *= length
    rest = e.where(e.less(rest, 0), rest + total, rest)
    rest = e.minimum(e.maximum(rest, 0), total - 1)
    found = []
    for length in reversed(shape):
        found.append(e.remainder(rest, length))
        rest = e.floor_divide(rest, length)
    return tuple(reversed(found))
