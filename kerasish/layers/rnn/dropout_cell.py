"""Dropout of recurrent cells: the same features are dropped at all timesteps."""

from __future__ import annotations

from typing import Any

from kerasish import ops, random


class DropoutRNNCell:
    """A cell that keeps one random choice of features for all timesteps of a sequence.

    A cell that inherits from it and from `Layer` has the attributes `dropout`, `recurrent_dropout` and
    `seed_generator`, and asks for its masks in `call`. Layers such as `RNN` draw them before the first timestep and
    forget them after the last.
    """

    dropout: float
    recurrent_dropout: float
    seed_generator: random.SeedGenerator
    dropout_mask_count: int | None = None
    """How many masks there are of each kind, one a gate; None for one mask that is no list."""

    _dropout_mask: Any = None
    _recurrent_dropout_mask: Any = None

    def get_dropout_mask(self, step_input: Any) -> Any:
        """Return what to multiply the inputs of a timestep by; None where nothing is dropped."""
        if self._dropout_mask is None and self.dropout > 0:
            self._dropout_mask = self._drawn(step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """Return what to multiply the previous state by; None where nothing is dropped."""
        if self._recurrent_dropout_mask is None and self.recurrent_dropout > 0:
            self._recurrent_dropout_mask = self._drawn(step_input, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def reset_dropout_mask(self) -> None:
        """Have the next timestep draw a new mask."""
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Have the next timestep draw a new mask."""
        self._recurrent_dropout_mask = None

    def _drawn(self, step_input: Any, rate: float) -> Any:
        ones = ops.ones_like(step_input)
        if self.dropout_mask_count is None:
            return random.dropout(ones, rate, seed=self.seed_generator)
        return tuple(
            random.dropout(ones, rate, seed=self.seed_generator) for _ in range(self.dropout_mask_count)
        )
