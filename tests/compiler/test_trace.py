"""Tracing: what is recorded of a function, and what cannot be."""

from __future__ import annotations

import inspect
from collections import namedtuple

import numpy as np
import pytest

import kerasish
from kerasish import ops
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.state import state
from kerasish.autograd.tensor import NoValueError
from kerasish.compiler import trace
from kerasish.compiler.executors.numpy import NumpyExecutable

pytestmark = [pytest.mark.interpreted, pytest.mark.filterwarnings("error")]
F32 = np.dtype("float32")


def traced(function, *shapes, dtype=F32):
    return trace(function, [Abstract(shape, np.dtype(dtype)) for shape in shapes])


def names(graph):
    return [op.prim.name for op in graph.ops]


def variable(value, **kwargs):
    return kerasish.Variable(np.asarray(value, "float32"), **kwargs)


class TestWhatIsRecorded:
    def test_operations_in_order_with_static_shapes(self):
        graph, structure = traced(lambda x, y: ops.exp(x @ y) + 1.0, (2, 3), (3, 4))
        assert names(graph) == ["matmul", "exp", "add"]
        assert [v.shape for v in graph.arguments] == [(2, 3), (3, 4)]
        assert graph.outputs[0].shape == (2, 4) and graph.outputs[0].dtype == F32
        assert structure == 0 and not graph.updates and not graph.states and not graph.constants

    def test_only_what_leads_to_results(self):
        def f(x):
            ops.exp(x)
            return x * 2.0

        assert names(traced(f, (3,))[0]) == ["multiply"]

    def test_an_argument_as_result(self):
        graph, _ = traced(lambda x: x, (3,))
        assert graph.ops == () and graph.outputs == graph.arguments

    def test_structures_and_literals(self):
        Pair = namedtuple("Pair", "first second")

        def f(x):
            return {"a": [x, x * 2.0, None], "b": Pair(3, "text"), "c": (x * 3.0,)}

        graph, structure = traced(f, (2,))
        assert len(graph.outputs) == 3
        assert structure["a"][0] == 0 and structure["a"][1] == 1 and structure["c"] == (2,)
        assert structure["a"][2].value is None
        assert isinstance(structure["b"], Pair) and structure["b"].first.value == 3
        assert structure["b"].second.value == "text"

    def test_constants_are_captured_as_they_are(self):
        table = ops.convert_to_tensor([1.0, 2.0, 3.0])
        graph, _ = traced(lambda x: x * table + np.float32([1, 1, 1]), (3,))
        assert [c.shape for c in graph.constants] == [(3,), (3,)]
        assert graph.constants[0].data is table._value

    def test_python_numbers_stay_weak(self):
        graph, _ = traced(lambda x: x * 2 + 0.5, (3,), dtype="float16")
        assert [op.inputs[1] for op in graph.ops] == [2, 0.5]
        assert graph.outputs[0].dtype == np.float16 and not graph.constants

    def test_nothing_is_left_of_the_scope(self):
        traced(lambda x: x, (1,))
        assert state.overlay is None
        with pytest.raises(ZeroDivisionError):
            traced(lambda x: 1 / 0, (1,))
        assert state.overlay is None


