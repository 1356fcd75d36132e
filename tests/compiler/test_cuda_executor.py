"""The CUDA executor on a stand-in for the GPU: every kernel is the generated CUDA C++."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from cuda_on_cpu import ARCHITECTURES, nvrtc_compile
from cuda_stand_in import StandInRuntime, strict_gpu
from graph_reference import run
from strict_device import StrictArray

import kerasish as keras
from kerasish import ops, random, tree
from kerasish.autograd import Variable
from kerasish.autograd.abstract import Abstract
from kerasish.compiler import explain, passes, trace
from kerasish.compiler.executors.cuda import CudaExecutable
from kerasish.compiler.executors.cuda.program import Program
from kerasish.compiler.executors.cuda.runtime import module_text
from kerasish.compiler.executors.cuda.steps import Product
from kerasish.devices.rows import Rows

_generator = np.random.default_rng(0)


def floats(*shape: int, dtype: str = "float32") -> np.ndarray:
    return _generator.uniform(-1, 1, shape).astype(dtype)


def halves(*shape: int) -> np.ndarray:
    return np.asarray(ops.cast(floats(*shape), "bfloat16"))


def _standardized(x, axis):
    mean = ops.mean(x, axis, keepdims=True)
    return (x - mean) / ops.sqrt(ops.var(x, axis, keepdims=True) + 1e-3)


LABELS = np.int32([1, 2, 9, 4, 0])
CASES = {
    "chain": (lambda x, y: ops.tanh(x * 2 + y) * ops.sigmoid(y), floats(6, 8), floats(6, 8)),
    "odd lengths": (lambda x, y: ops.exp(x) + ops.log(ops.abs(y) + 1), floats(5, 7), floats(7)),
    "many blocks": (lambda x, y: ops.tanh(x) * y + 1, floats(300, 400), floats(400)),
    "two results": (lambda x, y: (ops.relu(x) + y, x > y), floats(5, 6), floats(5, 1)),
    "integers": (lambda x: (x // 3 + x % 3) * (x << 1) - (x >> 2), np.arange(-20, 20, dtype="int32")),
    "short rows": (lambda x: ops.softmax(x), floats(6, 3)),
    "rows": (lambda x: ops.softmax(x), floats(6, 300)),
    "long rows": (lambda x: ops.softmax(x), floats(2, 3000)),
    "sums of rows that are used on them": (lambda x: _standardized(x, -1), floats(5, 40)),
    "sums of columns that are used on them": (lambda x: _standardized(x, 0), floats(50, 12)),
    "sum of columns": (lambda x: ops.sum(x, 0), floats(60, 10)),
    "sum of many columns": (lambda x: ops.sum(x, 0), floats(3000, 70, dtype="float64")),
    "sum of all": (lambda x: ops.mean(ops.square(x)), floats(3000, 70)),
    "sum of outer and inner axes": (lambda x: ops.sum(x, (0, 2)), floats(5, 6, 7)),
    "extrema": (lambda x: (ops.max(x, 1), ops.min(x), ops.any(x > 0.99, 0), ops.all(x < 2, 1)), floats(5, 6, 7)),
    "NaN is the largest": (lambda x: ops.max(x, 1), np.float32([[1, np.nan, 3], [1, 2, 3]])),
    "places": (lambda x: (ops.argmax(x, -1), ops.argmin(x, 0)), floats(5, 40)),
    "cross-entropy": (lambda x, t: ops.mean(ops.sparse_categorical_crossentropy(t, ops.softmax(x))), floats(5, 10), LABELS),
    "transpose": (lambda x: ops.transpose(x) * 2 + 1, floats(5, 40)),
    "slices": (lambda x: x[1:3, ::2] * 2 + x[2:4, 1::2], floats(5, 40)),
    "flip": (lambda x: ops.flip(x, 1) + x, floats(5, 40)),
    "reshape of a transpose": (lambda x: ops.reshape(ops.transpose(x), (4, 50)) * 2, floats(5, 40)),
    "product": (lambda x, y: ops.matmul(x, y), floats(5, 40), floats(40, 3)),
    "product of a transpose": (lambda x, y: ops.matmul(ops.transpose(x), y) + 1, floats(40, 5), floats(40, 3)),
    "product of part of a matrix": (lambda x, y: ops.matmul(x[:, 3:8], y[1:6]), floats(4, 9), floats(7, 3)),
    "products of stacks": (lambda x, y: ops.matmul(x, ops.transpose(y, (0, 1, 3, 2))), floats(2, 3, 5, 4), floats(2, 3, 6, 4)),
    "a stack times a matrix": (lambda x, y: ops.matmul(x, y), floats(2, 3, 5, 4), floats(4, 7)),
    "a stack times a shorter one": (lambda x, y: ops.matmul(x, y), floats(2, 3, 5, 4), floats(3, 4, 7)),
    "attention": (
        lambda q, k: ops.einsum("bhts,bshd->bthd", ops.softmax(ops.einsum("bthd,bshd->bhts", q, k)), k),
        floats(2, 5, 3, 4),
        floats(2, 6, 3, 4),
    ),
    "rows by number": (lambda x, i: ops.take(x, i, 0) * 2, floats(50, 10), LABELS),
    "parts put together": (lambda x, y: ops.concatenate([x, y], 1) * 2, floats(5, 10), floats(5, 3)),
    "float64": (lambda x, y: ops.tanh(x) * y + 1, floats(30, 40, dtype="float64"), floats(40, dtype="float64")),
    "float16": (lambda x, y: ops.sigmoid(x) * y + 1, floats(30, 40, dtype="float16"), floats(40, dtype="float16")),
    "bfloat16": (lambda x, y: ops.softmax(x * y + 1), halves(30, 40), halves(40)),
    "arguments returned": (lambda x: (x, x[1:], ops.zeros((2,))), floats(3, 4)),
    "infinities": (lambda x: (x / ops.abs(x * 0.0), ops.where(x > 0, np.inf, -np.inf), ops.isnan(x * np.nan)), floats(3, 4)),
}  # fmt: skip
TOLERANCE = {"float64": 1e-12, "float32": 2e-5, "float16": 3e-3, "bfloat16": 3e-2}


def graph_of(function, arrays):
    return passes.optimize(trace(function, [Abstract(a.shape, a.dtype) for a in arrays])[0])


@pytest.fixture(scope="module")
def compiled():
    """All programs of the table, compiled at once: the compiler's start costs more than any of them."""
    graphs = {name: graph_of(function, arrays) for name, (function, *arrays) in CASES.items()}
    programs = {name: Program(graph) for name, graph in graphs.items()}
    steps = {s.source: s for p in programs.values() for s in p.launches}
    functions = dict(zip(steps, StandInRuntime().compile(list(steps.values())), strict=True))
    return graphs, functions, list(steps.values())


