"""Random numbers: the generator's bits, the distributions' shapes, and streams that can be repeated."""

from __future__ import annotations

import math

import numpy as np
import pytest

import kerasish
from kerasish import Tensor, config, ops, random
from kerasish.autograd.primitives.random import random_bits
from kerasish.random import SeedGenerator

MANY = 100_000


def philox4x64(counter: int, key: tuple[int, int]) -> list[int]:
    """Ten rounds of Philox on one block, in Python's integers (Salmon et al., 2011)."""
    mask = 2**64 - 1
    words = [counter & mask, counter >> 64, 0, 0]
    k0, k1 = key
    for _ in range(10):
        low, high = words[0] * 0xD2E7470EE14C6C93, words[2] * 0xCA5A826395121157
        words = [(high >> 64) ^ words[1] ^ k0, high & mask, (low >> 64) ^ words[3] ^ k1, low & mask]
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & mask, (k1 + 0xBB67AE8584CAA73B) & mask
    return words


@pytest.mark.parametrize("seed", [(0, 0), (1, 0), (0xFFFFFFFF, 7), (1234, 0xFFFFFFFF)])
def test_bits_are_philox(seed):
    bits = random_bits(Tensor(np.array(seed, np.uint32)), shape=(20,)).numpy()
    assert bits.dtype == np.uint32
    blocks = [word for counter in (1, 2, 3) for word in philox4x64(counter, seed)]
    halves = [part for word in blocks for part in (word & 0xFFFFFFFF, word >> 32)]
    assert bits.tolist() == halves[:20]
    reference = np.random.Philox(key=np.array(seed, np.uint64)).random_raw(10).view(np.uint32)
    assert bits.tolist() == reference.tolist()


def test_bits_do_not_depend_on_how_many_are_drawn():
    seed = Tensor(np.array([3, 4], np.uint32))
    many = random_bits(seed, shape=(100,)).numpy()
    assert random_bits(seed, shape=(7,)).numpy().tolist() == many[:7].tolist()
    assert random_bits(seed, shape=(2, 3)).numpy().ravel().tolist() == many[:6].tolist()
    assert random_bits(seed, shape=(0, 3)).shape == (0, 3)


