"""The code of the guides and of the README runs, block by block, as a reader would run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kerasish

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "index.md",
    ROOT / "docs" / "compiler.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
]


@pytest.fixture(scope="module")
def cut():
    """A little of MNIST, which takes longer to unpack than a guide to run."""
    (x, y), (x_test, y_test) = kerasish.datasets.mnist.load_data()
    return (x[:640], y[:640]), (x_test[:100], y_test[:100])


@pytest.fixture
def small_mnist(monkeypatch, cut):
    monkeypatch.setattr(kerasish.datasets.mnist, "load_data", lambda *args, **kwargs: cut)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_runs(page, small_mnist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert blocks
    namespace = {"__name__": "guide"}
    for block in blocks:
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block.group(1), str(page), "exec"), namespace)
