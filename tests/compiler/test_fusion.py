"""Fused kernels against the primitives' own rules, operation by operation."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Hashable
from functools import cache

import graph_reference as reference
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kerasish as keras
from kerasish import ops
from kerasish.autograd import Variable
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import TABLE
from kerasish.compiler.executors.numpy import NumpyExecutable
from kerasish.compiler.graph import Graph
from kerasish.compiler.passes import optimize
from kerasish.compiler.trace import trace

pytest.importorskip("llvmlite", reason="fused kernels need the extra `jit`")
pytestmark = pytest.mark.skipif(
    os.environ.get("KERASISH_JIT") == "0", reason="KERASISH_JIT=0 says that nothing is fused"
)

TOLERANCE = {np.dtype("f4"): 2e-5, np.dtype("f8"): 1e-10}


@pytest.fixture(autouse=True, scope="module")
def _no_cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASISH_CACHE_DIR", "")
        yield


def traced(function, *arrays: np.ndarray) -> Graph:
    graph, _ = trace(function, [Abstract(a.shape, a.dtype) for a in arrays])
    return graph


def check(graph: Graph, *arguments: np.ndarray, times: int = 2, least: float = 0.0) -> Graph:
    """Run a graph fused and operation by operation and compare; return the fused graph.

    Args:
        least: What numbers may be apart that are differences of larger ones, in units of the relative tolerance.
    """
    from kerasish.compiler.fusion import fuse

    fused = fuse(optimize(graph))
    executable = NumpyExecutable(fused)
    for _ in range(times):
        expected = reference.run(graph, list(arguments))
        results = [*executable(arguments), *reference.states(graph)]
        assert_all_close(results, expected, least)
    return fused


def assert_all_close(results: list[np.ndarray], expected: list[np.ndarray], least: float = 0.0) -> None:
    for result, wanted in zip(results, expected, strict=True):
        assert result.dtype == wanted.dtype and result.shape == wanted.shape
        assert_close(result, wanted, least)


def fused_together(
    cases: dict[Hashable, tuple[Callable, list[np.ndarray]]],
) -> dict[Hashable, list[np.ndarray]]:
    """Return what functions of arrays of their own give, fused as one graph: one module of machine code takes a
    fraction of the time of many."""
    from kerasish.compiler.fusion import fuse

    starts = np.cumsum([0, *(len(arrays) for _, arrays in cases.values())])

    def together(*tensors):
        return [
            function(*tensors[start : start + len(arrays)])
            for start, (function, arrays) in zip(starts, cases.values(), strict=False)
        ]

    arguments = [array for _, arrays in cases.values() for array in arrays]
    executable = NumpyExecutable(fuse(optimize(traced(together, *arguments))))
    executable(arguments)
    results = iter(executable(arguments))  # of the second run, which finds what the first left
    return {key: [next(results) for _ in graph_of(*case).outputs] for key, case in cases.items()}


def graph_of(function: Callable, arrays: list[np.ndarray]) -> Graph:
    return traced(lambda *tensors: function(*tensors), *arrays)


def assert_close(result: np.ndarray, wanted: np.ndarray, least: float = 0.0) -> None:
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(result, wanted)
        return
    finite = wanted[np.isfinite(wanted)]
    scale = np.abs(finite).max() if finite.size else 0.0
    tolerance = TOLERANCE[wanted.dtype]
    np.testing.assert_allclose(
        result, wanted, rtol=tolerance, atol=tolerance * max(float(scale), least, 1e-30)
    )


def calls(graph: Graph) -> list[str]:
    return ["kernel" if op.prim.name.startswith("fused") else op.prim.name for op in graph.ops]


def floats(*shape: int, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# What the training step of a classifier becomes


def mnist_step(optimizer: str = "adam"):
    model = keras.Sequential(
        [
            keras.layers.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return lambda x, y: model.train_step((x, y)) and None


def batch(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(size)
    return rng.random((size, 28, 28), dtype="float32"), rng.integers(0, 10, size).astype("uint8")


def test_training_step_is_a_handful_of_calls():
    x, y = batch(32)
    graph = check(traced(mnist_step(), x, y), x, y, times=3)
    assert calls(graph).count("kernel") == 4
    assert set(calls(graph)) == {"kernel", "matmul"}


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adamw", "adagrad"])
@pytest.mark.parametrize("size", [1, 7])
def test_training_steps_of_other_forms(optimizer, size):
    x, y = batch(size)
    check(traced(mnist_step(optimizer), x, y), x, y, times=3)


def test_variables_are_updated_in_place():
    x, y = batch(8)
    from kerasish.compiler.fusion import fuse

    fused = fuse(optimize(traced(mnist_step(), x, y)))
    assert len(NumpyExecutable(fused).plan.in_place) == len(fused.updates)


# Every primitive with a scalar rule


def unary_cases():
    from kerasish.compiler.scalar import RULES

    skipped = {"alias", "cast", "where", "reshape", "broadcast_to", "copy", "stop_gradient", "iota"}
    return sorted(set(RULES) - skipped)


def operands(name: str, kind: str) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    if kind[0] == "f":
        special = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 100.0, -100.0, np.inf, -np.inf, np.nan, 3.0])
        x = np.concatenate([special, rng.normal(size=200) * 3, rng.normal(size=50) * 30, rng.random(50)])
        y = rng.permutation(x)
    elif kind == "b1":
        x, y = rng.integers(0, 2, 64), rng.integers(0, 2, 64)
    else:
        info = np.iinfo(kind)
        x = np.concatenate(
            [[info.min, info.max, 0, 1, info.min], rng.integers(info.min // 2, info.max // 2, 95)]
        )
        y = np.concatenate(
            [[info.max if info.min == 0 else -1, 2, 0, 3, 0], rng.integers(max(info.min, -9), 9, 95)]
        )
        if "shift" in name or name == "power":
            y = np.abs(y) % (info.bits + 3)
    return [x.astype(kind), y.astype(kind)]


KINDS = ["f4", "f8", "i4", "i8", "u1", "u4", "i2", "b1"]


def reference_of(name: str, kind: str) -> list[np.ndarray] | str:
    """Return what a primitive gives for the operands, or why there is nothing to compare."""
    primitive = TABLE[name]
    arrays = operands(name, kind)[: 2 if primitive.broadcasts else 1]
    try:
        with np.errstate(all="ignore"):
            primitive(*map(ops.convert_to_tensor, arrays))
        graph = graph_of(primitive, arrays)
    except (TypeError, ValueError):
        return "not defined for this dtype"
    try:
        return reference.run(graph, arrays)
    except AssertionError:
        return "infers another dtype than NumPy gives"


@cache
def rule_of(name: str) -> tuple[dict[str, list[np.ndarray] | str], dict[Hashable, list[np.ndarray]]]:
    """Return what is expected of a primitive and what machine code gives, by the kind of the operands."""
    primitive = TABLE[name]
    wanted = {kind: reference_of(name, kind) for kind in KINDS}
    cases = {
        kind: (primitive, operands(name, kind)[: 2 if primitive.broadcasts else 1])
        for kind in KINDS
        if not isinstance(wanted[kind], str)
    }
    return wanted, fused_together(cases)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", unary_cases())
def test_each_rule_agrees_with_numpy(name, kind):
    wanted, found = rule_of(name)
    if isinstance(wanted[kind], str):
        pytest.skip(wanted[kind])
    assert_all_close(found[kind], wanted[kind])


@pytest.mark.parametrize("source", ["f4", "f8", "i4", "i8", "u1", "u4", "i2", "b1", "u8", "i1"])
def test_casts(source):
    x = np.array([0, 1, 2, 100, 7]).astype(source)
    targets = ["float32", "float64", "int32", "int64", "uint8", "uint32", "int16", "bool", "int8"]
    check(traced(lambda t: [ops.cast(t, target) for target in targets if target != t.dtype], x), x)


# Shapes of reductions

REDUCED = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]


def reduction_in_the_middle(name: str, axis: tuple[int, ...]) -> Callable:
    def function(t):
        total = getattr(ops, name)(t + 1, axis=axis, keepdims=True)
        return (t - total) * 2, getattr(ops, name)(t, axis=axis)

    return function


def to_be_reduced(kind: str) -> list[np.ndarray]:
    return [(floats(3, 4, 5) * 3).astype(kind)]


@cache
def fused_reductions(name: str, kind: str) -> dict[Hashable, list[np.ndarray]]:
    return fused_together(
        {axis: (reduction_in_the_middle(name, axis), to_be_reduced(kind)) for axis in REDUCED}
    )


@pytest.mark.parametrize("axis", REDUCED)
@pytest.mark.parametrize("name", ["sum", "max", "min", "prod", "mean"])
@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "u1"])
def test_reductions_in_the_middle_of_elementwise_work(name, axis, kind):
    arrays = to_be_reduced(kind)
    wanted = reference.run(graph_of(reduction_in_the_middle(name, axis), arrays), arrays)
    assert_all_close(fused_reductions(name, kind)[axis], wanted)


@pytest.mark.parametrize(
    "shape", [(1, 10), (10, 1), (1, 1), (1,), (2, 1, 3), (1, 5, 1), (600, 70), (3, 5000)]
)
@pytest.mark.parametrize("axis", [-1, 0])
def test_softmax_and_column_sums(shape, axis):
    x = floats(*shape)

    def function(t):
        p = ops.softmax(t, axis=axis)
        return (
            p,
            ops.sum(p, 0),
            ops.mean(p),
            ops.argmax(t, axis=axis),
            ops.argmin(t, axis=axis),
            ops.logsumexp(t, axis),
        )

    check(traced(function, x), x)


def test_normalizations():
    x, scale = floats(4, 6, 8), floats(8, seed=1)

    def function(t, s):
        mean = ops.mean(t, -1, keepdims=True)
        variance = ops.mean(ops.square(t - mean), -1, keepdims=True)
        by_row = (t - mean) * ops.rsqrt(variance + 1e-3) * s
        mean, variance = ops.moments(by_row, [0, 1])
        return (by_row - mean) / ops.sqrt(variance + 1e-3), mean, variance

    fused = check(traced(function, x, scale), x, scale)
    assert calls(fused) == ["kernel"]


def test_sums_of_many_numbers_are_precise():
    x = np.full((3000, 3000), 0.1, "float32")
    check(traced(lambda t: (ops.sum(t), ops.sum(t, 0), ops.sum(t, 1)), x), x, times=1)


@pytest.mark.parametrize("from_logits", [False, True])
def test_sparse_cross_entropy_and_its_gradient(from_logits):
    z, y = floats(6, 5), np.array([0, 4, 2, 1, 3, 3], "int64")
    p = z if from_logits else np.exp(z)

    def function(output, target):
        variable_like = output * 1.0
        value, gradient = keras.value_and_grad(
            lambda o: ops.sum(ops.sparse_categorical_crossentropy(target, o, from_logits=from_logits))
        )(variable_like)
        return value, gradient

    check(traced(function, p, y), p, y)


def test_random_bits_are_numpys():
    for size in (1, 8, 13, 1000):
        graph = traced(lambda t, n=size: TABLE["random_bits"](t, shape=(n,)), np.zeros(2, "uint32"))
        check(graph, np.array([3, 4000000000], "uint32"))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_random_number_is_used_where_it_is_drawn(shape):
    def function(seed, x):
        drawn = ops.cast(TABLE["random_bits"](seed, shape=shape), "float32")
        return drawn, x * drawn + ops.sum(x), ops.sum(x * drawn) - drawn

    x = floats(6)
    check(traced(function, np.zeros(2, "uint32"), x), np.array([3, 4000000000], "uint32"), x)


def test_nan_and_infinity_pass_through_reductions():
    x = floats(4, 9)
    x[1, 3], x[2, 5] = np.nan, np.inf
    check(
        traced(lambda t: (ops.max(t, 1), ops.min(t), ops.sum(t, 0), ops.argmax(t, 1), ops.softmax(t)), x), x
    )


def test_broadcasts_reshapes_and_views():
    x, y = floats(4, 1, 6), floats(5, 1, seed=1)

    def function(a, b):
        c = ops.transpose(a, (2, 1, 0)) + 1.0  # (6, 1, 4)
        d = ops.reshape(a * b, (4, 30)) * 2.0
        e = ops.squeeze(ops.sum(a, 2, keepdims=True), 1) + ops.squeeze(a, 1)[:, 1:4]
        return c + ops.flip(c, 2), d, e, ops.outer(ops.exp(a[:, 0, 0]), ops.exp(a[:, 0, 0]))

    check(traced(function, x, y), x, y)


def test_arguments_that_are_not_contiguous():
    x = floats(6, 8)
    graph = traced(lambda t: ops.exp(t) + ops.sum(t, 0), np.ascontiguousarray(x.T))
    check(graph, x.T)


def test_states_read_after_their_update_keep_their_old_value_there():
    v, w = Variable(floats(4, 4)), Variable(floats(4, 4, seed=1))

    def function(t):
        old = v + 0.0
        v.assign(w + t)
        w.assign(old * t)
        return ops.sum(old), ops.matmul(old, t), v * 2.0

    x = floats(4, 4, seed=2)
    check(traced(function, x), x, times=3)


# Random graphs

ELEMENTWISE = [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * 0.5 + y * y, lambda x, y: ops.maximum(x, y),
    lambda x, y: ops.tanh(x) * y, lambda x, y: x / (ops.abs(y) + 1.0), lambda x, y: ops.sqrt(ops.abs(x) + 1.0) - y,
    lambda x, y: ops.exp(-ops.abs(x)) + y, lambda x, y: ops.log(ops.square(x) + 1.0) * y,
    lambda x, y: ops.sigmoid(x) + ops.relu(y) * 0.1, lambda x, y: ops.softplus(x) * 0.5 + y * 0.0,
]  # fmt: skip
REDUCTIONS = [ops.sum, ops.mean, ops.max, lambda x, axis, keepdims: ops.sum(ops.tanh(x), axis, keepdims)]


@st.composite
def programs(draw):
    """A shape, and a list of steps: each makes a tensor from earlier ones."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    steps = []
    for i in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["map", "map", "map", "reduce", "softmax", "row", "matmul"]))
        steps.append((kind, draw(st.integers(0, 99)), draw(st.integers(0, i + 2)), draw(st.integers(0, i + 2)),
                      draw(st.integers(0, 99)), draw(st.booleans())))  # fmt: skip
    return shape, steps, draw(st.sampled_from(["float32", "float64"])), draw(st.integers(0, 2))


