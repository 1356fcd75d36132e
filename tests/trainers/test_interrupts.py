"""Ctrl-C in training: the model has the values of a whole number of steps, and a History."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import numpy as np
import pytest

import kerasish as keras
from kerasish.compiler import interrupts

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 64)


def make(**options):
    keras.utils.set_random_seed(4)
    layers = keras.layers
    body = [layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dropout(0.2)]
    model = keras.Sequential([keras.Input((6,)), *body, layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def state_of(model):
    return [v.numpy().tobytes() for v in (*model.variables, *model.optimizer.variables)]


class Remember(keras.callbacks.Callback):
    """Keeps the state after each step."""

    def __init__(self, states):
        super().__init__()
        self.states = states

    def on_train_batch_end(self, batch, logs=None):
        self.states.append(state_of(self.model))


def interrupt_after(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_an_interrupted_fit_leaves_a_whole_number_of_steps():
    states = []
    model = make()
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(X, Y, epochs=30, callbacks=[Remember(states)], **options)
    moments = random.Random(0)
    found = 0
    for _ in range(8):
        made = make()
        made.fit(X, Y, epochs=1, **options)
        seconds = moments.uniform(0, 0.02)
        press = keras.callbacks.LambdaCallback(
            on_train_begin=lambda logs, seconds=seconds: interrupt_after(seconds)
        )
        with pytest.raises(KeyboardInterrupt):
            made.fit(X, Y, initial_epoch=1, epochs=10_000, callbacks=[press], **options)
        steps = int(made.optimizer.iterations.numpy())
        if steps <= len(states):
            assert state_of(made) == states[steps - 1], steps
            found += 1
        assert made.history.epoch == list(range(1, len(made.history.epoch) + 1))
        assert np.isfinite(made.predict(X, verbose=0)).all()
        assert made.fit(X, Y, epochs=1, **options).epoch == [0]
    assert found


def test_history_holds_the_epochs_before_the_interrupt(oracle):
    found = []
    for library in (keras, oracle):

        class Stop(library.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    raise KeyboardInterrupt

        model = library.Sequential([library.Input((6,)), library.layers.Dense(3, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=5, verbose=0, callbacks=[Stop()])
        found.append((model.history.epoch, len(model.history.history["loss"])))
    assert found[0] == found[1] == ([0, 1], 2)


def test_a_step_that_is_interrupted_ends_first():
    """Sent by the step itself, in the middle of it."""
    values = keras.Variable(np.zeros(2, "float32"))
    others = keras.Variable(np.zeros(2, "float32"))

    def both(x):
        values.assign_add(x)
        others.assign_add(x)

    step = keras.function(both)
    step(np.zeros(2, "float32"))
    executable = next(iter(step.traces.values())).executable
    instance = executable._instance()
    run = instance.run

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return run(*arguments)

    instance.run = interrupted
    executable._idle.append(instance)
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        step(np.ones(2, "float32"))
    assert values.numpy().tolist() == others.numpy().tolist() == [1.0, 1.0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_s_own_is_left_alone():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        handler = signal.getsignal(signal.SIGINT)

        class Press(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                assert signal.getsignal(signal.SIGINT) is handler
                if batch == 1:
                    os.kill(os.getpid(), signal.SIGINT)

        assert len(make().fit(X, Y, epochs=1, verbose=0, callbacks=[Press()]).epoch) == 1
        assert seen == [1]
    finally:
        signal.signal(signal.SIGINT, before)


def test_training_in_another_thread_than_the_main_one():
    result = []
    thread = threading.Thread(target=lambda: result.append(make().fit(X, Y, epochs=2, verbose=0).epoch))
    thread.start()
    thread.join()
    assert result == [[0, 1]]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
