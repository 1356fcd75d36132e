"""Layers that choose among changes of images, what they refuse, and models with such layers."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops
from kerasish.utils import bounding_boxes

RNG = np.random.default_rng(4)
IMAGES = RNG.uniform(0, 255, (3, 10, 8, 3)).astype("float32")
BOXES = {
    "boxes": np.array([[[1, 2, 5, 7]], [[0, 0, 8, 10]], [[3, 1, 6, 9]]], "float32"),
    "labels": np.array([[1], [2], [3]], "float32"),
}


def test_rand_augment_applies_what_it_draws():
    layer = layers.RandAugment(num_ops=2, factor=0.5, seed=1)
    drawn = layer.get_random_transformation(IMAGES)
    names = list(drawn["transforms"])
    assert len(names) == 11
    for index in range(11):
        first, second = names[index], names[10 - index]
        chosen = {**drawn, "layer_idxes": ops.convert_to_tensor([index, 10 - index])}
        wanted = getattr(layer, first).transform_images(
            ops.convert_to_tensor(IMAGES), drawn["transforms"][first]
        )
        wanted = getattr(layer, second).transform_images(wanted, drawn["transforms"][second])
        np.testing.assert_array_equal(layer.transform_images(IMAGES, chosen).numpy(), wanted.numpy())
    assert {int(n) for n in layer.get_random_transformation(IMAGES)["layer_idxes"]} <= set(range(11))
    masks = layer.transform_segmentation_masks(
        ops.round(IMAGES), {**drawn, "layer_idxes": ops.convert_to_tensor([0, 3])}
    )
    assert not (masks.numpy() % 1).any()  # nothing between classes


def test_aug_mix_is_a_mean_of_chains():
    layer = layers.AugMix(num_chains=2, chain_depth=1, all_ops=False, seed=1)
    drawn = layer.get_random_transformation(IMAGES)
    drawn["layer_idxes"] = ops.convert_to_tensor([[7], [5]])  # nothing, and the contrast
    weights, share = drawn["chain_mixing_weights"].numpy(), float(drawn["weight_sample"])
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-6)
    spread = layer.auto_contrast(IMAGES).numpy()
    wanted = share * IMAGES + (1 - share) * (weights[0] * IMAGES + weights[1] * spread)
    np.testing.assert_allclose(layer.transform_images(IMAGES, drawn).numpy(), wanted, rtol=1e-4)
    result = layers.AugMix(value_range=(10, 200), seed=2)(IMAGES, training=True).numpy()
    assert result.min() >= 10 and result.max() <= 200


def test_color_jitter_is_its_parts_in_order():
    factors = dict(brightness_factor=0.25, contrast_factor=0.25, saturation_factor=0.5, hue_factor=0.25)
    jitter = layers.RandomColorJitter(**factors, seed=5)
    found = jitter(IMAGES, training=True).numpy()
    source, x = kerasish.random.SeedGenerator(5), ops.convert_to_tensor(IMAGES)
    for name, factor in factors.items():
        part = getattr(layers, f"Random{name.removesuffix('_factor').title()}")(factor)
        x = part.transform_images(x, part.get_random_transformation(x, seed=source))
    np.testing.assert_allclose(found, x.numpy(), rtol=1e-5)


def test_elastic_transform_moves_images_and_masks_alike():
    layer = layers.RandomElasticTransform(factor=(1.0, 1.0), interpolation="nearest", seed=3)
    result = layer({"images": IMAGES, "segmentation_masks": IMAGES[..., :1]}, training=True)
    moved = result["images"].numpy()
    np.testing.assert_array_equal(result["segmentation_masks"].numpy(), moved[..., :1])
    assert (moved != IMAGES).any() and np.isin(moved, IMAGES).all()
    for still in (dict(factor=(0.0, 0.0)), dict(scale=(0.0, 0.0))):
        np.testing.assert_array_equal(layers.RandomElasticTransform(**still)(IMAGES, training=True), IMAGES)


def test_pipelines_pass_training_on():
    pipeline = layers.Pipeline([layers.RandomBrightness((0.5, 0.5), (0, 1)), layers.Rescaling(2.0)])
    assert [type(layer).__name__ for layer in pipeline.layers] == ["RandomBrightness", "Rescaling"]
    x = np.zeros((1, 2, 2, 3), "float32")
    np.testing.assert_array_equal(pipeline(x, training=True), x + 1)
    np.testing.assert_array_equal(pipeline(x, training=False), x)
    data = layers.Pipeline([layers.Resizing(5, 4), layers.RandomFlip()])(
        {"images": IMAGES, "labels": [1, 2, 3]}
    )
    assert data["images"].shape == (3, 5, 4, 3) and data["labels"].shape == (3,)
    with pytest.raises(ValueError, match="must contain a `layers` key"):
        layers.Pipeline.from_config({"name": "p"})


@pytest.mark.parametrize("sides", ["xywh", "rel_xyxy", "center_yxhw", "rel_center_xywh"])
@pytest.mark.parametrize(
    "make",
    [
        lambda **k: layers.RandomFlip(seed=1, **k),
        lambda **k: layers.RandomRotation(0.25, seed=1, **k),
        lambda **k: layers.RandomZoom(0.25, seed=1, **k),
        lambda **k: layers.RandomTranslation(0.25, 0.25, seed=1, **k),
        lambda **k: layers.RandomShear(0.25, 0.25, seed=1, **k),
        lambda **k: layers.RandomPerspective(scale=0.5, seed=1, **k),
        lambda **k: layers.CenterCrop(6, 4, **k),
    ],
    ids="flip rotation zoom translation shear perspective crop".split(),
)
def test_formats_of_boxes_make_no_difference(make, sides):
    def changed(boxes_format):
        boxes = bounding_boxes.convert_format(BOXES, "xyxy", boxes_format, height=10, width=8)
        data = {"images": IMAGES, "bounding_boxes": boxes}
        result = make(bounding_box_format=boxes_format)(data, training=True)
        height, width = result["images"].shape[1:3]
        boxes = result["bounding_boxes"]
        return bounding_boxes.convert_format(boxes, boxes_format, "xyxy", height=height, width=width)

    one, other = changed(sides), changed("xyxy")
    np.testing.assert_allclose(one["boxes"].numpy(), other["boxes"].numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(one["labels"].numpy(), other["labels"].numpy())


def test_random_crops_keep_boxes_on_their_objects():
    images = np.zeros((1, 10, 8, 1), "float32")
    images[0, 3:6, 2:5] = 1
    layer = layers.RandomCrop(7, 6, seed=2, bounding_box_format="xyxy")
    places = set()
    for _ in range(12):
        data = {
            "images": images,
            "bounding_boxes": {"boxes": [[[2.0, 3.0, 5.0, 6.0]]], "labels": [[1]]},
        }
        data = layer(data, training=True)
        rows, columns = np.nonzero(data["images"].numpy()[0, :, :, 0])
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_array_equal(data["bounding_boxes"]["boxes"].numpy()[0, 0], box)
        places.add(tuple(box))
    assert len(places) > 3


def test_mix_up_keeps_the_boxes_of_both_images():
    layer = layers.MixUp(seed=1, bounding_box_format="xyxy")
    order = ops.convert_to_tensor([2, 0, 1])
    drawn = {"mix_weight": ops.ones((3,)), "permutation_order": order}
    boxes = layer.transform_bounding_boxes(
        {k: ops.convert_to_tensor(v) for k, v in BOXES.items()}, drawn, training=True
    )
    assert boxes["boxes"].shape == (3, 2, 4)
    np.testing.assert_array_equal(boxes["labels"].numpy(), [[1, 3], [2, 1], [3, 2]])


REFUSALS = [
    (lambda: layers.RandomRotation(2.0), ValueError, "`factor` argument should be a number"),
    (lambda: layers.RandomZoom(-1.0), ValueError, r"`height_factor` argument .* \(-1.0, 1.0\]"),
    (lambda: layers.RandomZoom(0.5, (0.1, 0.2, 0.3)), ValueError, "`width_factor` argument"),
    (lambda: layers.RandomTranslation(0.5, 1.5), ValueError, "Received: width_factor=1.5"),
    (lambda: layers.RandomShear((-0.5, 0.5)), ValueError, "`x_factor` argument"),
    (lambda: layers.RandomRotation(0.1, fill_mode="edge"), NotImplementedError, "Unknown `fill_mode` edge"),
    (lambda: layers.RandomZoom(0.1, interpolation="bicubic"), NotImplementedError, "Unknown `interpolation`"),
    (lambda: layers.RandomContrast(1.5), ValueError, "Received: factor=1.5"),
    (lambda: layers.RandomBrightness(0.5, value_range=255), ValueError, "`value_range` argument should be"),
    (lambda: layers.RandomPerspective(scale=2.0), ValueError, "Received: scale=2.0"),
    (lambda: layers.RandomGrayscale(2.0), ValueError, "Received: factor=2.0"),
    (lambda: layers.RandomGaussianBlur(kernel_size=4), ValueError, "must be an odd number"),
    (lambda: layers.RandomErasing(fill_value=[1, 2]), ValueError, "list of three numbers"),
    (lambda: layers.RandomFlip()(np.ones((2, 3))), ValueError, "rank 3"),
    (lambda: layers.Resizing(2, 2).compute_output_shape((2, 3)), ValueError, "must be of rank 3"),
    (
        lambda: layers.RandomCrop(2, 2).get_random_transformation(kerasish.KerasTensor((None, None, 4, 3))),
        ValueError,
        "fully defined",
    ),
    (
        lambda: layers.RandomFlip()({"images": IMAGES, "bounding_boxes": BOXES}),
        ValueError,
        "didn't specify a bounding box format",
    ),
    (
        lambda: layers.RandomFlip(bounding_box_format="xyxy")(
            {"images": IMAGES, "bounding_boxes": {"boxes": BOXES["boxes"]}}
        ),
        ValueError,
        "with keys 'boxes' and 'labels'",
    ),
    (
        lambda: layers.RandomFlip(bounding_box_format="xyxy")(
            {"images": IMAGES, "bounding_boxes": {**BOXES, "boxes": np.ones((3, 5))}}
        ),
        ValueError,
        r"shape \(num_boxes, 4\)",
    ),
    (
        lambda: layers.RandomCrop(2, 2, bounding_box_format="rel_xyxy")(
            {"images": IMAGES, "bounding_boxes": BOXES}
        ),
        ValueError,
        "in pixels",
    ),
    (
        lambda: layers.CutMix(bounding_box_format="xyxy")({"images": IMAGES, "bounding_boxes": BOXES}),
        NotImplementedError,
        "bounding boxes",
    ),
]


@pytest.mark.parametrize("make, error, message", REFUSALS, ids=lambda x: x if isinstance(x, str) else "")
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def train(compiled):
    kerasish.utils.set_random_seed(7)
    model = kerasish.Sequential(
        [
            kerasish.Input((10, 8, 3)),
            layers.RandomFlip("horizontal", seed=1),
            layers.RandomRotation(0.125, seed=2),
            layers.RandomZoom(0.25, seed=3),
            layers.RandomTranslation(0.25, 0.25, seed=4),
            layers.RandomContrast(0.25, seed=5),
            layers.RandomBrightness(0.25, seed=6),
            layers.RandomCrop(8, 7, seed=7),
            layers.Resizing(6, 6),
            layers.CenterCrop(5, 5),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=compiled, run_eagerly=not compiled)
    x = np.random.default_rng(1).uniform(0, 255, (12, 10, 8, 3)).astype("float32")
    history = model.fit(x, np.arange(12) % 2, batch_size=4, epochs=3, shuffle=False, verbose=0)
    return history.history["loss"], model.get_weights()


def test_models_with_augmentation_train_alike_eager_and_compiled():
    (eager, weights), (compiled, others) = train(False), train(True)
    np.testing.assert_allclose(compiled, eager, rtol=1e-4)
    for one, other in zip(others, weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
