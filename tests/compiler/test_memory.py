"""The memory plan: no two live values share memory, only what dies is written over, states are written when read."""

from __future__ import annotations

import numpy as np
import pytest
import random_graphs
from hypothesis import given, settings

import kerasish
from kerasish import ops
from kerasish.autograd.abstract import Abstract
from kerasish.compiler import passes, trace
from kerasish.compiler.executors.numpy import NumpyExecutable, _Instance
from kerasish.compiler.graph import Graph, Value
from kerasish.compiler.memory import Plan, plan_memory

SHAPE = (16, 4)  # 256 bytes of float32: a multiple of the alignment, so that sizes add up
NBYTES = 256
VIEWS = ("reshape", "transpose", "slice", "broadcast_to", "flip")


def traced(function, count: int = 1, shape=SHAPE) -> Graph:
    return trace(function, [Abstract(shape, np.dtype("float32"))] * count)[0]


def roots_of(graph: Graph) -> dict[Value, Value]:
    roots: dict[Value, Value] = {}
    for op in graph.ops:
        if op.prim.name in VIEWS:
            roots[op.output] = roots.get(op.inputs[0], op.inputs[0])
    return roots


def never(op, i, j):
    return False


def elementwise(op, i, j):
    return op.inputs[i].shape == op.outputs[j].shape and op.prim.name not in ("matmul", "cumsum", "gather")


def planned(graph: Graph, may_overwrite=never) -> Plan:
    """Plan all results that are no views and not returned."""
    roots = roots_of(graph)
    wanted = {v for op in graph.ops for v in op.outputs if v not in roots and v not in graph.outputs}
    plan = plan_memory(graph, roots, wanted, may_overwrite, lambda op: True)
    check(graph, plan, roots, wanted, may_overwrite)
    return plan


def check(graph: Graph, plan: Plan, roots, wanted, may_overwrite) -> None:
    """Walk through the graph and see that what is read is still there, and that nothing is forgotten."""
    assert set(plan.offsets) | set(plan.in_place) == set(wanted)
    assert not set(plan.offsets) & set(plan.in_place)
    last: dict[Value, int] = {}
    for time, op in enumerate(graph.ops):
        last.update((roots.get(x, x), time) for x in op.values)
    last.update((roots.get(v, v), len(graph.ops)) for v in graph.wanted)
    live: dict[Value, tuple[int, int]] = {}
    for time, op in enumerate(graph.ops):
        for j, out in enumerate(op.outputs):
            if out in plan.offsets:
                check_place(op, j, plan, live, last, roots, may_overwrite, time)
            if out in plan.in_place:
                check_state(graph, time, j, plan.in_place[out], last, roots, may_overwrite)
        live = {v: place for v, place in live.items() if last.get(v, -1) > time}


def check_place(op, j, plan, live, last, roots, may_overwrite, time) -> None:
    out = op.outputs[j]
    start, end = plan.offsets[out], plan.offsets[out] + out.nbytes
    assert end <= plan.size
    whole, begin = plan.parts.get(out, (out, 0))
    assert plan.offsets[whole] % 64 == 0 and start == plan.offsets[whole] + begin
    for value, (first, after) in live.items():
        if start < after and first < end:  # the same memory
            if plan.parts.get(value, (value, 0))[0] is out:  # what is put together now
                assert last[value] == time
                continue
            uses = [i for i, x in enumerate(op.inputs) if type(x) is Value and roots.get(x, x) is value]
            assert last[value] == time, f"{value} is still needed when {op} is written over it"
            assert uses and all(op.inputs[i] is value and may_overwrite(op, i, j) for i in uses), op
            assert (first, after) == (start, end)
    live[out] = (start, end)


def check_state(graph, time, j, variable, last, roots, may_overwrite) -> None:
    """What is written into a variable's array must come after the last use of what was there."""
    op = graph.ops[time]
    assert {id(v): value for v, value in graph.updates}[id(variable)] is op.outputs[j]
    for old in (v for v in last if v.kind == "state" and v.data is variable):
        assert last[old] <= time and old not in {roots.get(v, v) for v in graph.outputs}
        for i, x in enumerate(op.inputs):
            if type(x) is Value and roots.get(x, x) is old:
                assert x is old and may_overwrite(op, i, j)


