"""Convolution layers."""

from __future__ import annotations

from typing import Any

from kerasish import constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.layers.adaptation import refuse_adaptation
from kerasish.layers.convolutional.base_convolution import BaseConvolution


class BaseConv(BaseConvolution):
    """A convolution with `filters` filters, each of which sees all channels of its group.

    `outputs[o, f] = activation(sum over p, c of inputs[o * strides + p * dilation_rate, c] * kernel[p, c, f] +
    bias[f])`. `Conv1D`, `Conv2D` and `Conv3D` are this for one, two and three spatial axes.

    Args:
        filters: Number of filters, the channels of the outputs.
        kernel_size: Size of the window, one number or one for each spatial axis.
        strides: Step of the window.
        padding: `"valid"` for none; `"same"` so that the output has `ceil(length / stride)` positions; with one
            spatial axis also `"causal"`: an output sees nothing that comes after it.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the inputs that a window sees.
        groups: Number of groups that channels and filters are split into.
        activation: Function applied to the outputs: a callable or a name; none by default.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial values of the kernel, of shape `(*kernel_size, channels / groups, filters)`.
        bias_initializer: Initial values of the bias, of shape `(filters,)`.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on the outputs.
        kernel_constraint: Map to allowed kernels, applied after each update.
        bias_constraint: Map to allowed biases, applied after each update.

    Raises:
        ValueError: If a number is not positive, `groups` does not divide `filters`, or both strides and dilation are
            larger than one.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        **kwargs: Any,
    ):
        refuse_adaptation(type(self).__name__, lora_rank, lora_alpha)
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.filters = filters
        self.groups = groups
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self._check_positive("filters", filters)
        if groups <= 0:
            raise ValueError(f"The number of groups must be a positive integer. Received: groups={groups}.")
        if filters is not None and filters % groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. Received: "
                f"groups={groups}, filters={filters}."
            )
        self._check_strides_or_dilation()

    def build(self, input_shape: tuple) -> None:
        channels = self._input_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. Received "
                f"groups={self.groups}, but the input has {channels} channels (full input shape is {input_shape})."
            )
        self.compute_output_shape(input_shape)  # raises where there would be no output
        self.kernel = self._add_kernel(
            "kernel", (*self.kernel_size, channels // self.groups, self.filters), "kernel"
        )
        self._add_bias(self.filters)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the convolution of `inputs` with `kernel`, without bias and activation."""
        return ops.conv(inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)

    def call(self, inputs: Tensor) -> Tensor:
        return self._finish(self.convolution_op(inputs, self.kernel))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return self._convolved_shape(input_shape, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "groups": self.groups,
            **self._window_config(),
            **self._weights_config("kernel"),
        }


class Conv1D(BaseConv):
    """Convolution over one spatial axis: sequences, signals.

    See `BaseConv` for the formula and all arguments.

    Example:

    >>> kerasish.layers.Conv1D(32, 3, activation="relu")(kerasish.ops.ones((4, 10, 128))).shape
    (4, 8, 32)

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, new steps, filters)`, or `(batch, filters, new steps)`.
    """

    rank = 1
    _paddings = ("valid", "same", "causal")

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the convolution of `inputs` with `kernel`, without bias and activation."""
        if self.padding != "causal":
            return super().convolution_op(inputs, kernel)
        before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
        return ops.conv(inputs, kernel, self.strides, ((before, 0),), self.data_format, self.dilation_rate)


class Conv2D(BaseConv):
    """Convolution over two spatial axes: images.

    See `BaseConv` for the formula and all arguments.

    Example:

    >>> kerasish.layers.Conv2D(32, 3, activation="relu")(kerasish.ops.ones((4, 28, 28, 3))).shape
    (4, 26, 26, 32)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, new height, new width, filters)`, or `(batch, filters, new height, new width)`.
    """

    rank = 2


class Conv3D(BaseConv):
    """Convolution over three spatial axes: volumes, films.

    See `BaseConv` for the formula and all arguments.

    Example:

    >>> kerasish.layers.Conv3D(2, 3)(kerasish.ops.ones((4, 10, 10, 10, 1))).shape
    (4, 8, 8, 8, 2)

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Output shape:
        `(batch, new depth, new height, new width, filters)`, or with the filters second.
    """

    rank = 3
