"""`ops` against `keras.ops` on JAX: values, dtypes and shapes, on arrays and on symbols."""

from __future__ import annotations

import numpy as np
import pytest
from odd_ops_cases import CALLS

from kerasish import KerasTensor, Tensor, ops, tree

# JAX has no 64-bit types unless told to.
NARROW = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


def narrow(dtype: str) -> str:
    return NARROW.get(dtype, dtype)


def leaves(result) -> list:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def replaced(call, make):
    """Return the call's arguments with each array replaced by what `make` gives for it."""
    swap = lambda leaf: make(leaf) if isinstance(leaf, np.ndarray) else leaf  # noqa: E731
    return tuple(tree.map_structure(swap, a) for a in call.args), {
        k: tree.map_structure(swap, v) for k, v in call.kwargs.items()
    }


BATCH = 60


@pytest.fixture(scope="module")
def expected_of(oracle):
    """What Keras computes for a call. Those that can be are compiled many at a time, which is much faster."""
    import jax

    traceable = [c for c in CALLS if c.symbolic]
    place = {id(c): i for i, c in enumerate(traceable)}
    batches: dict[int, list] = {}

    def compute(call):
        return leaves(getattr(oracle.ops, call.name)(*call.args, **call.kwargs))

    def of(call):
        if id(call) not in place:
            return compute(call)
        number, position = divmod(place[id(call)], BATCH)
        if number not in batches:
            calls = traceable[number * BATCH : (number + 1) * BATCH]
            arrays: list[list] = []

            def collect(array, arrays=arrays):
                arrays[-1].append(array)
                return array

            for c in calls:
                arrays.append([])
                replaced(c, collect)

            def run(arrays, calls=calls):
                results = []
                for c, own in zip(calls, arrays, strict=True):
                    rest = iter(own)
                    args, kwargs = replaced(c, lambda _, rest=rest: next(rest))
                    results.append(compute(c._replace(args=args, kwargs=kwargs)))
                return results

            batches[number] = jax.jit(run)(arrays)
        return batches[number][position]

    return of


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_values(expected_of, call):
    expected = expected_of(call)
    found = leaves(getattr(ops, call.name)(*call.args, **call.kwargs))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        theirs_array = np.asarray(theirs)
        if not isinstance(ours, Tensor):
            assert ours == theirs
            continue
        assert ours.shape == theirs_array.shape
        assert narrow(ours.dtype) == narrow(theirs_array.dtype.name)
        if call.name != "empty_like":
            np.testing.assert_allclose(ours.numpy(), theirs_array, rtol=2e-5, atol=2e-6)


def unknown_batch(shape):
    return (None, *shape[1:]) if len(shape) > 1 else shape


@pytest.mark.parametrize("call", [c for c in CALLS if c.symbolic in (True, "known")], ids=str)
def test_symbols(oracle, call):
    for shape_of in [unknown_batch, tuple] if call.symbolic is True else [tuple]:
        args, kwargs = replaced(call, lambda a: oracle.KerasTensor(shape_of(a.shape), a.dtype.name))  # noqa: B023
        try:
            expected = leaves(getattr(oracle.ops, call.name)(*args, **kwargs))
            break
        except Exception:  # Keras does not know the result of unknown shapes: then of known ones
            if shape_of is tuple:
                raise
    args, kwargs = replaced(call, lambda a: KerasTensor(shape_of(a.shape), a.dtype.name))
    found = leaves(getattr(ops, call.name)(*args, **kwargs))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == tuple(theirs.shape)
        assert narrow(ours.dtype) == narrow(str(theirs.dtype))
