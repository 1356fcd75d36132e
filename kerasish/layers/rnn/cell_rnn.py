"""Layers that make their own cell: what SimpleRNN, GRU, LSTM and ConvLSTM share."""

from __future__ import annotations

from typing import Any

from kerasish import regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.rnn.recurrent_cell import RecurrentCell
from kerasish.layers.rnn.rnn import RNN


class OfCell:
    """An attribute of a layer that is its cell's."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else getattr(instance.cell, self._name)


class CellRNN(RNN):
    """An `RNN` around a cell whose settings are the layer's own.

    Args:
        cell: The cell.
        ndim: How many axes the inputs have.
    """

    def __init__(self, cell: RecurrentCell, ndim: int, **kwargs: Any):
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=ndim)

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        return super().call(sequences, initial_state=initial_state, mask=mask, training=training)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return {**config, **self.cell.own_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        return cls(**config)


def check_use_cudnn(use_cudnn: Any) -> Any:
    """Return the argument: which way of computing there is does not depend on it."""
    if use_cudnn not in ("auto", True, False):
        raise ValueError(
            "Invalid value received for argument `use_cudnn`. Expected one of {'auto', True, False}. "
            f"Received: use_cudnn={use_cudnn}"
        )
    return use_cudnn
