"""Primitives of linear algebra: inverses, solutions and factorizations of (stacks of) matrices.

The arrays' module computes them; the gradients are the textbook ones (Giles, "Collected matrix derivative results",
2008; Townsend, "Differentiating the singular value decomposition", 2016), written with products of matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract, broadcast_shapes
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.primitives.elementwise import equal, reciprocal, where
from kerasish.autograd.primitives.linalg import matmul
from kerasish.autograd.primitives.shapes import expand_dims, sum_to, swapaxes
from kerasish.autograd.tensor import Tensor, as_tensor

# Small pieces that the rules are made of


def _t(x: Tensor) -> Tensor:
    return swapaxes(x, -1, -2)


def _product(*matrices: Tensor) -> Tensor:
    result = matrices[0]
    for matrix in matrices[1:]:
        result = matmul(result, matrix)
    return result


def _triangle(x: Tensor, k: int, lower: bool = True) -> Tensor:
    """Return the part of each matrix at and below diagonal `k` (at and above it if not `lower`), zeros elsewhere."""
    rows, columns = x.shape[-2:]
    inside = np.tri(rows, columns, k if lower else k - 1, dtype=bool)
    return where(as_tensor(inside if lower else ~inside), x, 0)


def _diagonal_matrix(values: Tensor) -> Tensor:
    """Return each vector as a diagonal matrix."""
    return where(as_tensor(np.eye(values.shape[-1], dtype=bool)), expand_dims(values, -1), 0)


def _eye(n: int, like: Tensor) -> Tensor:
    return as_tensor(np.eye(n), like.dtype)


def _gaps(values: Tensor, factor: Any = None) -> Tensor:
    """Return 1 / (v_j - v_i) for each pair of values, and 0 on the diagonal and where they are equal."""
    rows, columns = expand_dims(values, -1), expand_dims(values, -2)
    difference = columns - rows if factor is None else (columns - rows) * (columns + rows)
    same = equal(difference, 0)
    return where(same, 0.0, reciprocal(where(same, 1.0, difference)))


def _square(x: Abstract) -> Abstract:
    return Abstract(x.shape, x.dtype)


# Inverses, determinants and solutions

inv = Primitive(
    "inv",
    lambda xp, x: xp.linalg.inv(x),
    _square,
    (lambda g, out, x: -_product(_t(out), g, _t(out)),),
)

det = Primitive(
    "det",
    lambda xp, x: xp.linalg.det(x),
    lambda x: Abstract(x.shape[:-2], x.dtype),
    (lambda g, out, x: expand_dims(g * out, (-1, -2)) * _t(inv(x)),),
)

slogdet = Primitive(
    "slogdet",
    lambda xp, x: tuple(xp.linalg.slogdet(x)),
    lambda x: (Abstract(x.shape[:-2], x.dtype), Abstract(x.shape[:-2], x.dtype)),
    vjp_all=lambda g, out, inputs, wanted: [
        None if g[1] is None else expand_dims(g[1], (-1, -2)) * _t(inv(inputs[0]))
    ],
)
"""The sign of each determinant and the logarithm of its absolute value."""


def _solve_infer(a: Abstract, b: Abstract) -> Abstract:
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Abstract((*batch, *b.shape[-2:]), b.dtype)


solve = Primitive(
    "solve",
    lambda xp, a, b: xp.linalg.solve(a, b),
    _solve_infer,
    (
        lambda g, out, a, b: sum_to(-matmul(solve(_t(a), g), out, transpose_y=True), a.shape),
        lambda g, out, a, b: sum_to(solve(_t(a), g), b.shape),
    ),
)
"""The matrices x with `a x = b`."""


def _pinv_vjp(g: Tensor, out: Tensor, x: Tensor, rcond: float) -> Tensor:
    m, n = x.shape[-2:]
    left = _eye(m, x) - matmul(x, out)  # what x cannot reach
    right = _eye(n, x) - matmul(out, x)  # what x maps to zero
    own = -_product(_t(out), g, _t(out))
    return own + _product(left, _t(g), out, _t(out)) + _product(_t(out), out, _t(g), right)


pinv = Primitive(
    "pinv",
    lambda xp, x, rcond: xp.linalg.pinv(x, rcond),
    lambda x, rcond: Abstract((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype),
    (_pinv_vjp,),
)

# Factorizations


def _cholesky_vjp(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    middle = _triangle(matmul(_t(out), g), 0)
    n = x.shape[-1]
    middle = middle * as_tensor(1.0 - 0.5 * np.eye(n), x.dtype)
    inverse = inv(out)
    half = _product(_t(inverse), middle, inverse)
    return (half + _t(half)) * 0.5


cholesky = Primitive("cholesky", lambda xp, x: xp.linalg.cholesky(x), _square, (_cholesky_vjp,))
"""The lower triangular matrix L with `L L^T = x`."""


def _qr_infer(x: Abstract, mode: str) -> tuple[Abstract, Abstract]:
    *batch, m, n = x.shape
    k = m if mode == "complete" else min(m, n)  # type: ignore[type-var]
    return Abstract((*batch, m, k), x.dtype), Abstract((*batch, k, n), x.dtype)


def _qr_vjp(g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool], mode: str) -> list:
    (x,) = inputs
    m, n = x.shape[-2:]
    if m < n or (mode == "complete" and m != n):
        raise NotImplementedError(
            "The QR factorization has gradients for matrices with at least as many rows as columns, and "
            f"mode='reduced' if they are not square. Received: shape={x.shape}, mode={mode!r}"
        )
    q, r = out
    g_q = q * 0 if g[0] is None else g[0]
    g_r = r * 0 if g[1] is None else g[1]
    m_ = matmul(r, _t(g_r)) - matmul(_t(g_q), q)
    lower = _triangle(m_, 0)
    symmetric = lower + _t(_triangle(m_, -1))
    # Divided by the triangular factor from the right: x R^T = y is R x^T = y^T.
    return [_t(solve(r, _t(g_q + matmul(q, symmetric))))]


qr = Primitive("qr", lambda xp, x, mode: tuple(xp.linalg.qr(x, mode)), _qr_infer, vjp_all=_qr_vjp)


def _eigh_vjp(g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool]) -> list:
    values, vectors = out
    inner = None if g[0] is None else _diagonal_matrix(g[0])
    if g[1] is not None:
        turned = _gaps(values) * matmul(_t(vectors), g[1])
        inner = turned if inner is None else inner + turned
    full = _product(vectors, inner, _t(vectors))
    return [(full + _t(full)) * 0.5]


eigh = Primitive(
    "eigh",
    lambda xp, x: tuple(xp.linalg.eigh(x)),
    lambda x: (Abstract(x.shape[:-1], x.dtype), Abstract(x.shape, x.dtype)),
    vjp_all=_eigh_vjp,
)
"""The eigenvalues of symmetric matrices, in ascending order, and their eigenvectors as columns."""


def _eig_run(xp: Any, x: Any) -> tuple:
    values, vectors = xp.linalg.eig(x)
    dtype = np.dtype(np.complex128 if x.dtype.itemsize == 8 and x.dtype.kind == "f" else np.complex64)
    dtype = x.dtype if x.dtype.kind == "c" else dtype
    return values.astype(dtype), vectors.astype(dtype)


def _eig_infer(x: Abstract) -> tuple[Abstract, Abstract]:
    dtype = x.dtype if x.dtype.kind == "c" else np.result_type(x.dtype, np.complex64)
    return Abstract(x.shape[:-1], dtype), Abstract(x.shape, dtype)


eig = Primitive("eig", _eig_run, _eig_infer)
"""The eigenvalues and eigenvectors of any square matrices, which are complex numbers."""


def _svd_infer(x: Abstract, full: bool) -> tuple[Abstract, Abstract, Abstract]:
    *batch, m, n = x.shape
    k = None if m is None or n is None else min(m, n)
    return (
        Abstract((*batch, m, m if full else k), x.dtype),
        Abstract((*batch, k), x.dtype),
        Abstract((*batch, n if full else k, n), x.dtype),
    )


def _svd_vjp(g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool], full: bool) -> list:
    (x,) = inputs
    u, values, vt = out
    m, n = x.shape[-2:]
    if full and m != n and (g[0] is not None or g[2] is not None):
        raise NotImplementedError(
            "The singular vectors of matrices that are not square have gradients with full_matrices=False only. "
            f"Received: shape={x.shape}"
        )
    if full and m != n:
        k = min(m, n)
        u, vt = u[..., :, :k], vt[..., :k, :]
    v = _t(vt)
    inner = values * 0 if g[1] is None else g[1]
    middle = _diagonal_matrix(inner)
    gaps = _gaps(values, "squares")
    safe = where(equal(values, 0), 1.0, values)
    result = None
    if g[0] is not None:
        turned = gaps * matmul(_t(u), g[0])
        middle = middle + (turned + _t(turned)) * expand_dims(values, -2)
    if g[2] is not None:
        turned = gaps * matmul(vt, _t(g[2]))
        middle = middle + expand_dims(values, -1) * (turned + _t(turned))
    result = _product(u, middle, vt)
    if g[0] is not None and m > n:
        beside = g[0] - _product(u, _t(u), g[0])
        result = result + matmul(beside / expand_dims(safe, -2), vt)
    if g[2] is not None and n > m:
        beside = g[2] - _product(g[2], v, vt)
        result = result + matmul(u / expand_dims(safe, -2), beside)
    return [result]


svd = Primitive("svd", lambda xp, x, full: tuple(xp.linalg.svd(x, full)), _svd_infer, vjp_all=_svd_vjp)
"""The factors U, s, V^T of `x = U diag(s) V^T`, singular values in descending order."""

singular_values = Primitive(
    "singular_values",
    lambda xp, x: xp.linalg.svd(x, compute_uv=False),
    lambda x: Abstract((*x.shape[:-2], None if None in x.shape[-2:] else min(x.shape[-2:])), x.dtype),
    (lambda g, out, x: _from_values(g, x),),
)
"""The singular values alone, in descending order."""


def _from_values(g: Tensor, x: Tensor) -> Tensor:
    u, _, vt = svd(x, full=False)
    return matmul(u * expand_dims(g, -2), vt)


def _lu_run(xp: Any, x: Any) -> tuple:
    """Gaussian elimination, each column's largest entry as the pivot, for all matrices of a stack at once."""
    *batch, m, n = x.shape
    steps = min(m, n)
    count = math.prod(batch)
    a = x.reshape(count, m, n).copy()
    which = xp.arange(count)
    pivots = xp.zeros((count, steps), np.int32)
    for k in range(steps):
        best = xp.argmax(xp.abs(a[:, k:, k]), axis=1) + k
        pivots[:, k] = best.astype(np.int32)
        chosen = a[which, best]
        a[which, best] = a[:, k].copy()
        a[:, k] = chosen
        pivot = a[:, k, k].reshape(count, 1)
        a[:, k + 1 :, k] = a[:, k + 1 :, k] / xp.where(xp.equal(pivot, 0), 1, pivot).astype(a.dtype)
        below = a[:, k + 1 :, k].reshape(count, m - k - 1, 1)
        beside = a[:, k, k + 1 :].reshape(count, 1, n - k - 1)
        a[:, k + 1 :, k + 1 :] = a[:, k + 1 :, k + 1 :] - below * beside
    return a.reshape(x.shape), pivots.reshape((*batch, steps))


