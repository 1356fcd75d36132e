"""The TensorFlow front door."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
import kerasish.compat.tensorflow as tf
from kerasish.utils import to_dot


def test_constants_and_their_types():
    assert tf.constant(2.0).dtype == tf.float32 and tf.constant([1, 2]).dtype == tf.int32
    assert tf.constant(7, shape=[2, 2]).numpy().tolist() == [[7, 7], [7, 7]]
    assert tf.constant([1, 2, 3, 4], shape=[2, 2], dtype=tf.float64).numpy().tolist() == [[1, 2], [3, 4]]


def test_a_named_result_remembers_its_graph_and_no_gradient():
    a, b = tf.constant(2.0, name="a"), tf.constant(3.0, name="b")
    c = tf.add(a, b, name="c")
    assert float(c) == 5 and c.name == "c" and "name=c" in repr(c)
    assert '"c: add\\nfloat32 ()"' in to_dot(c)
    assert not c._tracked and not a._tracked and tf.add(a, b)._node is None


def test_a_named_result_keeps_the_gradient_that_it_has():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = tf.multiply(x, x, name="y")
    assert float(tape.gradient(y, x)) == 6


def test_a_named_result_can_be_watched():
    c = tf.add(tf.constant(2.0), tf.constant(3.0), name="c")
    with tf.GradientTape() as tape:
        tape.watch(c)
        y = c * c
    assert float(tape.gradient(y, c)) == 10


def test_variables():
    v = tf.Variable([1.0, 2.0], dtype=tf.float32, name="v:0")
    v.assign_add([1.0, 1.0])
    assert v.numpy().tolist() == [2, 3] and v.name == "v" and v.trainable
    assert tf.Variable(lambda: tf.zeros([2, 3])).shape == (2, 3)
    assert not tf.Variable(1, trainable=False).trainable
    with pytest.raises(ValueError, match="shape"):
        tf.Variable([1.0, 2.0], shape=[3])


X = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], "float32")
CASES = [
    (lambda: tf.reduce_mean(X), X.mean()),
    (lambda: tf.reduce_sum(X, axis=1, keepdims=True), X.sum(1, keepdims=True)),
    (lambda: tf.math.reduce_std(X), X.std()),
    (lambda: tf.matmul(X, X, transpose_b=True), X @ X.T),
    (lambda: tf.matmul(X, X, transpose_a=True), X.T @ X),
    (lambda: tf.argmax(X), X.argmax(0)),
    (lambda: tf.argmax(X, axis=1), X.argmax(1)),
    (lambda: tf.transpose(X, perm=[1, 0]), X.T),
    (lambda: tf.gather(X, [1, 0]), X[[1, 0]]),
    (lambda: tf.concat([X, X], 0), np.concatenate([X, X])),
    (lambda: tf.split(X, [1, 2], axis=1)[1], X[:, 1:]),
    (lambda: tf.split(X, 2)[0], X[:1]),
    (lambda: tf.pad(X, [[1, 0], [0, 1]]), np.pad(X, [[1, 0], [0, 1]])),
    (lambda: tf.clip_by_value(X, -1, 1), X.clip(-1, 1)),
    (lambda: tf.cast(X, tf.int32), X.astype("int32")),
    (lambda: tf.range(2, 10, 3), np.arange(2, 10, 3)),
    (lambda: tf.fill([2, 2], 3.0), np.full((2, 2), 3.0)),
    (lambda: tf.math.cumsum(X), X.cumsum(0)),
    (lambda: tf.math.squared_difference(X, 1.0), (X - 1) ** 2),
    (lambda: tf.pow(X, 2), X**2),
    (lambda: tf.nn.relu(X), X.clip(0)),
    (lambda: tf.nn.l2_loss(X), (X**2).sum() / 2),
    (lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0], logits=[0.0]), [np.log(2)]),
    (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0], [[0.0, 0.0]]), [np.log(2)]),
    (lambda: tf.nn.softmax_cross_entropy_with_logits([[1.0, 0.0]], [[0.0, 0.0]]), [np.log(2)]),
    (lambda: tf.rank(X), 2),
]


@pytest.mark.parametrize(("function", "expected"), CASES)
def test_values(function, expected):
    np.testing.assert_allclose(function().numpy(), expected, rtol=1e-5)


def test_random_numbers_repeat_with_the_seed():
    draws = []
    for _ in range(2):
        tf.random.set_seed(3)
        draws.append(
            [tf.random.normal([3]).numpy().tolist(), tf.random.uniform([3], 0, 9, tf.int32).numpy().tolist()]
        )
    assert draws[0] == draws[1]
    with pytest.raises(ValueError, match="maxval"):
        tf.random.uniform([3], dtype=tf.int32)


def test_keras_is_kerasish():
    from kerasish.compat.tensorflow.keras.layers import Dense

    from kerasish.compat.tensorflow.keras import layers, models

    assert Dense is kerasish.layers.Dense is layers.Dense is tf.keras.layers.Dense
    assert models.Sequential is kerasish.Sequential is tf.keras.Sequential


def test_what_is_missing_is_said():
    with pytest.raises(AttributeError, match=r"no 'while_loop_v7'.*kerasish\.ops"):
        tf.while_loop_v7  # noqa: B018
