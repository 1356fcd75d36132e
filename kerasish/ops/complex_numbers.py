"""Complex numbers and their parts; the bits of numbers read as another type."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.primitive import cast as _cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.primitives import spectral
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import as_float
from kerasish.ops.creation import ones_like, zeros_like


def _is_complex(x: Tensor) -> bool:
    return x._value.dtype.kind == "c"


def real(x: Any) -> Tensor:
    """Return the real part of each number."""
    x = as_tensor(x)
    return spectral.real_p(x) if _is_complex(x) else s.present(x)


def imag(x: Any) -> Tensor:
    """Return the imaginary part of each number."""
    x = as_tensor(x)
    return spectral.imag_p(x) if _is_complex(x) else zeros_like(x)


def conjugate(x: Any) -> Tensor:
    """Return the complex conjugate of each number."""
    x = as_tensor(x)
    return spectral.conj_p(x) if _is_complex(x) else s.present(x)


def conj(x: Any) -> Tensor:
    """Return the complex conjugate of each number; another name for `conjugate`."""
    return conjugate(x)


def angle(x: Any) -> Tensor:
    """Return the angle of each complex number in radians: 0 or pi where it is real."""
    x = as_float(x)
    if _is_complex(x):
        return e.arctan2(spectral.imag_p(x), spectral.real_p(x))
    turned = e.where(e.signbit(x), math.pi, as_tensor(0.0, x.dtype))
    return e.where(e.isnan(x), x, turned)


def isreal(x: Any) -> Tensor:
    """Return whether the imaginary part of each number is 0."""
    x = as_tensor(x)
    return e.equal(spectral.imag_p(x), 0) if _is_complex(x) else ones_like(x, "bool")


def view_as_complex(x: Any) -> Tensor:
    """Return a tensor whose last axis holds real and imaginary parts as complex numbers.

    Args:
        x: Tensor of shape `(..., 2)`.

    Raises:
        ValueError: If the last axis is not of length 2.
    """
    x = as_tensor(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(
            f"Last dimension of input must be size 2 (real and imaginary). Received shape: {x.shape}"
        )
    if x._value.dtype.kind in "biu":
        x = _cast(x, "float32")
    return spectral.complex_p(x[..., 0], x[..., 1])


def view_as_real(x: Any) -> Tensor:
    """Return complex numbers as a tensor with a last axis of real and imaginary parts."""
    x = as_tensor(x)
    return s.stack([real(x), imag(x)], -1)


def _viewed_shape(shape: tuple, before: int, after: int) -> tuple:
    if before == after:
        return shape
    last = shape[-1]
    return (*shape[:-1], None if last is None else last * before // after)


_view = Primitive(
    "view",
    lambda xp, x, dtype: x.copy().view(dtype),
    lambda x, dtype: Abstract(_viewed_shape(x.shape, x.dtype.itemsize, dtype.itemsize), dtype),
)


def view(x: Any, dtype: Any = None) -> Tensor:
    """Return the bits of a tensor read as numbers of another type.

    Example:

    >>> kerasish.ops.view(np.float32([1.0]), "int32").numpy()
    array([1065353216], dtype=int32)

    Args:
        x: The tensor.
        dtype: The type to read its bits as. Where it is wider or narrower, the last axis has fewer or more numbers.

    Raises:
        ValueError: If the last axis does not hold whole numbers of that type.
    """
    x = as_tensor(x)
    target = x._value.dtype if dtype is None else np.dtype(dtypes.to_numpy_dtype(dtype))
    if target == x._value.dtype:
        return s.copy(x)  # which has a gradient
    before, after = x._value.dtype.itemsize, target.itemsize
    if before != after and (not x.ndim or x.shape[-1] is not None and x.shape[-1] * before % after):
        raise ValueError(
            f"Cannot view a tensor of shape {x.shape} and dtype {x.dtype} as {dtypes.name(target)}: the last axis must "
            f"hold a multiple of {after} bytes."
        )
    return _view(x, dtype=target)
