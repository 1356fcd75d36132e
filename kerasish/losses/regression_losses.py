"""Losses for regression: distances between targets and predictions."""

from __future__ import annotations

import math

from kerasish import config, ops
from kerasish.losses.loss import match_targets
from kerasish.losses.loss_function_wrapper import BuiltinLoss


def mean_squared_error(y_true, y_pred):
    """Mean of squared errors: `mean(square(y_true - y_pred), axis=-1)`.

    Example:

    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 1.0]])
    array([0.5], shape=(1,), dtype=float32)

    Args:
        y_true: targets of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true, y_pred):
    """Mean of absolute errors: `mean(abs(y_true - y_pred), axis=-1)`.

    Example:

    >>> losses.mean_absolute_error([[0.0, 1.0]], [[2.0, 1.0]])
    array([1.], shape=(1,), dtype=float32)

    Args:
        y_true: targets of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true, y_pred):
    """Mean error in percent of the target: `100 * mean(abs((y_true - y_pred) / y_true), axis=-1)`.

    The denominator is at least `config.epsilon()`.

    Example:

    >>> losses.mean_absolute_percentage_error([[100.0, 200.0]], [[90.0, 210.0]])
    array([7.5], shape=(1,), dtype=float32)

    Args:
        y_true: targets of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`, in percent.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    ratio = (y_true - y_pred) / ops.maximum(ops.abs(y_true), config.epsilon())
    return 100.0 * ops.mean(ops.abs(ratio), axis=-1)


def mean_squared_logarithmic_error(y_true, y_pred):
    """Mean of squared differences of logarithms: `mean(square(log(y_true + 1) - log(y_pred + 1)), axis=-1)`.

    Values below `config.epsilon()` are raised to it.

    Example:

    >>> losses.mean_squared_logarithmic_error([[0.0, 1.0]], [[1.0, 1.0]])
    array([0.2402264], shape=(1,), dtype=float32)

    Args:
        y_true: targets of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    epsilon = config.epsilon()
    log_pred = ops.log(ops.maximum(y_pred, epsilon) + 1.0)
    log_true = ops.log(ops.maximum(y_true, epsilon) + 1.0)
    return ops.mean(ops.square(log_pred - log_true), axis=-1)


def cosine_similarity(y_true, y_pred, axis: int = -1):
    """Negative cosine of the angle between targets and predictions: -1 for equal directions, 1 for opposite.

    `loss = -sum(l2_normalize(y_true) * l2_normalize(y_pred), axis)`; zero where either vector is zero.

    Example:

    >>> losses.cosine_similarity([[0.0, 1.0]], [[1.0, 1.0]])
    array([-0.70710677], shape=(1,), dtype=float32)

    Args:
        y_true: targets, any shape.
        y_pred: predictions of the same shape.
        axis: the axis of the vectors' components.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


def huber(y_true, y_pred, delta: float = 1.0):
    """Squared error for small errors, absolute error for large ones, smoothly joined at `delta`.

    `mean(0.5 * e^2 if abs(e) <= delta else delta * abs(e) - 0.5 * delta^2, axis=-1)` with `e = y_pred -
    y_true`.

    Example:

    >>> losses.huber([[0.0, 1.0]], [[2.0, 1.0]])
    array([0.75], shape=(1,), dtype=float32)

    Args:
        y_true: targets of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.
        delta: the error where the loss changes from quadratic to linear.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.

    Raises:
        ValueError: if the shapes do not broadcast.

    Reference:
        [Huber, 1964](https://en.wikipedia.org/wiki/Huber_loss)
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    error = y_pred - y_true
    size = ops.abs(error)
    return ops.mean(
        ops.where(size <= delta, 0.5 * ops.square(error), delta * size - 0.5 * delta * delta), axis=-1
    )


def log_cosh(y_true, y_pred):
    """Mean logarithm of the hyperbolic cosine of the error: `mean(log(cosh(y_pred - y_true)), axis=-1)`.

    Example:

    >>> losses.log_cosh([[0.0, 1.0]], [[1.0, 1.0]])
    array([0.21689042], shape=(1,), dtype=float32)

    Args:
        y_true: targets of shape `(batch, d0, ..., dN)`.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, d0, ..., dN-1)`.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    y_true, y_pred = match_targets(y_true, y_pred)
    error = y_pred - y_true
    # log(cosh(e)) = e + log(1 + exp(-2e)) - log(2), which overflows nowhere.
    return ops.mean(error + ops.softplus(error * -2.0) - math.log(2.0), axis=-1)


class MeanSquaredError(BuiltinLoss):
    """Mean of squared errors, `mean(square(y_true - y_pred))`.

    Example:

    >>> losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]])
    0.5

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, name=name, reduction=reduction, dtype=dtype)


class MeanAbsoluteError(BuiltinLoss):
    """Mean of absolute errors, `mean(abs(y_true - y_pred))`.

    Example:

    >>> losses.MeanAbsoluteError()([[0.0, 1.0]], [[2.0, 1.0]])
    1.0

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, name=name, reduction=reduction, dtype=dtype)


class MeanAbsolutePercentageError(BuiltinLoss):
    """Mean error in percent of the target, `100 * mean(abs((y_true - y_pred) / y_true))`.

    Example:

    >>> losses.MeanAbsolutePercentageError()([[100.0, 200.0]], [[90.0, 210.0]])
    7.5

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None
    ):
        super().__init__(mean_absolute_percentage_error, name=name, reduction=reduction, dtype=dtype)


class MeanSquaredLogarithmicError(BuiltinLoss):
    """Mean of squared differences of logarithms, `mean(square(log(y_true + 1) - log(y_pred + 1)))`.

    Example:

    >>> losses.MeanSquaredLogarithmicError()([[0.0, 1.0]], [[1.0, 1.0]])
    0.2402264

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None
    ):
        super().__init__(mean_squared_logarithmic_error, name=name, reduction=reduction, dtype=dtype)


class CosineSimilarity(BuiltinLoss):
    """Negative cosine of the angle between targets and predictions, see `losses.cosine_similarity`.

    Example:

    >>> losses.CosineSimilarity()([[0.0, 1.0]], [[1.0, 1.0]])
    -0.70710677

    Args:
        axis: the axis of the vectors' components.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name="cosine_similarity",
        dtype=None,
    ):
        super().__init__(cosine_similarity, name=name, reduction=reduction, dtype=dtype, axis=axis)


class Huber(BuiltinLoss):
    """Squared error for small errors, absolute error for large ones, see `losses.huber`.

    Example:

    >>> losses.Huber()([[0.0, 1.0]], [[2.0, 1.0]])
    0.75

    Args:
        delta: the error where the loss changes from quadratic to linear.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(
        self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name="huber_loss", dtype=None
    ):
        super().__init__(huber, name=name, reduction=reduction, dtype=dtype, delta=delta)


class LogCosh(BuiltinLoss):
    """Mean logarithm of the hyperbolic cosine of the error, `mean(log(cosh(y_pred - y_true)))`.

    Example:

    >>> losses.LogCosh()([[0.0, 1.0]], [[1.0, 1.0]])
    0.21689042

    Args:
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(log_cosh, name=name, reduction=reduction, dtype=dtype)
