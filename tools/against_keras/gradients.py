"""Gradients of a case's float arguments: by central differences in float64, and by both libraries.

Central differences, which compile nothing, are quick; `jax.grad` of what Keras does decides where they differ, which
they do at corners too.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from cases import Case
from compare import call, difference


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.name in ("float32", "float16", "bfloat16")


def total(keras: Any, outputs: Any) -> Any:
    """Return all float results summed, with weights that tell every element from the others."""
    o, result = keras.ops, 0.0
    for y in keras.tree.flatten(outputs):
        kind = str(y.dtype) if hasattr(y, "dtype") and not isinstance(y, (np.ndarray, np.generic)) else ""
        for part in (o.real(y), o.imag(y)) if "complex" in kind else (y,) if "float" in kind else ():
            weights = np.cos(np.arange(int(np.prod(part.shape))) * 1.7 + 0.4).reshape(part.shape) + 1.5
            floatx = keras.config.floatx()
            result = result + o.sum(o.cast(part, floatx) * weights.astype(floatx))
    return result


def prepared(keras: Any, case: Case, dtype: str | None = None) -> tuple[Any, list[np.ndarray]]:
    """Return a function of the case's float arrays that gives the total of its results, and the arrays."""
    function, arguments = (
        case.function(keras)
        if case.function is not None
        else (
            lambda args, kwargs: call(keras, replace(case, args=args, kwargs=kwargs)),
            (case.args, case.kwargs),
        )
    )
    leaves = keras.tree.flatten(arguments)
    places = [i for i, leaf in enumerate(leaves) if is_float(leaf)]

    def of_arrays(arrays: list[Any]) -> Any:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        return total(keras, function(*keras.tree.pack_sequence_as(arguments, filled)))

    return of_arrays, [leaves[i].astype(dtype or leaves[i].dtype) for i in places]


def of_kerasish(kerasish: Any, function: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    tensors = [kerasish.ops.convert_to_tensor(a) for a in arrays]
    with kerasish.GradientTape() as tape:
        for tensor in tensors:
            tape.watch(tensor)
        result = function(tensors)
    if isinstance(result, float):
        return [np.zeros_like(a) for a in arrays]
    found = tape.gradient(result, tensors)
    return [
        np.zeros_like(a) if g is None else np.asarray(kerasish.ops.convert_to_numpy(g))
        for g, a in zip(found, arrays, strict=True)
    ]


def of_keras(keras: Any, function: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    import jax

    found = jax.grad(lambda x: 1.0 * function(x))([keras.ops.convert_to_tensor(a) for a in arrays])
    return [np.asarray(g) for g in found]


def compare(kerasish: Any, keras: Any, case: Case) -> str | None:
    """Return how the gradients of one case differ, None if they do not or Keras has none."""
    results: list[tuple[Any, Any]] = []
    for library, gradients in ((keras, of_keras), (kerasish, of_kerasish)):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                results.append((gradients(library, *prepared(library, case)), None))
            except Exception as error:
                results.append((None, error))
    theirs, mine = results
    if theirs[0] == []:
        return None
    return difference(replace(case, tolerance=5 * case.tolerance), mine, theirs)


def sieve(kerasish: Any, _keras: Any, case: Case) -> str | None:
    """Return how the slope along a random direction differs from central differences in float64.

    Cases that compute in another type of their own are left to `--backend jax`.
    """
    if "dtype" in case.kwargs or "16]" in case.name:
        return None
    floatx = kerasish.config.floatx()
    kerasish.config.set_floatx("float64")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return slopes(kerasish, case)
    finally:
        kerasish.config.set_floatx(floatx)


def slopes(kerasish: Any, case: Case) -> str | None:
    try:
        function, arrays = prepared(kerasish, case, "float64")
        value = lambda at: float(function([kerasish.ops.convert_to_tensor(x) for x in at]))
        value(arrays)
    except Exception:  # a case that is an error is the business of the other comparison
        return None
    try:
        found = of_kerasish(kerasish, function, arrays)
    except Exception as error:
        return f"RAISES|{type(error).__name__}: {str(error)[:160]!r}"
    for g, x in zip(found, arrays, strict=True):
        if g.shape != x.shape or g.dtype != x.dtype:
            return f"SHAPE|{g.dtype}{g.shape} for {x.dtype}{x.shape}"
    rng, step = np.random.default_rng(0), 1e-6
    for place, (g, x) in enumerate(zip(found, arrays, strict=True)):
        along = rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
        ends = [
            value([*arrays[:place], x + sign * step * along, *arrays[place + 1 :]]) for sign in (1.0, -1.0)
        ]
        slope, own = (ends[0] - ends[1]) / (2 * step), float(np.sum(g * along))
        scale = 1.0 + float(np.sum(np.abs(g))) + 1e-3 * max(map(abs, ends))
        if not abs(slope - own) <= 1e-5 * scale:
            return f"SLOPE|argument {place}: {own}, central differences {slope}"
    return None
