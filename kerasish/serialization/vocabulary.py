"""Which built-in classes and functions a config may name, and by what name.

A config is data from a file that a stranger may have written. It never makes a module be imported: the
namespaces below are the only places looked at, and in them only classes that can be configured and the
functions that stand for an activation, loss or metric.
"""

from __future__ import annotations

import importlib
import types
from typing import Any

# Namespace -> what a config may take from it.
_CLASS_NAMESPACES = (
    "layers",
    "models",
    "optimizers",
    "optimizers.schedules",
    "losses",
    "metrics",
    "initializers",
    "regularizers",
    "constraints",
    "dtype_policies",
    "quantizers",
    "random",
)
_FUNCTION_NAMESPACES = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
)
_PLUMBING = frozenset({"get", "serialize", "deserialize"})

# Classes that Keras exports at its top level first, so that files say "keras", not "keras.<namespace>".
_TOP_LEVEL = frozenset(
    {
        "DTypePolicy",
        "FloatDTypePolicy",
        "Initializer",
        "InputSpec",
        "Layer",
        "Loss",
        "Metric",
        "Model",
        "Optimizer",
        "Quantizer",
        "Regularizer",
        "Sequential",
    }
)
# Classes that Keras does not export: files carry the module that defines them, and a registered name.
_UNEXPORTED = {"Functional": "keras.src.models.functional"}

# Classes that Keras exports under another name than their own, which numbers layers and their places in weights files.
_EXPORTED_AS = {"GroupedQueryAttention": "GroupQueryAttention"}
# Functions in a model's graph: classes that Keras makes of them and does not export.
_OPERATIONS = "keras.src.ops."

_ROOTS = ("keras", "tf_keras", "tensorflow", "kerasish")


def _namespace(name: str) -> types.ModuleType | None:
    """Import `kerasish.<name>`, one of the fixed names above; None if this version has no such namespace."""
    try:
        return importlib.import_module(f"kerasish.{name}")
    except ModuleNotFoundError as error:
        if error.name is not None and f"kerasish.{name}".startswith(error.name):
            return None
        raise


def _usable(obj: Any, functions_allowed: bool) -> bool:
    if not str(getattr(obj, "__module__", "")).startswith("kerasish."):
        return False  # something the namespace's file merely imported
    if isinstance(obj, type):
        return hasattr(obj, "from_config") and hasattr(obj, "get_config")
    return functions_allowed and isinstance(obj, types.FunctionType) and obj.__name__ not in _PLUMBING


def _lookup(namespace: str, name: str) -> Any:
    module = _namespace(namespace)
    obj = None if module is None else getattr(module, name, None)
    return obj if obj is not None and _usable(obj, namespace in _FUNCTION_NAMESPACES) else None


def _candidates(module: str) -> tuple[str, ...]:
    """Namespaces that may define what a file calls `module`, such as "keras.src.layers.core.dense"."""
    parts = module.split(".")
    if parts[0] not in _ROOTS:
        return ()
    namespaces = {*_CLASS_NAMESPACES, *_FUNCTION_NAMESPACES}
    if "schedules" in parts or "learning_rate_schedule" in parts:
        return ("optimizers.schedules",)
    for part in parts[1:]:
        if part in namespaces:
            return (part,)
    return _CLASS_NAMESPACES  # "keras" itself, or a module of an older Keras ("keras.engine.functional")


def find_class(module: str | None, name: str) -> Any:
    """Return the built-in that a config calls (`module`, `class_name`), or None.

    Args:
        module: Module as written in the config, such as `"keras.layers"`. Never imported.
        name: Class name, such as `"Dense"`.
    """
    if not isinstance(module, str) or not isinstance(name, str) or not name.isidentifier() or name[0] == "_":
        return None
    if module.startswith(_OPERATIONS):
        from kerasish.ops.symbolic import find_class as find_operation_class

        return find_operation_class(name)
    for namespace in _candidates(module):
        obj = _lookup(namespace, name)
        if obj is not None:
            return obj
    return None


def find_function(name: str) -> Any:
    """Return the built-in activation, loss or metric function of this name, or None."""
    if not name.isidentifier() or name[0] == "_":
        return None
    for namespace in _FUNCTION_NAMESPACES:
        obj = _lookup(namespace, name)
        if obj is not None:
            return obj
    return None


def find_class_by_name(name: str) -> Any:
    """Return the built-in class of this name from the first namespace that has it."""
    return find_class("keras", name)


def public_module(cls: type) -> str | None:
    """Return the module that files name for a built-in class, such as `"keras.layers"`; None for others."""
    parts = cls.__module__.split(".")
    if parts[0] != "kerasish" or len(parts) < 2:
        return None
    name = public_name(cls)
    if name in _UNEXPORTED and parts[1] == "models":
        return _UNEXPORTED[name]
    namespace = parts[1]
    if namespace == "ops" and hasattr(cls, "function"):
        return f"{_OPERATIONS}{parts[-1]}"
    if namespace == "optimizers" and len(parts) > 2 and parts[2] == "schedules":
        namespace = "optimizers.schedules"
    module = _namespace(namespace) if namespace in _CLASS_NAMESPACES else None
    if module is None or getattr(module, name, None) is not cls:
        return None
    return "keras" if name in _TOP_LEVEL else f"keras.{namespace}"


def public_name(cls: type) -> str:
    """Return what files call a class."""
    name = cls.__name__
    return _EXPORTED_AS.get(name, name) if cls.__module__.startswith("kerasish.") else name


def is_unexported(cls: type) -> bool:
    """Whether Keras writes this built-in class with a registered name, as for classes it does not export."""
    return cls.__name__ in _UNEXPORTED or cls.__module__.startswith("kerasish.ops.")


def public_names(module: str | None) -> list[str]:
    """Return the class names that a config could have meant; for error messages."""
    names: list[str] = []
    for namespace in _candidates(module or "keras") or _CLASS_NAMESPACES:
        found = _namespace(namespace)
        names += [name for name in dir(found) if isinstance(getattr(found, name), type)] if found else []
    return names


def close_names(name: str, names: Any) -> str:
    """Return ` Did you mean 'a' or 'b'?` for the known names nearest to `name`, or an empty string."""
    import difflib

    by_lower = {str(known).lower(): str(known) for known in names}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(by_lower[match]) for match in near)}?" if near else ""
