"""Losses between distributions that are not cross-entropies: Kullback-Leibler divergence and Poisson."""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.loss import convert_pair
from kerasish.losses.loss_function_wrapper import BuiltinLoss


def kl_divergence(y_true, y_pred):
    """Kullback-Leibler divergence: `sum(y_true * log(y_true / y_pred), axis=-1)`.

    Both are clipped to `[config.epsilon(), 1]`.

    Example:

    >>> losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])
    array([0.14384103], shape=(1,), dtype=float32)

    Args:
        y_true: distributions of shape `(batch, ..., classes)`.
        y_pred: distributions of the same shape.

    Returns:
        Tensor of shape `(batch, ...)`.
    """
    y_true, y_pred = convert_pair(y_true, y_pred)
    y_true = ops.clip(y_true, config.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true, y_pred):
    """Negative log-likelihood of counts, up to a constant: `mean(y_pred - y_true * log(y_pred), axis=-1)`.

    Example:

    >>> losses.poisson([[0.0, 1.0]], [[1.0, 2.0]])
    array([1.1534263], shape=(1,), dtype=float32)

    Args:
        y_true: counts of shape `(batch, d0, ..., dN)`.
        y_pred: positive rates of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.
    """
    y_true, y_pred = convert_pair(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


class KLDivergence(BuiltinLoss):
    """Kullback-Leibler divergence, `sum(y_true * log(y_true / y_pred), axis=-1)`.

    Example:

    >>> losses.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])
    0.14384103

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, name=name, reduction=reduction, dtype=dtype)


class Poisson(BuiltinLoss):
    """Negative log-likelihood of counts, `mean(y_pred - y_true * log(y_pred))`.

    Example:

    >>> losses.Poisson()([[0.0, 1.0]], [[1.0, 2.0]])
    1.1534263

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(poisson, name=name, reduction=reduction, dtype=dtype)
