"""Metrics give what Keras's give over several weighted batches; their state, configs and errors too."""

import numpy as np
import pytest

from kerasish import losses, metrics, ops

rng = np.random.default_rng(1)
BATCHES = 3


def _batches(make):
    return [make() for _ in range(BATCHES)]


def _probabilities(*shape):
    x = rng.uniform(0.05, 1.0, shape).astype("float32")
    return x / x.sum(-1, keepdims=True)


def _real():
    return rng.normal(size=(7, 4)).astype("float32"), rng.normal(size=(7, 4)).astype("float32")


def _positive():
    return rng.uniform(0.1, 2, (7, 4)).astype("float32"), rng.uniform(0.1, 2, (7, 4)).astype("float32")


def _binary():
    # Rounded, so that predictions lie on thresholds as well as between them.
    return rng.integers(0, 2, (7, 4)), rng.uniform(0, 1, (7, 4)).round(1).astype("float32")


def _binary_flat():
    return rng.integers(0, 2, 7), rng.uniform(0, 1, 7).round(1).astype("float32")


def _binary_column():
    return rng.integers(0, 2, 7), rng.uniform(0, 1, (7, 1)).astype("float32")


def _logits():
    return rng.integers(0, 2, (7, 4)), (3 * rng.normal(size=(7, 4))).astype("float32")


def _one_hot():
    return np.eye(6, dtype="float32")[rng.integers(0, 6, 7)], _probabilities(7, 6)


def _sparse():
    return rng.integers(0, 6, 7), _probabilities(7, 6)


def _sparse_column():
    return rng.integers(0, 6, (7, 1)).astype("float32"), _probabilities(7, 6)


def _sparse_2d():
    return rng.integers(0, 6, (7, 3)), _probabilities(7, 3, 6)


def _one_hot_2d():
    return np.eye(6, dtype="float32")[rng.integers(0, 6, (7, 3))], _probabilities(7, 3, 6)


def _equal_ints():
    return rng.integers(0, 3, (7, 1)), rng.integers(0, 3, (7, 1))


def _classes():
    return rng.integers(0, 4, (7, 3)), rng.integers(0, 4, (7, 3))


def _one_hot_maps():
    return np.eye(4, dtype="float32")[rng.integers(0, 4, 7)], _probabilities(7, 4)


