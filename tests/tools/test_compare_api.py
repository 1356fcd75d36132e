"""The comparison of names and parameter lists, on two small libraries."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "tools" / "compare_api.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("compare_api", PATH)
    module = sys.modules["compare_api"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["compare_api"]


def library(name, source, **namespaces):
    module = types.ModuleType(name)
    exec(source, vars(module))
    for path, inside in namespaces.items():
        setattr(module, path, library(f"{name}.{path}", inside))
    return module


THEIRS = library(
    "theirs",
    "def same(a, b=1): pass\ndef other(a, b=1): pass\ndef absent(a): pass\nSOME = 1",
    inner="""
class Layer:
    def __new__(cls, *args, **kwargs): return super().__new__(cls)
    def __init__(self, units, rate=None, **kwargs): pass
    def call(self, x): pass
    def reset(self): pass
def order(a, b): pass
def longer(a): pass
def kind(a): pass
""",
)
MINE = library(
    "mine",
    "def same(a, b=1): pass\ndef other(a, b=2): pass\nSOME = 2",
    inner="""
class Layer:
    def __init__(self, units, rate=None, name=None): pass
    def call(self, x, training=None): pass
def order(b, a): pass
def longer(a, b=None): pass
class kind:
    def __init__(self): pass
""",
)


def test_names_and_parameters_are_compared(tool):
    results = tool.compare_all(THEIRS, MINE, [])
    assert list(results) == ["(top level)", "inner"]
    top, inner = results.values()
    assert (top.have, top.missing) == (["SOME", "same"], ["absent"])
    assert top.differs == {"other": "Keras has b=1; kerasish has b=2"}
    assert top.share == pytest.approx(0.75)
    assert inner.have == ["Layer", "longer"] and not inner.missing
    assert inner.differs == {"kind": "Keras has a", "order": "order: Keras has a, b"}


def test_methods_are_compared_where_asked_for(tool):
    (inner,) = tool.compare_all(THEIRS, MINE, ["inner"], methods=True).values()
    assert inner.missing == ["Layer.reset"] and "Layer.call" in inner.have


def test_what_is_left_out_is_counted_apart(tool, monkeypatch):
    monkeypatch.setitem(tool.LEFT_OUT, "absent", "nobody needs it")
    monkeypatch.setitem(tool.LEFT_OUT, "inner", "neither")
    ((path, found),) = tool.compare_all(THEIRS, MINE, []).items()
    assert path == "(top level)" and found.left_out == ["absent"] and found.share == 1.0


@pytest.mark.parametrize("markdown", [False, True])
def test_what_is_printed(tool, capsys, markdown):
    results = tool.compare_all(THEIRS, MINE, [])
    tool.print_table(results, markdown)
    tool.print_lists(results, markdown)
    text = capsys.readouterr().out
    assert ("| inner | 2 | 0 | 2 | 0 | 100% |" in text) == markdown
    assert "missing: absent" in text.replace("`", "") and "Left out on purpose" in text
