"""Evaluate with averaged weights."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Evaluate and predict with the optimizer's moving average of the weights (Polyak averaging).

    The weights and their averages change places before evaluation and change back after it. The optimizer
    must have been made with `use_ema=True`.

    Example:

    ```python
    model.compile(keras.optimizers.SGD(use_ema=True), loss="mse")
    model.fit(x, y, validation_split=0.1, callbacks=[keras.callbacks.SwapEMAWeights()])
    ```

    Args:
        swap_on_epoch: Whether the averages stay in the model from the end of an epoch to the start of the
            next, so that callbacks after this one, such as `ModelCheckpoint`, see them.

    Raises:
        ValueError: During training or evaluation, if the optimizer keeps no averages.
    """

    _backed_up = ("_ema_weights_in_model",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.swap_on_epoch:
            self._put_ema_weights(in_model=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.swap_on_epoch and not self._ema_weights_in_model:
            self._put_ema_weights(in_model=True)
            # The end of `fit` writes the averages into the model: after the last swap they must be there
            # again.
            last = (self.params or {}).get("epochs", 0) - 1
            if epoch == last or getattr(self.model, "stop_training", False):
                for variable, average in self._pairs():
                    average.assign(variable)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._put_ema_weights(in_model=True)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._put_ema_weights(in_model=False)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._put_ema_weights(in_model=True)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._put_ema_weights(in_model=False)

    def _put_ema_weights(self, in_model: bool) -> None:
        if self._ema_weights_in_model != in_model:
            for variable, average in self._pairs():
                value = ops.copy(variable)
                variable.assign(average)
                average.assign(value)
            self._ema_weights_in_model = in_model

    def _pairs(self) -> list[tuple[Any, Any]]:
        """Pairs of a trainable variable and its moving average."""
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        members = getattr(optimizer, "optimizers", None)
        if members is not None:
            averaging = [member for member in members if getattr(member, "use_ema", False)]
            if not averaging:
                raise ValueError(
                    "SwapEMAWeights must be used when at least one inner optimizer has `use_ema=True` set. "
                    "Received "
                    "a MultiOptimizer with all inner optimizers having `use_ema=False`."
                )
        else:
            averaging = [optimizer]
        pairs: list[tuple[Any, Any]] = []
        for member in averaging:
            if not hasattr(member, "_model_variables_moving_average"):
                raise ValueError(
                    "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. Received: "
                    f"use_ema={getattr(member, 'use_ema', None)}"
                )
            pairs += zip(member._trainable_variables, member._model_variables_moving_average, strict=True)
        return pairs
