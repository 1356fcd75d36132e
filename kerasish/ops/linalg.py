"""Linear algebra: `keras.ops.linalg`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish import tree
from kerasish.autograd import dtypes
from kerasish.autograd.backward import gradients_of
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import factorizations as f
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.linalg import matmul
from kerasish.autograd.state import Recording, state
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import as_float
from kerasish.ops.creation import zeros_like
from kerasish.ops.positions import tril, triu
from kerasish.ops.reductions import max, min, sum
from kerasish.ops.shapes import moveaxis, squeeze


def _matrices(x: Any) -> Tensor:
    x = as_float(x)
    if x.ndim < 2:
        raise ValueError(f"Expected input to have rank >= 2. Received input with shape {x.shape}.")
    return x


def _squares(x: Any) -> Tensor:
    x = _matrices(x)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"Expected a square matrix. Received non-square input with shape {x.shape}")
    return x


def _transposed(x: Tensor) -> Tensor:
    return s.swapaxes(x, -1, -2)


# Factorizations


def cholesky(x: Any, upper: bool = False) -> Tensor:
    """Return the triangular factor L of symmetric positive definite matrices `L L^T`.

    Example:

    >>> kerasish.ops.cholesky([[4.0, 2.0], [2.0, 5.0]]).numpy()
    array([[2., 0.],
           [1., 2.]], dtype=float32)

    Args:
        x: Tensor of shape `(..., n, n)`.
        upper: Whether to return the upper factor, `L^T`.

    Raises:
        ValueError: If the matrices are not square, or not positive definite.
    """
    x = _squares(x)
    try:
        factor = f.cholesky(x)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            f"Cholesky decomposition failed: {error}. The input must be positive definite."
        ) from None
    return _transposed(factor) if upper else factor


def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """Return the inverse of symmetric matrices from their Cholesky factor.

    Args:
        x: The triangular factor, of shape `(..., n, n)`.
        upper: Whether it is the upper one.
    """
    x = _squares(x)
    inverse = f.inv(triu(x) if upper else tril(x))
    first, second = (inverse, _transposed(inverse)) if upper else (_transposed(inverse), inverse)
    return matmul(first, second)


def qr(x: Any, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Return the factors Q (orthonormal columns) and R (upper triangular) of `x = Q R`.

    Args:
        x: Tensor of shape `(..., m, n)`.
        mode: `"reduced"` (Q is m by min(m, n)) or `"complete"` (m by m).
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(
            "`mode` argument value not supported. Expected one of {'reduced', 'complete'}. "
            f"Received: mode={mode}"
        )
    x = _matrices(x)
    if None in x.shape[-2:]:
        raise ValueError(
            f"Input should have its last 2 dimensions fully-defined. Received: input.shape = {x.shape}"
        )
    return f.qr(x, mode=mode)


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the factors U, s and V^T of the singular value decomposition `x = U diag(s) V^T`.

    Args:
        x: Tensor of shape `(..., m, n)`.
        full_matrices: Whether U and V^T are square.
        compute_uv: Whether U and V^T are wanted; otherwise `s` alone is returned.
    """
    x = _matrices(x)
    return f.svd(x, full=full_matrices) if compute_uv else f.singular_values(x)


def eig(x: Any) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues of square matrices and their eigenvectors (as columns), complex numbers."""
    return f.eig(_squares(x))


def eigh(x: Any) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues of symmetric matrices, ascending, and their eigenvectors as columns."""
    return f.eigh(_squares(x))


def lu_factor(x: Any) -> tuple[Tensor, Tensor]:
    """Return the triangular factors of matrices in one, and the row that each row was exchanged with in turn.

    Args:
        x: Tensor of shape `(..., m, n)`.

    Returns:
        A tensor like `x`: U on and above the diagonal, L (whose diagonal is 1) below; and int32 pivots of shape
        `(..., min(m, n))`.
    """
    return f.lu(_matrices(x))


# Inverses, determinants and solutions


def inv(x: Any) -> Tensor:
    """Return the inverses of square matrices."""
    return f.inv(_squares(x))


def pinv(x: Any, rcond: float | None = None) -> Tensor:
    """Return the (Moore-Penrose) pseudo-inverses of matrices.

    Args:
        x: Tensor of shape `(..., m, n)`.
        rcond: Singular values below this times the largest count as zero; `10 max(m, n)` rounding errors by default.
    """
    x = _matrices(x)
    if rcond is None:
        rcond = 10 * _largest(x.shape[-2:]) * float(np.finfo(x._value.dtype).eps)
    return f.pinv(x, rcond=rcond)


