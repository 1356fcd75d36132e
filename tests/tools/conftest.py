"""Fixtures of the tests of tools."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = str(Path(__file__).resolve().parents[2] / "tools" / "against_keras")
MODULES = ("cases", "compare", "gradients", "ops", "losses", "metrics", "layers")


@pytest.fixture(scope="module")
def tool():
    """Import modules of `tools/against_keras` by their names, which are forgotten afterwards."""
    sys.path.insert(0, FOLDER)
    yield importlib.import_module
    sys.path.remove(FOLDER)
    for name in MODULES:
        sys.modules.pop(name, None)
