"""Colors of images changed at random."""

from __future__ import annotations

from typing import Any

from kerasish import config, ops
from kerasish.layers.preprocessing.image_layer import (
    RandomImageLayer,
    checked_value_range,
    factor_range,
    rescaled,
)
from kerasish.layers.preprocessing.random_distortion import of_each_image
from kerasish.random import uniform


class RandomColorLayer(RandomImageLayer):
    """Base of layers that draw a number for each image.

    Args:
        factor: The range that the number is drawn from.
        value_range: The smallest and the largest value of images.
    """

    _bounds: tuple[float, float] = (-1, 1)

    def __init__(self, factor: Any, value_range: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.factor = factor_range(factor, *self._bounds)
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        factor = uniform((self._batch_size(data),), *self.factor, seed=self._source(seed))
        return {"factor": factor}

    def _clipped(self, images: Any) -> Any:
        return ops.clip(images, self.value_range[0], self.value_range[1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


class RandomBrightness(RandomColorLayer):
    """In training, add a random number to each image.

    Example:

    >>> layer = kerasish.layers.RandomBrightness(0.2, value_range=(0, 1))
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the number, as a fraction of the value range: two numbers from -1 to 1, or one for both
            directions.
        value_range: The smallest and the largest value of images.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `data_format`, `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(factor, checked_value_range(value_range), seed=seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        drawn = uniform((self._batch_size(data), 1, 1, 1), *self.factor, seed=self._source(seed))
        return {"rgb_delta": drawn * (self.value_range[1] - self.value_range[0])}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        delta = transformation["rgb_delta"]
        return self._clipped(images + ops.cast(delta, images.dtype))


class RandomContrast(RandomColorLayer):
    """In training, scale the differences of each image from the mean of each of its channels.

    Example:

    >>> layer = kerasish.layers.RandomContrast(0.5)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: How much less and how much more contrast there is at most: two numbers from 0 to 1, or one for both.
            Differences are multiplied by a number from 1 - lower to 1 + upper.
        value_range: The smallest and the largest value of images.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `data_format`, `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
    """

    _bounds = (0, 1)

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        lower, upper = self.factor
        shape, dtype = (self._batch_size(data), 1, 1, 1), self.compute_dtype
        return {
            "contrast_factor": uniform(shape, 1.0 - lower, 1.0 + upper, dtype=dtype, seed=self._source(seed))
        }

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        axes = (-3, -2) if self.data_format == "channels_last" else (-2, -1)
        mean = ops.mean(images, axis=axes, keepdims=True)
        return self._clipped((images - mean) * transformation["contrast_factor"] + mean)


class RandomSaturation(RandomColorLayer):
    """In training, make the colors of each image stronger or weaker.

    Example:

    >>> layer = kerasish.layers.RandomSaturation((0.4, 0.6), value_range=(0, 1))
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the strength: two numbers from 0 to 1, or one for the range up to it. 0 leaves gray values,
            0.5 changes nothing, 1 is as much color as there can be.
        value_range: The smallest and the largest value of images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
    """

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
        factor = super().get_random_transformation(data, training, seed)["factor"]
        return {"factor": factor / (1 - factor + config.epsilon())}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        factor = of_each_image(ops.cast(transformation["factor"], self.compute_dtype))
        axis = self._channels_axis
        hsv = ops.image.rgb_to_hsv(images, data_format=self.data_format)
        hue, saturation, value = ops.split(hsv, 3, axis=axis)
        hsv = ops.concatenate([hue, self._clipped(saturation * factor), value], axis=axis)
        return ops.image.hsv_to_rgb(hsv, data_format=self.data_format)


class RandomHue(RandomColorLayer):
    """In training, turn the hue of each image around the circle of colors.

    Example:

    >>> layer = kerasish.layers.RandomHue(0.2, value_range=(0, 1))
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of how far, in both directions: two numbers from 0 to 1, or one for the range up to it. 1 is
            half of the circle.
        value_range: The smallest and the largest value of images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
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
        super().__init__(factor, value_range, seed=seed, data_format=data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        source, shape = self._source(seed), (self._batch_size(data),)
        direction = ops.where(uniform(shape, seed=source) > 0.5, -1.0, 1.0)
        return {"factor": direction * uniform(shape, *self.factor, seed=source) * 0.5}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        images = rescaled(ops.cast(images, self.compute_dtype), self.value_range, (0, 1), "float32")
        factor = of_each_image(ops.cast(transformation["factor"], images.dtype))
        axis = self._channels_axis
        hsv = ops.image.rgb_to_hsv(images, data_format=self.data_format)
        hue, saturation, value = ops.split(hsv, 3, axis=axis)
        hue = hue + factor
        hue = ops.where(hue > 1.0, hue - 1.0, hue)
        hue = ops.where(hue < 0.0, hue + 1.0, hue)
        hsv = ops.concatenate([hue, saturation, value], axis=axis)
        images = ops.clip(ops.image.hsv_to_rgb(hsv, data_format=self.data_format), 0, 1)
        return ops.cast(rescaled(images, (0, 1), self.value_range, "float32"), self.compute_dtype)


class RandomColorDegeneration(RandomColorLayer):
    """In training, mix each image with its gray values.

    Example:

    >>> layer = kerasish.layers.RandomColorDegeneration(0.5)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the share of gray: two numbers from -1 to 1, or one for both directions.
        value_range: The smallest and the largest value of images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
    """

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
        return {"factor": of_each_image(super().get_random_transformation(data, training, seed)["factor"])}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        images = ops.cast(images, self.compute_dtype)
        factor = ops.cast(transformation["factor"], self.compute_dtype)
        gray = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return self._clipped(images + factor * (gray - images))


class RandomGrayscale(RandomImageLayer):
    """In training, take the colors from some images.

    Example:

    >>> layer = kerasish.layers.RandomGrayscale(0.2)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: Probability of gray values, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the probability is none.
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={factor}")
        self.factor = factor

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return of_each_image(uniform((self._batch_size(data),), seed=self._source(seed)) < self.factor)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        chosen = self.get_random_transformation(images) if transformation is None else transformation
        gray = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return ops.where(chosen, gray, images)

    def get_config(self) -> dict[str, Any]:
        result = {**super().get_config(), "factor": self.factor}
        del result["seed"]  # Keras keeps none
        return result


class RandomColorJitter(RandomImageLayer):
    """In training, change brightness, contrast, saturation and hue of each image, in this order.

    Example:

    >>> layer = kerasish.layers.RandomColorJitter(value_range=(0, 1), brightness_factor=0.2, hue_factor=0.1)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        value_range: The smallest and the largest value of images.
        brightness_factor: The range of `RandomBrightness`; None leaves the brightness.
        contrast_factor: The range of `RandomContrast`, likewise.
        saturation_factor: The range of `RandomSaturation`, likewise.
        hue_factor: The range of `RandomHue`, likewise.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = value_range
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        parts: tuple[tuple[Any, Any], ...] = (
            (RandomBrightness, brightness_factor),
            (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor),
            (RandomHue, hue_factor),
        )
        settings: dict[str, Any] = {"value_range": value_range, "data_format": self.data_format}
        self._parts = [
            cls(factor, seed=seed, dtype=self.dtype_policy, **settings)
            for cls, factor in parts
            if factor is not None
        ]

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        images = ops.cast(images, self.compute_dtype)
        for part in self._parts:
            drawn = part.get_random_transformation(images, seed=self.generator)
            images = part.transform_images(images, drawn)
        return ops.cast(images, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "brightness_factor": self.brightness_factor,
            "contrast_factor": self.contrast_factor,
            "saturation_factor": self.saturation_factor,
            "hue_factor": self.hue_factor,
        }
