"""One step of a ConvLSTM."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.rnn.recurrent_cell import RecurrentCell
from kerasish.layers.window_arguments import (
    join_shape,
    split_shape,
    standardize_padding,
    standardize_tuple,
    windowed_lengths,
)


class ConvLSTMCell(RecurrentCell):
    """A cell of long short-term memory with convolutions: those of the inputs, and of the state at full size.

    Args:
        rank: Number of spatial axes.
        settings: What the layers' constructors take.
    """

    dropout_mask_count = 4

    def __init__(self, rank: int, settings: dict[str, Any], **kwargs: Any):
        super().__init__(settings["filters"], 4, settings, **kwargs)
        self.rank = rank
        self.filters = settings["filters"]
        self.unit_forget_bias = settings["unit_forget_bias"]
        self.kernel_size = standardize_tuple(settings["kernel_size"], rank, "kernel_size")
        self.strides = standardize_tuple(settings["strides"], rank, "strides", allow_zero=True)
        self.padding = standardize_padding(settings["padding"])
        self.data_format = standardize_data_format(settings["data_format"])
        self.dilation_rate = standardize_tuple(settings["dilation_rate"], rank, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Please provide `strides=1` or "
                f"`dilation_rate=1`. Received: strides={self.strides} and dilation_rate={self.dilation_rate}"
            )
        self.input_spec = InputSpec(ndim=rank + 2)
        self.state_size = -1  # not a number of units: see `get_initial_state`

    def build(self, inputs_shape: tuple, states_shape: Any = None) -> None:
        _, lengths, channels = split_shape(tuple(inputs_shape), self.data_format)
        if None in (*lengths, channels):
            raise ValueError(
                "ConvLSTM layers only support static input shapes for the spatial dimensions and the channels. "
                f"Received invalid input shape: input_shape={inputs_shape}"
            )
        self._step_shape = tuple(inputs_shape[1:])
        width = 4 * self.filters
        self._add_weights(
            (*self.kernel_size, channels, width),
            (*self.kernel_size, self.filters, width),
            (width,),
            bias_initializer=self._forgetting_bias(),
        )

    def state_shape(self, input_shape: tuple) -> tuple:
        """Return the shape of the states for that of a timestep's inputs."""
        batch, lengths, _ = split_shape(tuple(input_shape), self.data_format)
        received = f"`inputs shape={tuple(input_shape)}`, `kernel_size={self.kernel_size}`"
        made = windowed_lengths(
            lengths, self.kernel_size, self.strides, self.padding, self.dilation_rate, received
        )
        return join_shape(batch, made, self.filters, self.data_format)

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        shape = self.state_shape((batch_size, *self._step_shape))
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def _convolved(self, x: Tensor, kernel: Any, masks: Any, **settings: Any) -> Tensor:
        """Return the convolution for all gates, with a mask of its own for each in dropout."""
        settings["data_format"] = self.data_format
        if masks is None:
            return ops.conv(_merged(x, self.rank), kernel, **settings)
        parts = ops.split(kernel, len(masks), axis=-1)
        return ops.concatenate(
            [
                ops.conv(_merged(x * mask, self.rank), part, **settings)
                for mask, part in zip(masks, parts, strict=True)
            ],
            axis=self._channel_axis,
        )

    def project(self, inputs: Tensor, training: bool) -> Tensor:
        window = {"strides": self.strides, "padding": self.padding, "dilation_rate": self.dilation_rate}
        projected = self._convolved(inputs, self.kernel, self._input_masks(inputs, training), **window)
        if self.bias is not None:
            bias: Tensor = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (-1, *(1,) * self.rank))
            projected = projected + bias
        if inputs.ndim == self.rank + 2:
            return projected
        steps, batch = inputs.shape[:2]
        return ops.reshape(projected, (-1 if steps is None else steps, batch or -1, *projected.shape[1:]))

    def advance(self, projected: Tensor, states: Any, training: bool) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        masks = self._state_masks(h, training)
        gates = projected + self._convolved(h, self.recurrent_kernel, masks, strides=1, padding="same")
        i, f, candidate, o = ops.split(gates, 4, axis=self._channel_axis)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(candidate)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def own_config(self) -> dict[str, Any]:
        """Return what the cell's config has beyond every layer's."""
        return {
            **super().own_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "unit_forget_bias": self.unit_forget_bias,
        }


def _merged(x: Tensor, rank: int) -> Tensor:
    """Return a batch of all timesteps where they are apart."""
    return x if x.ndim == rank + 2 else ops.reshape(x, (-1, *x.shape[2:]))
