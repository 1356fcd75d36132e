"""SimpleRNN: a recurrent layer whose output is fed back to its input."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.tensor import Tensor
from kerasish.layers.rnn.cell_rnn import CellRNN, OfCell
from kerasish.layers.rnn.recurrent_cell import RecurrentCell


class SimpleRNNCell(RecurrentCell):
    """One step of a `SimpleRNN`.

    Example:

    >>> cell = kerasish.layers.SimpleRNNCell(4)
    >>> output, states = cell(kerasish.ops.ones((2, 8)), cell.get_initial_state(2))
    >>> output.shape
    (2, 4)

    Args:
        units: Number of units: the length of the output.
        activation: Function of the output.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial values of the kernel that the inputs are multiplied by.
        recurrent_initializer: Initial values of the kernel that the state is multiplied by.
        bias_initializer: Initial values of the bias.
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
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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

        settings = {
            "activation": activation,
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
        super().__init__(units, 1, settings, **kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def build(self, input_shape: tuple) -> None:
        shapes = (input_shape[-1], self.units), (self.units, self.units), (self.units,)
        self._add_weights(*shapes, bias_initializer=self.bias_initializer)

    def project(self, inputs: Tensor, training: bool) -> Tensor:
        masks = self._input_masks(inputs, training)
        projected = self._sum_for_gates(inputs, self.kernel, masks)
        return projected if self.bias is None else projected + self.bias

    def advance(self, projected: Tensor, states: Any, training: bool) -> tuple[Tensor, list[Tensor]]:
        state = states[0]
        masks = self._state_masks(state, training)
        output = projected + self._sum_for_gates(state, self.recurrent_kernel, masks)
        output = output if self.activation is None else self.activation(output)
        return output, [output]

    def own_config(self) -> dict[str, Any]:
        """Return what the cell's config has beyond every layer's."""
        return {**super().own_config(), "units": self.units}


class SimpleRNN(CellRNN):
    """A recurrent layer whose output is fed back to its input.

    `h = activation(x @ kernel + previous h @ recurrent_kernel + bias)`.

    Example:

    >>> kerasish.layers.SimpleRNN(4)(kerasish.ops.ones((2, 5, 8))).shape
    (2, 4)

    Args:
        units: Number of units: the length of the output.
        activation: Function of the output.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial values of the kernel that the inputs are multiplied by.
        recurrent_initializer: Initial values of the kernel that the state is multiplied by.
        bias_initializer: Initial values of the bias.
        kernel_regularizer: Penalty on the kernel.
        recurrent_regularizer: Penalty on the recurrent kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on the output.
        kernel_constraint: Map to allowed kernels, applied after each update.
        recurrent_constraint: Map to allowed recurrent kernels.
        bias_constraint: Map to allowed biases.
        dropout: Share of the input features to drop in training, the same at all timesteps.
        recurrent_dropout: Share of the state's features to drop in training.
        return_sequences: Whether to return the outputs of all timesteps, and not only the last.
        return_state: Whether to return the last states after the output.
        go_backwards: Whether to begin with the last timestep.
        stateful: Whether a batch begins with the states that the batch before it ended with.
        unroll: Whether the compiled computation has the steps one by one and not a loop.
        seed: An integer that makes the dropout repeatable.

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
    use_bias = OfCell()
    kernel_initializer = OfCell()
    recurrent_initializer = OfCell()
    bias_initializer = OfCell()
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
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        cell = SimpleRNNCell(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
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
            name="simple_rnn_cell",
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

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["seed"]  # as in Keras's files
        return config
