"""Primitives of complex numbers and Fourier transforms.

The gradient of a complex number z = a + i b is dL/da - i dL/db here, so that the rules of products hold for complex
numbers as they are. The transforms take and return real and imaginary parts apart: their gradients are real.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract, broadcast_shapes
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.primitives.elementwise import common_dtype
from kerasish.autograd.primitives.shapes import sum_to
from kerasish.autograd.tensor import Tensor, as_tensor

_COMPLEX = {2: np.dtype(np.complex64), 4: np.dtype(np.complex64), 8: np.dtype(np.complex128)}


def _part_dtype(dtype: np.dtype) -> np.dtype:
    """Return the type of the parts of complex numbers."""
    return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64) if dtype.kind == "c" else dtype


# Complex numbers

real_p = Primitive(
    "real",
    lambda xp, z: xp.real(z).copy(),
    lambda z: Abstract(z.shape, _part_dtype(z.dtype)),
    (lambda g, out, z: complex_p(g, g * 0),),
)
imag_p = Primitive(
    "imag",
    lambda xp, z: xp.imag(z).copy(),
    lambda z: Abstract(z.shape, _part_dtype(z.dtype)),
    (lambda g, out, z: complex_p(g * 0, -g),),
)
conj_p = Primitive(
    "conj",
    lambda xp, z: xp.conj(z),
    lambda z: Abstract(z.shape, z.dtype),
    (lambda g, out, z: conj_p(g),),
)


def _complex_run(xp: Any, a: Any, b: Any) -> Any:
    return (a + 1j * b).astype(_COMPLEX[a.dtype.itemsize])


complex_p = Primitive(
    "complex",
    _complex_run,
    lambda a, b: Abstract(broadcast_shapes(a.shape, b.shape), _COMPLEX[a.dtype.itemsize]),
    (
        lambda g, out, a, b: sum_to(real_p(g), a.shape),
        lambda g, out, a, b: sum_to(-imag_p(g), b.shape),
    ),
)


def complex_of(a: Any, b: Any) -> Tensor:
    """Return the complex numbers with these real and imaginary parts."""
    a, b = common_dtype(as_tensor(a), as_tensor(b))
    return complex_p(a, b)


# Fourier transforms, over the last axis or axes


def _transform(xp: Any, a: Any, b: Any, axes: int, inverse: bool) -> tuple:
    function = xp.fft.ifftn if inverse else xp.fft.fftn
    found = function(_complex_run(xp, a, b), axes=tuple(range(-axes, 0)))
    return xp.real(found).astype(a.dtype), xp.imag(found).astype(a.dtype)


def _transform_vjp(
    g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool], axes: int, inverse: bool
) -> list:
    """The conjugate transpose of the transform, which is its inverse up to the number of points."""
    a, b = inputs
    parts = [x * 0 if part is None else part for part, x in zip(g, inputs, strict=True)]
    count = 1
    for length in a.shape[-axes:]:
        count *= length
    scale = 1 / count if inverse else count
    return [part * scale for part in fourier(*parts, axes=axes, inverse=not inverse)]


fourier = Primitive(
    "fourier",
    _transform,
    lambda a, b, axes, inverse: (a, a),
    vjp_all=_transform_vjp,
)
"""The discrete Fourier transform of complex numbers over the last `axes` axes, parts apart."""


def _weights(length: int, like: Tensor) -> Tensor:
    """Return how often each frequency that is kept of a real signal's spectrum stands for itself or its mirror."""
    weights = np.full(length // 2 + 1, 2.0)
    weights[0] = 1.0
    if length % 2 == 0:
        weights[-1] = 1.0
    return as_tensor(weights, like.dtype)


def _real_run(xp: Any, x: Any, length: int) -> tuple:
    found = xp.fft.rfft(x, length)
    return xp.real(found).astype(x.dtype), xp.imag(found).astype(x.dtype)


def _real_vjp(g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool], length: int) -> list:
    a, b = (x * 0 if part is None else part for part, x in zip(g, out, strict=True))
    weights = _weights(length, a)
    return [inverse_real_fourier(a / weights, b / weights, length=length) * length]


real_fourier = Primitive(
    "real_fourier",
    _real_run,
    lambda x, length: (Abstract((*x.shape[:-1], length // 2 + 1), x.dtype),) * 2,
    vjp_all=_real_vjp,
)
"""The non-negative frequencies of the transform of real signals, which are `length` long."""


def _inverse_real_run(xp: Any, a: Any, b: Any, length: int) -> Any:
    return xp.fft.irfft(_complex_run(xp, a, b), length).astype(a.dtype)


def _inverse_real_vjp(part: int) -> Any:
    def rule(g: Tensor, out: Tensor, a: Tensor, b: Tensor, length: int) -> Tensor:
        return real_fourier(g, length=length)[part] * (_weights(length, g) / length)

    return rule


inverse_real_fourier = Primitive(
    "inverse_real_fourier",
    _inverse_real_run,
    lambda a, b, length: Abstract((*a.shape[:-1], length), a.dtype),
    (_inverse_real_vjp(0), _inverse_real_vjp(1)),
)
"""Real signals `length` long from the `length // 2 + 1` non-negative frequencies of their spectrum."""
