"""Class vectors to matrices, and normalization, for NumPy arrays and tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasish import ops
from kerasish.autograd import is_tensor

if TYPE_CHECKING:
    from typing import Any


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Converts class numbers to one-hot rows, for `categorical_crossentropy`.

    Example:

    >>> kerasish.utils.to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])

    Args:
        x: Integers from 0 to `num_classes - 1`, of any shape; a last axis of size 1 is dropped.
        num_classes: Number of classes. Defaults to `max(x) + 1` (a tensor needs it given).

    Returns:
        A float64 array of shape `(..., num_classes)`; for a tensor, a tensor of the default float type.

    Raises:
        ValueError: If `x` is a tensor and `num_classes` is not given.
        IndexError: If a class number is negative, or `num_classes` or more.
    """
    if is_tensor(x):
        if num_classes is None:
            raise ValueError("`num_classes` must be given where `x` is a tensor. Received: num_classes=None")
        if x.ndim > 1 and x.shape[-1] == 1:
            x = ops.squeeze(x, axis=-1)
        return ops.one_hot(x, num_classes)
    classes = np.array(x, dtype="int64")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    largest = int(classes.max()) if classes.size else -1
    num_classes = int(num_classes or largest + 1)
    smallest = int(classes.min()) if classes.size else 0
    if smallest < 0 or largest >= num_classes:
        raise IndexError(
            f"`x` must hold class numbers from 0 to num_classes - 1 = {num_classes - 1}. "
            f"Received: values from {smallest} to {largest}."
        )
    rows = np.zeros((*classes.shape, num_classes))
    np.put_along_axis(rows, classes[..., None], 1.0, axis=-1)
    return rows


def normalize(x: Any, axis: Any = -1, order: Any = 2) -> Any:
    """Divides an array by its norm along an axis; where the norm is 0 the values stay.

    Example:

    >>> kerasish.utils.normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])

    Args:
        x: A NumPy array or a tensor.
        axis: The axis along which the norm is taken, an integer (NumPy arrays: or `None`, the whole array).
        order: Order of the norm: 2 is Euclidean.

    Returns:
        A normalized copy, of the kind of `x`.
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    norm = np.linalg.norm(x, order, axis, keepdims=axis is not None)
    return x / np.where(norm == 0, 1, norm)
