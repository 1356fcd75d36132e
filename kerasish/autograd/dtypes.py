"""Data types: their names, and the type that an operation on several of them has.

Promotion is Keras 3's, which is JAX's lattice: Python numbers are weak (they take the other operand's type), integers
never widen floats (`int64` with `float32` is `float32`), and two floats meet at the wider one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from kerasish import config

FLOATS = ("bfloat16", "float16", "float32", "float64")
INTS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
ALLOWED = (*FLOATS, *INTS, "bool", "string", "complex64", "complex128")

# Each type's immediate successors on the promotion lattice; "int" and "float" are the weak types of Python numbers.
_SUCCESSORS = {
    "bool": ("int",),
    "int": ("uint8", "int8", "complex64"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}

_PYTHON_TYPES = {bool: "bool", int: "int32", float: "float32", str: "string", complex: "complex64"}
_NAMES: dict[Any, str] = {}


def name(dtype: np.dtype) -> str:
    """Return the name of a NumPy dtype, such as `"float32"` (NumPy's own `dtype.name` is slow)."""
    found = _NAMES.get(dtype)
    if found is None:
        found = _NAMES[dtype] = "string" if dtype.kind in "OSU" else dtype.name
    return found


def standardize_dtype(dtype: Any) -> str:
    """Return the standard name of `dtype`: None is the default float type, Python types are 32 bits wide.

    Example:

    >>> standardize_dtype(int), standardize_dtype(None), standardize_dtype(np.float64)
    ('int32', 'float32', 'float64')

    Args:
        dtype: A name, a NumPy dtype or scalar type, a Python type, or None.

    Raises:
        ValueError: If it is no type that a tensor can have.
    """
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, str):
        if dtype in ALLOWED:
            return dtype
        if dtype == "int":
            return "int32"
        if dtype == "float":
            return config.floatx()
    elif dtype in _PYTHON_TYPES:
        return config.floatx() if dtype is float else _PYTHON_TYPES[dtype]
    try:
        found = name(np.dtype(dtype))
    except TypeError:
        found = str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]
    if found not in ALLOWED:
        raise ValueError(f"Invalid dtype: {dtype!r}. Expected one of {', '.join(ALLOWED)}.")
    return found


def to_numpy_dtype(dtype: Any) -> np.dtype:
    """Return the NumPy dtype of `dtype`, standardised as `standardize_dtype` does."""
    standard = standardize_dtype(dtype)
    if standard == "bfloat16":
        try:
            import ml_dtypes
        except ImportError:
            raise ValueError(
                "The type 'bfloat16' needs the package ml_dtypes (`pip install ml_dtypes`); 'float16' does not."
            ) from None
        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(object) if standard == "string" else np.dtype(standard)


def is_float(dtype: Any) -> bool:
    """Tell whether `dtype` names a real floating-point type."""
    return standardize_dtype(dtype) in FLOATS


@cache
def _above(dtype: str) -> frozenset[str]:
    """All types that `dtype` promotes to, itself included."""
    return frozenset({dtype}).union(*(_above(successor) for successor in _SUCCESSORS[dtype]))


@cache
def _promote(names: frozenset[str], floatx: str) -> str:
    unknown = [n for n in names if n not in _SUCCESSORS]
    if unknown:
        raise ValueError(f"Type {unknown[0]!r} takes no part in type promotion. Cast it to a number first.")
    common = frozenset.intersection(*(_above(n) for n in names))
    lowest = max(common, key=lambda candidate: len(_above(candidate) & common))
    if lowest == "float":
        return floatx
    return f"int{floatx[-2:]}" if lowest == "int" else lowest


def result_type(*dtypes: Any) -> str:
    """Return the type of an operation on operands of these types.

    Example:

    >>> result_type("int32", float), result_type("float16", "bfloat16"), result_type("int8", "uint8")
    ('float32', 'float32', 'int16')

    Args:
        dtypes: Names, NumPy dtypes, or the Python types `int` and `float` for weakly typed operands.
    """
    if not dtypes:
        return config.floatx()
    weak = {int: "int", float: "float"}
    # A Python type in a dict lookup: strings and dtypes hash as themselves and are not found.
    return _promote(frozenset(weak.get(d) or standardize_dtype(d) for d in dtypes), config.floatx())


@cache
def _pair(first: np.dtype, second: np.dtype, floatx: str) -> np.dtype:
    return to_numpy_dtype(_promote(frozenset((name(first), name(second))), floatx))


def promote_pair(first: np.dtype, second: np.dtype) -> np.dtype:
    """Return the NumPy dtype that an operation on two arrays of these dtypes has."""
    return _pair(first, second, config.floatx())
