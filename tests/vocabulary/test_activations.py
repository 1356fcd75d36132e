"""Activations: values and gradients equal to the oracle's, and names and configs that lead to them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish
from kerasish import activations, ops
from kerasish.autograd import value_and_grad

CASES = [
    ("celu", {}),
    ("celu", {"alpha": 0.3}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("exponential", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("glu", {}),
    ("glu", {"axis": 0}),
    ("hard_shrink", {}),
    ("hard_shrink", {"threshold": 1.5}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("hard_swish", {}),
    ("hard_tanh", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.05}),
    ("linear", {}),
    ("log_sigmoid", {}),
    ("log_softmax", {}),
    ("log_softmax", {"axis": 0}),
    ("mish", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.5}),
    ("relu", {"max_value": 6}),
    ("relu", {"threshold": 1.2}),
    ("relu", {"threshold": -1.2}),
    ("relu", {"threshold": -1.2, "max_value": 2.0}),
    ("relu", {"negative_slope": 0.1, "max_value": 6}),
    ("relu", {"negative_slope": 0.1, "max_value": 2.5, "threshold": 1.2}),
    ("relu6", {}),
    ("selu", {}),
    ("sigmoid", {}),
    ("silu", {}),
    ("soft_shrink", {}),
    ("soft_shrink", {"threshold": 1.5}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("softplus", {}),
    ("softsign", {}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
    ("sparsemax", {}),
    ("sparsemax", {"axis": 0}),
    ("squareplus", {}),
    ("squareplus", {"b": 1.5}),
    ("swish", {}),
    ("tanh", {}),
    ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.7, "default_value": -2.0}),
]
IDS = [name + "".join(f"-{key}={value}" for key, value in kwargs.items()) for name, kwargs in CASES]
NAMES = sorted({name for name, _ in CASES})


def smooth_points() -> np.ndarray:
    """Points of every piece of the piecewise functions, none of them at a kink."""
    return np.random.default_rng(7).uniform(-8, 8, size=(6, 10)).astype("float32")


# The oracle's sparsemax is no distribution where more than one score is kept; it has a test of its own.
AS_ORACLE = [(name, kwargs) for name, kwargs in CASES if name != "sparsemax"]
AS_ORACLE_IDS = [case_id for case_id in IDS if not case_id.startswith("sparsemax")]


def weights_of(shape) -> np.ndarray:
    return np.random.default_rng(8).normal(size=shape).astype("float32")


def odd_points() -> np.ndarray:
    points = [0.0, -0.0, 0.5, -0.5, 1, -1, 3, -3, 6, 7, 1.2, -1.2, 80, -80, 1e4, -1e4, 1e-6, -1e-6, 0.7, 2]
    return np.resize(np.array(points, "float32"), (6, 10))


@pytest.fixture(scope="module")
def expected_of(oracle, at_once):
    """The oracle's values and gradients at smooth points and its values at odd ones, by name and arguments."""
    import jax

    def of(name, kwargs):
        def function(x, odd):
            f = lambda x: getattr(oracle.activations, name)(x, **kwargs)  # noqa: E731
            value, vjp = jax.vjp(f, x)
            return value, vjp(weights_of(value.shape))[0], f(odd)

        return function

    points = smooth_points(), odd_points()
    found = at_once([of(*case) for case in AS_ORACLE])([points] * len(AS_ORACLE))
    by_id = dict(zip(AS_ORACLE_IDS, found, strict=True))
    return lambda name, kwargs: by_id[IDS[CASES.index((name, kwargs))]]


@pytest.mark.parametrize(("name", "kwargs"), AS_ORACLE, ids=AS_ORACLE_IDS)
def test_value_and_gradient_equal_the_oracle(expected_of, name, kwargs):
    x = smooth_points()
    expected, expected_gradient, _ = expected_of(name, kwargs)
    weights = weights_of(expected.shape)

    function = getattr(activations, name)
    value = function(ops.convert_to_tensor(x), **kwargs)
    _, gradient = value_and_grad(lambda x: ops.sum(function(x, **kwargs) * weights))(ops.convert_to_tensor(x))

    assert value.dtype == "float32"
    np.testing.assert_allclose(value.numpy(), expected, rtol=2e-5, atol=2e-6)
    # Where `gelu` is flat the oracle, which is compiled without optimizations, is off by 1.2e-5.
    tolerance = 2e-5 if name == "gelu" else 1e-5
    np.testing.assert_allclose(gradient.numpy(), expected_gradient, rtol=1e-4, atol=tolerance)


