"""Whole models and weights in files, both directions with real Keras."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import kerasish
from kerasish.saving.errors import UnsafeFileError

FORMATS = ["model.keras", "model.h5"]


@pytest.fixture(autouse=True)
def _legacy_warnings_are_expected():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        warnings.filterwarnings("ignore", message="__array__ implementation")
        yield


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(64, 8)).astype("float32"), rng.integers(0, 3, 64)


def network(keras, *, compiled=True, dropout=0.0, **compile_arguments):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(6, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.Reshape((2, 3)),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(5, kernel_constraint="max_norm"),
            layers.Activation("tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    if compiled:
        arguments = {"optimizer": keras.optimizers.Adam(0.01), "metrics": ["accuracy"]}
        model.compile(**{"loss": "sparse_categorical_crossentropy", **arguments, **compile_arguments})
    return model


def trained(keras, data, **arguments):
    model = network(keras, **arguments)
    model.fit(*data, batch_size=16, epochs=2, shuffle=False, verbose=0)
    return model


def weights(model):
    return [np.array(value) for value in model.get_weights()]


def optimizer_state(model):
    return [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in model.optimizer.variables]


def assert_same_state(one, other, data=None, atol=1e-6, slots=True):
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(optimizer_state(one), optimizer_state(other), strict=slots):
        np.testing.assert_array_equal(a, b)
    if data is None:
        return
    predictions = [np.asarray(model.predict(data[0], verbose=0)) for model in (one, other)]
    np.testing.assert_allclose(*predictions, atol=atol)


def assert_trains_alike(one, other, data):
    for model in (one, other):
        model.fit(*data, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", FORMATS)
def test_keras_opens_what_kerasish_writes(oracle, data, tmp_path, name):
    mine = trained(kerasish, data)
    mine.save(tmp_path / name)
    theirs = oracle.models.load_model(tmp_path / name)
    # From `.h5`, Keras 3.15 itself restores the step and the learning rate only.
    slots = name == "model.keras"
    assert_same_state(mine, theirs, data, slots=slots)
    assert theirs.optimizer.get_config() == mine.optimizer.get_config()
    assert getattr(theirs.loss, "__name__", theirs.loss) == "sparse_categorical_crossentropy"
    np.testing.assert_allclose(
        theirs.evaluate(*data, verbose=0), mine.evaluate(*data, verbose=0), rtol=1e-5, atol=1e-6
    )
    if slots:
        assert_trains_alike(mine, theirs, data)


@pytest.mark.parametrize("name", FORMATS)
def test_kerasish_opens_what_keras_writes_trains_on_and_saves_back(oracle, data, tmp_path, name):
    theirs = trained(oracle, data)
    theirs.save(tmp_path / name)
    mine = kerasish.saving.load_model(tmp_path / name)
    assert_same_state(theirs, mine, data)
    assert [layer.name for layer in mine.layers] == [layer.name for layer in theirs.layers]
    assert_trains_alike(theirs, mine, data)
    mine.save(tmp_path / f"back_{name}")
    back = oracle.models.load_model(tmp_path / f"back_{name}")
    assert_same_state(mine, back, data, slots=name == "model.keras")


@pytest.mark.parametrize("name", FORMATS)
def test_kerasish_reads_its_own_files(data, tmp_path, name):
    mine = trained(kerasish, data, dropout=0.3)
    mine.save(tmp_path / name)
    again = kerasish.models.load_model(tmp_path / name)
    assert_same_state(mine, again, data, atol=0)
    assert again.get_config() == mine.get_config()
    uncompiled = kerasish.models.load_model(tmp_path / name, compile=False)
    assert not uncompiled.compiled
    np.testing.assert_array_equal(uncompiled.predict(data[0], verbose=0), mine.predict(data[0], verbose=0))


def test_the_config_is_the_one_keras_writes(oracle, data, tmp_path):
    configs = []
    for keras, name in ((oracle, "theirs.keras"), (kerasish, "mine.keras")):
        keras.utils.clear_session() if hasattr(keras.utils, "clear_session") else None
        trained(keras, data).save(tmp_path / name)
        with zipfile.ZipFile(tmp_path / name) as file:
            assert file.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
            configs.append(json.loads(file.read("config.json")))
    theirs, mine = (without_names(config) for config in configs)
    theirs["compile_config"].pop("jit_compile"), mine["compile_config"].pop("jit_compile")
    assert mine == theirs


def without_names(config):
    """The config without automatic names and the numbers of shared objects, which depend on what ran before."""
    if isinstance(config, dict):
        # A Flatten needs no building here, so it has nothing to say about it.
        dropped = (
            "name",
            "shared_object_id",
            *(("build_config",) if config.get("class_name") == "Flatten" else ()),
        )
        return {k: without_names(v) for k, v in config.items() if k not in dropped}
    return [without_names(item) for item in config] if isinstance(config, list) else config


COMPILED = {
    "rmsprop": {"optimizer": "rmsprop"},
    "momentum": lambda k: {"optimizer": k.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0)},
    "schedule": lambda k: {
        "optimizer": k.optimizers.AdamW(k.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9))
    },
    "average": lambda k: {"optimizer": k.optimizers.Adam(use_ema=True)},
    "loss class": lambda k: {"loss": k.losses.SparseCategoricalCrossentropy(ignore_class=2)},
    "loss function": lambda k: {"loss": k.losses.sparse_categorical_crossentropy},
    "metrics": lambda k: {"metrics": ["accuracy", k.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")]},
}


@pytest.mark.parametrize("arguments", COMPILED.values(), ids=COMPILED)
def test_what_a_model_is_compiled_with_goes_both_ways(oracle, data, tmp_path, arguments):
    for writer, reader in ((kerasish, oracle), (oracle, kerasish)):
        given = arguments(writer) if callable(arguments) else arguments
        model = network(writer, **given)
        model.fit(*data, batch_size=32, verbose=0)
        model.save(tmp_path / "model.keras")
        loaded = reader.models.load_model(tmp_path / "model.keras")
        assert_same_state(model, loaded)
        np.testing.assert_allclose(
            loaded.evaluate(*data, verbose=0), model.evaluate(*data, verbose=0), rtol=1e-4, atol=1e-5
        )


def test_weights_files_both_directions(oracle, data, tmp_path):
    path = tmp_path / "w.weights.h5"
    for writer, reader in ((kerasish, oracle), (oracle, kerasish), (kerasish, kerasish)):
        source, target = trained(writer, data), network(reader)
        source.save_weights(path)
        with warnings.catch_warnings():
            # The target's optimizer has no variables yet, as in Keras.
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            target.load_weights(path)
        for a, b in zip(weights(source), weights(target), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", FORMATS)
def test_load_weights_takes_whole_model_files(oracle, data, tmp_path, name):
    source = trained(oracle, data)
    source.save(tmp_path / name)
    target = network(kerasish, compiled=False)
    target.load_weights(tmp_path / name)
    for a, b in zip(weights(source), weights(target), strict=True):
        np.testing.assert_array_equal(a, b)


def test_legacy_weights_by_name(data, tmp_path):
    layers = kerasish.layers
    one = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    two = kerasish.Sequential([kerasish.Input((4,)), layers.Dense(3, name="a"), layers.Dense(5, name="c")])
    one.save(tmp_path / "one.h5")
    before = weights(two)
    two.load_weights(tmp_path / "one.h5", by_name=True)
    np.testing.assert_array_equal(weights(two)[0], weights(one)[0])
    np.testing.assert_array_equal(weights(two)[2], before[2])


def test_file_objects(data):
    model = trained(kerasish, data)
    buffer = io.BytesIO()
    kerasish.saving.save_model(model, buffer)
    buffer.seek(0)
    assert_same_state(model, kerasish.saving.load_model(buffer), data, atol=0)


class Scale(kerasish.layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start
        self.inner = [kerasish.layers.Dense(4), {"deep": kerasish.layers.Dense(4)}]

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.inner[0].build(input_shape)
        self.inner[1]["deep"].build(input_shape)

    def call(self, x):
        return self.inner[1]["deep"](self.inner[0](x)) * self.scale * self.start

    def get_config(self):
        return {**super().get_config(), "start": self.start}


@pytest.mark.parametrize("name", FORMATS)
def test_custom_layers(tmp_path, name):
    model = kerasish.Sequential([kerasish.Input((4,)), Scale(2.0)])
    x = np.ones((2, 4), "float32")
    model.save(tmp_path / name)
    with pytest.raises((TypeError, ValueError), match=r"Could not locate class 'Scale'"):
        kerasish.models.load_model(tmp_path / name, compile=False)
    again = kerasish.models.load_model(tmp_path / name, custom_objects={"Scale": Scale}, compile=False)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    with kerasish.saving.custom_object_scope({"Scale": Scale}):
        again = kerasish.models.load_model(tmp_path / name, compile=False)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


# What does not fit, is damaged, or is hostile.


def dense(*units, inputs=4):
    return kerasish.Sequential([kerasish.Input((inputs,)), *(kerasish.layers.Dense(unit) for unit in units)])


WEIGHTS_FORMATS = ["w.weights.h5", "w.keras", "w.h5"]


def write(model, path):
    model.save_weights(path) if str(path).endswith(".weights.h5") else model.save(path)


MISFITS = [
    ("another shape", (4, 2), (3, 2), r"\(4, 3\).*\(4, 4\)|\(4, 4\).*\(4, 3\)"),
    ("fewer layers in the file", (3,), (3, 2), "dense_?[0-9]*.*expected 2 variables|Layer count mismatch"),
    ("more layers in the file", (3, 2, 2), (3, 2), "Layer count mismatch"),
]


@pytest.mark.parametrize("name", WEIGHTS_FORMATS)
@pytest.mark.parametrize(
    "saved, present, match", [case[1:] for case in MISFITS], ids=[case[0] for case in MISFITS]
)
def test_weights_that_do_not_fit_change_nothing(tmp_path, name, saved, present, match):
    path = tmp_path / name
    write(dense(*saved), path)
    content, model = path.read_bytes(), dense(*present)
    before = weights(model)
    with pytest.raises(ValueError, match=f"(?s){match}"):
        model.load_weights(path)
    for a, b in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", WEIGHTS_FORMATS)
def test_skip_mismatch_loads_what_fits(tmp_path, name):
    source, target = dense(3, 2), dense(3, 5)
    write(source, tmp_path / name)
    before = weights(target)
    with pytest.warns(UserWarning, match="could not be loaded|Skipping loading"):
        target.load_weights(tmp_path / name, skip_mismatch=True)
    np.testing.assert_array_equal(weights(target)[0], weights(source)[0])
    for i in (2, 3):
        np.testing.assert_array_equal(weights(target)[i], before[i])


@pytest.mark.parametrize("name", WEIGHTS_FORMATS)
def test_nan_in_weights_names_the_variable(tmp_path, name):
    source = dense(3, 2)
    values = weights(source)
    values[2][1, 1] = np.nan
    source.set_weights(values)
    write(source, tmp_path / name)
    target = dense(3, 2)
    before = weights(target)
    with pytest.raises(ValueError, match=r"NaN in weights: 1 of 6 values of variable '.*dense.*kernel'"):
        target.load_weights(tmp_path / name)
    for a, b in zip(before, weights(target), strict=True):
        np.testing.assert_array_equal(a, b)
    target.load_weights(tmp_path / name, allow_nan=True)
    assert np.isnan(weights(target)[2][1, 1])
    if not name.endswith("weights.h5"):
        with pytest.raises(ValueError, match="NaN in weights"):
            kerasish.models.load_model(tmp_path / name, compile=False)
        kerasish.models.load_model(tmp_path / name, compile=False, allow_nan=True)


def test_objects_to_skip(tmp_path):
    source, target = dense(3, 2), dense(3, 2)
    source.save_weights(tmp_path / "w.weights.h5")
    before = weights(target)
    target.load_weights(tmp_path / "w.weights.h5", objects_to_skip=[target.layers[1]])
    np.testing.assert_array_equal(weights(target)[0], weights(source)[0])
    np.testing.assert_array_equal(weights(target)[2], before[2])


BAD_PATHS = [
    (lambda m, p: m.save(p / "model.txt"), ValueError, "Invalid filepath extension for saving"),
    (lambda m, p: m.save(p / "none" / "m.keras"), FileNotFoundError, "none"),
    (lambda m, p: m.save_weights(p / "w.h5"), ValueError, r"must end in `\.weights\.h5`"),
    (lambda m, p: m.load_weights(p / "w.txt"), ValueError, "File format not supported"),
    (lambda m, p: m.load_weights(p / "w.weights.h5"), FileNotFoundError, "File not found"),
    (lambda m, p: m.load_weights(p / "w.keras"), FileNotFoundError, "File not found"),
    (lambda m, p: m.load_weights(p / "w.keras", by_name=True), ValueError, "`by_name` only supports"),
    (lambda m, p: m.load_weights(p / "w.h5", objects_to_skip=[]), ValueError, "`objects_to_skip` only"),
    (lambda m, p: kerasish.models.load_model(p / "m.keras"), ValueError, "File not found"),
    (lambda m, p: kerasish.models.load_model(p / "m.h5"), FileNotFoundError, "File not found"),
    (lambda m, p: kerasish.models.load_model(p), ValueError, "File format not supported"),
]


@pytest.mark.parametrize("act, error, match", BAD_PATHS, ids=range(len(BAD_PATHS)))
def test_bad_paths(tmp_path, act, error, match):
    with pytest.raises(error, match=match):
        act(dense(2), tmp_path)
    assert os.listdir(tmp_path) == []


def test_unbuilt_models(tmp_path):
    model = kerasish.Sequential([kerasish.layers.Dense(2)])
    with pytest.raises(ValueError, match="has not yet been built"):
        model.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match="has not yet been built"):
        model.load_weights(tmp_path / "w.weights.h5")
    with pytest.warns(UserWarning, match="not yet been built"):
        model.save(tmp_path / "m.keras")
    assert not kerasish.models.load_model(tmp_path / "m.keras").built


def test_overwrite_asks(tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    dense(2).save(path)
    content = path.read_bytes()
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    dense(3).save(path, overwrite=False)
    assert path.read_bytes() == content
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    dense(3).save(path, overwrite=False)
    assert path.read_bytes() != content


def rewritten(path, change):
    """Give `config.json` of an archive to `change`, and write the archive again."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    config = json.loads(members["config.json"])
    members["config.json"] = json.dumps(change(config) or config).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, value in members.items():
            file.writestr(name, value)
    return path