THRESHOLDS = [0.2, 0.5, 0.9]
CASES = [
    ("Accuracy", {}, _equal_ints),
    ("BinaryAccuracy", {}, _binary),
    ("BinaryAccuracy", {"threshold": 0.3}, _binary_column),
    ("CategoricalAccuracy", {}, _one_hot),
    ("CategoricalAccuracy", {}, _one_hot_2d),
    ("SparseCategoricalAccuracy", {}, _sparse),
    ("SparseCategoricalAccuracy", {}, _sparse_column),
    ("SparseCategoricalAccuracy", {}, _sparse_2d),
    ("TopKCategoricalAccuracy", {"k": 2}, _one_hot),
    ("TopKCategoricalAccuracy", {"k": 3}, _one_hot_2d),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, _sparse),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, _sparse_2d),
    (
        "SparseTopKCategoricalAccuracy",
        {"k": 2, "from_sorted_ids": True},
        lambda: (rng.integers(0, 4, 7), rng.permuted(np.tile(np.arange(4), (7, 1)), axis=1)),
    ),
    ("MeanSquaredError", {}, _real),
    ("MeanAbsoluteError", {}, _real),
    ("MeanAbsolutePercentageError", {}, _real),
    ("MeanSquaredLogarithmicError", {}, _positive),
    ("RootMeanSquaredError", {}, _real),
    ("CosineSimilarity", {}, _real),
    ("LogCoshError", {}, _real),
    ("Hinge", {}, _logits),
    ("SquaredHinge", {}, _logits),
    ("CategoricalHinge", {}, _one_hot),
    ("KLDivergence", {}, lambda: (_probabilities(7, 4), _probabilities(7, 4))),
    ("Poisson", {}, _positive),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, _binary),
    ("BinaryCrossentropy", {"from_logits": True}, _logits),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, _one_hot),
    ("SparseCategoricalCrossentropy", {}, _sparse),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, _sparse),
    ("FalsePositives", {}, _binary),
    ("FalseNegatives", {"thresholds": 0.3}, _binary),
    ("TrueNegatives", {"thresholds": THRESHOLDS}, _binary),
    ("TruePositives", {"thresholds": [0.0, 0.5, 1.0]}, _binary),
    ("Precision", {}, _binary),
    ("Precision", {"thresholds": THRESHOLDS, "class_id": 1}, _binary),
    ("Precision", {"top_k": 2}, _binary),
    ("Recall", {}, _binary_flat),
    ("Recall", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, _binary),
    ("Recall", {"top_k": 2, "class_id": 0, "thresholds": 0.1}, _binary),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, _binary),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 11}, _binary),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 1}, _binary),
    ("RecallAtPrecision", {"precision": 0.6, "class_id": 2}, _binary),
    ("AUC", {}, _binary),
    ("AUC", {}, _binary_column),
    ("AUC", {"num_thresholds": 11, "summation_method": "majoring"}, _binary_flat),
    ("AUC", {"num_thresholds": 3, "summation_method": "minoring", "curve": "PR"}, _binary),
    ("AUC", {"curve": "PR"}, _binary),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, _binary),
    ("AUC", {"curve": "PRGAIN"}, _binary),
    ("AUC", {"thresholds": THRESHOLDS}, _binary),
    ("AUC", {"thresholds": [0.25, 0.5, 0.75], "curve": "PR"}, _binary),
    ("AUC", {"from_logits": True}, _logits),
    ("AUC", {"multi_label": True}, _binary),
    ("AUC", {"multi_label": True, "num_labels": 4, "label_weights": [1.0, 2.0, 0.5, 0.0]}, _binary),
    ("AUC", {"multi_label": True, "curve": "PR", "thresholds": THRESHOLDS}, _binary),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5, 0.0]}, _binary),
    ("F1Score", {}, _one_hot),
    ("F1Score", {"average": "micro", "threshold": 0.5}, _binary),
    ("F1Score", {"average": "macro"}, _one_hot),
    ("FBetaScore", {"average": "weighted", "beta": 2.0, "threshold": 0.3}, _binary),
    ("R2Score", {}, _real),
    ("R2Score", {"class_aggregation": None}, _real),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, _real),
    ("R2Score", {"num_regressors": 3}, _real),
    ("PearsonCorrelation", {}, _real),
    ("PearsonCorrelation", {"axis": 0}, _real),
    ("ConcordanceCorrelation", {}, _real),
    ("IoU", {"num_classes": 6, "target_class_ids": [0, 4]}, _equal_ints),
    ("IoU", {"num_classes": 3, "target_class_ids": [2], "dtype": "float32"}, _classes),
    ("BinaryIoU", {"dtype": "float32"}, _binary_column),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"}, _binary_flat),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1, "dtype": "float32"}, _equal_ints),
    ("MeanIoU", {"num_classes": 6, "sparse_y_pred": False, "dtype": "float32"}, _sparse),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 2], "dtype": "float32"}, _one_hot_maps),
    ("OneHotMeanIoU", {"num_classes": 4, "dtype": "float32"}, _one_hot_maps),
]
IDS = [f"{i}-{name}-{'-'.join(map(str, kwargs.values()))}" for i, (name, kwargs, _) in enumerate(CASES)]


def close(ours, theirs, **tolerance):
    np.testing.assert_allclose(ours.numpy(), np.asarray(theirs), **{"rtol": 3e-5, "atol": 2e-6, **tolerance})


def _weighted_batches(kwargs, make):
    for batch, (y_true, y_pred) in enumerate(_batches(make)):
        # Halves, so that weighted counts are exact in both; the first batch has no weights.
        weight = rng.integers(0, 5, 7).astype("float32") / 2 if batch else None
        if "multi_label" in kwargs and "thresholds" in kwargs:
            weight = None  # Keras cannot tile weights over labels there
        if make is _classes or kwargs.get("axis") == 0:
            weight = None  # there is no value for each sample
        yield y_true, y_pred, weight


