"""Losses of maximum-margin classification."""

from __future__ import annotations

from kerasish import ops
from kerasish.losses.loss import convert_pair
from kerasish.losses.loss_function_wrapper import BuiltinLoss


def hinge(y_true, y_pred):
    """Hinge of the margin: `mean(maximum(1 - y_true * y_pred, 0), axis=-1)`.

    Example:

    >>> losses.hinge([[-1.0, 1.0]], [[0.5, 2.0]])
    array([0.75], shape=(1,), dtype=float32)

    Args:
        y_true: targets of -1 or 1, of shape `(batch, d0, ..., dN)`; if all are 0 or 1, they are taken for
            -1 and 1.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.
    """
    return ops.mean(_margin_loss(y_true, y_pred), axis=-1)


def squared_hinge(y_true, y_pred):
    """Squared hinge of the margin: `mean(square(maximum(1 - y_true * y_pred, 0)), axis=-1)`.

    Example:

    >>> losses.squared_hinge([[-1.0, 1.0]], [[0.5, 2.0]])
    array([1.125], shape=(1,), dtype=float32)

    Args:
        y_true: targets of -1 or 1, of shape `(batch, d0, ..., dN)`; if all are 0 or 1, they are taken for
            -1 and 1.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.
    """
    return ops.mean(ops.square(_margin_loss(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true, y_pred):
    """Margin between the true class and the best other: `maximum(neg - pos + 1, 0)`.

    Here `pos = sum(y_true * y_pred, axis=-1)` and `neg = max((1 - y_true) * y_pred, axis=-1)`.

    Example:

    >>> losses.categorical_hinge([[0.0, 1.0]], [[0.25, 0.5]])
    array([0.75], shape=(1,), dtype=float32)

    Args:
        y_true: one-hot targets of shape `(batch, ..., classes)`.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, ...)`.
    """
    y_true, y_pred = convert_pair(y_true, y_pred)
    positive = ops.sum(y_true * y_pred, axis=-1)
    negative = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(negative - positive + 1.0, 0.0)


def _margin_loss(y_true, y_pred):
    y_true, y_pred = convert_pair(y_true, y_pred)
    return ops.maximum(1.0 - _signed_labels(y_true) * y_pred, 0.0)


def _signed_labels(y_true):
    """Labels of 0 and 1 as -1 and 1; labels that hold anything else as they are."""
    is_binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(is_binary, 2.0 * y_true - 1.0, y_true)


class Hinge(BuiltinLoss):
    """Hinge of the margin, `mean(maximum(1 - y_true * y_pred, 0))`; targets are -1 or 1 (or 0 or 1).

    Example:

    >>> losses.Hinge()([[-1.0, 1.0]], [[0.5, 2.0]])
    0.75

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(hinge, name=name, reduction=reduction, dtype=dtype)


class SquaredHinge(BuiltinLoss):
    """Squared hinge of the margin, `mean(square(maximum(1 - y_true * y_pred, 0)))`.

    Example:

    >>> losses.SquaredHinge()([[-1.0, 1.0]], [[0.5, 2.0]])
    1.125

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, name=name, reduction=reduction, dtype=dtype)


class CategoricalHinge(BuiltinLoss):
    """Margin between the true class and the best other, see `losses.categorical_hinge`.

    Example:

    >>> losses.CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.5]])
    0.75

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, name=name, reduction=reduction, dtype=dtype)
