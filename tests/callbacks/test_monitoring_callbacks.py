"""EarlyStopping, ReduceLROnPlateau and LearningRateScheduler decide as Keras's do on the same logs."""

from __future__ import annotations

import numpy as np
import pytest
from callback_fakes import Metric, Model, Optimizer, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasish import callbacks as ours

# Eighths are exact in float32, which Keras compares in, so that ties are ties in both.
CURVES = st.lists(st.integers(0, 16).map(lambda n: n / 8), min_size=1, max_size=12)
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAN = float("nan")


@pytest.fixture(scope="module")
def keras_model(oracle):
    model = oracle.Sequential([oracle.layers.Dense(1)])
    model.compile(oracle.optimizers.SGD(0.5), loss="mse")
    model.build((None, 1))
    return model


def run_both(oracle, keras_model, make, curve):
    """Run the same logs through a callback of each library; return both callbacks, models and histories."""
    logs = [{"loss": value, "score": value} for value in curve]
    results = []
    for library, model in ((oracle.callbacks, keras_model), (ours, Model(Optimizer(0.5)))):
        model.optimizer.learning_rate = 0.5
        model.stop_training = False
        callback = make(library)
        callbacks = library.CallbackList([callback], add_history=True, model=model)
        run(callbacks, logs)
        results.append((callback, model, model.history.history))
    return results


def check_early_stopping(oracle, keras_model, curve, **options):
    theirs, mine = run_both(oracle, keras_model, lambda library: library.EarlyStopping(**options), curve)
    for name in ("stopped_epoch", "wait", "best_epoch", "best"):
        np.testing.assert_equal(getattr(mine[0], name), getattr(theirs[0], name), err_msg=name)
    assert mine[1].stop_training == theirs[1].stop_training
    assert mine[2] == theirs[2]


@EXAMPLES
@given(
    curve=CURVES,
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(0, 3),
    min_delta=st.sampled_from([0, 0.125, -0.5]),
    baseline=st.sampled_from([None, 0.5, 1.5]),
    start=st.integers(0, 2),
)
def test_early_stopping_stops_where_keras_does(
    oracle, keras_model, curve, mode, patience, min_delta, baseline, start
):
    check_early_stopping(
        oracle,
        keras_model,
        curve,
        monitor="score",
        mode=mode,
        patience=patience,
        min_delta=min_delta,
        baseline=baseline,
        start_from_epoch=start,
        restore_best_weights=True,
    )


@pytest.mark.parametrize("curve", [[NAN, 1, 2], [1, NAN, 2, 0.5], [1, float("inf"), 0.5]])
def test_early_stopping_with_nan_as_keras(oracle, keras_model, curve):
    check_early_stopping(oracle, keras_model, curve, monitor="loss", patience=2)


@EXAMPLES
@given(
    curve=CURVES,
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(0, 3),
    min_delta=st.sampled_from([0, 0.125]),
    cooldown=st.integers(0, 2),
    min_lr=st.sampled_from([0.0, 0.1]),
)
def test_reduce_lr_on_plateau_reduces_where_keras_does(
    oracle, keras_model, curve, mode, patience, min_delta, cooldown, min_lr
):
    options = {
        "factor": 0.5,
        "patience": patience,
        "min_delta": min_delta,
        "cooldown": cooldown,
        "min_lr": min_lr,
    }
    theirs, mine = run_both(
        oracle,
        keras_model,
        lambda library: library.ReduceLROnPlateau(monitor="score", mode=mode, **options),
        curve,
    )
    assert list(mine[2]) == list(theirs[2])
    np.testing.assert_allclose(mine[2]["learning_rate"], theirs[2]["learning_rate"], rtol=1e-6)
    rates = [float(model.optimizer.learning_rate) for _, model, _ in (mine, theirs)]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-6)
    assert (mine[0].wait, mine[0].cooldown_counter) == (theirs[0].wait, theirs[0].cooldown_counter)


@pytest.mark.parametrize(
    "schedule",
    [lambda epoch, rate: rate * 0.5, lambda epoch: 1.0 / (epoch + 1), lambda epoch, rate: np.float32(rate)],
)
def test_learning_rate_scheduler_sets_what_keras_sets(oracle, keras_model, schedule, capsys):
    theirs, mine = run_both(
        oracle, keras_model, lambda library: library.LearningRateScheduler(schedule, verbose=1), [1, 2, 3]
    )
    np.testing.assert_allclose(mine[2]["learning_rate"], theirs[2]["learning_rate"], rtol=1e-6)
    assert capsys.readouterr().out.count("Epoch 3: LearningRateScheduler setting learning rate to") == 2


