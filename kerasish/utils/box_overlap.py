"""How much bounding boxes overlap; see `bounding_boxes`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kerasish import config, ops
from kerasish.autograd.tensor import Tensor
from kerasish.utils.box_formats import convert_format


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Return the area that boxes have in common divided by the area that they cover together, of each pair.

    Example:

    >>> kerasish.utils.bounding_boxes.compute_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy").numpy()
    array([[0.33333...]], dtype=float32)

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

    Example:

    >>> kerasish.utils.bounding_boxes.compute_ciou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy").shape
    (1,)

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