@pytest.mark.parametrize(("name", "kwargs"), AS_ORACLE, ids=AS_ORACLE_IDS)
def test_kinks_and_extremes_equal_the_oracle(expected_of, name, kwargs):
    with np.errstate(all="ignore"):
        value = getattr(activations, name)(ops.convert_to_tensor(odd_points()), **kwargs)
    _, _, expected = expected_of(name, kwargs)
    np.testing.assert_allclose(value.numpy(), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sparsemax_is_the_projection_onto_the_simplex(axis):
    x = np.random.default_rng(3).normal(size=(7, 5)).astype("float32")
    weights = np.random.default_rng(4).normal(size=x.shape).astype("float32")
    value, gradient = value_and_grad(
        lambda x: (
            ops.sum(activations.sparsemax(x, axis=axis) * weights),
            activations.sparsemax(x, axis=axis),
        ),
        has_aux=True,
    )(ops.convert_to_tensor(x))
    point = value[1].numpy()
    kept = point > 0
    assert 1 < kept.sum(axis=axis).max() < x.shape[axis]
    np.testing.assert_allclose(point.sum(axis=axis), 1.0, rtol=1e-6)
    # The point nearest to x: one shift for all the scores kept, and no score dropped that lies above it.
    shift = np.where(kept, x - point, -np.inf).max(axis=axis, keepdims=True)
    np.testing.assert_allclose(np.maximum(x - shift, 0), point, atol=1e-6)
    mean = (weights * kept).sum(axis=axis, keepdims=True) / kept.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(gradient.numpy(), np.where(kept, weights - mean, 0), atol=1e-6)


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
def test_gradient_is_finite_at_extremes(name, kwargs):
    x = ops.convert_to_tensor(np.array([[50.0, -50.0, 0.0, 88.0], [-88.0, 1e-30, -1e-30, 5.0]], "float32"))
    _, gradient = value_and_grad(lambda x: ops.sum(getattr(activations, name)(x, **kwargs)))(x)
    assert np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_keeps_the_dtype(name, kwargs, dtype):
    x = ops.convert_to_tensor(np.linspace(-2, 2, 8).reshape(2, 4), dtype=dtype)
    assert getattr(activations, name)(x, **kwargs).dtype == dtype


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
def test_symbolic_shape_and_dtype(name, kwargs):
    sized = name in ("glu", "sparsemax") and kwargs
    x = kerasish.KerasTensor((4 if sized else None, 10), dtype="float32")
    result = getattr(activations, name)(x, **kwargs)
    expected = {"glu": (2, 10) if kwargs else (None, 5)}.get(name, x.shape)
    assert (result.shape, result.dtype) == (expected, "float32")


@pytest.mark.parametrize(
    ("kwargs", "expected", "dtype"),
    [
        ({}, [0, 4], "int32"),
        ({"max_value": 2.5}, [0, 2], "int32"),
        ({"threshold": 1.0, "max_value": 2.5}, [0, 2], "int32"),
        ({"negative_slope": 0.1}, [-0.3, 4], "float32"),
    ],
)
def test_relu_of_integers(kwargs, expected, dtype):
    result = activations.relu(ops.convert_to_tensor([-3, 4]), **kwargs)
    assert result.dtype == dtype
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    slope=st.sampled_from([0.0, 0.1, 0.5]),
    max_value=st.sampled_from([None, 1.0, 6, 4.5]),
    threshold=st.sampled_from([0.0, 1.0, -1.0, 2.25]),
    values=st.lists(st.floats(-10, 10, width=32), min_size=4, max_size=4),
)
def test_relu_with_any_arguments_equals_the_oracle(oracle, slope, max_value, threshold, values):
    x = np.array(values, "float32")
    kwargs = {"negative_slope": slope, "max_value": max_value, "threshold": threshold}
    np.testing.assert_allclose(
        activations.relu(x, **kwargs).numpy(), oracle.activations.relu(x, **kwargs), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_accepts_lists(name):
    kwargs = {"threshold": 0.0, "default_value": 0.0} if name == "threshold" else {}
    result = getattr(activations, name)([[1.0, 2.0], [3.0, 4.0]], **kwargs)
    assert np.shape(result)[0] == 2


def test_namespace_is_the_oracles(oracle):
    public = {name for name in dir(oracle.activations) if not name.startswith("_")}
    assert public == set(activations.__all__)
    assert public == {*NAMES, "get", "serialize", "deserialize"}


@pytest.mark.parametrize("name", NAMES)
def test_names_and_configs_lead_to_the_function(oracle, name):
    function = getattr(activations, name)
    assert activations.get(name) is function
    assert activations.get(function) is function
    assert activations.serialize(function) == oracle.activations.serialize(getattr(oracle.activations, name))
    assert activations.deserialize(activations.serialize(function)) is function


def test_none_is_linear():
    assert activations.get(None) is activations.linear
    x = ops.ones((2,))
    assert activations.linear(x) is x


def test_a_layers_function_config_is_understood():
    config = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    assert activations.get(config) is activations.relu
    assert activations.deserialize(config) is activations.relu


def test_custom_function_round_trip(oracle):
    @kerasish.saving.register_keras_serializable("test_activations")
    def doubled(x):
        return x * 2

    oracle_config = {
        "module": "builtins",
        "class_name": "function",
        "config": "test_activations>doubled",
        "registered_name": "function",
    }
    try:
        assert activations.serialize(doubled) == oracle_config
        assert activations.deserialize(oracle_config) is doubled
        assert activations.get(oracle_config) is doubled
        assert activations.get("test_activations>doubled") is doubled
    finally:
        del kerasish.saving.get_custom_objects()["test_activations>doubled"]
    assert activations.deserialize("doubled", custom_objects={"doubled": doubled}) is doubled


def test_a_custom_function_is_not_taken_for_the_built_in_of_its_name():
    def relu(x):
        return x

    assert activations.serialize(relu) != "relu"


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("rellu", "activation function identifier: 'rellu'.*Did you mean.*'relu'"),
        ("sigmod", "'sigmod'.*'sigmoid'"),
        (3, "activation function identifier: 3"),
        (["relu"], "activation function identifier"),
    ],
)
def test_unknown_identifiers(identifier, message):
    with pytest.raises(ValueError, match=message):
        activations.get(identifier)
