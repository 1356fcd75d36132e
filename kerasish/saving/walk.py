"""Which objects of a model hold state, and the paths of their state in a weights file.

A path is made of attribute names and, inside lists, tuples and dicts, of class names in snake_case numbered
in order (`layers/dense_1`). The names of layers play no part, as they differ from one instance to the next.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_MODELS = ("Sequential", "Functional")
_BASES = {
    "Layer": "layers",
    "Operation": "ops",
    "Optimizer": "optimizers",
    "Metric": "metrics",
    "Loss": "losses",
}


def saveable_kind(cls: type) -> str | None:
    """Return which kind of state holder a class is ("Layer", "Optimizer", ...); None if it is none."""
    for ancestor in cls.__mro__:
        module, name = ancestor.__module__, ancestor.__name__
        if name in _MODELS and module.startswith("kerasish.models"):
            return name
        if name in _BASES and module.startswith("kerasish."):
            return name
    return None


@lru_cache(maxsize=16)
def _attributes_of_base(kind: str) -> frozenset[str]:
    """Attributes that every instance of the kind has: plumbing, never a place where users put layers."""
    from kerasish.layers import Layer

    if kind in (*_MODELS, "Layer", "Operation"):
        names = set(dir(Layer(name="reference")))
        names.update({"_functional", "operations", "_operations"} if kind in _MODELS else ())
    elif kind == "Optimizer":
        from kerasish.optimizers import Optimizer

        names = set(dir(Optimizer(learning_rate=1.0, name="reference"))) - {"variables"}
    elif kind == "Metric":
        from kerasish.metrics import Metric

        names = set(dir(Metric(name="reference")))
    else:
        from kerasish.losses import Loss

        names = set(dir(Loss(name="reference")))
    return frozenset(names)


def children(saveable: Any) -> Iterator[tuple[str, Any]]:
    """Yield (attribute name, value) for each attribute of `saveable` that holds state holders or containers.

    Public attributes come first, in alphabetical order; a model's `layers` and `optimizer` come before all.
    """
    kind = saveable_kind(type(saveable))
    skip = _attributes_of_base(kind or "Layer")
    if kind in _MODELS:
        yield "layers", saveable.layers
        if getattr(saveable, "optimizer", None) is not None:
            yield "optimizer", saveable.optimizer
    cls = type(saveable)
    for name in sorted(dir(saveable), key=lambda name: f"~{name}" if name.startswith("_") else name):
        if name.startswith("__") or name in skip:
            continue
        if isinstance(getattr(cls, name, None), (types.FunctionType, types.MethodType)):
            continue
        try:
            value = getattr(saveable, name)
        except Exception:  # a property that has no value yet, such as `input` before the first call
            continue
        if isinstance(value, (list, tuple, dict)) or saveable_kind(type(value)):
            yield name, value


def members(container: Any) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) for the state holders and containers in a list, tuple or dict."""
    used: dict[str, int] = {}
    for value in list(container.values()) if isinstance(container, dict) else list(container):
        if saveable_kind(type(value)):
            yield _numbered(to_snake_case(type(value).__name__), used), value
        elif isinstance(value, (list, tuple, dict)):
            yield _numbered("container", used), value


def join(path: str, name: str) -> str:
    """Join two parts of a path."""
    return f"{path}/{name}" if path else name


def to_snake_case(name: str) -> str:
    """Return a class name as paths write it: `to_snake_case("Conv2DTranspose")` is `"conv2d_transpose"`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _numbered(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, -1) + 1
    return name if used[name] == 0 else f"{name}_{used[name]}"


def own_variables(saveable: Any) -> list[Any]:
    """Return the variables that a state holder itself saves, in file order."""
    if saveable_kind(type(saveable)) == "Optimizer":
        return list(saveable.variables)
    return [
        *getattr(saveable, "_trainable_variables", ()),
        *getattr(saveable, "_non_trainable_variables", ()),
    ]
