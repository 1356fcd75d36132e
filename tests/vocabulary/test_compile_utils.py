"""Losses and metrics given to `compile` are resolved, named and combined as Keras does."""

import numpy as np
import pytest

from kerasish import losses, metrics, ops
from kerasish.trainers.compile_utils import CompileLoss, CompileMetrics, check_labels, get_loss, get_metric

rng = np.random.default_rng(2)
A, B, C, D = (rng.uniform(0.1, 1, (4, 3)).astype("float32") for _ in range(4))


@pytest.fixture(scope="module")
def theirs(oracle):
    from keras.src.trainers import compile_utils

    return compile_utils


def _tensors(structure, module):
    from kerasish import tree

    return tree.map_structure(module.ops.convert_to_tensor, structure)


class _Ours:
    ops = ops


LOSS_CASES = {
    "one": ("mse", A, B, {}),
    "one in a list": (["mse"], A, B, {}),
    "one with a weight": ("mse", A, B, {"loss_weights": 0.5}),
    "one with a weight in a list": ("mse", A, B, {"loss_weights": [0.5]}),
    "one by name": ({"x": "mse"}, A, B, {"output_names": ["x"]}),
    "one in lists": ("mse", [A], [B], {}),
    "a target outside the list": ("mse", A, [B], {}),
    "one for each": (["mse", "mae"], [A, C], [B, D], {}),
    "one for each, named": (["mse", "mae"], [A, C], [B, D], {"output_names": ["x", "y"]}),
    "one for all": ("mse", [A, C], [B, D], {"output_names": ["x", "y"]}),
    "tuples of targets": (["mse", "mae"], (A, C), [B, D], {"output_names": ["x", "y"]}),
    "objects": (
        [losses.Huber(2.0), losses.mean_absolute_error],
        [A, C],
        [B, D],
        {"output_names": ["x", "y"]},
    ),
    "by name": ({"y": "mae", "x": "mse"}, [A, C], [B, D], {"output_names": ["x", "y"]}),
    "by name, targets too": (
        {"x": "mse", "y": "mae"},
        {"y": C, "x": A},
        [B, D],
        {"output_names": ["x", "y"], "loss_weights": {"x": 0.5, "y": 2.0}},
    ),
    "dict outputs": (
        {"x": "mse", "y": "mae"},
        {"x": A, "y": C},
        {"x": B, "y": D},
        {"output_names": ["q", "r"], "loss_weights": {"x": 0.5, "y": 2.0}},
    ),
    "one of two": (["mse", None], [A, C], [B, D], {"output_names": ["x", "y"]}),
    "one of two, one target": (["mse", None], [A], [B, D], {"output_names": ["x", "y"]}),
    "second of two, one target": ([None, "mae"], [C], [B, D], {"output_names": ["x", "y"]}),
    "one of a dict": ({"x": "mse"}, {"x": A, "y": C}, {"x": B, "y": D}, {}),
    "two for one of two": (["mse", ["mae", "mse"]], [A, C], [B, D], {"output_names": ["x", "y"]}),
    "nested": (
        {"a": {"b": "mse"}, "c": "mae"},
        {"a": {"b": A}, "c": C},
        {"a": {"b": B}, "c": D},
        {"output_names": ["p", "q"]},
    ),
    "weights in a list": (["mse", "mae"], [A, C], [B, D], {"loss_weights": [0.5, 2.0]}),
}


def _for_keras(loss, oracle):
    from kerasish import tree

    def convert(leaf):
        if isinstance(leaf, losses.Loss):
            return oracle.losses.Huber(2.0)
        return oracle.losses.mean_absolute_error if callable(leaf) else leaf

    return tree.map_structure(convert, loss)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", LOSS_CASES)
def test_total_loss_and_parts_are_those_of_keras(oracle, theirs, case, weighted):
    loss, y_true, y_pred, kwargs = LOSS_CASES[case]
    ours, other = CompileLoss(loss, **kwargs), theirs.CompileLoss(_for_keras(loss, oracle), **kwargs)
    weight = np.array([1.0, 2.0, 0.0, 3.0], "float32") if weighted else None
    for _ in range(2):
        value = ours(_tensors(y_true, _Ours), _tensors(y_pred, _Ours), weight)
        expected = other(_tensors(y_true, oracle), _tensors(y_pred, oracle), weight)
    np.testing.assert_allclose(value.numpy(), np.asarray(expected), rtol=1e-5)
    assert [metric.name for metric in ours.metrics] == [metric.name for metric in other.metrics]
    for metric, expected in zip(ours.metrics, other.metrics, strict=True):
        np.testing.assert_allclose(metric.result().numpy(), np.asarray(expected.result()), rtol=1e-5)


