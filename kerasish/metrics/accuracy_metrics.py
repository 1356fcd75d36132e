"""How often predictions are right."""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.loss import as_tensor, match_targets, squeeze_or_expand_to_same_rank
from kerasish.metrics.reduction_metrics import BuiltinMeanMetric


def accuracy(y_true, y_pred):
    """1.0 where `y_pred` equals `y_true`, else 0.0; tensors of the same shape."""
    y_true, y_pred = match_targets(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), config.floatx())


def binary_accuracy(y_true, y_pred, threshold: float = 0.5):
    """1.0 where `y_pred > threshold` is the class that `y_true` says, else 0.0.

    Example:

    >>> metrics.binary_accuracy([[1], [0]], [[0.9], [0.6]])
    array([[1.], [0.]], shape=(2, 1), dtype=float32)

    Args:
        y_true: targets of 0 and 1, any shape.
        y_pred: probabilities of the same shape.
        threshold: probability above which a prediction is class 1.

    Returns:
        Tensor of the inputs' shape.
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(as_tensor(y_true), as_tensor(y_pred))
    predicted = ops.cast(ops.greater(y_pred, threshold), y_true.dtype)
    return ops.cast(ops.equal(y_true, predicted), config.floatx())


def categorical_accuracy(y_true, y_pred):
    """1.0 where the largest prediction is that of the true class, else 0.0.

    Example:

    >>> metrics.categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    array([0., 1.], shape=(2,), dtype=float32)

    Args:
        y_true: one-hot targets of shape `(batch, ..., classes)`.
        y_pred: predictions of the same shape.

    Returns:
        Tensor of shape `(batch, ...)`.
    """
    y_true, y_pred = ops.argmax(as_tensor(y_true), axis=-1), as_tensor(y_pred)
    shape = y_true.shape
    if len(shape) == len(y_pred.shape):  # targets of shape (batch, 1, classes)
        y_true = ops.squeeze(y_true, axis=-1)
    matches = ops.cast(ops.equal(y_true, ops.argmax(y_pred, axis=-1)), config.floatx())
    return ops.reshape(matches, shape) if len(shape) == len(y_pred.shape) else matches


def sparse_categorical_accuracy(y_true, y_pred):
    """1.0 where the largest prediction is that of the true class, else 0.0.

    Example:

    >>> metrics.sparse_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    array([0., 1.], shape=(2,), dtype=float32)

    Args:
        y_true: class indices of shape `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: predictions of shape `(batch, ..., classes)`.

    Returns:
        Tensor of shape `(batch, ...)`.
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    # Integer and float targets both compare exactly with the indices that argmax gives.
    matches = ops.cast(ops.equal(y_true, ops.argmax(y_pred, axis=-1)), config.floatx())
    if len(matches.shape) > 1 and matches.shape[-1] == 1:
        matches = ops.squeeze(matches, axis=-1)
    return matches


def top_k_categorical_accuracy(y_true, y_pred, k: int = 5):
    """1.0 where the true class is among the `k` largest predictions, else 0.0.

    Example:

    >>> metrics.top_k_categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]], k=2)
    array([1., 1.], shape=(2,), dtype=float32)

    Args:
        y_true: one-hot targets of shape `(batch, ..., classes)`.
        y_pred: predictions of the same shape.
        k: how many predictions count.

    Returns:
        Tensor of shape `(batch, ...)`.
    """
    return _in_top_k(ops.argmax(as_tensor(y_true), axis=-1), as_tensor(y_pred), k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k: int = 5, from_sorted_ids: bool = False):
    """1.0 where the true class is among the `k` largest predictions, else 0.0.

    Example:

    >>> metrics.sparse_top_k_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]], k=2)
    array([1., 1.], shape=(2,), dtype=float32)

    Args:
        y_true: class indices of shape `(batch, ...)`.
        y_pred: predictions of shape `(batch, ..., classes)`; with `from_sorted_ids`, class indices instead,
            best first.
        k: how many predictions count.
        from_sorted_ids: whether `y_pred` holds sorted class indices.

    Returns:
        Tensor of the shape of `y_true`.
    """
    y_pred = as_tensor(y_pred)
    if not from_sorted_ids:
        return _in_top_k(as_tensor(y_true, "int32"), y_pred, k)
    y_true = as_tensor(y_true, y_pred.dtype)
    found = ops.any(ops.equal(ops.expand_dims(_flat(y_true, 1), axis=1), _flat(y_pred, 2)[:, :k]), axis=1)
    return _like_targets(found, y_true)


def _in_top_k(labels, y_pred, k):
    in_top = ops.in_top_k(as_tensor(_flat(labels, 1), "int32"), _flat(y_pred, 2), k=k)
    return _like_targets(in_top, labels)


def _flat(x, rank):
    """`x` with all leading axes of more than `rank` made one."""
    return ops.reshape(x, (-1, *x.shape[len(x.shape) - rank + 1 :])) if len(x.shape) > rank else x


def _like_targets(matches, y_true):
    matches = ops.cast(matches, config.floatx())
    return ops.reshape(matches, y_true.shape) if len(y_true.shape) > 1 else matches


class Accuracy(BuiltinMeanMetric):
    """How often predictions equal targets.

    Example:

    >>> metrics.Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]])
    0.75

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype=None):
        super().__init__(accuracy, name=name, dtype=dtype)


class BinaryAccuracy(BuiltinMeanMetric):
    """How often predictions above a threshold are the targets of 1.

    Example:

    >>> metrics.BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]])
    0.75

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        threshold: probability above which a prediction is class 1.
    """

    _direction = "up"
    _config_keys = ("threshold",)

    def __init__(self, name: str | None = "binary_accuracy", dtype=None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)


class CategoricalAccuracy(BuiltinMeanMetric):
    """How often the largest prediction is that of the true class, for one-hot targets.

    Example:

    >>> metrics.CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name=name, dtype=dtype)


class SparseCategoricalAccuracy(BuiltinMeanMetric):
    """How often the largest prediction is that of the true class, for class indices.

    Example:

    >>> metrics.SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
    0.5

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)


class TopKCategoricalAccuracy(BuiltinMeanMetric):
    """How often the true class is among the `k` largest predictions, for one-hot targets.

    Example:

    >>> metrics.TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5

    Args:
        k: how many predictions count.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _direction = "up"
    _config_keys = ("k",)

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)


class SparseTopKCategoricalAccuracy(BuiltinMeanMetric):
    """How often the true class is among the `k` largest predictions, for class indices.

    Example:

    >>> metrics.SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5

    Args:
        k: how many predictions count.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        from_sorted_ids: whether predictions are class indices, best first.
    """

    _direction = "up"
    _config_keys = ("k", "from_sorted_ids")

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype=None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(
            sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids
        )

    def get_config(self) -> dict:
        config = super().get_config()
        if not self._fn_kwargs["from_sorted_ids"]:
            del config["from_sorted_ids"]
        return config
