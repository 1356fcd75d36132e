"""Compiled training does what training op by op does: random models, and models that users write themselves."""

from __future__ import annotations

import gc
import re
import tracemalloc
import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import random_models
from hypothesis import HealthCheck, event, given, settings

import kerasish as keras
from kerasish import config, ops
from kerasish.autograd.tensor import NoValueError
from kerasish.compiler.function import native_kernels
from kerasish.optimizers import compilation
from kerasish.trainers import steps

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@pytest.fixture(params=["float32", "float64"])
def floatx(request):
    before = config.floatx()
    config.set_floatx(request.param)
    yield request.param
    config.set_floatx(before)


@contextmanager
def op_by_op():
    """Compile nothing at all; eager training compiles optimizers and metrics otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation.CompiledStep, "run", lambda self, grads, variables: False)
        patch.setattr(steps.MetricsStep, "_known", lambda self: False)
        yield


def outcome(model: Any, x: Any, y: Any, sample_weight: Any = None, **options: Any) -> dict[str, Any]:
    """Train a model; return all that training, evaluation and prediction leave."""
    options = {"batch_size": random_models.BATCH, "epochs": random_models.EPOCHS, **options}
    history = model.fit(x, y, sample_weight=sample_weight, verbose=0, **options).history
    found = {f"epochs' {name}": np.array(values) for name, values in history.items()}
    evaluated = model.evaluate(x, y, sample_weight=sample_weight, verbose=0, return_dict=True)
    found.update((f"evaluated {name}", np.array(value)) for name, value in evaluated.items())
    found["predictions"] = model.predict(x, batch_size=10, verbose=0)
    for kind, variables in (("weight", model.variables), ("slot", model.optimizer.variables)):
        found.update((f"{kind} {i} {v.path}", v.numpy()) for i, v in enumerate(variables))
    return found


def largest_difference(eager: dict[str, Any], compiled: dict[str, Any]) -> tuple[float, str]:
    """Return the largest difference relative to the largest number of its array, and where it is."""
    assert list(map(generic, eager)) == list(map(generic, compiled))
    largest = (0.0, "")
    for (name, one), other in zip(eager.items(), compiled.values(), strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape, name
        if one.dtype.kind != "f":
            np.testing.assert_array_equal(one, other, err_msg=name)
            continue
        np.testing.assert_array_equal(np.isfinite(one), np.isfinite(other), err_msg=name)
        finite = np.isfinite(one)
        if finite.any():
            scale = max(float(np.abs(one[finite]).max()), 1e-12)
            largest = max(largest, (float(np.abs(one - other)[finite].max()) / scale, name))
    return largest


def generic(name: str) -> str:
    """Return a name without the numbers that tell one model's layers from another's."""
    return re.sub(r"_\d+", "", name)


def nudged(model: Any, dtype: str) -> Any:
    """Change all weights in their last digit or two, and return the model."""
    for variable in model.trainable_variables:
        variable.assign(variable * (1 + 2 * np.finfo(dtype).eps))
    return model


def assert_same(spec: dict[str, Any], dtype: str) -> None:
    """Train op by op and compiled, and compare.

    Some models blow roundings up: Adam divides a gradient that is zero but for rounding by its own size, and sends a
    weight this way or that. What changes as much if the weights change in their last digit says nothing here.
    """
    data = random_models.data(spec, dtype)
    compiled = outcome(random_models.build(spec, jit_compile=True), *data)
    with op_by_op():
        eager = outcome(random_models.build(spec, run_eagerly=True), *data)
        difference, where = largest_difference(eager, compiled)
        if difference <= TOLERANCE[dtype]:
            return
        other = outcome(nudged(random_models.build(spec, run_eagerly=True), dtype), *data)
    sensitivity, _ = largest_difference(eager, other)
    event("sensitive to roundings")
    assert sensitivity > TOLERANCE[dtype], f"{where} differs by {difference:.1e}"


@settings(
    max_examples=8 if native_kernels() else 25,  # (which take longer to compile)
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(spec=random_models.models())
def test_random_models(floatx, spec):
    assert_same(spec, floatx)


# What users write themselves


class Standardize(keras.layers.Layer):
    """Keeps a moving mean, adds a loss, draws random numbers of its own, and looks at nothing but shapes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(11)
        self.calls = 0

    def build(self, shape):
        self.mean = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False)
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, x, training=False):
        self.calls += 1
        if training:
            self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(x, axis=0))
            x = x + 0.1 * keras.random.normal(ops.shape(x), seed=self.seeds)
        self.add_loss(0.01 * ops.sum(ops.square(self.gain)))
        return (x - self.mean) * self.gain if x.shape[0] is None or x.shape[0] > 1 else x


class Largest(keras.metrics.Metric):
    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.value = self.add_variable((), "zeros", name="value")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign(ops.maximum(self.value, ops.max(ops.abs(y_pred - y_true))))

    def result(self):
        return self.value


def pinball(y_true, y_pred):
    error = y_true - y_pred
    return ops.mean(ops.where(error > 0, 0.8 * error, -0.2 * error), axis=-1)


