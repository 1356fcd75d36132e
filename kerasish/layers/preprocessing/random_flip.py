"""Images flipped at random."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import RandomImageLayer
from kerasish.random import uniform
from kerasish.utils import bounding_boxes as box_utils


class RandomFlip(RandomImageLayer):
    """In training, flip each image with probability one half.

    Example:

    >>> layer = kerasish.layers.RandomFlip("horizontal", seed=1)
    >>> layer(kerasish.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)

    Args:
        mode: `"horizontal"` (left becomes right), `"vertical"`, or `"horizontal_and_vertical"` for both at once.
        seed: An integer that makes the stream of choices repeatable.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = mode
        self._convert_input_args = False

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        shape = self._images_shape(data)
        lead = (1,) if len(shape) == 3 else (shape[0], 1)
        flips = uniform((*lead, 1, 1), seed=self._source(seed)) <= 0.5
        return {"flips": flips, "input_shape": shape}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        across = -2 if self.data_format == "channels_last" else -1
        for mode, axis in (("horizontal", across), ("vertical", across - 1)):
            if self.mode in (mode, "horizontal_and_vertical"):
                images = ops.where(transformation["flips"], ops.flip(images, axis), images)
        return images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        sizes = self._height_width(transformation["input_shape"])
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "rel_xyxy", sizes)
        flips = ops.squeeze(transformation["flips"], -1)
        x1, y1, x2, y2 = ops.split(boxes["boxes"], 4, axis=-1)
        if self.mode in ("horizontal", "horizontal_and_vertical"):
            x1, x2 = ops.where(flips, 1 - x2, x1), ops.where(flips, 1 - x1, x2)
        if self.mode in ("vertical", "horizontal_and_vertical"):
            y1, y2 = ops.where(flips, 1 - y2, y1), ops.where(flips, 1 - y1, y2)
        boxes["boxes"] = ops.concatenate([x1, y1, x2, y2], axis=-1)
        boxes = box_utils.clip_to_image_size(boxes, bounding_box_format="rel_xyxy")
        return self._converted(boxes, "rel_xyxy", self.bounding_box_format, sizes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}
