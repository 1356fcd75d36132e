"""`vectorized_map`, `switch` and patches of volumes: values, gradients and compiled calls as Keras's."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import ops

X = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
Y = np.random.default_rng(1).standard_normal((4, 3)).astype("float32")
FUNCTIONS = {
    "one": (lambda k: lambda x: k.ops.sum(x * x), X),
    "matrix": (lambda k: lambda x: k.ops.outer(x, x), X),
    "pair": (lambda k: lambda xy: k.ops.dot(xy[0], xy[1]), (X, Y)),
    "several results": (lambda k: lambda x: (k.ops.exp(x), k.ops.max(x)), X),
    "reduced and sorted": (lambda k: lambda x: k.ops.sort(x)[::-1] - k.ops.mean(x), X),
}


def results(keras, value):
    return [np.asarray(keras.ops.convert_to_numpy(v)) for v in keras.tree.flatten(value)]


def assert_same(mine, theirs):
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vectorized_map_is_that_of_keras(oracle, name):
    make, elements = FUNCTIONS[name]
    expected = results(
        oracle, oracle.ops.vectorized_map(make(oracle), oracle.tree.map_structure(oracle.ops.array, elements))
    )
    run = lambda e: ops.vectorized_map(make(kerasish), e)  # noqa: E731
    assert_same(results(kerasish, run(elements)), expected)
    tensors = kerasish.tree.map_structure(ops.convert_to_tensor, elements)
    assert_same(results(kerasish, kerasish.function(run)(tensors)), expected)


def test_vectorized_map_has_gradients():
    x = kerasish.Tensor(X, requires_grad=True)
    ops.sum(ops.vectorized_map(lambda row: ops.sum(row**3), x)).backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * X**2, rtol=1e-5)


@pytest.mark.parametrize("index", [0, 1, 2, -3, 7])
def test_switch_is_that_of_keras(oracle, index):
    def branches(k):
        return [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: k.ops.exp(a) - b]

    expected = results(oracle, oracle.ops.switch(index, branches(oracle), X, Y))
    assert_same(results(kerasish, ops.switch(index, branches(kerasish), X, Y)), expected)


def test_switch_has_the_gradient_of_its_branch():
    x = kerasish.Tensor(X, requires_grad=True)
    ops.sum(ops.switch(1, [ops.exp, ops.square], x)).backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * X, rtol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, {"strides": 1}, {"padding": "same"}, {"strides": (1, 2, 1), "padding": "same"}], ids=str
)
def test_patches_of_volumes_are_those_of_keras(oracle, options):
    volume = np.arange(2 * 4 * 5 * 3 * 2, dtype="float32").reshape(2, 4, 5, 3, 2)
    expected = results(oracle, oracle.ops.image.extract_patches_3d(volume, (2, 2, 2), **options))
    assert_same(results(kerasish, ops.image.extract_patches_3d(volume, (2, 2, 2), **options)), expected)


@pytest.mark.parametrize("name", ["depthwise_conv", "separable_conv"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolutions_of_channels_apart_are_those_of_keras(oracle, name, padding):
    images = np.random.default_rng(2).standard_normal((2, 5, 6, 2)).astype("float32")
    kernels = [
        np.random.default_rng(3).standard_normal(s).astype("float32") for s in ((3, 2, 2, 2), (1, 1, 4, 3))
    ]
    kernels = kernels[: 1 if name == "depthwise_conv" else 2]
    options = {"strides": 2, "padding": padding}
    expected = results(oracle, getattr(oracle.ops, name)(images, *kernels, **options))
    assert_same(results(kerasish, getattr(ops, name)(images, *kernels, **options)), expected)
