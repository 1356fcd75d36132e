"""Which devices there are, and which of them is the default one.

The default device is the first GPU where CuPy is installed and the driver shows one, else the CPU. `KERASISH_DEVICE`
(`cpu`, `gpu` or `gpu:1`) says otherwise, and `kerasish.device` does so for a while.

CuPy is imported when a GPU is first used, not before: whether there is one is asked of the driver itself, and whether
CuPy is installed of the import system.
"""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

VARIABLE = "KERASISH_DEVICE"

_INSTALL = (
    "Install it for the CUDA version of the driver: `pip install kerasish[cuda13]` or `kerasish[cuda12]`"
)
_STAY = f"or stay on the CPU (`{VARIABLE}=cpu`)"


class DeviceError(ValueError):
    """A device that was asked for cannot be used; the CPU can."""


def parse(name: Any, argument: str, others: tuple[str, ...] = ()) -> tuple[str, int]:
    """Return the kind and the number of the device called `name`.

    Args:
        name: `"cpu"`, `"gpu"`, `"gpu:1"`; `"cuda"` is another word for `"gpu"`.
        argument: Where the name came from, for errors.
        others: Further kinds that are there.

    Raises:
        ValueError: If it is no device's name.
    """
    kind, colon, number = str(name).strip().lower().partition(":")
    kind = "gpu" if kind == "cuda" else kind
    fits = kind in ("cpu", "gpu", *others) and (number.isdecimal() if colon else True)
    if not fits or (kind != "gpu" and number not in ("", "0")):
        known = sorted({"cpu:0", *(f"gpu:{i}" for i in range(visible())), *(f"{kind}:0" for kind in others)})
        what = "the environment variable" if argument == VARIABLE else "argument"
        raise ValueError(
            f"Invalid value for {what} `{argument}`. Expected one of {known}. Received: {argument}={name!r}"
        )
    return kind, int(number or 0)


@cache
def visible() -> int:
    """Return how many GPUs the driver shows; 0 without a driver."""
    import ctypes

    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    found = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(found)):
        return 0
    return found.value


def installed() -> bool:
    """Tell whether CuPy is installed (not whether it works)."""
    return find_spec("cupy") is not None


def runtime() -> ModuleType:
    """Return `kerasish.devices.gpu_runtime`, which imports CuPy.

    Raises:
        DeviceError: If CuPy is missing, broken, or of another CUDA version, or there is no driver or no GPU.
    """
    if not installed():
        raise DeviceError(f"GPUs are computed on by CuPy, which is not installed. {_INSTALL}, {_STAY}.")
    if not visible():
        raise DeviceError(
            "No NVIDIA GPU is to be seen: there is none, its driver is missing or too old (`nvidia-smi` tells), or "
            f"CUDA_VISIBLE_DEVICES hides it. Make one visible, {_STAY}."
        )
    return _working_runtime()


@cache
def _working_runtime() -> ModuleType:
    try:
        from kerasish.devices import gpu_runtime

        gpu_runtime.check(0)
    except Exception as error:  # whatever a broken installation raises
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DeviceError(
            f"CuPy is installed but does not work with this machine's GPU and driver ({reason}). {_INSTALL}, one of "
            f"them only, {_STAY}."
        ) from error
    return gpu_runtime


def gpu(number: int) -> ModuleType:
    """Return the runtime after a look at whether GPU `number` is there.

    Raises:
        DeviceError: If it is not, or no GPU can be used.
    """
    found = runtime()
    if number >= found.count():
        there = ", ".join(f"'gpu:{i}'" for i in range(found.count()))
        raise DeviceError(
            f"There is no device 'gpu:{number}': this machine shows {there}. Use one of these, {_STAY}."
        )
    return found


def default_gpu() -> tuple[ModuleType, int] | None:
    """Return the GPU to use where nothing else is said, as its runtime and number; None for the CPU.

    Without a wish of the user's, a GPU that cannot be used is passed over: silently where there is no driver or no
    CuPy, with one warning where both are there.

    Raises:
        ValueError: If `KERASISH_DEVICE` is no device's name.
        DeviceError: If it names a device that cannot be used.
    """
    wish = os.environ.get(VARIABLE, "").strip()
    if wish:
        kind, number = parse(wish, VARIABLE)
        return (gpu(number), number) if kind == "gpu" else None
    if not installed() or not visible():
        return None
    try:
        return runtime(), 0
    except DeviceError as error:
        warnings.warn(f"{error} The CPU is used.", stacklevel=_frames_of_this_package())
        return None


def _frames_of_this_package() -> int:
    """Return the `stacklevel` of a warning that is the doing of the line outside of this package."""
    level, frame = 2, sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("kerasish."):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    return level
