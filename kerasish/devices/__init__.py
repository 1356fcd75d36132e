"""Devices: which array module computes on which kind of array.

Everything above this floor is written once, against "the array module of this array": NumPy for `numpy.ndarray`,
another for another device's arrays. A module offers NumPy's functions and the few that `devices.cpu` adds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasish.devices import cpu
from kerasish.devices.memory import keep_freed_memory

keep_freed_memory()

_modules: dict[type, Any] = {np.ndarray: cpu}
_names: dict[type, str] = {np.ndarray: "cpu"}
_to_default: Callable[[np.ndarray], Any] | None = None


def register_array_type(array_type: type, module: Any, name: str) -> None:
    """Say that arrays of `array_type` are computed on by `module` and live on the device called `name`.

    Args:
        array_type: The class of the device's arrays.
        module: An object with NumPy's functions for such arrays, and those that `devices.cpu` adds.
        name: The device's name, for example `"gpu"`.
    """
    _modules[array_type] = module
    _names[array_type] = name


def array_module(array_type: type) -> Any:
    """Return the array module that computes on arrays of `array_type`.

    Raises:
        TypeError: If no device has such arrays.
    """
    module = _modules.get(array_type)
    if module is None:
        raise TypeError(
            f"No device computes on values of type {array_type.__module__}.{array_type.__qualname__}. Convert the "
            "value with `kerasish.ops.convert_to_tensor` first."
        )
    return module


def is_array_type(candidate: type) -> bool:
    """Tell whether values of type `candidate` are arrays of a known device."""
    return candidate in _modules


def device_name(array: Any) -> str:
    """Return the name of the device that holds `array`, such as `"cpu"`."""
    return _names[type(array)]


def to_numpy(array: Any) -> np.ndarray:
    """Copy `array` to the host if it is elsewhere and return it as a NumPy array (the same object on a CPU)."""
    return array if type(array) is np.ndarray else array.get()


def set_default_device(move: Callable[[np.ndarray], Any] | None) -> None:
    """Set the function that moves new host arrays to the default device; None keeps them on the CPU."""
    global _to_default
    _to_default = move


def place(array: np.ndarray) -> Any:
    """Return a host array as an array of the default device."""
    if _to_default is None or array.dtype.kind in "OSU":
        return array
    return _to_default(array)


def default_module() -> Any:
    """Return the array module of the default device."""
    return cpu if _to_default is None else array_module(type(_to_default(np.empty(0))))


class device:
    """Context in which new tensors live on a device.

    Example:

    >>> with kerasish.device("cpu:0"):
    ...     x = kerasish.ops.ones((2, 3))

    Args:
        device_name: `"cpu"` or the name of another device that is there, with `:0` after it or without.

    Raises:
        ValueError: If there is no such device.
    """

    def __init__(self, device_name: str):
        kind, _, number = str(device_name).lower().partition(":")
        found = [array_type for array_type, name in _names.items() if name.partition(":")[0] == kind]
        if not found or number not in ("", "0"):
            known = sorted(f"{name.partition(':')[0]}:0" for name in _names.values())
            raise ValueError(
                f"Invalid value for argument `device_name`. Expected one of {known}. Received: "
                f"device_name={device_name!r}"
            )
        self._move = None if found[0] is np.ndarray else _modules[found[0]].asarray
        self._outer: list[Callable[[np.ndarray], Any] | None] = []

    def __enter__(self) -> device:
        self._outer.append(_to_default)
        set_default_device(self._move)
        return self

    def __exit__(self, *exception: object) -> None:
        set_default_device(self._outer.pop())
