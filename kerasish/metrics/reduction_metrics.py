"""Sums and means of values over batches, and metrics that are the mean of a function."""

from __future__ import annotations

from kerasish import ops, serialization
from kerasish.losses.loss import (
    Loss,
    apply_mask,
    as_tensor,
    check_broadcast,
    squeeze_or_expand_to_same_rank,
)
from kerasish.metrics.metric import Metric


def reduce_to_samplewise_values(values, sample_weight, reduce_fn, dtype: str):
    """One weighted value, and one weight, for each sample of a batch.

    Args:
        values: tensor of shape `(batch, ...)`.
        sample_weight: weights whose axes are the first of those of `values`, or None.
        reduce_fn: `ops.mean` or `ops.sum`, what makes one value of a sample's many.
        dtype: dtype of the results.

    Returns:
        The values, of shape `(batch,)`, and the weights, of shape `(batch,)` or None.
    """
    mask = getattr(values, "_keras_mask", None)
    values = as_tensor(values, dtype)
    if sample_weight is not None:
        sample_weight = as_tensor(sample_weight, dtype)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, dtype=dtype, reduction="sum")
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        weight_rank = len(sample_weight.shape)
        if len(values.shape) > weight_rank:
            values = reduce_fn(values, axis=tuple(range(weight_rank, len(values.shape))))
        if sample_weight.shape != values.shape:
            check_broadcast(sample_weight, values, "sample_weight", "values")
            # The weights are summed on their own, so they must be as many as the values.
            sample_weight = ops.broadcast_to(sample_weight, values.shape)
        values = values * sample_weight
        if weight_rank > 1:
            sample_weight = reduce_fn(sample_weight, axis=tuple(range(1, weight_rank)))
    if len(values.shape) > 1:
        values = reduce_fn(values, axis=tuple(range(1, len(values.shape))))
    return values, sample_weight


class Sum(Metric):
    """Weighted sum of values.

    Example:

    >>> m = metrics.Sum()
    >>> m.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    >>> m.result()
    4.0

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, name: str | None = "sum", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="total")

    def update_state(self, values, sample_weight=None):
        """Add values.

        Args:
            values: tensor of shape `(batch, ...)`.
            sample_weight: weights that broadcast with `values`, or None.
        """
        values, _ = reduce_to_samplewise_values(values, sample_weight, ops.sum, self._dtype)
        self.total.assign_add(ops.sum(values))

    def result(self):
        return self.total.value


class Mean(Metric):
    """Weighted mean of values: their sum divided by the sum of their weights.

    Example:

    >>> m = metrics.Mean()
    >>> m.update_state([1, 3, 5, 7])
    >>> m.result()
    4.0

    Args:
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    def __init__(self, name: str | None = "mean", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="count")

    def update_state(self, values, sample_weight=None):
        """Add values.

        Args:
            values: tensor of shape `(batch, ...)`, or a scalar.
            sample_weight: weights that broadcast with `values`, a number for a scalar (such as the size of
                the batch that it is the mean of), or None.
        """
        if isinstance(sample_weight, (int, float)):
            # The loss tracker comes through here at every step: no tensor is made of the weight.
            values = as_tensor(values, self._dtype)
            if not values.shape:
                self.total.assign_add(values * sample_weight)
                self.count.assign_add(sample_weight)
                return
        values, sample_weight = reduce_to_samplewise_values(values, sample_weight, ops.mean, self._dtype)
        self.total.assign_add(ops.sum(values) if values.shape else values)
        if sample_weight is not None:
            self.count.assign_add(ops.sum(sample_weight))
        else:
            self.count.assign_add(values.shape[0] if values.shape else 1)

    def result(self):
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean over samples of a function of `(y_true, y_pred)`.

    Example:

    >>> m = metrics.MeanMetricWrapper(lambda y_true, y_pred: (y_true - y_pred) ** 2)
    >>> m(ops.array([0.0, 1.0]), ops.array([1.0, 1.0]))
    0.5

    Args:
        fn: function `fn(y_true, y_pred, **kwargs)` that returns one value a sample.
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        **kwargs: passed on to `fn`.
    """

    def __init__(self, fn, name: str | None = None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if isinstance(fn, Loss) or str(getattr(fn, "__module__", "")).startswith("kerasish.losses."):
            self._direction = "down"

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the function's values for a batch.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: weights that broadcast with the function's values, or None.
        """
        mask = getattr(y_pred, "_keras_mask", None)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, dtype=self._dtype, reduction="sum")
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "fn": serialization.serialize_keras_object(self._fn),
            **serialization.serialize_keras_object(self._fn_kwargs),
        }

    @classmethod
    def from_config(cls, config: dict) -> MeanMetricWrapper:
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)


class BuiltinMeanMetric(MeanMetricWrapper):
    """A metric class of the library: its function is fixed, its config is the constructor's own arguments."""

    # The keyword arguments of the function that are attributes and part of the config.
    _config_keys: tuple = ()

    def __init__(self, fn, name: str | None = None, dtype=None, **kwargs):
        super().__init__(fn, name=name, dtype=dtype, **kwargs)
        for key in self._config_keys:
            setattr(self, key, kwargs[key])

    def get_config(self) -> dict:
        return {**Metric.get_config(self), **{key: getattr(self, key) for key in self._config_keys}}

    @classmethod
    def from_config(cls, config: dict) -> BuiltinMeanMetric:
        return cls(**config)
