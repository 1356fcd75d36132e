"""Layers that change images: given the same transformation, they do to everything what Keras's do."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import ops

RNG = np.random.default_rng(11)
IMAGES = RNG.uniform(0, 255, (2, 12, 10, 3)).astype("float32")
FIRST = np.ascontiguousarray(np.moveaxis(IMAGES, 3, 1))
MASKS = RNG.integers(0, 4, (2, 12, 10, 1)).astype("float32")
BOXES = np.array(
    [
        [[1.0, 2.0, 5.0, 7.0], [0.0, 0.0, 10.0, 12.0], [-1.0, -1.0, -1.0, -1.0]],
        [[6.0, 1.0, 9.0, 3.0], [2.0, 8.0, 4.0, 11.0], [0.0, 0.0, 0.0, 0.0]],
    ],
    "float32",
)
LABELS = np.array([[1, 2, -1], [0, 3, -1]], "float32")


def data_for(arguments, sides="xyxy"):
    images = FIRST if arguments.get("data_format") == "channels_first" else IMAGES
    masks = np.moveaxis(MASKS, 3, 1) if images is FIRST else MASKS
    boxes = kerasish.utils.bounding_boxes.convert_format(BOXES, "xyxy", sides, height=12, width=10)
    return {
        "images": images,
        "segmentation_masks": np.ascontiguousarray(masks),
        "bounding_boxes": {"boxes": boxes.numpy(), "labels": LABELS},
        "labels": np.eye(4, dtype="float32")[[1, 3]],
    }


def plain(keras, tree):
    """The same tree of NumPy arrays and of what is no tensor."""
    return keras.tree.map_structure(lambda x: np.asarray(x) if hasattr(x, "dtype") else x, tree)


def same(mine, theirs, tolerance=1e-5):
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
    np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * max(1, np.abs(theirs).max()))


# Layer, arguments, and the parts of the data that it changes as Keras's does.
BASIC = [
    ("RandomFlip", dict(mode="horizontal"), "images segmentation_masks bounding_boxes labels"),
    ("RandomFlip", dict(mode="vertical", data_format="channels_first"), "images segmentation_masks"),
    ("RandomFlip", dict(), "images bounding_boxes"),
    ("RandomRotation", dict(factor=0.25), "images segmentation_masks bounding_boxes labels"),
    (
        "RandomRotation",
        dict(factor=(-0.5, 0.25), fill_mode="constant", fill_value=7.0, data_format="channels_first"),
        "images segmentation_masks bounding_boxes",
    ),
    ("RandomZoom", dict(height_factor=0.5), "images segmentation_masks bounding_boxes labels"),
    (
        "RandomZoom",
        dict(height_factor=(-0.5, -0.25), width_factor=0.25, fill_mode="nearest", interpolation="nearest"),
        "images bounding_boxes",
    ),
    (
        "RandomTranslation",
        dict(height_factor=0.5, width_factor=(0.0, 0.25), fill_mode="wrap"),
        "images segmentation_masks bounding_boxes labels",
    ),
    (
        "RandomTranslation",
        dict(height_factor=0.25, width_factor=0.5, data_format="channels_first"),
        "images segmentation_masks",
    ),
    ("RandomContrast", dict(factor=(0.25, 0.75)), "images segmentation_masks bounding_boxes labels"),
    ("RandomContrast", dict(factor=0.5, data_format="channels_first", value_range=(0, 200)), "images"),
    ("RandomBrightness", dict(factor=0.5), "images segmentation_masks bounding_boxes labels"),
    ("RandomBrightness", dict(factor=(0.0, 1.0), value_range=(-255, 255)), "images"),
    ("RandomCrop", dict(height=5, width=4), "images segmentation_masks labels"),
    ("RandomCrop", dict(height=5, width=4, data_format="channels_first"), "images segmentation_masks"),
    ("RandomCrop", dict(height=14, width=4), "images segmentation_masks"),
]


@pytest.mark.parametrize("name, arguments, parts", BASIC, ids=str)
def test_the_same_transformation_does_the_same(oracle, name, arguments, parts):
    arguments = {**arguments, "bounding_box_format": "xyxy", "seed": 3}
    mine, theirs = (getattr(k.layers, name)(**arguments) for k in (kerasish, oracle))
    data = data_for(arguments)
    tensors = kerasish.tree.map_structure(ops.convert_to_tensor, data)
    drawn = mine.get_random_transformation(tensors, training=True)
    given = plain(oracle, drawn)
    expected = plain(oracle, theirs.get_random_transformation(data, training=True))
    assert shapes(given) == shapes(expected)
    for part in parts.split():
        method = f"transform_{part}"
        result = getattr(mine, method)(tensors[part], drawn, training=True)
        wanted = getattr(theirs, method)(copied(oracle, data[part]), on_oracle(oracle, given), training=True)
        for one, other in zip(leaves(result), leaves(wanted), strict=True):
            same(one, other, 1e-4 if part == "images" else 1e-5)


def shapes(tree):
    """Keys, shapes and types of a transformation."""
    if isinstance(tree, dict):
        return {k: shapes(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [shapes(v) for v in tree]
    return (tree.shape, str(tree.dtype)) if isinstance(tree, np.ndarray) else tree


def on_oracle(oracle, tree):
    return oracle.tree.map_structure(
        lambda x: oracle.ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x, tree
    )


def copied(oracle, value):
    return oracle.tree.map_structure(oracle.ops.convert_to_tensor, value)


def leaves(value):
    return [value[k] for k in ("boxes", "labels")] if isinstance(value, dict) else [value]


DETERMINISTIC = [
    ("Resizing", dict(height=6, width=15), "xyxy"),
    ("Resizing", dict(height=6, width=15, crop_to_aspect_ratio=True), "xywh"),
    ("Resizing", dict(height=6, width=15, pad_to_aspect_ratio=True), "rel_xyxy"),
    ("Resizing", dict(height=24, width=5, interpolation="nearest", data_format="channels_first"), "xyxy"),
    ("CenterCrop", dict(height=6, width=5), "xyxy"),
    ("CenterCrop", dict(height=7, width=4, data_format="channels_first"), "rel_xywh"),
    ("CenterCrop", dict(height=14, width=5), "center_xywh"),
]


@pytest.mark.parametrize("single", [False, True], ids=["batch", "single"])
@pytest.mark.parametrize("name, arguments, sides", DETERMINISTIC, ids=str)
def test_images_of_another_size(oracle, name, arguments, sides, single):
    data = data_for(arguments, sides)
    if single:
        data = kerasish.tree.map_structure(lambda x: x[0], data)
    layers = [getattr(k.layers, name)(**arguments, bounding_box_format=sides) for k in (kerasish, oracle)]
    mine, theirs = (layer(kerasish.tree.map_structure(np.copy, data)) for layer in layers)
    for part in data:
        for one, other in zip(leaves(mine[part]), leaves(theirs[part]), strict=True):
            same(one, other, 1e-5)
    assert layers[0].compute_output_shape(data["images"].shape) == tuple(mine["images"].shape)


@pytest.mark.parametrize("name, arguments, parts", BASIC, ids=str)
def test_inference_and_single_images(name, arguments, parts):
    layer = getattr(kerasish.layers, name)(**arguments, bounding_box_format="xyxy", seed=3)
    data = data_for(arguments)
    still = layer(data, training=False)
    for part in data:
        for one, other in zip(leaves(still[part]), leaves(data[part]), strict=True):
            np.testing.assert_array_equal(one, other)
    one = kerasish.tree.map_structure(lambda x: x[0], data)
    wanted = kerasish.tree.map_structure(lambda x: x[0].shape, layer(data, training=True))
    assert kerasish.tree.map_structure(lambda x: x.shape, layer(one, training=True)) == wanted
