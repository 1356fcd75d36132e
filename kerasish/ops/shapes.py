"""Shapes: reshaping, moving axes, joining, splitting, repeating, padding."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.shapes import normalize_axes, normalize_axis
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import Axis, static_ints


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
        bounds = [0, *static_ints(indices_or_sections), length]
    lead = (slice(None),) * axis
    return [indexing.slice_(x, index=(*lead, slice(a, b))) for a, b in zip(bounds, bounds[1:], strict=False)]


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
    index = np.repeat(np.arange(x.shape[axis]), static_ints(repeats))
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


def flipud(x: Any) -> Tensor:
    """Return `x` with its rows in reverse order."""
    return flip(x, 0)


def fliplr(x: Any) -> Tensor:
    """Return `x` with its columns in reverse order."""
    return flip(x, 1)


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


def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Return a tensor turned by 90 degrees `k` times, from the first of two axes towards the second.

    Args:
        array: Tensor of at least two axes.
        k: How often to turn it; backwards if negative.
        axes: The two axes.

    Raises:
        ValueError: If there are not two axes.
    """
    array = as_tensor(array)
    if array.ndim < 2:
        raise ValueError(f"Input array must have at least 2 dimensions. Received: array.ndim={array.ndim}")
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    first, second = normalize_axes(tuple(axes), array.ndim)
    turns = k % 4
    if turns in (0, 2):
        return flip(array, (first, second)) if turns else s.present(array)
    swapped = s.swapaxes(flip(array, second) if turns == 1 else array, first, second)
    return swapped if turns == 1 else flip(swapped, second)


def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Return `x` cut along its first axis into so many parts, or before these indices."""
    return _split_along("vsplit", x, indices_or_sections, 0)


def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Return `x` cut along its second axis (the first of a vector) into so many parts, or before these indices."""
    x = as_tensor(x)
    return _split_along("hsplit", x, indices_or_sections, 1 if x.ndim > 1 else 0)


def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Return `x` cut along its third axis into so many parts, or before these indices."""
    return _split_along("dsplit", x, indices_or_sections, 2)


def _split_along(name: str, x: Any, indices_or_sections: int | Sequence[int], axis: int) -> list[Tensor]:
    x = as_tensor(x)
    if x.ndim <= axis:
        raise ValueError(f"`{name}` needs at least {axis + 1} axes. Received: x.shape={x.shape}")
    return split(x, indices_or_sections, axis)
