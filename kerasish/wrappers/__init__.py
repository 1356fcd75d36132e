"""Models as scikit-learn's estimators: for its pipelines, searches and cross-validation. Needs scikit-learn 1.6."""

from __future__ import annotations

from kerasish.wrappers.sklearn_wrapper import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]
