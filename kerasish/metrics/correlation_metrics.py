"""Correlations between targets and predictions."""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.loss import match_targets
from kerasish.metrics.reduction_metrics import BuiltinMeanMetric


def pearson_correlation(y_true, y_pred, axis=-1):
    """Pearson's correlation coefficient: the mean product of standard scores.

    Example:

    >>> metrics.pearson_correlation([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]])
    array([1.        , 0.99339926], shape=(2,), dtype=float32)

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: the axis (or axes) along which they are correlated.

    Returns:
        Tensor of the inputs' shape without `axis`, values in `[-1, 1]`; NaN where either side is constant.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    return ops.mean(_standardized(y_true, axis) * _standardized(y_pred, axis), axis=axis)


def _standardized(x, axis):
    """Return `x` with mean zero and variance one."""
    centered = x - ops.mean(x, axis=axis, keepdims=True)
    return centered / ops.std(centered, axis=axis, keepdims=True)


def concordance_correlation(y_true, y_pred, axis=-1):
    """Concordance correlation coefficient: how close predictions are to the line `y_pred = y_true`.

    `2 * cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2)`

    Example:

    >>> metrics.concordance_correlation([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]])
    array([0.97560966, 0.9876541 ], shape=(2,), dtype=float32)

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: the axis (or axes) along which they are correlated.

    Returns:
        Tensor of the inputs' shape without `axis`, values in `[-1, 1]`.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    mean_true = ops.mean(y_true, axis=axis, keepdims=True)
    mean_pred = ops.mean(y_pred, axis=axis, keepdims=True)
    covariance = ops.mean((y_true - mean_true) * (y_pred - mean_pred), axis=axis, keepdims=True)
    spread = ops.var(y_true, axis=axis, keepdims=True) + ops.var(y_pred, axis=axis, keepdims=True)
    spread = spread + ops.square(mean_true - mean_pred) + config.epsilon()
    return ops.squeeze(2.0 * covariance / spread, axis=axis)


class PearsonCorrelation(BuiltinMeanMetric):
    """Mean of Pearson's correlation coefficients: 1 where predictions rise with targets on a line, -1 where they fall.

    Example:

    >>> metrics.PearsonCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]])
    0.99669963

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        axis: the axis (or axes) along which they are correlated.
    """

    _direction = "up"
    _config_keys = ("axis",)

    def __init__(self, name: str | None = "pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name=name, dtype=dtype, axis=axis)


class ConcordanceCorrelation(BuiltinMeanMetric):
    """Mean of concordance correlation coefficients: 1 only where predictions equal targets.

    Example:

    >>> metrics.ConcordanceCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]])
    0.9816319

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        axis: the axis (or axes) along which they are correlated.
    """

    _direction = "up"
    _config_keys = ("axis",)

    def __init__(self, name: str | None = "concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name=name, dtype=dtype, axis=axis)
