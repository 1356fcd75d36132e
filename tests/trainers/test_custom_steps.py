"""Steps of the user's own: overridden methods in Keras's style, and models whose Python looks at values."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
Y = RNG.normal(size=(40, 1)).astype("float32")
WEIGHTS = RNG.uniform(size=40).astype("float32")
KERNEL = RNG.normal(size=(6, 1)).astype("float32")
MODES = [dict(run_eagerly=True), dict(jit_compile=True)]


def start(cls, **options):
    """Return a compiled model of `cls` around one Dense layer of known weights."""
    model = cls()
    model(X)
    model.set_weights([KERNEL, np.zeros(1)])
    model.compile(optimizer=kerasish.optimizers.SGD(0.05), loss="mse", metrics=["mae"], **options)
    return model


def fit(model, **options):
    return model.fit(
        X, Y, **{"batch_size": 10, "epochs": 2, "shuffle": False, "verbose": 0, **options}
    ).history


class Plain(kerasish.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


class OwnTrainStep(Plain):
    """The training loop of Keras's guides, with a tape."""

    def train_step(self, data):
        x, y = data
        with kerasish.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


class OwnTestStep(Plain):
    def test_step(self, data):
        x, y = data
        return {"mse": ops.mean(ops.square(y - self(x, training=False)))}


class OwnLoss(Plain):
    """A loss and a tracker of the model's own, in the way of Keras's guide on `compute_loss`."""

    def __init__(self):
        super().__init__()
        self.tracker = kerasish.metrics.Mean(name="tracked")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        loss = ops.mean(ops.abs(y - y_pred)) + sum(self.losses, 0.0)
        self.tracker.update_state(loss)
        return loss


class OwnMetrics(Plain):
    def compute_metrics(self, x, y, y_pred, sample_weight):
        results = super().compute_metrics(x, y, y_pred, sample_weight)
        results["bias"] = ops.mean(y_pred - y)
        return results


class OwnPredict(Plain):
    def predict_step(self, data):
        return ops.exp(super().predict_step(data))


