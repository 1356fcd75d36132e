"""Optimizers: updates, variables and configs equal to the oracle's, state exchanged with it, and errors."""

import copy
import inspect
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish
from kerasish import ops, optimizers
from kerasish.autograd import Variable
from kerasish.autograd.state import state

SHAPES = {"kernel": (3, 4), "bias": (4,), "stack": (2, 3, 2), "tall_embedding": (5, 2), "scale": ()}

RULES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.1, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "rho": 0.8}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Ftrl", {}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.3,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.01,
            "beta": 0.5,
        },
    ),
    ("Lion", {}),
    ("Lamb", {}),
    ("Adafactor", {}),
    ("Adafactor", {"learning_rate": 0.5, "relative_step": False, "clip_threshold": 0.5}),
    ("Muon", {}),
    ("Muon", {"exclude_layers": ["kern"], "exclude_embeddings": False, "nesterov": False, "rms_rate": None}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 7, "beta_1": 0.95}),
]
OPTIONS = [
    {"clipnorm": 0.5},
    {"clipvalue": 0.2},
    {"global_clipnorm": 0.5},
    {"weight_decay": 0.1},
    {"clipnorm": 0.5, "weight_decay": 0.1},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_overwrite_frequency": 4, "clipvalue": 0.5},
    {"gradient_accumulation_steps": 3},
    {
        "gradient_accumulation_steps": 3,
        "use_ema": True,
        "ema_overwrite_frequency": 2,
        "global_clipnorm": 0.3,
        "weight_decay": 0.01,
    },
    {"loss_scale_factor": 128.0},
    {"learning_rate": ("ExponentialDecay", 0.05, 10, 0.8)},
    {"learning_rate": ("CosineDecay", 0.05, 30), "weight_decay": 0.1, "gradient_accumulation_steps": 2},
]
OPTIONED = [("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {"amsgrad": True})]
CASES = [
    *RULES,
    *((name, {**kwargs, **options}) for name, kwargs in OPTIONED for options in OPTIONS),
    ("Nadam", {"gradient_accumulation_steps": 3}),
    ("Muon", {"weight_decay": None}),
]


def case_id(case):
    name, kwargs = case
    return name + "".join(f"-{key}={value}" for key, value in kwargs.items())


def make(library, case):
    """The case's optimizer, of either library."""
    name, kwargs = case
    kwargs = dict(kwargs)
    if isinstance(kwargs.get("learning_rate"), tuple):
        schedule, *args = kwargs["learning_rate"]
        kwargs["learning_rate"] = getattr(library.optimizers.schedules, schedule)(*args)
    return getattr(library.optimizers, name)(**kwargs)


def make_variables(library, count=None):
    rng = np.random.default_rng(0)
    shapes = list(SHAPES.items())[:count]
    return [library.Variable(rng.normal(size=shape).astype("float32"), name=name) for name, shape in shapes]


def gradients(seed, steps, shapes=None):
    """Random gradients of very different sizes; now and then exactly zero."""
    rng = np.random.default_rng(seed)
    for step in range(steps):
        scale = np.float32(0.0 if step % 17 == 5 else 10.0 ** rng.uniform(-3, 1))
        yield [np.asarray(rng.normal(size=shape) * scale, "float32") for shape in shapes or SHAPES.values()]


def run(optimizer, variables, seed, steps):
    for grads in gradients(seed, steps, [v.shape for v in variables]):
        optimizer.apply(grads, variables)


def oracle_steps(optimizer, variables):
    """Return a function like `run` of the oracle's, by one compiled loop or, for a few steps, one compiled step."""
    import jax

    optimizer.build(variables)

    @jax.jit
    def step(state, grads):
        trained, slots = optimizer.stateless_apply(state[1], grads, state[0])
        return trained, slots

    @jax.jit
    def loop(state, stacked):
        return jax.lax.scan(lambda state, grads: (step(state, grads), None), state, stacked)[0]

    def run(seed, steps):
        drawn = list(gradients(seed, steps, [v.shape for v in variables]))
        state = ([v.value for v in variables], [v.value for v in optimizer.variables])
        if steps < 10:
            for grads in drawn:
                state = step(state, grads)
        else:
            state = loop(state, [np.stack(grads) for grads in zip(*drawn, strict=True)])
        trained, slots = state
        for variable, value in zip([*variables, *optimizer.variables], [*trained, *slots], strict=True):
            variable.assign(value)

    return run


def assert_equal(ours, theirs, rtol=2e-5, atol=2e-6):
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=rtol, atol=atol, err_msg=mine.path)


def shapes_that_matter(case):
    """How many of the variables: all where the rule depends on shapes, a few where it is elementwise."""
    return len(SHAPES) if case[0] in ("Adafactor", "Lamb", "Muon") else 2


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_a_hundred_steps_equal_the_oracle(oracle, case):
    ours, theirs = make(kerasish, case), make(oracle, case)
    count = shapes_that_matter(case)
    variables, expected = make_variables(kerasish, count), make_variables(oracle, count)
    run(ours, variables, seed=1, steps=100)
    oracle_steps(theirs, expected)(seed=1, steps=100)
    assert_equal(variables, expected)
    assert_equal(ours.variables, theirs.variables)
    assert int(ours.iterations) == int(theirs.iterations)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_variables_and_config_equal_the_oracle(oracle, case):
    named = case[0], {**case[1], "name": "opt"}
    ours, theirs = make(kerasish, named), make(oracle, named)
    assert ours.get_config() == theirs.get_config()
    ours.build(make_variables(kerasish))
    theirs.build(make_variables(oracle))
    variables, expected = ours.variables, theirs.variables
    if case[0] == "Nadam":  # one of its variables has an automatic name
        assert variables.pop().shape == expected.pop().shape == ()
    assert [(v.name, v.shape, v.dtype) for v in variables] == [(v.name, v.shape, v.dtype) for v in expected]
    assert [v.path for v in variables] == [f"opt/{v.name}" for v in variables]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_serialized_as_the_oracle_does_and_rebuilt(oracle, case):
    ours = make(kerasish, case)
    config = optimizers.serialize(ours)
    ours.name = "same"
    theirs = make(oracle, case)
    theirs.name = "same"
    assert optimizers.serialize(ours) == oracle.optimizers.serialize(theirs)
    rebuilt = optimizers.deserialize(oracle.optimizers.serialize(theirs))
    assert type(rebuilt) is type(ours)
    assert rebuilt.get_config() == ours.get_config()
    assert optimizers.get(config).get_config() == optimizers.deserialize(config).get_config()


@pytest.mark.parametrize("name", [n for n in optimizers.__all__ if n[0].isupper() and n != "Optimizer"])
def test_signature_equals_the_oracle(oracle, name):
    def described(cls):
        return [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]

    assert described(getattr(optimizers, name)) == described(getattr(oracle.optimizers, name))


@pytest.mark.parametrize("case", [*RULES, ("Adam", OPTIONS[6]), ("SGD", OPTIONS[8])], ids=case_id)
def test_state_goes_over_to_the_oracle_and_back(oracle, case):
    count = shapes_that_matter(case)
    theirs, expected = make(oracle, case), make_variables(oracle, count)
    run_theirs = oracle_steps(theirs, expected)
    run_theirs(seed=2, steps=4)
    store = {}
    theirs.save_own_variables(store)

    ours, variables = make(kerasish, case), make_variables(kerasish, count)
    ours.build(variables)
    ours.load_own_variables(store)
    for variable, value in zip(variables, expected, strict=True):
        variable.assign(np.asarray(value))
    run(ours, variables, seed=3, steps=4)

    back = {}
    ours.save_own_variables(back)
    assert list(back) == list(store)
    run_theirs(seed=3, steps=4)
    assert_equal(variables, expected)
    theirs.load_own_variables(back)
    assert_equal(ours.variables, theirs.variables, rtol=0, atol=0)


# The base class.


def one_variable(value=(1.0, 2.0), **kwargs):
    return Variable(np.asarray(value, "float32"), name="w", **kwargs)


def test_user_defined_optimizer():
    class Momentum(optimizers.Optimizer):
        def __init__(self, learning_rate=0.1, **kwargs):
            super().__init__(learning_rate=learning_rate, **kwargs)
            self.counter = Variable(0.0, name="counter")

        def build(self, variables):
            super().build(variables)
            self.momentums = []
            for variable in variables:
                self.momentums.append(self.add_variable_from_reference(variable, name="momentum"))

        def update_step(self, gradient, variable, learning_rate):
            m = self.momentums[self._get_variable_index(variable)]
            self.assign(m, ops.add(ops.multiply(m, 0.5), gradient))
            self.assign_sub(variable, ops.multiply(m, ops.cast(learning_rate, variable.dtype)))
            self.assign_add(self.counter, 1.0)

    optimizer, w = Momentum(name="mine", clipvalue=1.0), one_variable()
    optimizer.apply_gradients([(ops.convert_to_tensor([1.0, 4.0]), w)])
    optimizer.apply([[1.0, 4.0]])
    np.testing.assert_allclose(w.numpy(), [0.75, 1.75], rtol=1e-6)
    assert [v.path for v in optimizer.variables] == [
        "mine/iteration",
        "mine/learning_rate",
        "counter",
        "mine/w_momentum",
    ]
    assert int(optimizer.iterations) == 2
    assert float(optimizer.counter) == 2.0


def test_learning_rate_can_be_read_and_set():
    w, optimizer = one_variable([1.0]), optimizers.SGD(learning_rate=0.5)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    optimizer.apply([[1.0]], [w])
    assert w.numpy() == [0.75]
    assert len(optimizer.variables) == 2
    optimizer.learning_rate = optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    assert [v.name for v in optimizer.variables] == ["iteration"]
    optimizer.apply([[1.0]])
    assert w.numpy() == [0.5]
    with pytest.raises(TypeError, match="created with a `LearningRateSchedule`"):
        optimizer.learning_rate = 0.1


def test_callable_learning_rate_is_asked_once_a_step():
    rates = iter([1.0, 0.5])
    variables = [one_variable([1.0]), one_variable([1.0])]
    optimizer = optimizers.SGD(learning_rate=lambda: next(rates), weight_decay=0.0)
    optimizer.apply([[1.0], [1.0]], variables)
    optimizer.apply([[1.0], [1.0]], variables)
    assert [v.numpy().tolist() for v in variables] == [[-0.5], [-0.5]]


def test_weight_decay_leaves_out_excluded_variables(oracle):
    results = []
    for library in (kerasish, oracle):
        variables = make_variables(library)
        optimizer = library.optimizers.SGD(learning_rate=0.5, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_list=variables[:1], var_names=["bias", "^sca"])
        optimizer.apply([np.zeros(v.shape, "float32") for v in variables], variables)
        results.append([np.asarray(v.value) for v in variables])
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6)
    unchanged = [
        bool((r == s.numpy()).all()) for r, s in zip(results[0], make_variables(kerasish), strict=True)
    ]
    assert unchanged == [True, True, False, False, True]


