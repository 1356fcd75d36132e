"""Parts of arrays in compiled graphs: read where they lie, and put together at once."""

from importlib import import_module

import numpy as np
import pytest

import kerasish
from kerasish import ops

rng = np.random.default_rng(0)
X = rng.standard_normal((6, 40)).astype("float32")
BIAS = rng.standard_normal(40).astype("float32")


def gates(x, b):
    i, f, g, o = ops.split(x + b, 4, axis=-1)
    return ops.sigmoid(f) * ops.tanh(o) + ops.sigmoid(i) * g


def of_rows(x, b):
    top, bottom = ops.split(ops.exp(x) * b, [2], axis=0)
    return ops.sum(top, axis=0) * ops.mean(bottom, axis=1, keepdims=True)


def inner_rows(x, b):
    cube = ops.reshape(x, (6, 4, 10))
    return ops.tanh(cube[:, 1:3] + cube[:, 2:4]) * cube[1:2, :2]


def whole_and_parts(x, b):
    y = x * 2.0 + b
    return y[:, :20] * y[:, 20:] + ops.sum(y)


def overlapping(x, b):
    y = ops.sin(x + b)
    return y[:, :30] * y[:, 10:]


def with_gaps(x, b):
    y = ops.sin(x)
    return ops.concatenate([y[:, 5:15], y[:, 20:30]], axis=1) + y[:, ::2]


@pytest.mark.parametrize("jit", ["0", "1"])
@pytest.mark.parametrize("function", [gates, of_rows, inner_rows, whole_and_parts, overlapping, with_gaps])
def test_parts_and_their_gradients(function, jit, monkeypatch):
    monkeypatch.setenv("KERASISH_JIT", jit)
    monkeypatch.setattr(import_module("kerasish.compiler.function"), "_LARGE", 0)

    def both(x, b):
        with kerasish.GradientTape() as tape:
            tape.watch((x, b))
            y = function(x, b)
            loss = ops.sum(y * y)
        return y, *(
            ops.zeros_like(s) if g is None else g
            for s, g in zip((x, b), tape.gradient(loss, (x, b)), strict=True)
        )

    expected = both(ops.convert_to_tensor(X), ops.convert_to_tensor(BIAS))
    compiled = kerasish.function(both)
    # Arrays of the user's need not be contiguous.
    for x in (X, np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        for one, other in zip(compiled(x, BIAS), expected, strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


def test_gradients_of_a_split_are_put_side_by_side():
    def gradient(x, b):
        with kerasish.GradientTape() as tape:
            tape.watch(x)
            loss = ops.sum(gates(x, b))
        return tape.gradient(loss, x)

    graph = kerasish.function(gradient).trace(X, BIAS).graph
    names = [op.prim.name for op in graph.ops]
    assert "unslice" not in names and names.count("concatenate") == 1
