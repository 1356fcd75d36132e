"""Layers of several inputs, and those that do little else than hold something: compared with Keras."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops

RNG = np.random.default_rng(5)


def floats(*shape):
    return RNG.normal(size=shape).astype("float32")


A, B, C = floats(2, 3, 4), floats(2, 3, 4), floats(2, 3, 4)

CASES = [
    *((name, {}, [A, B, C]) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")),
    *((name, {}, [A, B[:, :1]]) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")),
    ("Add", {}, [A, floats(2, 4)]),
    ("Subtract", {}, [A, B]),
    ("Multiply", {"dtype": "float16"}, [A, B]),
    ("Add", {"activity_regularizer": "l2"}, [A, B]),
    ("Concatenate", {"axis": 1}, [A, B[:, :2]]),
    ("Concatenate", {"axis": -2}, [A, B]),
    ("Dot", {"axes": 1}, [floats(2, 3), floats(2, 3)]),
    ("Dot", {"axes": -1}, [A, B]),
    ("Dot", {"axes": (1, 2)}, [floats(2, 3, 5), floats(2, 6, 3)]),
    ("Dot", {"axes": [2, 1]}, [floats(2, 3, 5), floats(2, 5, 6)]),
    ("Dot", {"axes": -1, "normalize": True}, [A, floats(2, 4)]),
    ("Dot", {"axes": 1}, [floats(2, 4), floats(2, 4, 3)]),
    ("Dot", {"axes": (2, 3)}, [floats(2, 3, 4, 5), floats(2, 6, 3, 4)]),
]


@pytest.mark.parametrize("name, options, inputs", CASES)
def test_merges_are_keras(oracle, name, options, inputs):
    mine, theirs = (getattr(k.layers, name)(name="m", **options) for k in (kerasish, oracle))
    result, expected = mine(inputs), np.asarray(theirs(inputs))
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert result.dtype == expected.dtype.name
    shapes = [x.shape for x in inputs]
    assert mine.compute_output_shape(shapes) == theirs.compute_output_shape(shapes)
    config = kerasish.saving.serialize_keras_object(mine)
    assert json.dumps(config) == json.dumps(oracle.saving.serialize_keras_object(theirs))
    again = kerasish.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    np.testing.assert_array_equal(again(inputs).numpy(), result.numpy())
    # in a model, compiled where the layer has not been before
    entries = [kerasish.Input(x.shape[1:]) for x in inputs]
    model = kerasish.Model(entries, type(mine)(**{k: v for k, v in options.items() if k != "name"})(entries))
    run = model if options or len(inputs) == 2 else kerasish.function(model)
    np.testing.assert_allclose(run(inputs).numpy(), expected, rtol=1e-5, atol=1e-6)
    if name != "Dot":
        function = getattr(layers, name.lower())
        np.testing.assert_array_equal(function(inputs, **options).numpy(), result.numpy())


@pytest.mark.parametrize(
    "name", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"]
)
def test_gradients_are_keras(oracle, name):
    import jax

    options = {"axes": 1} if name == "Dot" else {}
    mine, theirs = (getattr(k.layers, name)(**options) for k in (kerasish, oracle))
    x, y = kerasish.Tensor(A, requires_grad=True), kerasish.Tensor(B, requires_grad=True)
    ops.sum(mine([x, y]) ** 2).backward()
    expected = jax.grad(lambda inputs: (theirs(inputs) ** 2).sum())([A, B])
    for tensor, gradient in zip((x, y), expected, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), np.asarray(gradient), rtol=1e-4, atol=1e-5)


MASKS = {
    "both": ([[True, True, False], [True, False, False]], [[True, False, False], [True, True, False]]),
    "first": ([[True, True, False], [True, False, False]], None),
    "none": (None, None),
}


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize(
    "name, options",
    [
        *((n, {}) for n in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")),
        ("Concatenate", {"axis": 1}),
        ("Dot", {"axes": 2}),
    ],
)
def test_masks_are_keras(oracle, name, options, masks):
    def run(keras):
        inputs = []
        for value, mask in zip((A, B), MASKS[masks], strict=True):
            x = keras.ops.convert_to_tensor(value)
            if mask is not None:
                x._keras_mask = keras.ops.convert_to_tensor(np.array(mask))
            inputs.append(x)
        y = getattr(keras.layers, name)(**options)(inputs)
        mask = getattr(y, "_keras_mask", None)
        return np.asarray(y), None if mask is None else np.asarray(mask)

    (mine, mask), (theirs, expected) = run(kerasish), run(oracle)
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    assert (mask is None) == (expected is None)
    if mask is not None:
        np.testing.assert_array_equal(mask, expected)


BAD_MERGES = [
    (lambda: layers.Add()(A), ValueError, "should be called on a list"),
    (
        lambda: layers.Add()([A, floats(3, 3, 4)]),
        ValueError,
        "Cannot merge tensors with different batch sizes",
    ),
    (lambda: layers.Add()([A, floats(2, 3, 5)]), ValueError, "Inputs have incompatible shapes"),
    (lambda: layers.Subtract()([A, B, C]), ValueError, "exactly 2 inputs"),
    (
        lambda: layers.Concatenate()([A, floats(2, 2, 4)]),
        ValueError,
        "matching shapes except for the concatenation axis",
    ),
    (
        lambda: layers.Concatenate()([A, floats(2, 4)]),
        ValueError,
        "matching shapes except for the concatenation axis",
    ),
    (lambda: layers.Dot("x"), TypeError, "Invalid type for argument `axes`"),
    (lambda: layers.Dot((1, 2, 3)), ValueError, "should contain two elements"),
    (lambda: layers.Dot((1, "x")), ValueError, "list elements should be integers"),
    (lambda: layers.Dot(1)([A, B, C]), ValueError, "on a list of 2 inputs"),
    (lambda: layers.Dot(1)([A, floats(2, 5, 4)]), ValueError, r"axis values 3 \(at axis 1\) != 5"),
    (lambda: layers.Dot(0)([A, B]), ValueError, "cannot sum over axis 0"),
    (lambda: layers.Wrapper(3), ValueError, "isn't a supported layer type"),
]


@pytest.mark.parametrize("mistake, kind, message", BAD_MERGES)
def test_mistakes_are_told(mistake, kind, message):
    with pytest.raises(kind, match=message):
        mistake()


def test_identity_and_masking_are_keras(oracle):
    x = floats(2, 3, 2)
    x[0, 1] = 0

    def run(keras):
        y = keras.layers.Identity()(keras.layers.Masking(0.0, name="m")(x))
        return np.asarray(y), np.asarray(y._keras_mask), keras.layers.Masking(2.0, name="m").get_config()

    for mine, theirs in zip(run(kerasish), run(oracle), strict=True):
        np.testing.assert_equal(mine, theirs)


@kerasish.saving.register_keras_serializable("merging_tests")
def halve(x, by=2.0):
    return x / by


def test_lambda_layers_of_named_functions_are_keras(oracle, tmp_path):
    oracle.saving.register_keras_serializable("merging_tests")(halve)
    mine, theirs = (
        k.layers.Lambda(halve, output_shape=(4,), arguments={"by": 4.0}, name="l") for k in (kerasish, oracle)
    )
    assert json.dumps(mine.get_config(), sort_keys=True) == json.dumps(theirs.get_config(), sort_keys=True)
    assert mine.compute_output_shape((None, 3)) == theirs.compute_output_shape((None, 3)) == (None, 4)
    x = floats(2, 4)
    np.testing.assert_allclose(mine(x).numpy(), np.asarray(theirs(x)))
    model = kerasish.Sequential([kerasish.Input((4,)), kerasish.layers.Lambda(halve, name="h")])
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(kerasish.saving.load_model(tmp_path / "m.keras")(x).numpy(), x / 2)


def test_lambdas_work_and_are_neither_saved_nor_loaded(oracle, tmp_path):
    x = floats(2, 3)
    model = kerasish.Sequential([kerasish.Input((3,)), layers.Lambda(lambda t: t * 3, name="triple")])
    np.testing.assert_allclose(model(x).numpy(), x * 3, rtol=1e-6)
    np.testing.assert_allclose(kerasish.models.clone_model(model)(x).numpy(), x * 3, rtol=1e-6)
    with pytest.raises(TypeError, match="Cannot serialize a lambda"):
        model.save(tmp_path / "mine.keras")
    theirs = oracle.Sequential([oracle.Input((3,)), oracle.layers.Lambda(lambda t: t * 3)])
    theirs.save(tmp_path / "theirs.keras")
    for options in ({}, {"safe_mode": False}):
        with pytest.raises(ValueError, match="holds compiled code"):
            kerasish.saving.load_model(tmp_path / "theirs.keras", **options)


def test_lambdas_see_training_and_masks():
    seen = []

    def look(x, training=None, mask=None):
        seen.append((training, mask is not None))
        return x

    layer = layers.Lambda(look, mask=lambda inputs, mask: mask)
    masked = layers.Masking()(np.ones((1, 2, 2), "float32"))
    assert layer(masked, training=True)._keras_mask is not None
    assert seen == [(True, True)]


def test_wrappers_hold_a_layer(oracle):
    def run(keras):
        wrapper = keras.layers.Wrapper(keras.layers.Dense(3, name="d"), name="w")
        wrapper.build((None, 2))
        return wrapper.get_config(), [v.path for v in wrapper.weights], wrapper.built

    mine, theirs = run(kerasish), run(oracle)
    assert json.dumps(mine, sort_keys=True) == json.dumps(theirs, sort_keys=True)
    again = layers.Wrapper.from_config(mine[0])
    assert again.layer.units == 3 and again.get_config() == mine[0]


def test_stateless_calls_of_models_are_keras(oracle):
    import jax

    def build(keras):
        x = keras.Input((3,))
        h = keras.layers.Dropout(0.5)(keras.layers.Dense(4, kernel_initializer="ones")(x))
        return keras.Model(x, keras.layers.Dense(2, kernel_initializer="ones", trainable=False)(h))

    x = floats(2, 3)
    mine, theirs = build(kerasish), build(oracle)
    doubled = [[np.asarray(v) * 2 for v in m.trainable_variables] for m in (mine, theirs)]
    before = [v.numpy() for v in mine.variables]
    y, others = mine.stateless_call(doubled[0], mine.non_trainable_variables, x)
    expected, _ = jax.jit(lambda a, b: theirs.stateless_call(a, b, x))(
        doubled[1], [v.value for v in theirs.non_trainable_variables]
    )
    np.testing.assert_allclose(y.numpy(), np.asarray(expected), rtol=1e-5)
    _, moved = mine.stateless_call(doubled[0], mine.non_trainable_variables, x, training=True)
    assert any((a.numpy() != b.numpy()).any() for a, b in zip(moved, others, strict=True))
    for variable, value in zip(mine.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
