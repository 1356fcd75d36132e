"""Cells one above the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import ops, tree
from kerasish.autograd.tensor import Tensor
from kerasish.layers import signatures
from kerasish.layers.layer import Layer
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


def takes_training(layer: Layer) -> bool:
    """Tell whether the layer's `call` has a `training` argument."""
    return signatures.of_call(type(layer)).takes_training


def call_cell(cell: Any, inputs: Tensor, states: list, training: bool) -> Any:
    """Call a cell, which may be any object with a `call`."""
    if not isinstance(cell, Layer):
        return (cell if callable(cell) else cell.call)(inputs, states)
    return cell(inputs, states, training=training) if takes_training(cell) else cell(inputs, states)


class StackedRNNCells(Layer):
    """A cell made of cells, each taking the output of the one before it.

    Example:

    >>> cell = kerasish.layers.StackedRNNCells([kerasish.layers.LSTMCell(4), kerasish.layers.LSTMCell(3)])
    >>> kerasish.layers.RNN(cell)(kerasish.ops.ones((2, 5, 8))).shape
    (2, 3)

    Args:
        cells: The cells, from the first to the last.

    Raises:
        ValueError: If one has no `call` or no `state_size`.
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            for attribute in ("call", "state_size"):
                if not hasattr(cell, attribute):
                    raise ValueError(
                        f"All cells must have a `{attribute}` {'method' if attribute == 'call' else 'attribute'}. "
                        f"Received cell without a `{attribute}`: {cell}"
                    )
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        """The sizes of each cell's states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The length of the last cell's output."""
        return _output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Return the states of each cell before the first timestep."""
        states: list[Any] = []
        for cell in self.cells:
            if hasattr(cell, "get_initial_state"):
                states.append(cell.get_initial_state(batch_size=batch_size))
                continue
            sizes = cell.state_size
            zeros = [
                ops.zeros((batch_size, size), dtype=self.compute_dtype)
                for size in ([sizes] if isinstance(sizes, int) else sizes)
            ]
            states.append(zeros[0] if isinstance(sizes, int) else zeros)
        return states

    def build(self, input_shape: tuple) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            input_shape = (input_shape[0], _output_size(cell))

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, list]:
        new_states: list[Any] = []
        for cell, state in zip(self.cells, states, strict=True):
            nested = tree.is_nested(state)
            inputs, new = call_cell(cell, inputs, list(state) if nested else [state], training)
            new = list(new) if tree.is_nested(new) else [new]
            new_states.append(new if nested or len(new) > 1 else new[0])
        return inputs, new_states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        cells = [deserialize_keras_object(c, custom_objects=custom_objects) for c in config.pop("cells")]
        return cls(cells, **config)


def _output_size(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    size = cell.state_size if size is None else size
    return size[0] if isinstance(size, (list, tuple)) else size
