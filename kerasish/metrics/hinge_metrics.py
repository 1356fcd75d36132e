"""Means of the hinge losses."""

from __future__ import annotations

from kerasish.losses.hinge_losses import categorical_hinge, hinge, squared_hinge
from kerasish.metrics.reduction_metrics import BuiltinMeanMetric


class Hinge(BuiltinMeanMetric):
    """Mean hinge of the margin, `mean(maximum(1 - y_true * y_pred, 0))`; targets are -1 or 1 (or 0 or 1).

    Example:

    >>> metrics.Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    1.3

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype=None):
        super().__init__(hinge, name=name, dtype=dtype)


class SquaredHinge(BuiltinMeanMetric):
    """Mean squared hinge of the margin, `mean(square(maximum(1 - y_true * y_pred, 0)))`.

    Example:

    >>> metrics.SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    1.86

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype=None):
        super().__init__(squared_hinge, name=name, dtype=dtype)


class CategoricalHinge(BuiltinMeanMetric):
    """Mean margin between the true class and the best other, see `losses.categorical_hinge`.

    Example:

    >>> metrics.CategoricalHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    1.4000001

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, name=name, dtype=dtype)