class OwnStep(keras.Sequential):
    """Trains with gradients of a tape, clipped by hand, and a schedule made of a variable's value."""

    def train_step(self, data):
        x, y = data
        with keras.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        scale = 1.0 / (1.0 + 0.1 * ops.cast(self.optimizer.iterations, loss.dtype))
        gradients = [ops.clip(g, -0.5, 0.5) * scale for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self._loss_tracker.update_state(loss)
        return {**self.compute_metrics(x, y, y_pred), "scale": scale}


class TwoOptimizers(keras.Model):
    """Two parts against each other, each with an optimizer of its own."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4, "tanh")
        self.second = keras.layers.Dense(3)
        self.other_optimizer = keras.optimizers.SGD(0.05, momentum=0.9)

    def call(self, x):
        return self.second(self.first(x))

    def train_step(self, data):
        x, y = data
        first, second = self.first.trainable_variables, self.second.trainable_variables
        with keras.GradientTape(persistent=True) as tape:
            loss = ops.mean(ops.square(self(x) - y))
            against = ops.mean(ops.abs(self.first(x))) - 0.1 * loss
        down, up = tape.gradient(loss, second), tape.gradient(against, first)
        self.optimizer.apply(down, second)
        self.other_optimizer.apply(up, first)
        return {"loss": loss, "against": against}


def written(kind: str, **options: Any) -> Any:
    keras.utils.set_random_seed(5)
    body = [keras.Input((6,)), Standardize(), keras.layers.Dense(7, "relu"), keras.layers.Dropout(0.3)]
    if kind == "train_step":
        model: Any = OwnStep([*body, keras.layers.Dense(3)])
    elif kind == "two optimizers":
        model = TwoOptimizers()
    else:
        model = keras.Sequential([*body, keras.layers.Dense(3)])
    model.compile(
        "adam",
        pinball,
        metrics=[Largest(), "mae"] if kind != "two optimizers" else None,
        steps_per_execution=3 if kind == "three steps at once" else 1,
        **options,
    )
    return model


@pytest.mark.parametrize(
    "kind", ["layer, loss and metric", "train_step", "two optimizers", "three steps at once"]
)
def test_written_by_users(floatx, kind):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(36, 6)).astype(floatx), generator.normal(size=(36, 3)).astype(floatx)
    with op_by_op():
        eager = outcome(written(kind, run_eagerly=True), x, y)
    compiled = outcome(written(kind, jit_compile=True), x, y)
    difference, where = largest_difference(eager, compiled)
    assert difference <= TOLERANCE[floatx], where


def test_each_batch_size_is_traced_once():
    model = written("layer")
    x, y = np.ones((36, 6), "float32"), np.ones((36, 3), "float32")
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    before = model.layers[0].calls
    model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    assert model.layers[0].calls == before
    assert len(model._step("train")._compiled.traces) == 2


class Branches(keras.layers.Layer):
    def call(self, x):
        if ops.sum(x) > 0:
            return x * 2.0
        return x


LINE = r'test_eager_equals_compiled\.py", line \d+ \(`if ops\.sum\(x\) > 0:`\)'


class TestWhatCannotBeTraced:
    def model(self, **options):
        keras.utils.set_random_seed(5)
        model = keras.Sequential([Branches(), keras.layers.Dense(3)])
        model.compile("sgd", "mse", **options)
        return model

    def data(self):
        generator = np.random.default_rng(0)
        return generator.normal(size=(36, 6)).astype("float32"), np.ones((36, 3), "float32")

    def test_trains_op_by_op_after_one_warning(self):
        x, y = self.data()
        with pytest.warns(UserWarning, match="cannot be compiled and runs op by op") as caught:
            model = self.model()
            history = model.fit(x, y, epochs=2, batch_size=8, validation_data=(x, y), verbose=0).history
            model.evaluate(x, y, verbose=0)
            predictions = model.predict(x, verbose=0)
            model.fit(x, y, epochs=1, verbose=0)
        assert len(caught) == 1, [str(w.message) for w in caught]
        assert re.search(LINE, str(caught[0].message))
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            eager = self.model(run_eagerly=True)
            wanted = eager.fit(x, y, epochs=2, batch_size=8, validation_data=(x, y), verbose=0).history
            np.testing.assert_array_equal(eager.predict(x, verbose=0), predictions)
        assert history == wanted

    def test_is_an_error_where_compilation_was_asked_for(self):
        model = self.model(jit_compile=True)
        for run in (model.fit, model.evaluate, lambda x, y, verbose: model.predict(x, verbose=verbose)):
            with pytest.raises(NoValueError, match=LINE):
                run(*self.data(), verbose=0)

    @pytest.mark.parametrize("options", [{"run_eagerly": True}, {"jit_compile": False}])
    def test_is_no_matter_where_nothing_is_compiled(self, options):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.model(**options).fit(*self.data(), verbose=0)


# Memory


def wide(batch, **options):
    layers = keras.layers
    body = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    head = [layers.Dense(64, "tanh"), layers.Dropout(0.3), layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((20, 20, 3)), *body, *head])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    model.train_on_batch(*batch)
    return model


def memory_of_steps(step, batch, count: int) -> tuple[int, int]:
    """Return the peak memory of training steps over what there was before them, and what more there is after them."""
    step(batch)
    tracemalloc.start()
    try:
        step(batch)
        step(batch)
        gc.collect()  # (which empties Python's own stores of freed tuples as well)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(count):
            step(batch)
        peak = tracemalloc.get_traced_memory()[1]
        gc.collect()
        return peak - before, tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


BATCH = np.ones((64, 20, 20, 3), "float32"), np.zeros(64, "int32")


def test_memory_does_not_grow_over_steps():
    _, grown = memory_of_steps(wide(BATCH, jit_compile=True)._step("train"), BATCH, 30)
    assert grown < 2_000


def test_peak_memory_is_below_that_of_eager_steps():
    """With the planned buffers counted as the compiled step's own."""
    eager, _ = memory_of_steps(wide(BATCH, run_eagerly=True)._step("train"), BATCH, 2)
    step = wide(BATCH, jit_compile=True)._step("train")
    compiled, _ = memory_of_steps(step, BATCH, 2)
    (trace,) = step._compiled.traces.values()
    assert compiled + trace.executable.plan.size < eager
