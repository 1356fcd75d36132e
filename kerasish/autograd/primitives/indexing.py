"""Primitives that read and write at positions: slices, gathers and scatters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import devices
from kerasish.autograd.abstract import Abstract, Dim, Shape, broadcast_shapes
from kerasish.autograd.primitive import Primitive, cast
from kerasish.autograd.primitives.shapes import normalize_axis, pad_constant
from kerasish.autograd.tensor import Tensor, as_tensor, no_value

Index = tuple[Any, ...]


class _ArrayHere:
    """Stands in an index for the next of the arrays that are arguments of the primitive."""

    def __repr__(self) -> str:
        return "<array>"


ARRAY = _ArrayHere()


def _slice_length(part: slice, dim: Dim) -> Dim:
    if dim is None:
        return None if (part.start, part.stop, part.step) != (0, 0, 1) else 0
    return len(range(*part.indices(dim)))


def _sliced_shape(shape: Shape, index: Index) -> Shape:
    result: list[Dim] = []
    axis = 0
    for part in index:
        if part is None:
            result.append(1)
            continue
        if isinstance(part, slice):
            result.append(_slice_length(part, shape[axis]))
        axis += 1
    return (*result, *shape[axis:])


def _slice_vjp(g: Tensor, out: Tensor, x: Tensor, index: Index) -> Tensor:
    return _unslice(g, index=index, shape=x.shape)


slice_ = Primitive(
    "slice",
    lambda xp, x, index: x[index],
    lambda x, index: Abstract(_sliced_shape(x.shape, index), x.dtype),
    (_slice_vjp,),
    view=True,
)


def _unslice_run(xp: Any, g: Any, index: Index, shape: Shape) -> Any:
    out = xp.zeros(shape, g.dtype)
    out[index] = g
    return out


_unslice = Primitive(
    "unslice",
    _unslice_run,
    lambda g, index, shape: Abstract(shape, g.dtype),
    (lambda gg, out, g, index, shape: slice_(gg, index=index),),
)
"""Zeros of `shape` with the argument at `index`: the transpose of a slice."""


def with_arrays(template: Index, arrays: Sequence[Any]) -> Index:
    rest = iter(arrays)
    return tuple(next(rest) if part is ARRAY else part for part in template)


def _gathered_shape(shape: Shape, arrays: Sequence[Abstract], template: Index) -> Shape:
    """Return the shape of advanced indexing: the arrays' broadcast shape where they stand, or in front if apart."""
    places = [i for i, part in enumerate(template) if part is ARRAY]
    middle = broadcast_shapes(*(a.shape for a in arrays))
    together = places[-1] - places[0] + 1 == len(places)
    before: list[Dim] = []
    after: list[Dim] = []
    axis = 0
    for i, part in enumerate(template):
        target = before if together and i < places[0] else after
        if part is None:
            target.append(1)
            continue
        if isinstance(part, slice):
            target.append(_slice_length(part, shape[axis]))
        axis += 1
    after.extend(shape[axis:])
    return (*before, *middle, *after)


def _gather_vjp(
    g: Tensor, out: Tensor, inputs: Sequence[Any], wanted: Sequence[bool], template: Index
) -> list:
    x, *arrays = inputs
    zeros = as_tensor(np.zeros((), x._value.dtype))
    return [_scatter_add(_fill(zeros, x.shape), g, *arrays, template=template)] + [None] * len(arrays)


def _fill(zero: Tensor, shape: Shape) -> Tensor:
    from kerasish.autograd.primitives.shapes import broadcast_to

    return broadcast_to(zero, shape)


gather = Primitive(
    "gather",
    lambda xp, x, *arrays, template: x[with_arrays(template, arrays)],
    lambda x, *arrays, template: Abstract(_gathered_shape(x.shape, arrays, template), x.dtype),
    vjp_all=_gather_vjp,
)


def _scatter_vjp(
    g: Tensor, out: Tensor, inputs: Sequence[Any], wanted: Sequence[bool], template: Index
) -> list:
    x, values, *arrays = inputs
    from kerasish.autograd.primitives.shapes import sum_to

    of_values = sum_to(gather(g, *arrays, template=template), values.shape) if wanted[1] else None
    return [g if wanted[0] else None, of_values] + [None] * len(arrays)


_scatter_add = Primitive(
    "scatter_add",
    lambda xp, x, values, *arrays, template: xp.index_add(x, with_arrays(template, arrays), values),
    lambda x, values, *arrays, template: Abstract(x.shape, x.dtype),
    vjp_all=_scatter_vjp,
)


def scatter_add(x: Tensor, values: Tensor, arrays: Sequence[Tensor], template: Index) -> Tensor:
    """Return `x` with `values` added at the positions that `template` and its `arrays` name."""
    return _scatter_add(x, values, *arrays, template=template)


