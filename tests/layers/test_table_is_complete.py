"""Every layer that Keras has is in the table of layers, or a test of its own is named here."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from layer_rows import ROWS

from kerasish import layers

FOLDER = Path(__file__).parent
ELSEWHERE = {
    "Layer": "test_layer_behaviour.py",
    "InputLayer": "test_core_layers.py",
    "Add": "test_merging.py",
    "Average": "test_merging.py",
    "Concatenate": "test_merging.py",
    "Maximum": "test_merging.py",
    "Minimum": "test_merging.py",
    "Multiply": "test_merging.py",
    "Subtract": "test_merging.py",
    "Equalization": "test_image_layers.py",
    "HashedCrossing": "test_text_layers.py",
    "Hashing": "test_text_layers.py",
    "IntegerLookup": "test_text_layers.py",
    "StringLookup": "test_text_layers.py",
    "TextVectorization": "test_text_layers.py",
    "Lambda": "test_merging.py",
    "Wrapper": "test_merging.py",
}


def classes():
    """Return the names of each class of `layers`: some have several."""
    names: dict[type, set[str]] = {}
    for name in dir(layers):
        found = getattr(layers, name)
        if inspect.isclass(found) and issubclass(found, layers.Layer):
            names.setdefault(found, set()).add(name)
    return names


def test_no_layer_is_left_out():
    tested = {row.name for row in ROWS} | ELSEWHERE.keys()
    missing = [found.__name__ for found, names in classes().items() if not names & tested]
    assert not missing, "add rows to layer_rows.py, or name the test that compares them with Keras"


def test_what_is_tested_elsewhere_is_not_in_the_table_too():
    assert not {row.name for row in ROWS} & ELSEWHERE.keys()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_tested_elsewhere_is(name):
    assert name in (FOLDER / ELSEWHERE[name]).read_text()
