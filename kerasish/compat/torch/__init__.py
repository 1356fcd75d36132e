"""PyTorch's names for kerasish: `import kerasish.compat.torch as torch`.

This front door adds names only: tensors and gradients are kerasish's own. Importing it gives tensors PyTorch's method
names and makes them print as PyTorch prints them. Where NumPy and PyTorch mean different things by one name, a method
keeps NumPy's meaning (`x.size` is a number, `x.std()` divides by n) and the function of this module has PyTorch's.
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from kerasish import ops, random
from kerasish.autograd import Tensor, as_tensor, enable_grad, no_grad
from kerasish.compat.torch import methods as _methods
from kerasish.compat.torch import nn, optim
from kerasish.compat.torch.methods import LeafTensor as _LeafTensor
from kerasish.compat.torch.methods import clamp
from kerasish.random.seed import global_seed_generator

_methods.install()

float16, float32, float64, bfloat16 = "float16", "float32", "float64", "bfloat16"
int8, int16, int32, int64, uint8, bool = "int8", "int16", "int32", "int64", "uint8", "bool"
half, float, double, short, int, long = float16, float32, float64, int16, int32, int64

abs, exp, log, sqrt, square = ops.abs, ops.exp, ops.log, ops.sqrt, ops.square
sin, cos, tan, tanh, sigmoid, relu = ops.sin, ops.cos, ops.tan, ops.tanh, ops.sigmoid, ops.relu
add, sub, mul, div, pow, matmul = ops.add, ops.subtract, ops.multiply, ops.divide, ops.power, ops.matmul
mm, dot, maximum, minimum, where, round = ops.matmul, ops.dot, ops.maximum, ops.minimum, ops.where, ops.round
reshape, sign, floor, ceil, outer, isnan = ops.reshape, ops.sign, ops.floor, ops.ceil, ops.outer, ops.isnan

sum, mean, prod, max, min, all, any, argmax, argmin = (
    _methods.with_dim(getattr(ops, name))
    for name in ("sum", "mean", "prod", "max", "min", "all", "any", "argmax", "argmin")
)


def _leaf(value: Tensor, requires_grad: builtins.bool) -> Tensor:
    return _LeafTensor(value) if requires_grad else value


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Tensor:
    """Return `data` as a tensor: Python floats become float32, Python ints int64.

    Example:

    >>> torch.tensor([1, 2, 3])
    tensor([1, 2, 3])

    Args:
        data: A number, a nested list, an array or a tensor.
        dtype: The element type, such as `torch.float32`.
        device: Where to put it; `None` for the default device.
        requires_grad: Whether `backward()` computes its gradient.
    """
    value = data.numpy() if isinstance(data, Tensor) else np.asarray(data)
    if dtype is None and not hasattr(data, "dtype"):
        dtype = {"f": float32, "i": int64, "c": "complex64"}.get(value.dtype.kind)
    result = Tensor(value.copy(), dtype=dtype)
    if device is not None:
        result = result.to("gpu" + str(device)[4:] if str(device).startswith("cuda") else str(device))
    return _leaf(result, requires_grad)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Return a tensor of the array's values."""
    return as_tensor(ndarray)


def _shape(size: tuple) -> tuple:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size


