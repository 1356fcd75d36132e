"""What `compiler.explain` says of a plan: work and bytes counted by hand, memory as it is planned, times, pictures."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops
from kerasish.autograd.tensor import NoValueError
from kerasish.compiler import costs, explain, function
from kerasish.compiler.executors import blas, jit
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.utils.drawing import draw, to_dot, to_svg

FLOAT = np.dtype("float32")


@pytest.fixture(
    params=["0", pytest.param("1", marks=pytest.mark.skipif(not jit.available(), reason="no llvmlite"))]
)
def native(request, monkeypatch):
    monkeypatch.setenv("KERASISH_JIT", request.param)
    return request.param == "1"


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def small_model(**options):
    model = kerasish.Sequential(
        [kerasish.Input((8,)), layers.Dense(16, "relu"), layers.Dropout(0.5), layers.Dense(3)], name="small"
    )
    model.compile(**{"optimizer": "adam", "loss": "mse", "metrics": ["mae"], **options})
    return model


def quietly(*args, **options):
    return explain(*args, **options, print_fn=None)


def named(plan, name):
    return [k for k in plan.kernels if k.name == name]


class TestWork:
    def test_dense(self):
        model = kerasish.Sequential([kerasish.Input((20,)), layers.Dense(7, "relu")])
        plan = quietly(model, ones(4, 20))
        assert [k.name for k in plan.kernels] == ["matmul", "add", "relu"]
        assert [k.flops for k in plan.kernels] == [2 * 4 * 20 * 7, 28, 28]
        assert [(k.bytes_read, k.bytes_written) for k in plan.kernels] == [
            (4 * (4 * 20 + 20 * 7), 4 * 28),
            (4 * (28 + 7), 4 * 28),
            (4 * 28, 4 * 28),
        ]
        assert plan.flops == 1120 + 56

    @pytest.mark.parametrize(
        ("layer", "shape", "name", "expected"),
        [
            (layers.Conv2D(5, 3, use_bias=False), (2, 8, 8, 4), "conv", 2 * (2 * 6 * 6 * 5) * (3 * 3 * 4)),
            (
                layers.Conv2D(6, 3, groups=2, use_bias=False),
                (2, 8, 8, 4),
                "conv",
                2 * (2 * 6 * 6 * 6) * (9 * 2),
            ),
            (layers.Conv1D(5, 2, strides=2, use_bias=False), (2, 8, 4), "conv", 2 * (2 * 4 * 5) * (2 * 4)),
            (
                layers.Conv2DTranspose(5, 2, use_bias=False),
                (2, 8, 8, 4),
                "conv_transpose",
                2 * (2 * 8 * 8 * 4) * (4 * 5),
            ),
            (layers.MaxPooling2D(2), (2, 8, 8, 4), "max_pool", (2 * 4 * 4 * 4) * 4),
            (layers.AveragePooling1D(4), (2, 8, 4), "average_pool", (2 * 2 * 4) * 4),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_windows(self, layer, shape, name, expected):
        operation = traced(layer, ones(*shape), name)
        assert costs.flops(operation) == expected

    def test_gradient_of_a_convolution(self):
        layer = layers.Conv2D(5, 3, use_bias=False)
        layer.build((2, 8, 8, 4))

        def gradient(x):
            with kerasish.GradientTape() as tape:
                loss = ops.sum(layer(x))
            return tape.gradient(loss, layer.kernel)

        assert costs.flops(traced(gradient, ones(2, 8, 8, 4), "conv_kernel_gradient")) == 2 * 360 * 36

    def test_sums_and_moves(self):
        plan = quietly(lambda x: ops.sum(ops.transpose(x), axis=0), ones(6, 5))
        assert plan.flops == 30 - 6
        assert quietly(lambda x: ops.concatenate([x, x]), ones(6, 5)).flops == 0
        assert quietly(lambda i: i * 2, np.ones(4, "int32")).flops == 0

    def test_gather_reads_what_it_takes(self):
        plan = quietly(lambda x, i: ops.take(x, i, axis=0), ones(1000, 4), np.array([1, 2], "int32"))
        (kernel,) = named(plan, "gather")
        assert kernel.bytes_read == 2 * 4 + 2 * 4 * 4

    def test_a_training_step_has_three_products_for_two_layers_and_more(self, native):
        plan = quietly(small_model(), ones(4, 8), ones(4, 3))
        products = [2 * 4 * 8 * 16, 2 * 4 * 16 * 3]
        expected = sorted([products[0], products[1], products[1], products[1], products[0]])
        assert sorted(k.flops for k in named(plan, "matmul")) == expected

    def test_fused_kernels_count_what_they_contain(self, monkeypatch):
        if not jit.available():
            pytest.skip("no llvmlite")
        monkeypatch.setenv("KERASISH_JIT", "1")
        plan = quietly(lambda x: ops.sum(ops.exp(x) * 2.0 + x), ones(512, 256))
        (kernel,) = plan.kernels
        assert {"exp", "multiply", "add", "reduce_sum"} <= set(kernel.primitives)
        assert kernel.flops == 4 * 512 * 256 - 1
        assert (kernel.bytes_read, kernel.bytes_written) == (4 * 512 * 256, 4)
        assert "contains exp" in str(plan)

    def test_loops_count_every_step(self):
        def total(x):
            return ops.scan(lambda c, row: (c + row, c), ops.zeros((3,)), x)

        (kernel,) = named(quietly(total, ones(50, 3)), "scan")
        assert kernel.flops == 50 * 3
        assert kernel.primitives == ["add"]

    def test_kernels_that_say_nothing_of_themselves(self):
        class Unknown(Kernel):
            name = "mystery"

        op = Op(Unknown(), [Value((4, 2), FLOAT), 3], {}, [Value((5,), FLOAT)])
        assert costs.flops(op) is None
        assert costs.primitives(op) == []
        assert costs.bytes_moved(op) == (32, 20)


def traced(target, x, name):
    """Return the primitive of this name in the trace, before executors have their way with it."""
    from kerasish.autograd.abstract import Abstract
    from kerasish.compiler import passes, trace

    target(x)
    graph = passes.optimize(trace(target, [Abstract(x.shape, x.dtype)])[0])
    (op,) = [op for op in graph.ops if op.prim.name == name]
    return op


class TestMemory:
    def test_results_that_take_over_an_input(self, monkeypatch):
        monkeypatch.setenv("KERASISH_JIT", "0")
        plan = quietly(lambda x: ops.matmul(ops.exp(ops.sin(x) + 1.0), x), ones(160, 160))
        sin, add, exp, _ = plan.kernels
        assert (sin.reuses, add.reuses, exp.reuses) == ([None], ["%0"], ["%1"])
        assert (sin.in_place, add.in_place, exp.in_place) == ([False], [True], [True])
        assert sin.places == add.places == exp.places == ["arena+0"]
        assert (plan.planned_bytes, plan.planned_bytes_without_reuse) == (102400, 307200)
        assert plan.kernels[-1].places == ["new array"]

    def test_small_results_are_copied_out_of_planned_memory(self, native):
        plan = quietly(lambda x: ops.matmul(ops.exp(x), x), ones(16, 16))
        assert plan.kernels[-1].places[0].startswith("arena+")

    def test_memory_of_what_is_not_needed_any_more(self, monkeypatch):
        monkeypatch.setenv("KERASISH_JIT", "0")
        plan = quietly(lambda x: ops.matmul(ops.matmul(ops.matmul(x, x), x), x) + x, ones(16, 16))
        third = plan.kernels[2]
        assert (third.reuses, third.in_place) == (["%0"], [False])

    def test_agrees_with_the_plan(self, native):
        model = small_model()
        x, y = ones(4, 8), ones(4, 3)
        plan = quietly(model, x, y)
        compiled, _ = model._compiled_step("train", x, y)
        real = compiled.executable.plan
        assert plan.planned_bytes == real.size
        written = [p for k in plan.kernels for p in k.places if p.startswith("variable ")]
        assert len(written) == len(real.in_place)
        offsets = [p for k in plan.kernels for p in k.places if p.startswith("arena+")]
        assert {int(p[6:]) for p in offsets} <= set(real.offsets.values())

    def test_what_is_said_to_be_reused_is_dead_or_an_input(self, native):
        plan = quietly(small_model(), ones(4, 8), ones(4, 3))
        last = {name: i for i, k in enumerate(plan.kernels) for name in k.inputs}
        for i, kernel in enumerate(plan.kernels):
            for old, over in zip(kernel.reuses, kernel.in_place, strict=True):
                if old is not None:
                    assert last.get(old, -1) <= i
                    assert over == (old in kernel.inputs or any(old in p for p in kernel.places))


class TestTargets:
    def test_prints_its_text(self, capsys):
        plan = explain(ops.exp, ones(3))
        assert capsys.readouterr().out == f"{plan}\n"

    def test_steps_of_a_model(self):
        model = small_model()
        x, y = ones(4, 8), ones(4, 3)
        titles = [
            quietly(model, *batch, train=train).title
            for batch, train in [((x,), None), ((x, y), None), ((x, y), False)]
        ]
        assert titles == [f"the {kind} step of model 'small'" for kind in ("predict", "train", "test")]

    def test_is_the_trace_that_runs(self):
        double = function(lambda x: x * 2.0)
        quietly(double, ones(3))
        assert len(double.traces) == 1
        double(ones(3))
        assert len(double.traces) == 1

    def test_a_model_that_is_not_compiled(self):
        model = kerasish.Sequential([layers.Dense(2)])
        assert named(quietly(model, ones(3, 4)), "matmul")
        with pytest.raises(ValueError, match="call `compile\\(\\)` before"):
            quietly(model, ones(3, 4), ones(3, 2))

    def test_nothing_changes(self, native):
        model = small_model()
        x, y = ones(4, 8), ones(4, 3)
        model.train_on_batch(x, y)
        before = [np.array(v) for v in [*model.variables, *model.optimizer.variables]]
        metrics = model.get_metrics_result()
        quietly(model, x, y, time=True, runs=3)
        for old, new in zip(before, [*model.variables, *model.optimizer.variables], strict=True):
            np.testing.assert_array_equal(old, new)
        assert model.get_metrics_result() == metrics

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda: explain(3), TypeError, "Argument `target` must be a model.*Received: 3 \\(type int\\)"),
            (lambda: explain(ops.exp, ones(3), runs=0), ValueError, "`runs` must be a positive.*runs=0"),
            (lambda: explain(ops.exp, ones(3), train=True), ValueError, "`train` is for models"),
            (lambda: explain(small_model()), ValueError, "takes a batch.*Received: 0 inputs"),
            (lambda: explain(small_model(run_eagerly=True), ones(4, 8)), ValueError, "'small' run op by op"),
            (lambda: explain(lambda x: float(ops.sum(x)), ones(3)), NoValueError, "test_explain.py"),
            (lambda: quietly(ops.exp, ones(3)).by_name(), ValueError, "No time was measured.*time=True"),
        ],
    )
    def test_errors(self, call, error, message):
        with pytest.raises(error, match=message):
            call()


class TestTimes:
    def test_every_kernel_is_measured(self, native):
        plan = quietly(small_model(), ones(4, 8), ones(4, 3), time=True, runs=3)
        assert all(k.seconds is not None and k.seconds >= 0 for k in plan.kernels)
        assert plan.seconds == pytest.approx(sum(k.seconds for k in plan.kernels))
        rows = plan.by_name()
        assert sum(count for _, count, _ in rows) == len(plan.kernels)
        assert sum(seconds for *_, seconds in rows) == pytest.approx(plan.seconds)
        assert [s for *_, s in rows] == sorted((s for *_, s in rows), reverse=True)
        text = str(plan)
        assert "share" in text and "BLAS: " in text

    def test_of_a_function_without_kernels(self):
        plan = quietly(lambda x: x, ones(3), time=True, runs=2)
        assert plan.kernels == [] and plan.seconds == 0
        assert "returns input 0" in str(plan)


class TestPictures:
    def test_dot_and_svg(self, native):
        plan = quietly(small_model(), ones(4, 8), ones(4, 3))
        root = ElementTree.fromstring(to_svg(plan))
        boxes = [g for g in root.iter("{http://www.w3.org/2000/svg}g") if "node" in g.get("class", "")]
        assert len(boxes) == len(plan.kernels) + len(plan.inputs) + len(plan.variables)
        dot = to_dot(plan)
        assert dot.startswith("digraph") and plan.variables[0] in dot and "matmul" in dot

    def test_edges_lead_to_kernels(self, tmp_path):
        plan = quietly(lambda x, y: ops.exp(ops.matmul(x, y)), ones(2, 3), ones(3, 2))
        graph = draw(plan, tmp_path / "plan.svg", rankdir="LR")
        assert graph.edges == [("input 0", 0), ("input 1", 0), (0, 1)]
        assert ElementTree.parse(tmp_path / "plan.svg").getroot().tag.endswith("svg")


def test_blas_says_what_it_is():
    found = blas.info()
    assert found["name"]
    assert found["core"] is None or found["threads"] >= 1
