"""Fourier transforms of signals, and signals as overlapping sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import indexing, spectral
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import as_float
from kerasish.ops.shapes import pad

_COSINES = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


def _parts(x: Any) -> tuple[Tensor, Tensor]:
    """Return the real and imaginary parts of complex numbers that come as a pair of them."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"Input `x` should be a tuple of two tensors - real and imaginary. Received: x={x}")
    a, b = as_tensor(x[0]), as_tensor(x[1])
    if a.shape != b.shape:
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary. Both the real and imaginary parts should "
            f"have the same shape. Received: x[0].shape = {a.shape}, x[1].shape = {b.shape}"
        )
    if a._value.dtype.kind not in "fV" or b._value.dtype.kind not in "fV":
        raise ValueError(f"At least one tensor in input `x` is not of type float. Received: x={x}.")
    return e.common_dtype(a, b)


def _fourier(x: Any, axes: int, inverse: bool) -> tuple[Tensor, Tensor]:
    a, b = _parts(x)
    if a.ndim < axes:
        raise ValueError(f"Input should have rank >= {axes}. Received: input.shape = {a.shape}")
    if None in a.shape[-axes:]:
        raise ValueError(
            f"Input should have its last {axes} dimension(s) fully-defined. Received: input.shape = {a.shape}"
        )
    return spectral.fourier(a, b, axes=axes, inverse=inverse)


def fft(x: Any) -> tuple[Tensor, Tensor]:
    """Return the discrete Fourier transform over the last axis.

    Example:

    >>> real, imag = kerasish.ops.fft((np.ones((1, 4)), np.zeros((1, 4))))   # [[4, 0, 0, 0]], zeros

    Args:
        x: A pair of tensors of one shape, the real and the imaginary parts.

    Returns:
        A pair of tensors, likewise.

    Raises:
        ValueError: If `x` is no such pair.
    """
    return _fourier(x, 1, inverse=False)


def fft2(x: Any) -> tuple[Tensor, Tensor]:
    """Return the discrete Fourier transform over the last two axes; see `fft`."""
    return _fourier(x, 2, inverse=False)


def ifft2(x: Any) -> tuple[Tensor, Tensor]:
    """Return the inverse discrete Fourier transform over the last two axes; see `fft`."""
    return _fourier(x, 2, inverse=True)


def _fitted(x: Tensor, length: int) -> Tensor:
    """Return `x` cut or filled with zeros to `length` along its last axis."""
    own = x.shape[-1]
    if own > length:
        return x[..., :length]
    if own < length:
        return s.pad_constant(x, width=((0, 0),) * (x.ndim - 1) + ((0, length - own),), value=0)
    return x


