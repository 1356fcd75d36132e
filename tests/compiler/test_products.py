"""Matrix products in machine code, and the team of threads that work is shared out among."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

import kerasish as keras
from kerasish import ops
from kerasish.autograd.abstract import Abstract
from kerasish.compiler.trace import trace

pytest.importorskip("llvmlite", reason="machine code needs the extra `jit`")
pytestmark = pytest.mark.skipif(
    os.environ.get("KERASISH_JIT") == "0", reason="KERASISH_JIT=0 says that there is no machine code"
)

TOLERANCE = {"float32": 2e-6, "float64": 1e-14}


@pytest.fixture
def threads():
    """A team of three threads, however few processors there are."""
    from kerasish.compiler.executors.team import team

    made = team()
    made.wake()
    made.use(3)
    return made


def fused(function, *arrays):
    from kerasish.compiler.executors.numpy import NumpyExecutable
    from kerasish.compiler.fusion import fuse
    from kerasish.compiler.passes import optimize

    graph, _ = trace(function, [Abstract(a.shape, a.dtype) for a in arrays])
    graph = fuse(optimize(graph))
    return graph, NumpyExecutable(graph)


def random(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def close(result, x, y):
    wanted = np.matmul(x.astype("float64"), y.astype("float64"))
    size = np.matmul(np.abs(x.astype("float64")), np.abs(y.astype("float64")))
    np.testing.assert_array_less(np.abs(result - wanted), TOLERANCE[str(x.dtype)] * size + 1e-300)


def is_ours(graph):
    from kerasish.compiler.executors.products import ProductKernel

    return any(isinstance(op.prim, ProductKernel) for op in graph.ops)


SIZES = [
    *((1, 1, 1), (5, 7, 3), (7, 16, 256), (6, 33, 257), (33, 17, 300), (13, 128, 515), (200, 40, 32)),
    *((1, 150, 300), (5, 48, 520), (100, 270, 260), (1500, 1, 200)),
]
"""Rows, columns and terms: every way to copy the matrices or to read them in place, each with edges left over."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turn_x", [False, True])
@pytest.mark.parametrize("turn_y", [False, True])
def test_sizes_and_transposed_matrices(threads, dtype, turn_x, turn_y):
    for rows, columns, terms in SIZES:
        x, y = random(rows, terms, dtype=dtype), random(terms, columns, dtype=dtype, seed=1)
        given = x.T.copy() if turn_x else x, y.T.copy() if turn_y else y
        graph, run = fused(
            lambda a, b: ops.matmul(ops.transpose(a) if turn_x else a, ops.transpose(b) if turn_y else b),
            *given,
        )
        assert is_ours(graph)
        for _ in range(2):
            close(run(given)[0], x, y)


@pytest.mark.parametrize(
    ("shape_x", "shape_y"),
    [
        ((3, 20, 30), (30, 16)),
        ((2, 3, 20, 30), (30, 16)),
        ((4, 70, 30), (4, 30, 65)),
        ((2, 3, 20, 30), (2, 3, 30, 16)),
        ((2, 1, 20, 30), (3, 30, 16)),
        ((20, 30), (5, 30, 16)),
    ],
)
def test_stacks(threads, shape_x, shape_y):
    x, y = random(*shape_x), random(*shape_y, seed=1)
    graph, run = fused(ops.matmul, x, y)
    assert is_ours(graph)
    close(run([x, y])[0], x, y)


def test_views_are_read_where_they_lie(threads):
    """Heads of attention: axes change places before and after the products, and rows of a stack are not even."""
    x = random(2, 50, 4, 8)

    def attention(a):
        heads = ops.transpose(a, (0, 2, 1, 3))
        return ops.matmul(heads, ops.transpose(heads, (0, 1, 3, 2)))

    graph, run = fused(attention, x)
    assert is_ours(graph)
    heads = x.transpose(0, 2, 1, 3)
    close(run([x])[0], heads, heads.swapaxes(-1, -2))
    weights = random(8, 5, seed=1)
    _, run = fused(lambda a, w: ops.matmul(ops.transpose(a, (2, 0, 1, 3)), w), x, weights)
    close(run([x, weights])[0], x.transpose(2, 0, 1, 3), weights)


def test_arguments_may_change_their_layout(threads):
    x, y = random(24, 36), random(36, 20, seed=1)
    _, run = fused(lambda a, b: ops.matmul(ops.reshape(a, (24, 36)), b), x.reshape(4, 6, 36), y)
    uneven = np.asfortranarray(x.reshape(4, 6, 36))
    for given in (x.reshape(4, 6, 36), uneven, uneven, x.reshape(4, 6, 36)):
        close(run([given, y])[0], x, y)
        close(run([given, np.asfortranarray(y)])[0], x, y)
    uneven[:] *= 2  # the same array with other numbers
    close(run([uneven, y])[0], 2 * x, y)


def test_infinities_and_nan(threads):
    x, y = np.ones((4, 6), "float32"), np.ones((6, 5), "float32")
    x[1, 2], x[2, 3], y[5, 4] = np.inf, np.nan, 0
    _, run = fused(ops.matmul, x, y)
    np.testing.assert_array_equal(run([x, y])[0], x @ y)


def training():
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((300,)),
            layers.Dense(256, "gelu"),
            layers.LayerNormalization(),
            layers.Dropout(0.2),
            layers.Dense(10),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    model.fit(random(64, 300), np.arange(64) % 10, batch_size=32, epochs=2, verbose=0)
    return [w.numpy() for w in model.weights]


def test_results_do_not_depend_on_the_threads(threads):
    several = training()
    threads.use(1)
    for one, other in zip(several, training(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_calls_from_several_threads_at_once(threads):
    x, y = random(96, 300), random(300, 200, seed=1)
    _, run = fused(lambda a, b: ops.exp(ops.matmul(a, b) * 0.01), x, y)
    wanted = run([x, y])[0]
    wrong = []

    def call():
        for _ in range(30):
            if not np.array_equal(run([x, y])[0], wanted):
                wrong.append(1)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_a_team_of_its_own(threads):
    x, y = random(96, 300), random(300, 200, seed=1)
    _, run = fused(ops.matmul, x, y)
    wanted = run([x, y])[0]
    child = os.fork()
    if child == 0:
        try:
            threads.use(2)
            same = all(np.array_equal(run([x, y])[0], wanted) for _ in range(5))
            os._exit(0 if same else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(run([x, y])[0], wanted)
