"""A stand-in for CuPy made of NumPy, on which `devices.gpu` computes anywhere: what it makes of CuPy's functions.

Kernels in CUDA C++ are NumPy functions here, so what they are is not tested, only what is done with them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from kerasish import devices
from kerasish.devices import cpu

_COMBINE = {"maximum": np.maximum, "minimum": np.minimum, "multiply": np.multiply}


def _multiply_add(a: Any, b: Any, total: Any) -> None:
    total += a * b


KERNELS = {
    "kerasish_erf": cpu.erf,
    "kerasish_erfc": cpu.erfc,
    "kerasish_erfinv": cpu.erfinv,
    "kerasish_logaddexp": np.logaddexp,
    "kerasish_remainder": np.remainder,
    "kerasish_floor_divide": np.floor_divide,
    "kerasish_sigmoid": cpu.sigmoid,
    "kerasish_multiply_add": _multiply_add,
}


def _module() -> ModuleType:
    fake = ModuleType("cupy")
    fake.__getattr__ = lambda name: getattr(np, name)  # type: ignore[method-assign]
    fake.ElementwiseKernel = lambda arguments, result, code, name: KERNELS[name]  # type: ignore[attr-defined]
    fake.lib = np.lib  # type: ignore[attr-defined]
    return fake


def gpu_module() -> Any:
    """Return `devices.gpu`, loaded anew on NumPy's arrays."""
    names = ("cupy", "cupy.lib", "cupy.lib.stride_tricks")
    own = [f"kerasish.devices.{name}" for name in ("gpu_kernels", "gpu_convolution", "gpu")]
    before = {name: sys.modules.pop(name, None) for name in (*names, *own)}
    sys.modules.update(
        {"cupy": _module(), "cupy.lib": np.lib, "cupy.lib.stride_tricks": np.lib.stride_tricks}
    )
    folder = Path(devices.__file__).parent
    try:
        for name in own:
            spec = importlib.util.spec_from_file_location(name, folder / f"{name.rpartition('.')[2]}.py")
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        module.combine_at = lambda out, places, values, how: _COMBINE[how].at(out.reshape(-1), places, values)
        return module
    finally:
        for name, value in before.items():
            sys.modules.pop(name, None)
            if value is not None:
                sys.modules[name] = value
