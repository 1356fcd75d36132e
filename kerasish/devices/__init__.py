"""Devices: which array module computes on which kind of array, and where new arrays go.

Everything above this floor is written once, against "the array module of this array": NumPy for `numpy.ndarray`,
another for another device's arrays. A module offers NumPy's functions and the few that `devices.cpu` adds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kerasish.devices import cpu, selection
from kerasish.devices.memory import MemoryInfo, OutOfMemoryError, host_memory, keep_freed_memory
from kerasish.devices.selection import DeviceError

keep_freed_memory()

_modules: dict[type, Any] = {np.ndarray: cpu}
_names: dict[type, str | Callable[[Any], str]] = {np.ndarray: "cpu"}
_binders: dict[type, Callable[[Callable], Callable]] = {}


def register_array_type(
    array_type: type,
    module: Any,
    name: str | Callable[[Any], str],
    bound: Callable[[Callable], Callable] | None = None,
) -> None:
    """Say that arrays of `array_type` are computed on by `module` and live on the device called `name`.

    Args:
        array_type: The class of the device's arrays.
        module: An object with NumPy's functions for such arrays, and those that `devices.cpu` adds.
        name: The device's name, for example `"gpu"`, or a function that tells an array's.
        bound: What makes a primitive's kernel of a function of the module; the function itself by default.
    """
    _modules[array_type] = module
    _names[array_type] = name
    if bound is not None:
        _binders[array_type] = bound


def array_module(array_type: type) -> Any:
    """Return the array module that computes on arrays of `array_type`.

    Raises:
        TypeError: If no device has such arrays.
    """
    module = _modules.get(array_type)
    if module is None and is_array_type(array_type):
        return _modules[array_type]
    if module is None:
        raise TypeError(
            f"No device computes on values of type {array_type.__module__}.{array_type.__qualname__}. Convert the "
            "value with `kerasish.ops.convert_to_tensor` first."
        )
    return module


def kernel(array_type: type, run: Callable | str) -> Callable:
    """Return a primitive's `run` rule for arrays of `array_type`: a function of their arrays and parameters.

    Args:
        array_type: The class of the device's arrays.
        run: A function whose first argument is the array module, or the name of one of the module's.
    """
    module = array_module(array_type)
    found = getattr(module, run) if isinstance(run, str) else partial(run, module)
    return _binders[array_type](found) if array_type in _binders else found


def is_array_type(candidate: type) -> bool:
    """Tell whether values of type `candidate` are arrays of a known device."""
    return candidate in _modules or (candidate.__module__ == "cupy" and _is_of_a_gpu(candidate))


def _is_of_a_gpu(candidate: type) -> bool:
    """Tell whether `candidate` is the class of a GPU's arrays, which the user may make before this package does."""
    if candidate.__name__ == "ndarray":
        _register_gpus(selection.runtime())
    return candidate in _modules


def device_name(array: Any) -> str:
    """Return the name of the device that holds `array`, such as `"cpu"`."""
    name = _names[type(array)]
    return name if isinstance(name, str) else name(array)


def to_numpy(array: Any) -> np.ndarray:
    """Copy `array` to the host if it is elsewhere and return it as a NumPy array (the same object on a CPU)."""
    return array if type(array) is np.ndarray else array.get()


def copied(array: Any, dtype: np.dtype | None = None) -> Any:
    """Return a copy of `array` where it is, of another dtype if one is given.

    Raises:
        OutOfMemoryError: If there is no room for it on its device.
    """
    if type(array) is np.ndarray:
        return array.copy() if dtype is None else array.astype(dtype)
    return kernel(type(array), _copy)(array, dtype=dtype)


def _copy(module: Any, array: Any, dtype: np.dtype | None) -> Any:
    return array.copy() if dtype is None else array.astype(dtype)


# The default device


def _first(array: np.ndarray) -> Any:
    """Settle the default device, and place its first array."""
    _settle()
    return place(array)


_to_default: Callable[[np.ndarray], Any] | None = _first
_default_module: Any = None


def _settle() -> None:
    found = selection.default_gpu()
    if found is None:
        set_default_device(None)
    else:
        runtime, number = found
        _register_gpus(runtime)
        set_default_device(runtime.mover(number), runtime.module(number))


def _register_gpus(runtime: Any) -> None:
    register_array_type(runtime.ndarray, runtime.gpu, runtime.name, runtime.bound)


