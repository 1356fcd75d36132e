"""Window functions by name: the common ones here, the rest SciPy's where it is installed."""

from __future__ import annotations

import numpy as np

# Coefficients of cos(0), cos(2 pi t / n), cos(4 pi t / n), ..., with alternating signs.
_COSINES = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
}


def values(name: str, length: int, periodic: bool = True) -> np.ndarray:
    """Return the values of a window, float64.

    Example:

    >>> values("hann", 4)
    array([0. , 0.5, 1. , 0.5])

    Args:
        name: `"hann"`, `"hamming"`, `"blackman"`, `"bartlett"`, `"boxcar"`, ..., as SciPy calls them.
        length: Number of values.
        periodic: Whether they are one period of a periodic function; otherwise they are symmetric.

    Raises:
        ValueError: If there is no window of this name, or none without SciPy.
    """
    if name in _COSINES or name == "bartlett":
        if length == 1:
            return np.ones(1)
        phase = np.arange(length) / (length if periodic else length - 1)
        if name == "bartlett":
            return 1 - np.abs(2 * phase - 1)
        terms = enumerate(_COSINES[name])
        return sum((-1) ** k * c * np.cos(2 * np.pi * k * phase) for k, c in terms) + np.zeros(length)
    try:
        from scipy.signal import get_window
    except ImportError:
        raise ValueError(
            f"Unknown window {name!r}. Without SciPy there are {sorted([*_COSINES, 'bartlett'])}; install SciPy for "
            "the others, or pass the window's values."
        ) from None
    return get_window(name, length, periodic)
