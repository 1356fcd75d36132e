"""Matrix products."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.abstract import Abstract, broadcast_shapes
from kerasish.autograd.primitive import Piece, Primitive
from kerasish.autograd.primitives.elementwise import add
from kerasish.autograd.primitives.shapes import reshape, sum_to
from kerasish.autograd.tensor import Tensor


def _run(xp: Any, x: Any, y: Any, transpose_x: bool = False, transpose_y: bool = False) -> Any:
    if transpose_x:
        x = x.swapaxes(-1, -2)
    if transpose_y:
        y = y.swapaxes(-1, -2)
    return xp.matmul(x, y)


def _infer(x: Abstract, y: Abstract, transpose_x: bool = False, transpose_y: bool = False) -> Abstract:
    *x_batch, rows, inner = x.shape
    *y_batch, y_inner, columns = y.shape
    if transpose_x:
        rows, inner = inner, rows
    if transpose_y:
        y_inner, columns = columns, y_inner
    if inner != y_inner and inner is not None and y_inner is not None:
        raise ValueError(
            f"Matrices of shapes {x.shape} and {y.shape} cannot be multiplied: {inner} columns meet {y_inner} rows."
        )
    return Abstract((*broadcast_shapes(tuple(x_batch), tuple(y_batch)), rows, columns), x.dtype)


def _vjp_x(
    g: Tensor, out: Tensor, x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False
) -> Tensor:
    if transpose_x:
        part = matmul(y, g, transpose_x=transpose_y, transpose_y=True)
    else:
        part = matmul(g, y, transpose_x=False, transpose_y=not transpose_y)
    return sum_to(part, x.shape)


def _vjp_y(
    g: Tensor, out: Tensor, x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False
) -> Tensor:
    if y.ndim == 2 and x.ndim > 2 and not transpose_x:
        # A stack of matrices times one matrix is one product; so is its gradient.
        x = reshape(x, (-1, x.shape[-1]))
        g = reshape(g, (-1, g.shape[-1]))
    if transpose_y:
        part = matmul(g, x, transpose_x=True, transpose_y=transpose_x)
    else:
        part = matmul(x, g, transpose_x=not transpose_x, transpose_y=False)
    return sum_to(part, y.shape)


matmul = Primitive("matmul", _run, _infer, (_vjp_x, _vjp_y))
"""Product of (stacks of) matrices, either of them transposed; leading axes broadcast."""


def _affine_run(xp: Any, x: Any, matrix: Any, offset: Any) -> Any:
    out = xp.matmul(x, matrix)
    out += offset
    return out


affine = Piece(
    "affine",
    _affine_run,
    lambda x, matrix, offset: add(matmul(x, matrix), offset),
    (
        lambda g, out, x, matrix, offset: _vjp_x(g, out, x, matrix),
        lambda g, out, x, matrix, offset: _vjp_y(g, out, x, matrix),
        lambda g, out, x, matrix, offset: sum_to(g, offset.shape),
    ),
)
"""`x @ matrix + offset` for stacks of matrices of floats, a matrix and a vector."""
