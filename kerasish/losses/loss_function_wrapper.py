"""Losses that are a function of `(y_true, y_pred)`."""

from __future__ import annotations

from kerasish import serialization, tree
from kerasish.losses.loss import Loss, squeeze_or_expand_to_same_rank


class LossFunctionWrapper(Loss):
    """A loss made of a function.

    Example:

    >>> loss = LossFunctionWrapper(kerasish.losses.huber, delta=2.0)
    >>> loss([[0.0]], [[4.0]])
    6.0

    Args:
        fn: function `fn(y_true, y_pred, **kwargs)` that returns one value a sample.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
        **kwargs: passed on to `fn`.
    """

    def __init__(self, fn, reduction: str | None = "sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs
        self._integer_targets = getattr(fn, "integer_targets", False)

    def call(self, y_true, y_pred):
        if isinstance(y_true, (list, tuple, dict)):
            pairs = [
                squeeze_or_expand_to_same_rank(*pair)
                for pair in zip(tree.flatten(y_true), tree.flatten(y_pred), strict=True)
            ]
            y_true = tree.pack_sequence_as(y_true, [pair[0] for pair in pairs])
            y_pred = tree.pack_sequence_as(y_pred, [pair[1] for pair in pairs])
        else:
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "fn": serialization.serialize_keras_object(self.fn),
            **serialization.serialize_keras_object(self._fn_kwargs),
        }

    @classmethod
    def from_config(cls, config: dict) -> LossFunctionWrapper:
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__}({self.fn}, kwargs={self._fn_kwargs})>"


class BuiltinLoss(LossFunctionWrapper):
    """A loss class of the library: its function is fixed, its config is the constructor's own arguments."""

    # The keyword arguments of `fn` that are attributes and part of the config.
    _config_keys: tuple = ()

    def __init__(self, fn, reduction: str | None = "sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(fn, reduction=reduction, name=name, dtype=dtype, **kwargs)
        for key in self._config_keys:
            setattr(self, key, kwargs[key])

    def get_config(self) -> dict:
        return {**Loss.get_config(self), **{key: getattr(self, key) for key in self._config_keys}}

    @classmethod
    def from_config(cls, config: dict) -> BuiltinLoss:
        return cls(**config)
