"""Formats of bounding boxes; see `bounding_boxes`."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor

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