class _Compiled(StandInRuntime):
    def __init__(self, functions):
        super().__init__()
        self._functions = functions

    def compile(self, steps):
        return [self._functions[s.source] for s in steps]


def assert_close(found, expected):
    assert found.shape == expected.shape and found.dtype == expected.dtype
    tolerance = TOLERANCE.get(expected.dtype.name, 0)
    kind = np.complex128 if found.dtype.kind == "c" else np.float64
    np.testing.assert_allclose(found.astype(kind), expected.astype(kind), rtol=tolerance, atol=tolerance)


@pytest.mark.interpreted
@pytest.mark.parametrize("reverse", [False, True], ids=["", "last thread first"])
@pytest.mark.parametrize("name", CASES)
def test_functions(compiled, name, reverse):
    graphs, functions, _ = compiled
    arrays = CASES[name][1:]
    runtime = _Compiled(functions)
    runtime.reverse = reverse
    executable = CudaExecutable(graphs[name], runtime)
    expected = run(graphs[name], list(arrays))
    for _ in range(3):  # one after another, recorded, and from the record
        for found, wanted in zip(executable(list(arrays)), expected, strict=True):
            assert_close(found, wanted)


def _inner_loop(x, limit):
    def step(total, y):
        y = ops.tanh(ops.fori_loop(0, 3, lambda i, z: z + ops.cast(i, "float32") * x, y))
        return total + ops.while_loop(lambda s: s < 1.0, lambda s: s * 2 + 0.1, ops.sum(y) * 0), y

    return ops.while_loop(lambda total, y: total < limit, step, (0.0, x))