def _largest(values: Sequence[int]) -> int:
    return sorted(values)[-1]


def det(x: Any) -> Tensor:
    """Return the determinants of square matrices."""
    return f.det(_squares(x))


def slogdet(x: Any) -> tuple[Tensor, Tensor]:
    """Return the signs of determinants and the logarithms of their absolute values."""
    return f.slogdet(_squares(x))


def logdet(x: Any) -> Tensor:
    """Return the logarithms of the (absolute values of) determinants of matrices."""
    return f.slogdet(_squares(x))[1]


def _system(a: Any, b: Any) -> tuple[Tensor, Tensor, bool]:
    """Return both sides of systems of equations as matrices, and whether the right one was of vectors."""
    a, b = _squares(a), as_float(b)
    if b.ndim < 1:
        raise ValueError(f"Expected input to have rank >= 1. Received scalar input {b}.")
    if a._value.dtype != b._value.dtype:
        dtype = dtypes.result_type(a.dtype, b.dtype)
        a, b = cast(a, dtype), cast(b, dtype)
    vectors = b.ndim == a.ndim - 1
    axis = -1 if vectors else -2
    if b.ndim < 2 and not vectors or a.shape[axis] != b.shape[axis]:
        raise ValueError(
            f"Incompatible shapes between `a` and `b`. Expected `a.shape[{axis}] == b.shape[{axis}]`. "
            f"Received: a.shape={a.shape}, b.shape={b.shape}"
        )
    return a, s.expand_dims(b, -1) if vectors else b, vectors


def solve(a: Any, b: Any) -> Tensor:
    """Return x with `a x = b`.

    Example:

    >>> kerasish.ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).numpy()
    array([1. , 0.5], dtype=float32)

    Args:
        a: Square matrices, of shape `(..., n, n)`.
        b: Vectors `(..., n)` or matrices `(..., n, k)`.

    Raises:
        ValueError: If the shapes do not fit.
    """
    a, b, vectors = _system(a, b)
    x = f.solve(a, b)
    return s.squeeze(x, -1) if vectors else x


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Tensor:
    """Return x with `a x = b` for triangular matrices; the other triangle of `a` is not looked at.

    Args:
        a: Square matrices, of shape `(..., n, n)`.
        b: Vectors `(..., n)` or matrices `(..., n, k)`.
        lower: Whether `a` is lower triangular.
    """
    a, b, vectors = _system(a, b)
    x = f.solve(tril(a) if lower else triu(a), b)
    return s.squeeze(x, -1) if vectors else x


def lstsq(a: Any, b: Any, rcond: float | None = None) -> Tensor:
    """Return the x of least `|a x - b|`, and of the least length among those.

    Args:
        a: Matrix of shape `(m, n)`.
        b: Vector `(m,)` or matrix `(m, k)`.
        rcond: Singular values of `a` below this times the largest count as zero.

    Raises:
        ValueError: If the shapes do not fit.
    """
    a, b = as_float(a), as_float(b)
    if a.ndim != 2:
        raise ValueError(f"Expected a to have rank 2. Received: a.shape={a.shape}")
    if b.ndim not in (1, 2):
        raise ValueError(f"Expected b to have rank 1 or 2. Received: b.shape={b.shape}")
    if b.shape[0] != a.shape[0]:
        raise ValueError(
            f"Expected b.shape[0] to be equal to a.shape[0]. Received: a.shape={a.shape}, b.shape={b.shape}"
        )
    if rcond is None:
        rcond = _largest(a.shape) * float(np.finfo(a._value.dtype).eps)
    columns = s.expand_dims(b, -1) if b.ndim == 1 else b
    x = matmul(f.pinv(a, rcond=rcond), cast(columns, a._value.dtype))
    return s.squeeze(x, -1) if b.ndim == 1 else x


def matrix_rank(x: Any, tol: float | None = None) -> Tensor:
    """Return the ranks of matrices (int32): how many singular values are above `tol`.

    Args:
        x: Tensor of shape `(..., m, n)`.
        tol: The least that counts; `max(m, n)` rounding errors of the largest singular value by default.
    """
    x = _matrices(x)
    values = f.singular_values(x)
    if tol is None:
        rounding = _largest(x.shape[-2:]) * float(np.finfo(x._value.dtype).eps)
        return sum(cast(e.greater(values, max(values, -1, keepdims=True) * rounding), "int32"), -1)
    return sum(cast(e.greater(values, tol), "int32"), -1)


