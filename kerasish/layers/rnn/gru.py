"""GRU: gated recurrent unit, a recurrent layer that mixes its state with a candidate."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.rnn.cell_rnn import CellRNN, OfCell, check_use_cudnn
from kerasish.layers.rnn.recurrent_cell import RecurrentCell


class GRUCell(RecurrentCell):
    """One step of a `GRU`.

    Example:

    >>> cell = kerasish.layers.GRUCell(4)
    >>> output, states = cell(kerasish.ops.ones((2, 8)), cell.get_initial_state(2))
    >>> output.shape
    (2, 4)

    Args:
        units: Number of units: the length of the output.
        activation: Function of the candidate for the state.
        recurrent_activation: Function of the gates.
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
        reset_after: Whether the reset gate comes after the product with the recurrent kernel, as on GPUs, or before.
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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
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
        super().__init__(units, 3, settings, **kwargs)
        self.units = units
        self.reset_after = reset_after
        self.implementation = 1 if self.recurrent_dropout else implementation
        self.dropout_mask_count = 3 if self.implementation == 1 else None
        self.state_size = units
        self.output_size = units

    def build(self, input_shape: tuple) -> None:
        width = 3 * self.units
        bias = (2, width) if self.reset_after else (width,)
        shapes = (input_shape[-1], width), (self.units, width), bias
        self._add_weights(*shapes, bias_initializer=self.bias_initializer)

    def project(self, inputs: Tensor, training: bool) -> Tensor:
        projected = self._sum_for_gates(inputs, self.kernel, self._input_masks(inputs, training))
        if self.bias is None:
            return projected
        return projected + (self.bias[0] if self.reset_after else self.bias)

    def advance(self, projected: Tensor, states: Any, training: bool) -> tuple[Tensor, list[Tensor]]:
        h = states[0]
        z_input, r_input, candidate = ops.split(projected, 3, axis=-1)
        masks = self._state_masks(h, training)
        if self.reset_after:
            inner = self._sum_for_gates(h, self.recurrent_kernel, masks)
            inner = inner if self.bias is None else inner + self.bias[1]
            z_inner, r_inner, recurrent = ops.split(inner, 3, axis=-1)
        else:
            of_gates, of_candidate = ops.split(self.recurrent_kernel, [2 * self.units], axis=-1)
            inner = self._sum_for_gates(h, of_gates, masks[:2] if masks is not None else None)
            z_inner, r_inner = ops.split(inner, 2, axis=-1)
        z = self.recurrent_activation(z_input + z_inner)
        r = self.recurrent_activation(r_input + r_inner)
        if self.reset_after:
            recurrent = r * recurrent
        else:
            recurrent = ops.matmul(r * (h if masks is None else h * masks[2]), of_candidate)
        h = z * h + (1 - z) * self.activation(candidate + recurrent)
        return h, [h]

    def own_config(self) -> dict[str, Any]:
        """Return what the cell's config has beyond every layer's."""
        return {**super().own_config(), "units": self.units, "reset_after": self.reset_after}


class GRU(CellRNN):
    """Gated recurrent unit, a recurrent layer that mixes its state with a candidate.

    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    2014. With gates z and r, `h = z * h + (1 - z) * activation(...)`.

    Example:

    >>> kerasish.layers.GRU(4)(kerasish.ops.ones((2, 5, 8))).shape
    (2, 4)

    Args:
        units: Number of units: the length of the output.
        activation: Function of the candidate for the state.
        recurrent_activation: Function of the gates.
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
        seed: An integer that makes the dropout repeatable.
        return_sequences: Whether to return the outputs of all timesteps, and not only the last.
        return_state: Whether to return the last states after the output.
        go_backwards: Whether to begin with the last timestep.
        stateful: Whether a batch begins with the states that the batch before it ended with.
        unroll: Whether the compiled computation has the steps one by one and not a loop.
        reset_after: Whether the reset gate comes after the product with the recurrent kernel, as on GPUs, or before.
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
    kernel_regularizer = OfCell()
    recurrent_regularizer = OfCell()
    bias_regularizer = OfCell()
    kernel_constraint = OfCell()
    recurrent_constraint = OfCell()
    bias_constraint = OfCell()
    dropout = OfCell()
    recurrent_dropout = OfCell()
    reset_after = OfCell()

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
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
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        cell = GRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
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
            reset_after=reset_after,
            seed=seed,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="gru_cell",
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
