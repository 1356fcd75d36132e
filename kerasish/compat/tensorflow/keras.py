"""`tf.keras`: kerasish itself, importable as a package too (`from ...tensorflow.keras.layers import Dense`)."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import kerasish

__path__: list[str] = []  # what makes Python look up submodules, all of which are in sys.modules already

_NAMESPACES = (
    "activations",
    "callbacks",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
    "utils",
)
for _name in _NAMESPACES:
    _module = import_module(f"kerasish.{_name}")
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = _module


def __getattr__(name: str) -> Any:
    return getattr(kerasish, name)
