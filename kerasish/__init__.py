"""kerasish: Keras in a small package, on an autograd engine of its own that runs on NumPy and CuPy.

`import kerasish as keras` is the whole migration. Namespaces load when first used, so importing costs little more than
importing NumPy.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

from kerasish.version import __version__

_NAMESPACES = (
    "activations",
    "autograd",
    "callbacks",
    "compiler",
    "config",
    "constraints",
    "datasets",
    "devices",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "serialization",
    "trainers",
    "tree",
    "utils",
    "wrappers",
)
_NAMES = {
    "GradientTape": "autograd",
    "DTypePolicy": "dtype_policies",
    "Function": "ops.function",
    "FloatDTypePolicy": "dtype_policies",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "autograd",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "ops.operation",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "RematScope": "autograd",
    "StatelessScope": "autograd",
    "SymbolicScope": "autograd",
    "Tensor": "autograd",
    "Variable": "autograd",
    "device": "devices",
    "enable_grad": "autograd",
    "function": "compiler",
    "grad": "autograd",
    "name_scope": "autograd",
    "no_grad": "autograd",
    "remat": "autograd",
    "value_and_grad": "autograd",
}


def __getattr__(name: str) -> _Any:
    if name in _NAMESPACES:
        return _import_module(f"kerasish.{name}")
    home = _NAMES.get(name)
    if home is None:
        raise AttributeError(f"module 'kerasish' has no attribute {name!r}")
    value = getattr(_import_module(f"kerasish.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*_NAMESPACES, *_NAMES, "__version__"))


def version() -> str:
    """Return the version of this package."""
    return __version__
