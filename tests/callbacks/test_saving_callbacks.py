"""ModelCheckpoint and CSVLogger, TerminateOnNaN: what lands on the disk, and when."""

from __future__ import annotations

import pytest
from callback_fakes import Model, run

from kerasish import callbacks as ours


def checkpoint_run(path, losses, steps=0, model=None, **options):
    model = model or Model()
    callback = ours.ModelCheckpoint(path, monitor="loss", **options)
    run(ours.CallbackList([callback], model=model), [{"loss": loss} for loss in losses], steps=steps)
    return callback, [str(path) for path in model.saved]


@pytest.mark.parametrize(
    ("losses", "options", "saved"),
    [
        ([3, 1, 2], {}, [1, 2, 3]),
        ([3, 1, 2, 0], {"save_best_only": True}, [1, 2, 4]),
        ([3, 1, 2, 4], {"save_best_only": True, "mode": "max"}, [1, 4]),
        ([3, 1, 2, 0.5], {"save_best_only": True, "initial_value_threshold": 2.5}, [2, 4]),
        ([1, float("nan"), 0.5], {"save_best_only": True}, [1, 3]),
    ],
)
def test_checkpoints_of_epochs(tmp_path, losses, options, saved):
    _, paths = checkpoint_run(tmp_path / "new" / "{epoch}.keras", losses, **options)
    assert paths == [str(tmp_path / "new" / f"{epoch}.keras") for epoch in saved]


def test_checkpoints_decide_as_keras(tmp_path, oracle):
    losses = [3.0, 2.0, 2.5, 1.0, 1.0]
    saved = []
    for library in (oracle.callbacks, ours):
        model = Model()
        callback = library.ModelCheckpoint(
            tmp_path / "{epoch:02d}-{batch:02d}-{loss:.1f}.keras",
            "loss",
            save_best_only=True,
            save_freq=4,
            mode="min",
        )
        # Keras learns the direction at the end of the first epoch only.
        callback.set_model(model)
        callback._set_monitor_op()
        run(library.CallbackList([callback], model=model), [{"loss": loss} for loss in losses], steps=3)
        saved.append(model.saved)
    assert saved[0] == saved[1] != []


@pytest.mark.parametrize(
    ("save_freq", "expected"), [(4, ["2-1", "3-2"]), (3, ["1-3", "2-3", "3-3"]), (10, [])]
)
def test_checkpoints_of_batches(tmp_path, save_freq, expected):
    path = tmp_path / "{epoch}-{batch}.weights.h5"
    _, paths = checkpoint_run(path, [1, 1, 1], 3, save_weights_only=True, save_freq=save_freq)
    assert paths == [str(tmp_path / f"{name}.weights.h5") for name in expected]


def test_checkpoint_messages(tmp_path, capsys):
    checkpoint_run(tmp_path / "m.keras", [2, 3, 1], save_best_only=True, verbose=1)
    path = tmp_path / "m.keras"
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch 1: loss improved from None to 2.00000, saving model to {path}",
        f"Epoch 1: finished saving model to {path}",
        "Epoch 2: loss did not improve from 2.00000",
        f"Epoch 3: loss improved from 2.00000 to 1.00000, saving model to {path}",
        f"Epoch 3: finished saving model to {path}",
    ]


def test_a_failed_save_is_not_the_best_so_far(tmp_path):
    class Failing(Model):
        def save(self, path, overwrite=True):
            raise OSError("disk full")

    callback = ours.ModelCheckpoint(tmp_path / "m.keras", "loss", save_best_only=True)
    with pytest.raises(OSError, match="disk full"):
        run(ours.CallbackList([callback], model=Failing()), [{"loss": 1}])
    assert callback.best is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filepath": "m.weights.h5x", "save_weights_only": True}, "`.weights.h5`.*m.weights.h5x"),
        ({"filepath": "m.h5", "save_weights_only": True}, "must end in `.weights.h5`"),
        ({"filepath": "m.ckpt"}, "must end in `.keras`.*filepath=m.ckpt"),
        ({"filepath": "m.keras", "save_freq": "batch"}, "Unrecognized save_freq: batch"),
        ({"filepath": "m.keras", "save_freq": 1.5}, "Unrecognized save_freq: 1.5"),
    ],
)
def test_wrong_arguments_of_checkpoints(options, message):
    with pytest.raises(ValueError, match=message):
        ours.ModelCheckpoint(**options)


