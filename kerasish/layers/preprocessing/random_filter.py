"""Images sharpened, blurred and partly erased at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import checked_value_range, factor_range
from kerasish.layers.preprocessing.random_color import RandomColorLayer
from kerasish.layers.preprocessing.random_distortion import chosen, of_each_image
from kerasish.random import normal, uniform

_SMOOTHING = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13


class RandomSharpness(RandomColorLayer):
    """In training, sharpen or smooth each image.

    Example:

    >>> layer = kerasish.layers.RandomSharpness(0.5)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the sharpness: two numbers from 0 to 1, or one for its end. 0 smooths, 0.5 changes nothing,
            1 sharpens.
        value_range: The smallest and the largest value of images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
    """

    _bounds = (0, 1)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        value_range = checked_value_range(value_range)
        super().__init__(factor, value_range, seed=seed, data_format=data_format, **kwargs)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        sharpness = of_each_image(ops.cast(transformation["factor"] * 2, self.compute_dtype))
        channels = images.shape[self._channels_axis]
        if channels is None:
            return images
        kernel = np.tile(_SMOOTHING[:, :, None, None], (1, 1, channels, 1))
        kernel = ops.convert_to_tensor(kernel, self.compute_dtype)
        smooth = ops.depthwise_conv(images, kernel, padding="same", data_format=self.data_format)
        return self._clipped(images + (1.0 - sharpness) * (smooth - images))


class RandomGaussianBlur(RandomColorLayer):
    """In training, blur some images by a Gaussian.

    Example:

    >>> layer = kerasish.layers.RandomGaussianBlur(kernel_size=5, sigma=(0.5, 1.0))
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the probability of blurring: two numbers from 0 to 1, or one for its end.
        kernel_size: How many columns and rows of pixels count: one odd number, or one for each.
        sigma: The range of the Gaussian's standard deviation in pixels: two numbers from 0 to 1, or one for its end.
        value_range: The smallest and the largest value of images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none, or a size is even.
    """

    _bounds = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, seed=seed, data_format=data_format, **kwargs)
        sizes = tuple(kernel_size) if isinstance(kernel_size, (list, tuple)) else (kernel_size,) * 2
        if len(sizes) != 2 or not all(isinstance(n, (int, float)) and n % 2 == 1 for n in sizes):
            raise ValueError(
                "The `kernel_size` argument must be an odd number (or a list of two). "
                f"Received: kernel_size={kernel_size}"
            )
        self.kernel_size = sizes
        self.sigma = factor_range(sigma, 0, 1, "sigma")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        source = self._source(seed)
        blurred = chosen(self.factor, self._batch_size(data), source)
        sigma = uniform((2,), *self.sigma, dtype=self.compute_dtype, seed=source) + 1e-6
        return {"should_apply_blur": blurred, "blur_factor": sigma}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        blurred = ops.image.gaussian_blur(
            images, self.kernel_size, transformation["blur_factor"], data_format=self.data_format
        )
        return self._clipped(ops.where(of_each_image(transformation["should_apply_blur"]), blurred, images))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernel_size": self.kernel_size, "sigma": self.sigma}


class RandomErasing(RandomColorLayer):
    """In training, fill a rectangle at a random place of some images (Zhong et al., 2020).

    Example:

    >>> layer = kerasish.layers.RandomErasing(0.5, fill_value=0)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the probability of erasing: two numbers from 0 to 1, or one for its end.
        scale: The range of the rectangle's height and width, squared, as fractions of the image's: two numbers from 0
            to 1, or one for its end.
        fill_value: What it is filled with: a number, one for each of three channels, or None for normal noise.
        value_range: The smallest and the largest value of images.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none, or the filling is something else.
    """

    _bounds = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, seed=seed, data_format=data_format, **kwargs)
        self.scale = factor_range(scale, 0, 1, "scale")
        several = isinstance(fill_value, (list, tuple))
        if (
            several
            and len(fill_value) != 3
            or not (several or fill_value is None or isinstance(fill_value, (int, float)))
        ):
            raise ValueError(
                "The `fill_value` argument should be a number (or a list of three numbers). "
                f"Received: fill_value={fill_value}"
            )
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape, batch, source = self._images_shape(data), self._batch_size(data), self._source(seed)
        height, width = self._height_width(shape)
        dtype = self.compute_dtype
        share = ops.sqrt(uniform((batch, 2), *self.scale, dtype=dtype, seed=source))
        left, right = span(batch, width, share[:, 0], dtype, source)
        top, bottom = span(batch, height, share[:, 1], dtype, source)
        masks = rectangles(height, width, (left, right, top, bottom), dtype, self.data_format)
        applied = chosen(self.factor, batch, source)
        return {
            "apply_erasing": applied,
            "batch_masks": masks,
            "fill_value": self._filling((batch, *shape[-3:]), source),
        }

    def _filling(self, shape: tuple, source: Any) -> Any:
        if self.fill_value is None:
            filling = normal(shape, dtype=self.compute_dtype, seed=source) * self.value_range[1]
        else:
            filling = ops.convert_to_tensor(self.fill_value, self.compute_dtype)
            if filling.ndim and self.data_format == "channels_first":
                filling = ops.reshape(filling, (3, 1, 1))
        return self._clipped(filling)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        applied = of_each_image(transformation["apply_erasing"])
        erased = ops.logical_and(applied, transformation["batch_masks"])
        return ops.where(erased, transformation["fill_value"], images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "fill_value": self.fill_value}


def span(batch: Any, length: int, share: Any, dtype: str, source: Any) -> tuple[Any, Any]:
    """Return where a part of an axis starts and ends, of a given share of its length and at a random place."""
    size = ops.cast(share * length, dtype)
    start = uniform((batch,), dtype=dtype, seed=source) * (length - size)
    return start, start + size


def rectangles(height: int, width: int, sides: tuple, dtype: str, data_format: str) -> Any:
    """Return which pixels are in a rectangle for each image: left, right, top and bottom, the second of each not in."""
    left, right, top, bottom = (of_each_image(side) for side in sides)
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    axis = -1 if data_format == "channels_last" else 0
    y, x = (ops.convert_to_tensor(np.expand_dims(n, axis)[None], dtype) for n in (rows, columns))
    return ops.logical_and(ops.logical_and(x >= left, x < right), ops.logical_and(y >= top, y < bottom))
