"""A part of images at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import ops
from kerasish.layers.preprocessing.resizing import SizedImageLayer
from kerasish.ops.resizing import central_box
from kerasish.random import SeedGenerator, make_default_seed, uniform
from kerasish.utils import bounding_boxes as box_utils


class RandomCrop(SizedImageLayer):
    """In training, cut a part out of images, the same of all in a batch; smaller images are resized.

    Example:

    >>> kerasish.layers.RandomCrop(4, 6, seed=1)(kerasish.ops.ones((2, 10, 20, 3)), training=True).shape
    (2, 4, 6, 3)

    Args:
        height: Height of the part.
        width: Width of the part.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        name: The layer's name.
        **kwargs: `bounding_box_format`, and a layer's arguments.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(height, width, data_format=data_format, name=name, **kwargs)
        self.seed = make_default_seed() if seed is None else seed
        self.generator = SeedGenerator(self.seed)
        self.supports_masking = False
        self._convert_input_args = False

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        height, width = self._height_width(self._images_shape(data))
        if height is None or width is None:
            raise ValueError(
                "RandomCrop requires the input to have a fully defined height and width. "
                f"Received: images.shape={self._images_shape(data)}"
            )
        if training and height > self.height and width > self.width:
            source = self.generator if seed is None else seed
            top = ops.cast(uniform((), 0.0, float(height - self.height + 1), seed=source), "int32")
            left = ops.cast(uniform((), 0.0, float(width - self.width + 1), seed=source), "int32")
            return top, left
        return central_box(height, width, self.height, self.width)[:2]

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return images
        images = ops.cast(images, self.compute_dtype)
        rows = images.ndim - (3 if self.data_format == "channels_last" else 2)
        for axis, start, size in zip(
            (rows, rows + 1), transformation, (self.height, self.width), strict=True
        ):
            count = min(size, images.shape[axis])
            if isinstance(start, int):
                images = images[(slice(None),) * axis + (slice(start, start + count),)]
            else:
                images = ops.take(images, start + np.arange(count, dtype=np.int32), axis)
        if self._height_width(images.shape) != (self.height, self.width):
            images = ops.image.resize(images, (self.height, self.width), data_format=self.data_format)
        return images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training:
            return bounding_boxes
        if str(self.bounding_box_format).startswith("rel"):
            raise ValueError(
                "RandomCrop takes bounding boxes in pixels. "
                f"Received: bounding_box_format={self.bounding_box_format!r}"
            )
        top, left = (ops.cast(ops.convert_to_tensor(n), "float32") for n in transformation)
        boxes = box_utils.convert_format(bounding_boxes, self.bounding_box_format, "xyxy")
        boxes["boxes"] = box_utils.crop(boxes["boxes"], top, left, self.height, self.width)
        return self._clipped(boxes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
