"""Creation, shapes, reductions, order and products: the NumPy part of `keras.ops`."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config, devices
from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing, linalg, reductions
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.elementwise import where as _where
from kerasish.autograd.primitives.shapes import normalize_axes, normalize_axis
from kerasish.autograd.tensor import Tensor, as_tensor, no_value

Axis = int | Sequence[int] | None


def _constant(array: Any) -> Tensor:
    result = object.__new__(Tensor)
    result._value = array
    return result


# Creation


def array(x: Any, dtype: Any = None) -> Tensor:
    """Return `x` as a tensor."""
    return s.present(as_tensor(x, dtype))


def zeros(shape: Sequence[int], dtype: Any = None) -> Tensor:
    """Return zeros of `shape`."""
    return _constant(devices.default_module().zeros(shape, dtypes.to_numpy_dtype(dtype)))


def ones(shape: Sequence[int], dtype: Any = None) -> Tensor:
    """Return ones of `shape`."""
    return _constant(devices.default_module().ones(shape, dtypes.to_numpy_dtype(dtype)))


def empty(shape: Sequence[int], dtype: Any = None) -> Tensor:
    """Return a tensor of `shape` with whatever values."""
    return zeros(shape, dtype)


def full(shape: int | Sequence[int], fill_value: Any, dtype: Any = None) -> Tensor:
    """Return `fill_value` repeated to fill `shape`."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return s.copy(s.broadcast_to(as_tensor(fill_value, dtypes.standardize_dtype(dtype)), shape))


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Return zeros of the shape (and dtype) of `x`."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Return ones of the shape (and dtype) of `x`."""
    return full_like(x, 1, dtype)


def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """Return a tensor of the shape (and dtype) of `x` with whatever values."""
    return full_like(x, 0, dtype)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """Return `fill_value` repeated to the shape (and dtype) of `x`."""
    x = as_tensor(x)
    value = as_tensor(fill_value, dtype or x.dtype)
    if None in x.shape:
        # The shape is only known to the tensor itself: choose the value everywhere, whatever is there.
        return _where(e.logical_or(e.equal(x, x), True), value, cast(x, value.dtype))
    return s.copy(s.broadcast_to(value, x.shape))


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Return evenly spaced numbers from `start` (0 if only one number is given) up to but not including `stop`."""
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if dtype is None:
        kinds = [type(v) if type(v) in (int, float) else as_tensor(v).dtype for v in (start, stop, step)]
        dtype = dtypes.result_type(*kinds)
    numbers = [v.item() if isinstance(v, Tensor) else v for v in (start, stop, step)]
    return _constant(devices.default_module().arange(*numbers, dtype=dtypes.to_numpy_dtype(dtype)))


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return `num` evenly spaced numbers from `start` to `stop`, along a new axis for tensor ends."""
    start, stop = _common_float(start, stop)
    dtype = dtype or start.dtype
    intervals = num - 1 if endpoint else num
    step = (stop - start) / builtins.max(intervals, 1)
    grid = reshape(arange(num, dtype=start.dtype), (num,) + (1,) * builtins.max(start.ndim, stop.ndim))
    result = start + grid * step
    if endpoint and num > 1:
        result = _where(e.equal(grid, num - 1), stop, result)
    result = cast(moveaxis(result, 0, axis) if axis else result, dtype)
    return (result, step) if retstep else result


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """Return `base` to the power of `num` evenly spaced exponents from `start` to `stop`."""
    return cast(e.power(base, linspace(start, stop, num, endpoint, axis=axis)), dtype or config.floatx())


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Return ones on diagonal `k` of an N x M matrix and zeros elsewhere."""
    return _constant(devices.default_module().eye(N, M, k, dtypes.to_numpy_dtype(dtype)))


def identity(n: int, dtype: Any = None) -> Tensor:
    """Return the identity matrix of size `n`."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Return ones at and below diagonal `k` of an N x M matrix and zeros above."""
    return _constant(devices.default_module().tri(N, M, k, dtypes.to_numpy_dtype(dtype)))


