"""The course programs run as they stand."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import kerasish

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "examples" / "programs"


def run(name: str, folder: Path) -> str:
    """Run a program in a process of its own, as its user does, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, PROGRAMS / name],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_1_constants(tmp_path):
    lines = run("1_constants.py", tmp_path).splitlines()
    assert [line.split("value=")[1] for line in lines] == ["2.>", "3.>", "5.>"]
    assert [line.split("name=")[1][0] for line in lines] == ["a", "b", "c"]
    dot, svg = (tmp_path / "constants.dot").read_text(), (tmp_path / "constants.svg").read_text()
    assert dot.count("->") == 2 and all(f"{name}" in dot for name in ('"a\\n2.0', '"b\\n3.0', '"c: add'))
    assert all(f">{text}<" in svg for text in ("a", "b", "c: add", "a -&gt; c: add", "b -&gt; c: add"))


@pytest.fixture
def small_mnist(monkeypatch):
    """MNIST cut short: the program stays as it is and takes seconds."""
    load = kerasish.datasets.mnist.load_data
    (x, y), (x_test, y_test) = load()
    cut = (x[:6400], y[:6400]), (x_test[:1000], y_test[:1000])
    monkeypatch.setattr(kerasish.datasets.mnist, "load_data", lambda *args, **kwargs: cut)


@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
def test_2_mnist(small_mnist, capsys):
    runpy.run_path(str(PROGRAMS / "2_mnist.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "Epoch 5/5" in printed and "val_accuracy" in printed
    assert float(printed.rsplit("Test accuracy:", 1)[1]) > 0.88


def test_3_tensor(tmp_path):
    assert run("3_tensor.py", tmp_path) == "tensor([1, 2, 3])\n[1 2 3]\n"


def test_4_backward(tmp_path):
    assert run("4_backward.py", tmp_path) == "tensor([0.6667, 1.3333, 2.0000])\n"


def test_5_gradient_tape(tmp_path):
    assert run("5_gradient_tape.py", tmp_path) == "[0.6666667 1.3333334 2.       ]\n"


def test_6_linear_regression(tmp_path):
    pytest.importorskip("matplotlib")
    lines = run("6_linear_regression.py", tmp_path).splitlines()
    assert len(lines) == 10 and lines[0].startswith("Epoch [100/1000], Loss: ")
    assert float(lines[-1].rsplit(" ", 1)[1]) < 0.012
    assert (tmp_path / "linear_regression.png").read_bytes().startswith(b"\x89PNG")


def test_only_import_lines_name_kerasish():
    for program in PROGRAMS.glob("*.py"):
        for line in program.read_text().splitlines():
            if "kerasish" in line:
                assert line.startswith(("import ", "from ")), f"{program.name}: {line}"


@pytest.mark.filterwarnings("ignore")
def test_the_mnist_example_ends_with_its_accuracy(small_mnist, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / "mnist.py"), run_name="__main__")
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("test accuracy: 0.") and len(last) == len("test accuracy: 0.9775")
    assert kerasish.models.load_model(tmp_path / "mnist.keras").output_shape == (None, 10)
