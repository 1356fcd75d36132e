"""Circle loss, for embeddings in which samples of one class are near each other."""

from __future__ import annotations

from kerasish import ops
from kerasish.losses.loss import as_tensor
from kerasish.losses.loss_function_wrapper import BuiltinLoss

# Stands for minus infinity: its exponential is 0 in every float type, and gradients through it are 0 and not NaN.
_VERY_SMALL = -3e4


def circle(
    y_true,
    y_pred,
    ref_labels=None,
    ref_embeddings=None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
):
    """Circle loss: pulls a sample towards those of its class and away from all others.

    With the cosine distances `d` of a sample to the references,

    `softplus(logsumexp(-gamma * (margin + d) * (margin - d)) + logsumexp(gamma * (1 + margin - d) * (1 - margin - d)))`

    where the first sum goes over references of the same class and the second over the others. What is far from where
    it should be weighs more.

    Reference: [Sun et al., 2020](https://arxiv.org/abs/2002.10857).

    Example:

    >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]
    >>> losses.circle([0, 0, 1], embeddings)
    array([2.7608e-06, 3.8400e+01, 0.0000e+00], shape=(3,), dtype=float32)

    Args:
        y_true: class indices of shape `(batch,)`.
        y_pred: embeddings of length one, of shape `(batch, features)`.
        ref_labels: class indices of the references, of shape `(references,)`; by default `y_true`.
        ref_embeddings: embeddings of the references, of shape `(references, features)`; by default `y_pred`.
        remove_diagonal: whether a sample is no reference of its own.
        gamma: how sharply far and near are told apart.
        margin: distances below it are near enough.

    Returns:
        Tensor of shape `(batch,)`. Samples whose loss is zero do not count in a mean.
    """
    y_pred = as_tensor(y_pred)
    labels = ops.reshape(as_tensor(y_true, "int32"), (-1, 1))
    references = y_pred if ref_embeddings is None else as_tensor(ref_embeddings, y_pred.dtype)
    reference_labels = labels if ref_labels is None else as_tensor(ref_labels, "int32")
    same = ops.equal(labels, ops.reshape(reference_labels, (1, -1)))
    other = ops.logical_not(same)
    if remove_diagonal:
        diagonal = ops.equal(ops.expand_dims(ops.arange(labels.shape[0]), 1), ops.arange(references.shape[0]))
        same = ops.logical_and(same, ops.logical_not(diagonal))

    distance = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(references)), 0.0)
    # Weights say how far a pair is from where it should be; no gradient is lost where they are zero.
    pull = -gamma * ops.maximum(margin + distance, 0.0) * (margin - distance)
    push = gamma * ops.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    loss = ops.softplus(_logsumexp_where(same, pull) + _logsumexp_where(other, push))
    loss._keras_mask = ops.greater(loss, 0.0)  # type: ignore[attr-defined]
    return loss


circle.integer_targets = True  # type: ignore[attr-defined]


def _logsumexp_where(mask, values):
    """Logarithm of the sum of exponentials where `mask` holds; very small for a row without any."""
    return ops.logsumexp(ops.where(mask, values, _VERY_SMALL), axis=1)


class Circle(BuiltinLoss):
    """Circle loss between class indices and embeddings of length one, see `losses.circle`.

    Example:

    ```python
    model = keras.Sequential([keras.layers.Dense(64), keras.layers.UnitNormalization()])
    model.compile(optimizer="adam", loss=keras.losses.Circle())
    ```

    Args:
        gamma: how sharply far and near are told apart.
        margin: distances below it are near enough.
        remove_diagonal: whether a sample is no reference of its own.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name="circle",
        dtype=None,
    ):
        super().__init__(
            circle,
            name=name,
            reduction=reduction,
            dtype=dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )
