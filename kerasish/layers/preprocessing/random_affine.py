"""Images turned, zoomed, moved and sheared at random."""

from __future__ import annotations

import math
from typing import Any

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import (
    RandomImageLayer,
    check_warp,
    checked_factors,
    factor_range,
)
from kerasish.random import uniform
from kerasish.utils import bounding_boxes as box_utils


class RandomAffine(RandomImageLayer):
    """Base of layers that apply an affine function to the coordinates of images.

    Args:
        fill_mode: What is outside of the images: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: The constant outside.
    """

    def __init__(self, fill_mode: str, interpolation: str, fill_value: float, **kwargs: Any):
        super().__init__(**kwargs)
        check_warp(fill_mode, interpolation)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        """Return the numbers that `ops.image.affine_transform` takes."""
        raise NotImplementedError

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        return ops.image.affine_transform(
            images,
            self._matrix(transformation, *self._height_width(images.shape)),
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fill_mode": self.fill_mode,
            "interpolation": self.interpolation,
            "fill_value": self.fill_value,
        }


def _stacked(*numbers: Any) -> Any:
    """Return eight numbers for each image, of which some may be the same for all."""
    varying = next(n for n in numbers if not isinstance(n, float))
    same = varying * 0
    return ops.cast(ops.concatenate([same + n for n in (*numbers, 0.0, 0.0)], axis=1), "float32")


class RandomRotation(RandomAffine):
    """In training, turn each image by a random angle around its middle.

    Example:

    >>> layer = kerasish.layers.RandomRotation(0.1)  # by at most 36 degrees in both directions
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        factor: The range of angles as fractions of a full turn: two numbers from -1 to 1, or one for both directions.
            Positive angles are counterclockwise.
        fill_mode: What is outside of the images: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: An integer that makes the stream of choices repeatable.
        fill_value: The constant outside.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If the range is none.
        NotImplementedError: If a mode or an interpolation is unknown.
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, -1, 1)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        low, high = (end * 360.0 for end in self.factor)
        angle = uniform((self._batch_size(data),), low, high, seed=self._source(seed))
        height, width = self._height_width(self._images_shape(data))
        return {
            "angle": angle,
            "rotation_matrix": self._rotation(angle, height, width),
            "image_height": height,
            "image_width": width,
            "batch_size": self._batch_size(data),
        }

    @staticmethod
    def _rotation(angle: Any, height: Any, width: Any) -> Any:
        angle = ops.expand_dims(angle, 1) * (math.pi / 180.0)
        x, y = (width - 1) / 2, (height - 1) / 2
        cos, sin = ops.cos(angle), ops.sin(angle)
        return _stacked(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        return transformation["rotation_matrix"]

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = sizes = transformation["image_height"], transformation["image_width"]
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "xyxy", sizes)
        angle = transformation["angle"]
        nothing = angle * 0
        boxes["boxes"] = box_utils.affine_transform(
            boxes["boxes"], angle, nothing, nothing, nothing + 1.0, nothing, nothing, height, width
        )
        boxes = box_utils.clip_to_image_size(boxes, height=height, width=width)
        return self._converted(boxes, "xyxy", self.bounding_box_format, sizes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomZoom(RandomAffine):
    """In training, zoom into or out of the middle of each image.

    Example:

    >>> layer = kerasish.layers.RandomZoom((-0.3, -0.1))  # 10 to 30 percent nearer
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        height_factor: The range of how much more of the height is seen, as a fraction: two numbers above -1 and up to
            1, or one for both directions. Positive numbers zoom out.
        width_factor: The same of the width; by default that of the height, which keeps proportions.
        fill_mode: What is outside of the images: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: An integer that makes the stream of choices repeatable.
        fill_value: The constant outside.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
        NotImplementedError: If a mode or an interpolation is unknown.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height_range = checked_factors(height_factor, -1.0, 1.0, "height_factor", above_low=True)
        if width_factor is not None:
            self._width_range = checked_factors(width_factor, -1.0, 1.0, "width_factor", above_low=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape, source = (self._batch_size(data), 1), self._source(seed)
        low, high = self._height_range
        height_zoom = width_zoom = uniform(shape, 1.0 + low, 1.0 + high, seed=source)
        if self.width_factor is not None:
            low, high = self._width_range
            width_zoom = uniform(shape, 1.0 + low, 1.0 + high, seed=source)
        return {"height_zoom": height_zoom, "width_zoom": width_zoom, "input_shape": self._images_shape(data)}

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        across, down = transformation["width_zoom"], transformation["height_zoom"]
        x, y = (width - 1) / 2, (height - 1) / 2
        return _stacked(across, 0.0, x * (1.0 - across), 0.0, down, y * (1.0 - down))

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = sizes = self._height_width(transformation["input_shape"])
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "xyxy", sizes)
        across, down = (ops.expand_dims(transformation[k], 1) for k in ("width_zoom", "height_zoom"))
        left, top = (width - 1) / 2 * (1.0 - across), (height - 1) / 2 * (1.0 - down)
        x1, y1, x2, y2 = ops.split(boxes["boxes"], 4, axis=-1)
        # What the image shows is a part of it, which is then as large as the image.
        x1, x2 = (ops.clip(x - left, 0, width * across) / across for x in (x1, x2))
        y1, y2 = (ops.clip(y - top, 0, height * down) / down for y in (y1, y2))
        boxes["boxes"] = ops.concatenate([x1, y1, x2, y2], axis=-1)
        boxes = box_utils.clip_to_image_size(boxes, height=height, width=width)
        return self._converted(boxes, "xyxy", self.bounding_box_format, sizes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }


