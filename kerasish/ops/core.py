"""Conversions, shapes, and functions that steer gradients: the core of `keras.ops`."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast as _cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.shapes import normalize_axis, present, stop_gradient_p
from kerasish.autograd.tensor import Tensor, as_tensor


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """Return `x` as a tensor.

    Example:

    >>> kerasish.ops.convert_to_tensor([1.5, 2.5]).dtype
    'float32'

    Args:
        x: A tensor, an array, a number or a nested list of numbers.
        dtype: The wanted type. By default that of tensors and arrays, the default float type for Python floats,
            `"int32"` for Python ints.
        sparse: Accepted for Keras's sake; tensors are dense.
        ragged: Accepted for Keras's sake; tensors are regular.

    Raises:
        ValueError: If `x` is ragged or no number.
    """
    if dtype is None and isinstance(x, Tensor) and not x.mutable:
        return x
    return present(as_tensor(x, dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return `x` as a NumPy array."""
    return x.numpy() if isinstance(x, Tensor) else np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Tell whether `x` is a tensor (variables and symbolic tensors are)."""
    return isinstance(x, Tensor)


def cast(x: Any, dtype: Any) -> Tensor:
    """Return `x` as `dtype`; gradients flow between float types."""
    return present(_cast(x, dtype))


def saturate_cast(x: Any, dtype: Any) -> Tensor:
    """Return `x` as `dtype`, clipped to what `dtype` can hold."""
    from kerasish.ops.arithmetic import clip

    x = as_tensor(x)
    target = dtypes.to_numpy_dtype(dtype)
    if target.kind == "b" or (
        target.kind == x._value.dtype.kind == "f" and target.itemsize >= x._value.dtype.itemsize
    ):
        return _cast(x, target)
    limits = np.finfo(target) if target.kind == "f" else np.iinfo(target)
    source = x._value.dtype
    low, high = limits.min, limits.max
    if source.kind in "iu":
        own = np.iinfo(source)
        low, high = max(int(low), own.min), min(int(high), own.max)
    elif target.kind in "iu":
        # The largest integers round up to a float that no longer fits: step one float down.
        while int(source.type(high)) > limits.max:
            high = int(np.nextafter(source.type(high), source.type(0)))
    return _cast(clip(x, type(low)(low), type(high)(high)), target)


def shape(x: Any) -> tuple:
    """Return the shape of `x` as a tuple; unknown dimensions of symbolic tensors are None."""
    return x.shape if isinstance(x, Tensor) else tuple(np.shape(x))


def dtype(x: Any) -> str:
    """Return the name of the dtype of `x`."""
    return as_tensor(x).dtype


def stop_gradient(variable: Any) -> Tensor:
    """Return the value without its history: gradients do not flow through it."""
    return stop_gradient_p(as_tensor(variable))


def slice(inputs: Any, start_indices: Sequence[int], shape: Sequence[int]) -> Tensor:
    """Return the block of `shape` that starts at `start_indices`."""
    inputs = as_tensor(inputs)
    index = tuple(_block(s, n, d) for s, n, d in zip(_ints(start_indices), shape, inputs.shape, strict=True))
    return indexing.slice_(inputs, index=index)


def slice_update(inputs: Any, start_indices: Sequence[int], updates: Any) -> Tensor:
    """Return `inputs` with the block that starts at `start_indices` replaced by `updates`."""
    inputs, updates = as_tensor(inputs), as_tensor(updates)
    index = tuple(
        _block(s, n, d) for s, n, d in zip(_ints(start_indices), updates.shape, inputs.shape, strict=True)
    )
    return indexing.scatter_set(inputs, updates, (), index)


def _block(start: int, length: int | None, dim: int | None) -> Any:
    if length is None:
        return builtins.slice(start, None)
    if dim is not None:
        start = max(0, min(start, dim - length))
    return builtins.slice(start, start + length)


def _ints(values: Any) -> list[int]:
    return [int(v) for v in (values.numpy() if isinstance(values, Tensor) else values)]


def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Tensor:
    """Return zeros of `shape` with `values` added at `indices` (their last axis is the position)."""
    from kerasish.ops.creation import zeros

    values = as_tensor(values)
    return _scatter(zeros(shape, values.dtype), indices, values, add=True)


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Tensor:
    """Return `inputs` with `updates` put at `indices`, or combined with what is there.

    Example:

    >>> kerasish.ops.scatter_update([1, 5, 3], [[0], [1], [1]], [4, 2, 9], reduction="max").numpy()
    array([4, 9, 3], dtype=int32)

    Args:
        inputs: The tensor.
        indices: Positions in its first axes, along the last axis: of shape `(n, k)` for `k` of them.
        updates: What goes there, of shape `(n, *inputs.shape[k:])`.
        reduction: None to replace (the last update of a position wins), `"add"`, `"mul"`, `"max"` or `"min"` to combine
            all updates of a position with its old value.

    Raises:
        ValueError: If `reduction` is none of these.
    """
    inputs, updates = as_tensor(inputs), as_tensor(updates)
    if reduction in (None, "add"):
        return _scatter(inputs, indices, updates, add=reduction == "add")
    if reduction not in _REDUCTIONS:
        raise ValueError(
            f"`reduction` must be None, 'add', 'mul', 'max' or 'min'. Received: reduction={reduction!r}"
        )
    indices = as_tensor(indices)
    depth = indices.shape[-1]
    rest = inputs.shape[depth:]
    places: Any = 0
    for i, length in enumerate(inputs.shape[:depth]):
        index = indices[..., i]
        places = places * length + e.where(e.less(index, 0), index + length, index)
    flat = s.reshape(inputs, (-1, *rest))
    segments, combine = _REDUCTIONS[reduction]
    updates = s.reshape(_cast(updates, inputs.dtype), (-1, *rest))
    found = indexing.combine_segments(updates, s.reshape(places, (-1,)), flat.shape[0], segments)
    return s.reshape(combine(flat, found), inputs.shape)


_REDUCTIONS = {"mul": ("multiply", e.multiply), "max": ("maximum", e.maximum), "min": ("minimum", e.minimum)}


def _scatter(x: Tensor, indices: Any, values: Tensor, add: bool) -> Tensor:
    indices = as_tensor(indices)
    arrays = [indices[..., i] for i in range(indices.shape[-1])]
    template = (indexing.ARRAY,) * len(arrays)
    if add:
        return indexing.scatter_add(x, _cast(values, x._value.dtype), arrays, template)
    return indexing.scatter_set(x, values, arrays, template)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Return the slices of `x` along `axis` as a list."""
    x = as_tensor(x)
    axis = normalize_axis(axis, x.ndim)
    length = x.shape[axis] if num is None else num
    if length is None:
        raise ValueError(f"Cannot unstack an axis of unknown length. Received: shape={x.shape}, axis={axis}")
    lead = (builtins.slice(None),) * axis
    return [indexing.slice_(x, index=(*lead, i)) for i in range(length)]


def custom_gradient(f: Callable) -> Callable:
    """Give `f` a gradient of its own.

    Example:

    >>> @kerasish.ops.custom_gradient
    ... def log1pexp(x):
    ...     e = kerasish.ops.exp(x)
    ...     def grad(*args, upstream=None):
    ...         (upstream,) = args if upstream is None else (upstream,)
    ...         return upstream * (1 - 1 / (1 + e))
    ...     return kerasish.ops.log(1 + e), grad

    Args:
        f: Takes tensors and returns `(result, gradient function)`.
    """
    from kerasish.autograd.custom import with_gradient

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return with_gradient(f, args, kwargs)

    return wrapped