@pytest.fixture(scope="module")
def expected(oracle, at_once):
    """Keras's metrics in the order of the cases: the batches, the variables after all of them, and the results."""
    theirs = [getattr(oracle.metrics, name)(**kwargs) for name, kwargs, _ in CASES]
    batches = [list(_weighted_batches(kwargs, make)) for _, kwargs, make in CASES]
    for metric, ((y_true, y_pred, _), *_) in zip(theirs, batches, strict=True):
        if not metric.variables:  # it makes them when it sees the first batch
            metric.update_state(y_true, y_pred)
            metric.reset_state()
    states = [[v.value for v in metric.variables] for metric in theirs]
    # Of these Keras asks for values on the way, which nothing that is compiled has.
    alone = [name == "R2Score" or "multi_label" in kwargs for name, kwargs, _ in CASES]
    joined = [i for i in range(len(CASES)) if not alone[i]]
    update = at_once([theirs[i].stateless_update_state for i in joined])
    for number in range(BATCHES):
        given = [(state, *own[number]) for state, own in zip(states, batches, strict=True)]
        found = dict(zip(joined, update([given[i] for i in joined]), strict=True))
        states = [
            found[i] if i in found else theirs[i].stateless_update_state(*given[i]) for i in range(len(CASES))
        ]
    joined_results = at_once([theirs[i].stateless_result for i in joined])([(states[i],) for i in joined])
    found = dict(zip(joined, joined_results, strict=True))
    results = [found[i] if i in found else theirs[i].stateless_result(states[i]) for i in range(len(CASES))]
    return list(zip(batches, theirs, states, results, strict=True))


@pytest.mark.parametrize("case", range(len(CASES)), ids=IDS)
def test_streaming_results_are_those_of_keras(expected, case):
    name, kwargs, _ = CASES[case]
    batches, theirs, state, result = expected[case]
    ours = getattr(metrics, name)(**kwargs)
    for y_true, y_pred, weight in batches:
        ours.update_state(y_true, y_pred, sample_weight=weight)
    close(ours.result(), result)
    # The order and names of variables are what saved files depend on.
    assert [v.path.split("/")[1] for v in ours.variables] == [v.path.split("/")[1] for v in theirs.variables]
    assert [v.dtype for v in ours.variables] == [v.dtype for v in theirs.variables]
    for our_variable, value in zip(ours.variables, state, strict=True):
        close(our_variable, value)
    ours.reset_state()
    assert all((variable.numpy() == 0).all() for variable in ours.variables)


