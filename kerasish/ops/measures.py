"""Polar coordinates and the likeness of signals."""

from __future__ import annotations

import math
from typing import Any

from kerasish.autograd import dtypes
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import spectral
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import as_float, common_float
from kerasish.ops.reductions import mean


def polar(abs_: Any, angle: Any) -> Tensor:
    """Return complex numbers from their absolute values and their angles in radians.

    Args:
        abs_: The absolute values.
        angle: The angles, of the same shape or one that broadcasts.
    """
    size, angle = common_float(abs_, angle)
    return spectral.complex_of(size * e.cos(angle), size * e.sin(angle))


def psnr(x1: Any, x2: Any, max_val: float) -> Tensor:
    """Return the peak signal-to-noise ratio of two signals in decibels: `20 log10(max_val) - 10 log10(mse)`.

    Args:
        x1: One signal.
        x2: The other, of the same shape.
        max_val: The largest value that a signal can have.

    Raises:
        ValueError: If the shapes differ.
    """
    x1, x2 = as_float(as_tensor(x1)), as_float(as_tensor(x2))
    if x1.shape != x2.shape:
        raise ValueError(f"Input shapes {x1.shape} and {x2.shape} must match for PSNR calculation.")
    x1, x2 = (as_tensor(x, dtypes.result_type(x1.dtype, x2.dtype)) for x in (x1, x2))
    peak = (
        20 * e.log10(as_tensor(max_val, x1.dtype))
        if isinstance(max_val, Tensor)
        else 20 * math.log10(max_val)
    )
    return peak - 10 * e.log10(mean(e.square(x1 - x2)))
