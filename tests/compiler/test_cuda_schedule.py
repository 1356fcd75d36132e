"""Which phases share a launch on a GPU, and that nothing races with anything else there."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import random_graphs
from cuda_on_cpu import ARCHITECTURES, nvrtc_compile
from cuda_stand_in import StandInRuntime
from graph_reference import run
from hypothesis import given, settings

import kerasish as keras
from kerasish import ops
from kerasish.autograd import gradients_of, value_and_grad
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.state import Recording
from kerasish.compiler import passes, trace
from kerasish.compiler.executors.cuda import CudaExecutable
from kerasish.compiler.executors.cuda.kernels import LaunchKernel
from kerasish.compiler.executors.cuda.phases import ScalarsPhase, Sources
from kerasish.compiler.executors.cuda.program import Program, steps_of
from kerasish.compiler.executors.cuda.runtime import module_text
from kerasish.compiler.executors.cuda.small_products import LongProductPhase, ProductPhase, product_phase
from kerasish.compiler.executors.cuda.steps import Launch, Matrix, Product
from kerasish.compiler.graph import Value
from kerasish.compiler.nests import Grouping

pytestmark = pytest.mark.interpreted
_generator = np.random.default_rng(0)


def floats(*shape: int, dtype: str = "float32") -> np.ndarray:
    return _generator.uniform(-1, 1, shape).astype(dtype)


def graph_of(function, arrays):
    return passes.optimize(trace(function, [Abstract(a.shape, a.dtype) for a in arrays])[0])


def launches_of(graph) -> list[list]:
    """The chains of each launch, library calls left out."""
    program = Program(graph)
    return [op.prim.chains for op in program.graph.ops if isinstance(op.prim, LaunchKernel)]


def training_step(batch: int, width: int = 128, hidden: int = 128):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((width,)),
            layers.Dense(hidden, "relu"),
            layers.Dropout(0.2),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    x, y = floats(batch, width), _generator.integers(0, 10, batch)
    model.compute_metrics(x, y, ops.one_hot(y, 10))  # which makes the metrics' variables
    return graph_of(lambda x, y: model.train_step((x, y)) and None, [x, y])


class TestLaunches:
    def test_a_step_of_a_small_network_is_three(self):
        graph = training_step(32, width=784)
        program = Program(graph)
        ops = [op for op in program.graph.ops if op.output not in program.views]
        assert all(isinstance(op.prim, LaunchKernel) for op in ops)
        first, rows, last = launches_of(graph)
        assert any(isinstance(chain.phases[0], LongProductPhase) for chain in first)
        # From the hidden layer's activation to its gradient each block goes on with its own samples.
        (samples,) = (chain for chain in rows if chain.parts == 32)
        assert sum(isinstance(phase, ProductPhase) for phase in samples.phases) == 2
        # A gradient of weights is used at once by the block that has made it.
        updates = [chain for chain in last if isinstance(chain.phases[0], ProductPhase)]
        assert len(updates) == 2 and all(len(chain.phases) == 2 and chain.parts > 1 for chain in updates)
        assert not program.copies  # all states change in place

    def test_what_is_large_has_launches_of_its_own(self):
        def function(x):
            y = ops.tanh(x)
            return ops.exp(ops.matmul(ops.transpose(ops.softmax(y * 2)), y))

        launches = launches_of(graph_of(function, [np.broadcast_to(np.float32(0), (2**18, 40))]))
        assert max(len(chain.phases) for chains in launches for chain in chains) == 1

    def test_what_is_large_keeps_the_gpu_busy(self):
        """However many launches it takes: a single block would need none between sums and what they are needed for."""

        def function(x):
            y = ops.where(x > 0, ops.exp(x), 0.0)
            return y, ops.sum(y, 0) * 2.0, ops.mean(y)

        launches = launches_of(graph_of(function, [np.broadcast_to(np.float32(0), (2**16, 64))]))
        spans = [chain.span(256) for chains in launches for chain in chains if chain.phases[0].work > 2**16]
        assert len(spans) == 3 and all(span.blocks >= 100 for span in spans)

    def test_what_nothing_needs_yet_waits_for_other_launches(self):
        dropout = keras.layers.Dropout(0.5, seed=1)

        def function(x, y):
            return ops.exp(ops.matmul(dropout(x, training=True), y))  # the library's product

        first, second = launches_of(graph_of(function, [floats(300, 200), floats(200, 300)]))
        seed = dropout.seed_generator.state
        written = [[a.value.shape for p in chain.phases for a in p.writes] for chain in second]
        assert len(first) == 1 and seed.shape in [shape for (shape,) in written]

    def test_memory_is_asked_for_before_anything_runs(self):
        """The counters of sums that blocks share are constants of the program, which are there from the start."""
        program = Program(graph_of(lambda x: ops.sum(ops.tanh(x), 0), [floats(4096, 64)]))
        counters = [v for launch in program.launches for v in launch.arguments if v.kind == "constant"]
        assert counters and set(counters) <= set(program.constants)

    def test_a_launch_takes_no_more_arrays_than_fit(self):
        arrays = [floats(3) for _ in range(300)]
        launches = launches_of(graph_of(lambda *xs: [x * 2 for x in xs], arrays))
        assert len(launches) == 2

    @pytest.mark.parametrize("shape", [(40, 3), (3, 40)])
    def test_a_product_of_long_sums_alone_is_the_librarys(self, shape):
        rows, columns = shape
        graph = graph_of(ops.matmul, [floats(rows, 200), floats(200, columns)])
        assert launches_of(graph) == []

    def test_memory_does_not_grow_with_depth(self):
        def network(depth):
            def function(x, w):
                for _ in range(depth):
                    x = ops.tanh(ops.matmul(x, w))
                return x

            return Program(graph_of(function, [floats(2**15, 8), floats(8, 8)]))

        assert network(12).plan.size <= network(2).plan.size == 2 * 2**15 * 8 * 4

    def test_views_of_arguments_beside_products(self):
        """What shows part of an argument has no operation that makes it."""
        case = (
            lambda x, y: ops.matmul(ops.tanh(y), y) + ops.tanh(ops.transpose(x)),
            floats(3, 3),
            floats(3, 3),
        )
        assert launches_of(graph_of(case[0], case[1:]))

    def test_matrices_too_far_apart_for_ints_are_the_librarys(self):
        float32 = np.dtype("float32")
        x, y, out = (Value(shape, float32) for shape in ((1, 2**17), (2**17, 2**16), (1, 32)))
        matrices = Matrix(out, 1, 32, 32), Matrix(x, 1, 2**17, 2**17), Matrix(y, 2**17, 32, 2**16)
        sources = Sources(Grouping((), set()), {})
        assert product_phase(Product(*matrices), sources) is None
        assert product_phase(Product(*matrices[:2], Matrix(y, 2**17, 32, 2**13)), sources) is not None

    def test_a_number_is_stored_before_others_read_it(self):
        count, moment = (keras.Variable(np.float32(n)) for n in (1, [2, 3]))

        def function(x):
            rate = ops.sqrt(1 - ops.power(0.9, count.value + 1))
            moment.assign(moment + x * rate)
            count.assign(count + 1)
            return rate

        program = Program(graph_of(function, [floats(2)]))
        phases = [p for op in program.graph.ops for chain in op.prim.chains for p in chain.phases]
        assert [isinstance(phase, ScalarsPhase) for phase in phases] == [True, False]
        assert not program.copies


def places_of(program: Program) -> dict:
    """Where each array of a program lies: a space, and its first and last byte there."""
    found = {}
    for op in program.graph.ops:
        for value in (*op.values, *op.outputs):
            variable = program.plan.in_place.get(value, value.data if value.kind == "state" else None)
            start = program.plan.offsets.get(value)
            if variable is not None:
                found[value] = (id(variable), 0, value.nbytes)
            elif start is not None:
                found[value] = ("arena", start, start + value.nbytes)
            else:
                found[value] = (id(value), 0, value.nbytes)
    return found


def meet(one: tuple, other: tuple) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def assert_nothing_races(program: Program) -> None:
    """Phases that touch the same memory, one of them to write, do so in the order in which they stand."""
    places = places_of(program)
    for op in program.graph.ops:
        if not isinstance(op.prim, LaunchKernel):
            continue
        where = {phase: chain for chain in op.prim.chains for phase in chain.phases}
        for (one, chain), (other, its) in combinations(where.items(), 2):
            pairs = [
                (a, b)
                for first, second in (
                    (one.writes, other.reads),
                    (one.reads, other.writes),
                    (one.writes, other.writes),
                )
                for a in first
                for b in second
                if meet(places[one.root(a.value)], places[other.root(b.value)])
            ]
            made = {a.value for a in other.writes}
            assert not made & {one.root(a.value) for a in one.reads}, "something is read before it is written"
            if not pairs:
                continue
            assert chain is its and chain.stages[one] != chain.stages[other], (one, other)
            for a, b in pairs:
                assert one.is_local(a, chain.parts) and other.is_local(b, chain.parts), (one, other)


@settings(max_examples=60, deadline=None)
@given(random_graphs.programs())
def test_random_graphs(program):
    graph = random_graphs.graph_of(random_graphs.function_of(program, random_graphs.variables()))
    assert_nothing_races(Program(passes.optimize(graph)))


@pytest.mark.parametrize("batch", [1, 5, 32, 2048])
def test_training_steps(batch):
    assert_nothing_races(Program(training_step(batch)))


# What they compute


def learns(x, w, b, v, labels):
    """Loss of a network with one hidden layer, and its new weights."""

    def loss(w, b, v):
        hidden = ops.relu(ops.matmul(x, w) + b)
        return ops.mean(ops.sparse_categorical_crossentropy(labels, ops.softmax(ops.matmul(hidden, v))))

    value, gradients = value_and_grad(loss, (0, 1, 2))(w, b, v)
    return value, [old - 0.1 * new for old, new in zip((w, b, v), gradients, strict=True)]


def sizes(batch: int, width: int, hidden: int, classes: int) -> list[np.ndarray]:
    labels = _generator.integers(0, classes, batch)
    return [floats(batch, width), floats(width, hidden), floats(hidden), floats(hidden, classes), labels]


def halves(*shape: int) -> np.ndarray:
    return np.asarray(ops.cast(floats(*shape) / 8, "bfloat16"))


CASES = {
    "a network": (learns, *sizes(32, 50, 64, 10)),
    "more blocks than rows": (learns, *sizes(3, 70, 300, 40)),
    "odd sizes": (learns, *sizes(7, 13, 33, 3)),
    "a single sample": (learns, *sizes(1, 400, 31, 5)),
    "many samples": (learns, *sizes(700, 6, 24, 7)),
    "long rows": (learns, *sizes(6, 40, 20, 2100)),
    "long sums": (learns, *sizes(33, 700, 45, 10)),
    "long sums of odd lengths": (ops.matmul, floats(5, 401), floats(401, 67)),
    "long sums of part of a matrix": (lambda x, y: ops.matmul(x[1:, 2:], y[:, 3:]), floats(6, 402), floats(400, 70)),
    "long sums of float64": (ops.matmul, floats(9, 300, dtype="float64"), floats(300, 40, dtype="float64")),
    "long sums of float16": (ops.matmul, floats(9, 300, dtype="float16") / 8, floats(300, 40, dtype="float16")),
    "long sums of bfloat16": (ops.matmul, halves(2, 500), halves(500, 70)),
    "stacks": (
        lambda x, y: ops.sum(ops.relu(ops.matmul(ops.tanh(ops.matmul(x, y)), y)), -1),
        floats(12, 5, 5),
        floats(12, 5, 5),
    ),
    "rows and their columns": (
        lambda x: (ops.softmax(x * 2), ops.sum(ops.softmax(x * 2), 0), ops.mean(ops.tanh(x), 0) + 1),
        floats(40, 9),
    ),
    "places in short rows": (lambda x: (ops.argmax(x, -1), ops.any(x > 0.9, -1), ops.max(x, (1, 2))), floats(30, 3, 5)),
}  # fmt: skip
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float64": 1e-12}


@pytest.fixture(scope="module")
def compiled():
    """The table's graphs and a runtime that has their kernels, compiled at once."""
    graphs = {name: graph_of(function, arrays) for name, (function, *arrays) in CASES.items()}
    launches = {
        step.source: step
        for graph in graphs.values()
        for op in Program(graph).graph.ops
        for step in steps_of(op)
        if isinstance(step, Launch)
    }
    functions = dict(zip(launches, StandInRuntime().compile(list(launches.values())), strict=True))

    class Compiled(StandInRuntime):
        def compile(self, steps):
            return [functions[step.source] for step in steps]

    return graphs, Compiled