def test_a_name_that_the_logs_lack_is_an_error(tmp_path):
    with pytest.raises(KeyError, match=r"Failed to format this callback filepath.*val_loss.*loss, epoch"):
        checkpoint_run(tmp_path / "{val_loss}.keras", [1])


def test_a_folder_in_the_way_is_an_error(tmp_path):
    (tmp_path / "m.keras").mkdir()
    with pytest.raises(OSError, match="Please specify a non-directory filepath"):
        checkpoint_run(tmp_path / "m.keras", [1])


@pytest.mark.parametrize(
    ("logs", "message"),
    [({"other": 1.0}, "only with loss available"), ({"loss": [1.0, 2.0]}, "is a scalar value. Received")],
)
def test_save_best_only_without_a_number_saves_with_a_warning(tmp_path, logs, message):
    import numpy as np

    logs = {name: np.array(value) if isinstance(value, list) else value for name, value in logs.items()}
    model = Model()
    callback = ours.ModelCheckpoint(tmp_path / "m.keras", "loss", save_best_only=True)
    with pytest.warns(UserWarning, match=message):
        run(ours.CallbackList([callback], model=model), [logs])
    assert len(model.saved) == 1


@pytest.mark.parametrize("separator", [",", ";"])
def test_csv_files_are_keras_files(tmp_path, oracle, separator):
    import numpy as np

    epochs = [{"loss": 1.5, "accuracy": 0.25}, {"loss": 0.5, "accuracy": 0.75, "val_loss": 2.0}]
    more = [{"loss": np.array([1.0, 2.0]), "accuracy": 1.0}]
    for name, library in (("theirs", oracle.callbacks), ("ours", ours)):
        for append, logs in ((False, epochs), (True, more), (True, epochs)):
            logger = library.CSVLogger(tmp_path / name, separator=separator, append=append)
            run(library.CallbackList([logger], model=Model()), logs)
    text = (tmp_path / "ours").read_bytes()
    assert text == (tmp_path / "theirs").read_bytes()
    assert text.startswith(separator.join(["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]).encode())


def test_a_csv_logger_writes_every_line_at_once_and_can_run_again(tmp_path):
    logger = ours.CSVLogger(tmp_path / "log.csv")
    callbacks = ours.CallbackList([logger], model=Model())
    callbacks.on_train_begin()
    callbacks.on_epoch_end(0, {"loss": 1.0})
    assert (tmp_path / "log.csv").read_text().splitlines()[1] == "0,1.0,NA"
    run(callbacks, [{"accuracy": 0.5}])
    assert (tmp_path / "log.csv").read_text().split() == ["epoch,accuracy,val_accuracy", "0,0.5,NA"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_terminate_on_nan_stops_after_the_batch(bad, capsys):
    ended = []
    end = ours.LambdaCallback(on_train_end=ended.append)
    model = Model()
    run(ours.CallbackList([ours.TerminateOnNaN(), end], model=model), [{"loss": bad}] * 3, steps=2)
    assert model.stop_training and len(ended) == 1
    assert capsys.readouterr().out == "Batch 0: Invalid loss, terminating training\n"


def test_terminate_on_nan_can_raise_and_ignores_finite_losses():
    callbacks = ours.CallbackList([ours.TerminateOnNaN(raise_error=True)], model=Model())
    callbacks.on_train_batch_end(0, {"loss": 1e300})
    callbacks.on_train_batch_end(1, {"other": float("nan")})
    with pytest.raises(RuntimeError, match=r"NaN or Inf loss encountered at batch 7\. Loss value: nan"):
        callbacks.on_train_batch_end(7, {"loss": float("nan")})
