"""Focal cross-entropies, which weigh easy samples down.

Reference: [Lin et al., 2018](https://arxiv.org/abs/1708.02002).
"""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.crossentropy_losses import prepare_categorical, smooth_binary
from kerasish.losses.loss import as_tensor
from kerasish.losses.loss_function_wrapper import BuiltinLoss


def binary_focal_crossentropy(
    y_true,
    y_pred,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
):
    """Binary cross-entropy times `(1 - p)^gamma`, `p` being the probability given to the true label.

    Example:

    >>> losses.binary_focal_crossentropy([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    array([0.32986468 0.20579838], shape=(2,), dtype=float32)

    Args:
        y_true: targets in `[0, 1]`, of shape `(batch, d0, ..., dN)`.
        y_pred: probabilities (or logits) of the same shape.
        apply_class_balancing: whether to weigh class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: weight of class 1.
        gamma: the focusing exponent; 0 gives plain binary cross-entropy.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how far the targets are moved towards 0.5, in `[0, 1]`.
        axis: the axis of the mean.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes differ.
    """
    y_pred = as_tensor(y_pred)
    y_true = smooth_binary(as_tensor(y_true, y_pred.dtype), label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    values = ops.binary_crossentropy(y_true, y_pred)
    p_true = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    values = ops.power(1.0 - p_true, gamma) * values
    if apply_class_balancing:
        values = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * values
    return ops.mean(values, axis=axis)


def categorical_focal_crossentropy(
    y_true,
    y_pred,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
):
    """Categorical cross-entropy times `alpha * (1 - p)^gamma`, class by class.

    Example:

    >>> losses.categorical_focal_crossentropy([[0, 1, 0]], [[0.05, 0.9, 0.05]])
    array([0.00026341], shape=(1,), dtype=float32)

    Args:
        y_true: target distributions (usually one-hot), of shape `(batch, ..., classes)`.
        y_pred: probabilities (or logits) of the same shape.
        alpha: weight of the classes, a float or one float a class.
        gamma: the focusing exponent; 0 gives `alpha` times categorical cross-entropy.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how much of each target is spread evenly over the classes, in `[0, 1]`.
        axis: the axis of the classes.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes differ.
    """
    y_true, y_pred = prepare_categorical(
        y_true, y_pred, label_smoothing, axis, "categorical_focal_crossentropy"
    )
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    probability = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    probability = ops.clip(probability, config.epsilon(), 1.0 - config.epsilon())
    focus = ops.power(1.0 - probability, gamma) * alpha
    return -ops.sum(focus * y_true * ops.log(probability), axis=axis)


class BinaryFocalCrossentropy(BuiltinLoss):
    """Binary cross-entropy with easy samples weighed down, see `losses.binary_focal_crossentropy`.

    Example:

    >>> losses.BinaryFocalCrossentropy(gamma=2)([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    0.2678315

    Args:
        apply_class_balancing: whether to weigh class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: weight of class 1.
        gamma: the focusing exponent; 0 gives plain binary cross-entropy.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how far the targets are moved towards 0.5, in `[0, 1]`.
        axis: the axis of the mean.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("from_logits", "label_smoothing", "axis", "apply_class_balancing", "alpha", "gamma")

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name="binary_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(
            binary_focal_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(BuiltinLoss):
    """Categorical cross-entropy with easy samples weighed down, see `losses.categorical_focal_crossentropy`.

    Example:

    >>> losses.CategoricalFocalCrossentropy()([[0, 1, 0]], [[0.05, 0.9, 0.05]])
    0.00026341

    Args:
        alpha: weight of the classes, a float or one float a class.
        gamma: the focusing exponent; 0 gives `alpha` times categorical cross-entropy.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how much of each target is spread evenly over the classes, in `[0, 1]`.
        axis: the axis of the classes.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("from_logits", "label_smoothing", "axis", "alpha", "gamma")

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name="categorical_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(
            categorical_focal_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