def _lu_infer(x: Abstract) -> tuple[Abstract, Abstract]:
    return x, Abstract((*x.shape[:-2], min(x.shape[-2:])), np.dtype(np.int32))  # type: ignore[type-var]


def _lu_vjp(g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool]) -> list:
    (x,) = inputs
    m, n = x.shape[-2:]
    if m != n:
        raise NotImplementedError(
            f"The LU factorization has gradients for square matrices. Received: shape={x.shape}"
        )
    factors, pivots = out
    lower = _triangle(factors, -1) + _eye(n, x)
    upper = _triangle(factors, 0, lower=False)
    inner = _triangle(matmul(_t(lower), _triangle(g[0], -1)), -1)
    inner = inner + _triangle(matmul(_triangle(g[0], 0, lower=False), _t(upper)), 0, lower=False)
    moved = solve(_t(lower), _t(solve(upper, _t(inner))))
    return [_unpivot(moved, pivots)]


lu = Primitive("lu", _lu_run, _lu_infer, vjp_all=_lu_vjp)
"""The triangular factors of a matrix in one, and with which later row each row was exchanged in turn."""


def _unpivot_run(xp: Any, x: Any, pivots: Any, inverse: bool) -> Any:
    count = math.prod(x.shape[:-2])
    rows = x.reshape(count, *x.shape[-2:]).copy()
    swaps = pivots.reshape(count, pivots.shape[-1])
    which = xp.arange(rows.shape[0])
    order = range(pivots.shape[-1])
    for k in reversed(order) if inverse else order:
        other = swaps[:, k]
        chosen = rows[which, other]
        rows[which, other] = rows[:, k].copy()
        rows[:, k] = chosen
    return rows.reshape(x.shape)


exchange_rows = Primitive(
    "exchange_rows",
    _unpivot_run,
    lambda x, pivots, inverse: x,
    (lambda g, out, x, pivots, inverse: exchange_rows(g, pivots, inverse=not inverse), None),
)
"""Matrices with their rows exchanged as `pivots` says, one after another; backwards if `inverse`."""


def _unpivot(x: Tensor, pivots: Tensor) -> Tensor:
    return exchange_rows(x, pivots, inverse=True)
