"""Primitives that move values about: reshaping, transposing, broadcasting, joining, padding, and summing back."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract, Shape, known_size
from kerasish.autograd.primitive import Piece, Primitive
from kerasish.autograd.tensor import Tensor, as_tensor


def normalize_axis(axis: int, ndim: int) -> int:
    """Return `axis` counted from the front.

    Raises:
        ValueError: If there is no such axis.
    """
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of bounds for a tensor of {ndim} axes.")
    return axis + ndim if axis < 0 else axis


def normalize_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return axes counted from the front, all of them where `axis` is None."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (tuple, list)):
        axes = tuple(normalize_axis(a, ndim) for a in axis)
        if len(set(axes)) != len(axes):
            raise ValueError(
                f"An axis is repeated. Received: axis={tuple(axis)} for a tensor of {ndim} axes."
            )
        return axes
    return (normalize_axis(axis, ndim),)


# Reshape

_reshape = Primitive(
    "reshape",
    lambda xp, x, newshape: x.reshape(newshape),
    lambda x, newshape: Abstract(newshape, x.dtype),
    (lambda g, out, x, newshape: _reshape(g, newshape=x.shape),),
    view=True,
)


def reshape(x: Any, newshape: Any) -> Tensor:
    """Return the values of `x` in the same order under another shape; one dimension may be -1 (the rest)."""
    x = x if isinstance(x, Tensor) else as_tensor(x)
    if isinstance(newshape, int):
        newshape = (newshape,)
    shape = tuple(d if d is None else operator.index(d) for d in newshape)
    return _reshape(x, newshape=_resolve_shape(x.shape, shape))


def _resolve_shape(old: Shape, new: Shape) -> Shape:
    """Replace -1 in `new` by what the size of `old` leaves for it (None where that is unknown)."""
    size = known_size(old)
    unknown = [i for i, d in enumerate(new) if d == -1 or d is None]
    if size is None:
        return tuple(None if i in unknown else d for i, d in enumerate(new))
    if len(unknown) > 1:
        raise ValueError(f"Only one dimension can be -1. Received: newshape={new}")
    known = known_size(tuple(d for i, d in enumerate(new) if i not in unknown))
    if unknown and known and size % known == 0:
        return tuple(size // known if i in unknown else d for i, d in enumerate(new))
    if known != size or (unknown and size):
        raise ValueError(
            f"Cannot reshape a tensor of shape {old} ({size} elements) to {new}: the number of elements must stay "
            "the same."
        )
    return tuple(0 if i in unknown else d for i, d in enumerate(new))


def expand_dims(x: Any, axis: int | Sequence[int]) -> Tensor:
    """Return `x` with an axis of length one put in at each position of `axis`."""
    x = as_tensor(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    axes = normalize_axes(axis, x.ndim + count)
    rest = iter(x.shape)
    return _reshape(x, newshape=tuple(1 if i in axes else next(rest) for i in range(x.ndim + count)))


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """Return `x` without its axes of length one (all of them, or those in `axis`)."""
    x = as_tensor(x)
    if axis is None:
        return _reshape(x, newshape=tuple(d for d in x.shape if d != 1))
    axes = normalize_axes(axis, x.ndim)
    for a in axes:
        if x.shape[a] not in (1, None):
            raise ValueError(f"Cannot squeeze axis {a} of a tensor of shape {x.shape}: its length is not 1.")
    return _reshape(x, newshape=tuple(d for i, d in enumerate(x.shape) if i not in axes))


# Transpose

_transpose = Primitive(
    "transpose",
    lambda xp, x, axes: x.transpose(axes),
    lambda x, axes: Abstract(tuple(x.shape[a] for a in axes), x.dtype),
    (lambda g, out, x, axes: _transpose(g, axes=_inverse(axes)),),
    view=True,
)


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    inverse = [0] * len(axes)
    for i, a in enumerate(axes):
        inverse[a] = i
    return tuple(inverse)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Return `x` with its axes in the order of `axes`, reversed by default."""
    x = as_tensor(x)
    if axes is None:
        axes = tuple(range(x.ndim))[::-1]
    else:
        axes = normalize_axes(tuple(axes), x.ndim)
        if len(axes) != x.ndim:
            raise ValueError(f"`axes` must name each of the {x.ndim} axes once. Received: axes={tuple(axes)}")
    return _transpose(x, axes=axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Return `x` with two axes exchanged."""
    x = as_tensor(x)
    axes = list(range(x.ndim))
    a, b = normalize_axis(axis1, x.ndim), normalize_axis(axis2, x.ndim)
    axes[a], axes[b] = axes[b], axes[a]
    return _transpose(x, axes=tuple(axes))


# Broadcasting, and the sum that undoes it

_broadcast_to = Primitive(
    "broadcast_to",
    lambda xp, x, shape: xp.broadcast_to(x, shape),
    lambda x, shape: Abstract(shape, x.dtype),
    (lambda g, out, x, shape: sum_to(g, x.shape),),
    view=True,
)


def broadcast_to(x: Any, shape: Sequence[int | None]) -> Tensor:
    """Return `x` repeated along new axes and along axes of length one to fill `shape`."""
    x = as_tensor(x)
    shape = tuple(shape)
    if x.shape == shape:
        return x
    fits = len(shape) >= x.ndim and all(
        d in (1, None) or t is None or d == t
        for d, t in zip(reversed(x.shape), reversed(shape), strict=False)
    )
    if not fits:
        raise ValueError(f"Cannot broadcast a tensor of shape {x.shape} to {shape}.")
    return _broadcast_to(x, shape=shape)


def _sum_dtype(dtype: np.dtype) -> np.dtype:
    """Return the type that integers are summed in: at least 32 bits, as Keras's."""
    if dtype.kind == "b":
        return np.dtype(np.int32)
    if dtype.kind in "iu" and dtype.itemsize < 4:
        return np.dtype(np.int32 if dtype.kind == "i" else np.uint32)
    return dtype


def reduced_shape(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """Return the shape that a reduction over `axes` leaves."""
    if keepdims:
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def _sum_run(xp: Any, x: Any, axis: Sequence[int], keepdims: bool) -> Any:
    dtype = x.dtype
    if dtype.char in "fd":
        return xp.sum(x, axis, None, keepdims=keepdims)
    if dtype.kind in "fV":  # sixteen bits: added up in 32
        return xp.sum(x, axis, np.float32, keepdims=keepdims).astype(dtype)
    return xp.sum(x, axis, _sum_dtype(dtype), keepdims=keepdims)


reduce_sum = Primitive(
    "reduce_sum",
    _sum_run,
    lambda x, axis, keepdims: Abstract(reduced_shape(x.shape, axis, keepdims), _sum_dtype(x.dtype)),
    (lambda g, out, x, axis, keepdims: spread(g, x.shape, axis, keepdims),),
)  # fmt: skip


reduce_mean = Piece(
    "reduce_mean",
    lambda xp, x, axis, keepdims, count: _sum_run(xp, x, axis, keepdims) / count,
    lambda x, axis, keepdims, count: reduce_sum(x, axis=axis, keepdims=keepdims) / count,
    (lambda g, out, x, axis, keepdims, count: spread(g / count, x.shape, axis, keepdims),),
)
"""The sum of floats over axes of `count` elements, divided by `count`."""


def spread(g: Tensor, shape: Shape, axis: Sequence[int], keepdims: bool) -> Tensor:
    """Return a reduction's result (or its gradient) repeated over the axes that were reduced."""
    if not keepdims and g.shape and g.shape != shape:
        g = _reshape(g, newshape=reduced_shape(shape, axis, True))
    return broadcast_to(g, shape)


def sum_to(x: Tensor, shape: Shape) -> Tensor:
    """Return `x` summed over the axes that broadcasting added to `shape` or widened in it."""
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    if lead == 0:
        axes = tuple(i for i, d in enumerate(shape) if d == 1 and x.shape[i] != 1)
        return reduce_sum(x, axis=axes, keepdims=True) if axes else x
    axes = tuple(range(lead))
    inner = tuple(i + lead for i, d in enumerate(shape) if d == 1 and x.shape[i + lead] != 1)
    if not inner:
        return reduce_sum(x, axis=axes, keepdims=False)
    return _reshape(reduce_sum(x, axis=axes + inner, keepdims=True), newshape=shape)


# Joining


def _concatenate_infer(*parts: Abstract, axis: int) -> Abstract:
    first = parts[0]
    lengths = [p.shape[axis] for p in parts]
    length = None if None in lengths else sum(lengths)  # type: ignore[arg-type]
    shape = tuple(
        length if i == axis else next((p.shape[i] for p in parts if p.shape[i] is not None), None)
        for i in range(first.ndim)
    )
    return Abstract(shape, first.dtype)


def _concatenate_vjp(
    g: Tensor, out: Tensor, inputs: Sequence[Tensor], wanted: Sequence[bool], axis: int
) -> list:
    from kerasish.autograd.primitives.indexing import slice_

    result, start = [], 0
    for part, want in zip(inputs, wanted, strict=True):
        stop = start + part.shape[axis]
        index = (slice(None),) * axis + (slice(start, stop),)
        result.append(slice_(g, index=index) if want else None)
        start = stop
    return result


_concatenate = Primitive(
    "concatenate",
    lambda xp, *parts, axis: xp.concatenate(parts, axis),
    _concatenate_infer,
    vjp_all=_concatenate_vjp,
)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Return tensors joined along an existing axis; they agree in every other."""
    parts = _common(xs, "concatenate")
    axis = normalize_axis(axis, parts[0].ndim)
    for part in parts[1:]:
        same = part.ndim == parts[0].ndim and all(
            i == axis or a == b or a is None or b is None
            for i, (a, b) in enumerate(zip(part.shape, parts[0].shape, strict=True))
        )
        if not same:
            raise ValueError(
                f"Tensors to concatenate along axis {axis} must agree in all other axes. "
                f"Received shapes: {[p.shape for p in parts]}"
            )
    return _concatenate(*parts, axis=axis)


def stack(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Return tensors of one shape joined along a new axis."""
    parts = _common(xs, "stack")
    for part in parts[1:]:
        if len(part.shape) != len(parts[0].shape) or any(
            a != b and a is not None and b is not None
            for a, b in zip(part.shape, parts[0].shape, strict=True)
        ):
            raise ValueError(
                f"Tensors to stack must have one shape. Received shapes: {[p.shape for p in parts]}"
            )
    axis = normalize_axis(axis, parts[0].ndim + 1)
    return _concatenate(*[expand_dims(part, axis) for part in parts], axis=axis)


def _common(xs: Sequence[Any], what: str) -> list[Tensor]:
    """Return `xs` as tensors of one dtype."""
    from kerasish.autograd import dtypes

    if isinstance(xs, Tensor):
        xs = list(xs)
    parts = [as_tensor(x) for x in xs]
    if not parts:
        raise ValueError(f"`{what}` needs at least one tensor. Received an empty sequence.")
    if len({p._value.dtype for p in parts}) > 1:
        dtype = dtypes.result_type(*(p.dtype for p in parts))
        parts = [as_tensor(p, dtype) for p in parts]
    return parts


# Padding and flipping


def _pad_shape(shape: Shape, width: Sequence[tuple[int, int]]) -> Shape:
    return tuple(None if d is None else d + a + b for d, (a, b) in zip(shape, width, strict=True))


def _unpad(g: Tensor, shape: Shape, width: Sequence[tuple[int, int]]) -> Tensor:
    from kerasish.autograd.primitives.indexing import slice_

    return slice_(g, index=tuple(slice(a, a + d) for d, (a, _) in zip(shape, width, strict=True)))


pad_constant = Primitive(
    "pad",
    lambda xp, x, width, value: xp.pad(x, width, mode="constant", constant_values=value),
    lambda x, width, value: Abstract(_pad_shape(x.shape, width), x.dtype),
    (lambda g, out, x, width, value: _unpad(g, x.shape, width),),
)

flip_axes = Primitive(
    "flip",
    lambda xp, x, axis: xp.flip(x, axis),
    lambda x, axis: Abstract(x.shape, x.dtype),
    (lambda g, out, x, axis: flip_axes(g, axis=axis),),
    view=True,
)

copy = Primitive(
    "copy",
    lambda xp, x: x.copy(),
    lambda x: Abstract(x.shape, x.dtype),
    (lambda g, out, x: g,),
)

identity_p = Primitive(
    "identity",
    lambda xp, x: x,
    lambda x: Abstract(x.shape, x.dtype),
    (lambda g, out, x: g,),
    view=True,
)
"""The same values as another tensor: what a variable holds now, still linked to it."""


def present(x: Tensor) -> Tensor:
    """Return `x`, or what it holds now where it is a variable: that may be assigned to later."""
    if not x.mutable:
        return x
    return identity_p(x) if x._tracked else x.value  # type: ignore[attr-defined]


stop_gradient_p = Primitive("stop_gradient", lambda xp, x: x, lambda x: Abstract(x.shape, x.dtype), view=True)
