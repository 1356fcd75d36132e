"""compile, fit, evaluate, predict and the single-batch methods: what Keras computes, from every form of data."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle_draws import draw_as_keras_does

import kerasish
from kerasish import layers

RNG = np.random.default_rng(0)
N = 50  # not a multiple of the batch size
X = RNG.normal(size=(N, 6)).astype("float32")
Y = (X.sum(1) > 0).astype("int32")
VALUES = RNG.normal(size=(N, 2)).astype("float32")
WEIGHTS = RNG.uniform(size=N).astype("float32")
KERNELS = [RNG.normal(size=s) * 0.4 for s in ((6, 8), (8,), (8, 2), (2,))]
BATCH = 16
SPARSE = dict(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])


def make(keras, activation="softmax", **compile_arguments):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(2, activation=activation),
        ]
    )
    model.set_weights(KERNELS)
    model.compile(**compile_arguments or SPARSE)
    return model


def fit(model, *args, **options):
    return model.fit(*args, **{"verbose": 0, "shuffle": False, "batch_size": BATCH, **options}).history


def assert_same(mine, theirs, rtol=1e-4):
    """Compare nested results: the same keys in the same order, the same numbers."""
    if isinstance(theirs, dict):
        assert list(mine) == list(theirs)
        for key in theirs:
            assert_same(mine[key], theirs[key], rtol)
    elif isinstance(theirs, (list, tuple)):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            assert_same(a, b, rtol)
    else:
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=1e-6)


def same_weights(model, values):
    for mine, old in zip(model.get_weights(), values, strict=True):
        np.testing.assert_array_equal(mine, old)


# Losses, optimizers and metrics: a history is Keras's.

TRAININGS = {
    "adam, sparse labels": ("softmax", Y, SPARSE),
    "sgd with momentum, mse": (
        None, VALUES, dict(optimizer=lambda k: k.optimizers.SGD(0.05, 0.9, nesterov=True), loss="mse", metrics=["mae"])
    ),
    "rmsprop, binary": (
        "sigmoid", (VALUES > 0).astype("float32"), dict(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    ),
    "adamw, one-hot": (
        "softmax", np.eye(2, dtype="float32")[Y], dict(optimizer="adamw", loss="categorical_crossentropy", metrics=["AUC"])
    ),
    "clipped adam, huber": (
        None, VALUES, dict(optimizer=lambda k: k.optimizers.Adam(0.01, clipnorm=0.1), loss="huber", metrics=["mse"])
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TRAININGS)
def test_history_is_keras(oracle, case):
    activation, y, arguments = TRAININGS[case]

    def program(keras):
        compiled = dict(arguments)
        if callable(compiled["optimizer"]):
            compiled["optimizer"] = compiled["optimizer"](keras)
        model = make(keras, activation, **compiled)
        history = fit(model, X, y, epochs=3, validation_split=0.2)
        alike = dict(batch_size=10, verbose=0)  # as validation has them: each size is compiled anew
        return [history, model.get_weights(), model.evaluate(X, y, **alike), model.predict(X, **alike)]

    assert_same(program(kerasish), program(oracle))


# Arguments of fit, with one model in each library: `compile` gives both a fresh optimizer, so it is traced once.


@pytest.fixture(scope="module")
def pair(oracle):
    weighted = {"weighted_metrics": ["sparse_categorical_crossentropy"]}
    models = {keras: make(keras, **SPARSE, **weighted) for keras in (kerasish, oracle)}

    def both(program):
        results = []
        for keras, model in models.items():
            model.set_weights(KERNELS)
            model.compile(**SPARSE, **weighted)
            results.append(program(keras, model))
        assert_same(*results)
        return results[0]

    return both


ARGUMENTS = {
    "all": dict(epochs=3, validation_split=0.25, validation_freq=2, class_weight={0: 1.0, 1: 3.0}),
    "weights of samples": dict(sample_weight=WEIGHTS, validation_data=(X[:20], Y[:20], WEIGHTS[:20])),
    "steps": dict(epochs=3, steps_per_epoch=2, validation_data=(X, Y), validation_steps=1),
    "some epochs": dict(initial_epoch=1, epochs=4, validation_data=(X, Y), validation_freq=[2, 4]),
}  # fmt: skip


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments_of_fit_are_keras(pair, case):
    pair(lambda keras, model: [fit(model, X, Y, **ARGUMENTS[case]), model.get_weights()])


def test_single_batches_and_evaluation_are_keras(pair):
    def program(keras, model):
        batch = X[:BATCH], Y[:BATCH]
        return [
            model.evaluate(X, Y, batch_size=BATCH, verbose=0, return_dict=True, sample_weight=WEIGHTS),
            model.evaluate(X, Y, batch_size=BATCH, verbose=0, steps=2),
            model.train_on_batch(*batch),
            model.train_on_batch(*batch, return_dict=True),
            model.train_on_batch(*batch, class_weight={0: 1.0, 1: 2.0}),
            model.test_on_batch(*batch, sample_weight=WEIGHTS[:BATCH]),
            model.predict_on_batch(batch[0]),
            model.predict(X, batch_size=BATCH, verbose=0, steps=2),
            [len(name) for name in model.metrics_names],
        ]

    pair(program)


# Forms of data: all give what arrays give.


class Batches(kerasish.utils.PyDataset):
    def __len__(self):
        return -(-N // BATCH)

    def __getitem__(self, i):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        return X[rows], Y[rows], WEIGHTS[rows]


def batches():
    for i in range(len(Batches())):
        yield Batches()[i]


class Iterable:
    def __iter__(self):
        return iter(list(batches()))


def forms():
    pandas = pytest.importorskip("pandas")
    tensors = [kerasish.ops.convert_to_tensor(a) for a in (X, Y, WEIGHTS)]
    return {
        "float64": dict(x=X.astype("float64"), y=Y.astype("int64"), sample_weight=WEIGHTS.astype("float64")),
        "column of labels": dict(x=X, y=Y[:, None], sample_weight=WEIGHTS),
        "tensors": dict(x=tensors[0], y=tensors[1], sample_weight=tensors[2]),
        "pandas": dict(x=pandas.DataFrame(X), y=pandas.Series(Y), sample_weight=WEIGHTS),
        "lists of arrays": dict(x=[X], y=[Y], sample_weight=WEIGHTS),
        "dict": dict(x={"features": X}, y=Y, sample_weight=WEIGHTS),
        "generator": dict(x=batches(), batch_size=None),
        "PyDataset": dict(x=Batches(), batch_size=None),
        "PyDataset with workers": dict(x=Batches(workers=2), batch_size=None),
        "iterable": dict(x=Iterable(), batch_size=None),
        "strided": dict(x=np.repeat(X, 2, 1)[:, ::2], y=np.repeat(Y, 2)[::2], sample_weight=WEIGHTS),
    }


@pytest.fixture(scope="module")
def model():
    return make(kerasish)


@pytest.fixture
def fresh(model):
    model.set_weights(KERNELS)
    model.compile(**SPARSE)
    return model


def test_every_form_of_data_trains_alike(fresh):
    expected = fit(fresh, X, Y, sample_weight=WEIGHTS)
    after = fresh.get_weights()
    loss = fresh.evaluate(X, Y, verbose=0)
    prediction = fresh.predict(X, verbose=0)
    for name, arguments in forms().items():
        fresh.set_weights(KERNELS)
        fresh.compile(**SPARSE)
        assert fit(fresh, **arguments) == expected, name
        same_weights(fresh, after)
        inputs = forms()[name]
        inputs.pop("sample_weight", None)
        if name.startswith(("gen", "PyD", "iter")):
            np.testing.assert_allclose(fresh.evaluate(inputs["x"], verbose=0)[0], expected["loss"][0], rtol=1)
            inputs = forms()[name]
        else:
            np.testing.assert_allclose(fresh.evaluate(inputs["x"], inputs["y"], verbose=0), loss, rtol=1e-6)
        np.testing.assert_allclose(fresh.predict(inputs["x"], verbose=0), prediction, rtol=1e-5)


def test_endless_generators_and_those_that_end(fresh):
    def endless():
        while True:
            yield from batches()

    history = fit(fresh, endless(), epochs=2, steps_per_epoch=2, batch_size=None, validation_data=endless(), validation_steps=1)  # fmt: skip
    assert len(history["val_loss"]) == 2
    with pytest.warns(UserWarning, match="ran out of data"):
        history = fit(fresh, batches(), epochs=3, batch_size=None)
    assert len(history["loss"]) == 1  # the epochs without data are not reported


def test_dicts_and_lists_of_several_inputs_and_outputs(oracle):
    def program(keras):
        class Two(keras.Model):
            def __init__(self):
                super().__init__()
                self.a, self.b = keras.layers.Dense(1, name="a"), keras.layers.Dense(2, name="b")

            def call(self, inputs):
                return {"one": self.a(inputs["left"]), "two": self.b(inputs["right"])}

        model = Two()
        x = {"left": X[:, :3], "right": X[:, 3:]}
        y = {"one": VALUES[:, :1], "two": VALUES}
        model(x)
        model.set_weights([0.1 * np.ones(w.shape) for w in model.get_weights()])
        model.compile("sgd", loss={"one": "mse", "two": "mae"}, loss_weights={"one": 1.0, "two": 0.5}, metrics={"two": ["mse"]})  # fmt: skip
        return [fit(model, x, y, epochs=2), model.predict(x, verbose=0)]

    assert_same(program(kerasish), program(oracle))


# A hundred steps of a network for MNIST.


def images():
    rng = np.random.default_rng(5)
    x = rng.uniform(size=(800, 12, 12)).astype("float32")
    return x, (x[:, :6].sum((1, 2)) * 3).astype("int32") % 10


def classifier(keras, **options):
    model = keras.Sequential(
        [
            keras.Input((12, 12)),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(6)
    model.set_weights([rng.normal(size=w.shape) * 0.1 for w in model.get_weights()])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def test_a_hundred_steps_agree_with_keras_eager_and_compiled(oracle):
    x, y = images()
    theirs = classifier(oracle)
    expected = fit(theirs, x, y, epochs=2, batch_size=16)
    for options in (dict(run_eagerly=True), dict(jit_compile=True)):
        mine = classifier(kerasish, **options)
        assert_same(fit(mine, x, y, epochs=2, batch_size=16), expected)
        for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            assert np.abs(a - b).max() <= 1e-4 * np.abs(b).max()


def test_learning_a_little_of_mnist(oracle, monkeypatch):
    draw_as_keras_does(monkeypatch)  # initial weights are part of what is compared
    (x, y), _ = kerasish.datasets.mnist.load_data()
    x, y = x[:2000] / 255.0, y[:2000]

    def curve(keras, seed):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [
                keras.Input((28, 28)),
                keras.layers.Flatten(),
                keras.layers.Dense(32, activation="relu"),
                keras.layers.Dropout(0.2),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        return model.fit(x, y, epochs=3, verbose=0).history["loss"]

    mine = np.array([curve(kerasish, seed) for seed in range(4)])
    theirs = np.array(curve(oracle, 0))
    spread = mine.max(0) - mine.min(0)
    assert (np.abs(mine.mean(0) - theirs) <= 1.5 * spread).all(), (mine, theirs)


# Eager and compiled steps are the same computation.

LOSSES = {"mse": None, "sparse_categorical_crossentropy": "softmax", "huber": "tanh"}


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    widths=st.lists(st.integers(1, 6), max_size=2),
    activation=st.sampled_from(["relu", "tanh", "gelu", "softplus"]),
    rate=st.sampled_from([0.0, 0.4]),
    loss=st.sampled_from(sorted(LOSSES)),
    optimizer=st.sampled_from(["sgd", "adam", "rmsprop", "adamw"]),
    penalty=st.sampled_from([None, "l2"]),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_eager_and_compiled_steps_agree(widths, activation, rate, loss, optimizer, penalty, dtype):
    def run(**options):
        kerasish.utils.set_random_seed(7)
        stack = [kerasish.Input((6,), dtype=dtype)]
        for width in widths:
            stack.append(
                layers.Dense(width, activation=activation, activity_regularizer=penalty, dtype=dtype)
            )
            stack.append(layers.Dropout(rate, dtype=dtype))
        model = kerasish.Sequential(
            [*stack, layers.Dense(2, LOSSES[loss], kernel_regularizer=penalty, dtype=dtype)]
        )
        model.compile(optimizer, loss, metrics=["mae"] if loss != "sparse_categorical_crossentropy" else ["acc"], **options)  # fmt: skip
        y = Y if loss == "sparse_categorical_crossentropy" else VALUES
        history = model.fit(X, y, batch_size=10, epochs=4, verbose=0).history
        return history, model.get_weights()

    before = kerasish.config.floatx()
    kerasish.config.set_floatx(dtype)
    try:
        eager, compiled = run(run_eagerly=True), run(jit_compile=True)
    finally:
        kerasish.config.set_floatx(before)
    tolerance = 1e-5 if dtype == "float32" else 1e-10
    for key, values in eager[0].items():
        np.testing.assert_allclose(compiled[0][key], values, rtol=10 * tolerance)
    for a, b in zip(compiled[1], eager[1], strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("options", [dict(run_eagerly=True), dict()])
def test_a_seed_makes_runs_equal_to_the_bit(options):
    def run(seed):
        kerasish.utils.set_random_seed(seed)
        model = kerasish.Sequential(
            [layers.Dense(8, "relu"), layers.Dropout(0.3), layers.Dense(2, "softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy", **options)
        return model.fit(X, Y, epochs=2, verbose=0).history["loss"], model.get_weights()

    first, second, other = run(3), run(3), run(4)
    assert first[0] == second[0] and first[0] != other[0]
    for a, b in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_mixed_precision_learns():
    model = kerasish.Sequential(
        [
            kerasish.Input((6,)),
            layers.Dense(8, "relu", dtype="mixed_float16"),
            layers.Dense(2, dtype="mixed_float16"),
            layers.Activation("softmax", dtype="float32"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    history = fit(model, X, Y, epochs=5)
    assert history["loss"][-1] < history["loss"][0] and model.layers[0].kernel.dtype == "float32"
    kerasish.dtype_policies.set_dtype_policy("mixed_float16")
    try:
        scaled = kerasish.Sequential([layers.Dense(2, dtype="mixed_float16")])
        scaled.compile("sgd", "mse")
        assert type(scaled.optimizer).__name__ == "LossScaleOptimizer"
        fit(scaled, X, VALUES)
    finally:
        kerasish.dtype_policies.set_dtype_policy(None)


# What is asked of a model while it is in use.


def test_threads_may_predict_with_one_model(fresh):
    expected = [fresh.predict(X[i:], verbose=0) for i in range(16)]
    failures = []

    def work(i):
        for _ in range(5):
            try:
                np.testing.assert_allclose(fresh.predict(X[i:], verbose=0), expected[i], rtol=1e-6)
                np.testing.assert_allclose(fresh(X[i:]).numpy(), expected[i], rtol=1e-4, atol=1e-6)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize("ema", [False, True])
def test_an_interrupted_fit_leaves_a_usable_model(ema):
    class Interrupt(kerasish.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    model = make(kerasish, optimizer=kerasish.optimizers.Adam(use_ema=ema), loss=SPARSE["loss"])
    with pytest.raises(KeyboardInterrupt):
        fit(model, X, Y, callbacks=[Interrupt()], verbose=1)
    assert int(model.optimizer.iterations) == 2
    other = make(kerasish, optimizer=kerasish.optimizers.Adam(use_ema=ema), loss=SPARSE["loss"])
    for rows in (slice(0, BATCH), slice(BATCH, 2 * BATCH)):
        other.train_on_batch(X[rows], Y[rows])
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert fit(model, X, Y)["loss"] and model.predict(X, verbose=0).shape == (N, 2)


def test_freezing_and_replacing_between_fits(oracle):
    def program(keras):
        model = make(keras)
        histories = [fit(model, X, Y)]
        model.layers[0].trainable = False
        model.compile(**SPARSE)
        histories.append(fit(model, X, Y))
        return [histories, model.get_weights()]

    assert_same(program(kerasish), program(oracle))
    model = make(kerasish)
    fit(model, X, Y)
    kernel = model.layers[0].kernel.numpy()
    model.layers[0].trainable = False  # seen by the next fit without another compile
    fit(model, X, Y)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)
    model.trainable = False
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        fit(model, X, Y)


def test_memory_stays_where_it_was(fresh):
    def work(predictions, fits):
        for _ in range(predictions):
            fresh.predict(X[:4], verbose=0)
        for _ in range(fits):
            fresh.fit(X[:8], Y[:8], verbose=0, batch_size=8)

    work(50, 5)
    gc.collect()
    tracemalloc.start()
    try:
        work(20, 5)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        work(1000, 100)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 60_000, grown


# What bad input gets.

BAD_FITS = {
    "fit before compile": (
        lambda m: kerasish.Sequential([layers.Dense(2)]).fit(X, Y), r"must call `compile\(\)` before calling `fit\(\)`",
    ),
    "mismatched lengths": (lambda m: fit(m, X, Y[:10]), "'x' sizes: 50\n'y' sizes: 10"),
    "mismatched weights": (lambda m: fit(m, X, Y, sample_weight=WEIGHTS[:3]), "'sample_weight' sizes: 3"),
    "wrong width": (lambda m: fit(m, X[:, :3], Y), r"expected shape=\(None, 6\), found shape=\(None, 3\)"),
    "wrong rank": (lambda m: fit(m, X[:, None], Y), r"found shape=\(None, 1, 6\)"),
    "labels too high": (
        lambda m: fit(m, X, Y + 5), r"`y` holds labels outside the classes: 50 of 50 \(such as 5, 6\).*from 0 to 1",
    ),
    "negative labels": (lambda m: fit(m, X, Y - 1), r"`y` holds labels outside the classes: .* \(such as -1\)"),
    "labels of validation": (
        lambda m: fit(m, X, Y, validation_data=(X, Y + 9)), r"`validation_data\[1\]` holds labels outside the classes",
    ),
    "no labels": (lambda m: fit(m, X), "there are no targets to compute it with. Pass argument `y`"),
    "labels beside batches": (lambda m: fit(m, batches(), Y, batch_size=None), "`y` should not be passed"),
    "batch size of batches": (lambda m: fit(m, batches()), "`batch_size` should not be passed"),
    "one-hot for sparse": (lambda m: fit(m, X, np.eye(2)[Y]), "same shape up until the last dimension"),
    "split": (lambda m: fit(m, X, Y, validation_split=2), "`validation_split` must be a float between 0 and 1"),
    "split of batches": (
        lambda m: fit(m, batches(), validation_split=0.2, batch_size=None), "only supported for tensors or NumPy arrays",
    ),
    "validation_freq": (
        lambda m: fit(m, X, Y, validation_split=0.2, validation_freq="a"), "Expected `validation_freq` to be a list or int",
    ),
    "validation width": (lambda m: fit(m, X, Y, validation_data=(X[:, :2], Y)), r"found shape=\(None, 2\)"),
    "class_weight": (lambda m: fit(m, X, Y, class_weight=3), "`class_weight` must be a dict"),
    "both weights": (
        lambda m: fit(m, X, Y, class_weight={0: 1, 1: 2}, sample_weight=WEIGHTS), "`class_weight` and `sample_weight`",
    ),
    "batch size": (lambda m: fit(m, X, Y, batch_size=0), "`batch_size` must be a positive integer or None"),
    "steps": (lambda m: fit(m, X, Y, steps_per_epoch=0), "`steps_per_epoch` must be a positive integer or None"),
    "shuffle": (lambda m: fit(m, X, Y, shuffle="abc"), "`shuffle` must be True, False or 'batch'"),
    "no samples": (lambda m: fit(m, X[:0], Y[:0]), "all arrays have 0 samples"),
    "no batches": (lambda m: fit(m, iter(()), batch_size=None), "at least one batch"),
    "text": (lambda m: fit(m, "abc", Y), "Unrecognized data type: x='abc'"),
    "ragged": (lambda m: fit(m, np.array([[1, 2], [3]], dtype=object), Y[:2]), "array of Python objects"),
    "lists of numbers": (lambda m: fit(m, X.tolist(), Y), r"Convert Python lists with `np.array\(...\)`"),
    "callbacks": (lambda m: fit(m, X, Y, callbacks=[3]), "must be a callback or a list of callbacks"),
    "unknown argument": (lambda m: fit(m, X, Y, foo=1), "unexpected keyword argument 'foo'"),
    "evaluate before compile": (
        lambda m: kerasish.Sequential([layers.Dense(2)]).evaluate(X, Y), r"before calling `evaluate\(\)`",
    ),
    "evaluate without labels": (lambda m: m.evaluate(X, verbose=0), "there are no targets"),
    "evaluate nothing": (lambda m: m.evaluate(X[:0], Y[:0], verbose=0), "0 samples"),
    "evaluate with more": (lambda m: m.evaluate(X, Y, foo=1), "Arguments not recognized: {'foo': 1}"),
    "predict width": (lambda m: m.predict(X[:, :3], verbose=0), r"found shape=\(\d+, 3\)"),
    "predict nothing": (lambda m: m.predict(X[:0], verbose=0), "0 samples"),
    "predict None": (lambda m: m.predict(None, verbose=0), "`x` is None or holds no arrays"),
    "batch lengths": (lambda m: m.train_on_batch(X, Y[:3]), "'y' sizes: 3"),
    "batch width": (lambda m: m.train_on_batch(X[:, :3], Y), r"found shape=\(None, 3\)"),
    "batch before compile": (
        lambda m: kerasish.Sequential([layers.Dense(2)]).train_on_batch(X, Y), r"before calling `train_on_batch\(\)`",
    ),
    "unknown loss": (lambda m: m.compile(loss="mes"), "loss identifier: 'mes'. Did you mean 'MSE'"),
    "unknown metric": (lambda m: m.compile(loss="mse", metrics=["accurcy"]), "'accurcy'. Did you mean 'accuracy'"),
    "unknown optimizer": (lambda m: m.compile("adm", loss="mse"), "optimizer identifier: 'adm'. Did you mean 'adam'"),
    "unknown jit_compile": (lambda m: m.compile(loss="mse", jit_compile="yes"), "`jit_compile` must be True, False or"),
    "contradicting": (lambda m: m.compile(loss="mse", jit_compile=True, run_eagerly=True), "exclude each other"),
    "no steps": (lambda m: m.compile(loss="mse", steps_per_execution=0), "`steps_per_execution` must be a positive"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FITS)
def test_bad_input_is_refused_and_changes_nothing(model, case):
    mistake, message = BAD_FITS[case]
    config, values = model.get_config(), model.get_weights()
    state = [np.array(v.numpy()) for v in model.optimizer.variables]
    with pytest.raises((ValueError, TypeError), match=message):
        mistake(model)
    same_weights(model, values)
    assert model.get_config() == config and model.loss == SPARSE["loss"]
    for variable, old in zip(model.optimizer.variables, state, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)


def test_an_unbuilt_model_stays_unbuilt_after_bad_labels():
    model = kerasish.Sequential([layers.Dense(2, "softmax")])
    model.compile(**SPARSE)
    with pytest.raises(ValueError, match="outside the classes"):
        fit(model, X, Y + 7)
    assert not model.built and model.weights == [] and not model.optimizer.built
    assert fit(model, X, Y)["loss"]


def test_a_model_without_loss_or_optimizer_says_so():
    model = make(kerasish, optimizer=None, loss="mse", activation=None)
    assert model.evaluate(X, VALUES, verbose=0) > 0
    with pytest.raises(ValueError, match="compiled with `optimizer=None`"):
        fit(model, X, VALUES)
    model.compile("sgd")
    with pytest.raises(ValueError, match="No loss to compute"):
        fit(model, X, VALUES)


def test_nan_in_data_is_trained_on_as_keras_does():
    x = X.copy()
    x[3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(fit(make(kerasish), x, Y)["loss"][0])


def test_predictions_are_taken_before_the_next_batch_may_change_them():
    class Counting(kerasish.Model):
        def __init__(self):
            super().__init__()
            self.count = kerasish.Variable(np.zeros(2))

        def call(self, x):
            return x

        def predict_step(self, data):
            self.count.assign_add([1.0, 1.0])
            return self.count

    for eager in (True, False):
        model = Counting()
        model.compile(run_eagerly=eager)
        predicted = model.predict(np.ones((6, 2), "float32"), batch_size=2, verbose=0)
        assert predicted.reshape(-1).tolist() == [1, 1, 2, 2, 3, 3]
