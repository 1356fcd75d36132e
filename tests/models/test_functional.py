"""Functional models: what they are made of, compute, and write into files, compared with Keras."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from functional_cases import CASES, floats, subclass_of_inputs_and_outputs

import kerasish
from kerasish import layers, ops, tree


def build(keras, case):
    """Build a case with automatic names counted from the start."""
    clear = kerasish.autograd.naming.reset_names if keras is kerasish else keras.utils.clear_session
    clear()
    return CASES[case](keras)


def same_weights(mine, theirs):
    rng = np.random.default_rng(3)
    values = [rng.normal(size=w.shape).astype("float32") for w in mine.get_weights()]
    for model in (mine, theirs):
        model.set_weights(values)


def summary(model, **options):
    lines = []
    model.summary(print_fn=lambda text, line_break=False: lines.append(text), **options)
    return "\n".join(lines)


def assert_same(mine, theirs):
    mine, theirs = tree.flatten(mine), [np.asarray(t) for t in tree.flatten(theirs)]
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs, strict=True):
        a = np.asarray(a)
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.interpreted
@pytest.mark.parametrize("case", CASES)
def test_models_are_keras(oracle, case):
    (mine, x), (theirs, _) = build(kerasish, case), build(oracle, case)
    assert type(mine).__name__ == "Functional"
    assert json.loads(mine.to_json()) == json.loads(theirs.to_json())
    assert [layer.name for layer in mine.layers] == [layer.name for layer in theirs.layers]
    assert mine.output_names == theirs.output_names
    assert mine.input_shape == theirs.input_shape and mine.output_shape == theirs.output_shape
    assert [w.path for w in mine.weights] == [w.path for w in theirs.weights]
    assert [w.path for w in mine.trainable_weights] == [w.path for w in theirs.trainable_weights]
    for options in ({}, {"expand_nested": True}, {"show_trainable": True}):
        assert summary(mine, **options) == summary(theirs, **options)
    same_weights(mine, theirs)
    assert_same(mine(x), theirs(x))


@pytest.mark.parametrize("case", ["two_inputs", "dicts", "nested_models", "of_ops"])
def test_predictions_are_what_calls_give(case):
    model, x = build(kerasish, case)
    assert_same(model.predict(x, verbose=0), model(x))


@pytest.mark.interpreted
@pytest.mark.parametrize("case", CASES)
def test_configs_go_both_ways(oracle, case):
    (mine, x), (theirs, _) = build(kerasish, case), build(oracle, case)
    for keras, model in ((kerasish, theirs), (oracle, mine)):
        again = keras.models.model_from_json(model.to_json())
        assert json.loads(again.to_json()) == json.loads(model.to_json())
    again = kerasish.Model.from_config(mine.get_config())
    again.set_weights(mine.get_weights())
    assert_same(again(x), mine(x))


@pytest.mark.interpreted
@pytest.mark.parametrize("case", CASES)
def test_files_go_both_ways(oracle, case, tmp_path):
    (mine, x), (theirs, _) = build(kerasish, case), build(oracle, case)
    same_weights(mine, theirs)
    for suffix in (".keras", ".weights.h5"):
        path = tmp_path / f"mine{suffix}"
        if suffix == ".keras":
            mine.save(path)
            assert_same(mine(x), oracle.saving.load_model(path)(x))
        else:
            mine.save_weights(path)
            other, _ = build(oracle, case)
            other.load_weights(path)
            assert_same(mine(x), other(x))
        path = tmp_path / f"theirs{suffix}"
        if suffix == ".keras":
            theirs.save(path)
            assert_same(kerasish.saving.load_model(path)(x), theirs(x))
        else:
            theirs.save_weights(path)
            other, _ = build(kerasish, case)
            other.load_weights(path)
            assert_same(other(x), theirs(x))


@pytest.mark.interpreted
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(
    "case", ["chain", "two_inputs", "shared_layer", "nested_models", "deeply_nested", "residual_convolutions"]
)
def test_legacy_files_go_both_ways(oracle, case, tmp_path):
    (mine, x), (theirs, _) = build(kerasish, case), build(oracle, case)
    same_weights(mine, theirs)
    mine.save(tmp_path / "mine.h5")
    theirs.save(tmp_path / "theirs.h5")
    assert_same(mine(x), oracle.saving.load_model(tmp_path / "mine.h5")(x))
    assert_same(kerasish.saving.load_model(tmp_path / "theirs.h5")(x), theirs(x))


@pytest.mark.parametrize("case", CASES)
def test_copies_compute_the_same_with_weights_of_their_own(case):
    mine, x = build(kerasish, case)
    expected = tree.map_structure(lambda t: t.numpy(), mine(x))
    for again in (copy.deepcopy(mine), pickle.loads(pickle.dumps(mine))):
        assert again.to_json() == mine.to_json()
        assert_same(again(x), expected)
        for w in again.weights:
            w.assign(ops.ones_like(w) * 7)
    clone = kerasish.models.clone_model(mine)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in mine.layers]
    clone.set_weights(mine.get_weights())
    assert_same(clone(x), expected)
    assert_same(mine(x), expected)


def test_a_subclass_stays_what_it_is():
    model, x = subclass_of_inputs_and_outputs(kerasish)
    cls = type(model)
    assert cls.__name__ == "Own" and isinstance(model, kerasish.models.Functional)
    assert model(x).shape == (2, 2)
    again = cls.from_config(model.get_config())
    assert type(again) is cls and again.get_config() == model.get_config()
    assert type(kerasish.models.clone_model(model)) is cls
    model.compile("sgd", "mse")
    model.fit(x, floats(2, 2), verbose=0)

    class Inside(kerasish.Model):
        def __init__(self, units):
            x = kerasish.Input((3,))
            super().__init__(x, layers.Dense(units)(x))
            self.units = units

        def get_config(self):
            return {"units": self.units}

    assert Inside(5)(x).shape == (2, 5)
    assert Inside.from_config(Inside(4).get_config())(x).shape == (2, 4)


# Calling


def test_inputs_come_in_several_forms(oracle):
    mine, x = build(kerasish, "two_inputs")
    expected = mine(x)
    for form in (tuple(x), {"left": x[0], "right": x[1]}, {"right": x[1], "left": x[0], "more": x[0]}):
        assert_same(mine(form), expected)
    assert_same(mine([v.astype("float64") for v in x]), expected)
    assert_same(mine.predict({"left": x[0], "right": x[1]}, verbose=0), expected)
    narrow = kerasish.Input((1,), name="n")
    model = kerasish.Model(narrow, layers.Dense(2)(narrow))
    assert model(np.ones(4)).shape == (4, 2) and model.predict(np.ones(4), verbose=0).shape == (4, 2)
    wide = kerasish.Model(inner := kerasish.Input(()), ops.expand_dims(inner, -1) * 2.0)
    assert wide(np.ones((4, 1))).shape == (4, 1)


BAD_CALLS = [
    ("two_inputs", lambda m: m([np.ones((2, 4))]), r"expected 2 input\(s\). Received 1"),
    ("two_inputs", lambda m: m({"left": np.ones((2, 4))}), "Input 1 of layer 'two' must be a tensor"),
    (
        "two_inputs",
        lambda m: m([np.ones((2, 5)), np.ones((2, 3))]),
        r"expected shape=\(None, 4\), found shape=\(2, 5\)",
    ),
    ("chain", lambda m: m(np.ones((2, 3, 6))), r"expected shape=\(None, 6\), found shape=\(2, 3, 6\)"),
    ("dicts", lambda m: m({"a": np.ones((2, 4))}), "must be a tensor or an array|expected"),
    ("two_inputs", lambda m: m([np.ones((2, 4)), None]), "must be a tensor or an array. Received: None"),
    ("nested_structure", lambda m: m([np.ones((2, 3))] * 2), r"expected 3 input\(s\). Received 2"),
]


@pytest.mark.parametrize("case, call, message", BAD_CALLS)
def test_wrong_inputs_are_told(case, call, message):
    model, _ = build(kerasish, case)
    with pytest.raises(ValueError, match=message):
        call(model)


def test_another_structure_with_as_many_tensors_is_warned_of():
    model, x = build(kerasish, "nested_structure")
    flat = tree.flatten(x)
    with pytest.warns(UserWarning, match="structure of `inputs` doesn't match the expected structure"):
        assert_same(model(flat), model(x))


def test_optional_inputs_may_be_none():
    class Either(layers.Layer):
        def call(self, x, other=None):
            return x if other is None else x + other

    a, b = kerasish.Input((3,), name="a"), kerasish.Input((3,), name="b", optional=True)
    model = kerasish.Model([a, b], Either()(a, b))
    x = floats(2, 3)
    assert_same(model([x, x]), x + x)
    assert_same(model([x, None]), x)


def test_training_goes_to_all_layers_as_in_keras(oracle):
    def program(keras):
        seen = []

        class Look(keras.layers.Layer):
            def call(self, x, training=None):
                seen.append(training)
                return x

        x = keras.Input((2,))
        model = keras.Model(x, Look()(Look()(x), training=True))
        data = np.ones((1, 2), "float32")
        del seen[:]
        for options in ({}, {"training": False}, {"training": True}):
            model(data, **options)
        outer_in = keras.Input((2,))
        outer = keras.Model(outer_in, model(outer_in, training=False))
        del seen[6:]
        for options in ({}, {"training": True}):
            outer(data, **options)
        return seen

    assert program(kerasish) == program(oracle)


def test_gradients_reach_shared_layers(oracle):
    import jax

    (mine, x), (theirs, _) = build(kerasish, "shared_layer"), build(oracle, "shared_layer")
    same_weights(mine, theirs)
    with kerasish.GradientTape() as tape:
        loss = ops.sum(mine(x) ** 2)
    gradients = tape.gradient(loss, mine.trainable_variables)

    def loss_of(values):
        outputs, _ = theirs.stateless_call(values, [], x)
        return (outputs**2).sum()

    expected = jax.grad(loss_of)([v.value for v in theirs.trainable_variables])
    assert_same(gradients, expected)


def test_masks_go_through_the_graph_as_in_keras(oracle):
    def program(keras):
        class Mean(keras.layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.supports_masking = True

            def call(self, x, mask=None):
                m = keras.ops.cast(mask, "float32")[..., None]
                return keras.ops.sum(x * m, axis=1) / keras.ops.sum(m, axis=1)

            def compute_mask(self, x, mask=None):
                return None

        x = keras.Input((3, 2), name="x")
        h = keras.layers.Masking()(x)
        h = keras.layers.Dense(2, kernel_initializer="ones", name="d")(h)
        h = keras.layers.Add()([h, h])
        return keras.Model(x, Mean()(h))

    mine, theirs = (
        (clear(), program(keras))[1]
        for clear, keras in (
            (kerasish.autograd.naming.reset_names, kerasish),
            (oracle.utils.clear_session, oracle),
        )
    )
    a, b = json.loads(mine.to_json()), json.loads(theirs.to_json())
    for layer in (*a["config"]["layers"], *b["config"]["layers"]):
        layer.pop("module"), layer.pop("registered_name")
    assert a["config"] == b["config"]
    x = floats(2, 3, 2)
    x[0, 1] = x[1, 2] = 0
    assert_same(mine(x), theirs(x))
    assert_same(mine.predict(x, verbose=0), theirs.predict(x, verbose=0))


def test_a_plan_costs_no_node_and_no_name():
    model, x = build(kerasish, "of_ops")
    before = [len(operation._inbound_nodes) for operation in model.operations]
    model(x), model.predict(x, verbose=0)
    assert before == [len(operation._inbound_nodes) for operation in model.operations]


# Building


def test_layers_remember_their_symbolic_calls():
    layer = layers.Dense(2)
    with pytest.raises(AttributeError, match="has never been called and thus has no defined output"):
        layer.output  # noqa: B018
    x = kerasish.Input((3,))
    y = layer(x)
    assert layer.input is x and layer.output is y
    assert y._keras_history == (layer, 0, 0)
    assert kerasish.Model(x, y).get_layer(layer.name) is layer
    assert repr(y) == f"<KerasTensor shape=(None, 2), dtype=float32, name={y.name}>"


def test_functions_are_graphs_without_a_model():
    x = kerasish.Input((3,))
    function = kerasish.Function(x, {"double": x * 2.0, "mean": ops.mean(x, axis=-1)}, name="f")
    data = floats(2, 3)
    assert_same(function(data)["double"], data * 2)
    assert function.operations[0].name == x.name and len(function.operations) == 3


def test_operations_of_ones_own(oracle):
    def program(keras):
        class Scale(keras.Operation):
            def __init__(self, factor, name=None):
                super().__init__(name=name)
                self.factor = factor

            def call(self, x):
                return x * self.factor

        scale = Scale(3.0, name="scale")
        x = keras.Input((2,), name="x")
        model = keras.Model(x, scale(x))
        return model, scale.get_config(), Scale

    mine, config, cls = program(kerasish)
    assert config == program(oracle)[1] == {"name": "scale", "factor": 3.0}
    x = floats(2, 2)
    assert_same(mine(x), x * 3)
    again = kerasish.models.model_from_json(mine.to_json(), custom_objects={"Scale": cls})
    assert_same(again(x), x * 3)


BAD_GRAPHS = [
    (lambda x: kerasish.Model(x, 3), ValueError, "All `outputs` values must be KerasTensors"),
    (lambda x: kerasish.Model(np.ones(3), x), ValueError, "All `inputs` values must be KerasTensors"),
    (lambda x: kerasish.Model([], x), ValueError, "`inputs` argument cannot be empty"),
    (lambda x: kerasish.Model(x, []), ValueError, "`outputs` argument cannot be empty"),
    (
        lambda x: kerasish.Model(x, kerasish.Input((2,)) * 2),
        ValueError,
        "Output with path `` is not connected",
    ),
    (
        lambda x: kerasish.Model(x, layers.Dense(2, name="a")(layers.Dense(2, name="a")(x))),
        ValueError,
        'The name "a" is used 2 times',
    ),
    (
        lambda x: kerasish.Model(kerasish.KerasTensor((None, 3)), x),
        ValueError,
        "must come from `Input`, a layer",
    ),
    (lambda x: kerasish.Model(x), TypeError, "A model takes `inputs` and `outputs`, or neither"),
    (
        lambda x: setattr(kerasish.Model(x, layers.Dense(1)(x)), "layers", []),
        AttributeError,
        "`Model.layers` attribute is reserved",
    ),
    (
        lambda x: kerasish.models.model_from_json(
            kerasish.Model(x, layers.Dense(1, name="d")(x))
            .to_json()
            .replace('"keras_history": ["', '"keras_history": ["no')
        ),
        (ValueError, TypeError),
        "Unknown layer",
    ),
]


@pytest.mark.parametrize("mistake, kind, message", BAD_GRAPHS)
def test_graphs_that_are_none_are_told(mistake, kind, message):
    with pytest.raises(kind, match=message):
        mistake(kerasish.Input((3,), name="x"))


def test_keys_that_are_no_names_are_warned_of():
    x = kerasish.Input((3,), name="x")
    with pytest.warns(UserWarning, match="all keys in the dict must match the names"):
        kerasish.Model({"other": x}, layers.Dense(1)(x))


# Cloning


def test_clones_of_several_kinds(oracle):
    def program(keras):
        seen = []
        inner = keras.Sequential([keras.Input((3,), name="i"), keras.layers.Dense(3, name="a")], name="inner")
        x = keras.Input((3,), name="x")
        model = keras.Model(x, keras.layers.Dense(2, name="b")(inner(x)), name="m")

        def note(layer):
            seen.append(layer.name)
            return layer.__class__.from_config(layer.get_config())

        keras.models.clone_model(model, clone_function=note)
        keras.models.clone_model(model, clone_function=note, recursive=True)
        keras.models.clone_model(inner, clone_function=note)

        def twice(layer, *args, **kwargs):
            out = layer(*args, **kwargs)
            return (
                keras.layers.Activation("relu", name=f"{layer.name}_relu")(out)
                if isinstance(layer, keras.layers.Dense)
                else out
            )

        extended = keras.models.clone_model(model, call_function=twice, clone_function=lambda layer: layer)
        seen.append([layer.name for layer in extended.layers])
        upon = keras.Input((3,), name="upon")
        seen.append([layer.name for layer in keras.models.clone_model(model, input_tensors=upon).layers])
        seen.append(keras.models.clone_model(inner, input_tensors=upon).input_shape)
        model.compile("sgd", "mse")
        seen.append(keras.models.clone_model(model).compiled)
        return seen

    assert program(kerasish) == program(oracle)


BAD_CLONES = [
    (
        lambda m, s: kerasish.models.clone_model(s, call_function=print),
        "not supported with Sequential models",
    ),
    (lambda m, s: kerasish.models.clone_model(m, input_tensors=[1]), "must be KerasTensors"),
    (
        lambda m, s: kerasish.models.clone_model(m, input_tensors=[kerasish.Input((6,))]),
        "same structure as model.input",
    ),
    (lambda m, s: kerasish.models.clone_model(s, input_tensors=[1, 2]), "must contain a single tensor"),
    (lambda m, s: kerasish.models.clone_model(m, other=1), "Unexpected keyword argument"),
]


@pytest.mark.parametrize("mistake, message", BAD_CLONES)
def test_wrong_clones_are_told(mistake, message):
    model, _ = build(kerasish, "chain")
    stack = kerasish.Sequential([kerasish.Input((3,)), layers.Dense(1)])
    with pytest.raises(ValueError, match=message):
        mistake(model, stack)


def test_source_inputs():
    a, b = kerasish.Input((2,)), kerasish.Input((2,))
    c = kerasish.layers.Add()([kerasish.layers.Dense(2)(b), a])
    assert kerasish.utils.get_source_inputs(c + b) == [b, a]
    assert kerasish.utils.get_source_inputs(a) == [a]
    assert kerasish.utils.get_source_inputs(5) == 5


@pytest.mark.parametrize("value_format", ["backend_tensor", "numpy_array"])
def test_state_trees_are_keras(oracle, value_format):
    def trained(keras):
        inputs = keras.Input((3,), name="x")
        model = keras.Model(inputs, keras.layers.Dense(2, name="dense")(inputs), name="net")
        model.compile("adam", "mse", metrics=["mae"])
        model.train_on_batch(np.ones((2, 3)), np.ones((2, 2)))
        return model

    def paths(part, path=""):
        for name, value in part.items():
            yield from paths(value, f"{path}/{name}") if isinstance(value, dict) else [f"{path}/{name}"]

    ours, theirs = trained(kerasish), trained(oracle)
    mine = ours.get_state_tree(value_format)
    assert sorted(paths(mine)) == sorted(paths(theirs.get_state_tree(value_format)))
    ours.set_state_tree({"trainable_variables": {"dense": {"bias": [3.0, 4.0]}}})
    assert ours.layers[-1].bias.numpy().tolist() == [3.0, 4.0]
    with pytest.raises(ValueError, match="Unknown variable name: weights"):
        ours.set_state_tree({"weights": {}})
    with pytest.raises(ValueError, match="Invalid `value_format`"):
        ours.get_state_tree("list")


def test_small_methods_of_models_and_symbols():
    inputs = [kerasish.Input((3,)), kerasish.Input((2, 1), dtype="int32")]
    model = kerasish.Model(inputs, [inputs[0] * 2, ops.squeeze(inputs[1])])
    assert model.compute_output_shape([(5, 3), (5, 2, 1)]) == [(5, 3), (5, 2)]
    symbol = kerasish.KerasTensor((4, 1, 2))
    assert symbol.squeeze().shape == (4, 2) and not symbol.sparse and not symbol.ragged
    policy = kerasish.DTypePolicy("mixed_float16")
    assert policy.quantization_mode is None
    for value, autocast, dtype in ((np.ones(2), True, "float16"), (np.ones(2, "int32"), True, "int32")):
        assert policy.convert_input(value, autocast, "float16").dtype == dtype
    assert policy.convert_input("text", True, "float16") == "text"