def _set_run(xp: Any, x: Any, values: Any, *arrays: Any, template: Index) -> Any:
    out = x.copy()
    out[with_arrays(template, arrays)] = values
    return out


def _set_vjp(g: Tensor, out: Tensor, inputs: Sequence[Any], wanted: Sequence[bool], template: Index) -> list:
    x, values, *arrays = inputs
    from kerasish.autograd.primitives.shapes import sum_to

    of_x = scatter_set(g, as_tensor(np.zeros((), g._value.dtype)), arrays, template) if wanted[0] else None
    picked = gather(g, *arrays, template=template) if arrays else slice_(g, index=template)
    return [of_x, sum_to(picked, values.shape) if wanted[1] else None] + [None] * len(arrays)


_scatter_set = Primitive(
    "scatter_set",
    _set_run,
    lambda x, values, *arrays, template: Abstract(x.shape, x.dtype),
    vjp_all=_set_vjp,
)


def scatter_set(x: Tensor, values: Tensor, arrays: Sequence[Tensor], template: Index) -> Tensor:
    """Return `x` with `values` put at the positions that `template` and its `arrays` name."""
    return _scatter_set(x, cast(values, x._value.dtype), *arrays, template=template)


# Slices that belong together


def _segments_run(xp: Any, data: Any, ids: Any, count: int, how: str) -> Any:
    start = xp.full((count, *data.shape[1:]), _segment_start(data.dtype, how), data.dtype)
    return xp.index_combine(start, (ids,), data, how)


def _segment_start(dtype: np.dtype, how: str) -> Any:
    """Return what changes nothing when it is combined with another number."""
    if how == "multiply":
        return 1
    sign = -1 if how == "maximum" else 1
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min if sign < 0 else limits.max
    return sign > 0 if dtype.kind == "b" else sign * np.inf


def _segments_vjp(
    g: Tensor, out: Tensor, inputs: Sequence[Any], wanted: Sequence[bool], count: int, how: str
) -> list:
    from kerasish.autograd.primitives.elementwise import equal, where

    data, ids = inputs
    rows = (ARRAY,)
    zeros = _fill(as_tensor(np.zeros((), data._value.dtype)), out.shape)
    if how != "multiply":  # to the places that hold the extremum, in equal shares where several do
        chosen = cast(equal(data, gather(out, ids, template=rows)), g.dtype)
        shares = _scatter_add(zeros, chosen, ids, template=rows)
        safe = where(equal(shares, 0), 1.0, shares)
        return [gather(g / safe, ids, template=rows) * chosen, None]
    # The product of all the others: of those that are not zero, unless another one is.
    zero = equal(data, 0)
    nonzero = where(zero, 1.0, data)
    product = gather(_segments(nonzero, ids, count=count, how="multiply"), ids, template=rows)
    zeros_there = gather(
        _scatter_add(zeros, cast(zero, g.dtype), ids, template=rows), ids, template=rows
    ) - cast(zero, g.dtype)
    others = where(equal(zeros_there, 0), product / nonzero, 0.0)
    return [gather(g, ids, template=rows) * others, None]


_segments = Primitive(
    "segments",
    _segments_run,
    lambda data, ids, count, how: Abstract((count, *data.shape[1:]), data.dtype),
    vjp_all=_segments_vjp,
)


def combine_segments(data: Tensor, ids: Tensor, count: int, how: str) -> Tensor:
    """Return, for each segment, the `"maximum"`, `"minimum"` or product (`"multiply"`) of its slices of `data`."""
    return _segments(data, ids, count=count, how=how)


# Gathers along one axis

_take_along = Primitive(
    "take_along_axis",
    lambda xp, x, indices, axis: xp.take_along_axis(x, indices, axis),
    lambda x, indices, axis: Abstract(
        broadcast_shapes(x.shape[:axis] + (1,) + x.shape[axis + 1 :], indices.shape), x.dtype
    ),
    (
        lambda g, out, x, indices, axis: _put_along_add(
            _fill(as_tensor(np.zeros((), x._value.dtype)), x.shape), indices, g, axis=axis
        ),
        None,
    ),
)

_put_along_add = Primitive(
    "put_along_axis_add",
    lambda xp, x, indices, values, axis: xp.put_along_axis_add(x, indices, values, axis),
    lambda x, indices, values, axis: Abstract(x.shape, x.dtype),
    (
        lambda g, out, x, indices, values, axis: g,
        None,
        lambda g, out, x, indices, values, axis: _take_along(g, indices, axis=axis),
    ),
)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Return, for each index along `axis`, the value of `x` there; the other axes broadcast."""
    from kerasish.autograd.primitives.shapes import broadcast_to, reshape

    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    if x.ndim != indices.ndim:
        raise ValueError(
            f"`x` and `indices` must have the same number of axes. Received: x.shape={x.shape}, "
            f"indices.shape={indices.shape}"
        )
    axis = normalize_axis(axis, x.ndim)
    whole = broadcast_shapes(*(t.shape[:axis] + (1,) + t.shape[axis + 1 :] for t in (x, indices)))
    x = broadcast_to(x, whole[:axis] + (x.shape[axis],) + whole[axis + 1 :])
    indices = broadcast_to(indices, whole[:axis] + (indices.shape[axis],) + whole[axis + 1 :])
    return _take_along(x, indices, axis=axis)


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Return the slices of `x` at `indices` along `axis` (of the flattened tensor by default)."""
    from kerasish.autograd.primitives.shapes import reshape

    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = normalize_axis(axis, x.ndim)
    return gather(x, indices, template=(slice(None),) * axis + (ARRAY,))


