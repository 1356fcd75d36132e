"""What the other files of `ops` share: axes, common types, and numbers that decide about shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import config
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives.shapes import normalize_axes
from kerasish.autograd.tensor import Tensor, as_tensor

Axis = int | Sequence[int] | None


def constant(array: Any) -> Tensor:
    """Return a new array, which nobody else refers to, as a tensor."""
    result = object.__new__(Tensor)
    result._value = array
    return result


def axes_of(x: Tensor, axis: Axis) -> tuple[int, ...]:
    """Return the axes that a reduction is over, counted from the front."""
    if axis is None:
        return tuple(range(len(x._value.shape)))
    if type(axis) is int:
        rank = len(x._value.shape)
        if 0 <= axis < rank:
            return (axis,)
        if -rank <= axis < 0:
            return (axis + rank,)
    return normalize_axes(axis, x.ndim)


def common_float(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Return two operands as tensors of the float type that they have in common."""
    kinds = [type(v) if type(v) in (int, float) else as_tensor(v).dtype for v in (x1, x2)]
    dtype = dtypes.result_type(*kinds, float)
    return as_tensor(x1, dtype), as_tensor(x2, dtype)


def static_ints(numbers: Any) -> list[int]:
    """Return numbers that decide about shapes as Python ints."""
    return [int(n) for n in (numbers.numpy() if isinstance(numbers, Tensor) else numbers)]


def as_float(x: Any) -> Tensor:
    """Return `x` as a tensor of a float (or complex) type, integers in the default one."""
    x = x if isinstance(x, Tensor) else as_tensor(x)
    return cast(x, config.floatx()) if x._value.dtype.kind in "biu" else x


def check_images(images: Tensor, name: str = "images") -> None:
    """Raise an error unless a tensor has the axes of an image or of a batch of them."""
    if images.ndim not in (3, 4):
        raise ValueError(
            f"Invalid {name} rank: expected rank 3 (single image) or rank 4 (batch of images). "
            f"Received input with shape: {name}.shape={images.shape}"
        )