@pytest.mark.parametrize("options", MODES)
def test_an_own_train_step_trains_as_the_builtin_one_does(options):
    own, plain = start(OwnTrainStep, **options), start(Plain, **options)
    mine, expected = fit(own), fit(plain)
    assert mine["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    for a, b in zip(own.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert set(own.train_on_batch(X, Y, return_dict=True)) >= {"loss"}


@pytest.mark.parametrize("options", MODES)
def test_own_test_and_predict_steps_are_used(options):
    model = start(OwnTestStep, **options)
    expected = float(np.mean((Y - model.predict(X, verbose=0)) ** 2))
    assert model.evaluate(X, Y, batch_size=40, verbose=0, return_dict=True) == pytest.approx(
        {"mse": expected}, rel=1e-5
    )
    assert "val_mse" in fit(model, validation_data=(X, Y))
    exponential, plain = start(OwnPredict, **options), start(Plain, **options)
    np.testing.assert_allclose(
        exponential.predict(X, verbose=0), np.exp(plain.predict(X, verbose=0)), rtol=1e-5
    )


@pytest.mark.parametrize("options", MODES)
def test_own_losses_and_metrics_are_used(options):
    model = start(OwnLoss, **options)
    history = fit(model)
    assert (
        history["tracked"] == pytest.approx(history["loss"], rel=1e-5)
        and history["loss"][1] < history["loss"][0]
    )
    assert history["loss"] == pytest.approx(history["mae"], rel=1e-5)
    with_bias = fit(start(OwnMetrics, **options))
    assert set(with_bias) == {"loss", "mae", "bias"}
    model = start(OwnMetrics, **options)
    batch = model.test_on_batch(X, Y, return_dict=True)
    assert batch["bias"] == pytest.approx(float((model.predict(X, verbose=0) - Y).mean()), rel=1e-4)


def test_eager_and_compiled_own_steps_agree():
    for cls in (OwnTrainStep, OwnLoss, OwnMetrics):
        eager, compiled = (start(cls, **options) for options in MODES)
        a, b = fit(eager), fit(compiled)
        assert list(a) == list(b)
        for key, values in a.items():
            np.testing.assert_allclose(b[key], values, rtol=1e-5, atol=1e-6)
        for mine, other in zip(eager.get_weights(), compiled.get_weights(), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_a_step_sees_sample_weights():
    class Weighted(Plain):
        def train_step(self, data):
            x, y, sample_weight = kerasish.utils.unpack_x_y_sample_weight(data)
            with kerasish.GradientTape() as tape:
                loss = ops.mean(sample_weight * ops.square(y - self(x, training=True))[:, 0])
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            return {"loss": loss}

    own, plain = start(Weighted), start(Plain)
    fit(own, sample_weight=WEIGHTS)
    plain.fit(X, Y, sample_weight=WEIGHTS, batch_size=10, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(own.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", MODES)
def test_two_optimizers_in_one_step(options):
    """A pair of networks that learn against each other, as generative adversarial ones do."""

    class Pair(kerasish.Model):
        def __init__(self):
            super().__init__()
            self.maker, self.judge = layers.Dense(6), layers.Dense(1)
            self.built = True

        def compile(self, maker_optimizer, judge_optimizer, **kwargs):
            super().compile(**kwargs)
            self.maker_optimizer, self.judge_optimizer = maker_optimizer, judge_optimizer

        def train_step(self, data):
            (x,) = data if isinstance(data, tuple) else (data,)
            noise = kerasish.random.normal((10, 3), seed=self.seeds)
            with kerasish.GradientTape() as tape:
                judged = ops.mean(self.judge(x)) - ops.mean(self.judge(self.maker(noise)))
            variables = self.judge.trainable_weights
            self.judge_optimizer.apply_gradients(
                zip(tape.gradient(judged, variables), variables, strict=True)
            )
            with kerasish.GradientTape() as tape:
                made = ops.mean(self.judge(self.maker(noise)))
            variables = self.maker.trainable_weights
            self.maker_optimizer.apply_gradients(zip(tape.gradient(made, variables), variables, strict=True))
            return {"judged": judged, "made": made}

    kerasish.utils.set_random_seed(5)
    model = Pair()
    model.seeds = kerasish.random.SeedGenerator(1)
    model.maker.build((None, 3)), model.judge.build((None, 6))
    model.compile(kerasish.optimizers.Adam(0.01), kerasish.optimizers.SGD(0.01), **options)
    before = model.get_weights()
    history = model.fit(X, batch_size=10, epochs=3, verbose=0).history
    assert list(history) == ["judged", "made"] and len(history["made"]) == 3
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True) if a.ndim == 2)


@pytest.mark.parametrize("options", MODES)
def test_a_loss_that_an_own_step_does_not_track_is_logged_as_it_is(options):
    class Constant(Plain):
        def train_step(self, data):
            return {"loss": ops.convert_to_tensor(3.0)}

    model = Constant()
    model(X)
    model.compile("sgd", "mse", **options)
    assert fit(model)["loss"] == [3.0, 3.0]


# Python that needs values.


class Looks(Plain):
    def call(self, x):
        y = self.dense(x)
        return y * 2.0 if float(ops.mean(y)) > 0 else y


def test_python_that_looks_at_values_runs_eagerly_after_one_warning():
    model = start(Looks)
    with pytest.warns(UserWarning, match="cannot be compiled and runs op by op") as caught:
        history = fit(model, epochs=3)
    assert len([w for w in caught if "op by op" in str(w.message)]) == 1
    assert all(name in str(caught[0].message) for name in ("looks", "run_eagerly=True", "jit_compile=True"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = fit(start(Looks, run_eagerly=True), epochs=3)
        fit(model)
    assert again["loss"] == pytest.approx(history["loss"], rel=1e-5)


def test_python_that_looks_at_values_is_an_error_under_jit_compile():
    model = start(Looks, jit_compile=True)
    before = model.get_weights()
    with pytest.raises(TypeError, match="symbolic tensor .* has no values yet .* run eagerly"):
        fit(model)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="op by op"):
        assert fit(model)["loss"]


def test_a_deferred_model_that_looks_at_values_is_built_by_data():
    class Choosy(layers.Layer):
        def call(self, x):
            return x if float(ops.max(x)) > 100 else -x

    model = kerasish.Sequential([layers.Dense(4), Choosy(), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="op by op"):
        history = fit(model)
    assert len(history["loss"]) == 2 and len(model.weights) == 4
    assert model.predict(X, verbose=0).shape == (40, 1)


def test_what_python_does_beside_the_computation_happens_while_tracing():
    calls = []

    class Counting(Plain):
        def call(self, x):
            calls.append(x.shape)
            return self.dense(x)

    model = start(Counting)
    calls.clear()
    fit(model, epochs=5)
    assert len(calls) <= 3  # to look at the shapes, and one trace
    model.compile("sgd", "mse", run_eagerly=True)
    calls.clear()
    fit(model, epochs=5)
    assert len(calls) >= 20


def test_state_that_a_layer_keeps_is_kept_by_compiled_steps():
    class Running(layers.Layer):
        def build(self, input_shape):
            self.mean = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False)

        def call(self, x, training=False):
            if training:
                self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(x, axis=0))
            self.add_loss(1e-3 * ops.sum(ops.square(x)))
            return x - self.mean

    results = []
    for options in MODES:
        kerasish.utils.set_random_seed(2)
        model = kerasish.Sequential([kerasish.Input((6,)), Running(), layers.Dropout(0.2), layers.Dense(1)])
        model.compile("adam", "mse", **options)
        results.append((fit(model)["loss"], *model.get_weights()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert np.abs(results[0][1]).sum() > 0
