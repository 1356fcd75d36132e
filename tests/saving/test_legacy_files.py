"""Files as Keras 1 and 2 wrote them, built here by hand; what they predict is computed in NumPy."""

import json

import h5py
import numpy as np
import pytest

import kerasish
from kerasish.saving.errors import UnsafeFileError

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def write(path, config, layers, version="2.2.4", backend="tensorflow", split=False):
    """Write an `.h5` model file: its config, and for each layer the arrays in order."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        if version:
            file.attrs["keras_version"] = group.attrs["keras_version"] = version.encode()
        if backend:
            file.attrs["backend"] = group.attrs["backend"] = backend.encode()
        group.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            layer = group.create_group(name)
            names = [f"{name}_{i}:0".encode() for i in range(len(arrays))]
            if split:
                for i, weight_name in enumerate(names):
                    layer.attrs[f"weight_names{i}"] = [weight_name]
            else:
                layer.attrs["weight_names"] = names
            for weight_name, array in zip(names, arrays, strict=True):
                layer[weight_name.decode()] = array


def sequential(*layers, shape, as_list=True):
    configs = [{"class_name": kind, "config": dict(config)} for kind, config in layers]
    configs[0]["config"]["batch_input_shape"] = [None, *shape]
    return {"class_name": "Sequential", "config": configs if as_list else {"name": "s", "layers": configs}}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def run_lstm(x, kernel, recurrent, bias, gate=hard_sigmoid):
    """Kernels and biases by gate: "i", "f", "c", "o"."""
    h = c = np.zeros((len(x), next(iter(bias.values())).shape[0]))
    for t in range(x.shape[1]):
        z = {g: x[:, t] @ kernel[g] + h @ recurrent[g] + bias[g] for g in "ifco"}
        c = gate(z["f"]) * c + gate(z["i"]) * np.tanh(z["c"])
        h = gate(z["o"]) * np.tanh(c)
    return h


def run_gru(x, kernel, recurrent, bias, recurrent_bias=None, gate=hard_sigmoid):
    h = np.zeros((len(x), bias["z"].shape[0]))
    for t in range(x.shape[1]):
        into = {g: x[:, t] @ kernel[g] + bias[g] for g in "zrh"}
        if recurrent_bias is None:
            z, r = (gate(into[g] + h @ recurrent[g]) for g in "zr")
            new = np.tanh(into["h"] + (r * h) @ recurrent["h"])
        else:
            back = {g: h @ recurrent[g] + recurrent_bias[g] for g in "zrh"}
            z, r = (gate(into[g] + back[g]) for g in "zr")
            new = np.tanh(into["h"] + r * back["h"])
        h = z * h + (1 - z) * new
    return h


def gates(letters, inputs=4, units=3):
    return (
        {g: draw(inputs, units) for g in letters},
        {g: draw(units, units) for g in letters},
        {g: draw(units) for g in letters},
    )


def beside(arrays, letters):
    return np.concatenate([arrays[g] for g in letters], axis=-1)


def convolve(x, kernel):
    """Correlate (batch, rows, columns, channels) with (rows, columns, channels, filters)."""
    rows, columns = kernel.shape[:2]
    out = np.zeros((x.shape[0], x.shape[1] - rows + 1, x.shape[2] - columns + 1, kernel.shape[3]))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            out[:, i, j] = np.einsum("brcs,rcsf->bf", x[:, i : i + rows, j : j + columns], kernel)
    return out


# Each case: the config, the arrays of each layer, the release, inputs, and what the model gives.


def dense_of_keras_1():
    w, b, x = draw(4, 3), draw(3), draw(2, 4)
    config = sequential(
        (
            "Dense",
            {
                "name": "dense_1", "output_dim": 3, "init": "uniform", "activation": "linear", "bias": True,
                "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}, "b_regularizer": None,
                "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}, "b_constraint": None,
                "activity_regularizer": None, "input_dim": 4, "trainable": True, "input_dtype": "float32",
            },
        ),
        ("Dropout", {"name": "dropout_1", "p": 0.5, "trainable": True}),
        ("Activation", {"name": "activation_1", "activation": "tanh", "trainable": True}),
        shape=(4,),
    )  # fmt: skip
    return config, {"dense_1": [w, b], "dropout_1": [], "activation_1": []}, "1.2.2", x, np.tanh(x @ w + b)


def convolution_of_keras_1(ordering):
    kernel, bias, x = draw(2, 3, 2, 4), draw(4), draw(2, 5, 6, 2)  # rows, columns, channels, filters
    first = ordering == "th"
    arguments = {
        "name": "c", "nb_filter": 4, "nb_row": 2, "nb_col": 3, "init": "glorot_uniform", "activation": "relu",
        "border_mode": "valid", "subsample": [1, 1], "dim_ordering": ordering, "bias": True,
    }  # fmt: skip
    shape = (2, 5, 6) if first else (5, 6, 2)
    stored = kernel.transpose(3, 2, 0, 1) if first else kernel
    result = np.maximum(convolve(x, kernel) + bias, 0)
    if first:
        x, result = x.transpose(0, 3, 1, 2), result.transpose(0, 3, 1, 2)
    config = sequential(("Convolution2D", arguments), shape=shape)
    return config, {"c": [stored, bias]}, "1.1.0", x, result


def recurrent_of_keras_1(kind):
    letters = {"LSTM": "icfo", "GRU": "zrh"}[kind]
    kernel, recurrent, bias = gates(letters)
    x = draw(2, 5, 4)
    arguments = {
        "name": "r", "output_dim": 3, "init": "glorot_uniform", "inner_init": "orthogonal", "activation": "tanh",
        "inner_activation": "hard_sigmoid", "W_regularizer": None, "U_regularizer": None, "b_regularizer": None,
        "dropout_W": 0.0, "dropout_U": 0.0, "return_sequences": False, "go_backwards": False, "stateful": False,
        "unroll": False, "consume_less": "cpu", "input_dim": 4, "input_length": 5,
    }  # fmt: skip
    if kind == "LSTM":
        arguments["forget_bias_init"] = "one"
    arrays = [part[g] for g in letters for part in (kernel, recurrent, bias)]
    run = {"LSTM": run_lstm, "GRU": run_gru}[kind]
    return (
        sequential((kind, arguments), shape=(5, 4)),
        {"r": arrays},
        "",
        x,
        run(x, kernel, recurrent, bias),
    )


def both_directions_of_keras_1():
    config, layers, version, x, one_way = recurrent_of_keras_1("LSTM")
    inner = config["config"][0]
    shape = inner["config"].pop("batch_input_shape")
    wrapper = {"name": "b", "merge_mode": "concat", "layer": inner, "batch_input_shape": shape}
    kernel, recurrent, bias = gates("icfo")
    back = run_lstm(x[:, ::-1], kernel, recurrent, bias)
    arrays = [*layers["r"], *(part[g] for g in "icfo" for part in (kernel, recurrent, bias))]
    config = {"class_name": "Sequential", "config": [{"class_name": "Bidirectional", "config": wrapper}]}
    return config, {"b": arrays}, version, x, np.concatenate([one_way, back], axis=-1)


def cudnn(kind):
    letters = {"CuDNNLSTM": "ifco", "CuDNNGRU": "zrh"}[kind]
    kernel, recurrent, bias = gates(letters)
    _, _, second = gates(letters)
    x = draw(2, 5, 4)
    in_memory = [
        # The memory holds each gate's matrix transposed, in an array of the matrix's shape.
        np.concatenate([np.ascontiguousarray(part[g].T).reshape(part[g].shape) for g in letters], axis=1)
        for part in (kernel, recurrent)
    ]
    biases = np.concatenate([*(bias[g] for g in letters), *(second[g] for g in letters)])
    arguments = {"name": "r", "units": 3, "return_sequences": False, "return_state": False, "stateful": False}
    if kind == "CuDNNLSTM":
        both = {g: bias[g] + second[g] for g in letters}
        result = run_lstm(x, kernel, recurrent, both, gate=sigmoid)
    else:
        result = run_gru(x, kernel, recurrent, bias, second, gate=sigmoid)
    return sequential((kind, arguments), shape=(5, 4)), {"r": [*in_memory, biases]}, "2.2.4", x, result


def gru_before_reset_after():
    kernel, recurrent, bias = gates("zrh")
    x = draw(2, 5, 4)
    arguments = {"name": "g", "units": 3, "recurrent_activation": "hard_sigmoid", "implementation": 1}
    arrays = [beside(part, "zrh") for part in (kernel, recurrent, bias)]
    return (
        sequential(("GRU", arguments), shape=(5, 4)),
        {"g": arrays},
        "2.0.8",
        x,
        run_gru(x, kernel, recurrent, bias),
    )


def batch_normalization_of_keras_1():
    gamma, beta, mean, variance, x = draw(3), draw(3), draw(3), np.abs(draw(3)), draw(2, 3)
    arguments = {"name": "b", "epsilon": 1e-3, "mode": 0, "axis": -1, "momentum": 0.99, "gamma_init": "one"}
    result = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    return (
        sequential(("BatchNormalization", arguments), shape=(3,)),
        {"b": [gamma, beta, mean, variance]},
        "1.2.0",
        x,
        result,
    )


def old_hard_sigmoids():
    w, b, x = 3 * draw(4, 3), draw(3), draw(2, 4)
    config = sequential(
        ("Dense", {"name": "d", "units": 3, "activation": "hard_sigmoid", "use_bias": True}),
        ("Activation", {"name": "a", "activation": "hard_sigmoid"}),
        shape=(4,),
        as_list=False,
    )
    return config, {"d": [w, b], "a": []}, "2.3.1", x, hard_sigmoid(hard_sigmoid(x @ w + b))


def old_names_of_classes():
    x = draw(2, 5)
    config = sequential(
        ("LeakyReLU", {"name": "l", "alpha": 0.25, "dtype": {"class_name": "Policy", "config": {"name": "float32"}}}),
        ("ThresholdedReLU", {"name": "t", "theta": 0.5}),
        ("GaussianNoise", {"name": "n", "sigma": 0.5}),
        shape=(5,),
    )  # fmt: skip
    y = np.where(x > 0, x, 0.25 * x)
    return config, {}, "2.4.0", x, np.where(y > 0.5, y, 0)


def functional(layers, inputs, outputs):
    configs = [
        {"name": name, "class_name": kind, "config": {"name": name, **config}, "inbound_nodes": nodes}
        for name, kind, config, nodes in layers
    ]
    ends = {"input_layers": [[n, 0, 0] for n in inputs], "output_layers": outputs}
    return {"class_name": "Model", "config": {"name": "model_1", "layers": configs, **ends}}


def graph_of_keras_1():
    w, b, x = draw(4, 3), draw(3), draw(2, 4)
    config = functional(
        [
            ("input_1", "InputLayer", {"batch_input_shape": [None, 4], "input_dtype": "float32", "sparse": False}, []),
            ("dense_1", "Dense", {"output_dim": 3, "init": "normal", "bias": True}, [[["input_1", 0, 0]]]),
            (
                "merge_1",
                "Merge",
                {"mode": "concat", "concat_axis": -1, "mode_type": "raw", "dot_axes": -1},
                [[["input_1", 0, 0], ["dense_1", 0, 0]]],
            ),
        ],
        ["input_1"],
        [["merge_1", 0, 0]],
    )  # fmt: skip
    return config, {"dense_1": [w, b]}, "1.2.2", x, np.concatenate([x, x @ w + b], axis=-1)


def sequential_models_joined():
    w, v, u, x = draw(4, 3), draw(2, 3), draw(6, 2), [draw(2, 4), draw(2, 2)]
    towers = [
        sequential(("Dense", {"name": "b", "output_dim": 3, "bias": False}), shape=(4,)),
        sequential(
            ("Dense", {"name": "a", "output_dim": 3, "bias": False}), ("Activation", {"name": "t", "activation": "tanh"}), shape=(2,)
        ),
    ]  # fmt: skip
    merge = {
        "class_name": "Merge",
        "config": {"name": "m", "mode": "concat", "concat_axis": -1, "layers": towers},
    }
    last = {"class_name": "Dense", "config": {"name": "c", "output_dim": 2, "bias": False}}
    joined = np.concatenate([x[0] @ w, np.tanh(x[1] @ v)], axis=-1)
    config = {"class_name": "Sequential", "config": [merge, last]}
    return config, {"b": [w], "a": [v], "t": [], "m": [], "c": [u]}, "1.2.2", x, joined @ u


def shared_nested_model():
    w, b, x = draw(4, 4), draw(4), draw(2, 4)
    tower = sequential(("Dense", {"name": "d", "units": 4, "activation": "tanh"}), shape=(4,), as_list=False)
    config = functional(
        [
            ("x", "InputLayer", {"batch_input_shape": [None, 4], "dtype": "float32", "sparse": False}, []),
            ("tower", "Sequential", tower["config"] | {"name": "tower"}, [[["x", 0, 0, {}]], [["tower", 1, 0, {}]]]),
            ("sum", "Add", {}, [[["tower", 1, 0, {}], ["tower", 2, 0, {}]]]),
        ],
        ["x"],
        [["sum", 0, 0], ["tower", 2, 0]],
    )  # fmt: skip
    once = np.tanh(x @ w + b)
    twice = np.tanh(once @ w + b)
    return config, {"tower": [w, b]}, "2.4.0", x, [once + twice, twice]


def tensorflow_functions():
    x = draw(2, 3, 4)
    slices = [{"start": None, "stop": None, "step": None}, 1, {"start": 1, "stop": None, "step": 2}]
    key = {"slice_spec": {"class_name": "__tuple__", "items": slices}}
    config = functional(
        [
            ("x", "InputLayer", {"batch_input_shape": [None, 3, 4], "dtype": "float32"}, []),
            ("tf.math.multiply", "TFOpLambda", {"function": "math.multiply"}, [["x", 0, 0, {"y": 2.0, "name": None}]]),
            (
                "tf.math.subtract", "TFOpLambda", {"function": "math.subtract"},
                [["_CONSTANT_VALUE", -1, 1.0, {"y": ["tf.math.multiply", 0, 0], "name": None}]],
            ),
            (
                "tf.__operators__.getitem", "SlicingOpLambda", {"function": "__operators__.getitem"},
                [["tf.math.subtract", 0, 0, key]],
            ),
            (
                "tf.concat", "TFOpLambda", {"function": "concat"},
                [[
                    ["tf.__operators__.getitem", 0, 0, {"axis": -1}],
                    ["tf.__operators__.getitem", 0, 0, {"axis": -1}],
                ]],
            ),
            (
                "tf.__operators__.add", "TFOpLambda", {"function": "__operators__.add"},
                [["tf.concat", 0, 0, {"y": [1.0, 2.0, 3.0, 4.0], "name": None}]],
            ),
            (
                "tf.math.reduce_mean", "TFOpLambda", {"function": "math.reduce_mean"},
                [["tf.__operators__.add", 0, 0, {"axis": -1, "keepdims": True}]],
            ),
        ],
        ["x"],
        [["tf.math.reduce_mean", 0, 0]],
    )  # fmt: skip
    part = (1 - 2 * x)[:, 1, 1::2]
    result = (np.concatenate([part, part], axis=-1) + [1, 2, 3, 4]).mean(-1, keepdims=True)
    return config, {}, "2.8.0", x, result


def states_as_inputs():
    kernel, recurrent, bias = gates("ifco")
    x = draw(2, 5, 4)
    state = {"units": 3, "activation": "tanh", "recurrent_activation": "sigmoid"}
    config = functional(
        [
            ("x", "InputLayer", {"batch_input_shape": [None, 5, 4], "dtype": "float32"}, []),
            ("a", "LSTM", state | {"return_state": True}, [[["x", 0, 0, {}]]]),
            ("b", "LSTM", state, [[["x", 0, 0, {}], ["a", 0, 1, {}], ["a", 0, 2, {}]]]),
        ],
        ["x"],
        [["b", 0, 0]],
    )
    arrays = [beside(part, "ifco") for part in (kernel, recurrent, bias)]
    result = run_lstm(np.concatenate([x, x], axis=1), kernel, recurrent, bias, gate=sigmoid)
    return config, {"a": arrays, "b": arrays}, "2.2.4", x, result


CASES = {
    "dense": dense_of_keras_1,
    "convolution, Theano's order": lambda: convolution_of_keras_1("th"),
    "convolution, TensorFlow's order": lambda: convolution_of_keras_1("tf"),
    "lstm": lambda: recurrent_of_keras_1("LSTM"),
    "gru": lambda: recurrent_of_keras_1("GRU"),
    "bidirectional": both_directions_of_keras_1,
    "cudnn lstm": lambda: cudnn("CuDNNLSTM"),
    "cudnn gru": lambda: cudnn("CuDNNGRU"),
    "gru before reset_after": gru_before_reset_after,
    "batch normalization": batch_normalization_of_keras_1,
    "hard sigmoid": old_hard_sigmoids,
    "class names": old_names_of_classes,
    "graph": graph_of_keras_1,
    "joined sequentials": sequential_models_joined,
    "nested": shared_nested_model,
    "functions": tensorflow_functions,
    "states": states_as_inputs,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("split", [False, True], ids=["", "split names"])
def test_old_files_predict_what_they_did(tmp_path, case, split):
    config, layers, version, x, expected = case()
    write(tmp_path / "old.h5", config, layers, version, "tensorflow" if version else None, split)
    model = kerasish.models.load_model(tmp_path / "old.h5", compile=False)
    results = model.predict(x, verbose=0)
    for result, values in zip(
        *((r if isinstance(r, list) else [r]) for r in (results, expected)), strict=True
    ):
        np.testing.assert_allclose(result, values, rtol=1e-4, atol=1e-5)
    # What is saved is of today, and stays the same.
    model.save(tmp_path / "new.keras")
    again = kerasish.models.load_model(tmp_path / "new.keras").predict(x, verbose=0)
    for result, values in zip(*((r if isinstance(r, list) else [r]) for r in (again, results)), strict=True):
        np.testing.assert_array_equal(result, values)


def test_kernels_of_theano_are_turned_round(tmp_path):
    kernel, x = draw(2, 3, 2, 4), draw(2, 5, 6, 2)
    arguments = {
        "name": "c",
        "filters": 4,
        "kernel_size": [2, 3],
        "use_bias": False,
        "data_format": "channels_last",
    }
    write(
        tmp_path / "old.h5",
        sequential(("Conv2D", arguments), shape=(5, 6, 2)),
        {"c": [kernel]},
        backend="theano",
    )
    model = kerasish.models.load_model(tmp_path / "old.h5", compile=False)
    expected = convolve(x, kernel[::-1, ::-1])
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_weights_of_old_files_load_into_a_model_of_today(tmp_path):
    config, layers, version, x, expected = recurrent_of_keras_1("LSTM")
    write(tmp_path / "old.h5", config, layers, version)
    lstm = kerasish.layers.LSTM(3, recurrent_activation="hard_sigmoid", name="r")
    model = kerasish.Sequential([kerasish.Input((5, 4)), lstm])
    for by_name in (False, True):
        model.set_weights([np.zeros(w.shape) for w in model.get_weights()])
        model.load_weights(tmp_path / "old.h5", by_name=by_name)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_slots_of_old_optimizers(tmp_path):
    config, layers, _, x, _ = dense_of_keras_1()
    write(tmp_path / "old.h5", config, layers, "2.2.4")
    slots = [np.array(7), *(np.abs(draw(*shape)) for shape in ((4, 3), (3,), (4, 3), (3,)))]
    with h5py.File(tmp_path / "old.h5", "a") as file:
        optimizer = {
            "class_name": "Adam",
            "config": {"lr": 0.01, "beta_1": 0.9, "decay": 0.0, "epsilon": 1e-7},
        }
        training = {
            "optimizer_config": optimizer,
            "loss": "mean_squared_error",
            "metrics": [],
            "loss_weights": None,
        }
        file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("optimizer_weights")
        group.attrs["weight_names"] = [f"w{i}".encode() for i in range(5)]
        for i, value in enumerate(slots):
            group[f"w{i}"] = value
    optimizer = kerasish.models.load_model(tmp_path / "old.h5").optimizer
    step, rate, m_kernel, v_kernel, m_bias, v_bias = (v.numpy() for v in optimizer.variables)
    assert (step, rate) == (7, np.float32(0.01))
    for variable, value in zip((m_kernel, m_bias, v_kernel, v_bias), slots[1:], strict=True):
        np.testing.assert_array_equal(variable, value)


LAMBDA = {
    "name": "scale",
    "function": ["4wEAAAAAAAAA", None, None],
    "function_type": "lambda",
    "arguments": {},
}
REFUSED = {
    "time_major": (("LSTM", {"name": "r", "units": 2, "time_major": True}), "'r' of class 'LSTM'.*time_major=True"),
    "mode": (("BatchNormalization", {"name": "b", "mode": 1}), "'b' of class 'BatchNormalization'.*mode=1"),
    "lambda": (("Lambda", LAMBDA), "layer 'scale' is a Lambda.*custom_objects={'scale': function}"),
    "custom": (("MyLayer", {"name": "mine", "units": 2}), "class 'MyLayer'.*layer 'mine'.*custom_objects={'MyLayer': "),
    "merge": (
        ("Merge", {"name": "m", "layers": [{"class_name": "Model", "config": {"layers": []}}]}),
        "joins something else than Sequential models",
    ),
    "function": (
        ("TFOpLambda", {"name": "f", "function": "io.read_file"}),
        "Could not locate class 'TFOpLambda'",
    ),
    "twice": (
        ("LSTM", {"name": "r", "units": 3, "activation": "hard_sigmoid"}),
        "'r' has activation='hard_sigmoid'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("layer, match", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_opened_is_named(tmp_path, layer, match):
    arrays = {"r": [draw(4, 12), draw(3, 12), draw(12)]} if layer[0] == "LSTM" else {}
    write(tmp_path / "old.h5", sequential(layer, shape=(5, 4)), arrays)
    with pytest.raises((ValueError, TypeError), match=f"(?s){match}"):
        kerasish.models.load_model(tmp_path / "old.h5", compile=False)


def test_a_function_that_is_not_in_the_table_is_never_looked_up(tmp_path):
    for name in ("io.read_file", "numpy_function", "__class__", "os.system", "py_function"):
        layers = [
            ("x", "InputLayer", {"batch_input_shape": [None, 4], "dtype": "float32"}, []),
            ("f", "TFOpLambda", {"function": name}, [["x", 0, 0, {}]]),
        ]
        write(tmp_path / "old.h5", functional(layers, ["x"], [["f", 0, 0]]), {})
        with pytest.raises(ValueError, match=f"'f' of class 'TFOpLambda' stands for .* 'tf.{name}'"):
            kerasish.models.load_model(tmp_path / "old.h5", compile=False)


def test_code_of_a_lambda_layer_is_supplied_under_the_layers_name(tmp_path):
    write(tmp_path / "old.h5", sequential(("Lambda", LAMBDA), shape=(4,)), {})
    with pytest.raises(UnsafeFileError):
        kerasish.models.load_model(tmp_path / "old.h5")
    model = kerasish.models.load_model(
        tmp_path / "old.h5", custom_objects={"scale": lambda x: 3 * x}, compile=False
    )
    np.testing.assert_array_equal(model.predict(np.ones((2, 4)), verbose=0), np.full((2, 4), 3.0))
