"""Counts of true and false positives and negatives, precision and recall."""

from __future__ import annotations

from kerasish import ops
from kerasish.metrics.confusion import (
    NEG_INF,
    are_evenly_spaced,
    evenly_spaced,
    parse_thresholds,
    update_confusion,
)
from kerasish.metrics.metric import Metric


class _ConfusionCount(Metric):
    """The weighted number of samples in one cell of the confusion matrix."""

    _cell = ""

    def __init__(self, thresholds=None, name: str | None = None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds, default=0.5)
        self._evenly = are_evenly_spaced(self.thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: targets of 0 and 1.
            y_pred: predictions in `[0, 1]`, of the same shape.
            sample_weight: weights that broadcast with the predictions, or None.
        """
        counts = {self._cell: self.accumulator}
        update_confusion(counts, y_true, y_pred, self.thresholds, self._evenly, sample_weight=sample_weight)

    def result(self):
        return self.accumulator[0] if len(self.thresholds) == 1 else self.accumulator.value

    def get_config(self) -> dict:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class FalsePositives(_ConfusionCount):
    """How many samples of class 0 are predicted to be of class 1.

    Example:

    >>> metrics.FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1])
    2.0

    Args:
        thresholds: a float or list of floats in `[0, 1]`; a prediction above is class 1. By default 0.5.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _cell = "fp"


class FalseNegatives(_ConfusionCount):
    """How many samples of class 1 are predicted to be of class 0.

    Example:

    >>> metrics.FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
    2.0

    Args:
        thresholds: a float or list of floats in `[0, 1]`; a prediction above is class 1. By default 0.5.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _cell = "fn"


class TrueNegatives(_ConfusionCount):
    """How many samples of class 0 are predicted to be of class 0.

    Example:

    >>> metrics.TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0])
    2.0

    Args:
        thresholds: a float or list of floats in `[0, 1]`; a prediction above is class 1. By default 0.5.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _cell = "tn"


class TruePositives(_ConfusionCount):
    """How many samples of class 1 are predicted to be of class 1.

    Example:

    >>> metrics.TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0

    Args:
        thresholds: a float or list of floats in `[0, 1]`; a prediction above is class 1. By default 0.5.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _cell = "tp"


class _TruePositiveRatio(Metric):
    """True positives divided by themselves plus one other count."""

    _direction = "up"
    _other_cell = ""
    _other_name = ""

    def __init__(self, thresholds=None, top_k=None, class_id=None, name: str | None = None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = parse_thresholds(thresholds, default=0.5 if top_k is None else NEG_INF)
        self._evenly = are_evenly_spaced(self.thresholds)
        self.true_positives = self.add_variable((len(self.thresholds),), "zeros", name="true_positives")
        setattr(
            self, self._other_name, self.add_variable((len(self.thresholds),), "zeros", name=self._other_name)
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: targets of 0 and 1.
            y_pred: predictions in `[0, 1]`, of the same shape.
            sample_weight: weights that broadcast with the predictions, or None.
        """
        update_confusion(
            {"tp": self.true_positives, self._other_cell: getattr(self, self._other_name)},
            y_true,
            y_pred,
            self.thresholds,
            self._evenly,
            top_k=self.top_k,
            class_id=self.class_id,
            sample_weight=sample_weight,
        )

    def result(self):
        total = ops.add(self.true_positives, getattr(self, self._other_name))
        ratio = ops.divide_no_nan(self.true_positives, total)
        return ratio[0] if len(self.thresholds) == 1 else ratio

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_TruePositiveRatio):
    """Which part of the positive predictions are right: `tp / (tp + fp)`.

    Example:

    >>> metrics.Precision()([0, 1, 1, 1], [1, 0, 1, 1])
    0.6666667

    Args:
        thresholds: a float or list of floats in `[0, 1]`; a prediction above is positive. By default 0.5, or,
            with `top_k`, none.
        top_k: if given, only the `k` largest predictions of a sample can be positive.
        class_id: if given, only this class counts.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _other_cell = "fp"
    _other_name = "false_positives"


class Recall(_TruePositiveRatio):
    """Which part of the positive samples are found: `tp / (tp + fn)`.

    Example:

    >>> metrics.Recall()([0, 1, 1, 1], [1, 0, 1, 1])
    0.6666667

    Args:
        thresholds: a float or list of floats in `[0, 1]`; a prediction above is positive. By default 0.5, or,
            with `top_k`, none.
        top_k: if given, only the `k` largest predictions of a sample can be positive.
        class_id: if given, only this class counts.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _other_cell = "fn"
    _other_name = "false_negatives"


