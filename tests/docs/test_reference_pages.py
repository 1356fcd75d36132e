"""Every namespace has a page of the reference, and a list of its names that can be read without running it."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import kerasish

ROOT = Path(__file__).resolve().parents[2]
INTERNAL = {"serialization", "trainers"}
NAMESPACES = sorted({*kerasish._NAMESPACES} - INTERNAL)
LAZY = {"layers", "ops"}  # their names are imported for type checkers, which the reference follows


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_namespace_has_a_page(name):
    assert f"::: kerasish.{name}\n" in (ROOT / "docs" / "api" / f"{name}.md").read_text()
    assert f"- {name}: api/{name}.md\n" in (ROOT / "mkdocs.yml").read_text()


@pytest.mark.parametrize("name", [n for n in NAMESPACES if n not in LAZY])
def test_names_are_written_out_where_the_reference_reads_them(name):
    module = importlib.import_module(f"kerasish.{name}")
    for node in ast.parse(Path(module.__file__).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            assert ast.literal_eval(node.value) == module.__all__


@pytest.mark.parametrize("name", ["activations", "constraints", "initializers", "regularizers"])
def test_no_public_name_is_forgotten(name):
    module = importlib.import_module(f"kerasish.{name}")
    table = module._BY_NAME if name == "activations" else module._PUBLIC
    assert sorted(module.__all__) == sorted([*table, "deserialize", "get", "serialize"])
    assert sorted(kerasish.ops.image.__all__) == sorted(kerasish.ops.image._FILE_OF)