def test_several_losses_of_the_only_output_add_up():
    loss = CompileLoss(["mse", "mae"])
    value = loss(ops.convert_to_tensor(A), ops.convert_to_tensor(B))
    np.testing.assert_allclose(value.numpy(), ((A - B) ** 2).mean() + np.abs(A - B).mean(), rtol=1e-5)
    assert [metric.name for metric in loss.metrics] == ["mse_loss", "mae_loss"]


def test_each_output_can_have_its_own_sample_weights():
    weight = {"x": np.ones(4, "float32"), "y": np.zeros(4, "float32")}
    loss = CompileLoss("mse", output_names=["x", "y"])
    value = loss({"x": A, "y": C}, [ops.convert_to_tensor(B), ops.convert_to_tensor(D)], weight)
    np.testing.assert_allclose(value.numpy(), ((A - B) ** 2).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: CompileLoss("mse", loss_weights="half"),
            ValueError,
            "Expected `loss_weights` argument to be",
        ),
        (lambda: CompileLoss(None)(A, B), ValueError, "No loss to compute"),
        (
            lambda: CompileLoss("mse", output_names=["x"])([A, C], [B]),
            ValueError,
            "have different structures",
        ),
        (lambda: CompileLoss(["mse", "mae"])(A, [B, D]), ValueError, "have different structures"),
        (
            lambda: CompileLoss({"x": "mse"}, output_names=["x", "y"])([A, C], [B, D]),
            ValueError,
            r"Expected keys \['x', 'y'\] in loss dict, but found loss.keys\(\)=\['x'\]",
        ),
        (lambda: CompileLoss({"z": "mse"})({"x": A}, {"x": B}), KeyError, r"\('z',\) in the `loss` argument"),
        (
            lambda: CompileLoss(["mse", "mae"], loss_weights=[0.5])([A, C], [B, D]),
            ValueError,
            "got 2 losses and 1 weights",
        ),
        (lambda: CompileLoss("msr")(A, B), ValueError, r"(?i)msr.*mse"),
        (lambda: CompileMetrics("accuracy", None), ValueError, "Expected `metrics` argument to be a list"),
        (
            lambda: CompileMetrics(None, "acc"),
            ValueError,
            "Expected `weighted_metrics` argument to be a list",
        ),
        (lambda: CompileMetrics(["mse"], None).result(), ValueError, "has not yet been built"),
        (
            lambda: CompileMetrics({"z": "mse"}, None, output_names=["x", "y"]).update_state([A, C], [B, D]),
            ValueError,
            r"matching the output names of the functional model \['x', 'y'\]",
        ),
        (lambda: CompileMetrics(["acuracy"], None).update_state(A, B), ValueError, r"acuracy.*accuracy"),
    ],
)
def test_errors_name_what_is_wrong(make, error, message):
    with pytest.raises(error, match=message):
        make()


METRIC_CASES = {
    "one": (["mse"], None, A, B, None),
    "nothing": (None, None, A, B, None),
    "several": (["mse", "mae", "mse"], None, A, B, None),
    "weighted": (["mse"], ["mse", "mae", "mse"], A, B, None),
    "objects": ([metrics.MeanSquaredError(name="m"), losses.mean_absolute_error], None, A, B, None),
    "one in a dict": ({"x": ["mse"]}, None, A, B, ["x"]),
    "lists": ([["mse"], ["mae", "mse"]], None, [A, C], [B, D], None),
    "lists, named": ([["mse"], ["mae", "mse"]], ["mse", None], [A, C], [B, D], ["x", "y"]),
    "by name": ({"y": "mse"}, {"x": ["mae"], "y": "mse"}, [A, C], [B, D], ["x", "y"]),
    "dict outputs": ({"y": "mse", "x": "mae"}, None, {"x": A, "y": C}, {"x": B, "y": D}, None),
    "dict outputs, named": ({"y": "mse", "x": "mae"}, None, {"x": A, "y": C}, {"x": B, "y": D}, ["y", "x"]),
    "nested": (
        {"a": {"b": "mse", "d": ["mae"]}, "c": ["mae"]},
        None,
        {"a": {"b": A, "d": B}, "c": C},
        {"a": {"b": B, "d": C}, "c": D},
        ["p", "q", "r"],
    ),
}


def _metrics_for_keras(structure, oracle):
    from kerasish import tree

    def convert(leaf):
        if isinstance(leaf, metrics.Metric):
            return oracle.metrics.MeanSquaredError(name="m")
        return oracle.losses.mean_absolute_error if callable(leaf) else leaf

    return None if structure is None else tree.map_structure(convert, structure)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", METRIC_CASES)
