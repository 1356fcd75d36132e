"""Gradients: accumulation, tapes, functions of functions, threads, and chains of any length."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import kerasish
from kerasish import GradientTape, Tensor, Variable, grad, no_grad, ops, value_and_grad
from kerasish.autograd import enable_grad, gradients_of
from kerasish.autograd.state import state

# backward


def test_gradients_accumulate_in_leaves():
    x = Tensor([1.0, 2.0], requires_grad=True)
    v = Variable([3.0, 4.0])
    for times in (1, 2, 3):
        (x * v).sum().backward()
        assert x.grad.tolist() == [3.0 * times, 4.0 * times]
        assert v.grad.tolist() == [1.0 * times, 2.0 * times]
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    assert x.grad.dtype == "float32"
    assert not x.grad.requires_grad


def test_course_example():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x**2).mean().backward()
    np.testing.assert_allclose(x.grad.numpy(), [2 / 3, 4 / 3, 2.0], rtol=1e-6)


def test_backward_from_a_given_gradient():
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x * 3.0).backward([1.0, 10.0])
    assert x.grad.tolist() == [3.0, 30.0]


def test_results_in_between_get_no_grad():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 2.0
    y.sum().backward()
    assert y.grad is None
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_tensor_used_many_times():
    x = Tensor(2.0, requires_grad=True)
    y = x * x
    z = y * x + y + x
    z.backward()
    assert x.grad.item() == 3 * 4 + 2 * 2 + 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Tensor([1.0]).backward(),
            "Nothing to differentiate: the tensor does not depend on a tensor with",
        ),
        (
            lambda: Tensor([1.0, 2.0], requires_grad=True).backward(),
            r"Only a tensor of one element.*shape=\(2,\)",
        ),
    ],
)
def test_backward_errors(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


def test_backward_from_a_gradient_of_another_shape():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"gradient.shape=\(3,\) for a tensor of shape \(2,\)"):
        (x * 2.0).backward([1.0, 2.0, 3.0])


def test_mixed_dtypes_give_each_its_own():
    a = Tensor([1.0], dtype="float32", requires_grad=True)
    b = Tensor([2.0], dtype="float64", requires_grad=True)
    half = Tensor([3.0], dtype="float16", requires_grad=True)
    (a * b * half).sum().backward()
    assert (a.grad.dtype, b.grad.dtype, half.grad.dtype) == ("float32", "float64", "float16")
    assert (a.grad.item(), b.grad.item(), half.grad.item()) == (6.0, 3.0, 2.0)


# no_grad


def test_no_grad_and_enable_grad():
    x = Tensor([1.0], requires_grad=True)
    with no_grad():
        assert not (x * 2.0).requires_grad
        with enable_grad():
            assert (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad

    @no_grad()
    def frozen(x):
        return x * 2.0

    assert not frozen(x).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (x * 2.0).requires_grad


def test_no_grad_in_one_thread_does_not_touch_another():
    x = Tensor([1.0], requires_grad=True)
    inside, done = threading.Event(), threading.Event()
    seen = {}

    def quiet():
        with no_grad():
            inside.set()
            done.wait(10)
            seen["quiet"] = (x * 2.0).requires_grad

    thread = threading.Thread(target=quiet)
    thread.start()
    assert inside.wait(10)
    seen["other"] = (x * 2.0).requires_grad
    done.set()
    thread.join()
    assert seen == {"quiet": False, "other": True}


def test_threads_differentiate_at_the_same_time():
    results = {}

    def work(number):
        x = Tensor(np.full(3, float(number)), requires_grad=True)
        for _ in range(50):
            with GradientTape() as tape:
                y = (x * x * number).sum()
            found = tape.gradient(y, x)
        results[number] = found.numpy()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, found in results.items():
        np.testing.assert_array_equal(found, np.full(3, 2.0 * number * number))


# Tapes


def test_tape_watches():
    x = Tensor([1.0, 2.0, 3.0])
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.mean(x**2)
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), [2 / 3, 4 / 3, 2.0], rtol=1e-6)
    assert not (x * 2.0).requires_grad


def test_tape_and_structures():
    v, w = Variable([1.0, 2.0]), Variable(3.0)
    with GradientTape() as tape:
        loss = {"a": (v * w).sum(), "b": w * 2.0}
    found = tape.gradient(loss, {"v": v, "w": [w]})
    assert found["v"].tolist() == [3.0, 3.0]
    assert found["w"][0].item() == 5.0


def test_tape_uses():
    v = Variable(2.0)
    with GradientTape() as once, GradientTape(persistent=True) as often:
        y = v * v
    assert once.gradient(y, v).item() == 4.0
    with pytest.raises(
        RuntimeError, match="A non-persistent GradientTape can only be used to compute one set"
    ):
        once.gradient(y, v)
    assert often.gradient(y, v).item() == often.gradient(y, v).item() == 4.0
    once.reset()
    assert once.gradient(y, v).item() == 4.0


def test_unconnected_sources():
    v, w = Variable([1.0, 2.0]), Variable([[3.0]])
    with GradientTape(persistent=True) as tape:
        y = (v * v).sum()
    assert tape.gradient(y, w) is None
    assert tape.gradient(y, [v, w])[1] is None
    zeros = tape.gradient(y, w, unconnected_gradients="zero")
    assert (zeros.shape, zeros.dtype, zeros.tolist()) == ((1, 1), "float32", [[0.0]])
    with pytest.raises(ValueError, match="Unknown value for `unconnected_gradients`: 'nothing'"):
        tape.gradient(y, w, unconnected_gradients="nothing")


def test_output_gradients_and_intermediate_sources():
    x = Tensor([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * 3.0
    assert tape.gradient(z, x, output_gradients=Tensor([1.0, 10.0])).tolist() == [6.0, 120.0]
    assert tape.gradient(z, y).tolist() == [3.0, 3.0]
    assert tape.gradient(z, [x, y])[0].tolist() == [6.0, 12.0]
    assert tape.gradient(z, z).tolist() == [1.0, 1.0]
    assert tape.gradient(x, x).tolist() == [1.0, 1.0]


def test_nested_tapes_give_second_derivatives():
    x = Tensor(3.0)
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = x * x * x
        first = inner.gradient(y, x)
    assert first.item() == 27.0
    assert outer.gradient(first, x).item() == 18.0


def test_nested_tapes_used_after_both_closed():
    x = Tensor(3.0)
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as inner:
            inner.watch(x)
            y = x * x
    assert inner.gradient(y, x).item() == 6.0
    assert outer.gradient(y, x).item() == 6.0
    assert not (x * 2.0).requires_grad


def test_persistent_tape_differentiates_its_own_gradient():
    v = Variable(3.0)
    with GradientTape(persistent=True) as tape:
        y = v * v * v
        first = tape.gradient(y, v)
    assert tape.gradient(first, v).item() == 18.0


def test_tape_that_watches_only_what_is_named():
    v, w = Variable(2.0), Variable(3.0)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(v)
        y = v * w
    assert [g if g is None else g.item() for g in tape.gradient(y, [v, w])] == [3.0, None]
    assert tape.watched_variables() == (v,)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (3.0, r"Only tensors can be watched. Received: 3.0 \(type float\)"),
        (Tensor([1]), "Only floating-point tensors can be watched. Received: dtype=int32"),
    ],
)
def test_what_cannot_be_watched(what, message):
    with GradientTape() as tape, pytest.raises(TypeError, match=message):
        tape.watch(what)


def test_a_tape_is_open_once():
    with GradientTape() as tape, pytest.raises(ValueError, match="recording already"), tape:
        pass
    assert state.tapes == 0


def test_tape_records_under_no_grad_outside():
    v = Variable(2.0)
    with no_grad(), GradientTape() as tape:
        y = v * v
    assert tape.gradient(y, v).item() == 4.0


# Functions


def test_grad_and_value_and_grad():
    f = lambda x, y: (x * x * y).sum()  # noqa: E731
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    assert grad(f)(x, y).tolist() == [6.0, 16.0]
    assert grad(f, argnums=1)(x, y).tolist() == [1.0, 4.0]
    first, second = grad(f, argnums=(0, 1))(x, y)
    assert (first.tolist(), second.tolist()) == ([6.0, 16.0], [1.0, 4.0])
    value, found = value_and_grad(f)(x, y)
    assert (value.item(), found.tolist()) == (19.0, [6.0, 16.0])
    assert grad(lambda x: (x * x).sum())(np.ones(2)).tolist() == [2.0, 2.0]
    assert not x.requires_grad


def test_grad_of_structures():
    parameters = {"w": Tensor([1.0, 2.0]), "b": [Tensor(3.0), Tensor(4.0)]}
    found = grad(lambda p: (p["w"] * p["b"][0]).sum())(parameters)
    assert found["w"].tolist() == [3.0, 3.0]
    assert found["b"][0].item() == 3.0
    assert found["b"][1].item() == 0.0  # unconnected


def test_auxiliary_results():
    f = lambda x: ((x * x).sum(), {"double": x * 2.0})  # noqa: E731
    (value, aux), found = value_and_grad(f, has_aux=True)(Tensor([1.0, 2.0]))
    assert (value.item(), aux["double"].tolist(), found.tolist()) == (5.0, [2.0, 4.0], [2.0, 4.0])
    found, aux = grad(f, has_aux=True)(Tensor([1.0, 2.0]))
    assert (found.tolist(), aux["double"].tolist()) == ([2.0, 4.0], [2.0, 4.0])


def test_derivatives_of_any_order():
    f = lambda x: x**5  # noqa: E731
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0, 0.0):
        f = grad(f)
        assert f(Tensor(2.0)).item() == expected


def test_hessian_vector_product_and_mixed_derivative():
    f = lambda x: (ops.sin(x) * x).sum()  # noqa: E731
    x, v = Tensor(np.array([0.5, 1.5])), Tensor(np.array([2.0, -1.0]))
    product = grad(lambda x: (grad(f)(x) * v).sum())(x)
    expected = (2 * np.cos(x.numpy()) - x.numpy() * np.sin(x.numpy())) * v.numpy()
    np.testing.assert_allclose(product.numpy(), expected, rtol=1e-12)
    mixed = grad(lambda y: grad(lambda x: (x * x * y).sum())(Tensor(3.0)))(Tensor(2.0))
    assert mixed.item() == 6.0


def test_a_gradient_penalty_reaches_the_weights():
    w = Variable([2.0, 3.0])
    x = Tensor([1.0, 1.0])
    with GradientTape() as tape:
        slope = grad(lambda x: (w * x * x).sum())(x)
        penalty = (slope * slope).sum()
    np.testing.assert_allclose(tape.gradient(penalty, w).numpy(), [16.0, 24.0])


def test_grad_by_variables_and_by_what_was_computed():
    v = Variable([1.0, 2.0])
    assert grad(lambda v: (v * v).sum())(v).tolist() == [2.0, 4.0]
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 3.0
    inner = grad(lambda y: (y * y).sum())(y)
    assert inner.tolist() == [6.0, 12.0]
    assert x.grad is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: grad(lambda x: x)(Tensor([1.0, 2.0])),
            ValueError,
            r"must return a tensor of one element.*\(2,\)",
        ),
        (
            lambda: grad(lambda x: 3.0)(Tensor(1.0)),
            ValueError,
            "must return a tensor of one element. Received: 3.0",
        ),
        (
            lambda: grad(lambda x: x)(Tensor(1)),
            TypeError,
            "Only floating-point arguments.*Received: dtype=int32",
        ),
        (lambda: grad(lambda x: x, argnums=1)(Tensor(1.0)), ValueError, "argnums=1, and 1 positional"),
    ],
)
def test_grad_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert state.tapes == 0


# Long chains

LENGTH = 100_000


def chain(x, length=LENGTH):
    for _ in range(length):
        x = x + 1.0
    return x


def test_a_chain_of_100_000_operations_runs_backward_and_is_freed():
    assert sys.getrecursionlimit() < LENGTH / 10
    x = Tensor(1.0, requires_grad=True)
    y = chain(x)
    assert y.item() == LENGTH + 1.0
    behind = weakref.ref(y._node)
    y.backward()
    assert x.grad.item() == 1.0
    del y
    gc.collect()
    assert behind() is None


def test_a_chain_of_products_differentiated_twice():
    length = 3_000
    x = Tensor(np.array(1.0))

    def power(x):
        result = x
        for _ in range(length - 1):
            result = result * x
        return result

    assert grad(power)(x).item() == length
    assert grad(grad(power))(x).item() == length * (length - 1)


def test_a_long_symbolic_chain():
    y = chain(kerasish.KerasTensor((None, 2)), 10_000)
    assert y.shape == (None, 2)
    del y


def test_graphs_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        v = Variable(np.ones(4))
        y = ops.softmax(ops.exp(v) * v)[1:].sum()
        behind = weakref.ref(y._node)
        y.backward()
        del y
        assert behind() is None
    finally:
        gc.enable()


def test_gradients_of_takes_what_is_untracked():
    x = Tensor([1.0], requires_grad=True)
    assert gradients_of([Tensor(1.0)], [x]) == [None]
    (found,) = gradients_of([Tensor(1.0), (x * 2.0).sum()], [x])
    assert found.tolist() == [2.0]