def test_averages_become_the_final_values():
    optimizer, w = optimizers.SGD(learning_rate=1.0, use_ema=True, ema_momentum=0.5), one_variable([4.0])
    optimizer.apply([[1.0]], [w])
    optimizer.apply([[1.0]])
    assert w.numpy() == [2.0]
    optimizer.finalize_variable_values([w])
    assert w.numpy() == [2.5]
    with pytest.raises(ValueError, match="length of model variables"):
        optimizer.finalize_variable_values([w, w])


def test_constraints_hold_after_the_update():
    w = one_variable([1.0, 1.0])
    w.constraint = kerasish.constraints.NonNeg()
    optimizers.SGD(learning_rate=1.0).apply([[0.5, 3.0]], [w])
    assert w.numpy().tolist() == [0.5, 0.0]


def test_loss_scale():
    optimizer, w = optimizers.SGD(learning_rate=1.0, loss_scale_factor=1024.0), one_variable([1.0])
    assert optimizer.scale_loss(2.0) == 2048.0
    optimizer.apply([[1024.0]], [w])
    assert w.numpy() == [0.0]
    assert optimizers.SGD().scale_loss(2.0) == 2.0


@pytest.mark.parametrize("steps", [None, 2])
def test_gradients_that_overwrite_their_variables(oracle, steps):
    results = []
    for library in (kerasish, oracle):
        variables = make_variables(library)
        variables[0].overwrite_with_gradient = True
        optimizer = library.optimizers.Adam(gradient_accumulation_steps=steps)
        for grads in gradients(4, 3):
            optimizer.apply([library.ops.convert_to_tensor(g) for g in grads], variables)
        results.append([np.asarray(v.value) for v in [*variables, *optimizer.variables]])
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_variables_without_gradient_stay_and_are_named():
    a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
    optimizer = optimizers.SGD(learning_rate=1.0)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['a'\]"):
        optimizer.apply_gradients([(None, a), ([1.0], b)])
    assert (a.numpy(), b.numpy()) == ([1.0], [0.0])
    optimizer.apply([])
    assert int(optimizer.iterations) == 1


