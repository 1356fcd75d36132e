"""Losses give what Keras's give: values, gradients, reductions, weights, masks, configs and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish
from kerasish import autograd, losses, ops

rng = np.random.default_rng(0)


def _probabilities(*shape):
    x = rng.uniform(0.05, 1.0, shape).astype("float32")
    return x / x.sum(-1, keepdims=True)


REAL = (rng.normal(size=(6, 5)).astype("float32"), rng.normal(size=(6, 5)).astype("float32"))
POSITIVE = (rng.uniform(0.1, 3, (6, 5)).astype("float32"), rng.uniform(0.1, 3, (6, 5)).astype("float32"))
BINARY = (rng.integers(0, 2, (6, 5)), rng.uniform(0.01, 0.99, (6, 5)).astype("float32"))
SIGNED = (rng.integers(0, 2, (6, 5)) * 2 - 1, rng.normal(size=(6, 5)).astype("float32"))
BINARY_LOGITS = (rng.integers(0, 2, (6, 5)), (10 * rng.normal(size=(6, 5))).astype("float32"))
ONE_HOT = (np.eye(5, dtype="float32")[rng.integers(0, 5, 6)], _probabilities(6, 5))
ONE_HOT_LOGITS = (ONE_HOT[0], (5 * rng.normal(size=(6, 5))).astype("float32"))
SPARSE = (rng.integers(0, 5, 6), _probabilities(6, 5))
SPARSE_LOGITS = (SPARSE[0].astype("uint8"), ONE_HOT_LOGITS[1])
SPARSE_2D = (rng.integers(0, 5, (6, 3)), _probabilities(6, 3, 5))
MASKS = (
    rng.integers(0, 2, (6, 4, 3, 1)).astype("float32"),
    rng.uniform(size=(6, 4, 3, 1)).astype("float32"),
)
EMBEDDINGS = rng.normal(size=(6, 5)).astype("float32")
# Nobody shares the class of the last sample, which has no loss then.
EMBEDDED = (
    np.array([0, 1, 0, 1, 1, 2]),
    EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True),
)
WITH_IGNORED = (np.array([0, -1, 4, -1, 2, 1]), _probabilities(6, 5))

SEQUENCES = (np.array([[1, 2, 1, 0], [3, 3, 0, 0]], "int32"), rng.normal(size=(2, 7, 4)).astype("float32"))
CASES = [
    ("MeanSquaredError", {}, REAL),
    ("MeanAbsoluteError", {}, REAL),
    ("MeanAbsolutePercentageError", {}, REAL),
    ("MeanSquaredLogarithmicError", {}, POSITIVE),
    ("CosineSimilarity", {}, REAL),
    ("CosineSimilarity", {"axis": 1}, (REAL[0].reshape(2, 3, 5), REAL[1].reshape(2, 3, 5))),
    ("Huber", {}, REAL),
    ("Huber", {"delta": 0.3}, REAL),
    ("LogCosh", {}, REAL),
    ("Hinge", {}, BINARY),
    ("Hinge", {}, SIGNED),
    ("SquaredHinge", {}, SIGNED),
    ("CategoricalHinge", {}, ONE_HOT),
    ("KLDivergence", {}, (_probabilities(6, 5), _probabilities(6, 5))),
    ("Poisson", {}, POSITIVE),
    ("BinaryCrossentropy", {}, BINARY),
    ("BinaryCrossentropy", {"from_logits": True}, BINARY_LOGITS),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, BINARY),
    ("BinaryFocalCrossentropy", {}, BINARY),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.4, "gamma": 1.5}, BINARY),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, REAL[::-1]),
    ("CategoricalCrossentropy", {}, ONE_HOT),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT_LOGITS),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT),
    ("CategoricalCrossentropy", {"axis": 1}, (BINARY[0].reshape(2, 3, 5), BINARY[1].reshape(2, 3, 5))),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ONE_HOT_LOGITS),
    ("SparseCategoricalCrossentropy", {}, SPARSE),
    ("SparseCategoricalCrossentropy", {}, (SPARSE[0][:, None].astype("float32"), SPARSE[1])),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, SPARSE_LOGITS),
    ("SparseCategoricalCrossentropy", {}, SPARSE_2D),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, WITH_IGNORED),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2, "from_logits": True}, SPARSE_LOGITS),
    ("Dice", {}, MASKS),
    ("Dice", {"axis": (1, 2, 3)}, MASKS),
    ("Tversky", {}, MASKS),
    ("Tversky", {"alpha": 0.2, "beta": 0.7, "axis": [1, 2]}, MASKS),
    ("Circle", {}, EMBEDDED),
    ("Circle", {"gamma": 4.0, "margin": 0.2, "remove_diagonal": False}, EMBEDDED),
    ("CTC", {}, SEQUENCES),
    ("CategoricalGeneralizedCrossEntropy", {}, SPARSE),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, SPARSE),
]
IDS = [f"{name}-{'-'.join(map(str, kwargs.values()))}-{i}" for i, (name, kwargs, _) in enumerate(CASES)]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]


def close(ours, theirs, **tolerance):
    np.testing.assert_allclose(
        np.asarray(ours.numpy()), np.asarray(theirs), **{"rtol": 2e-5, "atol": 2e-6, **tolerance}
    )


def reductions_of(name):
    return REDUCTIONS if name in ("MeanSquaredError", "SparseCategoricalCrossentropy") else REDUCTIONS[:1]


def weights_of(shape):
    return np.random.default_rng(7).uniform(0, 2, shape).astype("float32")


@pytest.fixture(scope="module")
def expected(oracle, at_once):
    """What Keras computes, by the place of the case: by reduction the loss, with weights too, and the gradient."""
    import jax

    def of(name, kwargs):
        made = {r: getattr(oracle.losses, name)(**kwargs, reduction=r) for r in reductions_of(name)}
        default = getattr(oracle.losses, name)(**kwargs)

        def function(y_true, y_pred):
            values = default.call(*(oracle.ops.convert_to_tensor(x, "float32") for x in (y_true, y_pred)))
            weight = weights_of(values.shape)
            # One computation gives the loss and its gradient: nothing optimizes a second one away.
            loss, gradient = jax.value_and_grad(lambda p: default(y_true, p))(y_pred.astype("float32"))
            results = [
                (
                    loss if reduction == default.reduction else f(y_true, y_pred),
                    f(y_true, y_pred, sample_weight=weight),
                )
                for reduction, f in made.items()
            ]
            return values, results, gradient

        return function

    return at_once([of(name, kwargs) for name, kwargs, _ in CASES])([data for _, _, data in CASES])


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_values_and_reductions_are_those_of_keras(expected, case):
    name, kwargs, data = CASES[case]
    values, results, _ = expected[case]
    for reduction, (plain, weighted) in zip(reductions_of(name), results, strict=True):
        ours = getattr(losses, name)(**kwargs, reduction=reduction)
        close(ours(*data), plain)
        close(ours(*data, sample_weight=weights_of(values.shape)), weighted)


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_gradients_are_those_of_keras(expected, case):
    name, kwargs, data = CASES[case]
    ours = getattr(losses, name)(**kwargs)
    y_pred = kerasish.Tensor(data[1].astype("float32"), requires_grad=True)
    ours(data[0], y_pred).backward()
    # The gradient of a loss with ignored classes is NaN in Keras where rows of zeros are normalised.
    close(y_pred.grad, np.nan_to_num(np.asarray(expected[case][2])), rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize(("name", "kwargs", "data"), CASES, ids=IDS)
def test_configs_are_those_of_keras(oracle, name, kwargs, data):
    ours = getattr(losses, name)(**kwargs, name="a_name", reduction="sum")
    theirs = getattr(oracle.losses, name)(**kwargs, name="a_name", reduction="sum")
    assert ours.get_config() == theirs.get_config()
    assert losses.serialize(ours) == oracle.losses.serialize(theirs)
    again = losses.deserialize(oracle.losses.serialize(theirs))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    assert getattr(losses, name)().name == getattr(oracle.losses, name)().name


@pytest.mark.parametrize(
    "weight_shape", [(), (1,), (4,), (4, 1), (4, 3)], ids=["scalar", "one", "sample", "column", "full"]
)
def test_weights_broadcast_as_in_keras(oracle, weight_shape):
    y_true, y_pred = rng.normal(size=(2, 4, 3, 2)).astype("float32")
    weight = rng.uniform(0.5, 2, weight_shape).astype("float32")
    for reduction in REDUCTIONS:
        try:
            expected = oracle.losses.MeanSquaredError(reduction)(y_true, y_pred, weight)
        except (TypeError, ValueError):  # JAX: shapes do not broadcast
            with pytest.raises(ValueError, match=r"sample_weight.shape=\(4,\)"):
                losses.MeanSquaredError(reduction)(y_true, y_pred, weight)
        else:
            close(losses.MeanSquaredError(reduction)(y_true, y_pred, weight), expected)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mask", [[True, False, True, True], [False] * 4])
def test_masks_leave_values_out_as_in_keras(oracle, reduction, weighted, mask):
    from keras.src import backend

    y_true, y_pred = rng.normal(size=(2, 4, 3)).astype("float32")
    weight = np.array([1.0, 2.0, 0.5, 3.0], "float32") if weighted else None
    ours = ops.convert_to_tensor(y_pred)
    ours._keras_mask = ops.convert_to_tensor(mask)
    theirs = oracle.ops.convert_to_tensor(y_pred)
    backend.set_keras_mask(theirs, oracle.ops.convert_to_tensor(mask))
    close(
        losses.MeanSquaredError(reduction)(y_true, ours, weight),
        oracle.losses.MeanSquaredError(reduction)(y_true, theirs, weight),
    )


@pytest.mark.parametrize(
    "shapes", [((4,), (4,)), ((4, 1), (4,)), ((4,), (4, 1)), ((0, 3), (0, 3)), ((4, 3, 1), (4, 3))], ids=str
)
@pytest.mark.parametrize("name", ["MeanSquaredError", "MeanAbsoluteError", "Huber"])
def test_ranks_that_differ_by_one_are_matched_as_in_keras(oracle, name, shapes):
    y_true, y_pred = (rng.normal(size=shape).astype("float32") for shape in shapes)
    close(getattr(losses, name)()(y_true, y_pred), getattr(oracle.losses, name)()(y_true, y_pred))
    ours = getattr(losses, losses.get(name).fn.__name__)
    theirs = getattr(oracle.losses, ours.__name__)
    close(ours(y_true, y_pred), theirs(y_true, y_pred))


@settings(max_examples=40, deadline=None)
@given(
    logits=st.lists(st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=3), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_sparse_and_one_hot_crossentropies_agree(logits, seed):
    logits = np.array(logits, "float32")
    labels = np.random.default_rng(seed).integers(0, 3, len(logits))
    one_hot = np.eye(3, dtype="float32")[labels]
    for from_logits in (True, False):
        y_pred = logits if from_logits else ops.softmax(logits)
        sparse = losses.sparse_categorical_crossentropy(labels, y_pred, from_logits=from_logits)
        dense = losses.categorical_crossentropy(one_hot, y_pred, from_logits=from_logits)
        close(sparse, dense.numpy(), atol=1e-5)


def test_ignored_samples_with_nan_predictions_do_no_harm():
    y_pred = _probabilities(3, 4)
    y_pred[1] = np.nan
    y_pred = kerasish.Tensor(y_pred, requires_grad=True)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)(np.array([1, -1, 2]), y_pred)
    loss.backward()
    assert np.isfinite(loss.numpy())
    assert np.isfinite(y_pred.grad.numpy()).all()
    assert (y_pred.grad.numpy()[1] == 0).all()


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_dtype_is_that_of_the_computation(dtype):
    assert losses.MeanSquaredError(dtype=dtype)(*REAL).dtype == dtype
    assert losses.MeanSquaredError(dtype=dtype).dtype == dtype
    assert losses.MeanSquaredError()(REAL[0].astype("float64"), REAL[1].astype("float16")).dtype == "float32"


ALIASES = [
    "mse",
    "MSE",
    "mae",
    "MAE",
    "mape",
    "MAPE",
    "msle",
    "MSLE",
    "bce",
    "BCE",
    "kld",
    "KLD",
    "huber",
    "log_cosh",
    "hinge",
    "poisson",
]


@pytest.mark.parametrize("name", [*ALIASES, "categorical_hinge", "sparse_categorical_crossentropy"])
def test_names_of_functions_give_the_functions(oracle, name):
    assert losses.get(name).__name__ == oracle.losses.get(name).__name__
    assert losses.get(name) is getattr(losses, losses.get(name).__name__)
    assert losses.serialize(losses.get(name)) == oracle.losses.serialize(oracle.losses.get(name))
    assert losses.deserialize(losses.serialize(losses.get(name))) is losses.get(name)


def test_get_takes_what_keras_takes():
    loss = losses.Huber(delta=2.0)
    assert losses.get(None) is None
    assert losses.get(loss) is loss
    assert losses.get("Huber").get_config() == losses.Huber().get_config()
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    config = {"class_name": "CategoricalCrossentropy", "config": {"from_logits": True}}
    assert losses.get(config).from_logits is True


def test_a_subclass_is_a_loss():
    class Cubed(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)

    loss = Cubed()
    assert loss.name.startswith("cubed")
    np.testing.assert_allclose(loss(*REAL).numpy(), (np.abs(REAL[0] - REAL[1]) ** 3).mean(), rtol=1e-5)
    structured = Cubed(reduction="sum")
    structured.call = lambda y_true, y_pred: ops.square(y_true["a"] - y_pred["a"])
    assert structured({"a": np.ones(2)}, {"a": np.zeros(2)}).numpy() == 2.0
    with pytest.raises(NotImplementedError, match=r"must implement `call"):
        losses.Loss()(*REAL)


def test_nested_lists_of_numbers_are_tensors():
    assert losses.MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]).numpy() == 0.25


def test_a_function_with_arguments_becomes_a_loss():
    loss = losses.LossFunctionWrapper(losses.huber, name="soft", delta=2.0)
    config = loss.get_config()
    assert config["name"] == "soft" and config["delta"] == 2.0
    again = losses.LossFunctionWrapper.from_config(config)
    np.testing.assert_allclose(again(*REAL).numpy(), loss(*REAL).numpy())


def test_circle_loss_takes_references(oracle):
    references, labels = EMBEDDED[1][::-1][:4].copy(), np.array([0, 2, 1, 1])
    for remove_diagonal in (True, False):
        options = dict(ref_labels=labels, ref_embeddings=references, remove_diagonal=remove_diagonal, gamma=2)
        close(losses.circle(*EMBEDDED, **options), oracle.losses.circle(*EMBEDDED, **options))


def test_labels_of_generalized_crossentropy_may_be_a_column():
    flat = losses.categorical_generalized_cross_entropy(*SPARSE, q=0.3)
    close(losses.categorical_generalized_cross_entropy(SPARSE[0][:, None], SPARSE[1], q=0.3), flat.numpy())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), r"`q` must be between 0 and 1.*q=1.0"),
        (lambda: losses.Dice()(np.ones((3, 2)), np.ones((3, 4))), r"y_true.shape=\(3, 2\).*\(3, 4\)"),
        (
            lambda: losses.MeanSquaredError(reduction="average"),
            r"Invalid value for argument `reduction`.*average",
        ),
        (lambda: losses.get("mean_squarred_error"), r"mean_squarred_error.*mean_squared_error"),
        (
            lambda: losses.MeanSquaredError()(np.ones((3, 2)), np.ones((3, 4))),
            r"y_true.shape=\(3, 2\).*\(3, 4\)",
        ),
        (lambda: losses.Poisson()(np.ones((3, 2)), np.ones((3, 4))), r"y_true.shape=\(3, 2\).*\(3, 4\)"),
        (
            lambda: losses.SparseCategoricalCrossentropy()(np.ones(3), np.ones((4, 4))),
            r"target.shape=\(3,\), output.shape=\(4, 4\)",
        ),
        (
            lambda: losses.CategoricalCrossentropy()(np.ones((3, 2)), np.ones((3, 4))),
            r"must have the same shape",
        ),
        (lambda: losses.BinaryCrossentropy()(np.ones((3, 2)), np.ones((3, 4))), r"must have the same shape"),
        (lambda: losses.CategoricalCrossentropy(axis=True)(*ONE_HOT), r"`axis` must be of type `int`"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_class_is_warned_about():
    with pytest.warns(SyntaxWarning, match="Consider using 'binary_crossentropy'"):
        losses.categorical_crossentropy(np.ones((3, 1)), np.ones((3, 1)))


def test_symbolic_predictions_give_a_symbolic_loss():
    y_pred = kerasish.KerasTensor((None, 5))
    values = losses.sparse_categorical_crossentropy(kerasish.KerasTensor((None,), dtype="int32"), y_pred)
    assert values.shape == (None,)
    assert losses.MeanSquaredError()(kerasish.KerasTensor((None, 5)), y_pred).shape == ()


def test_no_gradient_is_recorded_for_what_needs_none():
    with autograd.no_grad():
        assert not losses.MeanSquaredError()(*REAL).requires_grad


@pytest.mark.parametrize("from_logits", [False, True])
def test_gradients_of_gradients_of_sparse_crossentropy_are_those_of_keras(oracle, from_logits):
    import jax

    labels, y_pred = SPARSE_LOGITS if from_logits else SPARSE
    y_pred = y_pred.copy()
    if not from_logits:
        # Clipped at both ends: no gradient of any order.
        y_pred[0], y_pred[1] = np.eye(5)[labels[0]], np.eye(5)[labels[1] - 1]
    direction = rng.normal(size=y_pred.shape).astype("float32")
    fn = oracle.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    expected = jax.grad(lambda p: (jax.grad(lambda q: fn(labels, q) ** 2)(p) * direction).sum())(y_pred)

    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    with kerasish.GradientTape() as outer:
        x = kerasish.Tensor(y_pred)
        outer.watch(x)
        with kerasish.GradientTape() as inner:
            inner.watch(x)
            value = loss(labels, x) ** 2
        projected = ops.sum(inner.gradient(value, x) * direction)
    close(outer.gradient(projected, x), expected, rtol=1e-4, atol=1e-5)


def test_labels_outside_the_classes_are_errors_when_run():
    for label in (5, -1):
        with pytest.raises(
            ValueError, match=rf"`target` holds .*1 of 2, such as {label}\. Expected .* 0 to 4"
        ):
            ops.sparse_categorical_crossentropy([0, label], SPARSE[1][:2])
