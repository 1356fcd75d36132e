"""Elementwise work on large arrays in pieces gives the numbers that it gives op by op."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish as keras
from kerasish import ops
from kerasish.compiler.executors.pieces import PieceKernel


@pytest.fixture(autouse=True)
def _small_pieces_without_machine_code(monkeypatch):
    monkeypatch.setenv("KERASISH_JIT", "0")
    monkeypatch.setattr("kerasish.compiler.executors.pieces._LARGE", 1 << 12)
    monkeypatch.setattr("kerasish.compiler.executors.pieces._PIECE", 1000)


def numbers(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def pieces(function, *arrays):
    return [op.prim for op in function.trace(*arrays).graph.ops if isinstance(op.prim, PieceKernel)]


@pytest.mark.parametrize("size", [1 << 12, 5000, 3 * (1 << 12) + 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_numbers(size, dtype):
    def function(x, y, rate):
        z = ops.sqrt(ops.square(x - y) + 1e-7)
        w = ops.where(y > 0, z, x)  # (which is between two groups)
        return (
            x - rate * y / z,
            ops.tanh(ops.maximum(w, -0.5)) * rate + w,
            ops.cast(z > x, dtype) - np.inf * 0.0,
        )

    compiled = keras.function(function)
    given = numbers(size, dtype=dtype), numbers(size, dtype=dtype, seed=1), np.asarray(0.1, dtype)
    assert pieces(compiled, *given)
    expected = function(*map(ops.convert_to_tensor, given))
    for _ in range(2):
        for ours, wanted in zip(compiled(*given), expected, strict=True):
            np.testing.assert_array_equal(ours.numpy(), wanted.numpy())


def test_other_layouts_and_other_arrays_at_each_call():
    compiled = keras.function(lambda x, y: (ops.exp(x) * y + 2.0) / (ops.square(y) + 1.0))
    for seed in range(2):
        x, y = numbers(300, 200, seed=seed), numbers(300, 200, seed=seed + 5)
        wide = np.zeros((300, 400), "float32")
        wide[:, ::2] = x
        for given in (x, np.asfortranarray(x), wide[:, ::2]):
            assert pieces(compiled, given, y)
            np.testing.assert_array_equal(compiled(given, y).numpy(), (np.exp(x) * y + 2.0) / (y * y + 1.0))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "nadam", "ftrl", "lion"])
def test_updates_of_large_weights(optimizer):
    """The whole step, whose updates overwrite what they read, is what it is op by op."""

    def train(**options):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.layers.Input((400,)), keras.layers.Dense(200), keras.layers.Dense(1)])
        model.compile(optimizer, "mse", **options)
        model.fit(numbers(32, 400), numbers(32, 1), 8, epochs=2, verbose=0)
        return model

    compiled, eager = train(), train(run_eagerly=True)
    step, _ = compiled._compiled_step("train", numbers(8, 400), numbers(8, 1))
    assert any(isinstance(op.prim, PieceKernel) for op in step.graph.ops)
    for ours, wanted in zip(compiled.weights, eager.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)


def test_from_several_threads():
    from concurrent.futures import ThreadPoolExecutor

    compiled = keras.function(lambda x: ops.exp(x) * 2.0 - ops.square(x) + x)
    arrays = [numbers(10_000, seed=i) for i in range(16)]
    compiled(arrays[0])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(compiled, arrays))
    for x, result in zip(arrays, results, strict=True):
        np.testing.assert_array_equal(result.numpy(), np.exp(x) * 2.0 - x * x + x)
