"""The same number of bounding boxes for each image."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.layers.preprocessing.image_layer import ImageLayer


class MaxNumBoundingBoxes(ImageLayer):
    """Cut off or pad the bounding boxes of images to one number of them.

    Example:

    >>> layer = kerasish.layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    >>> boxes = {"boxes": [[[1, 2, 5, 6], [0, 0, 4, 4]]], "labels": [[7, 8]]}
    >>> found = layer({"images": kerasish.ops.ones((1, 8, 8, 3)), "bounding_boxes": boxes})["bounding_boxes"]
    >>> found["labels"].numpy()
    array([[ 7,  8, -1]], dtype=int32)

    Args:
        max_number: How many boxes.
        fill_value: What the numbers and the labels of missing boxes are.
        **kwargs: `data_format`, `bounding_box_format`, and a layer's arguments.
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number = int(max_number)
        self.fill_value = int(fill_value)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        result = dict(bounding_boxes)
        for key in ("boxes", "labels"):
            value = bounding_boxes[key][:, : self.max_number]
            widths = [(0, 0)] * value.ndim
            widths[1] = (0, self.max_number - value.shape[1])
            result[key] = ops.pad(value, widths, constant_values=self.fill_value)
        return result

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        boxes = input_shape["bounding_boxes"]
        extra = sorted(set(boxes) - {"boxes", "labels"})
        if extra:
            raise KeyError(
                f"There are unsupported keys in `bounding_boxes`: {extra}. Only `boxes` and `labels` are supported."
            )
        shapes = {k: (shape[0], self.max_number, *shape[2:]) for k, shape in boxes.items()}
        return {**input_shape, "bounding_boxes": shapes}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_number": self.max_number}
