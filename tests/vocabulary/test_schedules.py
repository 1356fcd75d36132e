"""Learning rate schedules: values and configs equal to the oracle's, and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish
from kerasish.autograd import Variable
from kerasish.optimizers import SGD, schedules

CASES = [
    ("ExponentialDecay", (0.1, 10, 0.96), {}),
    ("ExponentialDecay", (0.1, 7, 0.5), {"staircase": True, "name": "mine"}),
    ("InverseTimeDecay", (0.1, 3.0, 0.5), {}),
    ("InverseTimeDecay", (0.1, 3, 0.5), {"staircase": True}),
    ("PolynomialDecay", (0.1, 20), {}),
    ("PolynomialDecay", (0.1, 20, 0.01), {"power": 0.5}),
    ("PolynomialDecay", (0.1, 6, 0.01), {"power": 2.0, "cycle": True}),
    ("PiecewiseConstantDecay", ([3, 10], [1.0, 0.5, 0.1]), {}),
    ("PiecewiseConstantDecay", ([5], [1.0, 0.5]), {"name": "mine"}),
    ("PiecewiseConstantDecay", ([2.0, 4.0, 30.0], [1.0, 0.5, 0.1, 0.7]), {}),
    ("CosineDecay", (0.1, 20), {}),
    ("CosineDecay", (0.1, 20), {"alpha": 0.3}),
    ("CosineDecay", (0.0, 20), {"alpha": 0.1, "warmup_target": 0.2, "warmup_steps": 8}),
    ("CosineDecay", (0.5, 20), {"warmup_target": 0.2}),
    ("CosineDecayRestarts", (0.1, 5), {}),
    ("CosineDecayRestarts", (0.1, 5), {"t_mul": 1.0, "m_mul": 0.7, "alpha": 0.1}),
    ("CosineDecayRestarts", (0.1, 4), {"t_mul": 1.5, "m_mul": 0.8}),
]
STEPS = [*range(45), 100, 1000]


def case_id(case):
    name, args, kwargs = case
    return "-".join([name, *map(str, args), *(f"{key}={value}" for key, value in kwargs.items())])


def make(library, case):
    name, args, kwargs = case
    return getattr(library.optimizers.schedules, name)(*args, **kwargs)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_values_equal_the_oracle(oracle, case):
    import jax

    steps = np.asarray(STEPS, "int32")
    expected = np.asarray(jax.vmap(make(oracle, case))(steps))
    schedule, variable = make(kerasish, case), Variable(0, dtype="int32")
    values = []
    for step in STEPS:
        variable.assign(step)
        values.append(schedule(variable))
    assert {(value.shape, value.dtype) for value in values} == {((), "float32")}
    np.testing.assert_allclose([float(value) for value in values], expected, rtol=1e-5, atol=1e-7)
    assert float(schedule(STEPS[7])) == float(values[7])


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_config_equals_the_oracle(oracle, case):
    ours, theirs = make(kerasish, case), make(oracle, case)
    assert ours.get_config() == theirs.get_config()
    config = schedules.serialize(ours)
    assert config == oracle.optimizers.schedules.serialize(theirs)
    rebuilt = schedules.deserialize(config)
    assert type(rebuilt) is type(ours)
    assert rebuilt.get_config() == ours.get_config()
    legacy = {"class_name": case[0], "config": theirs.get_config()}
    assert schedules.deserialize(legacy).get_config() == ours.get_config()


@settings(max_examples=40, deadline=None)
@given(
    start=st.floats(1e-4, 1.0),
    steps=st.integers(1, 500),
    alpha=st.floats(0.0, 1.0),
    step=st.integers(0, 2000),
)
def test_decays_stay_between_their_ends(start, steps, alpha, step):
    for schedule in (
        schedules.CosineDecay(start, steps, alpha=alpha),
        schedules.PolynomialDecay(start, steps, end_learning_rate=start * alpha),
        schedules.CosineDecayRestarts(start, steps, alpha=alpha),
    ):
        assert start * alpha * 0.999 - 1e-7 <= float(schedule(step)) <= start * 1.001


def test_integer_rates_are_floats():
    assert float(schedules.CosineDecay(0, 10, warmup_target=1, warmup_steps=4)(2)) == 0.5
    assert schedules.PiecewiseConstantDecay([1], [1, 2])(0).dtype == "float32"


def test_custom_schedule_drives_an_optimizer():
    class Linear(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5 * (step + 1)

    w, optimizer = Variable([0.0]), SGD(learning_rate=Linear())
    for expected in (-0.5, -1.5, -3.0):
        optimizer.apply([[1.0]], [w])
        assert w.numpy() == [expected]
    assert float(optimizer.learning_rate) == 2.0
    with pytest.raises(NotImplementedError, match=r"'Linear' must override `get_config\(\)`"):
        optimizer.get_config()


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.9),
            ValueError,
            "`decay_steps` must be > 0.*decay_steps=0",
        ),
        (lambda: schedules.InverseTimeDecay(0.1, -1, 0.9), ValueError, "decay_steps=-1"),
        (lambda: schedules.PolynomialDecay(0.1, 0), ValueError, "`decay_steps` must be > 0"),
        (lambda: schedules.CosineDecay(0.1, 0), ValueError, "`decay_steps` must be > 0"),
        (lambda: schedules.CosineDecayRestarts(0.1, 0), ValueError, "`first_decay_steps` must be > 0"),
        (
            lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
            ValueError,
            "length of boundaries should be 1 less than the length of values",
        ),
        (lambda: schedules.LearningRateSchedule()(0), NotImplementedError, "must override `__call__"),
        (
            lambda: schedules.deserialize({"class_name": "CosineDeca", "config": {}}),
            TypeError,
            "Did you mean 'CosineDecay'",
        ),
    ],
)
def test_errors(build, error, message):
    with pytest.raises(error, match=message):
        build()