DRAWS = {
    "uniform": lambda seed: random.uniform((4, 3), seed=seed),
    "normal": lambda seed: random.normal((4, 3), seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((4, 3), seed=seed),
    "randint": lambda seed: random.randint((4, 3), 0, 1000, seed=seed),
    "dropout": lambda seed: random.dropout(ops.ones((4, 30)), 0.5, seed=seed),
    "categorical": lambda seed: random.categorical(np.zeros((2, 50), np.float32), 10, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(50), seed=seed),
    "gamma": lambda seed: random.gamma((4, 3), 2.0, seed=seed),
    "beta": lambda seed: random.beta((4, 3), 2.0, 3.0, seed=seed),
    "binomial": lambda seed: random.binomial((4, 30), 10, 0.5, seed=seed),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_seeds(draw):
    def same(a, b):
        return np.array_equal(a.numpy(), b.numpy())

    assert same(draw(7), draw(7))
    assert same(draw(7), draw(np.int64(7)))
    assert not same(draw(7), draw(8))
    generator, again = SeedGenerator(7), SeedGenerator(7)
    first, second = draw(generator), draw(generator)
    assert not same(first, second)
    assert same(draw(again), first)
    assert same(draw(again), second)
    kerasish.utils.set_random_seed(5)
    a, b = draw(None), draw(None)
    kerasish.utils.set_random_seed(5)
    assert same(draw(None), a)
    assert same(draw(None), b)
    assert not same(a, b)


@pytest.mark.parametrize("name", DRAWS)
def test_shapes_and_dtypes_are_keras(oracle, name):
    call = {
        "uniform": lambda r: r.uniform((4, 3), seed=1),
        "normal": lambda r: r.normal((), seed=1),
        "truncated_normal": lambda r: r.truncated_normal((2,), dtype="float16", seed=1),
        "randint": lambda r: r.randint((4, 3), 0, 10, dtype="uint8", seed=1),
        "dropout": lambda r: r.dropout(np.ones((4, 3), np.float16), 0.5, noise_shape=(4, 1), seed=1),
        "categorical": lambda r: r.categorical(np.zeros((2, 5), np.float32), 7, seed=1),
        "shuffle": lambda r: r.shuffle(np.ones((4, 3), np.float32), axis=1, seed=1),
        "gamma": lambda r: r.gamma((4, 3), 2.0, seed=1),
        "beta": lambda r: r.beta((4, 3), 2.0, 3.0, seed=1),
        "binomial": lambda r: r.binomial((4, 3), 10.0, 0.5, seed=1),
    }[name]
    jax = pytest.importorskip("jax")
    found, expected = call(random), jax.eval_shape(lambda: call(oracle.random))  # traced, not compiled
    assert found.shape == tuple(expected.shape)
    assert found.dtype == str(expected.dtype)


# Mean, variance and range of each distribution; means may be off by five of their standard errors.

MOMENTS = [
    ("uniform", {}, 0.5, 1 / 12, (0.0, 1.0)),
    ("uniform", {"minval": -3.0, "maxval": 5.0}, 1.0, 64 / 12, (-3.0, 5.0)),
    ("normal", {}, 0.0, 1.0, (-8.0, 8.0)),
    ("normal", {"mean": 3.0, "stddev": 0.5}, 3.0, 0.25, (-1.0, 7.0)),
    ("truncated_normal", {}, 0.0, 0.77374, (-2.0, 2.0)),
    ("truncated_normal", {"mean": 1.0, "stddev": 2.0}, 1.0, 4 * 0.77374, (-3.0, 5.0)),
    ("randint", {"minval": -2, "maxval": 4}, 0.5, 35 / 12, (-2, 3)),
    ("gamma", {"alpha": 0.3}, 0.3, 0.3, (0.0, 20.0)),
    ("gamma", {"alpha": 1.0}, 1.0, 1.0, (0.0, 30.0)),
    ("gamma", {"alpha": 7.5}, 7.5, 7.5, (0.0, 60.0)),
    ("beta", {"alpha": 2.0, "beta": 3.0}, 0.4, 0.04, (0.0, 1.0)),
    ("beta", {"alpha": 0.5, "beta": 0.5}, 0.5, 0.125, (0.0, 1.0)),
    ("binomial", {"counts": 10, "probabilities": 0.3}, 3.0, 2.1, (0.0, 10.0)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "arguments", "mean", "variance", "limits"), MOMENTS, ids=str)
def test_moments(name, arguments, mean, variance, limits, dtype):
    draw = getattr(random, name)
    count = MANY // 4 if name in ("gamma", "beta", "binomial") else MANY
    sample = draw((count,), seed=11, dtype="int32" if name == "randint" else dtype, **arguments).numpy()
    assert sample.dtype == ("int32" if name == "randint" else dtype)
    assert limits[0] <= sample.min() <= sample.max() <= limits[1]
    assert abs(sample.mean(dtype=np.float64) - mean) < 5 * math.sqrt(variance / count)
    assert abs(sample.var(dtype=np.float64) / variance - 1) < 0.06
    # Neighbors do not hang together.
    centered = sample.astype(np.float64) - mean
    assert abs((centered[1:] * centered[:-1]).mean()) < 5 * variance / math.sqrt(count)


def test_normal_has_the_right_tails():
    sample = random.normal((MANY,), seed=3).numpy()
    for bound in (1.0, 2.0, 3.0):
        expected = math.erfc(bound / math.sqrt(2))
        assert abs((np.abs(sample) > bound).mean() - expected) < 5 * math.sqrt(expected / MANY)


@pytest.mark.parametrize(
    ("dtype", "bits"), [("float16", 11), ("bfloat16", 8), ("float32", 24), ("float64", 53)]
)
def test_uniform_has_all_the_bits_that_fit_and_never_reaches_one(dtype, bits):
    sample = random.uniform((MANY,), dtype=dtype, seed=1).numpy().astype(np.float64)
    assert sample.max() < 1.0
    scaled = sample * 2.0**bits
    assert (scaled == np.floor(scaled)).all()
    assert (scaled % 2 == 1).any()
    assert 0.45 < (scaled % 2).mean() < 0.55


def test_default_dtype_is_floatx():
    before = config.floatx()
    config.set_floatx("float64")
    try:
        assert random.normal((2,), seed=1).dtype == random.uniform((2,), seed=1).dtype == "float64"
    finally:
        config.set_floatx(before)


def test_randint_is_even():
    counts = np.bincount(random.randint((60_000,), 0, 6, seed=5).numpy())
    assert counts.size == 6
    assert np.abs(counts - 10_000).max() < 500


def test_dropout():
    x = ops.ones((300, 300))
    kept = random.dropout(x, 0.3, seed=1).numpy()
    assert abs((kept == 0).mean() - 0.3) < 0.01
    np.testing.assert_allclose(kept[kept != 0], 1 / 0.7, rtol=1e-6)
    assert random.dropout(x, 0.0, seed=1).numpy().min() == 1.0
    assert random.dropout(x, 1.0, seed=1).numpy().max() == 0.0
    rows = random.dropout(x, 0.5, noise_shape=(None, 1), seed=1).numpy()
    assert (rows == rows[:, :1]).all()
    assert 0 < (rows == 0).mean() < 1
    leaf = Tensor(np.ones(10), requires_grad=True)
    y = random.dropout(leaf, 0.5, seed=2)
    y.sum().backward()
    np.testing.assert_array_equal(leaf.grad.numpy(), y.numpy())


def test_categorical_follows_the_probabilities():
    probabilities = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]], np.float32)
    with np.errstate(divide="ignore"):
        sample = random.categorical(np.log(probabilities), 20_000, seed=1).numpy()
    assert sample.dtype == np.int32
    for row, expected in zip(sample, probabilities, strict=True):
        np.testing.assert_allclose(np.bincount(row, minlength=3) / 20_000, expected, atol=0.02)