class TestParts:
    def test_what_is_put_together_is_computed_there(self):
        graph = traced(lambda x: ops.tanh(ops.concatenate([ops.reshape(ops.exp(x), -1), ops.sum(x, 0)], 0)))
        plan = planned(graph)
        whole = next(op.output for op in graph.ops if op.prim.name == "concatenate")
        assert {begin for owner, begin in plan.parts.values() if owner is whole} == {0, NBYTES}

    @pytest.mark.parametrize(
        "function",
        [
            lambda x: ops.concatenate([x, x], 0) * 2.0,
            lambda x: ops.sum(ops.concatenate([(y := ops.exp(x)), x], 0)) + y,
            lambda x: ops.concatenate([ops.transpose(ops.exp(x)), ops.transpose(x)], 0) * 2.0,
            lambda x: ops.concatenate([ops.exp(x), ops.sin(x)], 1) * 2.0,
            lambda x: ops.stack([ops.mean(x) + 1.0, ops.max(x) * 2.0]) * 2.0,
        ],
        ids=["argument", "read later", "in another order", "columns", "numbers"],
    )
    def test_what_cannot_be_is_copied(self, function):
        graph = traced(function)
        assert not NumpyExecutable(graph).plan.parts
        x = np.linspace(0, 1, 64, dtype="float32").reshape(SHAPE)
        np.testing.assert_array_equal(NumpyExecutable(graph)([x])[0], function(x).numpy())

    def test_only_one_place_is_a_values_own(self):
        def function(x):
            return ops.concatenate([(y := ops.exp(x)), y], 0) * 2.0

        graph = traced(function)
        assert [begin for _, begin in planned(graph, elementwise).parts.values()] == [0]
        x = np.linspace(0, 1, 64, dtype="float32").reshape(SHAPE)
        np.testing.assert_array_equal(NumpyExecutable(graph)([x])[0], function(x).numpy())


class TestBuffers:
    def test_a_chain_needs_one_where_results_may_be_written_over_inputs(self):
        graph = traced(lambda x: ops.sum(ops.tanh(ops.exp(ops.sqrt(ops.square(x))))))
        assert planned(graph, elementwise).size == NBYTES
        assert planned(graph, never).size == 2 * NBYTES

    def test_reused_counts_what_was_saved(self):
        graph = traced(lambda x: ops.sum(ops.tanh(ops.exp(ops.sqrt(ops.square(x))))))
        assert planned(graph, elementwise).reused == 3 * NBYTES
        assert planned(graph, never).reused == 2 * NBYTES

    def test_a_value_stays_until_its_last_use(self):
        def function(x):
            early = ops.exp(x)
            late = ops.tanh(ops.sqrt(ops.square(x)))
            return ops.sum(late * early)

        graph = traced(function)
        plan = planned(graph, elementwise)
        assert plan.size == 2 * NBYTES

    def test_a_view_keeps_its_root(self):
        def function(x):
            y = ops.exp(x)
            z = ops.transpose(y)
            return ops.sum(ops.tanh(ops.square(x))) + ops.sum(ops.sum(z, 0))

        graph = traced(function)
        y = next(op.output for op in graph.ops if op.prim.name == "exp")
        plan = planned(graph, elementwise)
        others = [v for v in plan.offsets if v is not y and v.size > 4]
        assert all(plan.offsets[v] != plan.offsets[y] for v in others)

    def test_an_input_read_through_a_view_too_is_not_written_over(self):
        graph = traced(lambda x: ops.sum((y := ops.exp(x)) + ops.flip(y, 0)))
        plan = planned(graph, elementwise)
        exp, add = graph.ops[0].output, graph.ops[-2].output
        assert plan.offsets[exp] != plan.offsets[add]

    def test_a_result_that_nothing_reads_gives_its_place_back(self):
        def function(x):
            maximum = ops.max_pool(ops.reshape(x, (1, 8, 8, 1)), 2, 2)
            return ops.sum(maximum)

        planned(traced(function), elementwise)

    def test_small_gaps_are_joined(self):
        """Two halves that are free again, one beside the other, hold a whole."""

        def function(x):
            left, right = ops.exp(x[:8]), ops.tanh(x[:8])
            total = ops.sum(left) + ops.sum(right)
            return ops.sum(ops.cumsum(ops.exp(x), 0)) + total

        graph = traced(function)
        assert planned(graph, never).size <= 2 * NBYTES + 8 * 64

    def test_nothing_to_plan(self):
        plan = planned(traced(lambda x: x))
        assert plan.size == 0 and not plan.offsets and not plan.in_place


