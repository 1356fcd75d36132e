"""F-scores: weighted harmonic means of precision and recall."""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.loss import as_tensor
from kerasish.metrics.metric import Metric


class FBetaScore(Metric):
    """F-beta score: `(1 + beta^2) * precision * recall / (beta^2 * precision + recall)`.

    Example:

    >>> m = metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> m.update_state([[1, 1, 1], [1, 0, 0], [1, 1, 0]], y_pred)
    >>> m.result()
    array([0.3846154 , 0.90909094, 0.8333333 ], dtype=float32)

    Args:
        average: how the scores of the classes become one: None (they do not), `"micro"` (counts over all
            classes), `"macro"` (mean of the scores) or `"weighted"` (mean weighted by the classes'
            frequencies).
        beta: how much more recall counts than precision; a positive float.
        threshold: predictions above are positive, a float in `(0, 1]`; None for the largest of each sample.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.

    Raises:
        ValueError: for a value that an argument cannot have.
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                "Invalid `average` argument value. Expected one of: {None, 'micro', 'macro', 'weighted'}. "
                f"Received: average={average}"
            )
        if not isinstance(beta, float):
            raise ValueError(
                "Invalid `beta` argument value. It should be a Python float. "
                f"Received: beta={beta} of type '{type(beta)}'"
            )
        if beta <= 0.0:
            raise ValueError(f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}")
        if threshold is not None and not isinstance(threshold, float):
            raise ValueError(
                "Invalid `threshold` argument value. It should be a Python float. "
                f"Received: threshold={threshold} of type '{type(threshold)}'"
            )
        if threshold is not None and not 0.0 < threshold <= 1.0:
            raise ValueError(
                "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. "
                f"Received: threshold={threshold}"
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true_shape, y_pred_shape) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2 or None in (y_pred_shape[-1], y_true_shape[-1]):
            raise ValueError(
                f"{self.__class__.__name__} expects 2D inputs with shape (batch_size, output_dim). Received "
                f"input shapes: y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}."
            )
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        self.true_positives = self.add_variable(shape, "zeros", self.dtype, name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", self.dtype, name="false_positives")
        self.false_negatives = self.add_variable(shape, "zeros", self.dtype, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, "zeros", self.dtype, name="intermediate_weights")
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: targets of 0 and 1, of shape `(batch, classes)`.
            y_pred: predictions of the same shape.
            sample_weight: weights of shape `(batch,)`, or None.
        """
        y_true, y_pred = as_tensor(y_true, self._dtype), as_tensor(y_pred, self._dtype)
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            largest = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            # Where all predictions are zero, none of them is the prediction.
            positive = ops.logical_and(largest, ops.greater(ops.abs(y_pred), 1e-9))
        else:
            positive = ops.greater(y_pred, self.threshold)
        positive = ops.cast(positive, self._dtype)
        weight = None
        if sample_weight is not None:
            weight = ops.expand_dims(as_tensor(sample_weight, self._dtype), 1)
        self._accumulate(self.true_positives, positive * y_true, weight)
        self._accumulate(self.false_positives, positive * (1.0 - y_true), weight)
        self._accumulate(self.false_negatives, (1.0 - positive) * y_true, weight)
        self._accumulate(self.intermediate_weights, y_true, weight)

    def _accumulate(self, variable, values, weight) -> None:
        variable.assign_add(ops.sum(values if weight is None else values * weight, axis=self.axis))

    def result(self):
        if not self._built:
            raise ValueError(
                f"The metric {self.name} has no result before the first `update_state`, which tells the "
                "classes."
            )
        epsilon = config.epsilon()
        precision = self.true_positives / (self.true_positives + self.false_positives + epsilon)
        recall = self.true_positives / (self.true_positives + self.false_negatives + epsilon)
        beta_squared = self.beta**2
        score = precision * recall / (beta_squared * precision + recall + epsilon) * (1.0 + beta_squared)
        if self.average == "weighted":
            weights = self.intermediate_weights / (ops.sum(self.intermediate_weights) + epsilon)
            return ops.sum(score * weights)
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """F-1 score: `2 * precision * recall / (precision + recall)`.

    Example:

    >>> m = metrics.F1Score(threshold=0.5)
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> m.update_state([[1, 1, 1], [1, 0, 0], [1, 1, 0]], y_pred)
    >>> m.result()
    array([0.5       , 0.79999995, 0.6666666 ], dtype=float32)

    Args:
        average: how the scores of the classes become one: None (they do not), `"micro"` (counts over all
            classes), `"macro"` (mean of the scores) or `"weighted"` (mean weighted by the classes'
            frequencies).
        threshold: predictions above are positive, a float in `(0, 1]`; None for the largest of each sample.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype=None,
    ):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["beta"]
        return config