WHILE_LOOPS = {
    "a value": lambda x, limit: ops.while_loop(lambda y: ops.sum(ops.abs(y)) < limit, lambda y: y * 2, x),
    "several, and products": lambda x, limit: ops.while_loop(
        lambda i, y: ops.logical_and(i < 50, ops.max(y) < limit), lambda i, y: (i + 1, y @ x + 1.5), (0, x)
    ),
    "no more than five": lambda x, limit: ops.while_loop(
        lambda y: ops.any(y < limit), lambda y: y + 0.25, x, maximum_iterations=5
    ),
    "not once": lambda x, limit: ops.while_loop(lambda y: ops.sum(y) > limit, lambda y: y * 2, ops.transpose(x)),
    "what changes places": lambda x, limit: ops.while_loop(
        lambda i, a, b: ops.cast(i, "float32") < limit / 8,
        lambda i, a, b: (i + 1, b * 0.5, a + ops.cast(i, "float32")),
        (0, x, x * 2),
    ),
    "loops inside": _inner_loop,
}  # fmt: skip


@pytest.mark.interpreted
@pytest.mark.parametrize("name", WHILE_LOOPS)
def test_loops_that_go_on_while_a_condition_holds(name):
    loop = WHILE_LOOPS[name]
    x, limit = floats(3, 3) * 0.5, np.float32(20)

    def function(x, limit):
        return tree.flatten(loop(x * 1.5, limit))

    runtime = StandInRuntime()
    executable = CudaExecutable(graph_of(function, [x, limit]), runtime)
    for scale, bound in ((1, 20), (0.5, 20), (1, 3), (1, 20)):
        arrays = [x * np.float32(scale), np.array(bound, "float32")]
        for found, wanted in zip(
            executable(arrays), function(*map(ops.convert_to_tensor, arrays)), strict=True
        ):
            assert_close(found, wanted.numpy())
    assert runtime.launches


def _scan(step):
    return lambda x: ops.scan(lambda carry, row: (step(carry), step(row)), x, ops.stack([x, x * 2]))


def _twice(step):
    return lambda x: ops.while_loop(
        lambda i, y: i < ops.cast(ops.sum(x * 0), "int32") + 2, lambda i, y: (i + 1, step(y)), (0, x)
    )


@pytest.mark.interpreted
@pytest.mark.parametrize("loop", [_scan, _twice], ids=["scan", "while"])
def test_steps_of_loops_may_end_in_anything(loop):
    steps = [
        ops.sort, ops.transpose, lambda x: ops.flip(x * 2, 0), lambda x: ops.reshape(ops.sort(x), (3, 3)),
        lambda x: ops.concatenate([x[1:], x[:1]], 0), lambda x: x @ x, lambda x: x, ops.ones_like,
    ]  # fmt: skip
    x = floats(3, 3)

    def function(x):
        return [y for step in steps for y in tree.flatten(loop(step)(x))]

    executable = CudaExecutable(graph_of(function, [x]), StandInRuntime())
    for _ in range(3):
        for found, wanted in zip(executable([x]), function(ops.convert_to_tensor(x)), strict=True):
            assert_close(found, wanted.numpy())


@pytest.mark.interpreted
def test_loops_and_windows_over_what_begins_inside_an_array():
    """Packs of 16 bytes are read where an array of its own would begin, which a part of one need not do."""

    def function(x):
        four, rows, pixels = x[1:5], ops.reshape(x[2:14], (3, 4)), ops.reshape(x[1:13], (1, 3, 4))
        found = ops.while_loop(
            lambda a, b: ops.sum(a) < 50.0, lambda a, b: (a + ops.abs(b) + 1, a * 0.1), (four, x[2:6])
        )
        scanned = ops.scan(lambda carry, row: (ops.tanh(carry), ops.tanh(row)), four, rows)
        return [*found, *scanned, ops.conv(pixels, ops.ones((2, 4, 4)))]

    x = np.arange(16, dtype="float32")
    found = CudaExecutable(graph_of(function, [x]), StandInRuntime())([x])
    for one, wanted in zip(found, function(ops.convert_to_tensor(x)), strict=True):
        assert_close(one, wanted.numpy())