class TestVariables:
    def test_reading_makes_a_state_once(self):
        v = variable([1.0, 2.0])
        graph, _ = traced(lambda x: x * v + v, (2,))
        assert [s.data for s in graph.states] == [v]
        assert graph.updates == ()

    def test_assigning_changes_what_is_read_from_then_on(self):
        v = variable([1.0, 2.0])

        def f(x):
            before = v * 1.5
            v.assign_add(x)
            between = v * 2.5
            v.assign(between * 3.5)
            return before, between, v.value, v

        graph, _ = traced(f, (2,))
        assert len(graph.updates) == 1 and graph.updates[0][0] is v
        before, between, value, itself = graph.outputs
        assert graph.updates[0][1] is value is itself
        x = np.float32([10, 20])
        results = NumpyExecutable(graph)([x])
        np.testing.assert_array_equal(results[0], [1.5, 3.0])
        np.testing.assert_array_equal(results[1], np.float32([11, 22]) * 2.5)
        np.testing.assert_array_equal(results[2], np.float32([11, 22]) * 2.5 * 3.5)
        np.testing.assert_array_equal(v.numpy(), results[2])

    def test_the_variables_themselves_stay_as_they_are(self):
        v = variable([1.0, 2.0])
        traced(lambda x: v.assign(x * 2.0), (2,))
        np.testing.assert_array_equal(v.numpy(), [1.0, 2.0])

    def test_assigned_without_being_read(self):
        v = variable([1.0, 2.0])

        def f(x):
            v.assign(x)

        graph, _ = traced(f, (2,))
        assert not graph.states and len(graph.updates) == 1
        NumpyExecutable(graph)([np.float32([5, 6])])
        np.testing.assert_array_equal(v.numpy(), [5, 6])

    def test_assigned_values_are_cast_and_checked(self):
        v = variable([1.0, 2.0])
        graph, _ = traced(lambda x: v.assign(x), (2,), dtype="int32")
        assert graph.updates[0][1].dtype == F32
        with pytest.raises(ValueError, match="must match"):
            traced(lambda x: v.assign(x), (3,))
        assert state.overlay is None

    def test_swapped(self):
        a, b = variable([1.0]), variable([2.0])

        def swap():
            kept = a.value
            a.assign(b)
            b.assign(kept)

        graph, _ = traced(swap)
        NumpyExecutable(graph)([])
        assert a.numpy() == [2] and b.numpy() == [1]

    def test_assigned_from_each_other(self):
        a, b = variable([1.0]), variable([2.0])

        def f(x):
            a.assign(b)
            b.assign(b * x)
            a.assign(a)
            return a + b

        (total,) = NumpyExecutable(traced(f, (1,))[0])([np.float32([10])])
        assert a.numpy() == [2] and b.numpy() == [20] and total == [22]

    def test_made_while_tracing(self):
        made = []

        def f(x):
            if not made:
                made.append(kerasish.Variable(kerasish.initializers.GlorotUniform(seed=1), shape=(3, 3)))
            return x @ made[0]

        graph, _ = traced(f, (2, 3))
        assert graph.states[0].data is made[0]
        assert np.abs(made[0].numpy()).max() > 0

    def test_views_of_variables(self):
        v = variable(np.arange(6.0).reshape(2, 3))
        graph, _ = traced(lambda: (v[0], ops.transpose(v), ops.stop_gradient(v)))
        assert [s.data for s in graph.states] == [v]
        assert [o.shape for o in graph.outputs] == [(3,), (3, 2), (2, 3)]


class TestRandomness:
    def test_the_seed_is_state_that_moves_on(self):
        seed = kerasish.random.SeedGenerator(7)
        graph, _ = traced(lambda: kerasish.random.uniform((4,), seed=seed))
        assert [v for v, _ in graph.updates] == [seed.state]
        assert "random_bits" in names(graph)
        twin = kerasish.random.SeedGenerator(7)
        run = NumpyExecutable(graph)
        for _ in range(3):
            np.testing.assert_array_equal(run([])[0], kerasish.random.uniform((4,), seed=twin).numpy())
        np.testing.assert_array_equal(seed.state.numpy(), twin.state.numpy())

    def test_two_draws_differ(self):
        seed = kerasish.random.SeedGenerator(7)
        graph, _ = traced(lambda: [kerasish.random.uniform((4,), seed=seed) for _ in range(2)])
        one, two = NumpyExecutable(graph)([])
        assert (one != two).any()

    def test_the_global_stream_too(self):
        graph, _ = traced(lambda: kerasish.random.normal((3,)))
        assert len(graph.updates) == 1
        run = NumpyExecutable(graph)
        assert (run([])[0] != run([])[0]).any()


class TestGradients:
    def test_taken_inside(self):
        w = variable([[1.0, 2.0], [3.0, 4.0]])

        def f(x):
            with kerasish.GradientTape() as tape:
                loss = ops.sum(ops.tanh(x @ w))
            return tape.gradient(loss, w)

        graph, _ = traced(f, (3, 2))
        x = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")
        np.testing.assert_allclose(NumpyExecutable(graph)([x])[0], f(x).numpy(), rtol=1e-5)

    def test_of_gradients(self):
        def f(x):
            return kerasish.grad(lambda y: ops.sum(kerasish.grad(lambda z: ops.sum(z**4))(y)))(x)

        graph, _ = traced(f, (3,))
        x = np.float32([1, 2, 3])
        np.testing.assert_allclose(NumpyExecutable(graph)([x])[0], 12 * x**2, rtol=1e-6)

    def test_with_respect_to_arguments_and_assigned_variables(self):
        v = variable([2.0, 3.0])

        def f(x):
            with kerasish.GradientTape() as tape:
                tape.watch(x)
                loss = ops.sum(x * x * v)
            gx, gv = tape.gradient(loss, [x, v])
            v.assign_sub(0.1 * gv)
            return gx

        graph, _ = traced(f, (2,))
        (gx,) = NumpyExecutable(graph)([np.float32([1, 2])])
        np.testing.assert_allclose(gx, [4, 12])
        np.testing.assert_allclose(v.numpy(), [1.9, 2.6], rtol=1e-6)

    def test_none_flows_through_an_assignment(self):
        w, average = variable([2.0, 3.0]), variable([1.0, 1.0])

        def f(x):
            with kerasish.GradientTape() as tape:
                average.assign(average * 0.5 + w * 0.5)
                loss = ops.sum(w * x) + ops.sum(average * average)
            return tape.gradient(loss, [w, average])

        x = np.float32([5, 6])
        results = NumpyExecutable(traced(f, (2,))[0])([x])
        np.testing.assert_array_equal(results[0], x)
        np.testing.assert_array_equal(results[1], 2 * average.numpy())
        average.assign([1.0, 1.0])
        for result, eager in zip(results, f(ops.convert_to_tensor(x)), strict=True):
            np.testing.assert_array_equal(result, eager.numpy())

    def test_backward_inside(self):
        def f(x):
            y = kerasish.value_and_grad(lambda z: ops.sum(ops.sin(z)))(x)
            return y

        graph, structure = traced(f, (2,))
        assert structure == (0, 1)
        value, gradient = NumpyExecutable(graph)([np.float32([0, 1])])
        np.testing.assert_allclose(value, np.sin(1), rtol=1e-6)
        np.testing.assert_allclose(gradient, np.cos([0, 1]), rtol=1e-6)


