"""Regularizers: penalties and gradients equal to the oracle's, configs and identifiers."""

import numpy as np
import pytest

import kerasish
from kerasish import ops, regularizers
from kerasish.autograd import value_and_grad

CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L1", {"l1": None}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1}),
    ("L1L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]
IDS = [name + "".join(f"-{key}={value}" for key, value in kwargs.items()) for name, kwargs in CASES]


X = np.random.default_rng(5).normal(size=(5, 3)).astype("float32")


@pytest.fixture(scope="module")
def expected(oracle, at_once):
    """The oracle's penalties and gradients, in the order of the cases."""
    import jax

    made = [getattr(oracle.regularizers, name)(**kwargs) for name, kwargs in CASES]
    return at_once([jax.value_and_grad(lambda x, f=f: 1.0 * f(x)) for f in made])([(X,)] * len(made))


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
def test_penalty_and_gradient_equal_the_oracle(expected, name, kwargs):
    x = X
    expected, expected_gradient = expected[CASES.index((name, kwargs))]

    regularizer = getattr(regularizers, name)(**kwargs)
    penalty = regularizer(kerasish.Variable(x))
    assert (penalty.shape, penalty.dtype) == ((), "float32")
    np.testing.assert_allclose(penalty.numpy(), expected, rtol=1e-5)
    if regularizer.get_config() == {"l1": 0.0, "l2": 0.0}:
        return
    _, gradient = value_and_grad(regularizer)(ops.convert_to_tensor(x))
    np.testing.assert_allclose(gradient.numpy(), expected_gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_keeps_the_dtype(name, kwargs, dtype):
    assert getattr(regularizers, name)(**kwargs)(ops.ones((3, 3), dtype=dtype)).dtype == dtype


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
def test_zeros_cost_nothing(name, kwargs):
    x = ops.zeros((3, 4))
    assert getattr(regularizers, name)(**kwargs)(x).item() == 0.0


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
def test_configs_equal_the_oracles(oracle, name, kwargs):
    ours, theirs = getattr(regularizers, name)(**kwargs), getattr(oracle.regularizers, name)(**kwargs)
    config = regularizers.serialize(ours)
    assert config == oracle.regularizers.serialize(theirs)
    assert list(config["config"]) == list(theirs.get_config())
    for restored in (regularizers.deserialize(config), regularizers.get(config)):
        assert type(restored) is type(ours)
        assert restored.get_config() == ours.get_config()
    assert oracle.regularizers.deserialize(config).get_config() == theirs.get_config()


def test_namespace_is_the_oracles(oracle):
    public = {name for name in dir(oracle.regularizers) if not name.startswith("_")}
    assert public == set(regularizers.__all__)
    for name in public - {"get", "serialize", "deserialize"}:
        assert getattr(regularizers, name).__name__ == getattr(oracle.regularizers, name).__name__


@pytest.mark.parametrize("name", sorted({*regularizers._BY_NAME} - {"l1_l2", "regularizer", "Regularizer"}))
def test_get_by_name(oracle, name):
    assert type(regularizers.get(name)).__name__ == type(oracle.regularizers.get(name)).__name__
    assert regularizers.get(name).get_config() == oracle.regularizers.get(name).get_config()
    assert isinstance(regularizers.get("l1_l2"), regularizers.L1L2)


def test_get_other_identifiers():
    def cubes(x):
        return ops.sum(ops.absolute(x) ** 3)

    assert regularizers.get(None) is None
    assert regularizers.get(cubes) is cubes
    assert isinstance(regularizers.get(regularizers.L2), regularizers.L2)


def test_custom_class_round_trip():
    @kerasish.saving.register_keras_serializable("test_regularizers")
    class Cubes(kerasish.Regularizer):
        def __init__(self, factor=1.0):
            self.factor = factor

        def __call__(self, x):
            return self.factor * ops.sum(ops.absolute(x) ** 3)

        def get_config(self):
            return {"factor": self.factor}

    try:
        restored = regularizers.get(regularizers.serialize(Cubes(0.5)))
        assert isinstance(restored, Cubes)
        assert restored.factor == 0.5
    finally:
        del kerasish.saving.get_custom_objects()["test_regularizers>Cubes"]


@pytest.mark.parametrize("value", ["a", -1, float("nan"), float("inf"), [0.1]])
@pytest.mark.parametrize(
    ("name", "argument"), [("L1", "l1"), ("L2", "l2"), ("L1L2", "l2"), ("OrthogonalRegularizer", "factor")]
)
def test_wrong_factors(name, argument, value):
    with pytest.raises(ValueError, match=f"argument {argument}: expected a non-negative float.*{argument}="):
        getattr(regularizers, name)(**{argument: value})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regularizers.get("l3"), "regularizer identifier: 'l3'.*Known names: .*l2"),
        (lambda: regularizers.get("orthogonal"), "identifier: 'orthogonal'.*'orthogonal_regularizer'"),
        (lambda: regularizers.get(3), "regularizer identifier: 3"),
        (
            lambda: regularizers.OrthogonalRegularizer(mode="diagonals"),
            "Invalid value for argument `mode`.*diagonals",
        ),
        (
            lambda: regularizers.OrthogonalRegularizer()(ops.ones((2, 3, 4))),
            r"must have rank 2. Received: inputs.shape=\(2, 3, 4\)",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_base_class():
    assert regularizers.Regularizer()(ops.ones((2,))) == 0.0
    with pytest.raises(NotImplementedError, match=r"does not implement get_config\(\)"):
        regularizers.Regularizer().get_config()