def test_some_of_the_variables():
    a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
    optimizer = optimizers.Adam(learning_rate=1.0, gradient_accumulation_steps=2)
    optimizer.build([a, b])
    for _ in range(2):
        optimizer.apply([[1.0]], [b])
    assert a.numpy() == [1.0]
    assert b.numpy() == pytest.approx([0.0], abs=1e-5)


def test_half_precision_variables_and_wide_gradients(oracle):
    results = []
    for library in (kerasish, oracle):
        w = library.Variable(np.ones(2, "float16"), dtype="float16", name="w")
        v = library.Variable(np.ones(2, "float32"), name="v")
        optimizer = library.optimizers.Adam(learning_rate=0.5, weight_decay=0.1, use_ema=True)
        for _ in range(3):
            optimizer.apply([np.ones(2, "float32"), np.ones(2, "float64")], [w, v])
        results.append([w, v, *optimizer.variables])
    assert [v.dtype for v in results[0]] == [v.dtype for v in results[1]]
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=5e-3, atol=1e-6)


def test_stateless_apply_changes_nothing_and_agrees():
    optimizer, variables = optimizers.Adam(), make_variables(kerasish)
    optimizer.build(variables)
    grads = next(gradients(5, 1))
    before = [v.numpy().copy() for v in [*variables, *optimizer.variables]]
    trained, slots = optimizer.stateless_apply(
        [v.value for v in optimizer.variables],
        [ops.convert_to_tensor(g) for g in grads],
        [v.value for v in variables],
    )
    for variable, value in zip([*variables, *optimizer.variables], before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    optimizer.apply(grads)
    for variable, value in zip([*variables, *optimizer.variables], [*trained, *slots], strict=True):
        np.testing.assert_array_equal(variable.numpy(), value.numpy())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_go_on_from_the_same_state(duplicate):
    optimizer, w = optimizers.Adam(learning_rate=0.1), one_variable()
    optimizer.apply([[1.0, 2.0]], [w])
    twin = duplicate(optimizer)
    optimizer.apply([[3.0, 1.0]])
    twin.apply([[3.0, 1.0]])
    (copied,) = twin._trainable_variables
    assert copied is not w
    np.testing.assert_array_equal(copied.numpy(), w.numpy())


@settings(max_examples=25, deadline=None)
@given(limit=st.floats(0.01, 10.0), scale=st.sampled_from([0.0, 1e-3, 1.0, 1e3]), seed=st.integers(0, 99))
def test_clipped_gradients_keep_their_direction_and_the_limit(limit, scale, seed):
    rng = np.random.default_rng(seed)
    grads = [ops.convert_to_tensor((rng.normal(size=4) * scale).astype("float32")) for _ in range(2)]
    for option in ("clipnorm", "global_clipnorm"):
        clipped = optimizers.SGD(**{option: limit})._clip_gradients(grads)
        groups = [[0], [1]] if option == "clipnorm" else [[0, 1]]
        for group in groups:
            before = np.concatenate([grads[i].numpy() for i in group])
            after = np.concatenate([clipped[i].numpy() for i in group])
            norm = np.linalg.norm(before)
            expected = before if norm <= limit else before * (limit / norm)
            np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-7)