class TestNested:
    def test_a_compiled_function_is_part_of_the_trace_around_it(self):
        v = variable([1.0])
        inner = kerasish.function(lambda x: v.assign_add(x) * 2.0)
        graph, _ = traced(lambda x: inner(x) + inner(x), (1,))
        assert not inner.traces
        assert len(graph.updates) == 1
        np.testing.assert_allclose(NumpyExecutable(graph)([np.float32([1])])[0], [2 * 2 + 3 * 2])

    def test_a_scope_inside(self):
        v = variable([1.0])

        def f(x):
            with kerasish.StatelessScope([(v, x)]):
                inside = v * 2.0
            return inside, v * 2.0

        graph, _ = traced(f, (1,))
        inside, outside = NumpyExecutable(graph)([np.float32([5])])
        assert inside == [10] and outside == [2]


USES = {
    "if": (lambda x: 1 if x else 2, "used as a Python bool"),
    "and": (lambda x: x and 1, "used as a Python bool"),
    "float": (lambda x: float(x), "converted to NumPy"),
    "int": (lambda x: int(x), "converted to NumPy"),
    "item": (lambda x: x.item(), "converted to NumPy"),
    "numpy": (lambda x: x.numpy(), "converted to NumPy"),
    "tolist": (lambda x: x.tolist(), "converted to NumPy"),
    "asarray": (lambda x: np.asarray(x), "converted to NumPy"),
    "a function of NumPy's": (lambda x: np.percentile(x, 3.0), "converted to NumPy"),
    "format": (lambda x: f"{x:.3f}", "converted to NumPy"),
    "a mask": (lambda x: ops.ones((1,))[ops.reshape(x, (1,)) > 0], "used as a mask in an index"),
}


class TestWhatCannotBeTraced:
    @pytest.mark.parametrize("use", USES)
    def test_the_error_names_the_use_and_the_line(self, use):
        function, what = USES[use]
        with pytest.raises(NoValueError, match=what) as error:
            traced(function, ())
        assert "shape=(" in str(error.value) and "dtype=" in str(error.value)
        line = inspect.getsourcelines(function)[1]
        assert f'at "{__file__}", line {line}' in str(error.value)

    def test_of_a_variable(self):
        v = variable(1.0)

        def f():
            if v > 0:
                return v
            return -v

        with pytest.raises(NoValueError, match="(`if v > 0:`)"):
            traced(f)

    def test_of_a_layer_of_the_users(self):
        class Loud(kerasish.layers.Layer):
            def call(self, x):
                if float(ops.max(x)) > 1:
                    x = x / 2
                return x

        layer = Loud()
        layer.build((2,))
        with pytest.raises(NoValueError, match=r"\(`if float\(ops.max\(x\)\) > 1:`\)"):
            traced(lambda x: layer(x), (2,))
        assert state.overlay is None

    def test_printing_shows_the_symbol(self, capsys):
        traced(lambda x: print(x), (2,))
        assert "KerasTensor shape=(2,)" in capsys.readouterr().out


def test_graph_as_text():
    v = variable([1.0, 2.0], name="v")
    graph, _ = traced(lambda x: v.assign_add(ops.reshape(x, (2,))), (2, 1))
    text = repr(graph)
    assert "reshape" in text and "newshape=(2,)" in text and "v <- " in text and "return" in text
