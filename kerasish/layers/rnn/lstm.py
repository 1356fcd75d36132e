"""LSTM: long short-term memory, a recurrent layer with gates around a state that it adds to."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.rnn.cell_rnn import CellRNN, OfCell, check_use_cudnn
from kerasish.layers.rnn.recurrent_cell import RecurrentCell


class LSTMCell(RecurrentCell):
    """One step of a `LSTM`.

    Example:

    >>> cell = kerasish.layers.LSTMCell(4)
    >>> output, states = cell(kerasish.ops.ones((2, 8)), cell.get_initial_state(2))
    >>> output.shape
    (2, 4)

    Args:
        units: Number of units: the length of the output.
        activation: Function of the candidate for the state, and of the state.
        recurrent_activation: Function of the gates.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial values of the kernel that the inputs are multiplied by.
        recurrent_initializer: Initial values of the kernel that the state is multiplied by.
        bias_initializer: Initial values of the bias.
        unit_forget_bias: Whether the bias of the forget gate starts at one (Jozefowicz et al., 2015).
        kernel_regularizer: Penalty on the kernel.
        recurrent_regularizer: Penalty on the recurrent kernel.
        bias_regularizer: Penalty on the bias.
        kernel_constraint: Map to allowed kernels, applied after each update.
        recurrent_constraint: Map to allowed recurrent kernels.
        bias_constraint: Map to allowed biases.
        dropout: Share of the input features to drop in training, the same at all timesteps.
        recurrent_dropout: Share of the state's features to drop in training.
        seed: An integer that makes the dropout repeatable.

    Call arguments:
        inputs: `(batch, features)`.
        states: The states of the step before, each `(batch, units)`.
        training: Whether to drop features.

    Raises:
        ValueError: If `units` is not positive.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        implementation = kwargs.pop("implementation", 2)
        settings = {
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
        }
        super().__init__(units, 4, settings, **kwargs)
        self.units = units
        self.unit_forget_bias = unit_forget_bias
        self.implementation = 1 if self.recurrent_dropout else implementation
        self.dropout_mask_count = 4 if self.implementation == 1 else None
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape: tuple) -> None:
        width = 4 * self.units
        shapes = (input_shape[-1], width), (self.units, width), (width,)
        self._add_weights(*shapes, bias_initializer=self._forgetting_bias())

    def project(self, inputs: Tensor, training: bool) -> Tensor:
        projected = self._sum_for_gates(inputs, self.kernel, self._input_masks(inputs, training))
        return projected if self.bias is None else projected + self.bias

    def advance(self, projected: Tensor, states: Any, training: bool) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        gates = projected + self._sum_for_gates(h, self.recurrent_kernel, self._state_masks(h, training))
        i, f, candidate, o = ops.split(gates, 4, axis=-1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(candidate)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def own_config(self) -> dict[str, Any]:
        """Return what the cell's config has beyond every layer's."""
        return {**super().own_config(), "units": self.units, "unit_forget_bias": self.unit_forget_bias}


class LSTM(CellRNN):
    """Long short-term memory, a recurrent layer with gates around a state that it adds to.

    Hochreiter and Schmidhuber, "Long short-term memory", 1997. With gates i, f and o that are
    `recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)`, `c = f * c + i * activation(...)` and
    `h = o * activation(c)`.

    Example:

    >>> kerasish.layers.LSTM(4)(kerasish.ops.ones((2, 5, 8))).shape
    (2, 4)

    Args:
        units: Number of units: the length of the output.
        activation: Function of the candidate for the state, and of the state.
        recurrent_activation: Function of the gates.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial values of the kernel that the inputs are multiplied by.
        recurrent_initializer: Initial values of the kernel that the state is multiplied by.
        bias_initializer: Initial values of the bias.
        unit_forget_bias: Whether the bias of the forget gate starts at one (Jozefowicz et al., 2015).
        kernel_regularizer: Penalty on the kernel.
        recurrent_regularizer: Penalty on the recurrent kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Map to allowed kernels, applied after each update.
        recurrent_constraint: Map to allowed recurrent kernels.
        bias_constraint: Map to allowed biases.
        dropout: Share of the input features to drop in training, the same at all timesteps.
        recurrent_dropout: Share of the state's features to drop in training.
        seed: An integer that makes the dropout repeatable.
        return_sequences: Whether to return the outputs of all timesteps, and not only the last.
        return_state: Whether to return the last states after the output.
        go_backwards: Whether to begin with the last timestep.
        stateful: Whether a batch begins with the states that the batch before it ended with.
        unroll: Whether the compiled computation has the steps one by one and not a loop.
        use_cudnn: Accepted for Keras's sake.

    Call arguments:
        sequences: `(batch, timesteps, features)`.
        initial_state: The states to begin with, a list; zeros by default.
        mask: Booleans `(batch, timesteps)`; timesteps where it is False leave the states as they are.
        training: Whether to drop features.

    Raises:
        ValueError: If `units` is not positive.
    """

    units = OfCell()
    activation = OfCell()
    recurrent_activation = OfCell()
    use_bias = OfCell()
    kernel_initializer = OfCell()
    recurrent_initializer = OfCell()
    bias_initializer = OfCell()
    unit_forget_bias = OfCell()
    kernel_regularizer = OfCell()
    recurrent_regularizer = OfCell()
    bias_regularizer = OfCell()
    kernel_constraint = OfCell()
    recurrent_constraint = OfCell()
    bias_constraint = OfCell()
    dropout = OfCell()
    recurrent_dropout = OfCell()

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        cell = LSTMCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="lstm_cell",
            implementation=kwargs.pop("implementation", 2),
        )
        super().__init__(
            cell,
            3,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.use_cudnn = check_use_cudnn(use_cudnn)
