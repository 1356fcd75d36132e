"""Tones of images: fewer, inverted, spread over their range."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import (
    ImageLayer,
    RandomImageLayer,
    checked_value_range,
    factor_range,
    rescaled,
)
from kerasish.layers.preprocessing.random_color import RandomColorLayer
from kerasish.layers.preprocessing.random_distortion import chosen, of_each_image
from kerasish.random import randint, uniform


class RandomPosterization(RandomColorLayer):
    """In training, keep only the highest bits of each value.

    Example:

    >>> layer = kerasish.layers.RandomPosterization(3)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: How many of the eight bits are kept: a number from 1 to 8, or two for the range of it.
        value_range: The smallest and the largest value of images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
    """

    _bounds = (1, 8)

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

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        lower, upper = self.factor
        if lower == upper:
            return {"shift_factor": np.full((1,), 8 - lower, np.uint8)}
        bits = randint((self._batch_size(data),), lower, upper, dtype="int32", seed=self._source(seed))
        return {"shift_factor": ops.cast(8 - bits, "uint8")}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        shift = of_each_image(transformation["shift_factor"])
        images = ops.cast(rescaled(images, self.value_range, (0, 255), self.compute_dtype), "uint8")
        images = ops.bitwise_left_shift(ops.bitwise_right_shift(images, shift), shift)
        images = ops.cast(images, self.compute_dtype)
        return rescaled(images, (0, 255), self.value_range, self.compute_dtype)


class RandomInvert(RandomColorLayer):
    """In training, invert some images: each value becomes the largest one less itself.

    Example:

    >>> layer = kerasish.layers.RandomInvert(0.5, value_range=(0, 1))
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the probability of inverting: two numbers from 0 to 1, or one for its end.
        value_range: The smallest and the largest value of images.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
    """

    _bounds = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, seed=seed, data_format=data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        return {"apply_inversion": chosen(self.factor, self._batch_size(data), self._source(seed))}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        images = ops.cast(images, self.compute_dtype)
        inverted = of_each_image(transformation["apply_inversion"])
        return ops.where(inverted, self.value_range[1] - images, images)


class Solarization(RandomImageLayer):
    """In training, add a number to each image and invert what is then above a threshold.

    Example:

    >>> layer = kerasish.layers.Solarization(threshold_factor=0.5)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        addition_factor: The range of the number, as a fraction of 255: two numbers from 0 to 1, or one for its end.
        threshold_factor: The range of the threshold, likewise.
        value_range: The smallest and the largest value of images.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `data_format`, `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = factor_range(addition_factor, 0, 1, "addition_factor", symmetric=False)
        self.threshold_factor = factor_range(threshold_factor, 0, 1, "threshold_factor", symmetric=False)
        self.value_range = checked_value_range(value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape, source = (self._batch_size(data), 1, 1, 1), self._source(seed)
        drawn = {}
        for name, (lower, upper) in (
            ("additions", self.addition_factor),
            ("thresholds", self.threshold_factor),
        ):
            drawn[name] = uniform(shape, lower, upper * 255, dtype=self.compute_dtype, seed=source)
        return drawn

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        images = rescaled(images, self.value_range, (0, 255), self.compute_dtype)
        images = ops.clip(images + transformation["additions"], 0, 255)
        images = ops.where(images < transformation["thresholds"], images, 255 - images)
        return rescaled(images, (0, 255), self.value_range, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "addition_factor": self.addition_factor,
            "threshold_factor": self.threshold_factor,
        }


class AutoContrast(ImageLayer):
    """Spread the values of each channel of each image over the whole range.

    Example:

    >>> kerasish.layers.AutoContrast()(kerasish.ops.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)

    Args:
        value_range: The smallest and the largest value of images.
        **kwargs: `data_format`, `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
    """

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = checked_value_range(value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        original = ops.cast(images, self.compute_dtype)
        images = rescaled(original, self.value_range, (0, 255), self.compute_dtype)
        axes = (-3, -2) if self.data_format == "channels_last" else (-2, -1)
        low, high = ops.min(images, axis=axes, keepdims=True), ops.max(images, axis=axes, keepdims=True)
        differs = high > low
        scale = 255.0 / ops.where(differs, high - low, 1.0)
        spread = ops.clip((images - low) * scale, 0.0, 255.0)
        spread = rescaled(spread, (0, 255), self.value_range, self.compute_dtype)
        return ops.where(differs, spread, original)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range}


class Equalization(ImageLayer):
    """In training, make all values of a batch's channels about equally frequent.

    Each value is replaced by the share of smaller ones, by a histogram of each channel.

    Example:

    >>> kerasish.layers.Equalization()(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        value_range: The smallest and the largest value of images.
        bins: How many values the histograms tell apart.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
    """

    def __init__(
        self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.bins = bins
        self.value_range = checked_value_range(value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        images = ops.cast(images, self.compute_dtype)
        if images.shape[self._channels_axis] is None:
            return images
        channels = ops.unstack(images, axis=self._channels_axis)
        equalized = [self._equalized(channel) for channel in channels]
        return ops.cast(ops.stack(equalized, axis=self._channels_axis), self.compute_dtype)

    def _equalized(self, channel: Any) -> Any:
        channel = rescaled(channel, self.value_range, (0, 255), self.compute_dtype)
        place = ops.clip(channel * ((self.bins - 1) / 255.0), 0, self.bins - 1)
        indices = ops.cast(place, "int32")
        ones = ops.ones_like(ops.reshape(indices, (-1,)))
        counts = ops.segment_sum(ones, ops.reshape(indices, (-1,)), num_segments=self.bins)
        total = ops.cumsum(counts)
        # The lowest value there is becomes 0.
        lowest = ops.min(ops.where(total > 0, total, 2**31 - 1))
        rest = total[-1] - lowest
        share = ops.cast(total - lowest, "float32") * 255.0 / ops.cast(ops.maximum(rest, 1), "float32")
        table = ops.clip(ops.round(share), 0, 255)
        equalized = ops.where(rest > 0, ops.take(table, indices), ops.cast(channel, "float32"))
        return rescaled(equalized, (0, 255), self.value_range, "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins, "value_range": self.value_range}