def test_a_gradient_that_is_not_finite_shows_after_global_clipping():
    clipped = optimizers.SGD(global_clipnorm=1.0)._clip_gradients(
        [ops.convert_to_tensor([np.inf, 1.0]), ops.convert_to_tensor([1.0])]
    )
    assert np.isnan(clipped[1].numpy()).all()


def test_dynamic_loss_scale_equals_the_oracle(oracle):
    results = []
    for library in (kerasish, oracle):
        variables = make_variables(library)
        inner = library.optimizers.Adam()
        optimizer = library.optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic_growth_steps=2)
        optimizer.build(variables)
        scales = []
        for step, grads in enumerate(gradients(6, 6)):
            grads = [library.ops.convert_to_tensor(g * np.inf if step == 3 else g) for g in grads]
            if library is kerasish:
                optimizer.apply(grads, variables)
            else:  # on JAX only the stateless step can skip
                values = [v.value for v in optimizer.variables], grads, [v.value for v in variables]
                trained, slots = optimizer.stateless_apply(*values)
                for variable, value in zip(
                    [*variables, *optimizer.variables], [*trained, *slots], strict=True
                ):
                    variable.assign(value)
            scales.append(float(optimizer.scale_loss(1.0)))
        results.append([np.asarray(v.value) for v in [*variables, *optimizer.variables]] + scales)
    for mine, other in zip(*results, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


def test_loss_scale_optimizer_goes_through_its_config(oracle):
    theirs = oracle.optimizers.LossScaleOptimizer(oracle.optimizers.SGD(0.5, name="inner"), name="outer")
    config = oracle.optimizers.serialize(theirs)
    ours = optimizers.deserialize(config)
    assert type(ours.inner_optimizer) is optimizers.SGD
    assert optimizers.serialize(ours) == config
    with pytest.raises(ValueError, match="does not support `clipnorm`"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)


# Tracing: the same step on tensors without values records a graph that computes the same.


class Trace:
    """Stands between variables and their arrays while a step is recorded, as the compiler's scope does."""

    def __init__(self):
        self.inputs, self.values = {}, {}

    def current(self, argument):
        if not isinstance(argument, Variable):
            return argument
        if id(argument) not in self.values:
            shown = kerasish.KerasTensor(argument._array.shape, argument._array.dtype.name)
            self.inputs[id(shown)] = self.values[id(argument)] = shown
            shown.stands_for = argument
        return self.values[id(argument)]

    def read(self, variable):
        return self.current(variable)._value

    def assign(self, variable, value):
        self.values[id(variable)] = ops.cast(value, variable._array.dtype.name)


def evaluate(tensor, known):
    """The value of a recorded tensor, given those of the graph's inputs by id."""
    if id(tensor) not in known:
        node = tensor._node
        if node is None:
            return tensor
        inputs = [evaluate(i, known) if isinstance(i, kerasish.Tensor) else i for i in node.inputs]
        result = node.prim(*inputs, **node.params)
        known[id(tensor)] = result[tensor._index] if isinstance(result, tuple) else result
    return known[id(tensor)]


LOSS_SCALED = ("LossScaleOptimizer", {"initial_scale": 4.0, "dynamic_growth_steps": 2})


@pytest.mark.parametrize("case", [*CASES, LOSS_SCALED], ids=case_id)
def test_a_traced_step_computes_what_an_eager_one_does(case):
    count = shapes_that_matter(case)

    def build():
        variables = make_variables(kerasish, count)
        if case is LOSS_SCALED:
            optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(), **case[1])
        else:
            optimizer = make(kerasish, case)
        optimizer.build(variables)
        return optimizer, variables

    eager, expected = build()
    traced, variables = build()
    symbolic = [kerasish.KerasTensor(variable.shape) for variable in variables]
    trace, outer = Trace(), state.overlay
    state.overlay = trace
    try:
        traced.apply(symbolic, variables)
    finally:
        state.overlay = outer
    everything = [*variables, *traced.variables]
    for step, grads in enumerate(gradients(8, 4, [v.shape for v in variables])):
        if case is LOSS_SCALED and step == 2:
            grads[0] = grads[0] * np.inf
        eager.apply(grads, expected)
        known = {id(s): ops.convert_to_tensor(g) for s, g in zip(symbolic, grads, strict=True)}
        known.update({key: shown.stands_for.value for key, shown in trace.inputs.items()})
        changed = [variable for variable in everything if id(variable) in trace.values]
        values = [evaluate(trace.current(variable), known) for variable in changed]
        for variable, value in zip(changed, values, strict=True):
            variable.assign(value)
    assert_equal(everything, [*expected, *eager.variables], rtol=1e-6, atol=1e-7)


