"""What tables cannot say of linear algebra, sets and alignment: vectors of either sign, errors, compiled runs."""

from __future__ import annotations

import numpy as np
import pytest
from gradient_cases import numbers

import kerasish
from kerasish import KerasTensor, ops
from kerasish.autograd.tensor import NoValueError

X = numbers(4, 3).astype(np.float32)
SQUARE = (numbers(3, 3) + 3 * np.eye(3)).astype(np.float32)


def test_factors_multiply_to_the_matrix():
    symmetric = SQUARE + SQUARE.T
    values, vectors = (t.numpy() for t in ops.eigh(symmetric))
    np.testing.assert_allclose(vectors * values @ vectors.T, symmetric, atol=1e-4)
    values, vectors = (t.numpy() for t in ops.eig(SQUARE))
    assert values.dtype == np.complex64
    np.testing.assert_allclose(SQUARE @ vectors, vectors * values, atol=1e-4)
    for mode, columns in (("reduced", 3), ("complete", 4)):
        q, r = (t.numpy() for t in ops.qr(X, mode=mode))
        assert q.shape == (4, columns)
        np.testing.assert_allclose(q @ r, X, atol=1e-5)
    u, s, vt = (t.numpy() for t in ops.svd(X))
    assert (u.shape, vt.shape) == ((4, 4), (3, 3))
    np.testing.assert_allclose(u[:, :3] * s @ vt, X, atol=1e-5)


def test_argpartition_puts_one_value_in_its_place():
    order = ops.argpartition(X, 1, axis=0).numpy()
    placed = np.take_along_axis(X, order, 0)
    np.testing.assert_array_equal(placed[1], np.sort(X, 0)[1])
    assert np.all(placed[:1] <= placed[1])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.svd(x, full_matrices=False)[1],
        lambda x: ops.cholesky(ops.matmul(ops.transpose(x), x) + ops.eye(3)),
        lambda x: ops.solve(ops.matmul(ops.transpose(x), x) + ops.eye(3), x[0]),
        lambda x: ops.stft(ops.reshape(x, (1, -1)), 4, 2, 4)[0],
        lambda x: ops.quantile(x, [0.2, 0.6], axis=0),
        lambda x: ops.unique(x, size=5),
        lambda x: ops.segment_max(x, np.int32([0, 1, 0, 1]), num_segments=2),
        lambda x: ops.ctc_loss(np.int32([[1, 2]]), ops.expand_dims(x, 0), np.int32([2]), np.int32([4])),
    ],
)
def test_compiled_results_are_the_eager_ones(function):
    compiled = kerasish.function(function)
    for _ in range(3):
        np.testing.assert_allclose(compiled(ops.convert_to_tensor(X)).numpy(), function(X).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.inv(X), "Expected a square matrix. Received non-square input with shape"),
        (lambda: ops.det(X[0]), "Expected input to have rank >= 2"),
        (lambda: ops.cholesky(-np.eye(2, dtype=np.float32)), "Cholesky decomposition failed"),
        (lambda: ops.solve(SQUARE, X), "Incompatible shapes between `a` and `b`"),
        (lambda: ops.qr(X, mode="raw"), "`mode` argument value not supported"),
        (lambda: ops.norm(X, ord="max"), "Invalid `ord` argument"),
        (lambda: ops.jvp(ops.sin, (X,), (X[0],)), "`tangents` must be as many as `primals`"),
        (lambda: ops.fft(X), "should be a tuple of two tensors"),
        (lambda: ops.stft(X, 8, 2, 4), "`fft_length` must equal or larger than"),
        (lambda: ops.quantile(X, 0.5, method="cubic"), "Invalid method: cubic"),
        (lambda: ops.histogram(X), "Input tensor must be 1-dimensional"),
        (lambda: ops.rot90(X[0]), "must have at least 2 dimensions"),
        (lambda: ops.cross(np.ones(4), np.ones(4)), "must be either 2 or 3"),
        (lambda: ops.cdist(X, X[:, :2]), "Last dimension of inputs to `cdist` must match"),
        (lambda: ops.depth_to_space(np.ones((1, 2, 2, 3)), 2), "must be divisible by block_size"),
        (lambda: ops.ctc_decode(X[None], [4], strategy="best"), "Invalid strategy best"),
        (lambda: ops.segment_max(X, np.zeros((2, 2), np.int32)), "should be an 1-D vector"),
        (lambda: kerasish.losses.ctc(X[0], X), "Targets `y_true` are expected to be a tensor of shape"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_unique_needs_values_or_a_size():
    with pytest.raises(NoValueError, match="searched for unique values"):
        ops.unique(KerasTensor((3,)))
    assert ops.unique(KerasTensor((3,)), size=2).shape == (2,)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
def test_negative_class_indices_of_every_width_are_outside(dtype):
    for classes in (3, 200, 70_000):
        with pytest.raises(ValueError, match="outside the classes: 1 of 2, such as -1"):
            ops.sparse_categorical_crossentropy(
                np.array([1, -1], dtype), np.full((2, classes), 0.5, "float32")
            )
