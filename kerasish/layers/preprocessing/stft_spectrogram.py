"""Spectrograms by convolutions whose kernels may be learned."""

from __future__ import annotations

import warnings
from typing import Any

from kerasish import config, initializers, ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.initializers import windows
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(Layer):
    """Compute the short-time Fourier transform of signals, each channel for itself.

    The transform is a convolution of each frame with windowed cosines and sines, which are weights: they start as the
    transform and can be trained from there.

    Example:

    >>> layer = kerasish.layers.STFTSpectrogram(frame_length=256, frame_step=128, fft_length=512)
    >>> layer(kerasish.ops.ones((3, 16000, 1))).shape
    (3, 124, 257)

    Args:
        mode: What is returned of the transform: `"magnitude"`, its logarithm `"log"`, the power spectral density
            `"psd"`, `"real"` or `"imag"` parts, `"stft"` for both one after the other, or the `"angle"`.
        frame_length: How many samples are in a frame.
        frame_step: How many samples a frame starts after the one before; half a frame by default.
        fft_length: Length of the transform, at least that of the frame; the next power of two by default. There are
            `fft_length // 2 + 1` frequencies.
        window: Weights of a frame's samples: `"hann"`, `"hamming"` or another name, or an array.
        periodic: Whether the window is one period of a periodic function; otherwise it is symmetric.
        scaling: What the window is divided by: `"density"`, its L2 norm, `"spectrum"`, its L1 norm, or None.
        padding: `"valid"`, or `"same"` for zeros at both ends.
        expand_dims: Whether the frequencies get an axis of their own, as in an image.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Input shape:
        `(batch, samples, channels)`, or with the channels before the samples.

    Output shape:
        `(batch, frames, channels * frequencies)` or, expanded, `(batch, frames, frequencies, channels)`; with the
        channels first, `(batch, channels * frequencies, frames)` or `(batch, channels, frames, frequencies)`.

    Raises:
        ValueError: If an argument has a value that it cannot have.
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        _check_lengths(frame_length, frame_step, fft_length)
        if mode not in _MODES:
            raise ValueError(
                f"Output mode is invalid, it must be one of {', '.join(_MODES)}. Received: mode={mode}"
            )
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                f"Scaling is invalid, it must be `None`, 'density' or 'spectrum'. Received scaling={scaling}"
            )
        if padding not in ("valid", "same"):
            raise ValueError(f"Padding is invalid, it should be 'valid', 'same'. Received: padding={padding}")
        if isinstance(window, str):
            windows.values(window, 1)  # raises if there is none of this name
        super().__init__(**kwargs)
        self.mode = mode
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.fft_length = fft_length
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)
        self._step = frame_step or frame_length // 2
        self._bands = (fft_length or 1 << (frame_length - 1).bit_length()) // 2 + 1

    def build(self, input_shape: Any = None) -> None:
        for side in ("real", "imag"):
            if self.mode not in ("real", "imag") or self.mode == side:
                kernel = self.add_weight(
                    name=f"{side}_kernel",
                    shape=(self.frame_length, 1, self._bands),
                    initializer=initializers.STFT(side, self.window, self.scaling, self.periodic),
                )
                setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.dtype not in ("float16", "float32", "float64"):
            raise TypeError(
                "Invalid input type. Expected `float16`, `float32` or `float64`. "
                f"Received: input type={inputs.dtype}"
            )
        if self.data_format == "channels_last":
            inputs = ops.transpose(inputs, (0, 2, 1))
        if self.mode in ("real", "imag"):
            return self._arranged(self._part(inputs, getattr(self, f"{self.mode}_kernel")))
        real, imag = (self._part(inputs, kernel) for kernel in (self.real_kernel, self.imag_kernel))
        if self.mode == "angle":
            return self._arranged(ops.arctan2(imag, real))
        if self.mode == "stft":
            return self._arranged(ops.concatenate([real, imag], axis=-1))
        power = ops.square(real) + ops.square(imag)
        if self.mode == "psd":  # frequencies that stand for their negatives, too
            both = ops.pad(power[..., 1:-1], ((0, 0), (0, 0), (0, 0), (1, 1)))
            return self._arranged(power + both)
        magnitude = ops.sqrt(ops.maximum(power, config.epsilon()))
        if self.mode == "log":
            magnitude = ops.log(ops.maximum(magnitude, config.epsilon()))
        return self._arranged(magnitude)

    def _part(self, signals: Tensor, kernel: Any) -> Tensor:
        """Return the transform's part of a kernel, of shape `(batch, channels, frames, frequencies)`."""
        _, channels, samples = signals.shape
        kernel = ops.cast(kernel, signals.dtype)
        signals = ops.reshape(signals, (-1, samples, 1))
        part = ops.conv(signals, kernel, self._step, self.padding, data_format="channels_last")
        return ops.reshape(part, (-1, channels, *part.shape[1:]))

    def _arranged(self, x: Tensor) -> Tensor:
        _, channels, frames, bands = x.shape
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return ops.transpose(x, (0, 2, 3, 1)) if last else x
        if last:
            return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, frames, channels * bands))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2)), (-1, channels * bands, frames))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, *rest = input_shape
        last = self.data_format == "channels_last"
        samples, channels = rest if last else reversed(rest)
        frames = samples
        if samples is not None:
            frames = -(-samples // self._step)
            if self.padding == "valid":
                frames = (samples - self.frame_length) // self._step + 1
        bands = self._bands * (2 if self.mode == "stft" else 1)
        if self.expand_dims:
            return (batch, frames, bands, channels) if last else (batch, channels, frames, bands)
        return (batch, frames, bands * channels) if last else (batch, bands * channels, frames)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "mode": self.mode,
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
            "padding": self.padding,
            "data_format": self.data_format,
            "expand_dims": self.expand_dims,
        }


def _check_lengths(frame_length: int, frame_step: int | None, fft_length: int | None) -> None:
    if frame_step is not None and not 1 <= frame_step <= frame_length:
        raise ValueError(
            "`frame_step` should be a positive integer not greater than `frame_length`. "
            f"Received frame_step={frame_step}, frame_length={frame_length}"
        )
    if fft_length is None:
        return
    if fft_length < frame_length:
        raise ValueError(
            "`fft_length` should be not less than `frame_length`. "
            f"Received fft_length={fft_length}, frame_length={frame_length}"
        )
    if fft_length & (fft_length - 1):
        warnings.warn(
            f"`fft_length` is recommended to be a power of two. Received fft_length={fft_length}",
            stacklevel=3,
        )
