"""NVIDIA GPUs: CuPy, with what it lacks or does otherwise than `devices.cpu`.

Every name that is not defined here is CuPy's own. Nothing here waits for the GPU, and nothing looks at values on the
host, except what has a shape that depends on values (`unique`, `nonzero`, `bincount`).

What is otherwise than on the CPU:

- **Indices are not checked**: that would mean waiting for the GPU at each. One that is out of bounds wraps around.
- Sums of values that are scattered to one place (an embedding's gradient) come about in no fixed order, and so their
  last digits differ from run to run.
- Linear algebra of singular matrices gives infinities and NaNs instead of errors.

This file imports CuPy, and is imported itself when a GPU is first used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cupy
import numpy as np
from cupy import ndarray

from kerasish.devices.gpu_convolution import conv, conv_kernel_gradient, conv_transpose  # noqa: F401
from kerasish.devices.gpu_kernels import combine_at, elementwise, philox

# Products


def matmul(x: ndarray, y: ndarray) -> ndarray:
    """Matrix product of stacks of matrices; a stack times one matrix is a single product."""
    if (
        x.dtype.kind == "V"
    ):  # bfloat16, which CuPy's products do not know: its float32 products hold every digit
        return matmul(x.astype(np.float32), y.astype(np.float32)).astype(x.dtype)
    if y.ndim == 2:
        if x.ndim == 2:
            return cupy.dot(x, y)
        rows = math.prod(x.shape[:-1])
        return cupy.dot(x.reshape(rows, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[-1])
    return cupy.matmul(x, y)


# Elementwise


def _in_float32(kernel: Callable, otherwise: Callable | None = None) -> Callable:
    """Compute sixteen-bit floats in 32 bits.

    Args:
        kernel: For arrays of float32 or float64, and numbers beside them.
        otherwise: For other numbers than real floats.
    """

    def wrapper(*operands: Any) -> ndarray:
        dtype = next(v.dtype for v in operands if isinstance(v, ndarray))
        if dtype.kind not in "fV":
            return otherwise(*operands)
        wide = dtype if dtype.char in "fd" else _FLOAT32
        found = kernel(
            *[v.astype(wide, copy=False) if isinstance(v, ndarray) else wide.type(v) for v in operands]
        )
        return found.astype(dtype, copy=False)

    return wrapper


_FLOAT32 = np.dtype(np.float32)

erf = _in_float32(elementwise("erf"))
erfc = _in_float32(elementwise("erfc"))
erfinv = _in_float32(elementwise("erfinv"))
logaddexp = _in_float32(elementwise("logaddexp"))
remainder = _in_float32(elementwise("remainder"), cupy.remainder)
floor_divide = _in_float32(elementwise("floor_divide"), cupy.floor_divide)
_sigmoid = _in_float32(elementwise("sigmoid"), lambda x: cupy.tanh(x * 0.5) * 0.5 + 0.5)


def sigmoid(x: ndarray) -> ndarray:
    """1 / (1 + exp(-x)) without overflow: tanh saturates where exp would not."""
    return _sigmoid(x)


def where(condition: ndarray, x: Any, y: Any) -> ndarray:
    """Return `x` where the condition holds and `y` elsewhere."""
    dtype = next((v.dtype for v in (x, y) if isinstance(v, ndarray)), None)
    if dtype is None or dtype.kind != "V":
        return cupy.where(condition, x, y)
    # CuPy's choice does not know bfloat16, but knows its bits.
    bits = [
        v.view(np.int16) if isinstance(v, ndarray) else int(np.array(v, dtype).view(np.int16)) for v in (x, y)
    ]
    return cupy.where(condition, *bits).view(dtype)


def _bfloat16_by_float32(function: Callable, same: bool = True) -> Callable:
    """Let a function of CuPy's that does not know bfloat16 compute in float32.

    Args:
        function: The function.
        same: Whether its result is of its first argument's type.
    """

    def wrapper(x: Any, *args: Any, **kwargs: Any) -> Any:
        first = x if isinstance(x, ndarray) else args[0]
        if not isinstance(first, ndarray) or first.dtype.kind != "V":
            return function(x, *args, **kwargs)
        dtype, out = first.dtype, kwargs.pop("out", None)
        wide = [
            v.astype(np.float32) if isinstance(v, ndarray) and v.dtype == dtype else v for v in (x, *args)
        ]
        if kwargs.get("dtype") == dtype:
            kwargs["dtype"] = np.float32
        found = function(*wide, **kwargs)
        if out is not None:
            out[...] = found
            return out
        return found.astype(dtype) if same else found

    return wrapper


cumsum = _bfloat16_by_float32(cupy.cumsum)
logical_xor = _bfloat16_by_float32(cupy.logical_xor, same=False)
logical_not = _bfloat16_by_float32(cupy.logical_not, same=False)
argmax = _bfloat16_by_float32(cupy.argmax, same=False)
argmin = _bfloat16_by_float32(cupy.argmin, same=False)
argsort = _bfloat16_by_float32(cupy.argsort, same=False)


def asarray(value: Any, dtype: Any = None) -> ndarray:
    """Return a value of the host as an array of the GPU."""
    if isinstance(value, np.ndarray) and not value.dtype.isnative:
        value = value.astype(value.dtype.newbyteorder("="))
    return cupy.asarray(value, dtype=dtype)


def bincount(x: ndarray, weights: ndarray | None = None, minlength: int = 0) -> ndarray:
    """Return how often each of the numbers 0, 1, 2, ... is there, or the sums of what each counts for."""
    if x.size == 0:
        return cupy.zeros(minlength, np.int64 if weights is None else np.float64)
    return cupy.bincount(x, weights, minlength)


# Scattering


def _adding_dtype(dtype: np.dtype) -> np.dtype | None:
    """Return the type that CuPy adds values of `dtype` up in; None where it is `dtype` itself."""
    if dtype.char in "ifdI" or (dtype.kind == "u" and dtype.itemsize == 8):
        return None
    if dtype.kind in "fV":
        return np.dtype(np.float32)
    if dtype.itemsize == 8 and dtype.kind == "i":
        return np.dtype(np.uint64)  # the same bits: two's complement adds up alike
    return np.dtype(np.int32)


def index_add(x: ndarray, index: Any, values: ndarray) -> ndarray:
    """Return a copy of `x` with `values` added at `index`; repeated places add up."""
    dtype = x.dtype
    if dtype.kind == "c":
        out = x.copy()
        parts = np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
        pairs, terms = out.view(parts).reshape(*out.shape, 2), cupy.asarray(values, dtype)
        cupy.add.at(pairs[..., 0], index, cupy.ascontiguousarray(terms.real))
        cupy.add.at(pairs[..., 1], index, cupy.ascontiguousarray(terms.imag))
        return out
    wide = _adding_dtype(dtype)
    out = x.copy() if wide is None else x.astype(wide)
    cupy.add.at(out, index, values if wide is None else values.astype(wide))
    if wide is None:
        return out
    return out != 0 if dtype.kind == "b" else out.astype(dtype)


def index_combine(x: ndarray, index: Any, values: ndarray, how: str) -> ndarray:
    """Return a copy of `x` with `values` taken in at `index` by `how`: `"maximum"`, `"minimum"` or `"multiply"`."""
    dtype = x.dtype
    wide = dtype
    if dtype.itemsize < 4:
        wide = np.dtype(np.float32 if dtype.kind in "fV" else np.uint32 if dtype.kind == "u" else np.int32)
    places = cupy.arange(x.size).reshape(x.shape)[index]
    out = cupy.ascontiguousarray(x).astype(wide)
    combine_at(out, places, cupy.broadcast_to(values.astype(wide, copy=False), places.shape), how)
    return out.astype(dtype, copy=False)


def put_along_axis_add(x: ndarray, indices: ndarray, values: ndarray, axis: int) -> ndarray:
    """Return a copy of `x` with `values` added where `take_along_axis` would read; repeated places add up."""
    ndim = indices.ndim
    grid = [
        indices if i == axis else cupy.arange(n).reshape((1,) * i + (n,) + (1,) * (ndim - i - 1))
        for i, n in enumerate(indices.shape)
    ]
    return index_add(x, tuple(grid), values)


# Random numbers


def random_bits(seed: ndarray, size: int) -> ndarray:
    """Return `size` uniform uint32 numbers that depend on `seed` (two integers) and nothing else.

    The same numbers as `devices.cpu.random_bits`: the seed is read on the GPU.
    """
    out = cupy.empty(size, np.uint32)
    if size:
        philox(cupy.ascontiguousarray(seed), out)
    return out


# Linear algebra


class _LinearAlgebra:
    """CuPy's, with systems of equations whose stacks broadcast."""

    def __getattr__(self, name: str) -> Any:
        return getattr(cupy.linalg, name)

    @staticmethod
    def solve(a: ndarray, b: ndarray) -> ndarray:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = cupy.broadcast_to(a, (*batch, *a.shape[-2:]))
        b = cupy.broadcast_to(b, (*batch, *b.shape[-2:]))
        return cupy.linalg.solve(a, b)


linalg = _LinearAlgebra()


def __getattr__(name: str) -> Any:
    value = getattr(cupy, name)
    globals()[name] = value
    return value