@pytest.mark.interpreted
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_source_compiles_for_gpus(compiled, architecture):
    assert nvrtc_compile(module_text(compiled[2])[0], architecture) == ""


def launches(function, *arrays) -> list[str]:
    program = Program(graph_of(function, arrays))
    return [s.name for s in program.launches]


def test_elementwise_work_and_a_softmax_are_one_launch_each():
    assert len(launches(lambda x, y: ops.tanh(x) * y + 1, floats(300, 400), floats(400))) == 1
    assert len(launches(lambda x: ops.softmax(ops.tanh(x)), floats(300, 400))) == 1


def test_views_cost_nothing():
    assert launches(lambda x, y: ops.matmul(ops.transpose(x), y[2:]), floats(100, 5), floats(102, 7)) == []


def test_large_products_add_their_bias_and_apply_relu():
    weights, bias = Variable(floats(8, 1024)), Variable(floats(1024))
    graph = graph_of(lambda x: ops.relu(ops.matmul(x, weights) + bias), [floats(512, 8)])
    program = Program(graph)
    (op,) = program.graph.ops
    (step,) = op.prim.steps
    assert isinstance(step, Product) and step.bias is not None and step.activation == "relu"
    x = floats(512, 8)
    (found,) = CudaExecutable(graph, StandInRuntime())([x])
    np.testing.assert_allclose(found, run(graph, [x])[0], rtol=1e-5, atol=1e-5)


def test_states_change_in_place_and_see_each_other_as_written():
    x, y, count = Variable(floats(6, 8)), Variable(floats(6, 8)), Variable(np.int32(3))

    def step(a):
        old = x.value
        x.assign(x * 0.9 + a)
        y.assign(old)
        count.assign(count + 1)
        return ops.sum(x) * ops.cast(count, "float32")

    a = floats(6, 8)
    graph = graph_of(step, [a])
    executable = CudaExecutable(graph, StandInRuntime())
    homes = [v._array for v in (x, y, count)]
    for _ in range(4):
        total, *states = run(graph, [a])
        (found,) = executable([a])
        np.testing.assert_allclose(found, total, rtol=1e-5)
        for (variable, _), state in zip(graph.updates, states, strict=True):
            np.testing.assert_allclose(variable._array, state, rtol=1e-6)
    assert [v._array is home for v, home in zip((x, y, count), homes, strict=True)] == [True] * 3
    x.assign(np.zeros((6, 8)))
    x.share()
    executable([a])  # what something else reads is not written over
    assert not np.any(homes[0]) and np.allclose(x.numpy(), a)


def test_random_numbers_are_the_cpus():
    generator = random.SeedGenerator(7)
    shapes = [(33, 10), (5,), (2048,)]

    def draw():
        return [random.uniform(shape, seed=generator) for shape in shapes]

    graph = graph_of(draw, [])
    expected = run(graph, [])
    for found, wanted in zip(CudaExecutable(graph, StandInRuntime())([]), expected, strict=False):
        np.testing.assert_array_equal(found, wanted)


@pytest.fixture
def gpu():
    """The strict device with a stand-in for its GPU."""
    with strict_gpu(StandInRuntime(StrictArray)) as device:
        yield device


