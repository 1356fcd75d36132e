"""TensorFlow's names for kerasish: `import kerasish.compat.tensorflow as tf`.

This front door adds names only. Tensors, variables and gradients are kerasish's own and `tf.keras` is kerasish itself,
so whatever these names give can be mixed with the rest of kerasish.
"""

from __future__ import annotations

import builtins
from importlib import import_module as _import_module
from typing import Any

import numpy as _np

import kerasish as _kerasish
from kerasish import ops as _ops
from kerasish.autograd import GradientTape, Tensor
from kerasish.compat.tensorflow import math, nn, random
from kerasish.compat.tensorflow._naming import named as _named
from kerasish.compat.tensorflow._naming import named_functions as _named_functions

float16, float32, float64, bfloat16 = "float16", "float32", "float64", "bfloat16"
int8, int16, int32, int64 = "int8", "int16", "int32", "int64"
uint8, uint16, uint32, uint64 = "uint8", "uint16", "uint32", "uint64"
bool, string, complex64 = "bool", "string", "complex64"
newaxis = None

_SHAPES = (
    "broadcast_to clip_by_value concat expand_dims eye fill linspace ones_like repeat reshape reverse shape size "
    "squeeze stack stop_gradient tensordot tile unstack where zeros_like one_hot sort argsort searchsorted roll"
).split()
_OURS = {"clip_by_value": "clip", "concat": "concatenate", "fill": "full", "reverse": "flip"}
_MATH = (
    "abs add argmax argmin cos cosh cumsum divide equal exp floor greater greater_equal less less_equal logical_and "
    "logical_not logical_or maximum minimum multiply negative not_equal pow reduce_all reduce_any reduce_logsumexp "
    "reduce_max reduce_mean reduce_min reduce_prod reduce_sum round sigmoid sign sin sinh sqrt square subtract tan tanh"
).split()

globals().update(_named_functions(_ops, {name: _OURS.get(name, name) for name in _SHAPES}))
globals().update({name: getattr(math, name) for name in _MATH})


class Variable(_kerasish.Variable):
    """`tf.Variable`: kerasish's variable, made with TensorFlow's arguments.

    Args:
        initial_value: A value, or a function without arguments that returns one.
        trainable: Whether gradients are wanted.
        name: A name.
        dtype: The element type; the value's own by default.
    """

    def __init__(
        self,
        initial_value: Any,
        trainable: builtins.bool | None = None,
        name: str | None = None,
        dtype: Any = None,
        shape: Any = None,
    ):
        value = initial_value() if callable(initial_value) else initial_value
        super().__init__(
            value, dtype=dtype, trainable=trainable is not False, name=name and name.split(":")[0]
        )
        if shape is not None:
            self.check_shape(shape)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """Return `value` as a tensor, repeated or reshaped to `shape` if that is given.

    Example:

    >>> tf.constant(2.0, name="a")

    Args:
        value: A number, a nested list or an array.
        dtype: The element type; float32 for Python floats and int32 for Python ints by default.
        shape: The tensor's shape; the value's own by default.
        name: A name for pictures of the graph.
    """
    if shape is not None:
        array = _np.asarray(value)
        value = _np.full(shape, array) if array.size == 1 else array.reshape(shape)
        if dtype is None:
            dtype = {"f": float32, "i": int32}.get(array.dtype.kind)
    return Tensor(value, dtype=dtype, name=name)


@_named
def cast(x: Any, dtype: Any) -> Tensor:
    """Return `x` as `dtype`."""
    return _ops.cast(x, dtype)


@_named
def convert_to_tensor(value: Any, dtype: Any = None) -> Tensor:
    """Return `value` as a tensor."""
    return _ops.convert_to_tensor(value, dtype)


@_named
def identity(input: Any) -> Tensor:
    """Return a tensor of the same values."""
    return _ops.copy(input)


@_named
def matmul(a: Any, b: Any, transpose_a: builtins.bool = False, transpose_b: builtins.bool = False) -> Tensor:
    """Return the matrix product, of the transposes of the last two axes if so asked."""
    a = _ops.swapaxes(a, -1, -2) if transpose_a else a
    return _ops.matmul(a, _ops.swapaxes(b, -1, -2) if transpose_b else b)


@_named
def gather(params: Any, indices: Any, axis: int = 0) -> Tensor:
    """Return the slices of `params` at `indices` along `axis`."""
    return _ops.take(params, indices, axis=axis)


@_named
def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0) -> Tensor:
    """Return `tensor` with `paddings` (before and after, for each axis) around it."""
    mode = mode.lower()
    return _ops.pad(tensor, paddings, mode, constant_values if mode == "constant" else None)


@_named
def split(value: Any, num_or_size_splits: Any, axis: int = 0) -> list[Tensor]:
    """Return the parts of `value` along `axis`: as many equal ones, or ones of the given lengths."""
    if not isinstance(num_or_size_splits, int):
        num_or_size_splits = [
            sum(num_or_size_splits[: i + 1]) for i in builtins.range(len(num_or_size_splits) - 1)
        ]
    return _ops.split(value, num_or_size_splits, axis=axis)


@_named
def transpose(a: Any, perm: Any = None) -> Tensor:
    """Return `a` with its axes in the order `perm`, reversed by default."""
    return _ops.transpose(a, axes=perm)


@_named
def ones(shape: Any, dtype: Any = float32) -> Tensor:
    """Return a tensor of ones."""
    return _ops.ones(shape, dtype)


@_named
def zeros(shape: Any, dtype: Any = float32) -> Tensor:
    """Return a tensor of zeros."""
    return _ops.zeros(shape, dtype)


@_named
def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Tensor:
    """Return the numbers from `start` (0 if only one bound is given) up to but not including `limit`."""
    return _ops.arange(start, limit, delta, dtype)


@_named
def rank(input: Any) -> Tensor:
    """Return the number of axes as a tensor."""
    return Tensor(_ops.ndim(input))


def is_tensor(x: Any) -> builtins.bool:
    """Tell whether `x` is a tensor or a variable."""
    return isinstance(x, Tensor)


def __getattr__(name: str) -> Any:
    if name == "keras":
        return _import_module(f"{__name__}.keras")
    raise AttributeError(
        f"kerasish's TensorFlow front door has no {name!r}. It holds what first programs use; `kerasish.ops` has the "
        "rest of Keras's functions under NumPy's names."
    )


__all__ = ["GradientTape", "Tensor", "Variable", "constant", "math", "nn", "random"]
