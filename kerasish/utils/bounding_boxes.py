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

_FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: str = "float32"
) -> Any:
    """Return bounding boxes in another format.

    Example:

    >>> kerasish.utils.bounding_boxes.convert_format([[1.0, 2.0, 3.0, 6.0]], "xyxy", "xywh").numpy()
    array([[1., 2., 2., 4.]], dtype=float32)

    Args:
        boxes: Tensor of shape `(..., 4)`, or a dict with one under `"boxes"`.
        source: Their format.
        target: The wanted format.
        height: Height of the images, needed between relative and absolute formats.
        width: Width of the images, likewise.
        dtype: Type of the result.

    Returns:
        A tensor, or a dict with the new boxes and what else was in it.

    Raises:
        ValueError: If a format is unknown, the last axis has not four numbers, or a size is needed and missing.
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    boxes = ops.convert_to_tensor(boxes)
    if boxes.shape[-1] != 4:
        raise ValueError(
            f"`boxes` must be a tensor with the last dimension of 4. Received: boxes.shape={boxes.shape}"
        )
    source, target = source.lower(), target.lower()
    if source not in _FORMATS or target not in _FORMATS:
        raise ValueError(
            f"Invalid source or target format. Supported formats: {_FORMATS}. "
            f"Received: source={source!r}, target={target!r}"
        )
    if (source.startswith("rel_") or target.startswith("rel_")) and (height is None or width is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` to convert between relative and absolute formats. "
            f"Received: source={source!r}, target={target!r}, height={height}, width={width}"
        )
    boxes = ops.cast(boxes, dtype)
    if source == target:
        return boxes
    corners = _corners(source.removeprefix("rel_"), _parts(boxes))
    if source.startswith("rel_") != target.startswith("rel_"):
        width, height = (ops.cast(ops.convert_to_tensor(n), dtype) for n in (width, height))
        sizes = (width, height, width, height)
        scaled = ops.multiply if source.startswith("rel_") else ops.divide
        corners = [scaled(x, n) for x, n in zip(corners, sizes, strict=True)]
    return ops.concatenate(_of_corners(target.removeprefix("rel_"), corners), axis=-1)


def _parts(boxes: Any) -> list[Tensor]:
    return list(ops.split(boxes, 4, axis=-1))


def _corners(name: str, parts: list[Tensor]) -> list[Tensor]:
    """Return left, top, right and bottom."""
    if name in ("yxyx", "center_yxhw"):
        parts = [parts[1], parts[0], parts[3], parts[2]]
    x, y, second, third = parts
    if name == "xywh":
        return [x, y, x + second, y + third]
    if name.startswith("center"):
        return [x - second / 2.0, y - third / 2.0, x + second / 2.0, y + third / 2.0]
    return parts


def _of_corners(name: str, corners: list[Tensor]) -> list[Tensor]:
    x1, y1, x2, y2 = corners
    width, height = x2 - x1, y2 - y1
    if name == "xywh":
        return [x1, y1, width, height]
    if name == "center_xywh":
        return [x1 + width / 2.0, y1 + height / 2.0, width, height]
    if name == "center_yxhw":
        return [y1 + height / 2.0, x1 + width / 2.0, height, width]
    return [y1, x1, y2, x2] if name == "yxyx" else corners


def clip_to_image_size(
    bounding_boxes: dict[str, Any], height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict[str, Any]:
    """Return bounding boxes cut off at the edges of images, with label -1 where nothing is left.

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
    x1, y1, x2, y2 = _parts(boxes)
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
    x1, y1, x2, y2 = _parts(ops.cast(ops.convert_to_tensor(boxes), angle.dtype))
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
    x1, y1, x2, y2 = _parts(boxes)
    x1, x2 = (ops.clip(x - left, 0, width) for x in (x1, x2))
    y1, y2 = (ops.clip(y - top, 0, height) for y in (y1, y2))
    return ops.concatenate([x1, y1, x2, y2], axis=-1)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Tensor:
    """Return bounding boxes in images that are padded.

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
    x1, y1, x2, y2 = _parts(boxes)
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


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Return the area that boxes have in common divided by the area that they cover together, of each pair.

    Args:
        boxes1: Tensor of shape `(n, 4)` or `(batch, n, 4)`.
        boxes2: Tensor of shape `(m, 4)` or `(batch, m, 4)`.
        bounding_box_format: Format of both.
        use_masking: Whether pairs with a box of negative numbers get `mask_val`.
        mask_val: What they get.
        image_shape: Height, width and channels of the images, needed for relative formats.

    Returns:
        Tensor of shape `(n, m)` or `(batch, n, m)`.

    Raises:
        ValueError: If boxes have neither two nor three axes, or the shape of the images is needed and missing.
    """
    boxes1, boxes2 = ops.convert_to_tensor(boxes1), ops.convert_to_tensor(boxes2)
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        if boxes.ndim not in (2, 3):
            raise ValueError(
                f"compute_iou() expects {name} to be batched, or to be unbatched: of shape (n, 4) or (batch, n, 4). "
                f"Received len({name}.shape)={boxes.ndim}"
            )
    if "rel" in bounding_box_format and image_shape is None:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the `image_shape` argument must be provided. "
            f"Received `image_shape`: {image_shape}"
        )
    height, width = image_shape[:2] if image_shape is not None else (None, None)
    # Of one as rows, of the other as columns.
    one, other = (convert_format(b, bounding_box_format, "xyxy", height, width) for b in (boxes1, boxes2))
    one, other = ops.expand_dims(one, -2), ops.expand_dims(other, -3)
    x1, y1 = ops.maximum(one[..., 0], other[..., 0]), ops.maximum(one[..., 1], other[..., 1])
    x2, y2 = ops.minimum(one[..., 2], other[..., 2]), ops.minimum(one[..., 3], other[..., 3])
    common = ops.maximum(x2 - x1, 0) * ops.maximum(y2 - y1, 0)
    areas = [(b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1]) for b in (one, other)]
    result = common / (areas[0] + areas[1] - common + config.epsilon())
    if not use_masking:
        return result
    nothing = ops.logical_or(ops.max(one, axis=-1) < 0.0, ops.max(other, axis=-1) < 0.0)
    return ops.where(nothing, ops.cast(mask_val, result.dtype), result)


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Sequence[int] | None = None
) -> Tensor:
    """Return the complete intersection over union of each box with the one at its place (Zheng et al., 2020).

    It is the intersection over union less the squared distance of the centers, relative to the diagonal of the smallest
    box around both, and less a measure of how much the proportions differ.

    Args:
        boxes1: Tensor of shape `(..., 4)`.
        boxes2: Tensor of the same shape.
        bounding_box_format: Format of both.
        image_shape: Height, width and channels of the images, needed for relative formats.

    Returns:
        Tensor of shape `(...)`.

    Raises:
        ValueError: If the shape of the images is needed and missing.
    """
    if "rel" in bounding_box_format and image_shape is None:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the `image_shape` argument must be provided. "
            f"Received `image_shape`: {image_shape}"
        )
    height, width = image_shape[:2] if image_shape is not None else (None, None)
    epsilon = config.epsilon()
    one, other = (convert_format(b, bounding_box_format, "xyxy", height, width) for b in (boxes1, boxes2))
    x1, y1, x2, y2 = (one[..., i] for i in range(4))
    u1, v1, u2, v2 = (other[..., i] for i in range(4))
    widths, heights = (x2 - x1, u2 - u1), (y2 - y1 + epsilon, v2 - v1 + epsilon)
    common_width = ops.maximum(ops.minimum(x2, u2) - ops.maximum(x1, u1), 0)
    common = common_width * ops.maximum(ops.minimum(y2, v2) - ops.maximum(y1, v1), 0)
    union = widths[0] * heights[0] + widths[1] * heights[1] - common + epsilon
    overlap = common / (union + epsilon)
    around_x, around_y = (
        ops.maximum(x2, u2) - ops.minimum(x1, u1),
        ops.maximum(y2, v2) - ops.minimum(y1, v1),
    )
    diagonal = ops.square(around_x) + ops.square(around_y) + epsilon
    distance = ops.square((x1 + x2 - u1 - u2) / 2) + ops.square((y1 + y2 - v1 - v2) / 2)
    angles = ops.arctan(widths[1] / heights[1]) - ops.arctan(widths[0] / heights[0])
    proportions = (4 / math.pi**2) * ops.square(angles)
    weight = proportions / (proportions - overlap + (1 + epsilon))
    return overlap - (distance / diagonal + proportions * weight)