def layer_config(config, index=1):
    return config["config"]["layers"][index]


LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wEAAAAAAAAA", None, None]}}
GET_FILE = {
    "module": "keras.utils",
    "class_name": "function",
    "config": "get_file",
    "registered_name": "get_file",
}


def unsafe(config):
    config["safe_mode"] = config["config"]["safe_mode"] = False
    layer_config(config)["config"].update(activation=LAMBDA)


HOSTILE_CONFIGS = {
    "lambda": (lambda c: layer_config(c)["config"].update(activation=LAMBDA), "Python lambda"),
    "module": (
        lambda c: layer_config(c).update(module="os", class_name="system"),
        "Could not locate class 'system'",
    ),
    "gadget": (lambda c: layer_config(c)["config"].update(activation=GET_FILE), "get_file"),
    "unknown class": (lambda c: layer_config(c).update(class_name="Dence"), "Dence'.*Did you mean 'Dense'"),
    "units": (lambda c: layer_config(c)["config"].update(units=10**12), "declares variables of|units"),
    "root": (lambda c: ["not", "a", "dict"], "should hold a dict"),
    "no model": (
        lambda c: c.update(module="keras.losses", class_name="MeanSquaredError", config={}),
        "no model",
    ),
    "safe_mode": (unsafe, "Python lambda"),
}


