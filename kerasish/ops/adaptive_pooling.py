"""Pooling to a given output size: window i of n covers the positions from floor(i L / n) to ceil((i + 1) L / n)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config
from kerasish.autograd.primitives import indexing
from kerasish.autograd.primitives.shapes import expand_dims, squeeze
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.common import as_float
from kerasish.ops.positions import take_along_axis
from kerasish.ops.reductions import argmax, sum


def adaptive_average_pool(
    inputs: Any, output_size: int | Sequence[int], data_format: str | None = None
) -> Tensor:
    """Return the means of as many windows along each spatial axis as `output_size` says.

    Example:

    >>> kerasish.ops.adaptive_average_pool(kerasish.ops.ones((1, 7, 9, 3)), (2, 3)).shape
    (1, 2, 3, 3)

    Args:
        inputs: Tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`, with one to three
            spatial axes of known length.
        output_size: How many windows, one number or one for each spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of shape `(batch, *output_size, channels)`, channels first if the inputs are.

    Raises:
        ValueError: If there are not one to three spatial axes, or one of unknown length.
    """
    return _pool(inputs, output_size, data_format, _averages)


def adaptive_max_pool(
    inputs: Any, output_size: int | Sequence[int], data_format: str | None = None
) -> Tensor:
    """Return the largest values of as many windows along each spatial axis as `output_size` says.

    Args:
        inputs: As for `adaptive_average_pool`.
        output_size: How many windows, one number or one for each spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of shape `(batch, *output_size, channels)`, channels first if the inputs are.

    Raises:
        ValueError: If there are not one to three spatial axes, or one of unknown length.
    """
    return _pool(inputs, output_size, data_format, _maxima)


def _pool(inputs: Any, output_size: Any, data_format: str | None, along: Any) -> Tensor:
    x = as_tensor(inputs)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ValueError(
            f"Adaptive pooling is over one, two or three spatial axes. Received: inputs.shape={x.shape}"
        )
    sizes = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
    if len(sizes) != rank:
        raise ValueError(
            f"`output_size` must be one number or {rank} of them. Received: output_size={output_size}"
        )
    data_format = config.image_data_format() if data_format is None else data_format
    first = 1 if data_format == "channels_last" else 2
    for axis, size in enumerate(sizes, first):
        if x.shape[axis] is None:
            raise ValueError(f"Adaptive pooling needs known lengths. Received: inputs.shape={x.shape}")
        x = along(x, axis, size)
    return x


def _windows(length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of each window (its last again and again, where it is shorter) and which of them count."""
    i = np.arange(count)
    starts, stops = i * length // count, -((i + 1) * length // -count)
    positions = starts[:, None] + np.arange(np.max(stops - starts))
    return np.minimum(positions, stops[:, None] - 1).astype(np.int32), positions < stops[:, None]


def _averages(x: Tensor, axis: int, count: int) -> Tensor:
    positions, counts = _windows(x.shape[axis], count)
    x = as_float(x)
    weights = as_tensor((counts / counts.sum(1, keepdims=True)).astype(np.float64), x.dtype)
    after = x.ndim - axis - 1
    weights = expand_dims(weights, tuple(range(2, 2 + after))) if after else weights
    return sum(indexing.take(x, positions, axis) * weights, axis + 1)


def _maxima(x: Tensor, axis: int, count: int) -> Tensor:
    windows = indexing.take(x, _windows(x.shape[axis], count)[0], axis)
    # Of equal values the first has the gradient, as in `max_pool`; it also is alone where a window repeats its last.
    first = argmax(windows, axis + 1, keepdims=True)
    return squeeze(take_along_axis(windows, first, axis + 1), axis + 1)
