"""Progress: what is written where nothing moves, what is drawn where bars do, how rarely metrics are read."""

from __future__ import annotations

import io
import re
import sys

import pytest
from callback_fakes import Model, run

from kerasish import callbacks as ours
from kerasish.callbacks.logs import LazyLogs
from kerasish.utils import io_utils
from kerasish.utils import progbar as progbar_module
from kerasish.utils.progbar import Progbar

TIME = r"\d+(s|ms|us)/step"


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def on_terminal(monkeypatch):
    """Make standard output a terminal for the rest of the test, and return what is on it."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    return screen


def fit(callbacks, epochs=2, steps=3):
    run(callbacks, [{"loss": 0.5 / (epoch + 1), "accuracy": 0.25} for epoch in range(epochs)], steps=steps)


def progress(verbose, epochs=2, steps=3):
    return ours.CallbackList(add_progbar=True, model=Model(), verbose=verbose, epochs=epochs, steps=steps)


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_file_gets_one_line_an_epoch(capsys, verbose):
    fit(progress(verbose))
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "Epoch 1/2" and lines[2] == "Epoch 2/2" and lines[4:] == [""]
    assert re.fullmatch(rf"3/3 - 0s - {TIME} - accuracy: 0.2500 - loss: 0.5000", lines[1])
    assert re.fullmatch(rf"3/3 - 0s - {TIME} - accuracy: 0.2500 - loss: 0.2500", lines[3])


def test_one_epoch_has_no_title(capsys):
    fit(progress(1, epochs=1), epochs=1)
    assert re.fullmatch(rf"3/3 - 0s - {TIME} - accuracy: 0.2500 - loss: 0.5000\n", capsys.readouterr().out)


def test_verbose_0_is_silent(capsys):
    fit(progress(0))
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_one_bar_an_epoch(monkeypatch):
    terminal = on_terminal(monkeypatch)
    fit(progress(1))
    text = terminal.getvalue()
    lines = text.split("\n")
    assert lines[0] == "Epoch 1/2" and lines[2] == "Epoch 2/2" and len(lines) == 5
    final = lines[1].split("\r")[-1]
    assert re.fullmatch(rf"3/3 █{{20}} 0s {TIME} - accuracy: 0.2500 - loss: 0.5000", final)
    assert "1/3 " in lines[1]


def test_with_verbose_2_a_terminal_gets_lines(monkeypatch):
    terminal = on_terminal(monkeypatch)
    fit(progress(2))
    assert "\r" not in terminal.getvalue() and terminal.getvalue().count("\n") == 4


def test_a_number_of_steps_that_nobody_knows_is_learnt(monkeypatch):
    terminal = on_terminal(monkeypatch)
    callbacks = progress("auto", steps=None)
    fit(callbacks)
    lines = terminal.getvalue().split("\n")
    assert "1/Unknown" in lines[1]
    assert lines[1].split("\r")[-1].startswith("3/3 ") and lines[3].split("\r")[-1].startswith("3/3 ")


def test_batches_are_counted_only_where_that_shows(monkeypatch):
    for verbose, steps, wanted in [(1, 3, False), (2, 3, False), (2, None, True), (1, None, True)]:
        assert progress(verbose, steps=steps).wants_batch_hooks("train") is wanted
    on_terminal(monkeypatch)
    for verbose, steps, wanted in [(1, 3, True), (2, 3, False), (0, 3, False)]:
        assert progress(verbose, steps=steps).wants_batch_hooks("train") is wanted


def test_metrics_are_read_when_the_bar_is_drawn(monkeypatch):
    on_terminal(monkeypatch)
    now = [1000.0]
    monkeypatch.setattr(progbar_module.time, "time", lambda: now[0])
    reads = []
    callbacks = progress(1, steps=100)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    for step in range(100):
        now[0] += 0.01
        callbacks.on_train_batch_end(step, LazyLogs(lambda: reads.append(1) or {"loss": 1.0}))
    assert 9 <= len(reads) <= 11


def test_messages_go_above_the_bar(monkeypatch):
    terminal = on_terminal(monkeypatch)
    callbacks = ours.CallbackList(
        [ours.LambdaCallback(on_epoch_end=lambda epoch, logs: io_utils.print_msg("saved"))],
        add_progbar=True,
        model=Model(),
        verbose=1,
        epochs=1,
        steps=3,
    )
    fit(callbacks, epochs=1)
    lines = [line.split("\r")[-1] for line in terminal.getvalue().split("\n")]
    assert lines[0] == "saved" and lines[1].startswith("3/3 ") and len(lines) == 3


def test_evaluation_shows_itself_but_not_inside_fit(capsys):
    callbacks = progress(2, epochs=1)

    def evaluate():
        callbacks.on_test_begin()
        for step in range(3):
            callbacks.on_test_batch_end(step, {"loss": 1.0})
        callbacks.on_test_end({"loss": 1.0})

    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    evaluate()
    assert capsys.readouterr().out == ""
    callbacks.on_epoch_end(0, {"loss": 0.5})
    callbacks.on_train_end()
    evaluate()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[-1] for line in lines] == ["loss: 0.5000", "loss: 1.0000"]


def test_prediction_shows_steps_only(capsys):
    callbacks = progress(1)
    callbacks.on_predict_begin()
    callbacks.on_predict_batch_end(0, {"outputs": object()})
    callbacks.on_predict_end()
    assert re.fullmatch(rf"3/3 - 0s - {TIME}\n", capsys.readouterr().out)


def test_an_interrupted_bar_is_removed_when_the_next_starts(monkeypatch):
    terminal = on_terminal(monkeypatch)
    callbacks = progress(1)
    for _ in range(2):
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)
        callbacks.on_train_batch_end(0, {"loss": 1.0})
    assert "\n" not in terminal.getvalue().replace("Epoch 1/2\n", "")


@pytest.mark.parametrize(
    ("options", "updates", "shown"),
    [
        ({}, [(1, 1.0), (2, 3.0), (4, 4.0)], "loss: 3.0000"),
        ({"stateful_metrics": ["loss"]}, [(1, 1.0), (4, 4.0)], "loss: 4.0000"),
        ({"stateless_metrics": ["loss"]}, [(1, 1.0), (3, 4.0)], "loss: 3.0000"),
        ({"stateless_metrics": []}, [(1, 1.0), (3, 5e-4)], "loss: 5.0000e-04"),
    ],
)
def test_which_metrics_are_averaged(capsys, options, updates, shown):
    bar = Progbar(10, verbose=2, **options)
    for current, value in updates:
        bar.update(current, [("loss", value)])
    bar.update(10)
    assert capsys.readouterr().out.rstrip().endswith(shown)


def test_the_last_update_replaces_the_average(capsys):
    bar = Progbar(2, verbose=2)
    bar.add(1, [("loss", 1.0)])
    bar.add(1, [("loss", 5.0)])
    assert capsys.readouterr().out.rstrip().endswith("loss: 5.0000")


def test_only_one_list_of_metrics_may_be_given():
    with pytest.raises(ValueError, match="Only one of `stateful_metrics` or `stateless_metrics`"):
        Progbar(1, stateful_metrics=["a"], stateless_metrics=["b"])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.6, "60s"), (61, "1:01"), (3605, "1:00:05"), (-1, "0s")]
)
def test_clock(seconds, text):
    assert progbar_module._format_clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s/step"), (2.4, "2s/step"), (0.0123, "12ms/step"), (4e-5, "40us/step")]
)
def test_time_per_step(seconds, text):
    assert progbar_module._format_time(seconds, "step") == text


def test_without_interactive_logging_progress_goes_to_the_logger(caplog, monkeypatch):
    terminal = on_terminal(monkeypatch)
    io_utils.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", logger="kerasish"):
            fit(progress(1))
    finally:
        io_utils.enable_interactive_logging()
    assert terminal.getvalue() == ""
    assert [record.message[:9] for record in caplog.records] == [
        "Epoch 1/2",
        "3/3 - 0s ",
        "Epoch 2/2",
        "3/3 - 0s ",
    ]


def test_text_that_the_terminal_cannot_show_is_replaced(monkeypatch):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    io_utils.print_msg("naïve")
    assert screen.buffer.getvalue() == b"na?ve\n"
