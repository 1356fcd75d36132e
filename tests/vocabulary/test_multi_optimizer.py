"""Several optimizers behind one, and the kernels of short-time Fourier transforms."""

import itertools

import numpy as np
import pytest

import kerasish
from kerasish import initializers, optimizers


def compiled(keras):
    model = keras.Sequential(name="model")
    model.add(keras.Input((3,)))
    for name, units in (("first", 4), ("second", 2), ("third", 1)):
        model.add(keras.layers.Dense(units, name=name, kernel_initializer="ones"))
    chosen = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.001, name="rest"))
    chosen[".*first/.*"] = keras.optimizers.Adam(0.01, name="a")
    chosen[".*second/kernel"] = keras.optimizers.RMSprop(0.01, use_ema=True, name="r")
    model.compile(keras.optimizers.MultiOptimizer(chosen), loss="mse")
    return model


def fitted(model):
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    history = model.fit(x, x.sum(1, keepdims=True), batch_size=8, epochs=2, shuffle=False, verbose=0)
    return history.history["loss"]


def test_training_config_and_files_equal_the_oracle(oracle, tmp_path):
    ours, theirs = compiled(kerasish), compiled(oracle)
    np.testing.assert_allclose(fitted(ours), fitted(theirs), rtol=1e-5)
    assert optimizers.serialize(ours.optimizer) == oracle.optimizers.serialize(theirs.optimizer)
    assert [v.path.split("/")[-1] for v in ours.optimizer.variables] == [
        v.path.split("/")[-1] for v in theirs.optimizer.variables
    ]
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    pairs = [
        (ours, theirs),
        (ours, oracle.saving.load_model(tmp_path / "ours.keras")),
        (kerasish.saving.load_model(tmp_path / "theirs.keras"), theirs),
    ]
    for mine, other in pairs:
        assert len(mine.optimizer.variables) == len(other.optimizer.variables)
        for a, b in zip(
            [*mine.weights, *mine.optimizer.variables],
            [*other.weights, *other.optimizer.variables],
            strict=True,
        ):
            np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=1e-5, atol=1e-5)


def test_a_function_may_choose_and_weights_can_be_set():
    sgd, adam = optimizers.SGD(0.5), optimizers.Adam()
    multi = optimizers.MultiOptimizer(lambda v: sgd if v.shape == (2,) else adam, loss_scale_factor=4.0)
    variables = [kerasish.Variable([1.0, 1.0]), kerasish.Variable([1.0, 1.0, 1.0])]
    for _ in range(2):
        multi.apply([np.ones(2, "float32"), np.ones(3, "float32")], variables)
    assert multi.optimizers == [sgd, adam] and int(multi.iterations) == int(adam.iterations) == 2
    np.testing.assert_allclose(variables[0].numpy(), [0.75, 0.75])
    assert sgd.loss_scale_factor == 4.0 and float(multi.scale_loss(1.0)) == 4.0
    values = [v.numpy() + 1 for v in multi.variables]
    multi.set_weights(values)
    for variable, value in zip(multi.variables, values, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    before = [variable.numpy() for variable in variables]
    after, state = multi.stateless_apply(values, [np.ones(2, "float32"), np.ones(3, "float32")], before)
    rate = float(sgd.learning_rate)
    np.testing.assert_allclose(after[0].numpy(), before[0] - rate / 4, rtol=1e-6)
    assert int(state[0]) == int(values[0]) + 1 and int(multi.iterations) == int(values[0])


def test_maps_find_paths_by_expression():
    sgd, adam, default = optimizers.SGD(), optimizers.Adam(), optimizers.Adagrad()
    chosen = optimizers.OptimizerMap(default, {"a/.*": sgd})
    chosen["a/b"] = adam
    assert (chosen["a/b"], chosen["a/c"], chosen["d"]) == (adam, sgd, default)
    assert len(chosen) == 2 and list(chosen) == ["a/.*", "a/b"]
    chosen["a/[c]"] = adam
    with pytest.raises(ValueError, match="Multiple optimizers assigned to variable a/c"):
        chosen["a/c"]
    del chosen["a/[c]"]
    assert chosen["a/c"] is sgd


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.OptimizerMap("sgd"), TypeError, "default_optimizer must be"),
        (lambda: optimizers.OptimizerMap(optimizers.SGD(), [1]), TypeError, "must be a dictionary"),
        (
            lambda: mapped("a", optimizers.SGD()).__setitem__("a", optimizers.SGD()),
            ValueError,
            "already exists",
        ),
        (lambda: mapped(3, optimizers.SGD()), ValueError, "key must be a string"),
        (lambda: mapped("a", "sgd"), ValueError, "must be a Keras Optimizer instance"),
        (
            lambda: mapped("a", optimizers.LossScaleOptimizer(optimizers.SGD())),
            ValueError,
            "cannot be LossScale",
        ),
        (lambda: multi().learning_rate, AttributeError, "on the individual sub-optimizers"),
        (lambda: setattr(multi(), "learning_rate", 0.1), AttributeError, "on the individual sub-optimizers"),
        (
            lambda: multi(lambda v: "sgd").build([kerasish.Variable(1.0)]),
            ValueError,
            "is not an Optimizer instance",
        ),
        (
            lambda: multi(lambda v: multi()).build([kerasish.Variable(1.0)]),
            ValueError,
            "MultiOptimizer cannot be used",
        ),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def mapped(key, optimizer):
    chosen = optimizers.OptimizerMap(optimizers.SGD())
    chosen[key] = optimizer
    return chosen


def multi(choose=None):
    return optimizers.MultiOptimizer(choose or optimizers.OptimizerMap(optimizers.SGD()))


# Kernels of short-time Fourier transforms

WINDOWS = ("hann", "hamming", "blackman", "bartlett", "boxcar", "nuttall", "cosine", None, list(range(8)))


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_stft_kernels_equal_the_oracle(oracle, window):
    for side, scaling, periodic in itertools.product(
        ("real", "imag"), ("density", "spectrum", None), (False, True)
    ):
        arguments = (side, window, scaling, periodic)
        ours, theirs = initializers.STFT(*arguments), oracle.initializers.STFT(*arguments)
        np.testing.assert_allclose(ours((8, 1, 5)).numpy(), np.asarray(theirs((8, 1, 5))), atol=1e-6)
        assert initializers.serialize(ours) == oracle.initializers.serialize(theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": "left"}, "side should be 'real' or 'imag', not left"),
        ({"window": "round"}, "(Unknown|Invalid) window"),
        ({"scaling": "none"}, "Received scaling=none"),
        ({"window": [1.0, 2.0]}, "must be equal to \\[frame_length\\]"),
    ],
)
def test_bad_stft_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        initializers.STFT(**arguments)((8, 1, 5))
