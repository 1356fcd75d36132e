"""Windows of images as vectors, vectors as windows, and channels as blocks of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from kerasish import config
from kerasish.autograd.primitives import convolution, indexing
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.devices.windows import exact_padding, output_lengths, resolve_padding

Pair = int | Sequence[int]


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def unfold(x: Any, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1) -> Tensor:
    """Return each window of an image, channels first, as a column (im2col).

    Example:

    >>> kerasish.ops.unfold(kerasish.ops.ones((1, 2, 8, 8)), 3).shape
    (1, 18, 36)

    Args:
        x: Tensor of shape `(batch, channels, height, width)`.
        kernel_size: Size of the windows, one number or two.
        dilation: Step between the pixels of a window.
        padding: How many zeros go around the image.
        stride: Step between windows.

    Returns:
        Tensor of shape `(batch, channels * kernel_height * kernel_width, windows)`.

    Raises:
        ValueError: If `x` has not four axes.
    """
    x = as_tensor(x)
    if x.ndim != 4:
        raise ValueError(f"Input must be a 4D tensor, (batch, channels, height, width). Received: {x.shape}")
    window, steps, around, strides = _pair(kernel_size), _pair(dilation), _pair(padding), _pair(stride)
    if any(around):
        x = s.pad_constant(x, width=((0, 0), (0, 0), *((p, p) for p in around)), value=0)
    parts = _window_parts(x, 2, window, strides, steps)
    batch, channels, height, width = parts[0].shape
    stacked = s.stack(parts, 2)
    count = window[0] * window[1]
    return s.reshape(stacked, (batch, None if channels is None else channels * count, _times(height, width)))


def _times(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a * b


def _window_parts(
    x: Tensor, first: int, window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> list[Tensor]:
    """Return, for each position in a window, that pixel of every window; `first` is the first spatial axis."""
    parts = []
    lead = (slice(None),) * first
    for position in product(*map(range, window)):
        index = [*lead]
        for p, w, stride, d in zip(position, window, strides, dilation, strict=True):
            beyond = d * (w - 1 - p)
            index.append(slice(p * d, -beyond if beyond else None, stride))
        parts.append(indexing.slice_(x, index=tuple(index)))
    return parts


def fold(
    x: Any,
    output_size: Pair,
    kernel_size: Pair,
    dilation: Pair = 1,
    padding: Pair = 0,
    stride: Pair = 1,
) -> Tensor:
    """Return the image that columns of windows add up to (col2im): the transpose of `unfold`.

    Example:

    >>> kerasish.ops.fold(kerasish.ops.ones((1, 18, 36)), 8, 3).shape
    (1, 2, 8, 8)

    Args:
        x: Tensor of shape `(batch, channels * kernel_height * kernel_width, windows)`.
        output_size: Height and width of the image, one number or two.
        kernel_size: Size of the windows, one number or two.
        dilation: Step between the pixels of a window.
        padding: How many zeros were around the image.
        stride: Step between windows.

    Returns:
        Tensor of shape `(batch, channels, height, width)`.

    Raises:
        ValueError: If `x` has not three axes, or its second does not hold whole windows.
    """
    x = as_tensor(x)
    if x.ndim != 3:
        raise ValueError(f"Input must be a 3D tensor, (batch, values, windows). Received: {x.shape}")
    size, window, steps = _pair(output_size), _pair(kernel_size), _pair(dilation)
    around, strides = _pair(padding), _pair(stride)
    values, count = x.shape[1], window[0] * window[1]
    if values % count:
        raise ValueError(
            f"The second dimension of the input ({values}) must be divisible by kernel_size product ({count})."
        )
    counts = output_lengths(size, window, strides, tuple((p, p) for p in around), steps)
    # Each channel's columns are one value for each position of its windows: a kernel that puts them there.
    kernel = np.zeros((*window, 1, values), x._value.dtype)
    for i, (row, column) in enumerate(product(*map(range, window))):
        kernel[row, column, 0, i::count] = 1
    images = s.transpose(s.reshape(x, (x.shape[0], values, *counts)), (0, 2, 3, 1))
    out = convolution.conv_transpose(
        images,
        as_tensor(kernel),
        strides=strides,
        padding=exact_padding(size, counts, window, strides, tuple((p, p) for p in around), steps),
        dilation=steps,
        groups=values // count,
    )
    return s.transpose(out, (0, 3, 1, 2))


# Images' patches


def extract_patches(
    images: Any,
    size: Pair,
    strides: Pair | None = None,
    dilation_rate: Pair = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return each window of an image as the vector of its pixels.

    Example:

    >>> kerasish.ops.image.extract_patches(kerasish.ops.ones((2, 20, 20, 3)), (5, 5)).shape
    (2, 4, 4, 75)

    Args:
        images: An image or a batch of them: `(batch, height, width, channels)`, channels first if `data_format` is.
        size: Size of the windows, one number or two.
        strides: Step between windows; by default they do not overlap.
        dilation_rate: Step between the pixels of a window.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of shape `(batch, rows, columns, size * size * channels)`, channels first if the images are.

    Raises:
        TypeError: If `size` is neither a number nor two.
        ValueError: If `strides` and `dilation_rate` are both more than one, or images of another rank come.
    """
    # Configs name both functions alike: a window of three numbers says that volumes are meant.
    rank = 3 if isinstance(size, (tuple, list)) and len(size) == 3 else 2
    return _extract(images, size, strides, dilation_rate, padding, data_format, rank)


