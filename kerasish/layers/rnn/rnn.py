"""The layer that runs a cell over a sequence."""

from __future__ import annotations

from typing import Any

from kerasish import ops, tree
from kerasish.autograd.naming import name_scope
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.autograd.variable import Variable
from kerasish.layers.layer import Layer
from kerasish.layers.rnn.dropout_cell import DropoutRNNCell
from kerasish.layers.rnn.recurrence import recur, time_first
from kerasish.layers.rnn.recurrent_cell import RecurrentCell
from kerasish.layers.rnn.stacked_rnn_cells import StackedRNNCells, call_cell
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


class RNN(Layer):
    """Run a cell over the timesteps of a sequence, the states of one step being the input of the next.

    Example:

    >>> cells = [kerasish.layers.GRUCell(4), kerasish.layers.LSTMCell(3)]
    >>> kerasish.layers.RNN(cells, return_sequences=True)(kerasish.ops.ones((2, 5, 8))).shape
    (2, 5, 3)

    Args:
        cell: A cell, or a list of cells one above the other. A cell is a layer (or any object) with
            `call(inputs, states) -> (output, new states)` and a `state_size`: an integer, or one for each state. It
            may have an `output_size` and a `get_initial_state(batch_size)`.
        return_sequences: Whether to return the outputs of all timesteps, and not only the last.
        return_state: Whether to return the last states after the output.
        go_backwards: Whether to begin with the last timestep.
        stateful: Whether a batch begins with the states that the batch before it ended with.
        unroll: Whether the compiled computation has the steps one by one and not a loop: quicker for a few steps, but
            it takes longer to compile.
        zero_output_for_mask: Whether the output of a masked timestep is zeros, and not that of the step before.

    Call arguments:
        sequences: `(batch, timesteps, ...)`.
        initial_state: The states to begin with: a list of tensors; zeros by default.
        mask: Booleans `(batch, timesteps)`; timesteps where it is False leave the states as they are.
        training: Passed on to the cell.

    Raises:
        ValueError: If `cell` has no `call` or no `state_size`.
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "call"):
            raise ValueError(
                f"Argument `cell` should have a `call` method. Received: cell={cell}. Give it one that takes "
                "`(inputs, states)` and returns `(output, new_states)`."
            )
        if getattr(cell, "state_size", None) is None:
            raise ValueError(
                "The RNN cell should have a `state_size` attribute (single integer or list of integers, one integer "
                f"per RNN state). Received: cell={cell}"
            )
        if not isinstance(cell.state_size, (list, tuple, int)):
            raise ValueError(
                "`state_size` must be an integer, or a list/tuple of integers (one for each state tensor). "
                f"Received: state_size={cell.state_size}"
            )
        super().__init__(**kwargs)
        self.zero_output_for_mask = zero_output_for_mask
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.supports_masking = True
        self._keep_states(None)
        self._expected_batch_size: int | None = None
        self.single_state = isinstance(cell.state_size, int)
        self.state_size = [cell.state_size] if self.single_state else list(cell.state_size)

    def build(self, sequences_shape: tuple, initial_state_shape: Any = None) -> None:
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True
        if not self.stateful:
            return
        if self.states is not None:
            self.reset_state()
            return
        if sequences_shape[0] is None:
            raise ValueError(
                "When using `stateful=True` in a RNN, the batch size must be static. Found dynamic batch size: "
                f"sequence.shape={sequences_shape}. Pass `batch_shape` (or `batch_size`) to `Input`."
            )
        self._expected_batch_size = sequences_shape[0]
        with name_scope(self.name, caller=self):
            self._keep_states(
                tree.map_structure(
                    lambda state: Variable(
                        state, trainable=False, dtype=self.variable_dtype, name="rnn_state"
                    ),
                    self.get_initial_state(sequences_shape[0]),
                )
            )

    def _keep_states(self, states: Any) -> None:
        """Set `states`. They belong to the data, so they are no weights and are not saved."""
        object.__setattr__(self, "states", states)

    def get_initial_state(self, batch_size: int | None) -> list:
        """Return the states to begin with."""
        known = 1 if batch_size is None else batch_size
        if hasattr(self.cell, "get_initial_state"):
            states = self.cell.get_initial_state(batch_size=known)
        else:
            dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
            states = [ops.zeros((known, size), dtype=dtype) for size in self.state_size]
        states = list(states) if tree.is_nested(states) else [states]
        if batch_size is None:  # while shapes are found out
            return tree.map_structure(lambda s: KerasTensor((None, *s.shape[1:]), s.dtype), states)
        return states

    def reset_states(self) -> None:
        """Set the states of a stateful layer back to zero."""
        self.reset_state()

    def reset_state(self) -> None:
        """Set the states of a stateful layer back to zero."""
        for state in tree.flatten(self.states) if self.states is not None else ():
            state.assign(ops.zeros_like(state))

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        self._check_call(sequences)
        if initial_state is None:
            initial_state = self.states if self.stateful else self.get_initial_state(sequences.shape[0])
        states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        states = tree.map_structure(lambda s: ops.cast(ops.convert_to_tensor(s), dtype), states)
        self._draw_masks(self.cell, sequences[:, 0], states, training)
        try:
            output, states = self.inner_loop(sequences, states, mask, training)
        finally:
            self._forget_masks(self.cell)
        output = ops.cast(output, self.compute_dtype)
        states = tree.map_structure(lambda s: ops.cast(s, self.compute_dtype), states)
        if self.stateful:
            for variable, state in zip(tree.flatten(self.states), tree.flatten(states), strict=True):
                variable.assign(state)
        return (output, *states) if self.return_state else output

    def _check_call(self, sequences: Tensor) -> None:
        if self.unroll and sequences.shape[1] is None:
            raise ValueError(
                "Cannot unroll a RNN if the time dimension is undefined. Give the number of timesteps: pass an "
                "`Input()` with it as the first layer of a Sequential model, or a `shape` with it to `Input()`. "
                f"Received: sequences.shape={sequences.shape}"
            )
        expected = self._expected_batch_size
        if self.stateful and None not in (expected, sequences.shape[0]) and sequences.shape[0] != expected:
            raise ValueError(
                "If an RNN is stateful, the batch size of the input sequences must be the same as the batch size of "
                f"the initial state. Expected batch size: {expected}. Received batch size: {sequences.shape[0]}"
            )

    def inner_loop(self, sequences: Tensor, initial_state: list, mask: Any, training: bool = False) -> Any:
        """Run the cell over the timesteps.

        Returns:
            The outputs (of all timesteps, or the last one) and the last states.
        """
        cell: Any = self.cell
        mask = tree.flatten(mask)[0]
        inputs = time_first(sequences)
        by_halves = self._runs_by_halves()
        if by_halves:
            inputs = cell.project(inputs, training)

        def step(x: Tensor, states: list) -> tuple[Tensor, list]:
            if by_halves:
                return cell.advance(x, states, training)
            output, new = call_cell(cell, x, states, training)
            return output, list(new) if tree.is_nested(new) else [new]

        output, states = recur(
            step,
            inputs,
            initial_state,
            mask,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            keep_all=self.return_sequences,
            output_is_state=by_halves,
        )
        return time_first(output) if self.return_sequences else output, states

    def _runs_by_halves(self) -> bool:
        """Tell whether what the cell makes of the inputs can be computed for all timesteps at once."""
        cell = self.cell
        return (
            isinstance(cell, RecurrentCell)
            and type(cell).call is RecurrentCell.call
            and cell.activity_regularizer is None
            and cell.compute_dtype == self.compute_dtype
        )

    def _draw_masks(self, cell: Any, inputs: Tensor, states: Any, training: bool) -> None:
        if not training:
            return
        if isinstance(cell, DropoutRNNCell):
            cell.get_dropout_mask(inputs)
            cell.get_recurrent_dropout_mask(tree.flatten(states)[0])
        elif isinstance(cell, StackedRNNCells) and any(isinstance(c, DropoutRNNCell) for c in cell.cells):
            for below, state in zip(cell.cells, states, strict=True):
                self._draw_masks(below, inputs, state, training)
                state = list(state) if tree.is_nested(state) else [state]
                inputs, _ = call_cell(below, inputs, state, training)  # for its shape

    def _forget_masks(self, cell: Any) -> None:
        if isinstance(cell, DropoutRNNCell):
            cell.reset_dropout_mask()
            cell.reset_recurrent_dropout_mask()
        elif isinstance(cell, StackedRNNCells):
            for below in cell.cells:
                self._forget_masks(below)

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """Return the mask of the outputs: that of the inputs if all timesteps are returned."""
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        return [mask, *(None for _ in self.state_size)] if self.return_state else mask

    def compute_output_shape(self, sequences_shape: tuple, initial_state_shape: Any = None) -> Any:
        batch = sequences_shape[0]
        states = [
            (batch, size) if isinstance(size, int) else [(batch, part) for part in size]
            for size in self.state_size
        ]
        width = getattr(self.cell, "output_size", None)
        width = self.state_size[0] if width is None else width
        if not isinstance(width, int):
            raise ValueError(f"`output_size` must be an integer. Received: {width}")
        output = (batch, sequences_shape[1], width) if self.return_sequences else (batch, width)
        return (output, *states) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "cell": serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        cell = deserialize_keras_object(config.pop("cell"), custom_objects=custom_objects)
        return cls(cell, **config)
