"""Images of another height and width: resized, or their middle cut out."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import ImageLayer
from kerasish.ops.resizing import central_box
from kerasish.utils import bounding_boxes as box_utils
from kerasish.utils.image_utils import smart_resize


class SizedImageLayer(ImageLayer):
    """Base of layers whose images are of one height and width.

    Args:
        height: Height of the results.
        width: Width of the results.
    """

    def __init__(self, height: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.height = height
        self.width = width

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return self._height_width(self._images_shape(data))

    def compute_output_shape(self, input_shape: Any) -> Any:
        if isinstance(input_shape, dict):
            images = self.compute_output_shape(input_shape["images"])
            return {**input_shape, "images": images}
        shape = list(input_shape)
        if len(shape) not in (3, 4) or isinstance(shape[0], (list, tuple)):
            raise ValueError(
                "`input_shape` must be of rank 3 (unbatched) or 4 (batched). "
                f"Received: input_shape={input_shape}"
            )
        rows = len(shape) - (3 if self.data_format == "channels_last" else 2)
        shape[rows : rows + 2] = self.height, self.width
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}

    def _clipped(self, boxes: dict[str, Any]) -> dict[str, Any]:
        """Return boxes in the results, from their corners."""
        boxes = box_utils.clip_to_image_size(boxes, height=self.height, width=self.width)
        return self._converted(boxes, "xyxy", self.bounding_box_format, (self.height, self.width))


class Resizing(SizedImageLayer):
    """Resize images.

    Example:

    >>> kerasish.layers.Resizing(32, 48)(kerasish.ops.ones((2, 10, 20, 3))).shape
    (2, 32, 48, 3)

    Args:
        height: Height of the results.
        width: Width of the results.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: Whether images are cropped, not stretched, to the new proportions.
        pad_to_aspect_ratio: Whether they are padded to them.
        fill_mode: What they are padded with: `"constant"`.
        fill_value: The constant.
        antialias: Whether, in making an image smaller, each output is a mean of all the inputs in its place.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(height, width, data_format=data_format, **kwargs)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._transform_images(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        height, width = transformation
        nothing = ops.logical_or(
            ops.all(bounding_boxes["boxes"] == -1, axis=-1), ops.all(bounding_boxes["boxes"] == 0, axis=-1)
        )
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "xyxy", (height, width))
        down, across, top, left = self._scales(height, width)
        scale = ops.convert_to_tensor([across, down, across, down], "float32")
        offset = ops.convert_to_tensor([left, top, left, top], "float32")
        boxes["boxes"] = boxes["boxes"] * scale + offset
        boxes = box_utils.clip_to_image_size(boxes, height=self.height, width=self.width)
        boxes["boxes"] = ops.where(ops.expand_dims(nothing, -1), 0.0, boxes["boxes"])
        return self._converted(boxes, "xyxy", self.bounding_box_format, (self.height, self.width))

    def _scales(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Return how much images get higher and wider, and how far they move down and to the right."""
        down, across = self.height / height, self.width / width
        if self.pad_to_aspect_ratio:
            scale = min(down, across)
            return scale, scale, (self.height - height * scale) // 2, (self.width - width * scale) // 2
        if self.crop_to_aspect_ratio:
            scale = max(down, across)
            return scale, scale, -((height * scale - self.height) // 2), -((width * scale - self.width) // 2)
        return down, across, 0.0, 0.0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "interpolation": self.interpolation,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "antialias": self.antialias,
        }


class CenterCrop(SizedImageLayer):
    """Cut the middle out of images; smaller images are resized as far as it takes.

    Example:

    >>> kerasish.layers.CenterCrop(4, 6)(kerasish.ops.ones((2, 10, 20, 3))).shape
    (2, 4, 6, 3)

    Args:
        height: Height of the results.
        width: Width of the results.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(height, width, data_format=data_format, **kwargs)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        height, width = self._height_width(images.shape)
        if height < self.height or width < self.width:
            return smart_resize(images, (self.height, self.width), data_format=self.data_format)
        top, left = (height - self.height) // 2, (width - self.width) // 2
        part = (slice(top, top + self.height), slice(left, left + self.width))
        return images[(..., *part, slice(None)) if self.data_format == "channels_last" else (..., *part)]

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        height, width = transformation
        boxes = self._converted(bounding_boxes, self.bounding_box_format, "xyxy", transformation)
        if height < self.height or width < self.width:
            top, left, part_height, part_width = central_box(height, width, self.height, self.width)
        else:
            top, left = (height - self.height) // 2, (width - self.width) // 2
            part_height, part_width = self.height, self.width
        boxes["boxes"] = box_utils.crop(boxes["boxes"], top, left, part_height, part_width)
        across, down = self.width / part_width, self.height / part_height
        boxes["boxes"] = boxes["boxes"] * ops.convert_to_tensor([across, down, across, down], "float32")
        return self._clipped(boxes)
