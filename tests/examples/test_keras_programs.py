"""The Keras programs in a short form: they run, and training makes the loss smaller."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).resolve().parents[2] / "examples" / "programs"
SHORT = {
    "convnet_mnist": dict(epochs=2, samples=512, batch_size=64),
    "autoencoder": dict(epochs=3, samples=2000),
    "variational_autoencoder": dict(epochs=3, samples=1000),
    "gan": dict(epochs=30, samples=2048),
    "time_series": dict(epochs=3, steps=1500),
    "tabular": dict(epochs=5, samples=2000),
    "gpt": dict(epochs=2, samples=256, batch_size=16, length=32, letters=20),
    "lstm_text": dict(epochs=5, samples=2000, batch_size=16),
    "transformer_text": dict(epochs=4, samples=500),
    "siamese": dict(epochs=4, samples=2000),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_learns(name, capsys):
    main = runpy.run_path(str(PROGRAMS / f"{name}.py"))["main"]
    losses = main(**SHORT[name])
    assert losses[-1] < 0.95 * losses[0], losses
    assert capsys.readouterr().out