def build(steps, state):
    def function(*inputs):
        pool = list(inputs)
        for kind, which, first, second, axis, flag in steps:
            x, y = pool[first % len(pool)], pool[second % len(pool)]
            if kind == "map" or (x.ndim == 0):
                try:
                    shape = np.broadcast_shapes(x.shape, y.shape)
                except ValueError:
                    y, shape = x, x.shape
                if math.prod(shape) > 500:
                    continue
                pool.append(ELEMENTWISE[which % len(ELEMENTWISE)](x, y))
            elif kind == "reduce":
                pool.append(REDUCTIONS[which % len(REDUCTIONS)](x, axis=axis % x.ndim, keepdims=flag))
            elif kind == "softmax":
                pool.append(ops.softmax(x, axis % x.ndim))
            elif kind == "row":
                mean = ops.mean(x, -1, keepdims=True)
                pool.append((x - mean) / ops.sqrt(ops.mean(ops.square(x - mean), -1, keepdims=True) + 0.1))
            elif x.ndim == 2:
                pool.append(ops.matmul(x, ops.transpose(x)) * 0.1)
        if state is not None:
            state.assign(ops.tanh(state * 0.5 + ops.sum(pool[-1])))
        return pool[len(inputs) :]

    return function


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_random_graphs(program):
    shape, steps, dtype, states = program
    x = floats(*shape, dtype=dtype)
    y = floats(*shape[-1:], dtype=dtype, seed=1)
    state = Variable(floats(*shape, dtype=dtype, seed=2), dtype=dtype) if states else None
    check(traced(build(steps, state), x, y), x, y, least=1.0)  # sums may cancel
