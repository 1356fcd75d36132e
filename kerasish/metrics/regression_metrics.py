"""Metrics of regression: means of the regression losses, and the root of one."""

from __future__ import annotations

from kerasish import ops
from kerasish.losses.loss import as_tensor, check_broadcast, squeeze_or_expand_to_same_rank
from kerasish.losses.regression_losses import cosine_similarity as negative_cosine_similarity
from kerasish.losses.regression_losses import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from kerasish.metrics.reduction_metrics import BuiltinMeanMetric, Mean


def cosine_similarity(y_true, y_pred, axis: int = -1):
    """Cosine of the angle between targets and predictions: 1 for equal directions, -1 for opposite ones."""
    return -negative_cosine_similarity(y_true, y_pred, axis=axis)


class MeanSquaredError(BuiltinMeanMetric):
    """Mean of squared errors, `mean(square(y_true - y_pred))`.

    Example:

    >>> metrics.MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.25

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, name=name, dtype=dtype)


class MeanAbsoluteError(BuiltinMeanMetric):
    """Mean of absolute errors, `mean(abs(y_true - y_pred))`.

    Example:

    >>> metrics.MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.25

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, name=name, dtype=dtype)


class MeanAbsolutePercentageError(BuiltinMeanMetric):
    """Mean error in percent of the target, `100 * mean(abs((y_true - y_pred) / y_true))`.

    Example:

    >>> metrics.MeanAbsolutePercentageError()([[100.0, 200.0]], [[90.0, 210.0]])
    7.5

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype=None):
        super().__init__(mean_absolute_percentage_error, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(BuiltinMeanMetric):
    """Mean of squared differences of logarithms, `mean(square(log(y_true + 1) - log(y_pred + 1)))`.

    Example:

    >>> metrics.MeanSquaredLogarithmicError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.12011322

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype=None):
        super().__init__(mean_squared_logarithmic_error, name=name, dtype=dtype)


class RootMeanSquaredError(Mean):
    """Root of the mean of squared errors, `sqrt(mean(square(y_true - y_pred)))`.

    Example:

    >>> metrics.RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.5

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype=None):
        super().__init__(name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch's squared errors.

        Args:
            y_true: targets of shape `(batch, ...)`.
            y_pred: predictions of the same shape.
            sample_weight: weights that broadcast with the errors, or None.
        """
        y_true, y_pred = as_tensor(y_true, self._dtype), as_tensor(y_pred, self._dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        check_broadcast(y_true, y_pred, "y_true", "y_pred")
        super().update_state(ops.square(y_pred - y_true), sample_weight=sample_weight)

    def result(self):
        return ops.sqrt(super().result())


class CosineSimilarity(BuiltinMeanMetric):
    """Mean cosine of the angle between targets and predictions: 1 for equal directions, -1 for opposite ones.

    Example:

    >>> metrics.CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]])
    0.49999997

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        axis: the axis of the vectors' components.
    """

    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype=None, axis: int = -1):
        super().__init__(cosine_similarity, name=name, dtype=dtype, axis=axis)


class LogCoshError(BuiltinMeanMetric):
    """Mean logarithm of the hyperbolic cosine of the error.

    Example:

    >>> metrics.LogCoshError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.10844523

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype=None):
        super().__init__(log_cosh, name=name, dtype=dtype)
