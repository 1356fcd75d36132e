"""Primitives that reduce, accumulate or order along axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive, cast
from kerasish.autograd.primitives.elementwise import equal, multiply
from kerasish.autograd.primitives.shapes import (
    _sum_dtype,
    concatenate,
    flip_axes,
    normalize_axis,
    pad_constant,
    reduce_sum,
    reduced_shape,
    spread,
)
from kerasish.autograd.tensor import Tensor


def _infer(x: Abstract, axis: Sequence[int], keepdims: bool) -> Abstract:
    return Abstract(reduced_shape(x.shape, axis, keepdims), x.dtype)


def _infer_bool(x: Abstract, axis: Sequence[int], keepdims: bool) -> Abstract:
    return Abstract(reduced_shape(x.shape, axis, keepdims), np.dtype(bool))


def _extremum_vjp(g: Tensor, out: Tensor, x: Tensor, axis: Sequence[int], keepdims: bool) -> Tensor:
    """To the places that hold the extremum, in equal shares where several do."""
    chosen = cast(equal(x, spread(out, x.shape, axis, keepdims)), g.dtype)
    return spread(g, x.shape, axis, keepdims) * (chosen / reduce_sum(chosen, axis=axis, keepdims=True))


reduce_max = Primitive(
    "reduce_max", lambda xp, x, axis, keepdims: xp.max(x, axis, keepdims=keepdims), _infer, (_extremum_vjp,)
)
reduce_min = Primitive(
    "reduce_min", lambda xp, x, axis, keepdims: xp.min(x, axis, keepdims=keepdims), _infer, (_extremum_vjp,)
)
reduce_all = Primitive(
    "reduce_all", lambda xp, x, axis, keepdims: xp.all(x, axis, keepdims=keepdims), _infer_bool
)
reduce_any = Primitive(
    "reduce_any", lambda xp, x, axis, keepdims: xp.any(x, axis, keepdims=keepdims), _infer_bool
)


def _shifted(x: Tensor, axis: int, by: int, fill: float) -> Tensor:
    """Return `x` moved `by` places along `axis`, with `fill` where nothing moved to."""
    from kerasish.autograd.primitives.indexing import slice_

    width = tuple((by, 0) if i == axis else (0, 0) for i in range(x.ndim))
    length = x.shape[axis]
    kept = slice_(x, index=(slice(None),) * axis + (slice(0, max(length - by, 0)),))
    return pad_constant(kept, width=width, value=fill)


def running_product(x: Tensor, axis: int) -> Tensor:
    """Return the cumulative product by doubling strides: log n steps, and right gradients at zeros."""
    stride = 1
    while stride < x.shape[axis]:
        x = multiply(x, _shifted(x, axis, stride, 1))
        stride *= 2
    return x


def _prod_vjp(g: Tensor, out: Tensor, x: Tensor, axis: Sequence[int], keepdims: bool) -> Tensor:
    """g times the product of all the others, from running products of both sides (so zeros do no harm)."""
    from kerasish.autograd.primitives.shapes import reshape, transpose

    kept = [i for i in range(x.ndim) if i not in axis]
    order = (*kept, *axis)
    moved = transpose(x, order)
    flat = reshape(moved, (*moved.shape[: len(kept)], int(np.prod([x.shape[a] for a in axis], dtype=int))))
    last = flat.ndim - 1
    if flat.shape[last] == 0:
        return x * 0
    before = _shifted(running_product(flat, last), last, 1, 1)
    after = flip_axes(
        _shifted(running_product(flip_axes(flat, axis=(last,)), last), last, 1, 1), axis=(last,)
    )
    others = transpose(reshape(before * after, moved.shape), np.argsort(order).tolist())
    return spread(g, x.shape, axis, keepdims) * others


reduce_prod = Primitive(
    "reduce_prod",
    lambda xp, x, axis, keepdims: xp.prod(
        x, axis, _sum_dtype(x.dtype) if x.dtype.kind in "biu" else None, keepdims=keepdims
    ),
    lambda x, axis, keepdims: Abstract(reduced_shape(x.shape, axis, keepdims), _sum_dtype(x.dtype)),
    (_prod_vjp,),
)  # fmt: skip


def _argument_infer(x: Abstract, axis: int, keepdims: bool) -> Abstract:
    return Abstract(reduced_shape(x.shape, (axis,), keepdims), np.dtype(np.int32))


argmax = Primitive(
    "argmax",
    lambda xp, x, axis, keepdims: xp.argmax(x, axis, keepdims=keepdims).astype(np.int32),
    _argument_infer,
)
argmin = Primitive(
    "argmin",
    lambda xp, x, axis, keepdims: xp.argmin(x, axis, keepdims=keepdims).astype(np.int32),
    _argument_infer,
)
argsort = Primitive(
    "argsort",
    lambda xp, x, axis: xp.argsort(x, axis=axis, kind="stable").astype(np.int32),
    lambda x, axis: Abstract(x.shape, np.dtype(np.int32)),
)
cumsum = Primitive(
    "cumsum",
    lambda xp, x, axis: xp.cumsum(x, axis, dtype=x.dtype),
    lambda x, axis: Abstract(x.shape, x.dtype),
    (lambda g, out, x, axis: flip_axes(cumsum(flip_axes(g, axis=(axis,)), axis=axis), axis=(axis,)),),
)

__all__ = [
    "argmax",
    "argmin",
    "argsort",
    "concatenate",
    "cumsum",
    "normalize_axis",
    "reduce_max",
    "reduce_min",
]