@pytest.mark.parametrize("change, match", HOSTILE_CONFIGS.values(), ids=HOSTILE_CONFIGS)
@pytest.mark.parametrize("safe_mode", [True, False])
def test_hostile_configs(tmp_path, change, match, safe_mode):
    dense(2, 2).save(tmp_path / "m.keras")
    path = rewritten(tmp_path / "m.keras", change)
    with pytest.raises((ValueError, TypeError), match=f"(?s){match}"):
        kerasish.models.load_model(path, compile=False, safe_mode=safe_mode)


def test_deep_json_and_broken_json(tmp_path):
    path = tmp_path / "m.keras"
    for text, error, match in (
        ('{"a":' * 200_000, UnsafeFileError, "nested too deeply"),
        ('{"a": ', ValueError, "is not JSON"),
    ):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("config.json", text)
        with pytest.raises(error, match=match):
            kerasish.models.load_model(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match="has no member 'config.json'; it holds 'readme.txt'"):
        kerasish.models.load_model(path)


def test_legacy_lambda_layers_are_refused(tmp_path):
    path = tmp_path / "m.h5"
    dense(2).save(path)
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1] = {
            "class_name": "Lambda",
            "config": {"name": "evil", "function": ["4wEAAAAAAAAA", None, None], "function_type": "lambda"},
        }
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(
        UnsafeFileError, match="'evil' is a Lambda layer whose function is stored as Python byte code"
    ):
        kerasish.models.load_model(path)