class ConfusionCurve(Metric):
    """All four counts at many thresholds, from which subclasses compute their result."""

    _direction = "up"

    def _add_counts(self, shape) -> None:
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.true_negatives = self.add_variable(shape, "zeros", name="true_negatives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")

    def _counts(self) -> dict:
        return {
            "tp": self.true_positives,
            "fp": self.false_positives,
            "tn": self.true_negatives,
            "fn": self.false_negatives,
        }

    def _recall(self):
        return ops.divide_no_nan(self.true_positives, ops.add(self.true_positives, self.false_negatives))

    def _precision(self):
        return ops.divide_no_nan(self.true_positives, ops.add(self.true_positives, self.false_positives))

    def _specificity(self):
        return ops.divide_no_nan(self.true_negatives, ops.add(self.true_negatives, self.false_positives))


class _BestUnderConstraint(ConfusionCurve):
    """The largest value of one ratio at the thresholds where another reaches a bound."""

    # The constructor's argument that is the bound.
    _bound = ""

    def __init__(self, value: float, num_thresholds: int, class_id, name, dtype):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= value <= 1:
            raise ValueError(
                f"Argument `{self._bound}` must be in the range [0, 1]. Received: {self._bound}={value}"
            )
        if num_thresholds <= 0:
            raise ValueError(
                f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={num_thresholds}"
            )
        self.value = value
        setattr(self, self._bound, value)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = evenly_spaced(num_thresholds)
        self._evenly = are_evenly_spaced(self.thresholds)
        self._add_counts((num_thresholds,))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: targets of 0 and 1.
            y_pred: predictions in `[0, 1]`, of the same shape.
            sample_weight: weights that broadcast with the predictions, or None.
        """
        update_confusion(
            self._counts(),
            y_true,
            y_pred,
            self.thresholds,
            self._evenly,
            class_id=self.class_id,
            sample_weight=sample_weight,
        )

    def _best(self, values, constrained):
        return ops.max(ops.where(ops.greater_equal(constrained, self.value), values, 0.0))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
            self._bound: self.value,
        }


class SensitivityAtSpecificity(_BestUnderConstraint):
    """The best sensitivity `tp / (tp + fn)` at a specificity `tn / (tn + fp)` of at least the given one.

    Example:

    >>> metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5

    Args:
        specificity: the specificity to reach, in `[0, 1]`.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: if given, only this class counts.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _bound = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id=None,
        name: str | None = None,
        dtype=None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._recall(), self._specificity())


class SpecificityAtSensitivity(_BestUnderConstraint):
    """The best specificity `tn / (tn + fp)` at a sensitivity `tp / (tp + fn)` of at least the given one.

    Example:

    >>> metrics.SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.6666667

    Args:
        sensitivity: the sensitivity to reach, in `[0, 1]`.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: if given, only this class counts.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _bound = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id=None,
        name: str | None = None,
        dtype=None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._specificity(), self._recall())


class PrecisionAtRecall(_BestUnderConstraint):
    """The best precision `tp / (tp + fp)` at a recall `tp / (tp + fn)` of at least the given one.

    Example:

    >>> metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5

    Args:
        recall: the recall to reach, in `[0, 1]`.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: if given, only this class counts.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _bound = "recall"

    def __init__(
        self, recall: float, num_thresholds: int = 200, class_id=None, name: str | None = None, dtype=None
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._precision(), self._recall())


class RecallAtPrecision(_BestUnderConstraint):
    """The best recall `tp / (tp + fn)` at a precision `tp / (tp + fp)` of at least the given one.

    Example:

    >>> metrics.RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    0.5

    Args:
        precision: the precision to reach, in `[0, 1]`.
        num_thresholds: how many evenly spaced thresholds are tried.
        class_id: if given, only this class counts.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _bound = "precision"

    def __init__(
        self, precision: float, num_thresholds: int = 200, class_id=None, name: str | None = None, dtype=None
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._recall(), self._precision())