def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Return coordinate grids of one-dimensional tensors."""
    parts = [s.reshape(p, (-1,)) for p in x]
    if indexing not in ("xy", "ij"):
        raise ValueError(f"`indexing` must be 'xy' or 'ij'. Received: indexing={indexing!r}")
    rank = len(parts)
    order = list(range(rank))
    if indexing == "xy" and rank > 1:
        order[0], order[1] = 1, 0
    shape = [1] * rank
    for i, p in enumerate(parts):
        shape[order[i]] = p.shape[0]
    placed = [
        s.reshape(p, [p.shape[0] if order[i] == j else 1 for j in range(rank)]) for i, p in enumerate(parts)
    ]
    return [s.broadcast_to(p, tuple(shape)) for p in placed]


# Shapes


def reshape(x: Any, newshape: int | Sequence[int]) -> Tensor:
    """Return the values of `x` in the same order under `newshape`; one dimension may be -1 (the rest)."""
    return s.reshape(x, newshape)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Return `x` with its axes in the order of `axes`, reversed by default."""
    return s.transpose(x, axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Return `x` with two axes exchanged."""
    return s.swapaxes(x, axis1, axis2)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return `x` with the axes `source` moved to the positions `destination`."""
    x = as_tensor(x)
    sources, targets = normalize_axes(source, x.ndim), normalize_axes(destination, x.ndim)
    if len(sources) != len(targets):
        raise ValueError(f"`source` and `destination` must be as many. Received: {source} and {destination}")
    order = [a for a in range(x.ndim) if a not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return s.transpose(x, order)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Tensor:
    """Return `x` with an axis of length one put in at `axis`."""
    return s.expand_dims(x, axis)


def squeeze(x: Any, axis: Axis = None) -> Tensor:
    """Return `x` without its axes of length one (all of them, or those in `axis`)."""
    return s.squeeze(x, axis)


def ravel(x: Any) -> Tensor:
    """Return `x` as one axis."""
    return s.reshape(x, (-1,))


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """Return `x` repeated along new axes and along axes of length one to fill `shape`."""
    return s.present(s.broadcast_to(x, shape))


def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """Return tensors joined along an existing axis."""
    return s.concatenate(xs, axis)


def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """Return tensors of one shape joined along a new axis."""
    return s.stack(x, axis)


def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """Return `x2` joined to the end of `x1` along `axis` (both flattened where None)."""
    return concatenate([ravel(x1), ravel(x2)]) if axis is None else concatenate([x1, x2], axis)


def hstack(xs: Sequence[Any]) -> Tensor:
    """Return tensors joined along their second axis (their first, if they have one)."""
    parts = [s.reshape(x, (1,)) if as_tensor(x).ndim == 0 else as_tensor(x) for x in xs]
    return s.concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(xs: Sequence[Any]) -> Tensor:
    """Return tensors joined along their first axis, vectors as rows."""
    return s.concatenate([s.reshape(x, (1, -1)) if as_tensor(x).ndim < 2 else x for x in xs], 0)


def dstack(xs: Sequence[Any]) -> Tensor:
    """Return tensors joined along their third axis."""
    parts = [as_tensor(x) for x in xs]
    parts = [
        s.reshape(p, (1, -1, 1)) if p.ndim < 2 else expand_dims(p, 2) if p.ndim == 2 else p for p in parts
    ]
    return s.concatenate(parts, 2)


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Return `x` cut along `axis` into equal parts, or at the given indices."""
    x = as_tensor(x)
    axis = normalize_axis(axis, x.ndim)
    length = x.shape[axis]
    if isinstance(indices_or_sections, int):
        if length is None or length % indices_or_sections:
            raise ValueError(
                f"Axis {axis} of length {length} cannot be split into {indices_or_sections} equal parts. "
                f"Received: shape={x.shape}"
            )
        step = length // indices_or_sections
        bounds = list(range(0, length + 1, step)) if step else [0] * (indices_or_sections + 1)
    else:
        bounds = [0, *_static(indices_or_sections), length]
    lead = (slice(None),) * axis
    return [indexing.slice_(x, index=(*lead, slice(a, b))) for a, b in zip(bounds, bounds[1:], strict=False)]


def _static(numbers: Any) -> list[int]:
    """Return numbers that decide about shapes as Python ints."""
    return [int(n) for n in (numbers.numpy() if isinstance(numbers, Tensor) else numbers)]


def array_split(x: Any, indices_or_sections: int, axis: int = 0) -> list[Tensor]:
    """Return `x` cut along `axis` into parts of nearly equal length."""
    length = as_tensor(x).shape[axis]
    each, extra = divmod(length, indices_or_sections)
    sizes = [each + 1] * extra + [each] * (indices_or_sections - extra)
    return split(x, np.cumsum(sizes)[:-1].tolist(), axis)


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Return `x` with each slice along `axis` repeated (each element of the flattened tensor by default)."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    axis = normalize_axis(axis, x.ndim)
    if isinstance(repeats, (int, np.integer)):
        wide = s.expand_dims(x, axis + 1)
        wide = s.broadcast_to(wide, wide.shape[: axis + 1] + (repeats,) + x.shape[axis + 1 :])
        length = None if x.shape[axis] is None else x.shape[axis] * repeats
        return s.reshape(wide, x.shape[:axis] + (length,) + x.shape[axis + 1 :])
    index = np.repeat(np.arange(x.shape[axis]), _static(repeats))
    return indexing.take(x, index.astype(np.int32), axis)


def tile(x: Any, repeats: int | Sequence[int]) -> Tensor:
    """Return `x` repeated as a whole `repeats` times along each axis."""
    x = as_tensor(x)
    repeats = (repeats,) if isinstance(repeats, int) else tuple(int(r) for r in repeats)
    rank = builtins.max(x.ndim, len(repeats))
    repeats = (1,) * (rank - len(repeats)) + repeats
    shape = (1,) * (rank - x.ndim) + x.shape
    spaced = s.reshape(x, [d for length in shape for d in (1, length)])
    wide = s.broadcast_to(
        spaced, tuple(d for r, length in zip(repeats, shape, strict=True) for d in (r, length))
    )
    return s.reshape(wide, tuple(None if d is None else r * d for r, d in zip(repeats, shape, strict=True)))


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """Return `x` with `pad_width` (an int, a pair, or a pair an axis) added before and after each axis.

    Args:
        x: The tensor.
        pad_width: An int, `(before, after)`, or a pair for each axis.
        mode: `"constant"`, `"reflect"`, `"symmetric"` or `"edge"`.
        constant_values: The value for `"constant"`, 0 by default.
    """
    x = as_tensor(x)
    width = np.broadcast_to(np.asarray(pad_width, dtype=int), (x.ndim, 2)).tolist()
    if mode == "constant":
        value = 0 if constant_values is None else constant_values
        return s.pad_constant(x, width=tuple(map(tuple, width)), value=value)
    if constant_values is not None:
        raise ValueError(f"`constant_values` goes with mode='constant'. Received: mode={mode!r}")
    if mode not in ("reflect", "symmetric", "edge"):
        raise ValueError(
            f"`mode` must be 'constant', 'reflect', 'symmetric' or 'edge'. Received: mode={mode!r}"
        )
    for axis, (before, after) in enumerate(width):
        if before or after:
            source = np.pad(np.arange(x.shape[axis]), (before, after), mode=mode)
            x = indexing.take(x, source.astype(np.int32), axis)
    return s.present(x)


def flip(x: Any, axis: Axis = None) -> Tensor:
    """Return `x` with the order along `axis` (all axes by default) reversed."""
    x = as_tensor(x)
    return s.flip_axes(x, axis=normalize_axes(axis, x.ndim))


def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """Return `x` with its values moved `shift` places along `axis`, around the end."""
    x = as_tensor(x)
    if axis is None:
        return s.reshape(roll(ravel(x), shift, 0), x.shape)
    axes = normalize_axes(axis, x.ndim)
    for a, by in zip(axes, np.broadcast_to(shift, len(axes)).tolist(), strict=True):
        by = by % x.shape[a] if x.shape[a] else 0
        if by:
            tail, head = split(x, [x.shape[a] - by], a)
            x = concatenate([head, tail], a)
    return s.present(x)


def copy(x: Any) -> Tensor:
    """Return a copy of `x` with memory of its own."""
    return s.copy(as_tensor(x))


def ndim(x: Any) -> int:
    """Return the number of axes of `x`."""
    return as_tensor(x).ndim


def size(x: Any) -> int:
    """Return the number of elements of `x`."""
    return as_tensor(x).size


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


# Choice


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
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = _where(condition, choice, result)
    return result


def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """Return `x` limited to the range from `x_min` to `x_max`."""
    x = as_tensor(x)
    dtype = x._value.dtype
    if x_min is not None:
        x = e.maximum(x, x_min if isinstance(x_min, (int, float)) else as_tensor(x_min, x.dtype))
    if x_max is not None:
        x = e.minimum(x, x_max if isinstance(x_max, (int, float)) else as_tensor(x_max, x.dtype))
    x = x if dtype.kind == "b" or x._value.dtype.kind != dtype.kind else cast(x, dtype)
    return s.present(x)


def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """Return x1 / x2, and 0 where x2 is 0."""
    x1, x2 = _common_float(x1, x2)
    zero = e.equal(x2, 0)
    return _where(zero, 0.0, x1 / _where(zero, 1.0, x2))


def _common_float(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    kinds = [type(v) if type(v) in (int, float) else as_tensor(v).dtype for v in (x1, x2)]
    dtype = dtypes.result_type(*kinds, float)
    return as_tensor(x1, dtype), as_tensor(x2, dtype)


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Return `x` with NaN and the infinities replaced (the infinities by the largest finite numbers)."""
    x = as_tensor(x)
    if x._value.dtype.kind not in "fc":
        return s.present(x)
    limits = np.finfo(x._value.dtype)
    infinite = e.isinf(x)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    x = _where(e.isnan(x), nan, x)
    return _where(infinite, _where(e.greater(x, 0), as_tensor(high, x.dtype), as_tensor(low, x.dtype)), x)


# Reductions


def _axes(x: Tensor, axis: Axis) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(len(x._value.shape)))
    if type(axis) is int:
        rank = len(x._value.shape)
        if 0 <= axis < rank:
            return (axis,)
        if -rank <= axis < 0:
            return (axis + rank,)
    return normalize_axes(axis, x.ndim)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axis` (all axes by default); small integers are summed in 32 bits."""
    x = x if isinstance(x, Tensor) else as_tensor(x)
    return s.reduce_sum(x, axis=_axes(x, axis), keepdims=keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axis` (all axes by default); integers have a float mean."""
    x = x if isinstance(x, Tensor) else as_tensor(x)
    if x._value.dtype.kind in "biu":
        x = cast(x, config.floatx())
    axes = _axes(x, axis)
    count = 1
    for a in axes:
        length = x.shape[a]
        if length is None:
            return _unknown_mean(x, axes, keepdims)
        count *= length
    total = s.reduce_sum(x, axis=axes, keepdims=keepdims)
    return total / count if count else total / as_tensor(0.0, total.dtype)


def _unknown_mean(x: Tensor, axes: tuple, keepdims: bool) -> Tensor:
    """The mean over an axis of unknown length, which only symbolic tensors have: its count is symbolic too."""
    counts = s.reduce_sum(ones_like(x), axis=axes, keepdims=keepdims)
    return s.reduce_sum(x, axis=axes, keepdims=keepdims) / counts


def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Return the largest value over `axis` (all axes by default)."""
    return _extremum(reductions.reduce_max, e.maximum, x, axis, keepdims, initial)


def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Return the smallest value over `axis` (all axes by default)."""
    return _extremum(reductions.reduce_min, e.minimum, x, axis, keepdims, initial)


amax, amin = max, min


def _extremum(reduce: Any, pair: Any, x: Any, axis: Axis, keepdims: bool, initial: Any) -> Tensor:
    x = as_tensor(x)
    axes = _axes(x, axis)
    if builtins.any(x.shape[a] == 0 for a in axes):
        if initial is None:
            raise ValueError(
                f"An axis without elements has no {reduce.name[7:]}. Received: shape={x.shape}, axis={axis}. Pass "
                "`initial=` to say what it should be."
            )
        return full(s.reduced_shape(x.shape, axes, keepdims), initial, x.dtype)
    result = reduce(x, axis=axes, keepdims=keepdims) if axes else s.present(x)
    return result if initial is None else cast(pair(result, initial), x.dtype)


def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """Return the product over `axis` (all axes by default)."""
    x = as_tensor(x, dtype)
    return reductions.reduce_prod(x, axis=_axes(x, axis), keepdims=keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether all values over `axis` are true."""
    x = cast(x, "bool")
    return reductions.reduce_all(x, axis=_axes(x, axis), keepdims=keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return whether any value over `axis` is true."""
    x = cast(x, "bool")
    return reductions.reduce_any(x, axis=_axes(x, axis), keepdims=keepdims)


def count_nonzero(x: Any, axis: Axis = None) -> Tensor:
    """Return how many values over `axis` are not zero."""
    return sum(cast(e.not_equal(as_tensor(x), 0), "int32"), axis)


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the variance over `axis` (the mean squared distance from the mean)."""
    x = as_tensor(x)
    if x._value.dtype.kind in "biu":
        x = cast(x, config.floatx())
    return mean(e.square(x - mean(x, axis, keepdims=True)), axis, keepdims)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over `axis`."""
    return e.sqrt(var(x, axis, keepdims))


def average(x: Any, axis: Axis = None, weights: Any = None) -> Tensor:
    """Return the mean over `axis` weighted by `weights`."""
    x = as_tensor(x)
    if weights is None:
        return mean(x, axis)
    weights = as_tensor(weights)
    x, weights = _common_float(x, weights)
    if weights.ndim == 1 and x.ndim > 1 and isinstance(axis, int):
        shape = [1] * x.ndim
        shape[axis] = -1
        weights = s.reshape(weights, shape)
    weights = s.broadcast_to(weights, x.shape)
    return sum(x * weights, axis) / sum(weights, axis)


def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest value less the smallest over `axis`."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the largest value along `axis` (in the flattened tensor by default), as int32."""
    return _position(reductions.argmax, x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the position of the smallest value along `axis` (in the flattened tensor by default), as int32."""
    return _position(reductions.argmin, x, axis, keepdims)


def _position(primitive: Any, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    x = x if isinstance(x, Tensor) else as_tensor(x)
    if axis is None:
        found = primitive(ravel(x), axis=0, keepdims=False)
        return s.reshape(found, (1,) * x.ndim) if keepdims else found
    return primitive(x, axis=normalize_axis(axis, x.ndim), keepdims=keepdims)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return the running sum along `axis` (of the flattened tensor by default)."""
    x = _countable(x, dtype)
    if axis is None:
        x, axis = ravel(x), 0
    return reductions.cumsum(x, axis=normalize_axis(axis, x.ndim))


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return the running product along `axis` (of the flattened tensor by default)."""
    x = _countable(x, dtype)
    if axis is None:
        x, axis = ravel(x), 0
    return s.present(reductions.running_product(x, normalize_axis(axis, x.ndim)))


def _countable(x: Any, dtype: Any) -> Tensor:
    """Return `x` as a tensor of `dtype`, or of its own but for booleans."""
    x = as_tensor(x, dtype)
    return cast(x, "int32") if dtype is None and x.dtype == "bool" else x


def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Return the `n`-th differences of neighbors along `axis`."""
    a = as_tensor(a)
    axis = normalize_axis(axis, a.ndim)
    lead = (slice(None),) * axis
    less = e.not_equal if a.dtype == "bool" else e.subtract
    for _ in range(n):
        after = indexing.slice_(a, index=(*lead, slice(1, None)))
        a = less(after, indexing.slice_(a, index=(*lead, slice(None, -1))))
    return s.present(a)


# Order


def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """Return the positions that sort `x` along `axis`, equal values in their order, as int32."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return reductions.argsort(x, axis=normalize_axis(axis, x.ndim)) if x.ndim else zeros((), "int32")


def sort(x: Any, axis: int | None = -1) -> Tensor:
    """Return `x` sorted in ascending order along `axis`."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return indexing.take_along_axis(x, argsort(x, axis), axis) if x.ndim else s.present(x)


def flipud(x: Any) -> Tensor:
    """Return `x` with its rows in reverse order."""
    return flip(x, 0)


def fliplr(x: Any) -> Tensor:
    """Return `x` with its columns in reverse order."""
    return flip(x, 1)


def digitize(x: Any, bins: Sequence[float]) -> Tensor:
    """Return the number of the bin that each value falls into, as int32."""
    x, bins = as_tensor(x), as_tensor(bins)
    above = e.greater_equal(s.expand_dims(x, -1), bins)
    return sum(cast(above, "int32"), -1)


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    """Return where each value would go into a sorted vector to keep it sorted, as int32."""
    if side not in ("left", "right"):
        raise ValueError(f"`side` must be 'left' or 'right'. Received: side={side!r}")
    edges, values = as_tensor(sorted_sequence), as_tensor(values)
    compare = e.greater if side == "left" else e.greater_equal
    return sum(cast(compare(s.expand_dims(values, -1), edges), "int32"), -1)


# Products


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


def round(x: Any, decimals: int = 0) -> Tensor:
    """Return `x` rounded to `decimals` places, halves to even."""
    x = as_tensor(x)
    if x._value.dtype.kind in "biu" and decimals >= 0:
        return cast(x, "int32") if x.dtype == "bool" else s.present(x)
    if not decimals:
        return e.rint(x)
    factor = 10.0**decimals
    return cast(e.rint(x * factor) / factor, x.dtype)


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether |x1 - x2| <= atol + rtol |x2|, elementwise."""
    x1, x2 = _common_float(x1, x2)
    close = e.logical_or(
        e.less_equal(e.absolute(x1 - x2), atol + rtol * e.absolute(x2)) & e.isfinite(x2), e.equal(x1, x2)
    )
    return e.logical_or(close, e.logical_and(e.isnan(x1), e.isnan(x2))) if equal_nan else close


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether all values are close (see `isclose`)."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))
