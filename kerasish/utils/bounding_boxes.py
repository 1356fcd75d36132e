"""Bounding boxes of objects in images: other formats, other images, and how much boxes overlap.

The formats, of four numbers each: `"xyxy"` (left, top, right, bottom), `"yxyx"` (top, left, bottom, right), `"xywh"`
(left, top, width, height), `"center_xywh"` and `"center_yxhw"` (of the center instead of a corner), all in pixels, and
`"rel_xyxy"`, `"rel_yxyx"`, `"rel_xywh"` and `"rel_center_xywh"`, relative to the image's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kerasish import config, ops
from kerasish.autograd.tensor import Tensor
from kerasish.utils.box_formats import convert_format
from kerasish.utils.box_overlap import compute_ciou, compute_iou

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]


def clip_to_image_size(
    bounding_boxes: dict[str, Any], height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict[str, Any]:
    """Return bounding boxes cut off at the edges of images, with label -1 where nothing is left.

    Example:

    >>> boxes = {"boxes": kerasish.ops.array([[4.0, 4.0, 9.0, 9.0]]), "labels": kerasish.ops.array([1])}
    >>> kerasish.utils.bounding_boxes.clip_to_image_size(boxes, height=8, width=6)["boxes"].numpy()
    array([[4., 4., 6., 8.]], dtype=float32)

    Args:
        bounding_boxes: A dict with a tensor of shape `(..., 4)` under `"boxes"` and one of shape `(...)` under
            `"labels"`.
        height: Height of the images, needed for `"xyxy"`.
        width: Width of the images, likewise.
        bounding_box_format: `"xyxy"` or `"rel_xyxy"`.

    Raises:
        NotImplementedError: If the format is another.
        ValueError: If a size is missing.
    """
    if bounding_box_format not in ("xyxy", "rel_xyxy"):
        raise NotImplementedError(
            "Boxes are clipped in the formats 'xyxy' and 'rel_xyxy'. "
            f"Received: bounding_box_format={bounding_box_format!r}"
        )
    boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
    if bounding_box_format == "rel_xyxy":
        height = width = 1.0
    elif height is None or width is None:
        raise ValueError("`height` and `width` must be set if `format='xyxy'`.")
    else:
        height, width = (ops.cast(ops.convert_to_tensor(n), boxes.dtype) for n in (height, width))
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
    x1, x2 = (ops.clip(x, 0, width) for x in (x1, x2))
    y1, y2 = (ops.clip(y, 0, height) for y in (y1, y2))
    result = {**bounding_boxes, "boxes": ops.concatenate([x1, y1, x2, y2], axis=-1)}
    if bounding_boxes.get("labels") is not None:
        area = ops.squeeze((x2 - x1) * (y2 - y1), axis=-1)
        result["labels"] = ops.where(area > 0, bounding_boxes["labels"], -1)
    return result


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Return the upright boxes around bounding boxes that are turned, moved, scaled and sheared with their images.

    Example:

    >>> boxes, still = kerasish.ops.array([[[1.0, 2.0, 3.0, 6.0]]]), kerasish.ops.zeros((1,))
    >>> kerasish.utils.bounding_boxes.affine_transform(
    ...     boxes, still, still + 0.5, still, still + 1, still, still, height=11, width=11
    ... ).shape
    (1, 1, 4)

    Args:
        boxes: Tensor of shape `(batch, boxes, 4)`.
        angle: Tensor of shape `(batch,)`: degrees, as all angles here.
        translate_x: How far images move, relative to their width.
        translate_y: How far images move, relative to their height.
        scale: By how much the way from an output to its input is longer.
        shear_x: Shearing angle along the width.
        shear_y: Shearing angle along the height.
        height: Height of the images.
        width: Width of the images.
        center_x: Where they turn around, relative to their width; the middle by default.
        center_y: Likewise of the height.
        bounding_box_format: `"xyxy"`.

    Raises:
        NotImplementedError: If the format is another.
    """
    _only_xyxy("affine_transform", bounding_box_format)
    angle, shear_x, shear_y = (
        -ops.convert_to_tensor(v) * (math.pi / 180.0) for v in (angle, shear_x, shear_y)
    )
    middle_x = (0.5 if center_x is None else center_x) * (width - 1)
    middle_y = (0.5 if center_y is None else center_y) * (height - 1)
    from_x = middle_x - translate_x * (width - 1)
    from_y = middle_y - translate_y * (height - 1)
    slanted = angle - shear_y
    tan_x = ops.tan(shear_x)
    a = ops.cos(slanted) / ops.cos(shear_y)
    c = -ops.sin(slanted) / ops.cos(shear_y)
    a0 = (ops.cos(angle) - c * tan_x) * scale
    a1 = -(a * tan_x + ops.sin(angle)) * scale
    b0, b1 = -c * scale, a * scale
    a2 = middle_x - a0 * from_x - a1 * from_y
    b2 = middle_y - b0 * from_x - b1 * from_y
    a0, a1, a2, b0, b1, b2 = (ops.reshape(v, (-1, 1, 1)) for v in (a0, a1, a2, b0, b1, b2))
    x1, y1, x2, y2 = ops.split(ops.cast(ops.convert_to_tensor(boxes), angle.dtype), 4, axis=-1)
    xs = ops.concatenate([x1, x2, x2, x1], axis=-1)
    ys = ops.concatenate([y1, y1, y2, y2], axis=-1)
    new_x, new_y = a0 * xs + a1 * ys + a2, b0 * xs + b1 * ys + b2
    sides = [
        ops.min(new_x, axis=-1),
        ops.min(new_y, axis=-1),
        ops.max(new_x, axis=-1),
        ops.max(new_y, axis=-1),
    ]
    return ops.stack(sides, axis=-1)