def test_a_link_in_place_of_weights(tmp_path):
    path = tmp_path / "w.weights.h5"
    model = dense(2)
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/x")
    before = weights(model)
    with pytest.raises(UnsafeFileError, match="ExternalLink"):
        model.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(weights(model)[0], before[0])


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_truncated_files(tmp_path, name):
    path = tmp_path / name
    dense(8, 8).save(path)
    content = path.read_bytes()
    for size in (0, 3, 100, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:size])
        with pytest.raises((ValueError, OSError), match=r"damaged|truncated"):
            kerasish.models.load_model(path)


def test_an_hdf5_file_under_the_keras_name_opens(tmp_path):
    model = dense(2)
    model.save(tmp_path / "m.h5")
    os.rename(tmp_path / "m.h5", tmp_path / "m.keras")
    again = kerasish.models.load_model(tmp_path / "m.keras", compile=False)
    np.testing.assert_array_equal(weights(again)[0], weights(model)[0])


def test_a_failing_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.keras"
    model = dense(2)
    model.save(path)
    content = path.read_bytes()
    model.layers[-1].save_own_variables = lambda store: 1 / 0
    with pytest.raises(ZeroDivisionError):
        model.save(path)
    assert os.listdir(tmp_path) == ["m.keras"] and path.read_bytes() == content


