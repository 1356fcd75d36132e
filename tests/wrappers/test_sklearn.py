"""Models as scikit-learn's estimators: its own checks of estimators, and what they are for."""

from __future__ import annotations

import unittest

import numpy as np
import pytest

import kerasish as keras
from kerasish.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

sklearn = pytest.importorskip("sklearn", minversion="1.6", reason="the wrappers need the `sklearn` extra")


def network(X, y, loss, activation="softmax", layers=(10,)):
    x = inputs = keras.Input((X.shape[1],))
    for units in layers:
        x = keras.layers.Dense(units, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(y.shape[1], activation=activation)(x))
    model.compile("rmsprop", loss=loss)
    return model


# As Keras's wrappers: a network trained from random weights is not the same twice, and learns from weightless samples.
EXPECTED = {
    SKLearnClassifier: {
        "check_classifiers_one_label_sample_weights": "samples of weight zero are not left out",
        "check_classifiers_classes": "a short training may not find every class",
        "check_classifier_data_not_an_array": "two trainings differ",
        "check_supervised_y_2d": "two trainings differ",
        "check_fit_idempotent": "two trainings differ",
        "check_classifiers_train": "decision_function may return probabilities or logits",
    },
    SKLearnRegressor: {},
    SKLearnTransformer: {},
}
ESTIMATORS = [
    SKLearnClassifier(
        network,
        model_kwargs={"loss": "categorical_crossentropy", "layers": (20, 20, 20)},
        fit_kwargs={"epochs": 5, "verbose": 0},
    ),
    SKLearnRegressor(network, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}),
    SKLearnTransformer(network, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0}),
]


def checks():
    from sklearn.utils.estimator_checks import estimator_checks_generator

    for estimator in ESTIMATORS:
        for one, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if name not in EXPECTED[type(estimator)]:
                yield pytest.param(one, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_checks(estimator, check):
    try:
        check(estimator)
    except unittest.SkipTest as reason:
        pytest.skip(str(reason))


def blobs(classes=2):
    from sklearn.datasets import make_classification

    return make_classification(120, 6, n_informative=4, n_classes=classes, random_state=0)


def test_classifier_learns_labels_of_any_kind():
    X, y = blobs(3)
    labels = np.array(["ant", "bee", "cat"])[y]
    classifier = SKLearnClassifier(
        network, model_kwargs={"loss": "categorical_crossentropy", "layers": (32,)}
    )
    assert classifier.epoch_ == 0
    classifier.fit(X, labels, epochs=40, batch_size=16, verbose=0)
    assert list(classifier.classes_) == ["ant", "bee", "cat"] and classifier.epoch_ == list(range(40))
    assert classifier.score(X, labels) > 0.7
    outputs = classifier.decision_function(X)
    assert outputs.shape == (120, 3)
    np.testing.assert_array_equal(classifier.classes_[outputs.argmax(1)], classifier.predict(X))


def test_searches_and_pipelines():
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = blobs()
    steps = make_pipeline(
        StandardScaler(), SKLearnRegressor(network, model_kwargs={}, fit_kwargs={"verbose": 0})
    )
    grid = {
        "sklearnregressor__model_kwargs": [{"loss": "mse", "activation": a} for a in ("linear", "sigmoid")]
    }
    search = GridSearchCV(steps, grid, cv=2).fit(X, y)
    assert search.predict(X).shape == (120,)
    assert search.best_estimator_[-1].fit_kwargs == {"verbose": 0}


def test_a_model_is_copied_unless_the_start_is_warm():
    X, y = blobs()
    model = network(X, y.reshape(-1, 1), "mse", "linear")
    before = [w.numpy() for w in model.weights]
    cold = SKLearnTransformer(model, fit_kwargs={"verbose": 0}).fit(X, y)
    assert cold.model_ is not model and cold.transform(X).shape == (120, 1)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    warm = SKLearnTransformer(model, warm_start=True, fit_kwargs={"verbose": 0})
    assert warm.fit(X, y).model_ is model and warm.fit(X, y).model_ is model
    assert int(model.optimizer.iterations) == 8
    made = SKLearnRegressor(network, True, {"loss": "mse"}, {"verbose": 0})
    assert made.fit(X, y).model_ is made.fit(X, y).model_


def test_metadata_requests():
    estimator = SKLearnRegressor(network)
    with pytest.raises(RuntimeError, match="enable_metadata_routing=True"):
        estimator.set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True, callbacks="hooks")
        assert estimator.get_metadata_routing().fit.requests == {"sample_weight": True, "callbacks": "hooks"}


@pytest.mark.parametrize(
    ("fit", "error", "message"),
    [
        (
            lambda X, y: SKLearnRegressor(keras.Sequential([keras.Input((6,))])).fit(X, y),
            RuntimeError,
            "needs to be compiled",
        ),
        (lambda X, y: SKLearnClassifier(network).fit(X, X[:, 0]), ValueError, "Target type: continuous"),
        (lambda X, y: SKLearnClassifier(network).fit(X, y * 0), ValueError, "only one class is present"),
        (lambda X, y: SKLearnRegressor(network).fit(X, [[1], [1, 2]] * 60), ValueError, "inhomogeneous"),
    ],
)
def test_errors(fit, error, message):
    with pytest.raises(error, match=message):
        fit(*blobs())