def extract_patches_3d(
    volumes: Any,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return each window of a volume as the vector of its voxels (see `extract_patches`).

    Args:
        volumes: A volume or a batch of them: `(batch, depth, height, width, channels)`.
        size: Size of the windows, one number or three.
        strides: Step between windows; by default they do not overlap.
        dilation_rate: Step between the voxels of a window.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of shape `(batch, planes, rows, columns, size^3 * channels)`, channels first if the volumes are.

    Raises:
        TypeError: If `size` is neither a number nor three.
        ValueError: If `strides` and `dilation_rate` are both more than one, or volumes of another rank come.
    """
    return _extract(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _extract(
    x: Any, size: Any, strides: Any, dilation: Any, padding: str, data_format: str | None, rank: int
) -> Tensor:
    x = as_tensor(x)
    if not isinstance(size, int) and (not isinstance(size, (tuple, list)) or len(size) != rank):
        raise TypeError(
            f"Invalid `size` argument. Expected an int or a tuple of length {rank}. Received: size={size}"
        )
    window = (size,) * rank if isinstance(size, int) else tuple(size)
    steps = window if strides is None else (strides,) * rank if isinstance(strides, int) else tuple(strides)
    spread = (dilation,) * rank if isinstance(dilation, int) else tuple(dilation)
    if strides is not None and max(steps) > 1 and max(spread) > 1:
        raise ValueError(
            f"`strides` > 1 goes with `dilation_rate` = 1. Received: strides={strides}, dilation_rate={dilation}"
        )
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"Invalid rank: expected {rank + 1} (one) or {rank + 2} (a batch). Received: shape={x.shape}"
        )
    single = x.ndim == rank + 1
    x = s.expand_dims(x, 0) if single else x
    channels_first = (data_format or config.image_data_format()) == "channels_first"
    if channels_first:
        x = s.transpose(x, (0, *range(2, rank + 2), 1))
    if padding == "same":
        if None in x.shape[1:-1]:
            raise ValueError(f'`padding="same"` needs known lengths. Received: shape={x.shape}')
        pairs = resolve_padding("same", x.shape[1:-1], window, steps, spread)
        x = s.pad_constant(x, width=((0, 0), *map(tuple, pairs), (0, 0)), value=0)
    patches = s.concatenate(_window_parts(x, 1, window, steps, spread), -1)
    if channels_first:
        patches = s.transpose(patches, (0, rank + 1, *range(1, rank + 1)))
    return s.squeeze(patches, 0) if single else patches


# Channels and pixels


def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Return an image whose pixels are blocks of pixels made of their channels (pixel shuffle).

    Example:

    >>> kerasish.ops.depth_to_space(kerasish.ops.ones((1, 2, 2, 12)), 2).shape
    (1, 4, 4, 3)

    Args:
        x: Tensor of shape `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        block_size: Side of the blocks.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Tensor of `block_size` times the height and width and `1 / block_size^2` times the channels.

    Raises:
        ValueError: If `block_size` is below 2, `x` has not four axes, or the channels do not divide.
    """
    x, last = _blocks_of(x, block_size, data_format, "depth_to_space")
    b = block_size
    if last:
        n, h, w, c = x.shape
    else:
        n, c, h, w = x.shape
    if c is not None and c % b**2:
        raise ValueError(f"The number of channels ({c}) must be divisible by block_size**2 ({b**2}).")
    c = None if c is None else c // b**2
    if last:
        x = s.transpose(s.reshape(x, (n, h, w, b, b, c)), (0, 1, 3, 2, 4, 5))
        return s.reshape(x, (n, _times(h, b), _times(w, b), c))
    x = s.transpose(s.reshape(x, (n, c, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return s.reshape(x, (n, c, _times(h, b), _times(w, b)))


def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Return an image whose channels are blocks of pixels: the inverse of `depth_to_space`.

    Example:

    >>> kerasish.ops.space_to_depth(kerasish.ops.ones((1, 4, 4, 3)), 2).shape
    (1, 2, 2, 12)

    Args:
        x: Tensor of shape `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        block_size: Side of the blocks.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        Tensor of `1 / block_size` times the height and width and `block_size^2` times the channels.

    Raises:
        ValueError: If `block_size` is below 2, `x` has not four axes, or its height or width does not divide.
    """
    x, last = _blocks_of(x, block_size, data_format, "space_to_depth")
    b = block_size
    if last:
        n, h, w, c = x.shape
    else:
        n, c, h, w = x.shape
    for name, length in (("Height", h), ("Width", w)):
        if length is not None and length % b:
            raise ValueError(f"{name} ({length}) must be divisible by block_size ({b}).")
    h, w = (None if d is None else d // b for d in (h, w))
    if last:
        x = s.transpose(s.reshape(x, (n, h, b, w, b, c)), (0, 1, 3, 2, 4, 5))
        return s.reshape(x, (n, h, w, _times(c, b**2)))
    x = s.transpose(s.reshape(x, (n, c, h, b, w, b)), (0, 1, 3, 5, 2, 4))
    return s.reshape(x, (n, _times(c, b**2), h, w))


def _blocks_of(x: Any, block_size: int, data_format: str, name: str) -> tuple[Tensor, bool]:
    if block_size < 2:
        raise ValueError(f"`block_size` must be at least 2. Received: block_size={block_size}")
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"`data_format` must be 'channels_last' or 'channels_first'. Received: data_format={data_format!r}"
        )
    x = as_tensor(x)
    if x.ndim != 4:
        raise ValueError(f"`{name}` requires a 4D input tensor. Received: x.shape={x.shape}")
    return x, data_format == "channels_last"
