"""Constraints: projections equal to the oracle's, configs and identifiers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish
from kerasish import constraints, ops

CASES = [
    ("NonNeg", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 3.0, "axis": [0, 1]}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 2.0, "rate": 0.7, "axis": 1}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 4.0, "rate": 0.0}),
]
IDS = [name + "".join(f"-{key}={value}" for key, value in kwargs.items()) for name, kwargs in CASES]


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
def test_projection_equals_the_oracle(oracle, name, kwargs, dtype):
    w = (np.random.default_rng(5).normal(size=(6, 4, 3)) * 3).astype(dtype)
    if dtype != "float16":  # where the oracle divides zero by an epsilon that it rounds to zero
        w[:, 0] = 0
    expected = np.asarray(getattr(oracle.constraints, name)(**kwargs)(oracle.ops.convert_to_tensor(w)))
    projected = getattr(constraints, name)(**kwargs)(kerasish.Variable(w, dtype=dtype))
    assert projected.dtype == expected.dtype.name
    tolerance = 2e-3 if dtype == "float16" else 1e-5
    np.testing.assert_allclose(projected.numpy(), expected, rtol=tolerance, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    low=st.floats(0.1, 2.0),
    width=st.floats(0.0, 3.0),
    scale=st.sampled_from([1e-3, 1.0, 50.0]),
    seed=st.integers(0, 1000),
)
def test_norms_end_within_their_bounds(low, width, scale, seed):
    w = (np.random.default_rng(seed).normal(size=(5, 4)) * scale).astype("float32")
    projected = constraints.MinMaxNorm(low, low + width)(ops.convert_to_tensor(w)).numpy()
    norms = np.linalg.norm(projected, axis=0)
    assert (norms >= low * 0.999).all()
    assert (norms <= (low + width) * 1.001).all()
    norms = np.linalg.norm(constraints.UnitNorm()(ops.convert_to_tensor(w)).numpy(), axis=0)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-3)


def test_variable_applies_its_constraint():
    variable = kerasish.Variable(np.array([-1.0, 2.0], "float32"))
    variable.assign(constraints.NonNeg()(variable))
    assert variable.numpy().tolist() == [0.0, 2.0]


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
def test_symbolic_shape(name, kwargs):
    w = kerasish.KerasTensor((6, 4, 3), dtype="float32")
    assert getattr(constraints, name)(**kwargs)(w).shape == (6, 4, 3)


@pytest.mark.parametrize(("name", "kwargs"), CASES, ids=IDS)
def test_configs_equal_the_oracles(oracle, name, kwargs):
    ours, theirs = getattr(constraints, name)(**kwargs), getattr(oracle.constraints, name)(**kwargs)
    config = constraints.serialize(ours)
    assert config == oracle.constraints.serialize(theirs)
    assert list(config["config"]) == list(theirs.get_config())
    for restored in (constraints.deserialize(config), constraints.get(config)):
        assert type(restored) is type(ours)
        assert restored.get_config() == ours.get_config()
    assert oracle.constraints.deserialize(config).get_config() == theirs.get_config()


def test_namespace_is_the_oracles(oracle):
    public = {name for name in dir(oracle.constraints) if not name.startswith("_")}
    assert public == set(constraints.__all__)
    for name in public - {"get", "serialize", "deserialize"}:
        assert getattr(constraints, name).__name__ == getattr(oracle.constraints, name).__name__


@pytest.mark.parametrize("name", list(constraints._BY_NAME))
def test_get_by_name(oracle, name):
    assert type(constraints.get(name)).__name__ == type(oracle.constraints.get(name)).__name__
    assert constraints.get(name).get_config() == oracle.constraints.get(name).get_config()


def test_get_other_identifiers():
    def at_most_one(w):
        return ops.minimum(w, 1.0)

    assert constraints.get(None) is None
    assert constraints.get(at_most_one) is at_most_one
    assert isinstance(constraints.get(constraints.NonNeg), constraints.NonNeg)


def test_custom_class_round_trip():
    @kerasish.saving.register_keras_serializable("test_constraints")
    class AtMost(constraints.Constraint):
        def __init__(self, limit=1.0):
            self.limit = limit

        def __call__(self, w):
            return ops.minimum(w, self.limit)

        def get_config(self):
            return {"limit": self.limit}

    try:
        restored = constraints.get(constraints.serialize(AtMost(0.5)))
        assert isinstance(restored, AtMost)
        assert restored.limit == 0.5
    finally:
        del kerasish.saving.get_custom_objects()["test_constraints>AtMost"]


@pytest.mark.parametrize(
    ("identifier", "message"),
    [("max_nrom", "constraint identifier: 'max_nrom'.*'max_norm'"), (3, "constraint identifier: 3")],
)
def test_unknown_identifiers(identifier, message):
    with pytest.raises(ValueError, match=message):
        constraints.get(identifier)


def test_base_class_changes_nothing():
    w = ops.ones((2,))
    assert constraints.Constraint()(w) is w
    assert constraints.Constraint().get_config() == {}
