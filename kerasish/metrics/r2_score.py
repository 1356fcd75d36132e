"""The coefficient of determination."""

from __future__ import annotations

from kerasish import ops
from kerasish.losses.loss import as_tensor, check_broadcast, squeeze_or_expand_to_same_rank
from kerasish.metrics.metric import Metric

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """Coefficient of determination: `1 - sum((y_true - y_pred)^2) / sum((y_true - mean(y_true))^2)`.

    1 where predictions are exact, 0 where they are as good as the targets' mean, and negative where they are worse.

    Example:

    >>> metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
    0.57142854

    Args:
        class_aggregation: how the scores of the outputs become one: `"uniform_average"`,
            `"variance_weighted_average"`, or None (they do not).
        num_regressors: how many independent variables predict, for the adjusted score; 0 for the plain one. Where
            there are not more samples than that, the plain one is given.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.

    Raises:
        ValueError: for a value that an argument cannot have.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"Invalid value for argument `class_aggregation`. Expected one of {_AGGREGATIONS}. "
                f"Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. "
                f"Received: num_regressors={num_regressors}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, y_true_shape, y_pred_shape) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2 or None in (y_pred_shape[-1], y_true_shape[-1]):
            raise ValueError(
                "R2Score expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}."
            )
        shape = (y_pred_shape[-1],)
        self.squared_sum = self.add_variable(shape, "zeros", name="squared_sum")
        self.sum = self.add_variable(shape, "zeros", name="sum")
        self.total_mse = self.add_variable(shape, "zeros", name="residual")
        self.count = self.add_variable(shape, "zeros", name="count")
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: targets of shape `(batch, outputs)`.
            y_pred: predictions of the same shape.
            sample_weight: weights of shape `(batch,)` or `(batch, outputs)`, or None.
        """
        y_true, y_pred = as_tensor(y_true, self._dtype), as_tensor(y_pred, self._dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        check_broadcast(y_true, y_pred, "y_true", "y_pred")
        if sample_weight is None:
            weight = ops.ones_like(y_true)
        else:
            weight = as_tensor(sample_weight, self._dtype)
            weight = ops.expand_dims(weight, 1) if len(weight.shape) == 1 else weight
            check_broadcast(weight, y_true, "sample_weight", "y_true")
            weight = ops.broadcast_to(weight, y_true.shape)
        weighted = y_true * weight
        self.sum.assign_add(ops.sum(weighted, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * weighted, axis=0))
        self.total_mse.assign_add(ops.sum(ops.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(ops.cast(ops.size(y_true), self.num_samples.dtype))

    def result(self):
        if not self._built:
            raise ValueError(
                f"The metric {self.name} has no result before the first `update_state`, which tells the outputs."
            )
        total = self.squared_sum - self.sum * ops.divide_no_nan(self.sum, self.count)
        constant = ops.equal(total, 0.0)
        ratio = self.total_mse / ops.where(constant, 1.0, total)
        score = ops.where(constant, 0.0, 1.0 - ratio)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.divide_no_nan(ops.sum(total * score), ops.sum(total))
        if self.num_regressors:
            freedom = self.num_samples - float(self.num_regressors + 1)
            adjusted = 1.0 - (1.0 - score) * (self.num_samples - 1.0) / ops.maximum(freedom, 1.0)
            score = ops.where(ops.greater(freedom, 0.0), adjusted, score)
        return score

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
