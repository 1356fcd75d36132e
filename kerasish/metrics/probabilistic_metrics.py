"""Means of the cross-entropies and of other losses between distributions."""

from __future__ import annotations

from kerasish.losses.crossentropy_losses import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from kerasish.losses.probabilistic_losses import kl_divergence, poisson
from kerasish.metrics.reduction_metrics import BuiltinMeanMetric


class KLDivergence(BuiltinMeanMetric):
    """Mean Kullback-Leibler divergence, `sum(y_true * log(y_true / y_pred), axis=-1)`.

    Example:

    >>> metrics.KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    0.45814306

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, name: str | None = "kl_divergence", dtype=None):
        super().__init__(kl_divergence, name=name, dtype=dtype)


class Poisson(BuiltinMeanMetric):
    """Mean negative log-likelihood of counts, `mean(y_pred - y_true * log(y_pred))`.

    Example:

    >>> metrics.Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.49999997

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, name: str | None = "poisson", dtype=None):
        super().__init__(poisson, name=name, dtype=dtype)


class BinaryCrossentropy(BuiltinMeanMetric):
    """Mean cross-entropy of independent yes/no predictions, see `losses.binary_crossentropy`.

    Example:

    >>> metrics.BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    0.81492424

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        from_logits: whether predictions are logits instead of probabilities.
        label_smoothing: how far the targets are moved towards 0.5, in `[0, 1]`.
    """

    _direction = "down"
    _config_keys = ("from_logits", "label_smoothing")

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype=None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            binary_crossentropy, name, dtype=dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(BuiltinMeanMetric):
    """Mean cross-entropy between distributions over classes, see `losses.categorical_crossentropy`.

    Example:

    >>> metrics.CategoricalCrossentropy()([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])
    1.1769392

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        from_logits: whether predictions are logits instead of probabilities.
        label_smoothing: how much of each target is spread evenly over the classes, in `[0, 1]`.
        axis: the axis of the classes.
    """

    _direction = "down"
    _config_keys = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype=None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            categorical_crossentropy,
            name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(BuiltinMeanMetric):
    """Mean cross-entropy of class indices and distributions, see `losses.sparse_categorical_crossentropy`.

    Example:

    >>> metrics.SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])
    1.1769392

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        from_logits: whether predictions are logits instead of probabilities.
        ignore_class: an index whose samples count as zero, for example -1.
        axis: the axis of the classes.
    """

    _direction = "down"
    _config_keys = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype=None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
