"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import linalg
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.shapes import normalize_axes
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.shapes import ravel


def matmul(x1: Any, x2: Any) -> Tensor:
    """Return the matrix product; leading axes broadcast, and a vector stands for a row or a column.

    Raises:
        ValueError: If the inner dimensions differ.
    """
    x1 = x1 if isinstance(x1, Tensor) else as_tensor(x1)
    x2 = x2 if isinstance(x2, Tensor) else as_tensor(x2)
    a, b = x1._value, x2._value
    if a.dtype != b.dtype:
        dtype = dtypes.promote_pair(a.dtype, b.dtype)
        x1, x2 = cast(x1, dtype), cast(x2, dtype)
    elif a.dtype.char == "b":  # int8, whose products are summed in 32 bits
        x1, x2 = cast(x1, "int32"), cast(x2, "int32")
    x_rank, y_rank = len(a.shape), len(b.shape)
    if x_rank < 2 or y_rank < 2:
        return _vector_matmul(x1, x2)
    inner = a.shape[-1]
    if inner != b.shape[-2] and inner is not None and b.shape[-2] is not None:
        raise _unmultipliable(x1, x2)
    return linalg.matmul(x1, x2)


def affine(x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Return `x @ matrix + offset` for a matrix and a vector, in one piece where that is possible."""
    a, b, c = x._value, matrix._value, offset._value
    shape = a.shape
    if len(shape) > 1 and shape[-1] == b.shape[0] and a.dtype == b.dtype == c.dtype and a.dtype.kind == "f":
        return linalg.affine(x, matrix, offset)
    return matmul(x, matrix) + offset


def _vector_matmul(x1: Tensor, x2: Tensor) -> Tensor:
    if not x1.ndim or not x2.ndim:
        raise ValueError(
            f"`matmul` needs at least one axis on both sides. Received: {x1.shape} and {x2.shape}"
        )
    inner = {x1.shape[-1], x2.shape[-2] if x2.ndim > 1 else x2.shape[0]}
    if len(inner - {None}) > 1:
        raise _unmultipliable(x1, x2)
    left = s.expand_dims(x1, 0) if x1.ndim == 1 else x1
    right = s.expand_dims(x2, 1) if x2.ndim == 1 else x2
    result = linalg.matmul(left, right)
    drop = tuple(axis for axis, vector in ((-1, x2.ndim == 1), (-2, x1.ndim == 1)) if vector)
    return s.squeeze(result, drop)


def _unmultipliable(x1: Tensor, x2: Tensor) -> ValueError:
    return ValueError(
        f"`matmul` cannot multiply shapes {x1.shape} and {x2.shape}: the last axis of the first "
        f"({x1.shape[-1]}) must be as long as the last but one of the second "
        f"({x2.shape[-2] if x2.ndim > 1 else x2.shape[0]})."
    )


def dot(x1: Any, x2: Any) -> Tensor:
    """Return the dot product of NumPy's `dot`: sums over the last axis of x1 and the last but one of x2."""
    x1, x2 = as_tensor(x1), as_tensor(x2)
    if not x1.ndim or not x2.ndim:
        return e.multiply(x1, x2)
    if x2.ndim <= 2:
        return matmul(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-2,)))


def tensordot(x1: Any, x2: Any, axes: int | Sequence[Any] = 2) -> Tensor:
    """Return the sum of products over the last axes of x1 and the first of x2, or over named pairs of axes."""
    x1, x2 = as_tensor(x1), as_tensor(x2)
    if isinstance(axes, int):
        left, right = tuple(range(x1.ndim - axes, x1.ndim)), tuple(range(axes))
    else:
        left, right = normalize_axes(axes[0], x1.ndim), normalize_axes(axes[1], x2.ndim)
    rest_left = [a for a in range(x1.ndim) if a not in left]
    rest_right = [a for a in range(x2.ndim) if a not in right]
    pairs = [(x1.shape[a], x2.shape[b]) for a, b in zip(left, right, strict=True)]
    if builtins.any(a != b and None not in (a, b) for a, b in pairs):
        raise ValueError(
            f"`tensordot` got axes of different lengths to sum over: {pairs}. Received: x1.shape={x1.shape}, "
            f"x2.shape={x2.shape}, axes={axes}"
        )
    inner = math.prod(-1 if a is b is None else a or b or 0 for a, b in pairs)
    flat_left = s.reshape(s.transpose(x1, [*rest_left, *left]), (-1, inner))
    flat_right = s.reshape(s.transpose(x2, [*right, *rest_right]), (inner, -1))
    return s.reshape(
        matmul(flat_left, flat_right), [x1.shape[a] for a in rest_left] + [x2.shape[a] for a in rest_right]
    )


def outer(x1: Any, x2: Any) -> Tensor:
    """Return the products of every value of x1 with every value of x2."""
    return e.multiply(s.expand_dims(ravel(x1), 1), s.expand_dims(ravel(x2), 0))


def inner(x1: Any, x2: Any) -> Tensor:
    """Return the sums of products over the last axes of both."""
    x1, x2 = as_tensor(x1), as_tensor(x2)
    return e.multiply(x1, x2) if not x1.ndim or not x2.ndim else tensordot(x1, x2, axes=((-1,), (-1,)))


def vdot(x1: Any, x2: Any) -> Tensor:
    """Return the dot product of both flattened."""
    return matmul(ravel(x1), ravel(x2))
