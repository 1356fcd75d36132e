"""A GPU whose memory is used up, at any moment: the model is as it was, and goes on when there is room again."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import strict_device
from cuda_stand_in import StandInRuntime, strict_gpu
from strict_device import StrictArray

import kerasish as keras
from kerasish import Variable, ops
from kerasish.devices import MemoryInfo, OutOfMemoryError


@pytest.fixture
def memory(monkeypatch):
    """The strict device, whose every new array (of its runtime too) is asked for first; `fails_in` says which is refused."""
    runtime = StandInRuntime(StrictArray)
    original = strict_device._strict

    def asked(value):
        runtime._ask()
        return original(value)

    monkeypatch.setattr(strict_device, "_strict", asked)
    with strict_gpu(runtime):
        yield runtime


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
    """Something that the array library computes."""

    def call(self, x):
        return ops.sort(x)


class _Factors(keras.layers.Layer):
    """Something that waits for the GPU, so that it cannot be recorded."""

    def call(self, x):
        return x + ops.sum(ops.cholesky(ops.eye(3) * (1 + ops.sum(ops.square(x)))))


def _model(metrics, layer=None):
    keras.utils.set_random_seed(2)
    layers = [
        keras.layers.Input((4,)),
        keras.layers.Dense(5, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5, seed=3),
        (layer or _Sorting)(),
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


MODELS = {
    "no call of the array library": lambda: _model(["accuracy"], keras.layers.Flatten),
    "calls in the model": lambda: _model([]),
    "calls in metrics": lambda: _model([_mean_of_largest], keras.layers.Flatten),
    "calls that wait": lambda: _model([], _Factors),
    "calls, step by step on arguments": lambda: _model([]),
}


@pytest.mark.parametrize("records", [True, False], ids=["", "nothing is recorded"])
@pytest.mark.parametrize("model", MODELS)
def test_training(memory, model, records, monkeypatch):
    make = MODELS[model]
    memory.records = records
    if "step by step" in model:
        monkeypatch.setattr("kerasish.compiler.executors.cuda.program._COPIED_IN_A_CALL", 0)

    def train():
        model.train_on_batch(_X, _Y)

    def trained():
        # (The metrics start anew with each batch.)
        return [v.numpy() for v in (*model.weights, *model.optimizer.variables)]

    model, states = make(), []
    model.optimizer.build(model.trainable_variables)
    states.append(trained())
    for _ in range(4):
        train()
        states.append(trained())
    model = make()
    fails_everywhere(memory, lambda: model.optimizer.build(model.trainable_variables), trained, states.pop(0))
    for after in states:  # traces and launches; records; replays; replays
        held = [
            v.value for v in model.trainable_variables
        ]  # what is read elsewhere is copied before it is changed
        assert fails_everywhere(memory, train, trained, after) >= len(held)
        del held


def test_predictions_and_copies(memory):
    model = _model([])
    model.train_on_batch(_X, _Y)
    before = _state(model)
    for action in (
        lambda: model.predict(_X, batch_size=2, verbose=0),
        lambda: model.predict_on_batch(_X),
        lambda: copy.deepcopy(model.layers[0]),
        lambda: keras.models.clone_model(model),
        lambda: keras.ops.matmul(model.layers[0].kernel, model.layers[0].kernel.T),
    ):
        assert fails_everywhere(memory, action, lambda: _state(model), before)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.assign(np.ones((2, 3))),
        lambda v: v.assign(ops.ones((2, 3), "float64")),
        lambda v: v.assign_add(1.0),
        lambda v: v.assign_sub(np.ones((2, 3), "int32")),
    ],
)
def test_variables(memory, change):
    changed = Variable(np.full((2, 3), 5.0, "float32"))
    change(changed)
    variable = Variable(np.full((2, 3), 5.0, "float32"))
    reader = variable.value
    fails_everywhere(memory, lambda: change(variable), lambda: [variable.numpy()], [changed.numpy()])
    assert reader.numpy().tolist() == [[5.0] * 3] * 2


def test_what_cupy_raises_is_told_in_full(monkeypatch):
    cupy = pytest.importorskip("cupy")
    from kerasish.compiler.executors.cuda.runtime import CupyRuntime
    from kerasish.devices import gpu_runtime

    monkeypatch.setattr(gpu_runtime, "count", lambda: 1)
    monkeypatch.setattr(cupy.cuda.runtime, "getDevice", lambda: 0)
    info = MemoryInfo("gpu:0", 80 << 30, 1 << 30, 70 << 30, 2 << 30)
    monkeypatch.setattr(gpu_runtime, "memory_info", lambda number: info)

    def of_cuda(cls, status):
        error = cls.__new__(cls)  # (the constructors ask the driver for words)
        error.status = status
        return error

    runtime, driver = cupy.cuda.runtime.CUDARuntimeError, cupy.cuda.driver.CUDADriverError
    used_up = [
        ("for 3 GiB more", cupy.cuda.memory.OutOfMemoryError(3 << 30, 70 << 30)),
        ("for more", of_cuda(runtime, 2)),
        ("for more", of_cuda(driver, 2)),
    ]
    for asked, error in used_up:
        said = f"no room {asked} on gpu:0: 1 GiB of 80 GiB are free, .* smaller batch .* is unharmed"
        with pytest.raises(OutOfMemoryError, match=said), CupyRuntime(0).use():
            raise error
    for other in (of_cuda(runtime, 700), of_cuda(driver, 1), ValueError()):
        with pytest.raises(type(other)) as caught, CupyRuntime(0).use():
            raise other
        assert caught.value is other
