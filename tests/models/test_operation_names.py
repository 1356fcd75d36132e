"""The names and settings under which functions stand in configs, compared with Keras's classes."""

from __future__ import annotations

import importlib
import inspect

import pytest

import kerasish
from kerasish import ops
from kerasish.ops import operation_names

pytestmark = pytest.mark.interpreted
FUNCTIONS = [
    name
    for name in (n for names in ops.HOMES.values() for n in names.split())
    if inspect.isfunction(getattr(ops, name)) and hasattr(getattr(ops, name), "__wrapped__")
]


def test_every_function_that_returns_tensors_is_recorded():
    assert len(FUNCTIONS) > 200
    assert not hasattr(ops.shape, "__wrapped__") and hasattr(ops.linalg.norm, "__wrapped__")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_classes_and_settings_are_keras(oracle, name):
    name = operation_names.SAME_AS.get(name, name)
    module, class_name, settings = operation_names.entry(name)
    theirs = getattr(importlib.import_module(f"keras.src.ops.{module}"), class_name)
    expected = [
        p for p in inspect.signature(theirs.__init__).parameters if p not in ("self", "name", "kwargs")
    ]
    if name == "layer_normalization":
        expected.remove("rms_scaling")  # an old argument that callers never pass
    assert sorted(settings) == sorted(expected)
    mine = kerasish.ops.symbolic.operation_class(name)
    assert mine.__name__ == class_name and kerasish.ops.symbolic.find_class(class_name) is not None
    assert set(settings) <= set(inspect.signature(mine.function).parameters)
