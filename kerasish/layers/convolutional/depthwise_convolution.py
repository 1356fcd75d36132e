"""Depthwise convolution layers."""

from __future__ import annotations

from typing import Any

from kerasish import constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.layers.convolutional.base_convolution import BaseConvolution
from kerasish.layers.window_arguments import split_shape


class BaseDepthwiseConv(BaseConvolution):
    """A convolution of each channel with filters of its own; channels do not mix.

    `DepthwiseConv1D` and `DepthwiseConv2D` are this for one and two spatial axes.

    Args:
        kernel_size: Size of the window, one number or one for each spatial axis.
        strides: Step of the window.
        padding: `"valid"` for none, or `"same"` so that the output has `ceil(length / stride)` positions.
        depth_multiplier: Number of filters of each channel.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the inputs that a window sees.
        activation: Function applied to the outputs: a callable or a name; none by default.
        use_bias: Whether there is a bias.
        depthwise_initializer: Initial values of the kernel, of shape `(*kernel_size, channels, depth_multiplier)`.
        bias_initializer: Initial values of the bias, of shape `(channels * depth_multiplier,)`.
        depthwise_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on the outputs.
        depthwise_constraint: Map to allowed kernels, applied after each update.
        bias_constraint: Map to allowed biases, applied after each update.

    Raises:
        ValueError: If a number is not positive.
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
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
        self.depth_multiplier = depth_multiplier
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self._check_positive("depth_multiplier", depth_multiplier)

    def build(self, input_shape: tuple) -> None:
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)  # raises where there would be no output
        self.kernel = self._add_kernel(
            "kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self._add_bias(self.depth_multiplier * channels)

    def call(self, inputs: Tensor) -> Tensor:
        return self._finish(
            ops.depthwise_conv(
                inputs, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate
            )
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        channels = split_shape(tuple(input_shape), self.data_format)[2]
        return self._convolved_shape(input_shape, self.depth_multiplier * channels)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            **self._window_config(),
            **self._weights_config("depthwise"),
        }


class DepthwiseConv1D(BaseDepthwiseConv):
    """Depthwise convolution over one spatial axis.

    See `BaseDepthwiseConv` for all arguments.

    Example:

    >>> kerasish.layers.DepthwiseConv1D(3, depth_multiplier=3)(kerasish.ops.ones((4, 10, 12))).shape
    (4, 8, 36)

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, new steps, channels * depth_multiplier)`, or with the channels second.
    """

    rank = 1


class DepthwiseConv2D(BaseDepthwiseConv):
    """Depthwise convolution over two spatial axes.

    See `BaseDepthwiseConv` for all arguments.

    Example:

    >>> kerasish.layers.DepthwiseConv2D(3, activation="relu")(kerasish.ops.ones((4, 10, 10, 12))).shape
    (4, 8, 8, 12)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, new height, new width, channels * depth_multiplier)`, or with the channels second.
    """

    rank = 2