def test_metrics_are_named_and_computed_as_in_keras(oracle, theirs, case, weighted):
    plain, with_weights, y_true, y_pred, names = METRIC_CASES[case]
    ours = CompileMetrics(plain, with_weights, output_names=names)
    other = theirs.CompileMetrics(
        _metrics_for_keras(plain, oracle), _metrics_for_keras(with_weights, oracle), output_names=names
    )
    weight = np.array([1.0, 2.0, 0.0, 3.0], "float32") if weighted else None
    assert ours.metrics == [] and ours.variables == []
    ours.update_state(_tensors(y_true, _Ours), _tensors(y_pred, _Ours), weight)
    other.update_state(_tensors(y_true, oracle), _tensors(y_pred, oracle), weight)
    result, expected = ours.result(), other.result()
    assert list(result) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(result[name].numpy(), np.asarray(value), rtol=1e-5)
    assert [metric.name for metric in ours.metrics] == [metric.name for metric in other.metrics]
    assert len(ours.variables) == len(other.variables)
    ours.reset_state()
    assert all((variable.numpy() == 0).all() for variable in ours.variables)
    assert ours.name == "compile_metrics"


SHAPES = [
    ((4,), (4, 3)),
    ((4, 1), (4, 3)),
    ((4, 3), (4, 3)),
    ((4, 1), (4, 1)),
    ((4,), (4, 1)),
    ((4, 2), (4, 2, 5)),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_short_names_mean_what_the_shapes_say(theirs, shapes):
    y_true, y_pred = map(np.zeros, shapes)
    for name in ("accuracy", "acc", "Accuracy"):
        ours, other = get_metric(name, y_true, y_pred), theirs.get_metric(name, y_true, y_pred)
        assert type(ours).__name__ == type(other).__name__
        assert ours.name == other.name
    for name in ("crossentropy", "ce"):
        ours, other = get_loss(name, y_true, y_pred), theirs.get_loss(name, y_true, y_pred)
        assert ours.fn.__name__ == other.fn.__name__
        assert ours.name == other.name


LABELS = np.array([0, 3, 1, 9, 2, 0])


@pytest.mark.parametrize(
    ("labels", "loss", "message"),
    [
        (
            LABELS,
            "sparse_categorical_crossentropy",
            r"1 of 6 \(such as 9\).*indices from 0 to 3.*predicts 4 classes",
        ),
        (LABELS - 1, losses.SparseCategoricalCrossentropy(), r"3 of 6 \(such as -1, 8\)"),
        (np.array([0.0, np.nan]), losses.sparse_categorical_crossentropy, r"1 of 2 \(such as nan\)"),
        (LABELS, losses.SparseCategoricalCrossentropy(ignore_class=2), r"such as 9"),
        (ops.convert_to_tensor(LABELS), "sparse_categorical_crossentropy", r"such as 9"),
        (
            LABELS,
            "binary_crossentropy",
            r"\(such as 2, 3, 9\).*`binary_crossentropy` expects labels of 0 and 1",
        ),
    ],
)
def test_labels_outside_the_classes_are_errors(labels, loss, message):
    with pytest.raises(ValueError, match=message):
        check_labels(labels, 4, loss)


@pytest.mark.parametrize(
    ("labels", "loss"),
    [
        (np.array([0, 3, 2]), "sparse_categorical_crossentropy"),
        (np.array([0.0, 3.0]), losses.SparseCategoricalCrossentropy()),
        (np.array([0, -1, 3]), losses.SparseCategoricalCrossentropy(ignore_class=-1)),
        (np.array([0.0, 1.2]), "binary_crossentropy"),
        (np.array([0, 1, 1], "uint8"), "binary_crossentropy"),
        (np.array([100, -3]), "mse"),
        (np.array([], "int64"), "sparse_categorical_crossentropy"),
        (LABELS, lambda y_true, y_pred: 0.0),
    ],
)
def test_labels_inside_the_classes_are_none(labels, loss):
    check_labels(labels, 4, loss)


def test_a_compiled_loss_checks_the_labels_of_each_output():
    loss = CompileLoss(["mse", "sparse_categorical_crossentropy"], output_names=["x", "y"])
    pred = [ops.zeros((4, 3)), ops.zeros((4, 3))]
    loss.check_labels([A, np.array([0, 1, 2, 0])], pred)
    with pytest.raises(ValueError, match=r"Argument `y\[1\]` holds labels outside the classes"):
        loss.check_labels([A, np.array([0, 1, 3, 0])], pred)
    single = CompileLoss("ce")
    with pytest.raises(
        ValueError, match=r"Argument `y` holds labels outside the classes: 2 of 4 \(such as 3, 7\)"
    ):
        single.check_labels(np.array([0, 7, 3, 0]), ops.zeros((1, 3)))
