"""A GPU whose memory is used up, at any moment: the model is as it was, and goes on when there is room again."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import strict_device
from cuda_stand_in import StandInRuntime
from strict_device import StrictArray

import kerasish as keras
from kerasish import Variable, ops
from kerasish.compiler.executors import register_runtime
from kerasish.devices import OutOfMemoryError


@pytest.fixture
def memory(monkeypatch):
    """The strict device, whose every new array (of its runtime too) is asked for first; `fails_in` says which is refused."""
    runtime = StandInRuntime(StrictArray)
    original = strict_device._strict

    def asked(value):
        runtime._ask()
        return original(value)

    monkeypatch.setattr(strict_device, "_strict", asked)
    register_runtime(StrictArray, lambda array: runtime)
    with strict_device.strict_device():
        yield runtime
    register_runtime(StrictArray, None)


def fails_everywhere(memory, action, state, after):
    """Refuse the first request for memory of `action`, then the second, and so on until it is done.

    Each time, what `state` returns must be what it was, or `after`, where only what came then could not be had.

    Returns:
        How often the action failed.
    """
    before, failures = state(), 0
    while True:
        memory.fails_in = failures + 1
        try:
            action()
        except OutOfMemoryError:
            memory.fails_in = 0
            failures += 1
            now = state()
            if not _same(now, before):
                break
        else:
            assert memory.fails_in, "a request was refused and nobody noticed"
            memory.fails_in = 0
            now = state()
            break
    assert _same(now, after)
    return failures


def _same(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


class _Sorting(keras.layers.Layer):
    def call(self, x):
        return ops.sort(x)


def _model(metrics):
    keras.utils.set_random_seed(2)
    layers = [
        keras.layers.Input((4,)),
        keras.layers.Dense(5, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5, seed=3),
        _Sorting(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=metrics)
    return model


_X, _Y = np.random.default_rng(0).random((6, 4), "float32"), np.array([0, 1, 2, 0, 1, 2])


def _state(model):
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def _mean_of_largest(y_true, y_pred):
    return ops.sum(ops.sort(y_pred, -1)[:, -2:], -1)  # sorting is the array library's


METRICS = {
    "no metrics": list,
    "metrics": lambda: ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
    "a metric by the array library": lambda: [_mean_of_largest],
}


@pytest.mark.parametrize("metrics", METRICS)
def test_training(memory, metrics):
    def train():
        model.train_on_batch(_X, _Y)

    def trained():
        # (The metrics start anew with each batch.)
        return [v.numpy() for v in (*model.weights, *model.optimizer.variables)]

    model, states = _model(METRICS[metrics]()), []
    model.optimizer.build(model.trainable_variables)
    states.append(trained())
    for _ in range(4):
        train()
        states.append(trained())
    model = _model(METRICS[metrics]())
    fails_everywhere(memory, lambda: model.optimizer.build(model.trainable_variables), trained, states.pop(0))
    for after in states:  # traces and launches; records; replays; replays
        held = [
            v.value for v in model.trainable_variables
        ]  # what is read elsewhere is copied before it is changed
        assert fails_everywhere(memory, train, trained, after) >= len(held)
        del held
