"""Functions of bounding boxes, and images resized without being stretched, are Keras's."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish.utils import bounding_boxes

BOXES = np.array([[[1, 2, 5, 7], [0, 0, 8, 10]], [[3, 1, 6, 9], [-1, -1, -1, -1]]], "float32")
OTHERS = np.array([[[2, 2, 6, 6], [1, 0, 3, 10]], [[7, 1, 8, 9], [0, 0, 0, 0]]], "float32")
DICT = {"boxes": BOXES, "labels": np.array([[1, 2], [3, -1]], "float32")}
FORMATS = "xyxy yxyx xywh center_xywh center_yxhw rel_xyxy rel_yxyx rel_xywh rel_center_xywh".split()
TURN = np.array([20.0, -75.0], "float32")
SHAPE = (10, 8, 3)

CALLS = [
    lambda b: b.clip_to_image_size(dict(DICT), height=6, width=5),
    lambda b: b.clip_to_image_size({**DICT, "boxes": BOXES / 6}, bounding_box_format="rel_xyxy"),
    lambda b: b.affine_transform(
        BOXES, TURN, TURN / 90, TURN / 60, np.float32([1.5, 0.5]), TURN / 9, TURN / 5, 10, 8
    ),
    lambda b: b.affine_transform(
        BOXES, TURN, TURN * 0, TURN * 0, TURN * 0 + 1, TURN * 0, TURN * 0, 10, 8, 0.25, 0.75
    ),
    lambda b: b.crop(BOXES, 2, 1, 5, 4),
    lambda b: b.pad(BOXES, 2, 1, 20, 20),
    lambda b: b.encode_box_to_deltas(BOXES[0], OTHERS, "xyxy", "xywh"),
    lambda b: b.encode_box_to_deltas(
        BOXES[0] / 10, OTHERS / 10, "rel_xyxy", "rel_xyxy", "center_xywh", [0.1, 0.2, 0.3, 0.4], SHAPE
    ),
    lambda b: b.decode_deltas_to_boxes(BOXES[0], OTHERS / 10, "xyxy", "xywh"),
    lambda b: b.decode_deltas_to_boxes(
        {"a": BOXES[0]}, {"a": OTHERS / 10}, "xyxy", "rel_yxyx", "center_xywh", [0.1, 0.2, 0.3, 0.4], SHAPE
    ),
    lambda b: b.compute_iou(BOXES, OTHERS, "xyxy"),
    lambda b: b.compute_iou(BOXES[0], OTHERS[1], "xywh"),
    lambda b: b.compute_iou(BOXES, OTHERS, "xyxy", True, mask_val=-2),
    lambda b: b.compute_iou(BOXES / 10, OTHERS / 10, "rel_xyxy", image_shape=SHAPE),
    lambda b: b.compute_ciou(BOXES, OTHERS, "xyxy"),
]


def compare(mine, theirs):
    for one, other in zip(kerasish.tree.flatten(mine), kerasish.tree.flatten(theirs), strict=True):
        assert tuple(one.shape) == tuple(other.shape) and one.dtype == str(other.dtype)
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def at_once(function):
    """Call a function of the oracle compiled as one."""
    import jax

    return jax.jit(function)()


def test_functions(oracle):
    theirs = at_once(lambda: [call(oracle.utils.bounding_boxes) for call in CALLS])
    for call, wanted in zip(CALLS, theirs, strict=True):
        compare(call(bounding_boxes), wanted)


def test_formats(oracle):
    def both_ways(library):
        function = library.utils.bounding_boxes.convert_format
        there = [function(BOXES, "xyxy", target, 10, 8) for target in FORMATS]
        pairs = zip(FORMATS, [*FORMATS[1:], FORMATS[0]], strict=True)
        return there, [function(BOXES, source, target, 10, 8) for source, target in pairs]

    compare(both_ways(kerasish), at_once(lambda: both_ways(oracle)))
    for source in FORMATS:
        there = bounding_boxes.convert_format(BOXES, "xyxy", source, 10, 8)
        for target in FORMATS:
            again = bounding_boxes.convert_format(there, source, target, 10, 8)
            back = bounding_boxes.convert_format(again, target, "xyxy", 10, 8)
            np.testing.assert_allclose(back, BOXES, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda b: b.convert_format(BOXES, "xyxy", "abcd"), ValueError, "Supported formats"),
        (
            lambda b: b.convert_format(BOXES, "xyxy", "rel_xyxy"),
            ValueError,
            "must receive `height` and `width`",
        ),
        (lambda b: b.convert_format(BOXES[..., :3], "xyxy", "xywh"), ValueError, "last dimension of 4"),
        (lambda b: b.clip_to_image_size(DICT), ValueError, "`height` and `width` must be set"),
        (lambda b: b.clip_to_image_size(DICT, 5, 5, "xywh"), NotImplementedError, "'xyxy' and 'rel_xyxy'"),
        (lambda b: b.crop(BOXES, 1, 1, 2, 2, "xywh"), NotImplementedError, "`crop` takes boxes"),
        (lambda b: b.compute_iou(BOXES[0, 0], BOXES, "xyxy"), ValueError, "boxes1 to be batched"),
        (lambda b: b.compute_iou(BOXES, BOXES, "rel_xyxy"), ValueError, "`image_shape` argument must be"),
        (lambda b: b.compute_ciou(BOXES, BOXES, "rel_xyxy"), ValueError, "`image_shape` argument must be"),
        (
            lambda b: b.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", "xyxy"),
            ValueError,
            "should be one of",
        ),
        (
            lambda b: b.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", variance=[1.0]),
            ValueError,
            "length 4",
        ),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call(bounding_boxes)


def test_smart_resize(oracle):
    image = np.random.default_rng(0).uniform(0, 255, (2, 12, 10, 3)).astype("float32")
    resize = kerasish.preprocessing.image.smart_resize
    for size, first in (((5, 20), False), ((18, 4), True)):
        x = np.moveaxis(image, 3, 1) if first else image
        options = dict(data_format="channels_first" if first else "channels_last")
        mine, theirs = (f(x, size, **options) for f in (resize, oracle.preprocessing.image.smart_resize))
        assert type(mine) is np.ndarray
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-3)
    assert kerasish.ops.is_tensor(resize(kerasish.ops.ones((4, 4, 3)), (2, 2)))
    for x, size, message in ((image, (5,), "tuple of 2 integers"), (image[0, 0], (2, 2), "incorrect rank")):
        with pytest.raises(ValueError, match=message):
            resize(x, size)