@pytest.mark.parametrize("reverse", [False, True], ids=["", "last block first"])
@pytest.mark.parametrize("name", CASES)
def test_results(compiled, name, reverse):
    graphs, make_runtime = compiled
    runtime, arrays = make_runtime(), CASES[name][1:]
    runtime.reverse = reverse
    assert_nothing_races(Program(graphs[name]))
    found = CudaExecutable(graphs[name], runtime)(list(arrays))
    for x, y in zip(found, run(graphs[name], list(arrays)), strict=True):
        assert x.shape == y.shape and x.dtype == y.dtype
        tolerance = TOLERANCE.get(y.dtype.name, 1e-4)
        np.testing.assert_allclose(
            x.astype("float64"), y.astype("float64"), rtol=tolerance, atol=tolerance / 10
        )


@pytest.mark.parametrize("width", [20, 70])
def test_rows_are_read_before_anything_is_written_where_they_lie(width):
    """Gradients through normalizations: a phase of rows has several results, some in memory that it reads."""
    layers = [
        keras.layers.GroupNormalization(1),
        keras.layers.LayerNormalization(),
        keras.layers.GroupNormalization(1),
    ]
    for layer in layers:
        layer.build((None, width))
    variables = [v for layer in layers for v in layer.trainable_variables]

    def function(x, w):
        with Recording(True):
            found = x
            for layer in layers:
                found = layer(found)
            loss = ops.sum(ops.square(ops.matmul(found, w)))
        return [loss, *gradients_of([loss], variables)]

    arrays = [floats(33, width), floats(width, 3)]
    graph = graph_of(function, arrays)
    expected = run(graph, list(arrays))
    for found, wanted in zip(CudaExecutable(graph, StandInRuntime())(arrays), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_kernels_compile_for_gpus(compiled, architecture):
    steps = [s for op in Program(training_step(32)).graph.ops for s in steps_of(op)]
    assert not nvrtc_compile(module_text(steps)[0], architecture)