# Norms


def norm(x: Any, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """Return a vector norm over one axis (or all), or a matrix norm over two.

    Args:
        x: The tensor.
        ord: The order: None or `"fro"` (Euclidean), 0, 1, 2, any p, or plus or minus infinity for vectors; `"fro"`,
            `"nuc"`, 1, -1, 2, -2 and the infinities for matrices.
        axis: The axis or the two axes; by default all of them.
        keepdims: Whether the reduced axes stay with length one.

    Raises:
        ValueError: If there is no such norm over so many axes.
    """
    x = as_tensor(x)
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise ValueError(
            f"Invalid `ord` argument. Expected one of {{'fro', 'nuc'}} when using string. Received: ord={ord}"
        )
    if x._value.dtype.kind in "biu":
        x = cast(x, dtypes.result_type(x.dtype, float))
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return e.sqrt(sum(e.square(x), axes, keepdims))
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    if len(axes) != 1:
        raise ValueError(
            f"A norm of order {ord!r} is over one or two axes. Received: axis={axis}, x.shape={x.shape}"
        )
    size = e.absolute(x)
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


def _matrix_norm(x: Tensor, ord: Any, axes: Sequence[int], keepdims: bool) -> Tensor:
    row, column = (a % x.ndim for a in axes)
    if ord in ("nuc", 2, -2):
        values = f.singular_values(moveaxis(x, (row, column), (-2, -1)))
        result = {"nuc": sum, 2: max, -2: min}[ord](values, -1)
        return s.expand_dims(result, (row, column)) if keepdims else result
    sums = {1: row, -1: row, float("inf"): column, float("-inf"): column}.get(ord)
    if sums is None:
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={ord}")
    totals = sum(e.absolute(x), sums, keepdims=True)
    other = column if sums == row else row
    result = (max if ord > 0 else min)(totals, other, keepdims=True)
    return result if keepdims else squeeze(result, (row, column))


# Derivatives in a direction


def jvp(fun: Callable, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Return `fun(*primals)` and its derivative in the direction of `tangents`.

    The derivative of a gradient with respect to the gradient that it started from is that directional derivative, so
    the engine's gradients are all that it takes.

    Example:

    >>> y, dy = kerasish.ops.jvp(kerasish.ops.sin, (0.0,), (1.0,))   # sin(0), cos(0) * 1

    Args:
        fun: A function of tensors that returns a tensor or a nest of them.
        primals: Where to take the derivative, a tensor an argument.
        tangents: The direction, a tensor an argument.
        has_aux: Whether `fun` returns a pair, whose second is handed on as it is.

    Returns:
        `(results, derivatives)`, and what `fun` returned beside them if `has_aux`.

    Raises:
        ValueError: If there are not as many tangents as primals, or their shapes differ.
    """
    points = [as_float(p) for p in primals]
    directions = [as_tensor(t, p.dtype) for t, p in zip(tangents, points, strict=False)]
    if len(tangents) != len(points) or any(
        d.shape != p.shape for d, p in zip(directions, points, strict=True)
    ):
        raise ValueError(
            "`tangents` must be as many as `primals` and of the same shapes. Received shapes: "
            f"{[p.shape for p in points]} and {[d.shape for d in directions]}"
        )
    with Recording(True):
        moving = [_leaf(p) for p in points]
        found = fun(*moving)
        results, aux = found if has_aux else (found, None)
        derivatives = tree.map_structure(lambda y: _derivative(as_tensor(y), moving, directions), results)
    if not state.recording or not any(t._tracked for t in (*points, *directions)):
        results, derivatives = tree.map_structure(lambda y: as_tensor(y).detach(), (results, derivatives))
    return (results, derivatives, aux) if has_aux else (results, derivatives)


def _leaf(x: Tensor) -> Tensor:
    """Return the same values as a tensor that gradients are recorded for."""
    x = s.identity_p(x)
    if not x._tracked:
        x._tracked = True
    return x


def _derivative(y: Tensor, points: Sequence[Tensor], directions: Sequence[Tensor]) -> Tensor:
    start = _leaf(zeros_like(y))
    gradients = gradients_of([y], points, [start], create_graph=True)
    parts = [sum(g * d) for g, d in zip(gradients, directions, strict=True) if g is not None]
    if not parts:
        return zeros_like(y)
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    (derivative,) = gradients_of([total], [start], create_graph=True)
    return zeros_like(y) if derivative is None else derivative


__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "solve",
    "solve_triangular",
    "svd",
]
