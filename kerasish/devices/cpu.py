"""The CPU: NumPy, with quicker ways into some of its functions and the few that it lacks.

Every name that is not defined here is NumPy's own. Another device's module offers the same names.
"""

from __future__ import annotations

import builtins
import math
import threading
from functools import cache
from typing import Any

import numpy as np

from kerasish.devices.cpu_convolution import (  # noqa: F401
    average_pool,
    average_pool_transpose,
    conv,
    conv_kernel_gradient,
    conv_transpose,
    max_pool,
    max_pool_pick,
    max_pool_route,
)

# NumPy's reductions behind their Python wrappers: a microsecond less a call.


def sum(x: np.ndarray, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    if x.ndim == 2 and (axis == 1 or axis == (1,)) and dtype is None and sums_by_product(x):
        return np.dot(x, row_of_ones(x.shape[1], x.dtype, keepdims))
    return np.add.reduce(x, axis, dtype, None, keepdims)


def sums_by_product(x: Any) -> bool:
    """Tell whether the rows of an array are so short that a product with ones adds them up in half the time or less."""
    return x.ndim > 1 and x.dtype.char in "fd" and 0 < x.shape[-1] <= 512 and x.size > 0


@cache
def row_of_ones(length: int, dtype: np.dtype, as_column: bool) -> np.ndarray:
    """Return ones to multiply by, which nobody may write to."""
    ones = np.ones((length, 1) if as_column else length, dtype)
    ones.flags.writeable = False
    return ones


def prod(x: np.ndarray, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    return np.multiply.reduce(x, axis, dtype, None, keepdims)


def max(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    return _extremum(np.maximum, x, axis, keepdims)


def min(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    return _extremum(np.minimum, x, axis, keepdims)


def _extremum(function: np.ufunc, x: np.ndarray, axis: Any, keepdims: bool) -> Any:
    if compares_columns(x) and axis in (-1, x.ndim - 1, (x.ndim - 1,)):
        out = np.empty((*x.shape[:-1], 1) if keepdims else x.shape[:-1], x.dtype)
        return extremum_of_rows(function, x, out)
    return function.reduce(x, axis, None, None, keepdims)


_ROWS_AT_ONCE = 4096
"""Rows that are turned into columns at once: more of them would not stay in the processor's cache."""


def compares_columns(x: Any) -> bool:
    """Tell whether rows are so short, and so many, that comparing columns takes little more than half the time."""
    return x.size >= 2048 and x.ndim > 1 and x.shape[-1] <= 16 and x.dtype.kind in "fiu"


def extremum_of_rows(function: np.ufunc, x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Return the largest or smallest number of each row of an array, in `out`.

    Args:
        function: `np.maximum` or `np.minimum`.
        x: The array.
        out: Has an element for each row.
    """
    if not out.flags.c_contiguous:
        np.copyto(out, extremum_of_rows(function, x, np.empty(out.shape, out.dtype)))
        return out
    rows, found = x.reshape(-1, x.shape[-1]), out.reshape(-1)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        function.reduce(np.ascontiguousarray(rows[part].T), 0, None, found[part])
    return out


def all(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    return np.logical_and.reduce(x, axis, None, None, keepdims)


def any(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> Any:
    return np.logical_or.reduce(x, axis, None, None, keepdims)


def argmax(x: np.ndarray, axis: int, keepdims: bool = False) -> Any:
    return x.argmax(axis, keepdims=keepdims)


def argmin(x: np.ndarray, axis: int, keepdims: bool = False) -> Any:
    return x.argmin(axis, keepdims=keepdims)


def matmul(x: np.ndarray, y: np.ndarray) -> Any:
    """Matrix product of stacks of matrices; a stack times one matrix is a single product."""
    if y.ndim == 2:
        if x.ndim == 2:
            return np.dot(x, y)
        rows = math.prod(x.shape[:-1])
        return np.dot(x.reshape(rows, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[-1])
    out = np.matmul(x, y)
    return (
        out if out.dtype == x.dtype else out.astype(x.dtype)
    )  # NumPy returns float32 for stacks of bfloat16


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow: tanh saturates where exp would not."""
    if not x.ndim:
        return sigmoid(x.reshape(1)).reshape(())
    half = x.dtype.type(0.5)
    out = np.multiply(x, half)
    np.tanh(out, out=out)
    out *= half
    out += half
    return out


def broadcast_to(x: np.ndarray, shape: tuple) -> np.ndarray:
    """Return `x` repeated to fill `shape`, as a view."""
    if x.ndim == 0:  # a fifth of the time of NumPy's own, and on the way of every mean's gradient
        return np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    return np.broadcast_to(x, shape)


def where(condition: np.ndarray, x: Any, y: Any) -> np.ndarray:
    """Return `x` where the condition holds and `y` elsewhere."""
    if type(y) in (int, float) and y == 0 and type(x) is np.ndarray:
        dtype = x.dtype
        if dtype.kind == "f" and condition.shape == x.shape and x.ndim and dtype.itemsize <= 8:
            # All bits of x where the condition holds and none elsewhere: half the time of a choice.
            return np.multiply(x.view(_INTEGERS[dtype.itemsize]), condition.view(np.int8)).view(dtype)
    return np.where(condition, x, y)


def check_classes(target: np.ndarray, count: int) -> None:
    """Raise an error if one of some class indices is not from 0 to `count` - 1."""
    seen, beyond = target, count
    if target.dtype.kind == "i":  # as unsigned numbers, negative ones are larger than all others
        unsigned, most = _unsigned(target.dtype)
        seen, beyond = target.view(unsigned), builtins.min(count, most)
    if not seen.size or np.maximum.reduce(seen, None) < beyond:
        return
    wrong = target[(target < 0) | (target >= count)]
    raise ValueError(
        f"Argument `target` holds class indices outside the classes: {wrong.size} of {target.size}, such as "
        f"{wrong[0]}. Expected indices from 0 to {count - 1}, because `output` has {count} classes."
    )


@cache
def _unsigned(dtype: np.dtype) -> tuple[np.dtype, int]:
    """Return the unsigned dtype of the same size, and how many numbers a signed one has that are not negative."""
    return np.dtype(f"u{dtype.itemsize}"), np.iinfo(dtype).max + 1


_INTEGERS = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}


def index_add(x: np.ndarray, index: Any, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return a copy of `x`, in `out` if it is given, with `values` added at `index`; repeated places add up."""
    if out is None:
        out = x.copy()
    else:
        np.copyto(out, x)
    if len(index) == 1 and out.ndim > 1 and isinstance(index[0], np.ndarray) and index[0].dtype.kind in "iu":
        rows = index[0].reshape(-1)
        if rows.size and values.shape == index[0].shape + out.shape[1:] and values.dtype == out.dtype:
            _add_rows(out, rows, values)
            return out
    np.add.at(out, index, values)
    return out


def index_combine(x: np.ndarray, index: Any, values: np.ndarray, how: str) -> np.ndarray:
    """Return a copy of `x` with `values` taken in at `index` by `how`: `"maximum"`, `"minimum"` or `"multiply"`."""
    out = x.copy()
    getattr(np, how).at(out, index, values)
    return out


def _add_rows(out: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """Add the i-th of `values` to row `rows[i]` of `out`, in place: an embedding's gradient.

    As single numbers rather than as rows, since NumPy adds those three times as fast.
    """
    lowest, highest, count = int(rows.min()), int(rows.max()), out.shape[0]
    if lowest < -count or highest >= count:
        wrong = highest if highest >= count else lowest
        raise IndexError(f"index {wrong} is out of bounds for axis 0 with size {count}")
    width = math.prod(out.shape[1:])
    places = rows.astype(np.intp)
    if lowest < 0:
        places[places < 0] += count
    places *= width
    numbers = (places[:, None] + np.arange(width)).reshape(-1)
    np.add.at(out.reshape(-1), numbers, values.reshape(-1))


def put_along_axis_add(x: np.ndarray, indices: np.ndarray, values: np.ndarray, axis: int) -> np.ndarray:
    """Return a copy of `x` with `values` added where `take_along_axis` would read; repeated places add up."""
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return index_add(x, tuple(grid), values)


class _Philox(threading.local):
    """One generator per thread, re-keyed for each use (making one costs ten times as much)."""

    def __init__(self) -> None:
        self.generator = np.random.Philox(key=0)
        self.state = self.generator.state
        self.key = self.state["state"]["key"]


_philox = _Philox()


def random_bits(seed: np.ndarray, size: int) -> np.ndarray:
    """Return `size` uniform uint32 numbers that depend on `seed` (two integers) and nothing else.

    Philox4x64-10 keyed by the seed, counting blocks from one: number i is word i of its output read as little-endian
    uint32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
    """
    mine = _philox
    mine.key[:] = seed
    generator = mine.generator
    generator.state = mine.state
    bits = generator.random_raw((size + 1) // 2).astype(_U8, copy=False).view(_U4)
    return bits[:size] if size % 2 else bits


_U8, _U4 = np.dtype("<u8"), np.dtype("<u4")


# erf by W. J. Cody's rational approximations (Math. Comp. 23, 1969), accurate to double precision.
_ERF_SMALL = (
    (3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02, 3.20937758913846947e03),
    1.85777706184603153e-1,
    (2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03, 2.84423683343917062e03),
)
_ERFC_MIDDLE = (
    (
        5.64188496988670089e-1, 8.88314979438837594e00, 6.61191906371416295e01, 2.98635138197400131e02,
        8.81952221241769090e02, 1.71204761263407058e03, 2.05107837782607147e03, 1.23033935479799725e03,
    ),
    2.15311535474403846e-8,
    (
        1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02, 1.62138957456669019e03,
        3.29079923573345963e03, 4.36261909014324716e03, 3.43936767414372164e03, 1.23033935480374942e03,
    ),
)  # fmt: skip
_ERFC_LARGE = (
    (
        3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    1.63153871373020978e-2,
    (
        2.56852019228982242e00, 1.87295284992346047e00, 5.27905102951428412e-1, 6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)  # fmt: skip


def _ratio(x: np.ndarray, coefficients: tuple) -> np.ndarray:
    upper, leading, lower = coefficients
    numerator, denominator = leading * x, x.copy()
    for a, b in zip(upper[:-1], lower[:-1], strict=True):
        numerator = (numerator + a) * x
        denominator = (denominator + b) * x
    return (numerator + upper[-1]) / (denominator + lower[-1])


def erfc(x: np.ndarray) -> np.ndarray:
    """The complementary error function, elementwise."""
    wide = np.asarray(x, dtype=np.float64)
    y = np.abs(wide)
    with np.errstate(all="ignore"):
        small = 1.0 - wide * _ratio(np.square(np.minimum(y, 0.5)), _ERF_SMALL)
        tail = np.exp(-np.square(y))
        middle = tail * _ratio(np.clip(y, 0.46875, 4.0), _ERFC_MIDDLE)
        inverse = 1.0 / np.square(np.maximum(y, 4.0))
        large = tail / np.maximum(y, 4.0) * (0.56418958354775628695 - inverse * _ratio(inverse, _ERFC_LARGE))
        beyond = np.where(y <= 4.0, middle, large)
        result = np.where(y <= 0.46875, small, np.where(wide < 0, 2.0 - beyond, beyond))
    return np.where(np.isnan(wide), np.nan, result).astype(x.dtype)


def erf(x: np.ndarray) -> np.ndarray:
    """The error function, elementwise."""
    wide = np.asarray(x, dtype=np.float64)
    with np.errstate(all="ignore"):
        small = wide * _ratio(np.square(np.clip(wide, -0.5, 0.5)), _ERF_SMALL)
    return np.where(np.abs(wide) <= 0.46875, small, 1.0 - erfc(wide)).astype(x.dtype)


def erfinv(x: np.ndarray) -> np.ndarray:
    """The inverse error function: Winitzki's estimate brought to full precision by Halley's method."""
    wide = np.asarray(x, dtype=np.float64)
    with np.errstate(all="ignore"):
        log = np.log1p(-np.square(wide))
        center = 2.0 / (np.pi * 0.147) + log / 2.0
        y = np.copysign(np.sqrt(np.sqrt(np.square(center) - log / 0.147) - center), wide)
        for _ in range(3):
            # For |x| near 1 the error is formed from erfc, which keeps its digits there.
            error = np.where(wide > 0, (1.0 - wide) - erfc(y), erfc(-y) - (1.0 + wide))
            step = error / (2.0 / np.sqrt(np.pi) * np.exp(-np.square(y)))
            y = y - step / (1.0 + y * step)
        y = np.where(np.abs(wide) == 1.0, np.copysign(np.inf, wide), y)
    return np.where(wide == 0, wide, y).astype(x.dtype)


def __getattr__(name: str) -> Any:
    value = getattr(np, name)
    globals()[name] = value  # found without this function from now on, which costs as much as a small sum
    return value