def test_shuffle_permutes_slices():
    x = np.arange(60).reshape(20, 3)
    shuffled = random.shuffle(x, seed=1).numpy()
    assert not np.array_equal(shuffled, x)
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), x)
    columns = random.shuffle(x, axis=1, seed=4).numpy()
    np.testing.assert_array_equal(np.sort(columns, axis=1), x)
    assert (columns[0] == columns % 3).all()


def test_beta_by_a_tensor_draws_two_different_gammas():
    seed = Tensor(np.array([5, 6], np.uint32))
    assert np.unique(random.beta((50,), 2.0, 2.0, seed=seed).numpy()).size > 40


# Streams


def test_seed_generator_state():
    generator = SeedGenerator(1337, name="stream")
    assert generator.state.shape == (2,)
    assert generator.state.dtype == "uint32"
    assert not generator.state.trainable
    assert generator.state.path == "stream/seed_generator_state"
    first = generator.next()
    assert first.numpy().tolist() == [1337, 0]
    assert generator.next().numpy().tolist() == [1337, 1]
    assert first.numpy().tolist() == [1337, 0]
    assert generator.get_config() == {"seed": 1337, "name": "stream"}
    assert SeedGenerator.from_config(generator.get_config()).next().numpy().tolist() == [1337, 0]
    assert not np.array_equal(SeedGenerator().state.numpy(), SeedGenerator().state.numpy())


def test_a_stored_state_continues_the_stream():
    generator = SeedGenerator(3)
    random.normal((5,), seed=generator)
    stored = generator.state.numpy()
    expected = random.normal((5,), seed=generator).numpy()
    other = SeedGenerator(99)
    other.state.assign(stored)
    np.testing.assert_array_equal(random.normal((5,), seed=other).numpy(), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SeedGenerator("1"), "Argument `seed` must be an integer. Received: seed=1"),
        (lambda: SeedGenerator(1, other=2), "Unrecognized keyword arguments"),
        (
            lambda: random.normal((2,), seed="x"),
            "must be either an integer or an instance of `SeedGenerator`",
        ),
        (
            lambda: random.normal((2,), dtype="int32"),
            "requires a floating point `dtype`. Received: dtype=int32",
        ),
        (
            lambda: random.randint((2,), 0, 3, dtype="float32"),
            "requires an integer `dtype`. Received: dtype=float32",
        ),
        (lambda: random.categorical(np.zeros(3), 1), r"should be a 2-D tensor.*shape=\(3,\)"),
        (
            lambda: random.dropout(np.zeros((2, 3)), 0.5, noise_shape=(2,)),
            "one entry for each axis of the inputs",
        ),
        (lambda: kerasish.utils.set_random_seed("a"), "Expected `seed` argument to be an integer"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