class RandomTranslation(RandomAffine):
    """In training, move each image.

    Example:

    >>> layer = kerasish.layers.RandomTranslation(0.1, (0.0, 0.2))
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        height_factor: The range of how far images move down, as a fraction of their height: two numbers from -1 to 1,
            or one for both directions.
        width_factor: The range of how far they move to the right, likewise.
        fill_mode: What is outside of the images: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: An integer that makes the stream of choices repeatable.
        fill_value: The constant outside.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
        NotImplementedError: If a mode or an interpolation is unknown.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height_range = checked_factors(height_factor, -1.0, 1.0, "height_factor")
        self._width_range = checked_factors(width_factor, -1.0, 1.0, "width_factor")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape, source = (self._batch_size(data), 1), self._source(seed)
        height, width = self._height_width(self._images_shape(data))
        down = uniform(shape, *self._height_range, seed=source) * height
        across = uniform(shape, *self._width_range, seed=source) * width
        translations = ops.cast(ops.concatenate([across, down], axis=1), "float32")
        return {"translations": translations, "input_shape": self._images_shape(data)}

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        moves = transformation["translations"]
        return _stacked(1.0, 0.0, -moves[:, :1], 0.0, 1.0, -moves[:, 1:])

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = sizes = self._height_width(transformation["input_shape"])
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "xyxy", sizes)
        moves = transformation["translations"]
        boxes["boxes"] = boxes["boxes"] + ops.expand_dims(ops.concatenate([moves, moves], axis=1), 1)
        boxes = box_utils.clip_to_image_size(boxes, height=height, width=width)
        return self._converted(boxes, "xyxy", self.bounding_box_format, sizes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "height_factor": self.height_factor,
            "width_factor": self.width_factor,
        }


class RandomShear(RandomAffine):
    """In training, shear each image: rows move along the width the further down they are, columns along the height.

    Example:

    >>> layer = kerasish.layers.RandomShear(x_factor=0.2)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        x_factor: The range of how far a row moves for each row below the first: two numbers from 0 to 1, or one, which
            stands for both directions.
        y_factor: The same of columns.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: What is outside of the images: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        fill_value: The constant outside.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.
        **kwargs: `bounding_box_format`, and a layer's arguments.

    Raises:
        ValueError: If a range is none.
        NotImplementedError: If a mode or an interpolation is unknown.
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.x_factor = checked_factors(x_factor, 0.0, 1.0, "x_factor")
        self.y_factor = checked_factors(y_factor, 0.0, 1.0, "y_factor")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape, source, dtype = (self._batch_size(data), 1), self._source(seed), self.compute_dtype
        direction = ops.where(uniform(shape, dtype=dtype, seed=source) > 0.5, -1.0, 1.0)
        down = uniform(shape, *self.y_factor, dtype=dtype, seed=source)
        across = uniform(shape, *self.x_factor, dtype=dtype, seed=source)
        factors = ops.cast(ops.concatenate([across, down], axis=1) * direction, dtype)
        return {"shear_factor": factors, "input_shape": self._images_shape(data)}

    def _matrix(self, transformation: Any, height: Any, width: Any) -> Any:
        factors = transformation["shear_factor"]
        return _stacked(1.0, factors[:, :1], 0.0, factors[:, 1:], 1.0, 0.0)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        sizes = self._height_width(transformation["input_shape"])
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "rel_xyxy", sizes)
        factors = ops.expand_dims(ops.cast(transformation["shear_factor"], "float32"), 1)
        x, y = factors[..., :1], factors[..., 1:]
        x1, y1, x2, y2 = ops.split(boxes["boxes"], 4, axis=-1)
        x1, x2 = x1 - x * ops.where(x < 0, y1, y2), x2 - x * ops.where(x < 0, y2, y1)
        y1, y2 = y1 - y * ops.where(y > 0, x2, x1), y2 - y * ops.where(y > 0, x1, x2)
        boxes["boxes"] = ops.concatenate([x1, y1, x2, y2], axis=-1)
        boxes = box_utils.clip_to_image_size(boxes, bounding_box_format="rel_xyxy")
        return self._converted(boxes, "rel_xyxy", self.bounding_box_format, sizes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "x_factor": self.x_factor, "y_factor": self.y_factor}
