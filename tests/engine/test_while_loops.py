"""Loops with conditions and counts: step by step, compiled and in Keras."""

import numpy as np
import pytest

import kerasish
from kerasish import ops
from kerasish.autograd.tensor import NoValueError

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 3)).astype("float32") * 0.5
LIMIT = np.float32(40.0)


def doubled(ops, x, limit):
    return ops.while_loop(lambda y: ops.sum(ops.abs(y)) < limit, lambda y: y * 2, x)


def counted(ops, x, limit):
    return ops.while_loop(
        lambda i, y: ops.logical_and(i < 50, ops.max(y) < limit), lambda i, y: (i + 1, y @ x + 1.5), (0, x)
    )


def at_most(ops, x, limit):
    return ops.while_loop(lambda y: ops.any(y < limit), lambda y: y + 0.25, x, maximum_iterations=7)


def never(ops, x, limit):
    return ops.while_loop(lambda y: ops.sum(y) > limit, lambda y: y * 2, x)


def swapped(ops, x, limit):
    return ops.while_loop(
        lambda i, pair: ops.cast(i, "float32") < limit / 8,
        lambda i, pair: (i + 1, {"a": pair["b"] * 0.5, "b": pair["a"] + ops.cast(i, "float32")}),
        (0, {"a": x, "b": x * 2}),
    )


def inner(ops, x, limit):
    def step(total, y):
        y = ops.fori_loop(0, 3, lambda i, z: z + ops.cast(i, "float32") * x, y)
        return total + ops.while_loop(lambda s: s < 1.0, lambda s: s * 2 + 0.1, ops.sum(y) * 0), y

    return ops.while_loop(lambda total, y: total < limit, step, (0.0, x))


def summed(ops, x, limit):
    return ops.fori_loop(2, 6, lambda i, y: ops.tanh(y @ x) + ops.cast(i, "float32"), x)


def bounded_by_a_value(ops, x, limit):
    return ops.fori_loop(1, ops.cast(limit / 8, "int32"), lambda i, y: y + ops.cast(i, "float32"), x)


def nothing_to_do(ops, x, limit):
    return ops.fori_loop(3, 3, lambda i, y: y + 1, x)


LOOPS = [
    doubled,
    counted,
    at_most,
    never,
    swapped,
    inner,
    summed,
    bounded_by_a_value,
    nothing_to_do,
]


def flat(result):
    return [np.asarray(ops.convert_to_numpy(x)) for x in kerasish.tree.flatten(result)]


@pytest.mark.parametrize("loop", LOOPS)
def test_loops_are_keras_eager_and_compiled(oracle, loop):
    expected = [np.asarray(x) for x in oracle.tree.flatten(loop(oracle.ops, oracle.ops.array(X), LIMIT))]
    given = ops.convert_to_tensor(X), ops.convert_to_tensor(LIMIT)
    compiled = kerasish.function(lambda x, limit: loop(ops, x, limit))
    other = [np.asarray(x) for x in oracle.tree.flatten(loop(oracle.ops, oracle.ops.array(X * 2), LIMIT))]
    for found, wanted in (
        (loop(ops, *given), expected),
        (compiled(*given), expected),
        (compiled(given[0] * 2, given[1]), other),
        (compiled(*given), expected),
    ):
        for a, b in zip(flat(found), wanted, strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_loops_of_unknown_length_are_one_operation():
    from kerasish.autograd.abstract import Abstract
    from kerasish.compiler.trace import trace

    graph, _ = trace(
        lambda x, limit: counted(ops, x, limit),
        [Abstract((3, 3), np.dtype("float32")), Abstract((), np.dtype("float32"))],
    )
    assert [op.prim.name for op in graph.ops].count("while_loop") == 1


def gradient(ops, x):
    value = ops.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, ops.sin(y @ x)), (1, x))[1]
    return ops.sum(ops.fori_loop(0, 5, lambda i, y: ops.tanh(y @ x) * ops.cast(i, "float32"), value))


