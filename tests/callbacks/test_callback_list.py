"""The list: order, which hooks are called, and when logs are read."""

from __future__ import annotations

import json

import pytest
from callback_fakes import Model, run

from kerasish.callbacks import (
    Callback,
    CallbackList,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ProgbarLogger,
    TerminateOnNaN,
)
from kerasish.callbacks.logs import LazyLogs, to_floats

MODES = ("train", "test", "predict")


class FloatLike:
    def __init__(self, value):
        self.value = value
        self.reads = 0

    def __float__(self):
        self.reads += 1
        return self.value


def overriding(*hooks):
    """A callback that overrides the named hooks and records their calls."""
    calls = []

    def hook(name):
        return lambda self, *args, **kwargs: calls.append((name, args, kwargs))

    callback = type("Recorder", (Callback,), {name: hook(name) for name in hooks})()
    callback.calls = calls
    return callback


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("moment", ["begin", "end"])
def test_batch_hooks_are_wanted_only_where_overridden(mode, moment):
    callbacks = CallbackList([Callback(), overriding(f"on_{mode}_batch_{moment}")], model=Model())
    assert [callbacks.wants_batch_hooks(m) for m in MODES] == [m == mode for m in MODES]
    assert [callbacks.wants_batch_logs(m) for m in MODES] == [m == mode and moment == "end" for m in MODES]


@pytest.mark.parametrize(
    ("callback", "wanted"),
    [
        (Callback(), False),
        (History(), False),
        (LambdaCallback(on_epoch_end=print), False),
        (LambdaCallback(on_train_batch_end=lambda batch, logs: None), True),
        (LambdaCallback(on_train_batch_begin=lambda batch, logs: None), True),
        (overriding("on_batch_end"), True),
        (overriding("on_batch_begin"), True),
        (TerminateOnNaN(), True),
        (ModelCheckpoint("m.keras"), False),
        (ModelCheckpoint("m.keras", save_freq=3), True),
        (
            type("Own", (ModelCheckpoint,), {"on_train_batch_end": lambda self, b, logs: None})("m.keras"),
            True,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_who_listens_to_training_batches(callback, wanted):
    assert CallbackList(callback, model=Model()).wants_batch_hooks("train") is wanted


def test_a_callback_appended_later_is_heard():
    callbacks = CallbackList(model=Model())
    recorder = overriding("on_train_batch_end")
    callbacks.append(recorder)
    callbacks.on_train_batch_end(3, {"loss": 1.0})
    assert recorder.calls == [("on_train_batch_end", (3,), {"logs": {"loss": 1.0}})]


def test_the_older_batch_hooks_are_called():
    recorder = overriding("on_batch_begin", "on_batch_end")
    callbacks = CallbackList([recorder], model=Model())
    callbacks.on_train_batch_begin(0)
    callbacks.on_train_batch_end(0, {"loss": 2})
    assert [name for name, _, _ in recorder.calls] == ["on_batch_begin", "on_batch_end"]
    assert recorder.calls[1][2] == {"logs": {"loss": 2.0}}


def test_a_callback_gets_floats_once_a_batch_and_may_keep_them():
    value = FloatLike(0.5)
    kept = []
    keep = LambdaCallback(on_train_batch_end=lambda batch, logs: kept.append(logs))
    callbacks = CallbackList([keep, keep], model=Model())
    callbacks.on_train_batch_end(0, LazyLogs(lambda: {"loss": value}))
    value.value = 9.0
    assert kept[0] == {"loss": 0.5} and type(kept[0]) is dict and type(kept[0]["loss"]) is float
    assert value.reads == 1


def test_logs_that_nobody_looks_at_are_not_computed():
    def fail():
        raise AssertionError("read")

    lazy = type(
        "Lazy", (Callback,), {"reads_logs_lazily": True, "on_train_batch_end": lambda s, b, logs=None: None}
    )
    callbacks = CallbackList([lazy(), Callback()], model=Model())
    callbacks.on_train_batch_end(0, LazyLogs(fail))


def test_lazy_logs_are_a_mapping_of_floats_read_once():
    reads = []

    def read():
        reads.append(1)
        return {"loss": FloatLike(2.0), "accuracy": 1}

    logs = LazyLogs(read)
    assert not reads
    assert list(logs) == ["accuracy", "loss"] and len(logs) == 2 and "loss" in logs
    assert dict(logs) == {"accuracy": 1.0, "loss": 2.0} == {**logs} and repr(logs) == repr(dict(logs))
    assert json.dumps(dict(logs)) == '{"accuracy": 1.0, "loss": 2.0}'
    assert len(reads) == 1


def test_to_floats_flattens_sorts_and_keeps_what_is_no_number():
    marker = object()
    logs = {"loss": 1, "head": {"mae": FloatLike(3.0)}, "array": marker}
    assert list(to_floats(logs).items()) == [("array", marker), ("mae", 3.0), ("loss", 1.0)]
    assert to_floats(None) == {}


def test_what_a_callback_adds_at_the_end_of_an_epoch_is_seen_by_the_next():
    first = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch))
    model = Model()
    given = {"loss": 1.0}
    run(CallbackList([first], add_history=True, model=model), [given, given])
    assert model.history.history == {"loss": [1.0, 1.0], "extra": [0, 1]}
    assert given == {"loss": 1.0}


def test_history_is_added_once_and_is_the_models():
    own = History()
    model = Model()
    callbacks = CallbackList(
        [own, [Callback()]], add_history=True, add_progbar=True, model=model, verbose=0, epochs=2
    )
    assert [type(c) for c in callbacks.callbacks] == [History, Callback, ProgbarLogger]
    assert model.history is own
    assert own.params == {"verbose": 0, "epochs": 2}
    run(callbacks, [{"loss": 2.0}, {"loss": 1.0, "val_loss": 3.0}])
    assert own.history == {"loss": [2.0, 1.0], "val_loss": [3.0]} and own.epoch == [0, 1]


@pytest.mark.parametrize("name", ["train", "test", "predict"])
def test_an_end_without_a_beginning_is_an_error(name):
    callbacks = CallbackList(model=Model())
    with pytest.raises(ValueError, match=f"`on_{name}_end` called without corresponding `on_{name}_begin`"):
        getattr(callbacks, f"on_{name}_end")()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(History, r"Did you mean `History\(\)`"), ("early_stopping", "Received: 'early_stopping'")],
)
def test_something_else_than_a_callback_is_an_error(wrong, message):
    with pytest.raises(TypeError, match=message):
        CallbackList([wrong])


def test_predictions_are_passed_as_they_are():
    outputs = {"outputs": {"a": 1}}
    seen = []
    watch = LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append(logs))
    CallbackList([watch], model=Model()).on_predict_batch_end(0, outputs)
    assert seen[0] is outputs


def test_lambda_callback_has_every_hook():
    calls = []
    stages = ("train", "test", "predict", "epoch")
    hooks = [f"on_{stage}_{moment}" for stage in stages for moment in ("begin", "end")]
    callback = LambdaCallback(**{name: lambda *args, name=name: calls.append(name) for name in hooks})
    callbacks = CallbackList([callback], model=Model())
    run(callbacks, [{"loss": 1.0}])
    callbacks.on_test_begin()
    callbacks.on_test_end()
    callbacks.on_predict_begin()
    callbacks.on_predict_end()
    assert sorted(calls) == sorted(hooks)