SAVER = """
    import sys, kerasish
    path = sys.argv[1]
    model = kerasish.Sequential([kerasish.Input((200,)), kerasish.layers.Dense(400)])
    print("ready", flush=True)
    while True:
        model.save(path)
        print("saved", flush=True)
"""


def test_a_killed_process_leaves_a_whole_file(tmp_path):
    path = tmp_path / "m.keras"
    rng = np.random.default_rng(0)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SAVER), str(path)], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline(), process.stdout.readline()
        time.sleep(float(rng.uniform(0, 0.05)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert kerasish.models.load_model(path).layers[0].kernel.shape == (200, 400)


def test_the_layout_of_keras_2_opens(data, tmp_path):
    path = tmp_path / "old.h5"
    model = trained(kerasish, data)
    model.save(path)
    with h5py.File(path, "a") as file:
        config, training = (json.loads(file.attrs[name]) for name in ("model_config", "training_config"))
        layers = config["config"]["layers"]
        assert [sorted(layer) for layer in layers[:2]] == [["class_name", "config"]] * 2
        del layers[0], config["config"]["build_input_shape"]
        layers[0]["config"].update(batch_input_shape=[None, 8], dtype="float32")
        layers[0]["config"]["kernel_initializer"] = {"class_name": "GlorotUniform", "config": {"seed": None}}
        optimizer = training["optimizer_config"]
        optimizer["class_name"] = "Custom>Adam"
        optimizer["config"] = {"lr": 0.01, "decay": 0.0, "jit_compile": False, "is_legacy_optimizer": False}
        wrapper = {"name": "accuracy", "dtype": "float32", "fn": "sparse_categorical_accuracy"}
        training["metrics"] = [[{"class_name": "MeanMetricWrapper", "config": wrapper}]]
        training["loss"] = {"class_name": "SparseCategoricalCrossentropy", "config": {"reduction": "auto"}}
        file.attrs["model_config"], file.attrs["training_config"] = json.dumps(config), json.dumps(training)
    again = kerasish.models.load_model(path)
    assert_same_state(model, again, data, atol=0)
    np.testing.assert_allclose(again.evaluate(*data, verbose=0), model.evaluate(*data, verbose=0), rtol=1e-6)


def test_a_name_list_too_long_for_one_attribute_is_split(oracle, tmp_path):
    name = "n" * 200
    models = []
    for keras in (kerasish, oracle):
        layers = [keras.layers.Dense(1, name=f"{name}{i}", use_bias=False) for i in range(330)]
        models.append(keras.Sequential([keras.Input((1,)), *layers]))
    mine, theirs = models
    mine.save(tmp_path / "long.h5")
    with h5py.File(tmp_path / "long.h5") as file:
        attributes = file["model_weights"].attrs
        assert (
            "layer_names" not in attributes and "layer_names0" in attributes and "layer_names1" in attributes
        )
    theirs.load_weights(tmp_path / "long.h5")
    again = kerasish.models.load_model(tmp_path / "long.h5", compile=False)
    for model in (theirs, again):
        np.testing.assert_array_equal(np.ravel(weights(model)), np.ravel(weights(mine)))
