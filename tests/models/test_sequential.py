"""Sequential models: building, changing, describing and copying them as Keras does."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kerasish
from kerasish import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3)).astype("float32")


def dense(keras, units, name, **options):
    return keras.layers.Dense(units, name=name, **options)


def make(keras, name="s"):
    return keras.Sequential(
        [
            keras.Input((3,), name="i"),
            dense(keras, 4, "a", activation="relu", kernel_regularizer="l2"),
            keras.layers.Dropout(0.5, name="b"),
            keras.layers.Reshape((2, 2), name="c"),
            keras.layers.Flatten(name="d"),
            dense(keras, 2, "e", trainable=False),
        ],
        name=name,
    )


def nested(keras):
    inner = keras.Sequential([dense(keras, 4, "a"), dense(keras, 2, "b")], name="inner")
    return keras.Sequential([keras.Input((3,), name="i"), inner, dense(keras, 1, "c")], name="outer")


def deferred(keras):
    return keras.Sequential([dense(keras, 4, "a"), dense(keras, 2, "b")], name="s")


def built_later(keras):
    model = deferred(keras)
    model.build((None, 3))
    return model


MODELS = {"made at once": make, "nested": nested, "deferred": deferred, "built later": built_later}


def summary(model, **options):
    lines = []
    model.summary(print_fn=lambda text, line_break=False: lines.append(text), **options)
    return "\n".join(lines)


@pytest.mark.parametrize("case", MODELS)
def test_configs_json_summaries_and_paths_are_keras(oracle, case):
    mine, theirs = MODELS[case](kerasish), MODELS[case](oracle)
    if case != "deferred":  # the entry that appears on building is named by a counter
        for model in (mine, theirs):
            for part in (model, *model._flatten_layers(include_self=False)):
                if part.__class__.__name__ == "InputLayer":
                    part.name = "entry"
    assert summary(mine) == summary(theirs)
    assert [v.path for v in mine.weights] == [v.path for v in theirs.weights]
    assert [layer.name for layer in mine.layers] == [layer.name for layer in theirs.layers]
    text = mine.to_json()
    assert text == theirs.to_json()
    assert mine.get_config() == theirs.get_config()
    for keras in (kerasish, oracle):  # each reads what the other wrote
        again = keras.models.model_from_json(text)
        assert again.to_json() == text
        assert json.dumps(
            keras.Sequential.from_config(json.loads(text)["config"]).get_config()
        ) == json.dumps(mine.get_config())


def test_summary_options_are_keras(oracle):
    for options in ({"expand_nested": True}, {"show_trainable": True}):
        assert summary(nested(kerasish), **options) == summary(nested(oracle), **options)
    with pytest.raises(ValueError, match="layer_range"):
        nested(kerasish).summary(layer_range=["x", "y"])


def test_predictions_are_keras(oracle):
    mine, theirs = make(kerasish), make(oracle)
    values = [RNG.normal(size=w.shape) for w in mine.get_weights()]
    for model in (mine, theirs):
        model.set_weights(values)
    np.testing.assert_allclose(mine(X).numpy(), np.asarray(theirs(X)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mine.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    for form in ([X], {"i": X}):
        np.testing.assert_allclose(mine.predict(form, verbose=0), mine.predict(X, verbose=0))
        np.testing.assert_allclose(mine(form).numpy(), mine(X).numpy())


def test_adding_and_popping_rebuilds(oracle):
    def program(keras):
        model, seen = keras.Sequential(name="q"), []

        def look():
            seen.append([model.built, len(model.layers), len(model.weights)])

        look()
        for layer in (keras.Input((3,)), dense(keras, 4, "a"), dense(keras, 2, "b")):
            model.add(layer)
            look()
        seen.append([model.input_shape, model.output_shape, model.pop().name, model.output_shape])
        look()
        model.pop()
        look()
        model.add(dense(keras, 5, "c"))
        look()
        seen.append(tuple(model(X).shape))
        return seen

    assert program(kerasish) == program(oracle)
    with pytest.raises(ValueError, match="no layers to pop"):
        kerasish.Sequential().pop()


def test_deferred_models_are_built_by_data_of_any_batch_size():
    model = deferred(kerasish)
    assert not model.built and model.weights == []
    for attribute in ("input_shape", "output_shape", "inputs", "outputs"):
        with pytest.raises(AttributeError, match="Sequential model 's' has no defined"):
            getattr(model, attribute)
    with pytest.raises(ValueError, match="`count_params` on layer 's', but the layer isn't built"):
        model.count_params()
    model(X)
    assert model.built and model.count_params() == 26
    assert model.input_shape == (None, 3) and model.output_shape == (None, 2)
    assert model(np.ones((7, 3))).shape == (7, 2)
    fitted = deferred(kerasish)
    fitted.compile("sgd", "mse")
    fitted.fit(X, np.ones((4, 2)), verbose=0)
    assert fitted.built and fitted.count_params() == 26
    by_prediction = deferred(kerasish)
    assert by_prediction.predict(X, verbose=0).shape == (4, 2)


def test_layers_by_name_and_place():
    model = make(kerasish)
    assert model.get_layer("b") is model.layers[1] and model.get_layer(index=-1).name == "e"
    for arguments, message in (
        ({"name": "z"}, r"No such layer: z. Existing layers are: \['a', 'b', 'c', 'd', 'e'\]"),
        ({"index": 9}, "Was asked to retrieve layer at index 9 but model only has 5 layers"),
        ({}, "Provide either a layer name or layer index"),
        ({"name": "a", "index": 0}, "Received: name=a, index=0"),
    ):
        with pytest.raises(ValueError, match=message):
            model.get_layer(**arguments)


BAD_STACKS = [
    (
        lambda: kerasish.Sequential([layers.Dense(4), 3]),
        "Only instances of `keras.Layer` can be added .* Received: 3",
    ),
    (lambda: kerasish.Sequential([layers.Dense]), r"Did you mean `Dense\(...\)`\?"),
    (
        lambda: kerasish.Sequential([layers.Dense(4, name="a"), layers.Dense(4, name="a")]),
        "unique names. Name 'a'",
    ),
    (lambda: kerasish.Sequential([layers.Dense(4), kerasish.Input((3,))]), "An Input comes first"),
    (
        lambda: kerasish.Sequential([kerasish.Input((4,)), kerasish.Input((3,))]),
        r"use input shape \(None, 4\)",
    ),
    (lambda: kerasish.Sequential([]).build((None, 3)), "cannot be built because it has no layers"),
    (lambda: make(kerasish).build((None, 4)), r"input shape \(None, 3\)"),
    (lambda: deferred(kerasish).build(3), "`input_shape` must be a tuple .* Received: input_shape=3"),
    (lambda: deferred(kerasish).build("abc"), "Received: input_shape='abc'"),
    (lambda: kerasish.Sequential.from_config({"layers": []}), "containing the 'name' and 'layers' keys"),
    (lambda: make(kerasish)(np.ones((2, 5))), r"expected shape=\(None, 3\), found shape=\(2, 5\)"),
    (lambda: make(kerasish)(np.ones((2, 3, 3))), r"layer 's' is incompatible .* found shape=\(2, 3, 3\)"),
    (lambda: make(kerasish).predict(np.ones((2, 5)), verbose=0), r"found shape=\(2, 5\)"),
    (
        lambda: make(kerasish).set_weights([np.ones(2)]),
        "weight list of length 1, but the layer was expecting 4",
    ),
    (
        lambda: make(kerasish).set_weights([np.ones((3, 3))] * 4),
        r"weight shape \(3, 4\) .* weight shape \(3, 3\)",
    ),
]


@pytest.mark.parametrize("mistake, message", BAD_STACKS)
def test_mistakes_are_told(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_layers_cannot_be_assigned():
    with pytest.raises(AttributeError, match="`Sequential.layers` attribute is reserved"):
        make(kerasish).layers = []


def test_a_stack_that_cannot_be_built_is_as_it_was():
    model = kerasish.Sequential([layers.Dense(4), layers.Reshape((3, 3))])
    for attempt in (lambda: model.build((None, 5)), lambda: model(X), lambda: model.predict(X, verbose=0)):
        with pytest.raises(ValueError, match="total size of the tensor must be unchanged"):
            attempt()
        assert (
            not model.built and len(model.layers) == 2 and model.weights == [] and not model.layers[0].built
        )
    model.pop()
    assert model(X).shape == (4, 4)
    grown = make(kerasish)
    before, weights = grown.to_json(), grown.get_weights()
    with pytest.raises(ValueError, match="total size"):
        grown.add(layers.Reshape((7,)))
    assert grown.to_json() == before and grown(X).shape == (4, 2)
    for mine, old in zip(grown.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, old)


def test_trainable_goes_to_all_layers():
    model = make(kerasish)
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 2
    model.trainable = False
    assert model.trainable_weights == [] and not model.layers[0].trainable
    model.trainable = True
    assert len(model.trainable_weights) == 4
    frozen = kerasish.Sequential([kerasish.Input((3,)), layers.Dense(2)], trainable=False)
    assert frozen.trainable_weights == []


def test_names_and_reprs_count_up(oracle):
    for keras, clear in (
        (kerasish, kerasish.autograd.naming.reset_names),
        (oracle, oracle.utils.clear_session),
    ):
        clear()
        model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(2)])
        assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
        assert repr(model) == "<Sequential name=sequential, built=False>"
        assert keras.Sequential().name == "sequential_1"


def test_integer_inputs_and_squeezed_axes():
    model = kerasish.Sequential([kerasish.Input((3,), dtype="int32"), layers.Dense(2)])
    assert model.input_dtype == "int32" and model(np.ones((2, 3), "int64")).shape == (2, 2)
    narrow = kerasish.Sequential([kerasish.Input((1,)), layers.Dense(2)])
    assert narrow.predict(np.ones(5), verbose=0).shape == (5, 2)
