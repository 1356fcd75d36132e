"""Functions that are computed again for their gradients, and the scopes beside them."""

import numpy as np
import pytest

import kerasish as keras
from kerasish import ops
from kerasish.autograd import gradients_of


@pytest.fixture
def x():
    return keras.Tensor(np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3), requires_grad=True)


def test_gradients_and_random_numbers_are_the_same(x):
    weights = keras.Variable(np.full((3, 3), 0.1, "float32"))
    seeds, runs = keras.random.SeedGenerator(3), []

    def function(inputs, scale=1.0):
        runs.append(1)
        hidden = keras.random.dropout(ops.tanh(ops.matmul(inputs["x"], weights)), 0.5, seed=seeds)
        return {"twice": hidden * 2, "power": [ops.exp(hidden * scale), "text"]}

    def gradients(f):
        seeds.state.assign([3, 0])
        runs.clear()
        result = f({"x": x}, scale=x)
        assert result["power"][1] == "text"
        loss = ops.sum(result["twice"]) + ops.sum(ops.square(result["power"][0]))
        found = gradients_of([loss], [x, weights])
        assert seeds.state.numpy()[1] == 1
        return [loss, *found], len(runs)

    plain, once = gradients(function)
    again, twice = gradients(keras.remat(function))
    assert (once, twice) == (1, 2)
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_gradients_of_gradients(x):
    weights = keras.Variable(np.full((3, 3), 0.3, "float32"))

    def function(y):
        return ops.tanh(ops.matmul(y, weights)) * ops.exp(y)

    def second(f):
        return keras.grad(lambda z: ops.sum(keras.grad(lambda y: ops.sum(f(y)))(z) ** 2))(x).numpy()

    np.testing.assert_allclose(second(keras.remat(function)), second(function), rtol=1e-5)


def test_results_without_gradients_are_plain():
    assert not keras.remat(lambda y: y * 2)(keras.Tensor([1.0])).requires_grad
    with keras.no_grad():
        assert not keras.remat(lambda y: y * 2)(keras.Tensor([1.0], requires_grad=True)).requires_grad


def test_a_changed_variable_is_noticed():
    v = keras.Variable([1.0, 2.0])
    loss = ops.sum(keras.remat(lambda y: y * v)(ops.ones(2)))
    v.assign_add([1.0, 1.0])
    with pytest.raises(RuntimeError, match="was changed in place after"):
        loss.backward()


@pytest.mark.parametrize("eager", [True, False])
def test_layers_train_alike(eager):
    class Block(keras.layers.Layer):
        def __init__(self, wrap):
            super().__init__()
            self.dense = keras.layers.Dense(3, kernel_initializer="ones", activation="tanh")
            self.wrap = wrap

        def call(self, inputs):
            return self.wrap(self.dense)(inputs)

    losses = []
    for wrap in (keras.remat, lambda f: f):
        model = keras.Sequential([keras.Input((3,)), Block(wrap)])
        model.compile("sgd", "mse", run_eagerly=eager)
        losses.append(model.fit(np.ones((8, 3)), np.zeros((8, 3)), epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


def test_new_tensors_live_where_the_scope_says():
    with keras.device("cpu:0"), keras.device("CPU"):
        assert ops.ones(2).device == "cpu"
    for name in ("cpu:1", "gpu:", "gpu:one", "abacus"):
        with pytest.raises(ValueError, match=r"Expected one of \[.*'cpu:0'.*Received: device_name='" + name):
            keras.device(name)


def test_stateless_scopes_gather_losses():
    layer = keras.layers.ActivityRegularization(l1=1.0)
    with keras.StatelessScope(collect_losses=True) as scope:
        layer(np.ones((1, 2), "float32"))
    assert [float(loss) for loss in scope.losses] == [2.0]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ([("v", 1.0)], "all keys in argument `mapping` must be Variable"),
        ([(keras.Variable(1.0), [1.0, 2.0])], "a shape that matches the corresponding variable shape"),
    ],
)
def test_bad_stateless_values(mapping, message):
    with pytest.raises(ValueError, match=message):
        keras.StatelessScope(mapping)


@pytest.mark.parametrize(
    ("arguments", "again"),
    [
        (dict(), (2, 2)),
        (dict(mode="larger_than", output_size_threshold=7), (2, 1)),
        (dict(mode="list_of_layers", layer_names=["small"]), (1, 2)),
        (dict(mode="activations"), (1, 1)),
        (dict(mode=None), (1, 1)),
    ],
)
def test_layers_made_in_a_scope_are_computed_again(x, arguments, again):
    runs = {"large": 0, "small": 0}

    class Counting(keras.layers.Dense):
        def call(self, inputs):
            if not isinstance(inputs, keras.KerasTensor):
                runs[self.name] += 1
            return super().call(inputs)

    def gradients(**scope):
        keras.utils.set_random_seed(0)
        with keras.RematScope(**scope):
            large = Counting(4, activation="tanh", name="large")
            small = Counting(3, activation="tanh", name="small")
        large.build((2, 3))
        small.build((2, 4))
        runs.update(large=0, small=0)
        loss = ops.sum(small(large(x)))
        return [loss, *gradients_of([loss], [x, *large.trainable_weights, *small.trainable_weights])]

    plain, found = gradients(mode=None), gradients(**arguments)
    assert (runs["large"], runs["small"]) == again
    for a, b in zip(plain, found, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_models_with_layers_made_in_a_scope_train():
    with keras.RematScope():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    for eager in (True, False):
        model.compile("sgd", "mse", run_eagerly=eager)
        losses = model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=3, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
    with pytest.raises(ValueError, match="Invalid mode 'some'"):
        keras.RematScope("some")


def test_nothing_changes_in_a_symbolic_scope():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    with keras.SymbolicScope():
        assert layer(keras.KerasTensor((2, 3)), training=True).shape == (2, 3)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))
