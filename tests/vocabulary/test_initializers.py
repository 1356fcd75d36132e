"""Initializers: values, distributions, seeds, configs and identifiers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_draws import draw_as_keras_does

import kerasish
from kerasish import initializers, ops
from kerasish.initializers.scaling import compute_fans

RANDOM = [
    ("RandomNormal", {"mean": 0.5, "stddev": 2.0}),
    ("TruncatedNormal", {"mean": -0.5, "stddev": 2.0}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    ("VarianceScaling", {"scale": 0.5, "mode": "fan_out", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"distribution": "uniform", "input_axes": [0], "output_axes": [1]}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("Orthogonal", {"gain": 2.0}),
]
FIXED = [
    ("Zeros", {}),
    ("Ones", {}),
    ("Constant", {}),
    ("Constant", {"value": 2.5}),
    ("Constant", {"value": [1.0, 2.0, 3.0]}),
    ("Identity", {}),
    ("Identity", {"gain": 0.5}),
]


def ids(cases):
    return [name + "".join(f"-{key}={value}" for key, value in kwargs.items()) for name, kwargs in cases]


# Values without randomness


@pytest.mark.parametrize(("name", "kwargs"), FIXED, ids=ids(FIXED))
@pytest.mark.parametrize("dtype", [None, "float16", "int32", "bool"])
def test_fixed_values_equal_the_oracle(oracle, name, kwargs, dtype):
    value = getattr(initializers, name)(**kwargs)((2, 3), dtype=dtype)
    expected = np.asarray(getattr(oracle.initializers, name)(**kwargs)((2, 3), dtype=dtype))
    assert value.dtype == expected.dtype.name
    np.testing.assert_array_equal(value.numpy(), expected)


def test_default_dtype_is_floatx():
    kerasish.config.set_floatx("float64")
    try:
        for name in ("Zeros", "Ones", "Constant", "Identity", "RandomNormal", "GlorotUniform", "Orthogonal"):
            assert getattr(initializers, name)()((3, 3)).dtype == "float64"
    finally:
        kerasish.config.set_floatx("float32")


# Distributions


def sample(initializer, shape=(200, 300)):
    return initializer(shape).numpy().astype("float64")


FAN_IN, FAN_OUT = 200, 300
MOMENTS = [
    ("RandomNormal", {"mean": 0.5, "stddev": 2.0}, 0.5, 2.0, math.inf),
    ("TruncatedNormal", {"mean": 0.5, "stddev": 2.0}, 0.5, 2.0 * 0.8796, 4.0),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}, 1.0, 4 / math.sqrt(12), 2.0),
    ("VarianceScaling", {"scale": 3.0}, 0, math.sqrt(3 / FAN_IN), 2 / 0.8796 * math.sqrt(3 / FAN_IN)),
    (
        "VarianceScaling",
        {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"},
        0,
        math.sqrt(3 / FAN_OUT),
        math.inf,
    ),
    (
        "VarianceScaling",
        {"mode": "fan_avg", "distribution": "uniform"},
        0,
        math.sqrt(1 / 250),
        math.sqrt(3 / 250),
    ),
    ("GlorotUniform", {}, 0, math.sqrt(2 / 500), math.sqrt(6 / 500)),
    ("GlorotNormal", {}, 0, math.sqrt(2 / 500), 2 / 0.8796 * math.sqrt(2 / 500)),
    ("LecunUniform", {}, 0, math.sqrt(1 / FAN_IN), math.sqrt(3 / FAN_IN)),
    ("LecunNormal", {}, 0, math.sqrt(1 / FAN_IN), 2 / 0.8796 * math.sqrt(1 / FAN_IN)),
    ("HeUniform", {}, 0, math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    ("HeNormal", {}, 0, math.sqrt(2 / FAN_IN), 2 / 0.8796 * math.sqrt(2 / FAN_IN)),
]


@pytest.mark.parametrize(("name", "kwargs", "mean", "stddev", "radius"), MOMENTS)
def test_moments_and_bounds(oracle, monkeypatch, name, kwargs, mean, stddev, radius):
    draw_as_keras_does(monkeypatch)
    values = sample(getattr(initializers, name)(seed=11, **kwargs))
    # 60,000 values: four standard errors.
    assert values.mean() == pytest.approx(mean, abs=4 * stddev / math.sqrt(values.size))
    assert values.std() == pytest.approx(stddev, rel=0.02)
    assert np.abs(values - mean).max() <= radius * 1.0001
    theirs = np.asarray(getattr(oracle.initializers, name)(seed=11, **kwargs)((200, 300)), dtype="float64")
    quantiles = np.linspace(0.01, 0.99, 33)
    np.testing.assert_allclose(
        np.quantile(values, quantiles), np.quantile(theirs, quantiles), atol=0.06 * stddev
    )


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (2, 3, 5), (2, 2, 4, 32), (1, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_orthogonal(shape, dtype):
    values = initializers.Orthogonal(gain=2.0, seed=3)(shape, dtype=dtype)
    assert (values.shape, values.dtype) == (shape, dtype)
    matrix = values.numpy().astype("float64").reshape(-1, shape[-1])
    if matrix.shape[0] < matrix.shape[1]:
        matrix = matrix.T
    tolerance = {"float64": 1e-12, "float32": 1e-5, "float16": 1e-2}[dtype]
    np.testing.assert_allclose(matrix.T @ matrix, 4.0 * np.eye(matrix.shape[1]), atol=tolerance)


def test_orthogonal_has_no_preferred_sign():
    signs = [np.sign(initializers.Orthogonal(seed=seed)((2, 2)).numpy()[0, 0]) for seed in range(60)]
    assert 15 <= signs.count(1.0) <= 45


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((), {}, (1, 1)),
        ((7,), {}, (7, 7)),
        ((4, 5), {}, (4, 5)),
        ((3, 3, 16, 32), {}, (144, 288)),
        ((512, 8, 64), {"input_axes": [0], "output_axes": [1, 2]}, (512, 512)),
        ((512, 8, 64), {"input_axes": [0, 1], "output_axes": [2]}, (4096, 64)),
        ((512, 8, 64), {"input_axes": [0]}, (4096, 32768)),
    ],
)
def test_fans(shape, axes, expected):
    assert compute_fans(shape, **axes) == expected


@settings(max_examples=60, deadline=None)
@given(shape=st.lists(st.integers(0, 9), max_size=5), axes=st.booleans())
def test_fans_equal_the_oracle(oracle, shape, axes):
    from keras.src.initializers.random_initializers import compute_fans as theirs

    kwargs = {"input_axes": [0], "output_axes": [-1]} if axes and shape else {}
    assert compute_fans(tuple(shape), **kwargs) == theirs(tuple(shape), **kwargs)


def test_empty_and_scalar_shapes():
    assert initializers.GlorotUniform()(()).shape == ()
    assert initializers.HeNormal()((0, 4)).shape == (0, 4)


# Seeds


@pytest.mark.parametrize(("name", "kwargs"), RANDOM, ids=ids(RANDOM))
@pytest.mark.parametrize("seed", [5, None, 2**31 + 5])
def test_integer_or_no_seed_gives_the_same_values_every_call(name, kwargs, seed):
    initializer = getattr(initializers, name)(seed=seed, **kwargs)
    first, second = initializer((4, 5)).numpy(), initializer((4, 5)).numpy()
    np.testing.assert_array_equal(first, second)
    again = getattr(initializers, name)(seed=seed, **kwargs)((4, 5)).numpy()
    assert np.array_equal(again, first) == (seed is not None)


@pytest.mark.parametrize(("name", "kwargs"), RANDOM, ids=ids(RANDOM))
def test_seed_generator_gives_new_values_every_call(name, kwargs):
    def two_draws():
        initializer = getattr(initializers, name)(seed=kerasish.random.SeedGenerator(9), **kwargs)
        return initializer((4, 5)).numpy(), initializer((4, 5)).numpy()

    first, second = two_draws()
    assert not np.array_equal(first, second)
    for value, again in zip((first, second), two_draws(), strict=True):
        np.testing.assert_array_equal(value, again)


def test_different_seeds_give_different_values():
    draws = {initializers.GlorotUniform(seed=seed)((3, 3)).numpy().tobytes() for seed in range(20)}
    assert len(draws) == 20


def test_global_seed_decides_unseeded_initializers():
    def draw():
        kerasish.utils.set_random_seed(77)
        return [initializers.GlorotUniform()((3, 3)).numpy() for _ in range(2)]

    first, again = draw(), draw()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_drawing_with_a_seed_leaves_the_global_stream_alone():
    def draw(between):
        kerasish.utils.set_random_seed(3)
        between()
        return kerasish.random.normal((4,)).numpy()

    seeded = initializers.GlorotUniform(seed=1)
    np.testing.assert_array_equal(draw(lambda: None), draw(lambda: seeded((3, 3))))


@pytest.mark.parametrize("seed", ["x", 1.5, [1]])
def test_wrong_seeds(seed):
    with pytest.raises(ValueError, match=r"`seed` argument should be .*SeedGenerator.*Received: seed="):
        initializers.RandomNormal(seed=seed)


# Configs and identifiers

BUILT_INS = FIXED + RANDOM


@pytest.mark.parametrize(("name", "kwargs"), BUILT_INS, ids=ids(BUILT_INS))
@pytest.mark.parametrize("seed", [None, 5])
def test_configs_equal_the_oracles(oracle, name, kwargs, seed):
    if (name, kwargs) in RANDOM:
        kwargs = {**kwargs, "seed": seed}
    ours = getattr(initializers, name)(**kwargs)
    theirs = getattr(oracle.initializers, name)(**kwargs)
    config = initializers.serialize(ours)
    assert config == oracle.initializers.serialize(theirs)
    assert list(config["config"]) == list(oracle.initializers.serialize(theirs)["config"])
    for restored in (initializers.deserialize(config), initializers.get(config), ours.clone()):
        assert type(restored) is type(ours)
        assert restored.get_config() == ours.get_config()
    if kwargs.get("seed") is not None:
        np.testing.assert_array_equal(ours((3, 3)).numpy(), ours.clone()((3, 3)).numpy())
    assert oracle.initializers.deserialize(config).get_config() == theirs.get_config()


def test_seed_generator_config_round_trip(oracle):
    ours = initializers.RandomNormal(seed=kerasish.random.SeedGenerator(4, name="draws"))
    theirs = oracle.initializers.RandomNormal(seed=oracle.random.SeedGenerator(4, name="draws"))
    config = initializers.serialize(ours)
    assert config == oracle.initializers.serialize(theirs)
    restored = initializers.deserialize(config)
    assert isinstance(restored.seed, kerasish.random.SeedGenerator)
    np.testing.assert_array_equal(restored((3,)).numpy(), ours((3,)).numpy())
    assert initializers.serialize(restored) == config


def test_constant_of_an_array_round_trip():
    config = initializers.serialize(initializers.Constant(np.array([1.0, 2.0], "float32")))
    np.testing.assert_array_equal(initializers.get(config)((3, 2)).numpy(), [[1, 2]] * 3)


def test_namespace_is_the_oracles(oracle):
    public = {name for name in dir(oracle.initializers) if not name.startswith("_")}
    assert public == set(initializers.__all__)
    for name in public - {"get", "serialize", "deserialize"}:
        assert getattr(initializers, name).__name__ == getattr(oracle.initializers, name).__name__


@pytest.mark.parametrize("name", list(initializers._BY_NAME))
def test_get_by_name(oracle, name):
    if name.lower() != "constant":  # which the oracle wants a value for
        assert type(initializers.get(name)).__name__ == type(oracle.initializers.get(name)).__name__
    assert type(initializers.deserialize(name)).__name__ == type(initializers.get(name)).__name__


def test_get_other_identifiers():
    def halves(shape, dtype=None):
        return ops.full(shape, 0.5, dtype=dtype)

    assert initializers.get(None) is None
    assert initializers.get(halves) is halves
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    ones = initializers.Ones()
    assert initializers.get(ones) is ones
    assert isinstance(initializers.get({"class_name": "Ones", "config": {}}), initializers.Ones)
    assert initializers.get({"class_name": "Constant", "config": {}}).value == 0.0


@pytest.mark.parametrize("convert", [np.asarray, ops.convert_to_tensor, kerasish.Variable])
def test_get_by_values(convert):
    values = np.arange(6, dtype="float32").reshape(2, 3)
    initializer = initializers.get(convert(values))
    result = initializer((2, 3), dtype="float16")
    assert result.dtype == "float16"
    np.testing.assert_array_equal(result.numpy(), values)
    with pytest.raises(ValueError, match=r"Expected `shape` to be \(2, 3\).*Received shape=\(3, 2\)"):
        initializer((3, 2))


def test_custom_class_round_trip():
    @kerasish.saving.register_keras_serializable("test_initializers")
    class Halves(kerasish.Initializer):
        def __call__(self, shape, dtype=None):
            return ops.full(shape, 0.5, dtype=dtype)

    try:
        config = initializers.serialize(Halves())
        assert config["registered_name"] == "test_initializers>Halves"
        assert isinstance(initializers.get(config), Halves)
        assert isinstance(initializers.deserialize(config), Halves)
    finally:
        del kerasish.saving.get_custom_objects()["test_initializers>Halves"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: initializers.get("glorot_unifrom"),
            "initializer identifier: 'glorot_unifrom'.*'glorot_uniform'",
        ),
        (lambda: initializers.get(3), "initializer identifier: 3"),
        (
            lambda: initializers.VarianceScaling(scale=-1.0),
            "`scale` must be positive float. Received: scale=-1.0",
        ),
        (lambda: initializers.VarianceScaling(mode="fan"), "Invalid `mode` argument: fan.*fan_in"),
        (
            lambda: initializers.VarianceScaling(distribution="beta"),
            "Invalid `distribution` argument: beta.*uniform",
        ),
        (
            lambda: initializers.Identity()((2, 3, 4)),
            r"only be used for 2D matrices.*shape=\(2, 3, 4\) of rank 3",
        ),
        (lambda: initializers.Orthogonal()((3,)), r"at least two-dimensional.*shape=\(3,\) of rank 1"),
        (lambda: initializers.GlorotUniform()((3, 3), dtype="int32"), "float.*int32"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_base_class_must_be_subclassed():
    with pytest.raises(NotImplementedError, match="__call__"):
        initializers.Initializer()((2,))
