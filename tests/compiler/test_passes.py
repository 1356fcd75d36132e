"""Each pass alone: what it does, what it leaves, and that results stay what they are."""

from __future__ import annotations

import graph_reference as reference
import numpy as np
import pytest
import random_graphs
from hypothesis import given, settings

import kerasish
from kerasish import ops
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import TABLE
from kerasish.compiler import passes, trace
from kerasish.compiler.executors.numpy import NumpyExecutable
from kerasish.compiler.graph import Graph, Op, Value

pytestmark = pytest.mark.interpreted
X = np.float32([[1, 2, 3], [4, 5, 6]])
SCALAR = np.asarray(2.0, "float32")


def traced(function, *arrays) -> Graph:
    return trace(function, [Abstract(a.shape, a.dtype) for a in arrays])[0]


def names(graph):
    return [op.prim.name for op in graph.ops]


def after(transform, function, *arrays):
    """Return the names of the operations that a pass leaves; the results have to stay as they were."""
    graph = traced(function, *arrays)
    changed = transform(graph)
    for result, wanted in zip(
        reference.run(changed, list(arrays)), reference.run(graph, list(arrays)), strict=True
    ):
        np.testing.assert_allclose(result, wanted, rtol=1e-6)
        assert result.dtype == wanted.dtype
    return names(changed)


class TestDeadCode:
    def test_drops_what_nothing_needs(self):
        graph = traced(lambda x: ops.exp(x) + 1.0, X)
        extra = Op(TABLE["tanh"], [graph.arguments[0]], {}, [Value(X.shape, X.dtype)])
        user = Op(TABLE["exp"], [extra.output], {}, [Value(X.shape, X.dtype)])
        padded = Graph(graph.arguments, [extra, user, *graph.ops], graph.outputs, graph.updates)
        assert names(passes.dead_code(padded)) == ["exp", "add"]

    def test_keeps_updates(self):
        v = kerasish.Variable(X)

        def function(x):
            v.assign(ops.exp(x))

        assert after(passes.dead_code, function, X) == ["exp"]

    def test_keeps_operations_of_which_one_result_is_needed(self):
        x = np.zeros((1, 4, 4, 1), "float32")
        graph = traced(lambda x: ops.max_pool(x, 2, 2), x)
        assert names(passes.dead_code(graph)) == names(graph)


class TestCommonSubexpressions:
    def test_once_instead_of_twice(self):
        assert after(passes.common_subexpressions, lambda x: (ops.exp(x) * 2.0, ops.exp(x) * 3.0), X) == [
            "exp",
            "multiply",
            "multiply",
        ]

    def test_chains(self):
        function = lambda x: (ops.tanh(x * 2.0) + 1.0) * (ops.tanh(x * 2.0) + 1.0)  # noqa: E731
        assert after(passes.common_subexpressions, function, X) == ["multiply", "tanh", "add", "multiply"]

    def test_outputs_and_updates_follow(self):
        v = kerasish.Variable(X)

        def function(x):
            v.assign(ops.exp(x))
            return ops.exp(x)

        graph = passes.common_subexpressions(traced(function, X))
        assert names(graph) == ["exp"] and graph.outputs[0] is graph.updates[0][1]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (lambda x: ops.sum(x, 0), lambda x: ops.sum(x, 1)),
            (lambda x: ops.sum(x, 0), lambda x: ops.sum(x, 0, keepdims=True)),
            (lambda x: x * 1, lambda x: x * 1.0),
            (lambda x: 1.0 / (x * 0.0), lambda x: 1.0 / (x * -0.0)),
            (lambda x: ops.cast(x, "int32"), lambda x: ops.cast(x, "uint8")),
            (lambda x: x[:, 1:], lambda x: x[:, :2]),
            (lambda x: x - 1.0, lambda x: 1.0 - x),
        ],
    )
    def test_what_is_not_the_same_stays_apart(self, one, other):
        graph = traced(lambda x: (one(x), other(x)), X)
        changed = passes.common_subexpressions(graph)
        with np.errstate(all="ignore"):
            first, second = reference.run(changed, [X])
            wanted = reference.run(graph, [X])
        np.testing.assert_array_equal(first, wanted[0])
        np.testing.assert_array_equal(second, wanted[1])

    def test_random_numbers_of_one_seed_are_the_same_and_of_two_are_not(self):
        seed = kerasish.random.SeedGenerator(1)
        function = lambda: [kerasish.random.uniform((3,), seed=seed) for _ in range(2)]  # noqa: E731
        one, two = reference.run(passes.common_subexpressions(traced(function)), [])[:2]
        assert (one != two).any()
        function = lambda: [kerasish.random.uniform((3,), seed=5) for _ in range(2)]  # noqa: E731
        one, two = reference.run(passes.common_subexpressions(traced(function)), [])[:2]
        np.testing.assert_array_equal(one, two)

    def test_a_variable_before_and_after_its_assignment(self):
        v = kerasish.Variable(X)

        def function(x):
            before = ops.exp(v)
            v.assign(x)
            return before - ops.exp(v)

        assert after(passes.common_subexpressions, function, X + 1).count("exp") == 2


