"""Generalized cross-entropy, which noisy labels do little harm to."""

from __future__ import annotations

from kerasish import ops
from kerasish.losses.loss import as_tensor
from kerasish.losses.loss_function_wrapper import BuiltinLoss


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """Generalized cross-entropy: `(1 - p^q) / q`, `p` being the probability given to the true class.

    Between cross-entropy (`q` towards 0) and mean absolute error (`q` towards 1), which noisy labels disturb less.

    Reference: [Zhang and Sabuncu, 2018](https://arxiv.org/abs/1805.07836).

    Example:

    >>> losses.categorical_generalized_cross_entropy([0, 1], [[0.7, 0.3], [0.2, 0.8]], q=0.5)
    array([0.3266799 , 0.21114564], shape=(2,), dtype=float32)

    Args:
        y_true: class indices of shape `(batch,)` or `(batch, 1)`.
        y_pred: probabilities of shape `(batch, classes)`.
        q: how little noisy labels count, in `(0, 1)`.

    Returns:
        Tensor of shape `(batch,)`.
    """
    y_pred = as_tensor(y_pred)
    labels = as_tensor(y_true, "int32")
    if len(labels.shape) == len(y_pred.shape) and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, axis=-1)
    one_hot = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
    return (1.0 - ops.power(ops.sum(y_pred * one_hot, axis=-1), q)) / q


categorical_generalized_cross_entropy.integer_targets = True  # type: ignore[attr-defined]


class CategoricalGeneralizedCrossEntropy(BuiltinLoss):
    """Generalized cross-entropy, `(1 - p^q) / q`, see `losses.categorical_generalized_cross_entropy`.

    Example:

    >>> losses.CategoricalGeneralizedCrossEntropy()([0, 1], [[0.7, 0.3], [0.2, 0.8]])
    0.26891276

    Args:
        q: how little noisy labels count, in `(0, 1)`.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.

    Raises:
        ValueError: if `q` is not between 0 and 1.
    """

    _config_keys = ("q",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name="categorical_generalized_cross_entropy",
        dtype=None,
    ):
        if not 0 < q < 1:
            raise ValueError(f"Argument `q` must be between 0 and 1, both excluded. Received: q={q}")
        super().__init__(
            categorical_generalized_cross_entropy, name=name, reduction=reduction, dtype=dtype, q=q
        )
