"""What NumPy's BLAS is: which of OpenBLAS's kernels it picked for this processor, and how many threads it uses."""

from __future__ import annotations

import os
from typing import Any


def info() -> dict[str, Any]:
    """Return what is known of the BLAS that NumPy multiplies matrices with.

    The kernels are chosen when NumPy is imported; what `numpy.show_config()` names is the machine that it was built on.

    Example:

    >>> sorted(info())
    ['core', 'name', 'threads']

    Returns:
        `name` of the library with its version, `core` (the processor type whose kernels OpenBLAS runs) and `threads`;
        None for what cannot be found out.
    """
    import numpy as np

    library = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    result = {"name": f"{library['name']} {library['version']}", "core": None, "threads": None}
    handle = _openblas()
    if handle is not None:
        import ctypes

        core = _function(handle, "get_corename", ctypes.c_char_p)
        threads = _function(handle, "get_num_threads", ctypes.c_int)
        result["core"] = None if core is None else core().decode()
        result["threads"] = None if threads is None else threads()
    return result


def _function(handle: Any, name: str, returns: Any) -> Any:
    """Return a function of OpenBLAS, whose names differ between builds."""
    for prefix in ("scipy_", ""):
        for suffix in ("64_", ""):
            function = getattr(handle, f"{prefix}openblas_{name}{suffix}", None)
            if function is not None:
                function.restype = returns
                return function
    return None


def _openblas() -> Any:
    """Return the OpenBLAS that this process has loaded, if it has one and says so (on Linux)."""
    import ctypes

    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if "openblas" in line}
    except OSError:
        return None
    for path in sorted(p for p in paths if os.path.exists(p)):
        handle = ctypes.CDLL(path)
        if _function(handle, "get_corename", ctypes.c_char_p) is not None:
            return handle
    return None
