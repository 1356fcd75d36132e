"""Filters of images: a Gaussian blur, edges, and a similarity that compares blurred images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops import elementwise as e
from kerasish.ops.common import check_images
from kerasish.ops.convolution import depthwise_conv
from kerasish.ops.reductions import mean, sum
from kerasish.ops.shapes import expand_dims, reshape, squeeze, stack, tile, transpose


def gaussian_blur(
    images: Any,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Return images blurred by a Gaussian, with zeros outside of them.

    Example:

    >>> kerasish.ops.image.gaussian_blur(kerasish.ops.ones((1, 8, 8, 3)), (5, 5), (2.0, 2.0)).shape
    (1, 8, 8, 3)

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        kernel_size: How many columns and rows of pixels count.
        sigma: Standard deviations of the Gaussian along both, in pixels; gradients reach them.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the shape of `images`.

    Raises:
        ValueError: If there are neither three nor four axes.
    """
    images = as_tensor(images)
    check_images(images)
    if not dtypes.is_float(images.dtype):
        images = cast(images, config.floatx())
    data_format = config.standardize_data_format(data_format)
    single = images.ndim == 3
    x = expand_dims(images, 0) if single else images
    deviations = as_tensor(sigma, images.dtype)
    # A Gaussian in two dimensions is one in each.
    across = _gaussian(kernel_size[0], deviations[0], images.dtype)
    down = _gaussian(kernel_size[1], deviations[1], images.dtype)
    x = _each_channel(x, reshape(across, (1, -1)), "same", data_format)
    x = _each_channel(x, reshape(down, (-1, 1)), "same", data_format)
    return squeeze(x, 0) if single else x


def _gaussian(size: int, sigma: Any, dtype: str) -> Tensor:
    distance = as_tensor(np.arange(size, dtype=np.float32) - (size - 1) / 2, dtype) / sigma
    weights = e.exp(e.square(distance) * -0.5)
    return weights / sum(weights)


def _each_channel(x: Tensor, kernel: Tensor, padding: str, data_format: str) -> Tensor:
    """Return the correlation of each channel with one kernel of two axes."""
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    if channels is None:
        raise ValueError(f"The number of channels must be known. Received: images.shape={x.shape}")
    kernel = tile(expand_dims(kernel, (2, 3)), (1, 1, channels, 1))
    return depthwise_conv(x, kernel, padding=padding, data_format=data_format)


def sobel_edges(images: Any, data_format: str | None = None) -> Tensor:
    """Return how much images change downward and to the right, by Sobel's filters, with zeros outside of them.

    Args:
        images: Tensor of shape `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the shape of `images` with two values, of the rows and of the columns, along a new last axis.

    Raises:
        ValueError: If there are not four axes.
    """
    images = as_tensor(images)
    if images.ndim != 4:
        raise ValueError(
            f"Invalid images rank: expected rank 4 (batch of images). Received: images.shape={images.shape}"
        )
    data_format = config.standardize_data_format(data_format)
    right = as_tensor(np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32), images.dtype)
    kernels = (transpose(right), right)
    return stack([_each_channel(images, kernel, "same", data_format) for kernel in kernels], -1)


def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """Return the structural similarity of images, 1 where they are the same (Wang et al., 2004).

    Args:
        image1: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        image2: Tensor of the same shape.
        max_val: Difference of the largest and the smallest value that pixels may have.
        filter_size: Width of the Gaussian window within which statistics are taken.
        filter_sigma: Its standard deviation in pixels.
        k1: Stabilizes the comparison of means, 0.01 in the paper.
        k2: Stabilizes the comparison of variances, 0.03 in the paper.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of shape `(batch,)`, or a scalar for a single image.

    Raises:
        ValueError: If there are neither three nor four axes.
    """
    image1, image2 = as_tensor(image1), as_tensor(image2)
    check_images(image1, "image1")
    check_images(image2, "image2")
    data_format = config.standardize_data_format(data_format)
    dtype = dtypes.result_type(image1.dtype, float)
    single = image1.ndim == 3
    x, y = (cast(expand_dims(v, 0) if single else v, dtype) for v in (image1, image2))
    window = _gaussian(filter_size, filter_sigma, dtype)

    def local_mean(values: Tensor) -> Tensor:
        rows = _each_channel(values, reshape(window, (-1, 1)), "valid", data_format)
        return _each_channel(rows, reshape(window, (1, -1)), "valid", data_format)

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean_x, mean_y = local_mean(x), local_mean(y)
    product, squares = mean_x * mean_y, e.square(mean_x) + e.square(mean_y)
    covariance = local_mean(x * y) - product
    variances = local_mean(e.square(x) + e.square(y)) - squares
    similarity = (2.0 * product + c1) * (2.0 * covariance + c2) / ((squares + c1) * (variances + c2))
    result = cast(mean(similarity, (1, 2, 3)), image1.dtype)
    return squeeze(result, 0) if single else result