class TestStates:
    def variable(self):
        return kerasish.Variable(np.zeros(SHAPE, "float32"))

    def test_written_in_place(self):
        v = self.variable()
        plan = planned(traced(lambda x: [v.assign(v * 0.9 + x), None][1]), elementwise)
        assert list(plan.in_place.values()) == [v]

    def test_written_apart_where_it_must_not_be_written_over(self):
        v = kerasish.Variable(np.zeros((16, 16), "float32"))
        graph = traced(lambda x: [v.assign(ops.matmul(v, x)), None][1], shape=(16, 16))
        assert not planned(graph, elementwise).in_place

    def test_written_apart_where_the_old_value_is_read_later(self):
        v = self.variable()

        def function(x):
            new = v + x
            late = ops.sum(ops.exp(v))
            v.assign(new)
            return late

        assert not planned(traced(function), elementwise).in_place

    def test_written_in_place_after_the_last_read(self):
        v = self.variable()

        def function(x):
            late = ops.sum(ops.exp(v))
            v.assign(v + x)
            return late

        assert planned(traced(function), elementwise).in_place

    def test_written_apart_where_the_old_value_is_returned(self):
        v = self.variable()

        def function(x):
            old = v.value
            v.assign(v + x)
            return old

        assert not planned(traced(function), elementwise).in_place

    def test_written_apart_where_a_view_of_the_old_value_is_returned(self):
        v = self.variable()

        def function(x):
            old = ops.transpose(v)
            v.assign(v + x)
            return old

        assert not planned(traced(function), elementwise).in_place

    def test_written_apart_where_a_view_of_the_old_value_is_read(self):
        v = self.variable()
        graph = traced(lambda x: [v.assign(ops.flip(v, 0) + v), None][1])
        assert not planned(graph, elementwise).in_place

    def test_written_in_place_where_the_old_value_is_not_read_at_all(self):
        v = self.variable()
        assert planned(traced(lambda x: [v.assign(ops.exp(x)), None][1]), never).in_place

    def test_one_new_value_for_two_is_written_into_one(self):
        v, w = self.variable(), self.variable()

        def function(x):
            new = ops.exp(x)
            v.assign(new)
            w.assign(new)

        assert len(planned(traced(function), elementwise).in_place) == 1

    def test_a_training_step_writes_all_in_place(self):
        layers = kerasish.layers
        model = kerasish.Sequential([kerasish.Input((8,)), layers.Dense(16, "relu"), layers.Dense(3)])
        model.compile("adam", "mse", metrics=["mae"])
        x, y = np.ones((4, 8), "float32"), np.ones((4, 3), "float32")
        model.train_on_batch(x, y)
        graph, _ = trace(
            lambda x, y: model.train_step((x, y)) and None,
            [Abstract(x.shape, x.dtype), Abstract(y.shape, y.dtype)],
        )
        executable = NumpyExecutable(passes.optimize(graph))
        assert len(executable.plan.in_place) == len(graph.updates)


@pytest.mark.interpreted
@pytest.mark.parametrize("may_overwrite", [never, elementwise], ids=["never", "elementwise"])
@settings(max_examples=60, deadline=None)
@given(program=random_graphs.programs())
def test_random_graphs(may_overwrite, program):
    function = random_graphs.function_of(program, random_graphs.variables())
    for graph in (random_graphs.graph_of(function), passes.optimize(random_graphs.graph_of(function))):
        planned(graph, may_overwrite)


@pytest.mark.interpreted
@settings(max_examples=60, deadline=None)
@given(random_graphs.programs())
def test_what_the_executor_plans(program):
    """The executor's own choice of what is planned and of what may be written over."""
    from kerasish.compiler.executors.program import _may_overwrite

    graph = random_graphs.graph_of(random_graphs.function_of(program, random_graphs.variables()))
    plan = NumpyExecutable(graph).plan
    check(graph, plan, roots_of(graph), {*plan.offsets, *plan.in_place}, _may_overwrite)


@pytest.mark.interpreted
@settings(max_examples=60, deadline=None)
@given(random_graphs.programs())
def test_what_was_in_a_buffer_before_does_not_matter(program):
    """Every place is written before it is read: runs on memory full of zeros and of NaNs agree."""
    states = random_graphs.variables()
    executable = NumpyExecutable(random_graphs.graph_of(random_graphs.function_of(program, states)))
    results = []
    for filling in (0, 255):  # 255 in all bytes is a NaN
        instance = _Instance(executable._program)
        instance.arena[:] = filling
        copies = [array.copy() for array in instance.arrays]
        outputs = executable._program.make(instance.arena, copies)(*random_graphs.arguments(0))
        results.append([*outputs, *copies])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
