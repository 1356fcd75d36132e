"""Windows for signals: weights that fall off towards both ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasish import config
from kerasish.autograd.tensor import Tensor, as_tensor


def _window(make: Callable, x: Any) -> Tensor:
    length = int(x.item()) if isinstance(x, Tensor) else int(x)
    return as_tensor(make(length), config.floatx())


def bartlett(x: Any) -> Tensor:
    """Return the Bartlett window (a triangle) of length `x`."""
    return _window(np.bartlett, x)


def blackman(x: Any) -> Tensor:
    """Return the Blackman window of length `x`: `0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1))`."""
    return _window(np.blackman, x)


def hamming(x: Any) -> Tensor:
    """Return the Hamming window of length `x`: `0.54 - 0.46 cos(2 pi n / (x - 1))`."""
    return _window(np.hamming, x)


def hanning(x: Any) -> Tensor:
    """Return the Hann window of length `x`: `0.5 - 0.5 cos(2 pi n / (x - 1))`."""
    return _window(np.hanning, x)


def kaiser(x: Any, beta: float) -> Tensor:
    """Return the Kaiser window of length `x`: a ratio of Bessel functions whose width `beta` sets."""
    beta = float(beta.item()) if isinstance(beta, Tensor) else float(beta)
    return _window(lambda length: np.kaiser(length, beta), x)
