"""`keras.ops.nn`: the functions of `keras.ops` that neural networks are made of."""

from typing import Any

from kerasish import ops

_FILES = (
    "activations adaptive_pooling alignment attention convolution crossentropy encoding measures normalization patches"
).split()
_OTHERS = {"extract_patches", "extract_patches_3d"}
__all__ = sorted({name for file in _FILES for name in ops.HOMES[file].split()} - _OTHERS)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(ops, name)


def __dir__() -> list[str]:
    return __all__
