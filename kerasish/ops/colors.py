"""Colors of images: gray values, and hue, saturation and value."""

from __future__ import annotations

from typing import Any

from kerasish import config
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops import elementwise as e
from kerasish.ops.arithmetic import clip
from kerasish.ops.common import check_images
from kerasish.ops.positions import where
from kerasish.ops.reductions import sum
from kerasish.ops.shapes import reshape, split, squeeze, stack

# What red, green and blue weigh in a gray value (ITU-R BT.601).
_GRAY = (0.2989, 0.5870, 0.1140)
_SMALLEST = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Tensor:
    """Return the gray values of images: 0.2989 red + 0.587 green + 0.114 blue.

    Example:

    >>> kerasish.ops.image.rgb_to_grayscale(kerasish.ops.ones((2, 4, 4, 3))).shape
    (2, 4, 4, 1)

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height, with three channels, or one, which is returned as it is.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the same shape but one channel, and the same type.

    Raises:
        ValueError: If there are neither three nor four axes, or neither one nor three channels.
    """
    images = as_tensor(images)
    check_images(images)
    axis = _channels_axis(data_format)
    channels = images.shape[axis]
    if channels not in (1, 3, None):
        raise ValueError(
            "Invalid channel size: expected 3 (RGB) or 1 (Grayscale). "
            f"Received input with shape: images.shape={images.shape}"
        )
    if channels == 1:
        return images
    dtype = dtypes.result_type(images.dtype, float)
    weights = reshape(as_tensor(_GRAY, dtype), (3,) + (1,) * (-axis - 1))
    return cast(sum(cast(images, dtype) * weights, axis, keepdims=True), images.dtype)


def rgb_to_hsv(images: Any, data_format: str | None = None) -> Tensor:
    """Return the hue, saturation and value, each from 0 to 1, of images of red, green and blue.

    Args:
        images: Tensor of floats from 0 to 1, of shape `(batch, height, width, 3)` or `(height, width, 3)`, or with the
            channels before the height.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the same shape and type.

    Raises:
        ValueError: If there are neither three nor four axes, other than three channels, or no floats.
    """
    images, axis = _three_floats(images, data_format)
    images = where(e.absolute(images) < _SMALLEST[images.dtype], 0.0, images)
    red, green, blue = (squeeze(part, axis) for part in split(images, 3, axis))
    value = e.maximum(e.maximum(red, green), blue)
    spread = value - e.minimum(e.minimum(red, green), blue)
    saturation = where(value > 0, spread / where(value > 0, value, 1.0), 0.0)
    norm = 1.0 / (6.0 * where(spread > 0, spread, 1.0))
    hue = where(e.equal(value, green), norm * (blue - red) + 2.0 / 6.0, norm * (red - green) + 4.0 / 6.0)
    hue = where(e.equal(value, red), norm * (green - blue), hue)
    hue = where(spread > 0, hue, 0.0) + cast(hue < 0.0, hue.dtype)
    return stack([hue, saturation, value], axis)


def hsv_to_rgb(images: Any, data_format: str | None = None) -> Tensor:
    """Return the red, green and blue of images of hue, saturation and value.

    Args:
        images: Tensor of floats from 0 to 1, of shape `(batch, height, width, 3)` or `(height, width, 3)`, or with the
            channels before the height.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the same shape and type.

    Raises:
        ValueError: If there are neither three nor four axes, other than three channels, or no floats.
    """
    images, axis = _three_floats(images, data_format)
    hue, saturation, value = (squeeze(part, axis) for part in split(images, 3, axis))
    sixth = e.mod(hue, 1.0) * 6.0
    red = clip(e.absolute(sixth - 3.0) - 1.0, 0.0, 1.0)
    green = clip(2.0 - e.absolute(sixth - 2.0), 0.0, 1.0)
    blue = clip(2.0 - e.absolute(sixth - 4.0), 0.0, 1.0)
    rest = 1.0 - saturation
    return stack([value * (rest + saturation * part) for part in (red, green, blue)], axis)


def _channels_axis(data_format: str | None) -> int:
    return -1 if config.standardize_data_format(data_format) == "channels_last" else -3


def _three_floats(images: Any, data_format: str | None) -> tuple[Tensor, int]:
    """Return the images, and the axis of their channels, after a look at both."""
    images = as_tensor(images)
    check_images(images)
    if not dtypes.is_float(images.dtype):
        raise ValueError(f"Invalid images dtype: expected float dtype. Received: images.dtype={images.dtype}")
    axis = _channels_axis(data_format)
    if images.shape[axis] not in (3, None):
        raise ValueError(
            f"Input images must have 3 channels, but received images with {images.shape[axis]} channels."
        )
    return images, axis