def _model():
    """A model with one of everything."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = layers.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same", use_bias=False)(x))
    x = layers.Reshape((9, 6))(x)
    x = layers.LSTM(6, return_sequences=True)(x)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 3)(x, x))
    x = layers.Dropout(0.2)(layers.Dense(16, activation="gelu")(x))
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _train():
    generator = np.random.default_rng(1)
    x, y = generator.random((16, 8, 8, 1), dtype="float32"), generator.integers(0, 10, 16)
    model = _model()
    history = model.fit(x, y, epochs=2, batch_size=8, verbose=0).history
    return model, [history["loss"], history["accuracy"], model.evaluate(x, y, batch_size=8, verbose=0)]


def test_a_model_learns_as_on_the_cpu(gpu):
    with keras.device("cpu"):
        here, expected = _train()
    there, found = _train()
    assert gpu.runtime.launches and gpu.runtime.products
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-5)
    for v, w in zip(there.weights, here.weights, strict=True):
        np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=5e-3, atol=2e-4)


def test_functions_run_where_their_variables_are(gpu):
    layer = keras.layers.Dense(3)
    layer.build((None, 4))
    function = keras.function(lambda x: layer(x))
    x = floats(2, 4)
    expected = x @ layer.kernel.numpy() + layer.bias.numpy()
    for argument in (x, ops.convert_to_tensor(x)):
        result = function(argument)
        assert result.device == "strict"
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-5)
    with keras.device("cpu"):
        offset = Variable(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="different devices: cpu, strict"):
        keras.function(lambda x: layer(x) + offset)(x)


def test_large_arguments_and_results_are_not_copied(monkeypatch):
    monkeypatch.setattr("kerasish.compiler.executors.cuda.program._COPIED_IN_A_CALL", 0)
    graph = graph_of(lambda x, y: (ops.matmul(x, y), ops.relu(x)), [floats(5, 6), floats(6, 3)])
    runtime = StandInRuntime()
    monkeypatch.setattr(runtime, "put", None)
    executable = CudaExecutable(graph, runtime)
    for _ in range(3):
        x, y = floats(5, 6), floats(6, 3)
        product, positive = executable([x, y])
        np.testing.assert_allclose(product, x @ y, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(positive, np.maximum(x, 0))


def test_batches_are_gathered_by_the_step():
    x, y = floats(50, 3, 2), _generator.integers(0, 9, (50, 1)).astype("int32")
    order = _generator.permutation(50)
    total = Variable(np.zeros((2,), np.float32))

    def step(batch, labels):
        total.assign(total + ops.sum(batch, (0, 1)))
        return batch * 2, labels

    graph = graph_of(step, [x[:8], y[:8]])
    executable = CudaExecutable(graph, StandInRuntime())
    for epoch in range(2):
        for begin in range(0, 48, 8):
            numbers = order if epoch == 0 else None
            batch = [Rows(a, numbers, begin, 8) for a in (x, y)]
            doubled, labels = executable(batch)
            np.testing.assert_array_equal(doubled, 2 * batch[0].take())
            np.testing.assert_array_equal(labels, batch[1].take())
    (doubled, _) = executable([x[:8], y[:8]])
    np.testing.assert_array_equal(doubled, 2 * x[:8])
    expected = x[order[:48]].sum((0, 1)) + x[:48].sum((0, 1)) + x[:8].sum((0, 1))
    np.testing.assert_allclose(total.numpy(), expected, rtol=1e-4)


def test_an_adapter_feeds_one_device_after_the_other(gpu):
    from kerasish.trainers.data_adapters import get_data_adapter

    def train(adapter):
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model.fit(adapter, verbose=0).history["loss"][0]

    x = np.random.default_rng(0).random((20, 3), dtype="float32")
    adapter = get_data_adapter(x, np.ones((20, 1)), batch_size=8, shuffle=True)
    losses = [train(adapter)]
    with keras.device("cpu"):
        losses.append(train(adapter))
    losses.append(train(adapter))
    assert np.isfinite(losses).all()


def test_the_plan_of_a_gpu_can_be_explained(gpu):
    dense = keras.layers.Dense(3, activation="relu")
    dense.build((None, 8))
    before = dense.kernel.numpy()
    plan = explain(keras.function(lambda x: dense(x)), floats(2, 8), time=True, runs=2, print_fn=None)
    assert "matmul" in str(plan) and plan.seconds > 0
    assert "__global__ void" in plan.source
    np.testing.assert_array_equal(dense.kernel.numpy(), before)


def test_a_model_does_not_keep_the_data(gpu, monkeypatch):
    copies = []
    moved = keras.devices.moved

    def noted(array, device):
        found = moved(array, device)
        copies.append(weakref.ref(found))
        return found

    monkeypatch.setattr(keras.devices, "moved", noted)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = floats(20, 3), floats(20, 1)
    losses = []
    for _ in range(3):  # each on a copy of its own
        model.set_weights([np.ones((3, 1)), np.ones(1)])
        losses.append(model.fit(x, y, batch_size=5, epochs=3, shuffle=False, verbose=0).history["loss"])
        assert len(copies) == 2 * len(losses)
        gc.collect()
        assert not any(copy() for copy in copies)
    assert losses[0] == losses[1] == losses[2]
