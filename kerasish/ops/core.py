"""Conversions, shapes, and functions that steer gradients: the core of `keras.ops`."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import cast as _cast
from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives.elementwise import where
from kerasish.autograd.primitives.shapes import normalize_axis, present, stop_gradient_p
from kerasish.autograd.tensor import Tensor, as_tensor, is_tensor  # noqa: F401  is_tensor is public here


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


def cast(x: Any, dtype: Any) -> Tensor:
    """Return `x` as `dtype`; gradients flow between float types."""
    return present(_cast(x, dtype))


def saturate_cast(x: Any, dtype: Any) -> Tensor:
    """Return `x` as `dtype`, clipped to what `dtype` can hold."""
    from kerasish.ops.numpy import clip

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
    from kerasish.ops.numpy import zeros

    values = as_tensor(values)
    return _scatter(zeros(shape, values.dtype), indices, values, add=True)


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Tensor:
    """Return `inputs` with `updates` put (or added, if `reduction="add"`) at `indices`."""
    if reduction not in (None, "add"):
        raise ValueError(f"`reduction` must be None or 'add'. Received: reduction={reduction!r}")
    return _scatter(as_tensor(inputs), indices, as_tensor(updates), add=reduction == "add")


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


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """Return `true_fn()` if `pred` holds, else `false_fn()`.

    Where `pred` has no value yet (a symbolic tensor), both are computed and the results chosen between.
    """
    from kerasish import tree

    if isinstance(pred, Tensor) and type(pred._value) is Abstract:
        pred = _cast(pred, "bool")
        return tree.map_structure(
            lambda a, b: None if a is None else where(pred, a, b), true_fn(), false_fn()
        )
    return true_fn() if pred else false_fn()


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


def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Repeat `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` holds."""
    single = not isinstance(loop_vars, (tuple, list))
    values = (loop_vars,) if single else tuple(loop_vars)
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and cond(*values):
        result = body(*values)
        values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        count += 1
    return values[0] if single else values


def fori_loop(lower: int, upper: int, body_fun: Callable, init_val: Any) -> Any:
    """Return the result of `val = body_fun(i, val)` for `i` from `lower` up to but not including `upper`."""
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int = 1
) -> tuple[Any, Any]:
    """Carry a state along the leading axis: `carry, y = f(carry, x)` for each slice; return it and the stacked ys."""
    from kerasish import tree
    from kerasish.autograd.primitives.shapes import stack

    flat = [] if xs is None else [as_tensor(x) for x in tree.flatten(xs)]
    if not flat and length is None:
        raise ValueError("`scan` needs `xs` or `length`. Received neither.")
    steps = flat[0].shape[0] if flat else int(length)  # type: ignore[arg-type]
    carry, outputs = init, []
    for i in reversed(range(steps)) if reverse else range(steps):
        x = None if xs is None else tree.pack_sequence_as(xs, [t[i] for t in flat])
        carry, y = f(carry, x)
        outputs.append(y)
    if reverse:
        outputs.reverse()
    if not outputs or outputs[0] is None:
        return carry, None
    return carry, tree.map_structure(lambda *ys: stack(ys), *outputs)


def map(f: Callable, xs: Any) -> Any:
    """Return `f` of each slice along the leading axis, stacked."""
    return scan(lambda carry, x: (carry, f(x)), None, xs)[1]


def vectorized_map(function: Callable, elements: Any) -> Any:
    """Return `function` of each slice along the leading axis, stacked."""
    return map(function, elements)


def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """Return `branches[index](*operands)`, `index` clipped to the branches there are."""
    return branches[max(0, min(int(index), len(branches) - 1))](*operands)