def with_constant(function, x, constant):
    """Trace a function of two arrays and let the second be a constant.

    (What a traced function computes from arrays alone is computed at once; constants in operations come from passes.)
    """
    graph = traced(function, x, constant)
    mapping = {graph.arguments[1]: Value(constant.shape, constant.dtype, "constant", constant)}
    ops = [op.replacing(mapping) for op in graph.ops]
    return Graph(graph.arguments[:1], ops, [mapping.get(v, v) for v in graph.outputs], graph.updates)


class TestFoldConstants:
    def test_computes_what_depends_on_constants_only(self):
        graph = with_constant(lambda x, c: x * ops.sqrt(ops.exp(c) + 1.0), X, X * 0.5)
        folded = passes.fold_constants(graph)
        assert names(folded) == ["multiply"] and len(folded.constants) == 1
        np.testing.assert_array_equal(reference.run(folded, [X])[0], reference.run(graph, [X])[0])

    def test_an_output_that_is_constant(self):
        graph = passes.fold_constants(with_constant(lambda x, c: ops.exp(c), X, X))
        assert graph.ops == () and graph.outputs[0].kind == "constant"
        np.testing.assert_array_equal(graph.outputs[0].data, np.exp(X))

    def test_an_update_that_is_constant(self):
        v = kerasish.Variable(X)

        def function(x, c):
            v.assign(c * 2.0)

        graph = passes.fold_constants(with_constant(function, X, X))
        assert graph.ops == ()
        NumpyExecutable(graph)([X])
        np.testing.assert_array_equal(v.numpy(), X * 2)

    def test_results_without_axes(self):
        graph = passes.fold_constants(with_constant(lambda x, c: x * ops.sum(c), X, X))
        assert names(graph) == ["multiply"] and type(graph.constants[0].data) is np.ndarray

    def test_large_results_are_left(self):
        graph = with_constant(lambda x, c: x + ops.sum(ops.broadcast_to(c, (1 << 15,)) * 2.0), SCALAR, SCALAR)
        assert names(passes.fold_constants(graph)) == ["broadcast_to", "multiply", "reduce_sum", "add"]

    def test_variables_and_arguments_are_no_constants(self):
        v = kerasish.Variable(X)
        assert after(passes.fold_constants, lambda x: ops.exp(v) + ops.exp(x), X) == ["exp", "exp", "add"]

    def test_seeds_that_are_state_are_no_constants(self):
        seed = kerasish.random.SeedGenerator(1)
        assert "random_bits" in names(
            passes.fold_constants(traced(lambda: kerasish.random.uniform((3,), seed=seed)))
        )


SIMPLER = {
    "add zero": (lambda x: x + 0, []),
    "zero added": (lambda x: 0.0 + x, []),
    "times one": (lambda x: 1.0 * (x * 1.0), []),
    "divided by one": (lambda x: x / 1.0, []),
    "to the first": (lambda x: x**1, []),
    "cast to its type": (lambda x: TABLE["cast"](x, dtype=x._value.dtype), []),
    "copied": (lambda x: ops.copy(x), []),
    "same shape": (lambda x: TABLE["reshape"](x, newshape=(2, 3)), []),
    "same order": (lambda x: TABLE["transpose"](x, axes=(0, 1)), []),
    "broadcast to its shape": (lambda x: TABLE["broadcast_to"](x, shape=(2, 3)), []),
    "reshaped twice": (lambda x: ops.reshape(ops.reshape(x, (6,)), (3, 2)), ["reshape"]),
    "reshaped and back": (lambda x: ops.reshape(ops.reshape(x, (6,)), (2, 3)), []),
    "transposed twice": (lambda x: ops.transpose(ops.transpose(x)), []),
    "two factors": (lambda x: (x * 2.0) * 3.0, ["multiply"]),
    "two factors from the left": (lambda x: 3.0 * (2.0 * x), ["multiply"]),
    "broadcast row": (lambda x: x + ops.broadcast_to(x[:1], (2, 3)), ["slice", "add"]),
    "transposed product": (lambda x: ops.transpose(x) @ x, ["matmul"]),
    "product with a transpose": (lambda x: x @ ops.transpose(x), ["matmul"]),
}


