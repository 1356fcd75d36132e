"""Images seen in perspective and through moving water, at random."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import (
    WARP_FILL_MODES,
    RandomImageLayer,
    check_warp,
    factor_range,
)
from kerasish.ops.warping import displaced, homography
from kerasish.random import uniform
from kerasish.utils import bounding_boxes as box_utils


def chosen(factor: tuple[float, float], batch: Any, source: Any) -> Any:
    """Return which images of a batch are changed, with a probability drawn from a range."""
    probability = uniform((batch,), *factor, seed=source)
    return uniform((batch,), seed=source) < probability


def of_each_image(choice: Any) -> Any:
    """Return numbers of a batch's images with the axes of images."""
    return ops.reshape(choice, (-1, 1, 1, 1))


class RandomPerspective(RandomImageLayer):
    """In training, see each image in a random perspective.

    Example:

    >>> layer = kerasish.layers.RandomPerspective(factor=0.5, scale=0.3)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the probability of changing an image: two numbers from 0 to 1, or one for its end.
        scale: How far corners move at most, from 0 to 1.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: What is outside of the images.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a number is outside of its range.
        NotImplementedError: If an interpolation is unknown.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1)
        if not 0.0 <= scale <= 1.0:
            raise ValueError(
                f"The `scale` argument should be a number in the range [0,1]. Received: scale={scale}"
            )
        check_warp(None, interpolation)
        self.scale = scale
        self.interpolation = interpolation
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape, batch, source = self._images_shape(data), self._batch_size(data), self._source(seed)
        height, width = self._height_width(shape)
        applied = chosen(self.factor, batch, source)
        size, dtype = 0.5 * self.scale, self.compute_dtype
        moves = uniform((batch, 4, 2), -size, size, dtype=dtype, seed=source)
        corners = [[0.0, 0.0], [width - 1.0, 0.0], [0.0, height - 1.0], [width - 1.0, height - 1.0]]
        start = ops.zeros_like(moves) + ops.convert_to_tensor(corners, dtype)
        return {
            "apply_perspective": applied,
            "start_points": start,
            "end_points": start + start * moves,
            "input_shape": shape,
        }

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        warped = ops.image.perspective_transform(
            images,
            transformation["start_points"],
            transformation["end_points"],
            interpolation=interpolation,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return ops.where(of_each_image(transformation["apply_perspective"]), warped, images)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = sizes = self._height_width(transformation["input_shape"])
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "xyxy", sizes)
        # Pixels go from the start points to the end points, the other way round than for the lookup of pixels.
        forward = homography(transformation["end_points"], transformation["start_points"])
        a0, a1, a2, b0, b1, b2, c0, c1 = (forward[:, i : i + 1, None] for i in range(8))
        x1, y1, x2, y2 = ops.split(boxes["boxes"], 4, axis=-1)
        xs, ys = ops.concatenate([x1, x2, x1, x2], axis=-1), ops.concatenate([y1, y2, y2, y1], axis=-1)
        k = c0 * xs + c1 * ys + 1.0
        new_x, new_y = (a0 * xs + a1 * ys + a2) / k, (b0 * xs + b1 * ys + b2) / k
        ends = [ops.min(new_x, -1), ops.min(new_y, -1), ops.max(new_x, -1), ops.max(new_y, -1)]
        applied = ops.reshape(transformation["apply_perspective"], (-1, 1, 1))
        boxes["boxes"] = ops.where(applied, ops.stack(ends, axis=-1), boxes["boxes"])
        boxes = box_utils.clip_to_image_size(boxes, height=height, width=width)
        return self._converted(boxes, "xyxy", self.bounding_box_format, sizes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


class RandomElasticTransform(RandomImageLayer):
    """In training, displace the pixels of each image by smooth random amounts (Simard et al., 2003).

    Example:

    >>> layer = kerasish.layers.RandomElasticTransform(scale=0.5)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of the probability of changing an image: two numbers from 0 to 1, or one for its end.
        scale: The range of how strongly images are distorted: two numbers from 0 to 1, or one for its end.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: What is outside of the images: `"reflect"`, `"wrap"`, `"constant"`, `"nearest"` or `"mirror"`.
        fill_value: The constant outside.
        value_range: The smallest and the largest value of images.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
        NotImplementedError: If a mode or an interpolation is unknown.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1)
        self.scale = factor_range(scale, 0, 1, "scale")
        check_warp(fill_mode, interpolation, (*WARP_FILL_MODES, "mirror"))
        self.interpolation = interpolation
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.value_range = value_range

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        source = self._source(seed)
        applied = chosen(self.factor, self._batch_size(data), source)
        strength = uniform((), *self.scale, dtype="float32", seed=source)
        field_seed = source.next() if hasattr(source, "next") else source
        return {"apply_transform": applied, "distortion_factor": strength, "seed": field_seed}

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        height, width = self._height_width(images.shape)
        strength = transformation["distortion_factor"]
        sigma = strength * (0.05 * min(height, width)) + 1e-6
        # The window is as wide as the widest Gaussian needs it, so that its size does not depend on what is drawn.
        size = int(6 * 0.05 * min(height, width) * self.scale[1]) | 1
        warped = displaced(
            images,
            strength * (0.1 * max(height, width)),
            sigma,
            size,
            interpolation,
            self.fill_mode,
            self.fill_value,
            transformation["seed"],
            self.data_format,
        )
        images = ops.where(of_each_image(transformation["apply_transform"]), warped, images)
        return ops.clip(images, self.value_range[0], self.value_range[1])

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "factor": self.factor,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "value_range": self.value_range,
        }
