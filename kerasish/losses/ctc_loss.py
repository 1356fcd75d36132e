"""Connectionist temporal classification: the loss of label sequences that are not aligned with the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.losses.loss import Loss
from kerasish.losses.loss_function_wrapper import LossFunctionWrapper

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class CTC(LossFunctionWrapper):
    """The connectionist temporal classification loss of integer labels and logits.

    Example:

    >>> loss = kerasish.losses.CTC()
    >>> value = loss(np.array([[1, 2, 1, 0]]), np.zeros((1, 8, 3)))

    Args:
        reduction: `"sum_over_batch_size"`, `"mean"`, `"mean_with_sample_weight"`, `"sum"`, `"none"` or None.
        name: Name of the instance.
        dtype: The type that the loss is computed in; the default float type by default.

    Reference: Graves et al., "Connectionist temporal classification", ICML 2006.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: Any = None):
        super().__init__(ctc, name=name, reduction=reduction, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal loss."""
        return Loss.get_config(self)


def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """The connectionist temporal classification loss of each sequence.

    Args:
        y_true: Labels, integers of shape `(batch, labels)`; 0 stands for no label and fills up short sequences.
        y_pred: Logits of shape `(batch, frames, classes)`, class 0 for no label.

    Returns:
        Tensor of shape `(batch,)`.

    Raises:
        ValueError: If one has another number of axes.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if y_true.ndim != 2:
        raise ValueError(
            "Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in integer format. "
            f"Received: y_true.shape={y_true.shape}"
        )
    if y_pred.ndim != 3:
        raise ValueError(
            "Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, num_classes)`. "
            f"Received: y_pred.shape={y_pred.shape}"
        )
    labels = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    frames = ops.full_like(labels, y_pred.shape[1])
    return ops.ctc_loss(y_true, y_pred, labels, frames, mask_index=0)