def callbacks_for(callback, **model):
    return ours.CallbackList([callback], add_history=True, model=Model(**model))


def test_several_optimizers_are_named_in_messages_and_logs(capsys):
    both = Optimizer()
    both.optimizers = [Optimizer(1.0, "first"), Optimizer(0.1, "second")]
    plateau = ours.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_lr=0.1, verbose=1)
    callbacks = callbacks_for(plateau, optimizer=both)
    run(callbacks, [{"loss": 1.0}, {"loss": 1.0}])
    assert callbacks.model.history.history["learning_rate_first"] == [1.0, 1.0]
    assert [member.learning_rate for member in both.optimizers] == [0.5, 0.1]
    assert capsys.readouterr().out == "Epoch 2: ReduceLROnPlateau reducing first learning rate to 0.5.\n"


def test_a_schedules_own_type_error_is_not_hidden():
    callbacks = callbacks_for(ours.LearningRateScheduler(lambda epoch, rate: rate + "1"))
    with pytest.raises(TypeError, match="unsupported operand"):
        run(callbacks, [{"loss": 1.0}])


@pytest.mark.parametrize("wrong", [1, "0.1", None])
def test_a_schedule_must_return_a_float(wrong):
    callbacks = callbacks_for(ours.LearningRateScheduler(lambda epoch, rate: wrong))
    with pytest.raises(ValueError, match="output of the `schedule` function should be a float"):
        run(callbacks, [{"loss": 1.0}])


def test_a_scheduler_needs_an_optimizer_with_a_learning_rate():
    callbacks = callbacks_for(ours.LearningRateScheduler(lambda epoch: 0.1), optimizer=object())
    with pytest.raises(ValueError, match='Optimizer must have a "learning_rate" attribute'):
        run(callbacks, [{"loss": 1.0}])


def test_early_stopping_restores_the_best_weights_and_says_so(capsys):
    stop = ours.EarlyStopping("val_loss", patience=2, restore_best_weights=True, verbose=1)
    step = ours.LambdaCallback(on_epoch_begin=lambda epoch, logs: model.set_weights([epoch]))
    model = Model()
    run(ours.CallbackList([stop, step], model=model), [{"val_loss": loss} for loss in (3, 1, 2, 4, 5)])
    assert model.stop_training and model.weight == 1.0
    message = "Epoch 4: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    assert capsys.readouterr().out == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ours.EarlyStopping("val_acc", mode="max"), "`val_acc` which is not available.*are: loss"),
        (lambda: ours.ReduceLROnPlateau("val_acc", mode="max"), "`val_acc` which is not available.*loss"),
    ],
)
def test_a_metric_that_is_not_there_is_warned_of(make, message):
    callbacks = callbacks_for(make())
    with pytest.warns(UserWarning, match=message):
        run(callbacks, [{"loss": 1.0}])
    assert not callbacks.model.stop_training


def test_an_unknown_mode_is_warned_of_and_replaced():
    with pytest.warns(UserWarning, match="EarlyStopping mode 'unknown' is unknown, fallback to auto mode"):
        assert ours.EarlyStopping(mode="unknown").mode == "auto"


@pytest.mark.parametrize(
    ("monitor", "metrics", "up"),
    [
        ("loss", [], False),
        ("val_loss", [], False),
        ("val_accuracy", [Metric("accuracy", "up")], True),
        ("mae", [Metric("accuracy", "up"), Metric("mae", "down")], False),
    ],
)
def test_auto_mode_takes_the_metrics_own_direction(monitor, metrics, up):
    container = Metric("compile_metrics")
    container.metrics = metrics
    for given_metrics in (metrics, [container]):
        stop = ours.EarlyStopping(monitor, patience=1)
        callbacks = callbacks_for(stop, metrics=given_metrics)
        run(callbacks, [{monitor: 1.0}, {monitor: 2.0}])
        assert stop.best == (2.0 if up else 1.0)


@pytest.mark.parametrize("metrics", [[], [Metric("own")]])
def test_auto_mode_without_a_direction_is_an_error(metrics):
    callbacks = callbacks_for(ours.EarlyStopping("own"), metrics=metrics)
    with pytest.raises(ValueError, match="received monitor=own, but Keras isn't able to"):
        run(callbacks, [{"own": 1.0}])


def test_a_factor_that_does_not_reduce_is_an_error():
    with pytest.raises(ValueError, match=r"does not support a factor >= 1.0. Received factor=1.5"):
        ours.ReduceLROnPlateau(factor=1.5)
