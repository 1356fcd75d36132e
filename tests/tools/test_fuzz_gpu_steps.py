"""The script that trains random models on the stand-in for a GPU and by NumPy."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import kerasish as keras

TOOLS = str(Path(__file__).resolve().parents[2] / "tools")

pytestmark = pytest.mark.interpreted


@pytest.fixture
def fuzz(monkeypatch):
    monkeypatch.setattr(sys, "path", [TOOLS, *sys.path])
    tool = importlib.import_module("fuzz_gpu_steps")
    yield tool
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def test_some_models(fuzz, capsys):
    assert fuzz.check([1, 2, 3]) == 0
    assert capsys.readouterr().out == ""


def test_what_differs_is_said(fuzz, capsys, monkeypatch):
    monkeypatch.setattr(fuzz, "TOLERANCES", dict.fromkeys(fuzz.TOLERANCES, -1.0))
    assert fuzz.check([1]) == 1
    assert capsys.readouterr().out.startswith("1 (")
