"""Executors: what runs a graph. Each turns one into an object that is called with arrays.

The CPU's executor is `numpy.NumpyExecutable`. Other devices run the steps of `cuda.CudaExecutable`, each by a runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_runtimes: dict[type, Callable[[Any], Any]] = {}


def register_runtime(array_type: type, find: Callable[[Any], Any] | None) -> None:
    """Say what runs compiled graphs on arrays of a type.

    Args:
        array_type: The class of a device's arrays.
        find: Returns the runtime for the device that holds a given array; None takes the registration back.
    """
    if find is None:
        _runtimes.pop(array_type, None)
    else:
        _runtimes[array_type] = find


def compiles_for(array_type: type) -> bool:
    """Tell whether graphs can be compiled for a device's arrays."""
    if array_type is np.ndarray or array_type in _runtimes:
        return True
    if array_type.__module__.partition(".")[0] != "cupy":
        return False
    from kerasish.compiler.executors.cuda.runtime import runtime_of

    register_runtime(array_type, runtime_of)
    return True


def runtime_for(array: Any) -> Any:
    """Return what runs graphs on the device that holds `array`; None for the CPU.

    Raises:
        TypeError: If there is nothing that does.
    """
    if type(array) is np.ndarray:
        return None
    if not compiles_for(type(array)):
        raise TypeError(f"Graphs are not compiled for arrays of type {type(array).__name__}.")
    return _runtimes[type(array)](array)
