"""Layers that change images: given the same transformation, they do to everything what Keras's do."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import ops

RNG = np.random.default_rng(11)
IMAGES = RNG.uniform(0, 255, (2, 12, 10, 3)).astype("float32")
MASKS = RNG.integers(0, 4, (2, 12, 10, 1)).astype("float32")
BOXES = np.array(
    [
        [[1.0, 2.0, 5.0, 7.0], [0.0, 0.0, 10.0, 12.0], [-1.0, -1.0, -1.0, -1.0]],
        [[6.0, 1.0, 9.0, 3.0], [2.0, 8.0, 4.0, 11.0], [0.0, 0.0, 0.0, 0.0]],
    ],
    "float32",
)
LABELS = np.array([[1, 2, -1], [0, 3, -1]], "float32")


PICTURES = ("images", "segmentation_masks")
EVERYTHING = "images segmentation_masks bounding_boxes labels"


def data_for(sides="xyxy"):
    boxes = kerasish.utils.bounding_boxes.convert_format(BOXES, "xyxy", sides, height=12, width=10)
    return {
        "images": IMAGES,
        "segmentation_masks": MASKS,
        "bounding_boxes": {"boxes": boxes.numpy(), "labels": LABELS},
        "labels": np.eye(4, dtype="float32")[[1, 3]],
    }


def same(mine, theirs, tolerance=1e-5):
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
    np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * max(1, np.abs(theirs).max()))


def leaves(value):
    return [value[k] for k in ("boxes", "labels")] if isinstance(value, dict) else [value]


def kinds(tree):
    """Keys and types of a transformation; what is no tensor as it is."""
    if isinstance(tree, dict):
        return {k: kinds(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [kinds(v) for v in tree]
    return str(tree.dtype) if hasattr(tree, "dtype") else tree


def kinds_of_oracle(layer, images):
    """Return the kinds of what the oracle would draw, without compiling it."""
    import jax

    found = []
    jax.eval_shape(lambda: found.append(kinds(layer.get_random_transformation(images, seed=1))))
    return found[0]


def at_once(function, *arrays):
    """Call a function of the oracle compiled as one."""
    import jax

    return jax.jit(function)(*arrays)


def transformed_by_oracle(keras, layer, parts, data, transformation):
    """Return parts of the data, changed by a transformation of arrays and plain numbers."""
    arrays = [x for x in keras.tree.flatten(transformation) if isinstance(x, np.ndarray)]

    def run(data, arrays):
        rest = iter(arrays)
        given = keras.tree.map_structure(
            lambda x: next(rest) if isinstance(x, np.ndarray) else x, transformation
        )
        return {part: getattr(layer, f"transform_{part}")(data[part], given, training=True) for part in parts}

    return at_once(run, {part: data[part] for part in parts}, arrays)


def plain(tensor):
    """Return an array, and whole numbers that say where something starts as numbers of Python."""
    array = tensor.numpy()
    return int(array) if array.ndim == 0 and array.dtype.kind == "i" else array


# Layer, arguments, and the parts of the data that it changes as Keras's does.
SEED = {"seed": 3}
ROWS = [
    ("RandomFlip", dict(mode="horizontal"), EVERYTHING),
    ("RandomFlip", dict(), "images bounding_boxes"),
    ("RandomRotation", dict(factor=0.25), EVERYTHING),
    (
        "RandomRotation",
        dict(factor=(-0.5, 0.25), fill_mode="constant", fill_value=7.0),
        "images segmentation_masks bounding_boxes",
    ),
    ("RandomZoom", dict(height_factor=0.5), EVERYTHING),
    (
        "RandomZoom",
        dict(height_factor=(-0.5, -0.25), width_factor=0.25, fill_mode="nearest", interpolation="nearest"),
        "images bounding_boxes",
    ),
    (
        "RandomTranslation",
        dict(height_factor=0.5, width_factor=(0.0, 0.25), fill_mode="wrap"),
        EVERYTHING,
    ),
    ("RandomContrast", dict(factor=(0.25, 0.75)), EVERYTHING),
    ("RandomBrightness", dict(factor=0.5), EVERYTHING),
    ("RandomBrightness", dict(factor=(0.0, 1.0), value_range=(-255, 255)), "images"),
    ("RandomCrop", dict(height=5, width=4), "images segmentation_masks labels"),
    ("RandomCrop", dict(height=14, width=4), "images segmentation_masks"),
    ("RandomShear", dict(x_factor=0.5, y_factor=(0.25, 0.5)), EVERYTHING),
    ("RandomPerspective", dict(scale=0.5), EVERYTHING),
    ("RandomSaturation", dict(factor=(0.0, 0.75)), EVERYTHING),
    ("RandomHue", dict(factor=0.5), EVERYTHING),
    ("RandomColorDegeneration", dict(factor=0.5), EVERYTHING),
    ("RandomSharpness", dict(factor=(0.25, 1.0)), EVERYTHING),
    ("RandomGaussianBlur", dict(kernel_size=(3, 5)), EVERYTHING),
    ("RandomErasing", dict(scale=0.5, factor=(1.0, 1.0)), EVERYTHING),
    ("RandomPosterization", dict(factor=(1, 6)), EVERYTHING),
    ("RandomInvert", dict(factor=0.5), EVERYTHING),
    ("Solarization", dict(addition_factor=0.5, threshold_factor=(0.25, 0.75)), EVERYTHING),
    ("Solarization", dict(threshold_factor=0.75, value_range=(0, 300)), "images"),
    ("CutMix", dict(factor=(0.5, 1.0)), "images segmentation_masks labels"),
    ("MixUp", dict(alpha=0.5), "images labels"),
    ("RandomGrayscale", dict(factor=0.5), "images"),
    ("RandomPerspective", dict(factor=(1.0, 1.0), scale=0.25, interpolation="nearest"), "images"),
    ("RandomPosterization", dict(factor=(3, 3), value_range=(0, 300)), "images"),
]


@pytest.mark.parametrize("name, arguments, parts", ROWS, ids=str)
def test_the_same_transformation_does_the_same(oracle, name, arguments, parts):
    arguments = {**arguments, "bounding_box_format": "xyxy"}
    mine, theirs = (getattr(k.layers, name)(**arguments, **SEED) for k in (kerasish, oracle))
    data = data_for()
    tensors = kerasish.tree.map_structure(ops.convert_to_tensor, data)
    drawn = mine.get_random_transformation(tensors, training=True)
    assert kinds(drawn) == kinds_of_oracle(theirs, data["images"])
    given = kerasish.tree.map_structure(lambda x: plain(x) if ops.is_tensor(x) else x, drawn)
    parts = parts.split()
    wanted = transformed_by_oracle(oracle, theirs, parts, data, given)
    for part in parts:
        result = getattr(mine, f"transform_{part}")(tensors[part], drawn, training=True)
        for one, other in zip(leaves(result), leaves(wanted[part]), strict=True):
            same(one, other, 1e-4 if part == "images" else 1e-5)


DETERMINISTIC = [
    ("Resizing", dict(height=6, width=15), "xyxy"),
    ("Resizing", dict(height=6, width=15, crop_to_aspect_ratio=True), "xywh"),
    ("Resizing", dict(height=6, width=15, pad_to_aspect_ratio=True), "rel_xyxy"),
    ("CenterCrop", dict(height=6, width=5), "xyxy"),
    ("CenterCrop", dict(height=7, width=4), "rel_xywh"),
    ("CenterCrop", dict(height=14, width=5), "center_xywh"),
    ("AutoContrast", dict(value_range=(0, 300)), "xyxy"),
    ("Equalization", dict(bins=16, value_range=(0, 300)), "xyxy"),
    ("ContrastLimitedAdaptiveHistogramEqualization", dict(tile_grid_size=(4, 5)), "xyxy"),
    (
        "ContrastLimitedAdaptiveHistogramEqualization",
        dict(tile_grid_size=(5, 3), clip_limit=0, value_range=(0, 300)),
        "xyxy",
    ),
    ("MaxNumBoundingBoxes", dict(max_number=2), "xyxy"),
    ("MaxNumBoundingBoxes", dict(max_number=5, fill_value=-2), "xywh"),
]


@pytest.mark.parametrize("name, arguments, sides", DETERMINISTIC, ids=str)
def test_what_is_not_random(oracle, name, arguments, sides):
    data = data_for(sides)
    layers = [getattr(k.layers, name)(**arguments, bounding_box_format=sides) for k in (kerasish, oracle)]
    assert layers[0].get_config() == {**layers[1].get_config(), "name": layers[0].name}
    if name.startswith("ContrastLimited"):  # the oracle's takes nothing but images
        data = {"images": data["images"]}
    cannot_compile = name == "MaxNumBoundingBoxes"
    mine, theirs = layers[0](data), layers[1](data) if cannot_compile else at_once(layers[1], data)
    for part in data:
        for one, other in zip(leaves(mine[part]), leaves(theirs[part]), strict=True):
            same(one, other)
    assert layers[0].compute_output_shape(data["images"].shape) == tuple(mine["images"].shape)


def own(name, arguments, **more):
    """Return a layer of kerasish that starts from a seed, if it has one."""
    seed = {} if (name, arguments) in [row[:2] for row in DETERMINISTIC] else {"seed": 3}
    return getattr(kerasish.layers, name)(**arguments, bounding_box_format="xyxy", **seed, **more)


def parts_of(name, parts):
    return {part: value for part, value in data_for().items() if part in parts}


ALL_ROWS = [*ROWS, *((name, arguments, EVERYTHING) for name, arguments, _ in DETERMINISTIC)]


@pytest.mark.parametrize("name, arguments, parts", ALL_ROWS, ids=str)
def test_compiled_single_and_channels_first(name, arguments, parts):
    data = parts_of(name, parts)
    changed = own(name, arguments)(data, training=True)
    compiled = kerasish.function(own(name, arguments))(data, training=True)
    for part in data:
        for one, other in zip(leaves(compiled[part]), leaves(changed[part]), strict=True):
            same(one, other)
    first = {k: np.moveaxis(v, 3, 1) if k in PICTURES else v for k, v in data.items()}
    first = own(name, arguments, data_format="channels_first")(first, training=True)
    for part in data:
        for one, other in zip(leaves(first[part]), leaves(changed[part]), strict=True):
            if name != "RandomErasing":  # noise comes in the order of the axes
                same(np.moveaxis(one, 1, 3) if part in PICTURES else one, other)
    one = own(name, arguments)(kerasish.tree.map_structure(lambda x: x[0], data), training=True)
    for part in data:
        for mine, other in zip(leaves(one[part]), leaves(changed[part]), strict=True):
            assert mine.shape == other.shape[1:] and mine.dtype == other.dtype


@pytest.mark.parametrize("name, arguments, parts", ROWS, ids=str)
def test_inference_changes_nothing(name, arguments, parts):
    data = parts_of(name, parts)
    still = own(name, arguments)(data, training=False)
    for part in data:
        for one, other in zip(leaves(still[part]), leaves(data[part]), strict=True):
            np.testing.assert_array_equal(one, other)