def set_default_device(move: Callable[[np.ndarray], Any] | None, module: Any = None) -> None:
    """Set where new arrays go.

    Args:
        move: Moves host arrays to the default device; None keeps them on the CPU.
        module: Makes new arrays there; by default the module of the arrays that `move` returns.
    """
    global _to_default, _default_module
    if module is None and move is not _first:
        module = cpu if move is None else array_module(type(move(np.empty(0))))
    _to_default, _default_module = move, module


def place(array: np.ndarray) -> Any:
    """Return a host array as an array of the default device."""
    if _to_default is None or array.dtype.kind in "OSU":
        return array
    return _to_default(array)


def to_default(array: Any) -> Any:
    """Return an array of any device on the default device (itself where it is there already)."""
    module = default_module()
    if _to_default is None:
        return to_numpy(array)
    if type(array) is np.ndarray or callable(_names[type(array)]):  # a GPU takes arrays of other GPUs
        return _to_default(array)
    return array if module is _modules[type(array)] else _to_default(to_numpy(array))


def default_module() -> Any:
    """Return the array module of the default device."""
    if _default_module is None:
        _settle()
    return _default_module


def _other_kinds() -> dict[str, type]:
    """Return the classes of arrays of further kinds of devices, by kind."""
    return {
        name.partition(":")[0]: array_type
        for array_type, name in _names.items()
        if isinstance(name, str) and array_type is not np.ndarray
    }


def _mover(device_name: Any, argument: str) -> tuple[Callable[[Any], Any] | None, Any]:
    """Return what moves host arrays to a device (None for the CPU), and the module that makes new arrays there."""
    others = _other_kinds()
    kind, number = selection.parse(device_name, argument, tuple(others))
    if kind == "cpu":
        return None, cpu
    if kind == "gpu" and kind not in others:
        runtime = selection.gpu(number)
        _register_gpus(runtime)
        return runtime.mover(number), runtime.module(number)
    module = _modules[others[kind]]
    return module.asarray, module


def moved(array: Any, name: str) -> Any:
    """Return `array` on the device called `name` (itself where it is there already).

    Raises:
        ValueError: If that is no device's name.
        DeviceError: If there is no such device here.
    """
    kind, number = selection.parse(name, "device", tuple(_other_kinds()))
    here = device_name(array)
    if here in (f"{kind}:{number}", kind if number == 0 else None):
        return array
    move, _ = _mover(name, "device")
    if here.partition(":")[0] != kind:
        array = to_numpy(array)
    return array if move is None else move(array)


class device:
    """Context in which new tensors live on a device.

    Example:

    >>> with kerasish.device("cpu:0"):
    ...     x = kerasish.ops.ones((2, 3))

    Args:
        device_name: `"cpu"`, `"gpu"` (the first GPU) or `"gpu:1"` (the second).

    Raises:
        ValueError: If that is no device's name.
        DeviceError: If there is no such device here.
    """

    def __init__(self, device_name: str):
        self._target = _mover(device_name, "device_name")
        self._outer: list[tuple[Callable[[np.ndarray], Any] | None, Any]] = []

    def __enter__(self) -> device:
        self._outer.append((_to_default, _default_module))
        set_default_device(*self._target)
        return self

    def __exit__(self, *exception: object) -> None:
        set_default_device(*self._outer.pop())


# Memory


def memory_info(device: str | None = None) -> MemoryInfo:
    """Return how a device's memory is used.

    Example:

    >>> info = kerasish.devices.memory_info()
    >>> info.free <= info.total
    True

    Args:
        device: `"cpu"`, `"gpu"` or `"gpu:1"`; the default device by default.

    Returns:
        A named tuple of bytes: `total`, `free` (what no process has asked for), `used` (by arrays of this process) and
        `pooled` (kept by this process for arrays to come), and the `device`.

    Raises:
        ValueError: If that is no device's name.
        DeviceError: If there is no such device here.
    """
    if device is None:
        device = device_name(place(np.zeros(1)))
    kind, number = selection.parse(device, "device")
    return host_memory() if kind == "cpu" else selection.gpu(number).memory_info(number)


def has_room(nbytes: int, device: str) -> bool:
    """Tell whether data of a size fit on a device beside what training takes: in half of what nothing is in.

    Args:
        nbytes: Their bytes.
        device: The device's name.
    """
    if not device.startswith("gpu"):
        return True
    info = memory_info(device)
    return nbytes <= (info.free + info.pooled) // 2


__all__ = [
    "DeviceError",
    "MemoryInfo",
    "OutOfMemoryError",
    "array_module",
    "default_module",
    "device",
    "device_name",
    "has_room",
    "is_array_type",
    "kernel",
    "memory_info",
    "moved",
    "place",
    "register_array_type",
    "set_default_device",
    "to_default",
    "to_numpy",
]
