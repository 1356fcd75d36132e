"""Callbacks with real models: what they do in `fit` is what Keras's do."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int32")
KERNELS = [RNG.normal(size=(6, 8)), RNG.normal(size=8), RNG.normal(size=(8, 2)), RNG.normal(size=2)]


def make_model(keras, optimizer=None, dropout=0.0):
    keras.utils.set_random_seed(3)
    layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")]
    if dropout:
        layers.insert(1, keras.layers.Dropout(dropout))
    model = keras.Sequential([keras.Input((6,)), *layers])
    optimizer = optimizer or keras.optimizers.Adam(0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.set_weights(KERNELS)
    return model


def fit(model, callbacks=(), epochs=4, **options):
    options = {"verbose": 0, "shuffle": False, "batch_size": 16, "validation_split": 0.25, **options}
    return model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **options)


class Interrupt(kerasish.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_resumed_fit_is_the_uninterrupted_one_bit_for_bit(tmp_path, shuffle):
    whole = make_model(kerasish, dropout=0.3)
    expected = fit(whole, shuffle=shuffle).history
    backup = kerasish.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        fit(make_model(kerasish, dropout=0.3), [backup, Interrupt(2)], shuffle=shuffle)
    resumed = make_model(kerasish, dropout=0.3)
    history = fit(resumed, [backup], shuffle=shuffle)
    assert history.epoch == [0, 1, 2, 3]
    assert history.history == expected
    for mine, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert not (tmp_path / "backup").exists()


def test_real_keras_reads_the_weights_of_a_backup(tmp_path, oracle):
    model = make_model(kerasish)
    fit(model, [kerasish.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)], epochs=1)
    theirs = make_model(oracle)
    theirs.load_weights(tmp_path / "latest.weights.h5")
    for mine, their in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, their)


def test_a_backup_of_another_model_is_an_error(tmp_path):
    backup = kerasish.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    fit(make_model(kerasish, dropout=0.3), [backup], epochs=1)
    with pytest.raises(ValueError, match="is a backup of another model: it has 2 random streams"):
        fit(make_model(kerasish), [backup], epochs=2)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averaged_weights_as_keras(oracle, swap_on_epoch):
    results = []
    for keras in (oracle, kerasish):
        model = make_model(keras, keras.optimizers.SGD(0.3, use_ema=True, ema_momentum=0.9))
        history = fit(model, [keras.callbacks.SwapEMAWeights(swap_on_epoch)], epochs=3)
        results.append((history.history["val_loss"], model.get_weights()))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-4)
    for mine, theirs in zip(results[1][1], results[0][1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


def test_averaged_weights_leave_after_predict():
    model = make_model(kerasish, kerasish.optimizers.SGD(0.3, use_ema=True))
    fit(model, epochs=1)
    before = model.get_weights()
    averages = kerasish.callbacks.SwapEMAWeights()
    model.optimizer._model_variables_moving_average[0].assign(np.zeros((6, 8)))
    assert not np.allclose(model.predict(X, verbose=0, callbacks=[averages]), model.predict(X, verbose=0))
    for value, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_averages_that_nobody_keeps_are_an_error():
    with pytest.raises(ValueError, match="must be used when `use_ema=True` is set.*use_ema=False"):
        fit(make_model(kerasish), [kerasish.callbacks.SwapEMAWeights()])


@pytest.mark.parametrize(
    "make",
    [
        lambda callbacks: callbacks.EarlyStopping("val_accuracy", patience=1, restore_best_weights=True),
        lambda callbacks: callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05),
        lambda callbacks: callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
    ],
)
def test_histories_as_keras(oracle, make):
    histories = []
    for keras in (oracle, kerasish):
        model = make_model(keras, keras.optimizers.SGD(0.5))
        histories.append(fit(model, [make(keras.callbacks)], epochs=8).history)
    assert list(histories[1]) == list(histories[0])
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=2e-4, err_msg=name)


def test_after_an_early_stop_evaluation_sees_all_batches():
    model = make_model(kerasish)
    fit(model, [kerasish.callbacks.EarlyStopping("val_accuracy", mode="min")], epochs=9)
    assert model.stop_training
    loss = model.evaluate(X, Y, batch_size=16, verbose=0)[0]
    np.testing.assert_allclose(loss, model.evaluate(X, Y, batch_size=96, verbose=0)[0], rtol=1e-5)


def test_a_nan_stops_training_within_the_epoch():
    model = make_model(kerasish, kerasish.optimizers.SGD(float("inf")))
    batches = []
    count = kerasish.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(logs["loss"])
    )
    fit(model, [kerasish.callbacks.TerminateOnNaN(), count])
    assert len(batches) == 2 and not np.isfinite(batches[-1])


def test_checkpoints_can_be_loaded(tmp_path):
    model = make_model(kerasish)
    save = kerasish.callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch:02d}.keras", save_freq=5)
    fit(model, [save], epochs=2, validation_split=0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-05.keras", "2-04.keras"]
    weights = kerasish.callbacks.ModelCheckpoint(tmp_path / "w.weights.h5", save_weights_only=True)
    fit(model, [weights], epochs=1)
    other = make_model(kerasish)
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_batch_logs_are_the_running_metrics_as_python_floats():
    seen = []
    watch = kerasish.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs))
    history = fit(make_model(kerasish), [watch], epochs=1)
    assert len(seen) == 5 and seen[-1]["loss"] == history.history["loss"][0]
    assert {type(value) for logs in seen for value in logs.values()} == {float}
    assert {type(logs) for logs in seen} == {dict}