def test_gradients_where_the_number_of_steps_is_known(oracle):
    import jax

    def ours(x):
        with kerasish.GradientTape() as tape:
            tape.watch(x)
            loss = gradient(ops, x)
        return tape.gradient(loss, x)

    def unrolled(x):  # JAX itself has no gradient of a `while_loop`
        y = x
        for _ in range(3):
            y = oracle.ops.sin(y @ x)
        return oracle.ops.sum(oracle.ops.fori_loop(0, 5, lambda i, y: oracle.ops.tanh(y @ x) * i, y))

    expected = np.asarray(jax.grad(unrolled)(X))
    for function in (ours, kerasish.function(ours)):
        np.testing.assert_allclose(function(ops.convert_to_tensor(X)).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_variables_assigned_in_a_loop():
    total, halves = kerasish.Variable(0.0), kerasish.Variable(np.ones(2, "float32"))

    def step(i, y):
        total.assign_add(ops.sum(y))
        halves.assign(halves * 0.5)
        return i + 1, y + halves

    def run(x, limit):
        return ops.while_loop(lambda i, y: ops.logical_and(i < limit, total < 9.0), step, (0, x))

    found = []
    for function in (run, kerasish.function(run)):
        total.assign(0.0)
        halves.assign([1.0, 1.0])
        result = function(ops.ones(2), ops.convert_to_tensor(9))
        found.append([result[0].numpy() if hasattr(result[0], "numpy") else result[0], result[1].numpy()])
        found[-1] += [total.numpy(), halves.numpy()]
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b)


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        (lambda x: ops.while_loop(lambda y: y < 3, lambda y: y, x), "must be a scalar"),
        (lambda x: ops.while_loop(lambda y: ops.sum(y) < 3, lambda y: y[:1], x), "must keep its shape"),
        (lambda x: ops.while_loop(lambda y: ops.sum(y) < 3, lambda y: (y, y), x), "as many tensors"),
        (lambda x: _gradient_of(lambda y: doubled(ops, y, 3.0), x), "There is no gradient of a `while_loop`"),
    ],
)
def test_errors(loop, message):
    with pytest.raises((ValueError, NoValueError), match=message):
        kerasish.function(loop)(ops.ones(2))


def _gradient_of(function, x):
    with kerasish.GradientTape() as tape:
        tape.watch(x)
        loss = ops.sum(function(x))
    return tape.gradient(loss, x)


def test_models_with_loops_train_and_predict():
    @kerasish.saving.register_keras_serializable(package="loops")
    class Settling(kerasish.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], shape[-1]))

        def call(self, x, training=None):
            if training:
                return ops.fori_loop(0, 3, lambda i, y: ops.tanh(y @ self.kernel + x), x)
            return ops.while_loop(
                lambda i, y: i < ops.cast(ops.sum(ops.abs(x)) * 0 + 3, "int32"),
                lambda i, y: (i + 1, ops.tanh(y @ self.kernel + x)),
                (0, x),
            )[1]

    model = kerasish.Sequential([kerasish.Input((3,)), Settling()])
    model.compile("adam", "mse")
    model.fit(X, X * 0.5, epochs=2, verbose=0)
    compiled = model.predict(X, verbose=0)
    np.testing.assert_allclose(compiled, model(X, training=True).numpy(), rtol=1e-4, atol=1e-5)


def test_fit_runs_step_by_step_where_a_loop_has_no_gradient():
    class Halving(kerasish.layers.Layer):
        def call(self, x):
            return ops.while_loop(lambda y: ops.max(ops.abs(y)) > 1.0, lambda y: y * 0.5, x)

    model = kerasish.Sequential([kerasish.Input((3,)), kerasish.layers.Dense(3), Halving()])
    model.compile("adam", "mse")
    before = model.layers[0].kernel.numpy()
    with pytest.warns(UserWarning, match="There is no gradient of a `while_loop`"):
        model.fit(X * 9, X, verbose=0)
    assert not np.array_equal(model.layers[0].kernel.numpy(), before)
