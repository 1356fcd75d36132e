"""Initializers without randomness."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.autograd import dtypes
from kerasish.initializers import windows
from kerasish.initializers.base import Initializer
from kerasish.serialization import deserialize_keras_object, serialize_keras_object

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class Constant(Initializer):
    """Sets all elements to one value.

    Example:

    >>> kerasish.initializers.Constant(3.0)(shape=(2, 2))   # [[3., 3.], [3., 3.]]

    Args:
        value: A scalar, or an array that broadcasts to the shape asked for.
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        dtype = dtypes.standardize_dtype(dtype)
        return ops.multiply(ops.cast(self.value, dtype), ops.ones(shape, dtype=dtype))

    def get_config(self) -> dict[str, Any]:
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        return cls(**{key: deserialize_keras_object(value) for key, value in config.items()})


class Zeros(Initializer):
    """Sets all elements to 0.

    Example:

    >>> kerasish.initializers.Zeros()(shape=(2,))   # [0., 0.]
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return ops.zeros(shape, dtype=dtypes.standardize_dtype(dtype))


class Ones(Initializer):
    """Sets all elements to 1.

    Example:

    >>> kerasish.initializers.Ones()(shape=(2,))   # [1., 1.]
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return ops.ones(shape, dtype=dtypes.standardize_dtype(dtype))


class Identity(Initializer):
    """Makes a multiple of the identity matrix; only for matrices.

    Example:

    >>> kerasish.initializers.Identity(gain=2.0)(shape=(2, 2))   # [[2., 0.], [0., 2.]]

    Args:
        gain: Factor of the identity matrix.
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        return self.gain * ops.eye(*shape, dtype=dtypes.standardize_dtype(dtype))


class STFT(Initializer):
    """Makes the kernel of a convolution that is a short-time Fourier transform: its real or imaginary part.

    `kernel[t, 0, k] = window[t] / scale * cos(-2 pi k t / n)`, or `sin` of it, where `n = 2 (bands - 1)`.

    Example:

    >>> kerasish.initializers.STFT("imag", window="hamming")(shape=(128, 1, 65)).shape
    (128, 1, 65)

    Args:
        side: `"real"` or `"imag"`.
        window: `"hann"`, `"hamming"`, `"blackman"`, `"bartlett"`, `"boxcar"`, or another window of
            `scipy.signal.windows` where SciPy is installed; an array of the values; None for no window.
        scaling: `"density"` to divide the window by its L2 norm, `"spectrum"` by its L1 norm, None for neither.
        periodic: Whether the window is one period of a periodic function; otherwise it is symmetric.

    Raises:
        ValueError: If an argument has a value that it cannot have.

    Call arguments:
        shape: `(frame_length, 1, bands)`, where bands is half the length of the transform and one.
        dtype: A float type; `config.floatx()` by default.
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        if side not in ("real", "imag"):
            raise ValueError(f"side should be 'real' or 'imag', not {side}")
        if isinstance(window, str):
            windows.values(window, 1)  # raises if there is none of this name
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                f"Scaling is invalid, it must be `None`, 'density' or 'spectrum'. Received scaling={scaling}"
            )
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        dtype = dtypes.standardize_dtype(dtype)
        length, _, bands = shape
        times = ops.reshape(ops.arange(length, dtype=dtype), (length, 1, 1))
        frequencies = ops.reshape(ops.arange(bands, dtype=dtype), (1, 1, bands)) / (2 * (bands - 1))
        angles = times * frequencies * (-2 * math.pi)
        kernel = ops.cos(angles) if self.side == "real" else ops.sin(angles)
        if self.window is None:
            return kernel
        window = self.window
        if isinstance(window, str):
            window = windows.values(window, length, self.periodic)
        window = ops.convert_to_tensor(window, dtype=dtype)
        if window.shape != (length,):
            raise ValueError(
                f"The shape of `window` must be equal to [frame_length]. Received: window shape={window.shape}, "
                f"frame_length={length}"
            )
        window = ops.reshape(window, (length, 1, 1))
        if self.scaling == "density":
            window = window / ops.sqrt(ops.sum(ops.square(window)))
        elif self.scaling == "spectrum":
            window = window / ops.sum(ops.abs(window))
        return kernel * window

    def get_config(self) -> dict[str, Any]:
        return {
            "side": self.side,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
        }
