"""Configs of objects, in the layout of Keras, and what a config may name."""

import threading

import numpy as np
import pytest

import kerasish
from kerasish import serialization
from kerasish.serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    resolve,
    serialize_keras_object,
)


@pytest.fixture(autouse=True)
def _clean_registry():
    registration = serialization.registration
    objects, names = dict(registration._OBJECTS), dict(registration._NAMES)
    yield
    for live, saved in ((registration._OBJECTS, objects), (registration._NAMES, names)):
        live.clear()
        live.update(saved)


class Doubler:
    def __init__(self, factor=2):
        self.factor = factor

    def get_config(self):
        return {"factor": self.factor}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def double(x):
    return 2 * x


VALUES = [
    None,
    3,
    2.5,
    True,
    "relu",
    [1, [2, None]],
    {"a": 1, "b": {"c": [1.5]}},
    b"bytes",
    slice(1, None, 2),
    Ellipsis,
    np.float32(0.5),
    np.int64(7),
    np.bool_(True),
    np.array(4.0),
    (1, (2, 3)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_are_written_as_keras_writes_them(oracle, value):
    config = serialize_keras_object(value)
    assert config == oracle.saving.serialize_keras_object(value)
    back = deserialize_keras_object(config)
    assert back == oracle.saving.deserialize_keras_object(config)


@pytest.mark.parametrize("dtype", ["float32", "int8", "bool", "float64"])
def test_arrays_round_trip(oracle, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    config = serialize_keras_object(array)
    assert config == oracle.saving.serialize_keras_object(array)
    back = deserialize_keras_object(config)
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype


def test_tensors_and_dtypes():
    config = serialize_keras_object(kerasish.ops.convert_to_tensor([[1.0, 2.0]]))
    assert config == {"class_name": "__tensor__", "config": {"value": [[1.0, 2.0]], "dtype": "float32"}}
    np.testing.assert_array_equal(deserialize_keras_object(config).numpy(), [[1.0, 2.0]])
    assert serialize_keras_object(np.dtype("int32")) == "int32"


BUILT_IN = [
    ("optimizers", "Adam", {"learning_rate": 0.01, "name": "mine"}),
    ("optimizers", "SGD", {"momentum": 0.9, "clipnorm": 1.0, "name": "mine"}),
    ("losses", "Huber", {"delta": 0.5}),
    ("losses", "SparseCategoricalCrossentropy", {"from_logits": True}),
    ("metrics", "AUC", {"name": "area"}),
    ("metrics", "MeanSquaredError", {}),
    ("initializers", "GlorotUniform", {"seed": 3}),
    ("regularizers", "L1L2", {"l1": 0.1}),
    ("constraints", "MaxNorm", {"max_value": 3}),
]


@pytest.mark.parametrize("namespace, name, arguments", BUILT_IN, ids=[name for _, name, _ in BUILT_IN])
def test_built_in_objects_round_trip_between_the_libraries(oracle, namespace, name, arguments):
    mine = getattr(getattr(kerasish, namespace), name)(**arguments)
    theirs = getattr(getattr(oracle, namespace), name)(**arguments)
    config, expected = serialize_keras_object(mine), oracle.saving.serialize_keras_object(theirs)
    assert config == expected
    assert oracle.saving.deserialize_keras_object(config).get_config() == theirs.get_config()
    assert deserialize_keras_object(expected).get_config() == mine.get_config()


def test_schedules_are_in_their_own_namespace(oracle):
    arguments = {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9}
    mine = serialize_keras_object(kerasish.optimizers.schedules.ExponentialDecay(**arguments))
    assert mine == oracle.saving.serialize_keras_object(
        oracle.optimizers.schedules.ExponentialDecay(**arguments)
    )
    assert isinstance(deserialize_keras_object(mine), kerasish.optimizers.schedules.ExponentialDecay)


def test_functions_are_written_by_name(oracle):
    config = serialize_keras_object(kerasish.losses.mean_squared_error)
    assert config == oracle.saving.serialize_keras_object(oracle.losses.mean_squared_error)
    assert deserialize_keras_object(config) is kerasish.losses.mean_squared_error


def test_registered_objects():
    cls = register_keras_serializable("pack")(Doubler)
    function = register_keras_serializable("pack", name="twice")(double)
    assert get_registered_name(cls) == "pack>Doubler" and get_registered_object("pack>twice") is function
    config = serialize_keras_object(cls(3))
    assert config["registered_name"] == "pack>Doubler" and config["config"] == {"factor": 3}
    assert deserialize_keras_object(config).factor == 3
    assert deserialize_keras_object(serialize_keras_object(function)) is function


def test_custom_objects_by_argument_and_scope():
    config = serialize_keras_object(Doubler(5))
    with pytest.raises(TypeError, match="Could not locate class 'Doubler'"):
        deserialize_keras_object(config)
    assert deserialize_keras_object(config, custom_objects={"Doubler": Doubler}).factor == 5
    with CustomObjectScope({"Doubler": Doubler}):
        assert deserialize_keras_object(config).factor == 5
        seen = []
        thread = threading.Thread(target=lambda: seen.append(get_registered_object("Doubler")))
        thread.start()
        thread.join()
        assert seen == [None]
    assert get_registered_object("Doubler") is None


def test_a_class_without_config_cannot_be_registered_or_serialized():
    with pytest.raises(ValueError, match=r"does not have a get_config\(\) method"):
        register_keras_serializable()(type("Plain", (), {}))
    with pytest.raises(TypeError, match="Cannot serialize object"):
        serialize_keras_object(object())
    with pytest.raises(TypeError, match="Cannot serialize a lambda .*named function"):
        serialize_keras_object(lambda x: x)


UNKNOWN = [
    ("os", "system"),
    ("builtins", "eval"),
    ("subprocess", "Popen"),
    ("keras.utils", "get_file"),
    ("keras.saving", "load_model"),
    ("keras.models", "load_model"),
    ("keras.src.utils.python_utils", "func_load"),
    ("kerasish.saving.api", "load_model"),
    ("keras.losses", "np"),
    ("keras.losses", "get"),
    ("keras.optimizers", "__class__"),
    ("keras.layers", "Laier"),
    (None, "Dense"),
    (7, "Dense"),
]


@pytest.mark.parametrize("module, name", UNKNOWN)
def test_only_the_vocabulary_can_be_named(module, name):
    config = {"module": module, "class_name": name, "config": {}, "registered_name": None}
    with pytest.raises(TypeError, match=f"Could not locate class '{name}'"):
        deserialize_keras_object(config)


@pytest.mark.parametrize(
    "name", ["system", "eval", "get_file", "deserialize", "get", "load_model", "__import__"]
)
@pytest.mark.parametrize("module", ["builtins", "os", "keras.utils"])
def test_only_functions_of_the_vocabulary_can_be_named(module, name):
    config = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    with pytest.raises(TypeError, match=f"Could not locate function '{name}'"):
        deserialize_keras_object(config)


def test_a_module_named_in_a_config_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / "evil_module.py").write_text("raise SystemExit('imported')")
    (tmp_path / "keras_evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("evil_module", "keras_evil", "kerasish.evil_module", "keras.evil_module"):
        with pytest.raises(TypeError, match="never imported"):
            deserialize_keras_object({"module": module, "class_name": "Evil", "config": {}})


@pytest.mark.parametrize("safe_mode", [True, False])
def test_saved_lambdas_are_refused_whatever_safe_mode_says(safe_mode):
    config = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}, "safe_mode": False}
    with pytest.raises(ValueError, match="deserialization of a Python lambda.*disallowed"):
        deserialize_keras_object({"x": [config]}, safe_mode=safe_mode)


def test_a_registered_name_does_not_hide_behind_a_built_in():
    config = {"module": "keras.losses", "class_name": "Huber", "config": {}, "registered_name": "pack>Huber"}
    with pytest.raises(ValueError, match="is a built-in"):
        deserialize_keras_object(config)


def test_wrong_arguments_name_the_class():
    config = {
        "module": "keras.optimizers",
        "class_name": "Adam",
        "config": {"beta_3": 1},
        "registered_name": None,
    }
    with pytest.raises((TypeError, ValueError), match="beta_3"):
        deserialize_keras_object(config)


TABLE = {"double": double, "Doubler": Doubler, "doubler": Doubler}


def test_resolve_takes_what_users_pass():
    assert resolve(None, "thing", TABLE) is None
    assert resolve("double", "thing", TABLE) is double
    assert isinstance(resolve("Doubler", "thing", TABLE), Doubler)
    assert isinstance(resolve(Doubler, "thing", TABLE, Doubler), Doubler)
    assert resolve({"class_name": "Doubler", "config": {"factor": 9}}, "thing", TABLE, Doubler).factor == 9
    instance = Doubler()
    assert resolve(instance, "thing", TABLE, Doubler) is instance
    assert isinstance(resolve("DOUBLER", "optimizer", TABLE, Doubler), Doubler)
    register_keras_serializable("pack", name="mine")(double)
    assert resolve("pack>mine", "thing", TABLE) is double


@pytest.mark.parametrize(
    "identifier, base, match",
    [
        ("duoble", None, r"Could not interpret thing identifier: 'duoble'\. Did you mean 'double'"),
        ("xyz", None, "Known names: Doubler, double, doubler"),
        (17, None, "Could not interpret thing identifier: 17"),
        (double, Doubler, "Could not interpret thing identifier"),
        ({"config": {}}, None, "`class_name` and `config`"),
    ],
)
def test_resolve_names_what_came_and_what_is_near(identifier, base, match):
    with pytest.raises(ValueError, match=match):
        resolve(identifier, "thing", TABLE, base)


def test_shared_objects_are_written_and_built_once():
    register_keras_serializable("pack")(Doubler)
    one = Doubler(4)
    with serialization.ObjectSharingScope():
        configs = serialize_keras_object([one, one, Doubler(5)])
    assert configs[0]["shared_object_id"] == configs[1]["shared_object_id"]
    assert "shared_object_id" not in configs[2]
    with serialization.ObjectSharingScope():
        first, second, third = deserialize_keras_object(configs)
    assert first is second and third is not first


def test_symbolic_tensors(oracle):
    config = serialize_keras_object(kerasish.KerasTensor((None, 3), "int32"))
    assert config == oracle.saving.serialize_keras_object(oracle.KerasTensor((None, 3), "int32"))
    back = deserialize_keras_object(config)
    assert back.shape == (None, 3) and back.dtype == "int32"