class TestSimplify:
    @pytest.mark.parametrize("case", SIMPLER)
    def test_does_without(self, case):
        function, left = SIMPLER[case]
        assert after(lambda graph: passes.dead_code(passes.simplify(graph)), function, X) == left

    @pytest.mark.parametrize(
        "function",
        [
            lambda x: 0.0 - x,
            lambda x: 1.0 / x,
            lambda x: 1.0**x,
            lambda x: x + np.zeros((4, 2, 3), "float32"),
            lambda x: ops.cast(x, "float64"),
            lambda x: ops.cast(ops.cast(x, "int32"), "float32"),
            lambda x: ops.broadcast_to(x[:1], (2, 3)) + ops.broadcast_to(x[1:], (2, 3)),
            lambda x: ops.transpose(ops.reshape(ops.transpose(x), (2, 3))),
            lambda x: ops.where(x > 1.0, ops.broadcast_to(x[:1], (2, 3)), 0.0),
            lambda x: ops.transpose(ops.stack([x, x]), (1, 0, 2)) @ ops.stack([ops.transpose(x)] * 2),
        ],
    )
    def test_leaves_what_does_something(self, function):
        after(passes.simplify, function, X)

    def test_a_broadcast_that_gives_the_shape_stays(self):
        function = lambda x: ops.broadcast_to(x, (2, 3)) * 2.0  # noqa: E731
        assert after(passes.simplify, function, SCALAR) == ["broadcast_to", "multiply"]

    def test_factors_of_integers_stay(self):
        assert after(passes.simplify, lambda x: (x * 3) * 5, X.astype("int32")) == ["multiply", "multiply"]

    def test_factors_across_a_change_of_type_stay(self):
        half = X.astype("float16")
        function = lambda x: ops.cast(x * 0.5, "float32") * 4.0  # noqa: E731
        assert after(passes.simplify, function, half) == ["multiply", "cast", "multiply"]

    def test_inner_results_that_are_used_elsewhere_stay_right(self):
        after(passes.simplify, lambda x: [y := x * 2.0, y * 3.0, ops.transpose(y) @ y, ops.transpose(y)], X)

    def test_an_update_follows(self):
        v = kerasish.Variable(X)

        def function(x):
            v.assign(x + 0)

        graph = passes.simplify(traced(function, X))
        assert graph.ops == () and graph.updates[0][1] is graph.arguments[0]


EACH = [*dict.fromkeys(passes.PIPELINE), passes.optimize]


@pytest.mark.parametrize("transform", EACH, ids=lambda p: p.__name__)
@settings(max_examples=40, deadline=None)
@given(program=random_graphs.programs())
def test_results_stay(transform, program):
    states = random_graphs.variables()
    graph = random_graphs.graph_of(random_graphs.function_of(program, states))
    changed = transform(graph)
    assert changed.arguments == graph.arguments
    assert [v for v, _ in changed.updates] == [v for v, _ in graph.updates]
    arrays = random_graphs.arguments(0)
    for result, wanted in zip(reference.run(changed, arrays), reference.run(graph, arrays), strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-6)
    assert len(changed.ops) <= len(graph.ops)
    made = {*graph.arguments}
    for op in changed.ops:
        assert all(v in made for v in op.values if v.kind == "result"), "used before it is made"
        made.update(op.outputs)


@settings(max_examples=40, deadline=None)
@given(random_graphs.programs())
def test_a_second_time_changes_nothing_more(program):
    graph = random_graphs.graph_of(random_graphs.function_of(program, random_graphs.variables()))
    for transform in (passes.dead_code, passes.common_subexpressions, passes.fold_constants):
        once = transform(graph)
        assert names(transform(once)) == names(once)