def rfft(x: Any, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Return the discrete Fourier transform of real signals over the last axis, non-negative frequencies only.

    Args:
        x: Tensor of shape `(..., n)`.
        fft_length: The length that signals are cut or filled with zeros to; their own by default.

    Returns:
        Real and imaginary parts, each of shape `(..., fft_length // 2 + 1)`.
    """
    x = as_float(x)
    if not x.ndim or x.shape[-1] is None:
        raise ValueError(
            f"Input should have its last dimension fully-defined. Received: input.shape = {x.shape}"
        )
    length = x.shape[-1] if fft_length is None else int(fft_length)
    return spectral.real_fourier(_fitted(x, length), length=length)


def irfft(x: Any, fft_length: int | None = None) -> Tensor:
    """Return the real signals whose `rfft` is given.

    Args:
        x: A pair of tensors of shape `(..., frequencies)`, the real and the imaginary parts.
        fft_length: The length of the signals; `2 (frequencies - 1)` by default.
    """
    a, b = _parts(x)
    if not a.ndim or a.shape[-1] is None:
        raise ValueError(
            f"Input should have its last dimension fully-defined. Received: input.shape = {a.shape}"
        )
    length = 2 * (a.shape[-1] - 1) if fft_length is None else int(fft_length)
    kept = length // 2 + 1
    return spectral.inverse_real_fourier(_fitted(a, kept), _fitted(b, kept), length=length)


# Sequences


def _positions(length: int, sequence_length: int, stride: int) -> np.ndarray:
    """Return the positions in a signal of each number of each sequence."""
    count = max(0, (length - sequence_length) // stride + 1)
    return (np.arange(count)[:, None] * stride + np.arange(sequence_length)).astype(np.int32)


def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Tensor:
    """Return the sequences of `sequence_length` numbers that start every `sequence_stride` along the last axis.

    Args:
        x: Tensor of shape `(..., n)`.
        sequence_length: Length of the sequences.
        sequence_stride: Step from one sequence's start to the next one's.

    Returns:
        Tensor of shape `(..., sequences, sequence_length)`.
    """
    x = as_tensor(x)
    if x.ndim < 1 or x.shape[-1] is None:
        raise ValueError(
            f"Input should have its last dimension fully-defined. Received: input.shape = {x.shape}"
        )
    return indexing.take(x, _positions(x.shape[-1], sequence_length, sequence_stride), -1)


def window_of(
    window: str | Sequence[float] | None, length: int, width: int, dtype: str
) -> np.ndarray | Tensor:
    """Return the weights of `length` numbers in the middle of `width`, zeros around them.

    Args:
        window: `"hann"` or `"hamming"` (periodic), the weights themselves, or None for ones all over `width`.
        length: How many weights there are.
        width: How many numbers are returned.
        dtype: Their type.
    """
    if window is None:
        return as_tensor(np.ones(width), dtype)
    if isinstance(window, str):
        if window not in _COSINES:
            raise ValueError(
                'If a string is passed to `window`, it must be one of `"hann"`, `"hamming"`. '
                f"Received: window={window}"
            )
        level, swing = _COSINES[window]
        window = level - swing * np.cos(2 * np.pi * np.arange(length) / length) if length > 1 else np.ones(1)
    weights = as_tensor(window, dtype)
    if weights.shape != (length,):
        raise ValueError(
            "The shape of `window` must be equal to [sequence_length]. "
            f"Received: window shape={weights.shape}, sequence_length={length}"
        )
    before = (width - length) // 2
    return s.pad_constant(weights, width=((before, width - length - before),), value=0)


def _check_lengths(sequence_length: int, fft_length: int) -> None:
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. "
            f"Received: sequence_length={sequence_length}, fft_length={fft_length}"
        )


def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | Any | None = "hann",
    center: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return the short-time Fourier transform of real signals.

    Args:
        x: Tensor of shape `(..., n)`.
        sequence_length: Length of the window.
        sequence_stride: Step from one sequence to the next.
        fft_length: Length of each transform, at least that of the window.
        window: `"hann"`, `"hamming"`, a tensor of `sequence_length` weights, or None.
        center: Whether the signal is mirrored at both ends, so that sequence t is centered at `t * sequence_stride`.

    Returns:
        Real and imaginary parts, each of shape `(..., sequences, fft_length // 2 + 1)`.

    Raises:
        TypeError: If `x` is not of floats.
        ValueError: If the window is none of these, or longer than `fft_length`.
    """
    x = as_tensor(x)
    if x.dtype not in ("float32", "float64"):
        raise TypeError(
            f"Invalid input type. Expected `float32` or `float64`. Received: input type={x.dtype}"
        )
    _check_lengths(sequence_length, fft_length)
    weights = window_of(window, sequence_length, fft_length, x.dtype)
    if center:
        x = pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return spectral.real_fourier(
        extract_sequences(x, fft_length, sequence_stride) * weights, length=fft_length
    )


def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | Any | None = "hann",
    center: bool = True,
) -> Tensor:
    """Return the real signals whose `stft` is given: the windowed sequences added up where they overlap.

    Args:
        x: A pair of tensors of shape `(..., sequences, fft_length // 2 + 1)`, the real and the imaginary parts.
        sequence_length: Length of the window.
        sequence_stride: Step from one sequence to the next.
        fft_length: Length of each transform.
        length: Length of the signals, by default what the sequences cover.
        window: The window that `stft` was given.
        center: Whether `stft` mirrored the signal at both ends.

    Raises:
        ValueError: If `x` is no pair of tensors of at least two axes, or the window does not fit.
    """
    a, b = _parts(x)
    if a.ndim < 2:
        raise ValueError(f"Input `x` must have at least 2 dimensions. Received shape: {a.shape}")
    _check_lengths(sequence_length, fft_length)
    weights = window_of(window, sequence_length, fft_length, a.dtype)
    sequences = irfft((a, b), fft_length) * weights
    covered = fft_length + sequence_stride * (a.shape[-2] - 1)
    positions = as_tensor(_positions(covered, fft_length, sequence_stride))
    signal = _added_up(sequences, positions, covered)
    shares = _added_up(s.broadcast_to(e.square(weights), positions.shape), positions, covered)
    signal = signal / e.where(e.greater(shares, 1e-10), shares, 1.0)
    if window is None:
        signal = signal * (fft_length / sequence_stride)
    start = fft_length // 2 if center else 0
    if length is not None:
        return signal[..., start : start + length]
    return signal[..., start : covered - fft_length // 2 if center else covered]


def _added_up(sequences: Tensor, positions: Tensor, length: int) -> Tensor:
    lead = sequences.shape[:-2]
    zeros = s.broadcast_to(as_tensor(0, sequences.dtype), (*lead, length))
    return indexing.scatter_add(zeros, sequences, [positions], (slice(None),) * len(lead) + (indexing.ARRAY,))
