"""One model used by many threads and processes at once."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import kerasish as keras
from kerasish import layers, ops
from kerasish.autograd.state import making

THREADS = 16


class Scaled(layers.Layer):
    """Adds a loss and keeps a variable, as layers of users do."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        self.add_loss(0.01 * ops.sum(ops.square(self.gain)))
        return x * self.gain


def dense():
    body = [layers.Dense(16, "relu"), layers.BatchNormalization(), Scaled(), layers.Dropout(0.5)]
    return keras.Sequential([keras.Input((8,)), *body, layers.Dense(3, "softmax")])


def recurrent():
    inputs = keras.Input((4, 8))
    x = layers.Bidirectional(layers.LSTM(5, return_sequences=True))(inputs)
    return keras.Model(inputs, layers.Dense(2)(layers.GRU(4)(x)))


MODELS = {"dense": (dense, (8,)), "recurrent": (recurrent, (4, 8))}


def in_threads(work, count=THREADS):
    """Run `work(number)` in threads that start at the same moment, and return what each returns."""
    barrier = threading.Barrier(count)

    def run(number):
        barrier.wait()
        return work(number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns within a call
    try:
        with ThreadPoolExecutor(count) as pool:
            return [f.result() for f in [pool.submit(run, number) for number in range(count)]]
    finally:
        sys.setswitchinterval(interval)


WAYS = {
    "predict": lambda model: lambda x: model.predict(x, verbose=0),
    "call": lambda model: lambda x: model(x).numpy(),
    "function": lambda model: (lambda f: lambda x: f(x).numpy())(keras.function(model)),
    "predict_on_batch": lambda model: model.predict_on_batch,
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_threads_get_what_one_would(name, way):
    """Several threads with batches of the same shape, and several shapes."""
    build, shape = MODELS[name]
    model = build()
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(1 + number % 3, *shape)).astype("float32") for number in range(THREADS)]
    wanted = [WAYS[way](model)(x) for x in data]
    call = WAYS[way](build_like(model, build))

    def work(number):
        return [call(data[number]) for _ in range(4)]

    for results, expected in zip(in_threads(work), wanted, strict=True):
        for result in results:
            np.testing.assert_array_equal(result, expected)


def build_like(model, build):
    """Return a model with the same weights, for which nothing has been traced."""
    other = build()
    other.set_weights(model.get_weights())
    return other


def test_a_first_call_by_many_threads_makes_weights_once():
    for _ in range(5):
        model = keras.Sequential(
            [layers.Dense(4, "relu"), Scaled(), layers.LayerNormalization(), layers.Dense(2)]
        )
        x = np.ones((3, 6), "float32")
        results = in_threads(lambda _, model=model, x=x: model(x).numpy())
        assert len(model.weights) == 7 and len({w.path for w in model.weights}) == 7
        for result in results:
            np.testing.assert_array_equal(result, results[0])


def test_a_signature_is_traced_once_however_many_threads_meet_it():
    calls = []

    def twice(x):
        calls.append(x.shape)
        return x * 2.0

    f = keras.function(twice)
    in_threads(lambda number: f(np.ones((number % 2 + 1, 3), "float32")))
    assert sorted(calls) == [(1, 3), (2, 3)]


def test_losses_belong_to_the_thread_that_called():
    model = dense()
    model(np.ones((2, 8), "float32"))
    found = in_threads(lambda _: [len(model.losses), model(np.ones((2, 8), "float32")), len(model.losses)], 4)
    assert [(before, after) for before, _, after in found] == [(0, 1)] * 4
    assert len(model.losses) == 1


@pytest.mark.parametrize("name", MODELS)
def test_training_goes_on_undisturbed_while_others_predict(name):
    build, shape = MODELS[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, *shape)).astype("float32")
    y = rng.integers(0, 2, 40)

    def train(disturbing):
        keras.utils.set_random_seed(5)
        model = build()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        stop, others, seen = threading.Event(), [], []

        def predict(number):
            while not stop.is_set():
                way = model.predict if number % 2 else model.__call__
                out = way(x[: number + 1], **({"verbose": 0} if number % 2 else {"training": False}))
                seen.append(np.asarray(out).shape[0] == number + 1)

        for number in range(3 if disturbing else 0):
            others.append(threading.Thread(target=predict, args=(number,)))
            others[-1].start()
        try:
            history = model.fit(x, y, batch_size=8, epochs=4, verbose=0).history
        finally:
            stop.set()
            for thread in others:
                thread.join()
        assert all(seen) and bool(seen) is disturbing
        return history, model.get_weights()

    (alone, weights), (beside, others) = train(False), train(True)
    assert alone == beside
    for mine, theirs in zip(weights, others, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def predict_in_worker(model, x):
    return model.predict(x, verbose=0), model(x).numpy()


def predict_pickled(content, x):
    return predict_in_worker(pickle.loads(content), x)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_predict_as_their_parent(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    rng = np.random.default_rng(0)
    jobs = []
    for build, shape in (MODELS["dense"], MODELS["recurrent"]):
        model = build()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        x = rng.normal(size=(5, *shape)).astype("float32")
        model.fit(x, np.zeros(5, "int32"), verbose=0)
        model.predict(x, verbose=0)
        # (A class of this module is pickled by its name, which a new process may not find.)
        jobs.append((model, x))
    if method == "spawn":
        jobs = [job for job in jobs if not any(isinstance(layer, Scaled) for layer in job[0].layers)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        for model, x in jobs:
            for result in pool.starmap(predict_in_worker, [(model, x)] * 3):
                for mine, wanted in zip(result, predict_in_worker(model, x), strict=True):
                    np.testing.assert_array_equal(mine, wanted)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="forks")
def test_forking_waits_for_what_other_threads_are_making():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    x = np.ones((2, 3), "float32")
    holding, release = threading.Event(), threading.Event()

    def make():
        with making:
            holding.set()
            release.wait(10)

    thread = threading.Thread(target=make)
    thread.start()
    holding.wait()
    threading.Timer(0.2, release.set).start()
    process = multiprocessing.get_context("fork").Process(
        target=model.predict, args=(x,), kwargs={"verbose": 0}
    )
    process.start()  # the child would wait for ever for what its parent's thread held
    assert release.is_set()
    process.join(30)
    thread.join()
    assert process.exitcode == 0
