"""ConvLSTM: long short-term memory on images, with convolutions in place of products."""

from __future__ import annotations

from typing import Any

from kerasish.layers.rnn.cell_rnn import CellRNN, OfCell
from kerasish.layers.rnn.conv_lstm_cell import ConvLSTMCell


class ConvLSTM(CellRNN):
    """What ConvLSTM1D, ConvLSTM2D and ConvLSTM3D share.

    Args:
        rank: Number of spatial axes.
        settings: What the cell takes.
    """

    filters = OfCell()
    kernel_size = OfCell()
    strides = OfCell()
    padding = OfCell()
    data_format = OfCell()
    dilation_rate = OfCell()
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

    def __init__(self, rank: int, settings: dict[str, Any], **kwargs: Any):
        cell = ConvLSTMCell(rank, settings, name="conv_lstm_cell", dtype=kwargs.get("dtype"))
        super().__init__(cell, rank + 3, **kwargs)

    def compute_output_shape(self, sequences_shape: tuple, initial_state_shape: Any = None) -> Any:
        batch, steps = sequences_shape[:2]
        state = self.cell.state_shape((batch, *sequences_shape[2:]))
        output = (batch, steps, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output


class ConvLSTM1D(ConvLSTM):
    """Long short-term memory whose inputs and states have one spatial axis.

    Shi et al., "Convolutional LSTM network: a machine learning approach for precipitation nowcasting", 2015 (without
    its connections from the state to the gates).

    Example:

    >>> kerasish.layers.ConvLSTM1D(8, 2)(kerasish.ops.ones((2, 4, 6, 3))).shape
    (2, 5, 8)

    Args:
        filters: Number of channels of the output.
        kernel_size: Lengths of the windows: an integer or one for each spatial axis.
        strides: Steps of the windows over the inputs.
        padding: `"valid"` or `"same"`, of the windows over the inputs.
        data_format: `"channels_last"` or `"channels_first"`; by default that of `kerasish.config`.
        dilation_rate: Distance between the elements of a window over the inputs.
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

    Input shape:
        `(batch, timesteps, rows, channels)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ):
        settings = {
            "filters": filters,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format,
            "dilation_rate": dilation_rate,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
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
        super().__init__(
            1,
            settings,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )


class ConvLSTM2D(ConvLSTM):
    """Long short-term memory whose inputs and states have two spatial axes.

    Shi et al., "Convolutional LSTM network: a machine learning approach for precipitation nowcasting", 2015 (without
    its connections from the state to the gates).

    Example:

    >>> kerasish.layers.ConvLSTM2D(8, 2)(kerasish.ops.ones((2, 4, 6, 6, 3))).shape
    (2, 5, 5, 8)

    Args:
        filters: Number of channels of the output.
        kernel_size: Lengths of the windows: an integer or one for each spatial axis.
        strides: Steps of the windows over the inputs.
        padding: `"valid"` or `"same"`, of the windows over the inputs.
        data_format: `"channels_last"` or `"channels_first"`; by default that of `kerasish.config`.
        dilation_rate: Distance between the elements of a window over the inputs.
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

    Input shape:
        `(batch, timesteps, rows, columns, channels)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ):
        settings = {
            "filters": filters,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format,
            "dilation_rate": dilation_rate,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
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
        super().__init__(
            2,
            settings,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )


class ConvLSTM3D(ConvLSTM):
    """Long short-term memory whose inputs and states have three spatial axes.

    Shi et al., "Convolutional LSTM network: a machine learning approach for precipitation nowcasting", 2015 (without
    its connections from the state to the gates).

    Example:

    >>> kerasish.layers.ConvLSTM3D(8, 2)(kerasish.ops.ones((2, 4, 6, 6, 6, 3))).shape
    (2, 5, 5, 5, 8)

    Args:
        filters: Number of channels of the output.
        kernel_size: Lengths of the windows: an integer or one for each spatial axis.
        strides: Steps of the windows over the inputs.
        padding: `"valid"` or `"same"`, of the windows over the inputs.
        data_format: `"channels_last"` or `"channels_first"`; by default that of `kerasish.config`.
        dilation_rate: Distance between the elements of a window over the inputs.
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

    Input shape:
        `(batch, timesteps, rows, columns, depth, channels)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ):
        settings = {
            "filters": filters,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format,
            "dilation_rate": dilation_rate,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
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
        super().__init__(
            3,
            settings,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