def zeros(*size: Any, dtype: Any = float32, requires_grad: builtins.bool = False) -> Tensor:
    """Return zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return _leaf(ops.zeros(_shape(size), dtype), requires_grad)


def ones(*size: Any, dtype: Any = float32, requires_grad: builtins.bool = False) -> Tensor:
    """Return ones: `ones(2, 3)` or `ones((2, 3))`."""
    return _leaf(ops.ones(_shape(size), dtype), requires_grad)


def full(size: Any, fill_value: Any, dtype: Any = None, requires_grad: builtins.bool = False) -> Tensor:
    """Return a tensor filled with one value."""
    return _leaf(ops.full(size, tensor(fill_value), dtype), requires_grad)


def eye(n: builtins.int, m: builtins.int | None = None, dtype: Any = float32) -> Tensor:
    """Return the identity matrix."""
    return ops.eye(n, m, dtype=dtype)


def arange(start: Any, end: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """Return the numbers from `start` (0 if only one bound is given) up to but not including `end`."""
    first, last = (0, start) if end is None else (start, end)
    return (
        tensor(np.arange(first, last, step).tolist(), dtype)
        if dtype
        else tensor(np.arange(first, last, step).tolist())
    )


def linspace(start: Any, end: Any, steps: builtins.int, dtype: Any = float32) -> Tensor:
    """Return `steps` numbers at even distances from `start` to `end`, both included."""
    return ops.linspace(start, end, steps, dtype=dtype)


def manual_seed(seed: builtins.int) -> None:
    """Start the random numbers of this process again from `seed`."""
    global_seed_generator().state.assign([seed & 0xFFFFFFFF, 0])


def rand(*size: Any, dtype: Any = float32, requires_grad: builtins.bool = False) -> Tensor:
    """Draw evenly from 0 up to but not including 1."""
    return _leaf(random.uniform(_shape(size), dtype=dtype), requires_grad)


def randn(*size: Any, dtype: Any = float32, requires_grad: builtins.bool = False) -> Tensor:
    """Draw from the normal distribution of mean 0 and standard deviation 1."""
    return _leaf(random.normal(_shape(size), dtype=dtype), requires_grad)


def randint(low: builtins.int, high: Any, size: Any = None, dtype: Any = int64) -> Tensor:
    """Draw integers from `low` (0 if only one bound is given) up to but not including `high`."""
    low, high, size = (0, low, high) if size is None else (low, high, size)
    return random.randint(size, low, high, dtype)


def randperm(n: builtins.int) -> Tensor:
    """Return the numbers from 0 to n - 1 in random order."""
    return random.shuffle(arange(n))


def zeros_like(input: Any, dtype: Any = None) -> Tensor:
    """Return zeros of the shape of `input`."""
    return ops.zeros_like(input, dtype=dtype)


def ones_like(input: Any, dtype: Any = None) -> Tensor:
    """Return ones of the shape of `input`."""
    return ops.ones_like(input, dtype=dtype)


def rand_like(input: Any) -> Tensor:
    """Draw evenly from [0, 1) in the shape of `input`."""
    return rand(*input.shape)


def randn_like(input: Any) -> Tensor:
    """Draw from the normal distribution in the shape of `input`."""
    return randn(*input.shape)


def cat(tensors: Any, dim: builtins.int = 0) -> Tensor:
    """Join tensors along an axis that they have."""
    return ops.concatenate(tensors, axis=dim)


def stack(tensors: Any, dim: builtins.int = 0) -> Tensor:
    """Join tensors along a new axis."""
    return ops.stack(tensors, axis=dim)


def transpose(input: Any, dim0: builtins.int, dim1: builtins.int) -> Tensor:
    """Return `input` with two axes exchanged."""
    return ops.swapaxes(input, dim0, dim1)


def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Return `input` without its axes of length 1."""
    return ops.squeeze(input, axis=dim)


def unsqueeze(input: Any, dim: builtins.int) -> Tensor:
    """Return `input` with a new axis of length 1."""
    return ops.expand_dims(input, axis=dim)


def flatten(input: Any, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
    """Merge the axes from `start_dim` to `end_dim`."""
    return as_tensor(input).flatten(start_dim, end_dim)  # type: ignore[attr-defined]


def softmax(input: Any, dim: builtins.int) -> Tensor:
    """Return exponentials along an axis, divided by their sum."""
    return ops.softmax(input, axis=dim)


def var(input: Any, dim: Any = None, correction: builtins.int = 1, keepdim: builtins.bool = False) -> Tensor:
    """Return the variance, the squares' sum divided by n - `correction`."""
    spread = ops.square(input - ops.mean(input, axis=dim, keepdims=True))
    total = ops.sum(spread, axis=dim, keepdims=keepdim)
    return total / (spread.size / builtins.max(total.size, 1) - correction)


def std(input: Any, dim: Any = None, correction: builtins.int = 1, keepdim: builtins.bool = False) -> Tensor:
    """Return the square root of `var`."""
    return ops.sqrt(var(input, dim, correction, keepdim))


def allclose(input: Any, other: Any, rtol: Any = 1e-05, atol: Any = 1e-08) -> builtins.bool:
    """Tell whether all elements are equal within the tolerances."""
    return builtins.bool(ops.allclose(input, other, rtol=rtol, atol=atol))


def is_tensor(obj: Any) -> builtins.bool:
    """Tell whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


__all__ = ["Tensor", "clamp", "enable_grad", "nn", "no_grad", "optim", "tensor"]
