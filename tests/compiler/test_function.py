"""Compiled functions: when they are traced, what they may be given, and that fit does as eager training does."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections import namedtuple

import numpy as np
import pytest

import kerasish
from kerasish import ops
from kerasish.autograd.tensor import NoValueError

X = np.float32([[1, 2, 3], [4, 5, 6]])


def counted(function):
    """Return a function and the list of its runs in Python."""
    runs = []

    def wrapper(*args, **kwargs):
        runs.append((args, kwargs))
        return function(*args, **kwargs)

    return wrapper, runs


def zoo(x):
    return ops.softmax(ops.tanh(x) * 2.0 + ops.sum(x, 0))


class TestSignatures:
    def test_traced_once_for_each(self):
        python, runs = counted(zoo)
        f = kerasish.function(python)
        for x in (X, X * 2, ops.convert_to_tensor(X), X.astype("float64"), X[:1], X[:1], X.astype("float64")):
            np.testing.assert_allclose(f(x).numpy(), zoo(ops.convert_to_tensor(x)).numpy(), rtol=1e-6)
        assert len(runs) == 3 == len(f.traces)

    def test_structures_keywords_and_defaults(self):
        python, runs = counted(
            lambda x, scale=2.0, *, extra=None: x * scale if extra is None else x + extra["a"][0]
        )
        f = kerasish.function(python)
        np.testing.assert_array_equal(f(X), X * 2)
        np.testing.assert_array_equal(f(X, 3.0), X * 3)
        np.testing.assert_array_equal(f(X, scale=3.0), X * 3)
        np.testing.assert_array_equal(f(x=X), X * 2)
        np.testing.assert_array_equal(f(X, extra={"a": [X * 5]}), X * 6)
        assert len(runs) == 5
        np.testing.assert_array_equal(f(X * 2, extra={"a": [X]}), X * 3)
        np.testing.assert_array_equal(f(X, scale=X), X * X)
        assert len(runs) == 6

    def test_a_list_of_one_is_not_the_one(self):
        f = kerasish.function(lambda x: len(x) if isinstance(x, list) else x + 1.0)
        assert f([X]) == 1
        np.testing.assert_array_equal(f(X), X + 1)
        assert f([X]) == 1

    def test_static_arguments(self):
        python, runs = counted(lambda x, axis, name, flag: ops.sum(x, axis) if flag else x)
        f = kerasish.function(python)
        assert f(X, 0, "a", True).shape == (3,)
        assert f(X, 1, "a", True).shape == (2,)
        assert f(X, 1, "a", 1).shape == (2,)  # a bool and an int are not the same
        assert f(X, 1, "a", False).shape == (2, 3)
        f(X, 1, "a", False)
        assert len(runs) == 4

    def test_floats_that_are_equal_and_not_the_same(self):
        python, runs = counted(lambda x, c: x / c if c == c else x)
        f = kerasish.function(python)
        with np.errstate(divide="ignore"):
            assert (f(X, 0.0).numpy() > 0).all() and (f(X, -0.0).numpy() < 0).all()
        f(X, float("nan")), f(X, float("nan"))
        assert len(runs) == 3

    def test_numpys_scalars_are_values(self):
        python, runs = counted(lambda x: x * 2)
        f = kerasish.function(python)
        assert [float(f(np.float32(i))) for i in range(4)] == [0, 2, 4, 6]
        assert len(runs) == 1

    def test_arguments_that_have_no_hash(self):
        python, runs = counted(lambda x, s: x + float(len(s)))
        f = kerasish.function(python)
        held = {1, 2}
        np.testing.assert_array_equal(f(X, held), X + 2)
        np.testing.assert_array_equal(f(X, held), X + 2)
        assert len(runs) == 1

    def test_variables_as_arguments_are_read_and_assigned(self):
        def update(v, x):
            v.assign_add(x)
            return v * 2.0

        f = kerasish.function(update)
        a, b = kerasish.Variable(X), kerasish.Variable(X * 10)
        np.testing.assert_array_equal(f(a, X), X * 4)
        np.testing.assert_array_equal(f(b, X), X * 22)
        np.testing.assert_array_equal(f(a, X), X * 6)
        assert len(f.traces) == 2

    def test_results_in_any_structure(self):
        Pair = namedtuple("Pair", "first second")
        f = kerasish.function(lambda x: {"b": Pair(x, None), "a": [3, "text", (x * 2.0,)]})
        for _ in range(2):
            result = f(X)
            assert list(result) == ["b", "a"] and isinstance(result["b"], Pair) and result["b"].second is None
            assert result["a"][:2] == [3, "text"] and isinstance(result["a"][2], tuple)
            np.testing.assert_array_equal(result["a"][2][0], X * 2)

    def test_results_are_new_tensors(self):
        f = kerasish.function(lambda x: (x, x + 1.0))
        first = f(X)
        kept = [t.numpy().copy() for t in first]
        f(X * 9)
        for tensor, value in zip(first, kept, strict=True):
            np.testing.assert_array_equal(tensor.numpy(), value)

    def test_no_arguments(self):
        v = kerasish.Variable(0.0)
        f = kerasish.function(lambda: v.assign_add(1.0) * 1.0)
        assert [float(f()) for _ in range(3)] == [1, 2, 3]

    def test_trace_gives_the_plan(self):
        f = kerasish.function(zoo)
        compiled = f.trace(X)
        assert compiled is f.trace(X * 2)
        assert "def run(a0)" in compiled.executable.source


class TestMethods:
    def make(self):
        class Model:
            def __init__(self, value):
                self.w = kerasish.Variable(np.float32([value]))
                self.runs = 0

            @kerasish.function
            def step(self, x):
                self.runs += 1
                self.w.assign_add(x)
                return self.w * 2.0

        return Model

    def test_each_instance_compiles_for_itself(self):
        Model = self.make()
        a, b = Model(1), Model(10)
        x = np.float32([1])
        assert [float(a.step(x)[0]) for _ in range(3)] == [4, 6, 8]
        assert [float(b.step(x)[0]) for _ in range(2)] == [22, 24]
        assert a.runs == b.runs == 1
        assert a.step is a.step and Model.step is not a.step

    def test_of_the_class_above(self):
        class Child(self.make()):
            @kerasish.function
            def step(self, x):
                return super().step(x) + 1.0

        child = Child(1)
        x = np.float32([1])
        assert [float(child.step(x)[0]) for _ in range(3)] == [5, 7, 9]

    def test_copies_have_their_own(self):
        a = self.make()(1)
        x = np.float32([1])
        a.step(x)
        shallow, deep = copy.copy(a), copy.deepcopy(a)
        shallow.w = kerasish.Variable(np.float32([100]))
        assert float(deep.step(x)[0]) == 6 and float(a.step(x)[0]) == 6
        assert float(shallow.step(x)[0]) == 202

    def test_instances_are_freed(self):
        a = self.make()(1)
        a.step(np.float32([1]))
        watch = weakref.ref(a)
        del a
        gc.collect()
        assert watch() is None

    def test_layers_and_models(self):
        model = kerasish.Sequential([kerasish.Input((3,)), kerasish.layers.Dense(2)])
        f = kerasish.function(model)
        np.testing.assert_allclose(f(X).numpy(), model(X).numpy(), rtol=1e-6)
        model.layers[0].kernel.assign(np.ones((3, 2), "float32"))
        np.testing.assert_allclose(f(X).numpy(), model(X).numpy(), rtol=1e-6)
        assert f(ops.convert_to_tensor(X)).shape == (2, 2)

    def test_name_and_documentation_stay(self):
        def square(x):
            """The square."""
            return x * x

        f = kerasish.function(square)
        assert f.__name__ == "square" and f.__doc__ == "The square." and f.__wrapped__ is square


def module_level(x):
    return x * 3.0


def test_functions_travel():
    f = kerasish.function(module_level)
    f(X)
    again = pickle.loads(pickle.dumps(f))
    np.testing.assert_array_equal(again(X), X * 3)


class TestInside:
    def test_another_trace(self):
        v = kerasish.Variable(np.float32([1]))
        inner = kerasish.function(lambda x: v.assign_add(x))
        outer = kerasish.function(lambda x: [inner(x), inner(x)][1] * 2.0)
        assert [float(outer(np.float32([1]))[0]) for _ in range(2)] == [6, 10]
        assert not inner.traces

    def test_a_symbolic_model(self):
        f = kerasish.function(zoo)
        symbol = f(kerasish.KerasTensor((None, 3)))
        assert symbol.shape == (None, 3)
        assert not f.traces

    def test_a_stateless_scope(self):
        v = kerasish.Variable(1.0)
        f = kerasish.function(lambda: v * 2.0)
        with kerasish.StatelessScope([(v, 5.0)]):
            assert float(f()) == 10
        assert float(f()) == 2

    def test_gradients_find_their_way(self):
        w = kerasish.Variable(X)
        f = kerasish.function(lambda x: ops.sum(ops.square(x * w)))
        with kerasish.GradientTape() as tape:
            y = f(X)
        np.testing.assert_allclose(tape.gradient(y, w).numpy(), 2 * X**3)
        _, gradient = kerasish.value_and_grad(f)(ops.convert_to_tensor(X))
        np.testing.assert_allclose(gradient.numpy(), 2 * X**3)
        x = kerasish.Tensor(X, requires_grad=True)
        f(x).backward()
        np.testing.assert_allclose(x.grad.numpy(), 2 * X**3)

    def test_a_gradient_inside_compiles(self):
        f = kerasish.function(kerasish.grad(lambda x: ops.sum(x**3)))
        np.testing.assert_allclose(f(X).numpy(), 3 * X**2, rtol=1e-6)
        assert len(f.traces) == 1


class TestErrors:
    def test_while_tracing_nothing_changes(self):
        v = kerasish.Variable(np.float32([1]))

        def f(x):
            v.assign_add(x)
            raise ZeroDivisionError("as wanted")

        compiled = kerasish.function(f)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError, match="as wanted"):
                compiled(np.float32([1]))
        assert v.numpy() == [1] and not compiled.traces

    def test_python_that_needs_a_value(self):
        v = kerasish.Variable(np.float32([1]))

        def f(x):
            v.assign_add(x)
            return x if x[0] > 0 else -x

        with pytest.raises(
            NoValueError, match=r"test_function\.py\", line \d+ \(`return x if x\[0\] > 0 else -x`\)"
        ):
            kerasish.function(f)(np.float32([1]))
        assert v.numpy() == [1]

    def test_while_running(self):
        f = kerasish.function(lambda i: ops.take(ops.convert_to_tensor(X), i, 0))
        with pytest.raises(IndexError):
            f(np.int32([9]))
        np.testing.assert_array_equal(f(np.int32([1])), X[1:])


def test_threads():
    w = kerasish.Variable(np.random.default_rng(0).normal(size=(3, 3)).astype("float32"))
    f = kerasish.function(lambda x: ops.tanh(x @ w))
    wrong = []

    def work(i):
        x = X * i
        wanted = np.tanh(x @ w.numpy())
        for _ in range(50):
            if not np.allclose(f(x).numpy(), wanted, rtol=1e-5):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class TestFit:
    def model(self, **options):
        kerasish.utils.set_random_seed(3)
        layers = kerasish.layers
        model = kerasish.Sequential(
            [kerasish.Input((8,)), layers.Dense(16, "relu"), layers.Dropout(0.4), layers.Dense(3, "softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
        return model

    def data(self):
        generator = np.random.default_rng(0)
        return generator.normal(size=(70, 8)).astype("float32"), generator.integers(0, 3, 70).astype("int32")

    def test_dropout_drops_the_same(self):
        """The random bits are the same to the last; sums may be rounded in another order."""
        seed, twin = kerasish.random.SeedGenerator(5), kerasish.random.SeedGenerator(5)
        x = np.random.default_rng(0).normal(size=(30, 40)).astype("float32")
        f = kerasish.function(lambda x: kerasish.random.dropout(x, 0.4, seed=seed))
        for _ in range(4):
            np.testing.assert_array_equal(f(x), kerasish.random.dropout(x, 0.4, seed=twin))
        np.testing.assert_array_equal(seed.state.numpy(), twin.state.numpy())

    def test_as_eager(self):
        x, y = self.data()
        results = []
        for options in ({"jit_compile": True}, {"run_eagerly": True}):
            model = self.model(**options)
            history = model.fit(x, y, batch_size=32, epochs=4, verbose=0).history
            seeds = [v.numpy() for v in model.variables if v.dtype == "uint32"]
            results.append((history, model.get_weights(), seeds))
        (compiled, weights, seeds), (eager, eager_weights, eager_seeds) = results
        for name in compiled:
            np.testing.assert_allclose(compiled[name], eager[name], rtol=1e-5)
        for one, other in zip(weights, eager_weights, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
        for one, other in zip(seeds, eager_seeds, strict=True):
            np.testing.assert_array_equal(one, other)
