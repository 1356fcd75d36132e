"""Loops are one operation where they are traced, with the results and gradients that they have step by step."""

import numpy as np
import pytest

import kerasish
from kerasish import ops

rng = np.random.default_rng(0)
XS = rng.standard_normal((6, 2, 3)).astype("float32")
W = rng.standard_normal((4, 3, 3)).astype("float32")


def plain(h, x, w):
    return ops.tanh(ops.matmul(h, w[0]) + x), h


def two_products(h, x, w):
    new = ops.tanh(ops.matmul(h * x, w[0]) + ops.matmul(x, w[1]) @ w[0] + ops.sum(w[2], axis=0))
    return new, ops.matmul(w[2], ops.transpose(new))


def of_the_weights_only(h, x, w):
    return h * 0.5, ops.sum(ops.exp(w[0] * 0.1)) + ops.mean(x)


def ignores_what_is_carried(h, x, w):
    return x @ w[1], h


def carries_on_weights(h, x, w):
    return w[1][:2] + 0 * h, h + x


def nothing_stacked(h, x, w):
    return ops.sin(h + x[::-1] @ w[3]), None


def a_loop_inside(h, x, w):
    return ops.scan(lambda c, m: (ops.tanh(c @ m) + x, c), h, w)


STEPS = [
    plain,
    two_products,
    of_the_weights_only,
    ignores_what_is_carried,
    carries_on_weights,
    nothing_stacked,
    a_loop_inside,
]


def gradients(step, reverse, xs, w, h):
    with kerasish.GradientTape() as tape:
        for tensor in (xs, w, h):
            tape.watch(tensor)
        last, ys = ops.scan(lambda h, x: step(h, x, w), h, xs, reverse=reverse)
        loss = ops.sum(ops.sin(last)) + (0.0 if ys is None else ops.sum(ys * ys))
    found = tape.gradient(loss, [xs, w, h])
    return [loss, last, *(ops.zeros(()) if g is None else g for g in found)]


def tensors(*arrays):
    return [ops.convert_to_tensor(a) for a in arrays]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        if a.shape or b.shape:
            a, b = a + ops.zeros(b.shape), b + ops.zeros(a.shape)  # no gradient is a zero
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_traced_loop_has_the_gradients_of_its_steps(step, reverse):
    inputs = tensors(XS, W, XS[0] * 0.5)

    def run(*inputs):
        return gradients(step, reverse, *inputs)

    assert_same(kerasish.function(run)(*inputs), run(*inputs))


@pytest.mark.parametrize("step", [plain, two_products])
def test_gradients_of_gradients(step):
    def penalty(xs, w, h):
        with kerasish.GradientTape() as outer:
            outer.watch(w)
            parts = gradients(step, False, xs, w, h)[2:]
            total = sum(ops.sum(part * part) for part in parts)
        return [total, outer.gradient(total, w)]

    inputs = tensors(XS[:3], W, XS[0] * 0.5)
    assert_same(kerasish.function(penalty)(*inputs), penalty(*inputs))


def test_nested_structures_counts_and_types():
    def run(x):
        start = {"n": ops.convert_to_tensor(0), "sums": (ops.zeros((2,)), None)}

        def step(carry, parts):
            total = carry["sums"][0] + parts["x"]
            return {"n": carry["n"] + 1, "sums": (total, None)}, [carry["n"], {"t": total}]

        carry, ys = ops.scan(step, start, {"x": x})
        powers, _ = ops.scan(lambda c, _: (c * 2, None), ops.sum(x) * 0 + 1.0, length=5)
        return carry, ys, ops.map(lambda row: ops.sum(row), x), powers

    x = ops.convert_to_tensor(rng.standard_normal((4, 2)).astype("float32"))
    for either in (run, kerasish.function(run)):
        carry, ys, mapped, powers = either(x)
        assert carry["n"].numpy() == 4 and carry["n"].dtype == "int32" and carry["sums"][1] is None
        np.testing.assert_array_equal(ys[0].numpy(), np.arange(4))
        np.testing.assert_allclose(ys[1]["t"].numpy(), np.cumsum(x.numpy(), 0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(mapped.numpy(), x.numpy().sum(1), rtol=1e-5, atol=1e-6)
        assert powers.numpy() == 32


def test_variables_that_a_step_assigns_go_from_step_to_step():
    for compiled in (False, True):
        total, weight = kerasish.Variable(1.0), kerasish.Variable(2.0)

        def run(x, total=total, weight=weight):
            def step(carry, value):
                total.assign(total * weight + value)
                return carry, total + 0

            return ops.scan(step, None, x)[1]

        ys = (kerasish.function(run) if compiled else run)(ops.convert_to_tensor([1.0, 2.0, 3.0]))
        np.testing.assert_array_equal(ys.numpy(), [3.0, 8.0, 19.0])
        assert total.numpy() == 19


def test_a_loop_over_constants_in_a_compiled_function():
    run = kerasish.function(
        lambda x: ops.scan(lambda c, y: (c + y, c), ops.zeros((2,)), ops.ones((3, 2)))[0] + x
    )
    np.testing.assert_array_equal(run(ops.zeros((2,))).numpy(), [3.0, 3.0])
    empty = kerasish.function(lambda x: ops.scan(lambda c, y: (c + y, c), x + 1, ops.ones((0, 2))))
    last, ys = empty(ops.zeros((2,)))
    assert last.numpy().tolist() == [1.0, 1.0] and ys.shape == (0, 2)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="must keep its shape and dtype.*int32.*float32"):
        kerasish.function(lambda x: ops.scan(lambda c, y: (c + y, None), ops.cast(x[0], "int32"), x))(
            ops.ones((3,))
        )
    with pytest.raises(ValueError, match="needs `xs` or `length`"):
        ops.scan(lambda c, x: (c, x), 0)
    with pytest.raises(ValueError, match=r"slices of one number.*\[3, 4\]"):
        ops.scan(lambda c, x: (c, None), 0, (ops.ones((3,)), ops.ones((4,))))


def test_a_long_loop_is_no_larger_a_graph(monkeypatch):
    monkeypatch.setenv("KERASISH_JIT", "0")

    def size(steps):
        layer = kerasish.layers.LSTM(4, return_sequences=True)
        model = kerasish.Sequential([kerasish.Input((steps, 3)), layer, kerasish.layers.Dense(1)])

        def step(x):
            with kerasish.GradientTape() as tape:
                loss = ops.sum(model(x))
            return tape.gradient(loss, model.trainable_variables)

        graph = kerasish.function(step).trace(ops.ones((2, steps, 3))).graph
        inner = [op.prim.step for op in graph.ops if hasattr(op.prim, "step")]
        assert len(inner) == 2
        return [len(g.ops) for g in (graph, *inner)]

    assert size(500) == size(5)
