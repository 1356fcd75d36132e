"""`keras.ops.numpy`: the functions of `keras.ops` that NumPy has too, and their close relatives."""

from typing import Any

from kerasish import ops

_FILES = "arithmetic contraction creation elementwise order positions products reductions shapes".split()
_OTHERS = {"cast", "erf", "erfc", "erfinv"}
__all__ = sorted({name for file in _FILES for name in ops.HOMES[file].split()} - _OTHERS)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(ops, name)


def __dir__() -> list[str]:
    return __all__