# Python's indexing


def getitem(x: Tensor, key: Any) -> Tensor:
    """Return `x[key]`: basic indices slice, integer arrays gather, boolean masks pick (eagerly only)."""
    arrays, template = parse_index(x, key)
    return gather(x, *arrays, template=template) if arrays else slice_(x, index=template)


def parse_index(x: Tensor, key: Any) -> tuple[list[Tensor], Index]:
    """Split an index into its arrays and a template of slices, ints, None, and `ARRAY` where an array goes.

    Raises:
        IndexError: If there are more indices than axes, or an integer is out of range.
        TypeError: If a part is nothing to index with.
    """
    parts = [_index_part(part) for part in (key if isinstance(key, tuple) else (key,))]
    used = sum(_axes_taken(part) for part in parts)
    if used > x.ndim:
        raise IndexError(
            f"Too many indices: a tensor of shape {x.shape} has {x.ndim} axes, and {used} were indexed."
        )
    if any(part is Ellipsis for part in parts):
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        if any(part is Ellipsis for part in parts[at + 1 :]):
            raise IndexError("An index can have only one ellipsis (`...`).")
        parts[at : at + 1] = [slice(None)] * (x.ndim - used)
    arrays: list[Tensor] = []
    template: list[Any] = []
    axis = 0
    gathers = any(isinstance(part, Tensor) for part in parts)
    for part in parts:
        if isinstance(part, int):
            dim = x.shape[axis]
            if dim is not None and not -dim <= part < dim:
                raise IndexError(
                    f"Index {part} is out of bounds for axis {axis} of a tensor of shape {x.shape}."
                )
        if isinstance(part, Tensor) and part._value.dtype.kind == "b":
            places = _places(part, x.shape, axis)
        elif isinstance(part, Tensor) or (gathers and isinstance(part, int)):
            places = [as_tensor(part)]
        else:
            places = []
        arrays.extend(places)
        template.extend([ARRAY] * len(places) if places else [part])
        axis += _axes_taken(part)
    return arrays, tuple(template)


def _index_part(part: Any) -> Any:
    """Return one part of an index as None, `...`, an int, a slice of ints, or an integer or bool tensor."""
    if part is None or part is Ellipsis or type(part) is int:
        return part
    if isinstance(part, slice):
        return slice(*(None if v is None else int(v) for v in (part.start, part.stop, part.step)))
    tensor = as_tensor(part) if not isinstance(part, (str, dict)) else None
    if isinstance(part, (list, tuple)) and tensor is not None and tensor.size == 0:
        tensor = cast(tensor, np.dtype(np.int32))
    if (
        tensor is None
        or tensor._value.dtype.kind not in "biu"
        or (tensor.dtype == "bool" and not tensor.ndim)
    ):
        raise TypeError(
            "Tensors are indexed by integers, slices, `...`, None, integer tensors, and bool tensors of one or more "
            f"axes. Received: {part!r}"
        )
    if tensor.ndim == 0 and type(tensor._value) is np.ndarray and not tensor.mutable:
        return int(tensor.item())
    return tensor


def _axes_taken(part: Any) -> int:
    """Return how many axes of the tensor a part of an index stands for."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, Tensor) and part._value.dtype.kind == "b" else 1


def _places(mask: Tensor, shape: Shape, axis: int) -> list[Tensor]:
    """Return a boolean mask as one integer tensor an axis: the positions where it holds."""
    if type(mask._value) is Abstract:
        raise no_value(mask, "used as a mask in an index, since the result's shape depends on it")
    covered = shape[axis : axis + mask.ndim]
    if any(d is not None and d != m for d, m in zip(covered, mask.shape, strict=True)):
        raise IndexError(
            f"A boolean index must have the shape of what it covers. Received: mask.shape={mask.shape} for axes of "
            f"lengths {covered}."
        )
    module = devices.array_module(type(mask._value))
    return [as_tensor(places) for places in module.nonzero(mask._value)]


__all__ = [
    "ARRAY",
    "gather",
    "getitem",
    "pad_constant",
    "parse_index",
    "scatter_add",
    "scatter_set",
    "slice_",
    "take",
]
