"""Spectrograms on the mel scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import ops
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.layer import Layer


class MelSpectrogram(Layer):
    """Turn sound into a spectrogram whose bands are equally far apart to the ear, in decibels.

    The mel scale of a frequency f in hertz is `2595 log10(1 + f / 700)`.

    Example:

    >>> layer = kerasish.layers.MelSpectrogram(num_mel_bins=64, sampling_rate=8000, sequence_stride=256)
    >>> layer(kerasish.ops.ones((2, 16000))).shape
    (2, 64, 63)

    Args:
        fft_length: Length of the Fourier transforms.
        sequence_stride: How many samples there are from one transform to the next.
        sequence_length: Length of the window, at most `fft_length`, which is the default.
        window: `"hann"`, `"hamming"`, a tensor of `sequence_length` weights, or None.
        sampling_rate: Samples a second.
        num_mel_bins: How many bands.
        min_freq: Where the lowest band starts, in hertz.
        max_freq: Where the highest band ends, in hertz; half the sampling rate by default.
        power_to_db: Whether the result is in decibels.
        top_db: How far below the loudest of all values, in decibels, others are cut off.
        mag_exp: Exponent of the magnitudes: 1, or 2 for the power.
        min_power: Smallest value of the power and of its reference.
        ref_power: The power that is 0 decibels.

    Input shape:
        `(samples,)` or `(batch, samples)`.

    Output shape:
        `(num_mel_bins, times)` or `(batch, num_mel_bins, times)`.

    Raises:
        ValueError: If the window is longer than the transforms.
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.fft_length = fft_length
        self.sequence_stride = sequence_stride
        self.sequence_length = sequence_length or fft_length
        if self.fft_length < self.sequence_length:
            raise ValueError(
                "`fft_length` must be greater than or equal to `sequence_length`. "
                f"Received: `sequence_length`={self.sequence_length}, `fft_length`={self.fft_length}."
            )
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = num_mel_bins
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power

    def call(self, inputs: Tensor) -> Tensor:
        inputs = ops.cast(inputs, "float64" if self.compute_dtype == "float64" else "float32")
        real, imag = ops.stft(
            inputs, self.sequence_length, self.sequence_stride, self.fft_length, self.window
        )
        spectrum = ops.power(ops.sqrt(ops.square(real) + ops.square(imag)), self.mag_exp)
        spectrum = ops.matmul(spectrum, self._bands(spectrum.dtype))
        if self.power_to_db:
            spectrum = self._decibels(spectrum)
        return ops.cast(ops.swapaxes(spectrum, -1, -2), self.compute_dtype)

    def _decibels(self, power: Tensor) -> Tensor:
        reference = 10.0 * np.log10(max(abs(self.ref_power), self.min_power))
        decibels = 10.0 * ops.log10(ops.maximum(power, self.min_power)) - float(reference)
        return ops.maximum(decibels, ops.max(decibels) - self.top_db)

    def _bands(self, dtype: str) -> Tensor:
        return self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            self.fft_length // 2 + 1,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            dtype,
        )

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Tensor:
        """Return how much each frequency of a spectrogram counts in each band.

        On the mel scale a band is a triangle of height 1, from the middle of the band before to that of the next.

        Args:
            num_mel_bins: How many bands.
            num_spectrogram_bins: How many frequencies, from 0 to half the sampling rate.
            sampling_rate: Samples a second.
            lower_edge_hertz: Where the lowest band starts.
            upper_edge_hertz: Where the highest band ends.
            dtype: Type of the result.

        Returns:
            Tensor of shape `(num_spectrogram_bins, num_mel_bins)`.
        """
        frequencies = _mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins))[:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        left, middle, right = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequencies - left) / (middle - left), (right - frequencies) / (right - middle)
        weights = np.maximum(0.0, np.minimum(rising, falling))
        weights[0] = 0.0  # a constant is no sound
        return ops.convert_to_tensor(weights, dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        *batch, samples = input_shape
        times = None
        if samples is not None:
            times = 1 + (samples - self.fft_length % 2) // self.sequence_stride
        return (*batch, self.num_mel_bins, times)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fft_length": self.fft_length,
            "sequence_stride": self.sequence_stride,
            "sequence_length": self.sequence_length,
            "window": self.window,
            "sampling_rate": self.sampling_rate,
            "num_mel_bins": self.num_mel_bins,
            "min_freq": self.min_freq,
            "max_freq": self.max_freq,
            "power_to_db": self.power_to_db,
            "top_db": self.top_db,
            "mag_exp": self.mag_exp,
            "min_power": self.min_power,
            "ref_power": self.ref_power,
        }


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log1p(hertz / 700.0)
