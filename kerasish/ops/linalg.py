"""Linear algebra: `keras.ops.linalg`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.reductions import max, min, sum
from kerasish.ops.shapes import squeeze


def norm(x: Any, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Return a vector norm over one axis (or all), or a matrix norm over two.

    Args:
        x: The tensor.
        ord: The order: None or `"fro"` (Euclidean), 0, 1, 2, any p, or plus or minus infinity for vectors; `"fro"`,
            1, -1 and the infinities for matrices.
        axis: The axis or the two axes; by default all of them.
        keepdims: Whether the reduced axes stay with length one.
    """
    x = as_tensor(x)
    if x._value.dtype.kind in "biu":
        x = cast(x, dtypes.result_type(x.dtype, float))
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return e.sqrt(sum(e.square(x), axes, keepdims))
    size = e.absolute(x)
    if len(axes) == 2:
        return _matrix_norm(size, ord, axes, keepdims)
    if len(axes) != 1:
        raise ValueError(
            f"A norm of order {ord!r} is over one or two axes. Received: axis={axis}, x.shape={x.shape}"
        )
    if ord == float("inf"):
        return max(size, axes, keepdims)
    if ord == float("-inf"):
        return min(size, axes, keepdims)
    if ord == 0:
        return sum(cast(e.not_equal(x, 0), x.dtype), axes, keepdims)
    if ord == 1:
        return sum(size, axes, keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={ord}")
    return e.power(sum(e.power(size, ord), axes, keepdims), 1.0 / ord)


def _matrix_norm(size: Tensor, ord: Any, axes: Sequence[int], keepdims: bool) -> Tensor:
    row, column = (a % size.ndim for a in axes)
    sums = {1: row, -1: row, float("inf"): column, float("-inf"): column}.get(ord)
    if sums is None:
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={ord}")
    totals = sum(size, sums, keepdims=True)
    other = column if sums == row else row
    result = (max if ord > 0 else min)(totals, other, keepdims=True)
    return result if keepdims else squeeze(result, (row, column))