@pytest.mark.parametrize(("name", "kwargs", "make"), CASES, ids=IDS)
def test_configs_are_those_of_keras(oracle, name, kwargs, make):
    ours = getattr(metrics, name)(**kwargs, name="a_name")
    theirs = getattr(oracle.metrics, name)(**kwargs, name="a_name")
    their_config = {
        key: np.asarray(value).tolist()
        if key in ("label_weights", "thresholds") and value is not None
        else value
        for key, value in theirs.get_config().items()
    }
    assert ours.get_config() == their_config
    again = metrics.deserialize(metrics.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    assert {**metrics.serialize(ours), "config": None} == {**oracle.metrics.serialize(theirs), "config": None}
    assert ours._direction == getattr(theirs, "_direction", None)


def test_names_are_those_of_keras(oracle):
    for name in {name for name, kwargs, _ in CASES if not kwargs}:
        ours, theirs = getattr(metrics, name)().name, getattr(oracle.metrics, name)().name
        assert ours.rstrip("_0123456789") == theirs.rstrip("_0123456789")


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize(
    ("shape", "weight_shape"),
    [
        ((), None),
        ((5,), None),
        ((5, 3), None),
        ((5, 3, 2), None),
        ((5,), (5,)),
        ((5, 3), (5,)),
        ((5, 3), (5, 1)),
    ]
    + [((5, 3), (5, 3)), ((5, 1), (5,)), ((5, 3, 2), (5, 3)), ((5,), ()), ((), ()), ((1,), (1,))],
    ids=str,
)
def test_means_and_sums_are_those_of_keras(oracle, name, shape, weight_shape):
    ours, theirs = getattr(metrics, name)(), getattr(oracle.metrics, name)()
    for _ in range(2):
        values = rng.normal(size=shape).astype("float32")
        weight = None if weight_shape is None else rng.uniform(0.5, 2, weight_shape).astype("float32")
        ours.update_state(values, weight)
        theirs.update_state(values, weight)
    close(ours.result(), theirs.result())


@pytest.mark.parametrize("function", ["pearson_correlation", "concordance_correlation"])
@pytest.mark.parametrize("axis", [-1, 0])
def test_correlations_are_those_of_keras(oracle, function, axis):
    y_true, y_pred = _real()
    ours, theirs = getattr(metrics, function), getattr(oracle.metrics, function)
    close(ours(y_true, y_pred, axis=axis), theirs(y_true, y_pred, axis=axis))


def test_weighted_pixels_are_counted_as_in_keras(oracle):
    y_true, y_pred = _classes()
    weight = rng.integers(0, 3, y_true.shape)
    ours, theirs = metrics.MeanIoU(4), oracle.metrics.MeanIoU(4)
    close(ours(y_true, y_pred, weight), theirs(y_true, y_pred, weight))
    with pytest.warns(UserWarning, match="Consider using integer weights"):
        metrics.MeanIoU(4)(y_true, y_pred, weight.astype("float32"))


def test_an_r2_score_of_few_samples_or_constant_targets_is_finite():
    # As many regressors as samples leave nothing to adjust by.
    assert metrics.R2Score(num_regressors=3)([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]).numpy() == (
        pytest.approx(0.57142854)
    )
    assert metrics.R2Score()([[2.0], [2.0]], [[1.0], [3.0]]).numpy() == 0.0


def test_the_mean_of_nothing_is_zero():
    assert metrics.Mean().result().numpy() == 0.0
    assert metrics.Precision()([0.0], [0.0]).numpy() == 0.0


def test_a_loss_tracker_weighs_batches_by_their_size():
    tracker = metrics.Mean(name="loss")
    tracker.update_state(ops.convert_to_tensor(2.0), sample_weight=32)
    tracker.update_state(ops.convert_to_tensor(5.0), sample_weight=16)
    assert tracker.result().numpy() == 3.0
    assert [variable.path for variable in tracker.variables] == ["loss/total", "loss/count"]


def test_masks_leave_samples_out(oracle):
    from keras.src import backend

    y_true, y_pred = _real()
    mask = np.array([True, False, True, True, False, True, True])
    ours, theirs = ops.convert_to_tensor(y_pred), oracle.ops.convert_to_tensor(y_pred)
    ours._keras_mask = ops.convert_to_tensor(mask)
    backend.set_keras_mask(theirs, oracle.ops.convert_to_tensor(mask))
    close(metrics.MeanSquaredError()(y_true, ours), oracle.metrics.MeanSquaredError()(y_true, theirs))
    weight = np.arange(7, dtype="float32")
    close(
        metrics.MeanSquaredError()(y_true, ours, weight),
        oracle.metrics.MeanSquaredError()(y_true, theirs, weight),
    )


def test_stateless_methods_leave_the_state_alone(oracle):
    for metric in (metrics.MeanSquaredError(), metrics.AUC(num_thresholds=5), metrics.Precision()):
        expected = type(metric)()
        metric.update_state([1, 0], [0.7, 0.6])
        before = [variable.numpy().copy() for variable in metric.variables]
        expected = getattr(oracle.metrics, type(metric).__name__).from_config(metric.get_config())
        state = metric.stateless_reset_state()
        for y_true, y_pred in _batches(_binary_flat):
            state = metric.stateless_update_state(state, y_true, y_pred)
            expected.update_state(y_true, y_pred)
        close(metric.stateless_result(state), expected.result())
        for variable, value in zip(metric.variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
        with pytest.raises(ValueError, match="Received list with length 1, but expected"):
            metric.stateless_update_state(state[:1], [1.0], [1.0])


def test_users_write_metrics():
    class Largest(metrics.Metric):
        def __init__(self, name="largest", **kwargs):
            super().__init__(name=name, **kwargs)
            self.largest = self.add_weight(name="largest")
            self.means = [metrics.Mean(name="inner")]

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.largest.assign(ops.maximum(self.largest, ops.max(y_pred)))
            self.means[0].update_state(y_pred)

        def result(self):
            return {"largest": self.largest.value, "mean": self.means[0].result()}

    metric = Largest()
    result = metric([0.0, 0.0], [2.0, 4.0])
    assert result["largest"].numpy() == 4.0 and result["mean"].numpy() == 3.0
    assert [variable.path for variable in metric.variables] == [
        "largest/largest",
        "inner/total",
        "inner/count",
    ]
    metric.reset_state()
    assert metric.result()["largest"].numpy() == 0.0 and metric.result()["mean"].numpy() == 0.0
    assert repr(metric) == "<Largest name=largest>"
    assert Largest.from_config(metric.get_config()).name == "largest"

    class Forgetful(metrics.Metric):
        def __init__(self):
            self.count = self.add_variable((), "zeros")

    with pytest.raises(RuntimeError, match=r"forgot to call `super\(\).__init__\(\)`"):
        Forgetful()
    with pytest.raises(NotImplementedError, match="must implement `update_state`"):
        metrics.Metric()([1.0], [1.0])


def test_functions_become_metrics():
    metric = metrics.MeanMetricWrapper(losses.mean_squared_error)
    assert metric._direction == "down"
    assert metric([[0.0]], [[2.0]]).numpy() == 4.0
    config = metric.get_config()
    assert config["fn"]["config"] == "mean_squared_error"
    assert metrics.MeanMetricWrapper.from_config(config)([[0.0]], [[2.0]]).numpy() == 4.0


def test_dtype_is_that_of_the_state():
    assert metrics.Mean(dtype="float64")([1.0]).dtype == "float64"
    assert metrics.Mean(dtype="float16").get_config() == {"name": "mean", "dtype": "float16"}


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
    "auc",
    "AUC",
    "precision",
    "top_k_categorical_accuracy",
    "sum",
]


@pytest.mark.parametrize("name", [*ALIASES, "categorical_crossentropy", "RootMeanSquaredError", "f1_score"])
def test_names_give_instances_as_in_keras(oracle, name):
    assert type(metrics.get(name)).__name__ == type(oracle.metrics.get(name)).__name__


def test_get_takes_what_keras_takes():
    metric = metrics.Recall()
    assert metrics.get(None) is None
    assert metrics.get(metric) is metric
    assert metrics.get(losses.mean_squared_error) is losses.mean_squared_error
    assert isinstance(metrics.get(metrics.AUC), metrics.AUC)
    assert metrics.get({"class_name": "AUC", "config": {"curve": "PR"}}).curve == "PR"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.get("acuracy"), r"acuracy.*accuracy"),
        (lambda: metrics.Precision(thresholds=[0.5, 1.5]), r"must be in \[0, 1\]. Received: \[1.5\]"),
        (lambda: metrics.AUC(num_thresholds=1), r"`num_thresholds` must be an integer > 1"),
        (lambda: metrics.AUC(curve="RC"), r'Invalid AUC curve value: "RC"'),
        (lambda: metrics.AUC(summation_method="mean"), r'"mean". Expected values are .*interpolation'),
        (lambda: metrics.AUC(num_labels=3), r"`num_labels` is needed only when `multi_label` is True"),
        (
            lambda: metrics.AUC(multi_label=True)([1, 0], [0.5, 0.5]),
            r"must have rank 2 when `multi_label=True`",
        ),
        (lambda: metrics.F1Score(average="mean"), r"Invalid `average` argument value"),
        (lambda: metrics.F1Score(threshold=1), r"should be a Python float"),
        (lambda: metrics.F1Score(threshold=1.5), r"should verify 0 < threshold <= 1"),
        (lambda: metrics.FBetaScore(beta=-1.0), r"should be > 0"),
        (lambda: metrics.FBetaScore(beta=1), r"It should be a Python float"),
        (lambda: metrics.F1Score()([1, 0], [0.5, 0.5]), r"expects 2D inputs"),
        (lambda: metrics.F1Score().result(), r"no result before the first `update_state`"),
        (lambda: metrics.R2Score(class_aggregation="mean"), r"`class_aggregation`. Expected one of"),
        (lambda: metrics.R2Score(num_regressors=-1), r"`num_regressors`. Expected a value >= 0"),
        (lambda: metrics.R2Score()([1, 0], [0.5, 0.5]), r"expects 2D inputs"),
        (lambda: metrics.R2Score().result(), r"no result before the first `update_state`"),
        (lambda: metrics.IoU(3, [1, 3]), r"Target class id 3 is out of range, which is \[0, 3\)"),
        (lambda: metrics.IoU(3, [1])([0, 1], [0, 1, 2]), r"y_true.shape=\(2,\), y_pred.shape=\(3,\)"),
        (lambda: metrics.PrecisionAtRecall(1.5), r"`recall` must be in the range \[0, 1\]"),
        (lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=0), r"must be an integer > 0"),
        (lambda: metrics.Precision(class_id=1)([1, 0], [0.5, 0.5]), r"y_pred must be a 2D array"),
        (lambda: metrics.Mean()(np.ones((3, 2)), np.ones((4,))), r"sample_weight"),
        (lambda: metrics.Recall()(np.ones((3, 2)), np.ones((3, 4))), r"\(3, 2\).*\(3, 4\)"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
