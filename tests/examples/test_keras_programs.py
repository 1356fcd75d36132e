"""The Keras programs in a short form: they run, and training makes the loss smaller."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from short_forms import SHORT

PROGRAMS = Path(__file__).resolve().parents[2] / "examples" / "programs"


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_learns(name, capsys):
    main = runpy.run_path(str(PROGRAMS / f"{name}.py"))["main"]
    losses = main(**SHORT[name])
    assert losses[-1] < 0.95 * losses[0], losses
    assert capsys.readouterr().out
