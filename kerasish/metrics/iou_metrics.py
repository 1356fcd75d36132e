"""Intersection over union of predicted and true classes, for segmentation."""

from __future__ import annotations

import warnings

from kerasish import config, ops
from kerasish.losses.loss import as_tensor, check_broadcast
from kerasish.metrics.metric import Metric


class IoU(Metric):
    """Mean intersection over union of some classes: `true_pos / (true_pos + false_pos + false_neg)`.

    Counts of pairs of true and predicted class are kept in a confusion matrix. Classes that neither targets nor
    predictions name do not count, nor do samples of a class outside `[0, num_classes)`.

    Example:

    >>> metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])
    0.33333334

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes whose mean is given.
        name: name of the metric.
        dtype: dtype of the counts, by default `"int32"`; give a float type for fractional sample weights.
        ignore_class: a class whose samples do not count, such as -1 or 255 for "void"; None for no such class.
        sparse_y_true: whether targets are class indices; if not, the largest along `axis` is the class.
        sparse_y_pred: whether predictions are class indices; if not, the largest along `axis` is the class.
        axis: the axis of the classes where they are not indices.

    Raises:
        ValueError: if a target class is not one of the classes.
    """

    _direction = "up"
    # The constructor's arguments that `get_config` returns beside name and dtype.
    _config_keys: tuple[str, ...] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        target_class_ids,
        name: str | None = None,
        dtype=None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.target_class_ids = list(target_class_ids)
        outside = [i for i in self.target_class_ids if not 0 <= i < num_classes]
        if outside:
            raise ValueError(
                f"Target class id {outside[0]} is out of range, which is [0, {num_classes}). "
                f"Received: target_class_ids={target_class_ids}"
            )
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", dtype=self.dtype, name="total_confusion_matrix"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch.

        Args:
            y_true: classes of any shape, or one value a class along `axis`.
            y_pred: predicted classes, likewise.
            sample_weight: weights that broadcast with the classes, or None.
        """
        labels = _class_indices(y_true, self.sparse_y_true, self.axis)
        predictions = _class_indices(y_pred, self.sparse_y_pred, self.axis)
        if labels.shape != predictions.shape and None not in (*labels.shape, *predictions.shape):
            raise ValueError(
                "Arguments `y_true` and `y_pred` must have as many classes. "
                f"Received: y_true.shape={tuple(as_tensor(y_true).shape)}, "
                f"y_pred.shape={tuple(as_tensor(y_pred).shape)}"
            )
        counts = self._weights(sample_weight, labels)
        known = _within(labels, self.num_classes) & _within(predictions, self.num_classes)
        if self.ignore_class is not None:
            known = known & ops.not_equal(labels, self.ignore_class)
        cells = ops.where(known, labels * self.num_classes + predictions, 0)
        counts = ops.where(known, counts, ops.zeros_like(counts))
        matrix = ops.segment_sum(counts, cells, num_segments=self.num_classes**2)
        self.total_cm.assign_add(ops.reshape(matrix, (self.num_classes, self.num_classes)))

    def _weights(self, sample_weight, labels):
        """Return one weight for each sample, in the dtype of the counts."""
        if sample_weight is None:
            return ops.ones(labels.shape, dtype=self._dtype)
        weight = as_tensor(sample_weight)
        if "float" in weight.dtype and "int" in self._dtype:
            warnings.warn(
                "You are passing weight as `float`, but dtype is `int`. This may result in an incorrect weight due "
                "to type casting. Consider using integer weights, or a metric with a float `dtype`.",
                stacklevel=4,
            )
        weight = as_tensor(weight, self._dtype)
        weight = ops.reshape(weight, (-1,)) if len(weight.shape) > 1 else weight
        check_broadcast(weight, labels, "sample_weight", "y_true")
        return ops.broadcast_to(weight, labels.shape)

    def result(self):
        matrix = ops.cast(self.total_cm, "float32")
        hits = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits
        wanted = as_tensor(self.target_class_ids, "int32")
        hits, union = ops.take(hits, wanted), ops.take(union, wanted)
        present = ops.cast(ops.greater(union, 1e-9), "float32")
        epsilon = config.epsilon()
        return ops.sum(present * hits / (union + epsilon)) / (ops.sum(present) + epsilon)

    def get_config(self) -> dict:
        return {**super().get_config(), **{key: getattr(self, key) for key in self._config_keys}}


def _class_indices(values, sparse: bool, axis: int):
    """Return classes as a flat tensor of indices."""
    if not sparse:
        values = ops.argmax(values, axis=axis)
    values = as_tensor(values, "int32")
    return ops.reshape(values, (-1,)) if len(values.shape) > 1 else values


def _within(classes, num_classes: int):
    return ops.greater_equal(classes, 0) & ops.less(classes, num_classes)


class BinaryIoU(IoU):
    """Intersection over union of class 0, class 1, or their mean, for predictions that are compared to a threshold.

    Example:

    >>> metrics.BinaryIoU(target_class_ids=[0, 1], threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    0.33333334

    Args:
        target_class_ids: the classes whose mean is given: `[0]`, `[1]` or `[0, 1]`.
        threshold: predictions from here on are class 1.
        name: name of the metric.
        dtype: dtype of the counts, by default `"int32"`; give a float type for fractional sample weights.
    """

    _config_keys = ("target_class_ids", "threshold")

    def __init__(self, target_class_ids=(0, 1), threshold: float = 0.5, name: str | None = None, dtype=None):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch.

        Args:
            y_true: 0 and 1, of any shape.
            y_pred: predictions of the same shape.
            sample_weight: weights that broadcast with the classes, or None.
        """
        positive = ops.greater_equal(as_tensor(y_pred, "float32"), self.threshold)
        super().update_state(y_true, ops.cast(positive, "int32"), sample_weight)


class MeanIoU(IoU):
    """Mean intersection over union of all classes, see `IoU`.

    Example:

    >>> metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])
    0.33333334

    Args:
        num_classes: how many classes there are.
        name: name of the metric.
        dtype: dtype of the counts, by default `"int32"`; give a float type for fractional sample weights.
        ignore_class: a class whose samples do not count; None for no such class.
        sparse_y_true: whether targets are class indices; if not, the largest along `axis` is the class.
        sparse_y_pred: whether predictions are class indices; if not, the largest along `axis` is the class.
        axis: the axis of the classes where they are not indices.
    """

    _config_keys: tuple[str, ...] = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype=None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(
            num_classes=num_classes,
            target_class_ids=range(num_classes),
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=sparse_y_true,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )


class OneHotIoU(IoU):
    """Mean intersection over union of some classes for one-hot targets, see `IoU`.

    Example:

    >>> y_true, y_pred = [[0, 0, 1], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7]]
    >>> metrics.OneHotIoU(num_classes=3, target_class_ids=[0, 2])(y_true, y_pred)
    0.24999997

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes whose mean is given.
        name: name of the metric.
        dtype: dtype of the counts, by default `"int32"`; give a float type for fractional sample weights.
        ignore_class: a class whose samples do not count; None for no such class.
        sparse_y_pred: whether predictions are class indices; if not, the largest along `axis` is the class.
        axis: the axis of the classes.
    """

    _config_keys = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        target_class_ids,
        name: str | None = None,
        dtype=None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes=num_classes,
            target_class_ids=target_class_ids,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )


class OneHotMeanIoU(MeanIoU):
    """Mean intersection over union of all classes for one-hot targets, see `IoU`.

    Example:

    >>> y_true, y_pred = [[0, 0, 1], [1, 0, 0]], [[0.2, 0.3, 0.5], [0.1, 0.2, 0.7]]
    >>> metrics.OneHotMeanIoU(num_classes=3)(y_true, y_pred)
    0.24999997

    Args:
        num_classes: how many classes there are.
        name: name of the metric.
        dtype: dtype of the counts, by default `"int32"`; give a float type for fractional sample weights.
        ignore_class: a class whose samples do not count; None for no such class.
        sparse_y_pred: whether predictions are class indices; if not, the largest along `axis` is the class.
        axis: the axis of the classes.
    """

    _config_keys = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype=None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes=num_classes,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )
