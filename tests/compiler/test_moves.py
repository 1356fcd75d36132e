"""Rows that are picked and added up by number, and views that are copied into order, in machine code."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish as keras
from kerasish import ops
from kerasish.autograd.primitives.indexing import ARRAY, scatter_add

pytest.importorskip("llvmlite", reason="machine code needs the extra `jit`")
pytestmark = pytest.mark.skipif(
    os.environ.get("KERASISH_JIT") == "0", reason="KERASISH_JIT=0 says that there is no machine code"
)


def numbers(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def compiled(function, *arrays):
    """Return what a function gives compiled, at its second call, and the names of its operations."""
    calls = keras.Variable(
        0.0
    )  # a graph that changes a variable is compiled into machine code, small as it is

    @keras.function
    def step(*given):
        calls.assign_add(1.0)
        return function(*given)

    step(*arrays)
    results = [t.numpy() for t in keras.tree.flatten(step(*arrays))]
    return results, [op.prim.name for op in step.trace(*arrays).executable.graph.ops]


def agree(function, *arrays, kernels=(), rtol=1e-6):
    results, names = compiled(function, *arrays)
    assert set(kernels) <= set(names), names
    for ours, wanted in zip(results, keras.tree.flatten(function(*arrays)), strict=True):
        np.testing.assert_allclose(ours, wanted.numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("index", ["int32", "int64", "uint8"])
def test_rows_are_picked(dtype, index):
    x = (10 * numbers(50, 3, 7)).astype(dtype)
    rows = np.random.default_rng(1).integers(0, 50, (6, 40)).astype(index)
    agree(lambda x, i: ops.convert_to_tensor(x)[i], x, rows, kernels=["row_numbers", "gather"])
    if index != "uint8":
        rows[::2] -= 50
        agree(lambda x, i: ops.convert_to_tensor(x)[i], x, rows, kernels=["row_numbers", "gather"])


@pytest.mark.parametrize("index", ["int8", "int16", "int32", "uint8", "uint16"])
@pytest.mark.parametrize("count", [100, 256, 300, 40000, 70000])
def test_numbers_of_every_width_are_signed(index, count):
    limits = np.iinfo(index)
    low, high = max(limits.min, -count), min(limits.max, count - 1)
    rows = np.array([low, high, 0, max(low, -1), high // 2], index)
    agree(
        lambda x, i: ops.convert_to_tensor(x)[i], numbers(count, 2), rows, kernels=["row_numbers", "gather"]
    )


def test_casts_of_numbers_are_part_of_what_is_checked():
    x, rows = numbers(300, 3), np.array([-1, 0, 5, 255, 300])

    def function(x, rows):
        return ops.convert_to_tensor(x)[ops.cast(ops.cast(rows, "float32"), "uint8")]

    results, names = compiled(function, x, rows)
    assert names[0] == "row_numbers" and not any("cast" in name for name in names)
    np.testing.assert_array_equal(results[0], x[rows % 256])


def test_numbers_in_another_byte_order_are_left_to_numpy():
    x, rows = numbers(300, 2), np.array([3, 7, -1])
    pick = lambda x, i: ops.convert_to_tensor(x)[i]  # noqa: E731
    agree(pick, x, rows.astype(">i8"))
    agree(pick, x.astype(">f4"), rows)
    with pytest.raises(IndexError, match="out of bounds"):
        compiled(pick, x, np.array([2**56], ">i8"))


def test_rows_of_views_are_picked_where_they_lie():
    x, rows = numbers(50, 8, 6), np.arange(49, -1, -3)

    def function(x, i):
        x = ops.convert_to_tensor(x)
        return ops.transpose(x, (1, 0, 2))[:4][i % 4], ops.flip(x, 0)[i], x[10:, 2:][i % 40], x[:, 0][i]

    agree(function, x, rows, kernels=["gather"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_picked_rows_add_up(dtype):
    rows = np.random.default_rng(1).integers(-30, 30, (16, 25))
    table, weights = numbers(30, 20, dtype=dtype), numbers(25, 16, 20, dtype=dtype, seed=1)

    def function(table, rows, weights):
        table = ops.convert_to_tensor(table)
        with keras.GradientTape() as tape:
            tape.watch(table)
            loss = ops.sum(ops.transpose(table[rows], (1, 0, 2)) * weights)
        return tape.gradient(loss, table)

    agree(function, table, rows, weights, kernels=["scatter_add"], rtol=1e-4)


def test_rows_are_added_to_what_is_there():
    x, values, rows = numbers(30, 5), numbers(8, 5, seed=1), np.array([1, 29, 1, 1, 0, -1, 4, 4])

    def function(x, values, rows):
        x, values, rows = (ops.convert_to_tensor(a) for a in (x, values, rows))
        return scatter_add(x * 2, values, [rows], (ARRAY,)), scatter_add(x[::-1], values, [rows], (ARRAY,))

    agree(function, x, values, rows, kernels=["scatter_add"])


@pytest.mark.parametrize("wrong", [30, -31])
def test_a_number_out_of_range_leaves_everything_as_it_was(wrong):
    model = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Embedding(30, 8),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", jit_compile=True)
    x, y = np.arange(64).reshape(16, 4) % 30, np.ones((16, 1))
    model.fit(x, y, verbose=0, shuffle=False)
    variables = [*model.variables, *model.optimizer.variables, *model._loss_tracker.variables]
    before = [v.numpy() for v in variables]
    x[3, 2] = wrong
    with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for axis 0 with size 30"):
        model._step("train")((x.astype("float32"), y.astype("float32")))  # (`fit` resets the loss's totals)
    for old, new in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


@st.composite
def views(draw):
    """A shape, and views of an array of it, one after the other."""
    first = shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    steps = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["transpose", "slice", "flip", "reshape"]))
        if kind == "transpose":
            value = tuple(draw(st.permutations(range(len(shape)))))
            shape = [shape[i] for i in value]
        elif kind == "slice":
            value = tuple(slice(draw(st.integers(0, n - 1)), None, draw(st.integers(1, 2))) for n in shape)
            shape = [len(range(n)[part]) for n, part in zip(shape, value, strict=True)]
        elif kind == "flip":
            value = draw(st.integers(0, len(shape) - 1))
        else:
            joined = draw(st.integers(0, len(shape) - 1))
            value = (*shape[:joined], int(np.prod(shape[joined:])))
            shape = list(value)
        steps.append((kind, value))
    return first, steps


@settings(deadline=None, max_examples=60)
@given(views())
def test_views_are_copied_into_order(case):
    shape, steps = case

    def function(x):
        y = ops.convert_to_tensor(x)
        for kind, value in steps:
            y = y[value] if kind == "slice" else getattr(ops, kind)(y, value)
        flat = ops.reshape(y, (-1, 1))
        return ops.matmul(flat, np.ones((1, 3), "float32")), flat

    x = numbers(*shape)
    view = x
    for kind, value in steps:
        view = view[value] if kind == "slice" else getattr(np, kind)(view, value)
    copies = ["copy"] if not np.shares_memory(view.reshape(-1), view) and np.shares_memory(view, x) else []
    agree(function, x, kernels=copies)


def test_heads_are_put_side_by_side():
    x = numbers(8, 4, 50, 16)

    def function(x):
        return ops.matmul(ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (400, 64)), np.eye(64, dtype="float32"))

    agree(function, x, kernels=["copy"])
