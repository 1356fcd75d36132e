"""Tensors from nothing, or in the shape of others: constants, ranges, grids."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from kerasish import config, devices
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives.elementwise import where as _where
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import common_float, constant
from kerasish.ops.shapes import moveaxis, reshape


def array(x: Any, dtype: Any = None) -> Tensor:
    """Return `x` as a tensor."""
    return s.present(as_tensor(x, dtype))


def zeros(shape: Sequence[int], dtype: Any = None) -> Tensor:
    """Return zeros of `shape`."""
    return constant(devices.default_module().zeros(shape, dtypes.to_numpy_dtype(dtype)))


def ones(shape: Sequence[int], dtype: Any = None) -> Tensor:
    """Return ones of `shape`."""
    return constant(devices.default_module().ones(shape, dtypes.to_numpy_dtype(dtype)))


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
    return constant(devices.default_module().arange(*numbers, dtype=dtypes.to_numpy_dtype(dtype)))


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
    start, stop = common_float(start, stop)
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


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Tensor:
    """Return `num` numbers from `start` to `stop` of which each is the same multiple of the one before.

    Args:
        start: The first number, or a tensor of them.
        stop: The last number, or a tensor of them, with the signs of `start`.
        num: How many there are.
        endpoint: Whether `stop` is among them.
        dtype: Their type, the default float type if None.
        axis: Where the new axis goes.
    """
    from kerasish.ops.common import common_float

    start, stop = common_float(start, stop)
    signs = e.sign(start)
    exponents = linspace(e.log(e.absolute(start)), e.log(e.absolute(stop)), num, endpoint, axis=axis)
    spread = s.expand_dims(s.broadcast_to(signs, e.add(start, stop).shape), axis)
    return cast(e.exp(exponents) * spread, dtype or start.dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Return ones on diagonal `k` of an N x M matrix and zeros elsewhere."""
    return constant(devices.default_module().eye(N, M, k, dtypes.to_numpy_dtype(dtype)))


def identity(n: int, dtype: Any = None) -> Tensor:
    """Return the identity matrix of size `n`."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Return ones at and below diagonal `k` of an N x M matrix and zeros above."""
    return constant(devices.default_module().tri(N, M, k, dtypes.to_numpy_dtype(dtype)))


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
