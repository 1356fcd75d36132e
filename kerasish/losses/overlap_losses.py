"""Losses of segmentation: how little two sets of pixels overlap."""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.loss import convert_pair
from kerasish.losses.loss_function_wrapper import BuiltinLoss


def dice(y_true, y_pred, axis=None):
    """Dice loss: `1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`.

    Example:

    >>> losses.dice([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], axis=1)
    array([0.33333337], shape=(1,), dtype=float32)

    Args:
        y_true: what belongs to the object, values in `[0, 1]` of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.
        axis: the axes that are summed over, an int or a tuple; all of them where None.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes do not fit.
    """
    y_true, y_pred = convert_pair(y_true, y_pred)
    axis = _static(axis)
    common = ops.sum(y_true * y_pred, axis=axis)
    size = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * common / (size + config.epsilon())


def tversky(y_true, y_pred, alpha: float = 0.5, beta: float = 0.5, axis=None):
    """Tversky loss: Dice loss with a weight for either kind of error.

    `1 - c / (c + alpha * sum(y_true * (1 - y_pred)) + beta * sum(y_pred * (1 - y_true)))`, where
    `c = sum(y_true * y_pred)`. With `alpha = beta = 0.5` it is the Dice loss.

    Reference: [Salehi et al., 2017](https://arxiv.org/abs/1706.05721).

    Example:

    >>> losses.tversky([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], alpha=0.2, beta=0.8, axis=1)
    array([0.16666669], shape=(1,), dtype=float32)

    Args:
        y_true: what belongs to the object, values in `[0, 1]` of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.
        alpha: weight of what is missing from the prediction.
        beta: weight of what is too much in the prediction.
        axis: the axes that are summed over, an int or a tuple; all of them where None.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes do not fit.
    """
    y_true, y_pred = convert_pair(y_true, y_pred)
    axis = _static(axis)
    common = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum((1.0 - y_pred) * y_true, axis=axis)
    added = ops.sum(y_pred * (1.0 - y_true), axis=axis)
    return 1.0 - common / (common + missed * alpha + added * beta + config.epsilon())


def _static(axis):
    """Axes as they are summed over; those from a file are a list."""
    return tuple(axis) if isinstance(axis, list) else axis


class Dice(BuiltinLoss):
    """Dice loss, `1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`.

    Example:

    >>> losses.Dice(axis=1)([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    0.33333337

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        axis: the axes that are summed over, an int or a tuple; all of them where None.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("axis",)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="dice", axis=None, dtype=None):
        super().__init__(dice, name=name, reduction=reduction, dtype=dtype, axis=axis)


class Tversky(BuiltinLoss):
    """Tversky loss: Dice loss with a weight for either kind of error, see `losses.tversky`.

    Example:

    >>> losses.Tversky(alpha=0.2, beta=0.8, axis=1)([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    0.16666669

    Args:
        alpha: weight of what is missing from the prediction.
        beta: weight of what is too much in the prediction.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        axis: the axes that are summed over, an int or a tuple; all of them where None.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("alpha", "beta", "axis")

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name="tversky",
        axis=None,
        dtype=None,
    ):
        super().__init__(
            tversky, name=name, reduction=reduction, dtype=dtype, alpha=alpha, beta=beta, axis=axis
        )