def crop(
    boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy"
) -> Tensor:
    """Return bounding boxes in a part of their images, cut off at its edges.

    Example:

    >>> boxes = kerasish.ops.array([[1.0, 2.0, 3.0, 6.0]])
    >>> kerasish.utils.bounding_boxes.crop(boxes, top=1, left=2, height=4, width=4).numpy()
    array([[0., 1., 1., 4.]], dtype=float32)

    Args:
        boxes: Tensor of shape `(..., 4)`.
        top: How many rows are left out above.
        left: How many columns are left out on the left.
        height: Height of the part.
        width: Width of the part.
        bounding_box_format: `"xyxy"`.

    Raises:
        NotImplementedError: If the format is another.
    """
    _only_xyxy("crop", bounding_box_format)
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
    x1, x2 = (ops.clip(x - left, 0, width) for x in (x1, x2))
    y1, y2 = (ops.clip(y - top, 0, height) for y in (y1, y2))
    return ops.concatenate([x1, y1, x2, y2], axis=-1)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Tensor:
    """Return bounding boxes in images that are padded.

    Example:

    >>> kerasish.utils.bounding_boxes.pad(kerasish.ops.array([[1.0, 2.0, 3.0, 6.0]]), top=1, left=2).numpy()
    array([[3., 3., 5., 7.]], dtype=float32)

    Args:
        boxes: Tensor of shape `(..., 4)`.
        top: How many rows are added above.
        left: How many columns are added on the left.
        height: Without effect.
        width: Without effect.
        bounding_box_format: `"xyxy"`.

    Raises:
        NotImplementedError: If the format is another.
    """
    _only_xyxy("pad", bounding_box_format)
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
    return ops.concatenate([x1 + left, y1 + top, x2 + left, y2 + top], axis=-1)


def _only_xyxy(name: str, bounding_box_format: str) -> None:
    if bounding_box_format != "xyxy":
        raise NotImplementedError(
            f"`{name}` takes boxes in the format 'xyxy'. Received: bounding_box_format={bounding_box_format!r}"
        )


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Return how bounding boxes differ from anchors: the way between centers, and the logarithms of ratios of sizes.

    Example:

    >>> kerasish.utils.bounding_boxes.encode_box_to_deltas(
    ...     [[0.0, 0.0, 4.0, 4.0]], [[1.0, 0.0, 5.0, 4.0]], "xyxy", "xyxy", "center_xywh"
    ... ).numpy()
    array([[0.25, 0.  , 0.  , 0.  ]], dtype=float32)

    Args:
        anchors: Tensor of shape `(anchors, 4)`.
        boxes: Tensor of shape `(anchors, 4)` or `(batch, anchors, 4)`.
        anchor_format: Format of the anchors.
        box_format: Format of the boxes.
        encoding_format: `"center_xywh"` or `"center_yxhw"`: the order of the result's numbers.
        variance: Four numbers that the results are divided by.
        image_shape: Height, width and channels of the images, needed for relative formats.

    Raises:
        ValueError: If the encoding's format is another, or there are not four variances.
    """
    variance = _checked_variance(variance, encoding_format, "encoding_format")
    height, width = image_shape[:2] if image_shape is not None else (None, None)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    anchor_sizes = ops.maximum(anchors[..., 2:], config.epsilon())
    sizes = ops.maximum(boxes[..., 2:], config.epsilon())
    moves = (boxes[..., :2] - anchors[..., :2]) / anchor_sizes
    deltas = ops.concatenate([moves, ops.log(sizes / anchor_sizes)], axis=-1)
    return deltas if variance is None else deltas / variance


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Sequence[int] | None = None,
) -> Any:
    """Return the bounding boxes of which `encode_box_to_deltas` gives the differences from anchors.

    Example:

    >>> kerasish.utils.bounding_boxes.decode_deltas_to_boxes(
    ...     [[0.0, 0.0, 4.0, 4.0]], [[0.25, 0.0, 0.0, 0.0]], "xyxy", "xyxy", "center_xywh"
    ... ).numpy()
    array([[1., 0., 5., 4.]], dtype=float32)

    Args:
        anchors: Tensor of shape `(anchors, 4)`, or a dict of such.
        boxes_delta: Tensor of shape `(anchors, 4)` or `(batch, anchors, 4)`, or a dict of such with the same keys.
        anchor_format: Format of the anchors.
        box_format: Format of the result.
        encoded_format: `"center_xywh"` or `"center_yxhw"`.
        variance: Four numbers that the differences were divided by.
        image_shape: Height, width and channels of the images, needed for relative formats.

    Raises:
        ValueError: If the encoding's format is another, or there are not four variances.
    """
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        settings = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {k: decode_deltas_to_boxes(v, boxes_delta[k], *settings) for k, v in anchors.items()}
    variance = _checked_variance(variance, encoded_format, "encoded_format")
    height, width = image_shape[:2] if image_shape is not None else (None, None)
    anchors = convert_format(anchors, anchor_format, encoded_format, height, width)
    deltas = ops.convert_to_tensor(boxes_delta)
    deltas = deltas if variance is None else deltas * variance
    sizes = anchors[..., 2:]
    centers = deltas[..., :2] * sizes + anchors[..., :2]
    boxes = ops.concatenate([centers, ops.exp(deltas[..., 2:]) * sizes], axis=-1)
    return convert_format(boxes, encoded_format, box_format, height, width)


def _checked_variance(variance: Any, encoding: str, name: str) -> Any:
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"`{name}` should be one of 'center_xywh' or 'center_yxhw', got {encoding!r}")
    if variance is None:
        return None
    variance = ops.convert_to_tensor(variance, "float32")
    if variance.shape[-1] != 4:
        raise ValueError(f"`variance` must be length 4, got {variance}")
    return variance
