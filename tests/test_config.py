"""Global settings: flags, limits and the default dtype policy."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import kerasish
from kerasish import config, dtype_policies, layers, mixed_precision


@pytest.mark.parametrize("flag", ["interactive_logging", "traceback_filtering", "flash_attention"])
def test_flags_are_set_and_cleared(oracle, flag):
    ours, theirs = (getattr(k.config, f"is_{flag}_enabled") for k in (kerasish, oracle))
    assert bool(ours()) == bool(theirs())
    before = bool(ours())
    try:
        for change, expected in (("disable", False), ("enable", True)):
            getattr(config, f"{change}_{flag}")()
            assert ours() is expected
    finally:
        getattr(config, f"{'enable' if before else 'disable'}_{flag}")()


def test_the_default_policy_is_that_of_new_layers():
    assert config.dtype_policy().name == "float32"
    config.set_dtype_policy("mixed_float16")
    try:
        assert (
            config.dtype_policy()
            == mixed_precision.global_policy()
            == mixed_precision.Policy("mixed_float16")
        )
        assert layers.Dense(1).compute_dtype == "float16" and layers.Dense(1).variable_dtype == "float32"
    finally:
        config.set_dtype_policy(None)
    with pytest.raises(ValueError, match="float15"):
        config.set_dtype_policy("float15")


def model():
    model = kerasish.Sequential([kerasish.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_limits_of_epochs_and_steps_hold_for_every_fit():
    x, y = np.ones((40, 2), "float32"), np.ones((40, 1), "float32")
    steps = []
    count = kerasish.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    try:
        config.set_max_epochs(2)
        config.set_max_steps_per_epoch(3)
        assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)
        with pytest.warns(UserWarning, match="Limiting") as caught:
            history = model().fit(x, y, batch_size=4, epochs=5, verbose=0, callbacks=[count])
        assert {str(w.message) for w in caught} == {"Limiting epochs to 2", "Limiting steps_per_epoch to 3"}
        assert len(history.epoch) == 2 and steps == [0, 1, 2, 0, 1, 2]
        with pytest.warns(UserWarning, match="Limiting steps_per_epoch to 3"):
            assert len(model().predict(x, batch_size=4, verbose=0)) == 12
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what is within the limits is left alone
            model().fit(x, y, batch_size=20, epochs=2, verbose=0)
    finally:
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)


def test_limits_come_from_the_environment():
    code = "from kerasish import config; print(config.max_epochs(), config.max_steps_per_epoch())"
    environment = {**os.environ, "KERAS_MAX_EPOCHS": "3", "KERAS_MAX_STEPS_PER_EPOCH": "7"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert result.stdout.split() == ["3", "7"], result.stderr


def test_a_policy_map_finds_policies_by_path(oracle):
    def fill(keras):
        policies = keras.dtype_policies.DTypePolicyMap("float32")
        policies["encoder/dense"] = "bfloat16"
        policies["encoder/.*"] = keras.DTypePolicy("mixed_float16")
        return policies

    ours, theirs = fill(kerasish), fill(oracle)
    for path in ("encoder/dense", "encoder/attention/query", "decoder/dense", "encoder"):
        assert ours[path].name == theirs[path].name
    assert (ours.name, ours.compute_dtype, ours.variable_dtype) == (
        theirs.name,
        theirs.compute_dtype,
        theirs.variable_dtype,
    )
    assert list(ours) == list(theirs) and len(ours) == 2 and "encoder" not in ours
    assert dtype_policies.serialize(ours) == oracle.dtype_policies.serialize(theirs)
    again = dtype_policies.deserialize(oracle.dtype_policies.serialize(theirs))
    assert again == ours and hash(again) == hash(ours) and "mapping=[('encoder/dense'" in repr(again)
    assert (
        oracle.dtype_policies.deserialize(dtype_policies.serialize(ours))["encoder/x"].name == "mixed_float16"
    )
    del ours["encoder/dense"]
    assert ours["encoder/dense"].name == "mixed_float16" and again != ours


def test_a_policy_map_without_default_follows_the_global_one():
    policies = dtype_policies.DTypePolicyMap(policy_map={"a": "float16"})
    assert policies.name == "map_float32" and policies["a"].name == "float16" and policies
    config.set_dtype_policy("bfloat16")
    try:
        assert policies["b"].name == "bfloat16"
    finally:
        config.set_dtype_policy(None)
    assert dtype_policies.get(policies) is policies and dtype_policies.DTypePolicyMap() != policies


def test_wrong_policy_maps_are_refused():
    policies = dtype_policies.DTypePolicyMap()
    policies["a/.*"], policies["a/b.*"] = "float16", "bfloat16"
    with pytest.raises(ValueError, match=r"'a/bc' matches multiple .*'a/\.\*', 'a/b\.\*'"):
        policies["a/bc"]
    with pytest.raises(ValueError, match=r"a/\.\* already exist"):
        policies["a/.*"] = "float32"
    with pytest.raises(ValueError, match="cannot be a `DTypePolicyMap`"):
        dtype_policies.DTypePolicyMap(policies)
    with pytest.raises(TypeError, match="`policy_map` must be a dict"):
        dtype_policies.DTypePolicyMap(policy_map=["a"])


def test_an_older_name_of_policies(oracle):
    ours, theirs = kerasish.FloatDTypePolicy("mixed_bfloat16"), oracle.FloatDTypePolicy("mixed_bfloat16")
    assert dtype_policies.serialize(ours) == oracle.dtype_policies.serialize(theirs)
    assert (ours.compute_dtype, ours.variable_dtype) == (theirs.compute_dtype, theirs.variable_dtype)
    assert dtype_policies.deserialize(dtype_policies.serialize(ours)) == ours


@pytest.mark.parametrize("kind", ["functional", "sequential", "nested"])
def test_layers_take_the_policy_of_their_path(oracle, kind):
    def policies_of(keras):
        policies = keras.dtype_policies.DTypePolicyMap("float32")
        policies[".*first"] = "mixed_float16"
        policies[".*second"] = "float64" if keras is kerasish else "float32"

        def dense(name):
            return keras.layers.Dense(3, name=name, dtype=policies)

        inputs = keras.Input((4,))
        if kind == "functional":
            model = keras.Model(inputs, dense("third")(dense("second")(dense("first")(inputs))))
        elif kind == "sequential":
            model = keras.Sequential([inputs, dense("first"), dense("second"), dense("third")])
        else:
            inner = keras.Sequential([inputs, dense("first"), dense("second")], name="inner")
            model = keras.Sequential([keras.Input((4,)), inner, dense("third")])
        layers = [layer for layer in model._flatten_layers() if layer.name in ("first", "second", "third")]
        types = [(layer.name, layer.compute_dtype, layer.kernel.dtype) for layer in layers]
        output = model(np.ones((2, 4), "float32"))
        loaded = keras.Model.from_config(model.get_config()) if kind == "functional" else model
        assert [layer.compute_dtype for layer in loaded._flatten_layers()] == [
            layer.compute_dtype for layer in model._flatten_layers()
        ]
        return sorted(types), str(output.dtype)

    types, output = policies_of(kerasish)
    assert [kind for _, kind, _ in types] == ["float16", "float64", "float32"]
    expected, theirs = policies_of(oracle)
    assert [t for t in types if t[0] != "second"] == [t for t in expected if t[0] != "second"]
    assert output == theirs


def test_setting_the_policy_of_a_layer_with_a_map_sets_it_for_its_path():
    policies = dtype_policies.DTypePolicyMap("float32")
    layer = kerasish.layers.Dense(2, name="here", dtype=policies)
    layer.build((None, 3))
    layer.dtype_policy = "mixed_bfloat16"
    assert policies["here"].name == "mixed_bfloat16" and layer.compute_dtype == "bfloat16"
    assert layer.get_config()["dtype"]["class_name"] == "DTypePolicyMap"
