"""Concatenations and the state of loops in machine code."""

from __future__ import annotations

import os

import numpy as np
import pytest

import kerasish as keras
from kerasish import ops
from kerasish.compiler.loops import Loop

pytest.importorskip("llvmlite", reason="machine code needs the extra `jit`")
pytestmark = pytest.mark.skipif(
    os.environ.get("KERASISH_JIT") == "0", reason="KERASISH_JIT=0 says that there is no machine code"
)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def both_ways(function, *arrays):
    """Return what a function gives compiled, twice, and op by op, and the kernels of its graph."""
    tensors = [ops.convert_to_tensor(a) for a in arrays]
    compiled = keras.function(function)
    results = [[t.numpy() for t in keras.tree.flatten(compiled(*tensors))] for _ in range(2)]
    wanted = [t.numpy() for t in keras.tree.flatten(function(*tensors))]
    prims = [op.prim for op in compiled.trace(*tensors).executable.graph.ops]
    for result in results:
        for a, b in zip(result, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    return prims


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_concatenations_of_results_and_of_views(axis):
    x, y = numbers(40, 60, 60), numbers(40, 60, 60, seed=1)

    def joined(x, y):
        a, b = ops.tanh(x), y * 2
        whole = ops.concatenate([a, b, a[:0] if axis == 0 else a], axis)
        return whole, whole + 1, ops.concatenate([x[:, 1:], ops.transpose(b, (0, 2, 1))[:, :, :60]], 1)

    both_ways(joined, x, y)


def scanned(of_step):
    def run(h, xs):
        def step(h, x):
            h = ops.tanh(h + x)
            return h, of_step(h, x)

        return ops.scan(step, h, xs)

    return run


@pytest.mark.parametrize(
    "of_step",
    [
        lambda h, x: h,
        lambda h, x: x,
        lambda h, x: ops.cumsum(h, 0),
        lambda h, x: ops.reshape(ops.transpose(h), (-1,)),
        lambda h, x: ops.take(h, [3, 1], axis=0),
        lambda h, x: ops.cast(ops.sum(h), "float16"),
        lambda h, x: ops.concatenate([h, h * 2, x], 1),
    ],
    ids=["state", "input", "library_call", "copied_view", "gathered", "half_number", "concatenated"],
)
def test_what_a_step_gives_may_be_anything(of_step):
    prims = both_ways(scanned(of_step), numbers(64, 64), numbers(20, 64, 64, seed=1))
    assert any(isinstance(prim, Loop) for prim in prims)


def test_states_that_change_places():
    def run(a, b, xs):
        return ops.scan(lambda state, x: ((state[1], state[0] + x), state[0]), (a, b), xs)

    both_ways(run, numbers(64, 64), numbers(64, 64, seed=1), numbers(20, 64, 64, seed=2))
