"""Makes a call with both libraries and says how the results differ."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from cases import Case

# JAX has no 64-bit types unless told to.
STEPS = {"float16": 2e-3, "bfloat16": 1.6e-2}
NARROW = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


def call(keras: Any, case: Case) -> Any:
    if case.call is not None:
        return case.call(keras, case.args, case.kwargs)
    return getattr(keras.ops, case.name)(*case.args, **case.kwargs)


def outcome(keras: Any, case: Case) -> tuple[Any, Exception | None]:
    """Return flat results or the exception."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return keras.tree.flatten(call(keras, case)), None
        except Exception as error:
            return None, error


def array(keras: Any, value: Any) -> Any:
    if isinstance(value, (str, bool, int, float, type(None))):
        return value
    return np.asarray(keras.ops.convert_to_numpy(value)) if hasattr(value, "dtype") else value


def plain(x: np.ndarray) -> np.ndarray:
    return x.astype("float32") if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def narrowest(value: Any) -> str:
    """Return the narrowest float type among the arguments: it bounds how well results can agree."""
    if isinstance(value, np.ndarray):
        return value.dtype.name if value.dtype.name in STEPS else ""
    if isinstance(value, (list, tuple)):
        return max(map(narrowest, value), key=lambda name: STEPS.get(name, 0.0), default="")
    return ""


def difference(case: Case, own: Any, theirs: Any) -> str | None:
    """Return what differs between two outcomes, None if nothing."""
    (mine, my_error), (expected, error) = own, theirs
    if error is not None:
        if my_error is None:
            return f"accepts|Keras raises {type(error).__name__}: {str(error)[:110]!r}"
        return None
    if my_error is not None:
        if "output size would be zero" in str(my_error):  # Keras's layers refuse this, its ops return nothing
            return None
        return f"RAISES|{type(my_error).__name__}: {str(my_error)[:160]!r}"
    if len(mine) != len(expected):
        return f"LENGTH|{len(mine)} results, Keras {len(expected)}"
    for one, other in zip(mine, expected, strict=True):
        if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
            if not (type(one) is type(other) and one == other) and not (
                np.ndim(one) == 0 and np.ndim(other) == 0 and one == other
            ):
                return f"VALUE|{one!r}, Keras {other!r}"
            continue
        if one.shape != other.shape:
            return f"SHAPE|{one.shape}, Keras {other.shape}"
        names = [NARROW.get(x.dtype.name, x.dtype.name) for x in (one, other)]
        if names[0] != names[1]:
            return f"DTYPE|{one.dtype.name}, Keras {other.dtype.name}"
        step = max(STEPS.get(names[1], 0.0), STEPS.get(narrowest(case.args), 0.0) / 2)
        one, other = plain(one), plain(other)
        tolerance = max(case.tolerance, 2 * step)
        scale = (
            float(np.max(np.abs(other[np.isfinite(other)]), initial=1.0)) if other.dtype.kind in "fc" else 1.0
        )
        if other.dtype.kind in "fc":
            same = np.allclose(one, other, rtol=tolerance, atol=tolerance * scale * 0.1, equal_nan=True)
        else:
            same = np.array_equal(one, other)
        if not same:
            return (
                f"VALUES|{str(one.ravel()[:6].tolist())[:90]}, Keras {str(other.ravel()[:6].tolist())[:90]}"
            )
    return None


def compare(kerasish: Any, keras: Any, case: Case) -> str | None:
    results = []
    for library in (kerasish, keras):
        found, error = outcome(library, case)
        results.append((None if found is None else [array(library, v) for v in found], error))
    return difference(case, *results)