# Names and errors.


@pytest.mark.parametrize(
    "name", ["adam", "Adam", "ADAM", "sgd", "SGD", "rmsprop", "RMSprop", "AdamW", "adamw", "nadam"]
)
def test_get_by_name(oracle, name):
    ours, theirs = optimizers.get(name), oracle.optimizers.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert optimizers.get(ours) is ours
    assert optimizers.get(None) is None
    legacy = {"class_name": name, "config": {"learning_rate": 0.5}}
    assert float(optimizers.get(legacy).learning_rate) == 0.5


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.get("adma"), ValueError, "Did you mean .*'adam'"),
        (lambda: optimizers.get(3), ValueError, "Could not interpret optimizer identifier: 3"),
        (lambda: optimizers.SGD(learning_rate=1), ValueError, "`learning_rate` should be float"),
        (lambda: optimizers.SGD(learning_rate="high"), ValueError, "learning_rate=high"),
        (
            lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0),
            ValueError,
            "Only one of `clipnorm`, `clipvalue`",
        ),
        (lambda: optimizers.SGD(clipnorm=1.0, global_clipnorm=1.0), ValueError, "Only one of `clipnorm`"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=1.5), ValueError, r"in the range \[0, 1\].*1.5"),
        (
            lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=-1),
            ValueError,
            "integer >= 1 or None",
        ),
        (
            lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=1.5),
            ValueError,
            "integer >= 1 or None",
        ),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), ValueError, "must be an integer >= 2"),
        (lambda: optimizers.SGD(momentum=1.5), ValueError, r"`momentum` must be a float between \[0, 1\]"),
        (lambda: optimizers.SGD(momentum=1), ValueError, "momentum=1"),
        (lambda: optimizers.SGD(lr=0.1), ValueError, r"not recognized: {'lr': 0.1}"),
        (lambda: optimizers.AdamW(weight_decay=None), ValueError, "`weight_decay` must be a float"),
        (lambda: optimizers.Lion(beta_1=0.0), ValueError, "degenerates to SignSGD"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), ValueError, "needs to be negative or zero"),
        (lambda: optimizers.Ftrl(beta=0.0, l1_regularization_strength=-1.0), ValueError, "positive or zero"),
        (lambda: optimizers.SGD().apply([[1.0, 1.0]]), ValueError, "must already be built"),
        (
            lambda: optimizers.SGD().set_weights([]),
            ValueError,
            r"calling `set_weights\(\)`.*not yet been built",
        ),
        (lambda: optimizers.SGD().stateless_apply([], [], []), ValueError, "must be built"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_unsupported_decay_argument_warns():
    with pytest.warns(UserWarning, match="`decay` is no longer supported"):
        optimizers.SGD(decay=0.1)


@pytest.mark.parametrize(
    ("grads", "variables", "message"),
    [
        ([[1.0]], None, "Received a list of 1 gradients, but the optimizer is tracking 2"),
        ([[1.0]], [0, 1], "a list of 1 gradients and a list of 2 variables"),
        ([[1.0]], [2], "Unknown variable.*path=other"),
        ([None, None], None, "No gradients provided for any variable"),
        ([[1.0], [1.0, 2.0]], None, r"gradient of variable 'b' must have the variable's shape \(1,\)"),
    ],
)
@pytest.mark.parametrize("steps", [None, 2])
def test_bad_gradients_change_nothing(grads, variables, message, steps):
    known = [Variable([1.0], name="a"), Variable([2.0], name="b"), Variable([3.0], name="other")]
    optimizer = optimizers.Adam(gradient_accumulation_steps=steps)
    optimizer.build(known[:2])
    before = [v.numpy().copy() for v in [*known, *optimizer.variables]]
    with pytest.raises(ValueError, match=message):
        optimizer.apply(grads, None if variables is None else [known[i] for i in variables])
    for variable, value in zip([*known, *optimizer.variables], before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert optimizer._step_factors == []


def test_weights_of_another_shape_change_nothing():
    optimizer, w = optimizers.SGD(momentum=0.9), one_variable()
    optimizer.build([w])
    with pytest.raises(ValueError, match=r"sgd\w*/w_momentum has shape \(2,\) not compatible.*\(3,\)"):
        optimizer.set_weights([np.int32(7), np.float32(0.5), np.zeros(3)])
    assert int(optimizer.iterations) == 0
    optimizer.set_weights([np.int32(7), np.float32(0.5), np.ones(2)])
    assert int(optimizer.iterations) == 7
    assert optimizer.momentums[0].numpy().tolist() == [1.0, 1.0]


def test_another_number_of_saved_variables_is_skipped_with_a_warning():
    optimizer = optimizers.Adam(name="opt")
    optimizer.build([one_variable()])
    with pytest.warns(
        UserWarning, match="Skipping variable loading for optimizer 'opt', because it has 4 variables"
    ):
        optimizer.load_own_variables({"0": np.int32(3)})
    assert int(optimizer.iterations) == 0


def test_forgotten_super_call():
    class Forgetful(optimizers.Optimizer):
        def __init__(self):
            self.momentum = 0.9

    with pytest.raises(RuntimeError, match=r"forgot to call `super\(\).__init__\(\)`"):
        Forgetful()


def test_missing_update_rule():
    with pytest.raises(NotImplementedError, match="must override `update_step"):
        optimizers.Optimizer(learning_rate=0.1).apply([[1.0, 1.0]], [one_variable()])


def test_a_step_records_nothing_for_gradients():
    w, optimizer = one_variable(), optimizers.Adam(weight_decay=0.1, use_ema=True)
    with kerasish.GradientTape() as tape:
        loss = ops.sum(w * w)
    gradient = tape.gradient(loss, w)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.apply([gradient], [w])
    assert not any(v._node for v in [w, *optimizer.variables])
