"""Native kernels in one call follow the arrays that each call brings, wherever they are and however they lie."""

from __future__ import annotations

import gc
import os
import weakref

import numpy as np
import pytest

import kerasish
from kerasish import ops
from kerasish.compiler.executors.runs import TableKernel

pytest.importorskip("llvmlite", reason="machine code needs the extra `jit`")
pytestmark = pytest.mark.skipif(
    os.environ.get("KERASISH_JIT") == "0", reason="KERASISH_JIT=0 says that there is no machine code"
)


def layouts(x):
    """The same numbers: in new memory, at an odd place in memory, by columns, and every second of twice as many."""
    memory = np.empty(x.size + 3, x.dtype)
    memory[1:-2] = x.ravel()
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return [x.copy(), memory[1:-2].reshape(x.shape), np.asfortranarray(x), wide[..., ::2]]


def test_arrays_may_come_in_any_layout_at_any_call():
    random = np.random.default_rng(0)
    weights = kerasish.Variable(random.standard_normal((48, 40)).astype("float32"))
    scale = np.broadcast_to(np.float32(0.5), (40,))  # (a constant with its elements at one place)

    @kerasish.function
    def step(x, y):
        product = ops.tanh(ops.matmul(x, weights) * scale + y)
        weights.assign_add(ops.matmul(ops.transpose(x), product) / 100)
        return ops.sum(ops.concatenate([product, y], axis=1), axis=0), ops.conv(
            ops.reshape(x, (4, 16, 48)), np.ones((3, 48, 8), "float32")
        )

    start = weights.numpy()
    calls = [
        (x, y)
        for _ in range(2)
        for x in layouts(random.standard_normal((64, 48)).astype("float32"))
        for y in layouts(random.standard_normal((64, 40)).astype("float32"))
    ]
    ours = [[t.numpy() for t in step(x, y)] for x, y in calls]
    after = weights.numpy()
    weights.assign(start)
    for (x, y), made in zip(calls, ours, strict=True):
        expected = step.__wrapped__(x, y)
        for one, other in zip(made, expected, strict=True):
            np.testing.assert_allclose(one, other.numpy(), rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(after, weights.numpy(), rtol=1e-4, atol=1e-4)
    assert sum(isinstance(op.prim, TableKernel) for op in step.trace(*calls[0]).executable.graph.ops) >= 4


def test_arrays_of_earlier_calls_are_not_kept():
    count = kerasish.Variable(0.0)

    @kerasish.function
    def step(x, y):
        count.assign_add(1.0)
        return ops.sum(ops.concatenate([ops.matmul(x, y), x], axis=1))

    arrays = []
    for _ in range(4):
        x, y = np.ones((300, 100), "float32"), np.ones((100, 50), "float32")
        arrays += [weakref.ref(x), weakref.ref(y)]
        step(x, y)
        del x, y
    gc.collect()
    assert all(array() is None for array in arrays[:-2])
