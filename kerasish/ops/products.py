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
from kerasish.ops.shapes import moveaxis, ravel


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
        return cast(matmul(x1, x2), dtypes.result_type(x1.dtype, x2.dtype))
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
    product = cast(matmul(flat_left, flat_right), dtypes.result_type(x1.dtype, x2.dtype))
    return s.reshape(product, [x1.shape[a] for a in rest_left] + [x2.shape[a] for a in rest_right])


def outer(x1: Any, x2: Any) -> Tensor:
    """Return the products of every value of x1 with every value of x2."""
    return e.multiply(s.expand_dims(ravel(x1), 1), s.expand_dims(ravel(x2), 0))


def inner(x1: Any, x2: Any) -> Tensor:
    """Return the sums of products over the last axes of both."""
    x1, x2 = as_tensor(x1), as_tensor(x2)
    return e.multiply(x1, x2) if not x1.ndim or not x2.ndim else tensordot(x1, x2, axes=((-1,), (-1,)))


def vdot(x1: Any, x2: Any) -> Tensor:
    """Return the dot product of both flattened."""
    return dot(ravel(x1), ravel(x2))


def kron(x1: Any, x2: Any) -> Tensor:
    """Return the Kronecker product: `x2` times each number of `x1`, in the places of those.

    Example:

    >>> kerasish.ops.kron([1, 10], [1, 2]).numpy()
    array([ 1,  2, 10, 20], dtype=int32)
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    rank = builtins.max(x1.ndim, x2.ndim)
    x1, x2 = (s.reshape(x, (1,) * (rank - x.ndim) + x.shape) for x in (x1, x2))
    left = s.reshape(x1, [d for n in x1.shape for d in (n, 1)])
    right = s.reshape(x2, [d for n in x2.shape for d in (1, n)])
    return s.reshape(e.multiply(left, right), [_times(a, b) for a, b in zip(x1.shape, x2.shape, strict=True)])


def _times(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a * b


def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """Return the cross product of vectors of two or three numbers.

    Args:
        x1: Tensor of vectors.
        x2: Tensor of vectors; the other axes broadcast.
        axisa: The axis of `x1` that holds the vectors.
        axisb: The axis of `x2` that holds the vectors.
        axisc: The axis of the result that holds the vectors, where both of two numbers do not make it a number.
        axis: All three of these.

    Raises:
        ValueError: If the vectors are of another length.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = moveaxis(as_tensor(x1), axisa, -1), moveaxis(as_tensor(x2), axisb, -1)
    if x1.shape[-1] not in (2, 3) or x2.shape[-1] not in (2, 3):
        raise ValueError(
            f"`x1`'s dim on `axis={axisa}` and `x2`'s must be either 2 or 3. "
            f"Received: {x1.shape[-1]} and {x2.shape[-1]}"
        )
    a, b = ([x[..., i] for i in range(x.shape[-1])] for x in (x1, x2))
    last = a[0] * b[1] - a[1] * b[0]
    if len(a) == len(b) == 2:
        return last
    if len(a) == 2:
        parts = [a[1] * b[2], -(a[0] * b[2]), last]
    elif len(b) == 2:
        parts = [-(a[2] * b[1]), a[2] * b[0], last]
    else:
        parts = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], last]
    return moveaxis(s.stack(parts, -1), -1, axisc)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers of the numbers of a vector, a row each, the highest first unless `increasing`.

    Args:
        x: A vector.
        N: How many powers; as many as there are numbers by default.
        increasing: Whether the lowest power comes first.
    """
    x = as_tensor(x)
    if x.ndim != 1:
        raise ValueError(f"Input tensor must be 1-dimensional. Received: input.shape={x.shape}")
    count = x.shape[0] if N is None else N
    if count is None or count < 0:
        raise ValueError(f"Argument `N` must be a number of powers, 0 or more. Received: N={N}")
    powers = list(range(count)) if increasing else list(range(count))[::-1]
    return e.power(s.expand_dims(x, -1), as_tensor(powers, x.dtype))
