"""`keras.ops.numpy`: the functions of `keras.ops` that NumPy has too, and their close relatives."""

from typing import Any

from kerasish import ops

_FILES = (
    "arithmetic complex_numbers contraction creation elementwise elementwise_more missing_values order positions "
    "products reductions sets shapes statistics windows"
).split()
_OTHERS = {"cast", "erf", "erfc", "erfinv", "view_as_complex", "view_as_real"}
_MORE = {"slogdet", "vectorize"}
__all__ = sorted({name for file in _FILES for name in ops.HOMES[file].split()} - _OTHERS | _MORE)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(ops, name)


def __dir__() -> list[str]:
    return __all__
