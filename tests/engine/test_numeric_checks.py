"""Numeric checks name the operation, the layer and the line where the first NaN or infinity appeared."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from strict_device import strict_device

import kerasish as keras
from kerasish import config, ops

X = np.ones((8, 4), "float32")
Y = np.ones((8, 1), "float32")

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture(autouse=True)
def checks():
    config.enable_numeric_checks()
    yield
    config.disable_numeric_checks()


class Logarithm(keras.layers.Layer):
    def call(self, x):
        return ops.log(x - 100.0)  # of a negative number


class Distance(keras.layers.Layer):
    """Fine forward; the gradient of a square root at zero is infinite."""

    def call(self, x):
        return ops.sqrt(ops.sum(x * 0.0, axis=-1, keepdims=True)) + x


class Recurrent(keras.layers.Layer):
    def call(self, x):
        def step(carry, part):
            return ops.log(carry - part), part

        return ops.scan(step, x[:, 0], ops.transpose(x, (1, 0, 2)))[0]


def model(*layers, shape=(4,), optimizer="sgd", loss="mse", **options):
    model = keras.Sequential([keras.Input(shape), keras.layers.Dense(4, name="first"), *layers])
    model.compile(optimizer, loss, metrics=["mae"], **options)
    return model


WAYS = {"compiled": {}, "op by op": {"run_eagerly": True}}


def test_an_operation_alone_is_named_with_its_line_and_operands():
    with pytest.raises(FloatingPointError) as caught:
        ops.log(ops.array([1.0, -1.0]))
    message = str(caught.value)
    assert "The first NaN appeared in `log`" in message and "1 of 2 values" in message
    assert f'"{__file__}"' in message and "(`ops.log(ops.array([1.0, -1.0]))`)" in message
    assert "float32 of shape (2,) from -1 to 1" in message


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch", "call", "function"])
def test_a_layer_is_named_forward(way, method):
    bad = model(Logarithm(name="bad"), **WAYS[way])
    before = bad.get_weights()
    calls = {
        "fit": lambda: bad.fit(X, Y, verbose=0),
        "evaluate": lambda: bad.evaluate(X, Y, verbose=0),
        "predict": lambda: bad.predict(X, verbose=0),
        "train_on_batch": lambda: bad.train_on_batch(X, Y),
        "call": lambda: bad(X),
        "function": lambda: keras.function(bad)(X),
    }
    with pytest.raises(FloatingPointError) as caught:
        calls[method]()
    message = str(caught.value)
    assert "The first NaN appeared in `log` in the layer 'bad' (Logarithm) of the model" in message
    assert "(`return ops.log(x - 100.0)  # of a negative number`)" in message
    for mine, old in zip(bad.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)


@pytest.mark.parametrize("way", WAYS)
def test_a_layer_is_named_for_its_gradient(way):
    bad = model(Distance(name="bad"), **WAYS[way])
    assert np.isfinite(bad.predict(X, verbose=0)).all()
    with pytest.raises(
        FloatingPointError,
        match=r"infinity appeared in the gradient of `sqrt` in the layer 'bad' \(Distance\)",
    ) as caught:
        bad.fit(X, Y, verbose=0)
    assert "(`return ops.sqrt(" in str(caught.value) and ", in `divide`" in str(caught.value)


def test_a_gradient_of_a_tape_is_named():
    x = keras.Variable(np.zeros(2, "float32"))
    with keras.GradientTape() as tape:
        y = ops.sum(ops.sqrt(x))
    with pytest.raises(FloatingPointError, match="the gradient of `sqrt` at .*`y = ops.sum"):
        tape.gradient(y, [x])


@pytest.mark.parametrize("way", WAYS)
def test_a_step_of_a_loop_is_named(way):
    bad = model(Recurrent(name="bad"), shape=(3, 4), **WAYS[way])
    bad.layers[0].set_weights([np.zeros((4, 4)), np.ones(4)])
    with pytest.raises(
        FloatingPointError, match=r"`log` in the layer 'bad' \(Recurrent\).*return ops.log\(carry"
    ):
        bad.predict(np.ones((2, 3, 4), "float32"), verbose=0)


@pytest.mark.parametrize("way", WAYS)
def test_losses_metrics_and_optimizers_are_named(way):
    def pinch(y_true, y_pred):
        return ops.mean(ops.log(y_true * 0.0 - 1.0)) + 0.0 * ops.mean(y_pred)

    with pytest.raises(FloatingPointError, match="`log` in the loss 'pinch'"):
        model(loss=pinch, **WAYS[way]).fit(X, Y, verbose=0)
    measured = model(**WAYS[way])
    measured.compile("sgd", "mse", metrics=[pinch], **WAYS[way])
    with pytest.raises(FloatingPointError, match="`log` in the metric 'pinch'"):
        measured.fit(X, Y, verbose=0)
    huge = model(optimizer=keras.optimizers.SGD(1e38, name="huge"), **WAYS[way])
    with pytest.raises(
        FloatingPointError, match=r"infinity appeared in `\w+` in the optimizer 'huge' \(SGD\)"
    ):
        huge.fit(100.0 * X, 1e3 * Y, verbose=0)


@pytest.mark.parametrize("way", WAYS)
def test_nan_in_the_data_is_said_to_be_in_the_data(way):
    spoilt = X.copy()
    spoilt[2, 1] = np.nan
    with pytest.raises(FloatingPointError, match=r"no operation made them: there are such in the data \(x\)"):
        model(**WAYS[way]).fit(spoilt, Y, verbose=0)
    bad = model(**WAYS[way])
    bad.layers[0].bias.assign(np.full(4, np.inf))
    with pytest.raises(FloatingPointError, match="in the variable 'first/bias'|the variable '.*first/bias'"):
        bad.predict(X, verbose=0)


class Masked(keras.layers.Layer):
    """Puts infinities in on purpose, and deals with NaN in its input."""

    def call(self, x):
        x = ops.where(ops.isnan(x), 0.0, x)
        scores = ops.where(x > 100.0, x, float("-inf"))
        return ops.maximum(scores, ops.zeros_like(x)) + x


@pytest.mark.parametrize("way", WAYS)
def test_what_a_program_means_is_no_error(way):
    spoilt = X.copy()
    spoilt[2, 1] = np.nan
    fine = keras.Sequential([keras.Input((4,)), Masked(), keras.layers.Dense(1)])
    fine.compile("sgd", "mse", **WAYS[way])
    assert np.isfinite(fine.fit(spoilt, Y, verbose=0).history["loss"]).all()


def test_training_is_what_it_is_without(monkeypatch):
    """With layers that draw random numbers, keep means, mask, pool and loop."""

    monkeypatch.setenv("KERASISH_JIT", "0")

    def train():
        keras.utils.set_random_seed(2)
        layers = keras.layers
        inputs = keras.Input((6,), dtype="int32")
        x = layers.Embedding(9, 4, mask_zero=True)(inputs)
        x = layers.LSTM(4, return_sequences=True)(x)
        x = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
        x = layers.BatchNormalization()(layers.Dense(4, "gelu")(x))
        x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
        x = layers.MaxPooling1D(2)(layers.Conv1D(4, 3, padding="same")(layers.Reshape((4, 1))(x)))
        x = layers.Flatten()(x)
        trained = keras.Model(inputs, layers.Dense(3, "softmax")(layers.LayerNormalization()(x)))
        metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)]
        trained.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
        tokens = np.random.default_rng(0).integers(0, 9, (12, 6))
        history = trained.fit(tokens, tokens[:, 0] % 3, batch_size=4, epochs=2, verbose=0).history
        return [*trained.get_weights(), *(np.array(v) for v in history.values())]

    checked = train()
    config.disable_numeric_checks()
    for mine, plain in zip(checked, train(), strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-4, atol=1e-5)


def test_loss_scaling_may_overflow_in_gradients():
    keras.config.set_dtype_policy("mixed_float16")
    scaled = model(keras.layers.Dense(1))
    assert type(scaled.optimizer).__name__ == "LossScaleOptimizer"
    history = scaled.fit(X * 30, Y * 100, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_traces_follow_the_switch():
    bad = model(Logarithm())
    f = keras.function(lambda x: ops.log(x))
    config.disable_numeric_checks()
    assert not config.is_numeric_checks_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(bad.predict(X, verbose=0)).all() and np.isnan(f(-X).numpy()).all()
        assert np.isnan(bad.fit(X, Y, verbose=0).history["loss"]).all()
    config.enable_numeric_checks()
    for call in (lambda: bad.predict(X, verbose=0), lambda: f(-X), lambda: ops.log(ops.array(-X))):
        with pytest.raises(FloatingPointError):
            call()
    config.disable_numeric_checks()
    assert np.isnan(f(-X).numpy()).all()


def test_nothing_of_the_checks_is_left_when_they_are_off():
    from kerasish.autograd.checks import checking
    from kerasish.autograd.primitive import TABLE
    from kerasish.autograd.tensor import Node

    ops.exp(ops.array([1.0]))
    config.disable_numeric_checks()
    ops.exp(ops.array([1.0]))
    assert Node.__init__.__name__ == "__init__"
    for primitive in TABLE.values():
        for kernel in primitive.kernels.values():
            assert getattr(kernel, "__qualname__", "") != checking.__qualname__ + ".<locals>.run"


def test_there_is_no_plan_to_explain_meanwhile():
    with pytest.raises(ValueError, match="while numeric checks are on"):
        keras.compiler.explain(model(), X)


def test_a_model_is_pickled_as_ever():
    made = model()
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.predict(X, verbose=0), made.predict(X, verbose=0))


def test_on_a_device_only_answers_come_to_the_host():
    with strict_device():
        x = ops.array([4.0, 1.0])
        np.testing.assert_array_equal(ops.sqrt(x).numpy(), [2.0, 1.0])
        with pytest.raises(FloatingPointError, match=r"`log`.*float32 of shape \(2,\) from -4 to -1"):
            ops.log(-x)
        layer = keras.layers.Dense(2)
        layer(ops.ones((1, 2)))
        layer.kernel.assign(np.zeros((2, 2), "float32"))
        with keras.GradientTape() as tape:
            y = ops.sum(ops.sqrt(layer(ops.ones((1, 2)))))
        with pytest.raises(FloatingPointError, match="the gradient of `sqrt`"):
            tape.gradient(y, [layer.kernel])


def test_checks_may_begin_in_the_middle_of_an_epoch():
    class Begin(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                config.enable_numeric_checks()

    config.disable_numeric_checks()
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((40, 3), "float32"), np.ones((40, 1)), 8, callbacks=[Begin()], verbose=0)
    assert np.isfinite(history.history["loss"][0])
