"""Separable convolution layers."""

from __future__ import annotations

from typing import Any

from kerasish import constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.layers.convolutional.base_convolution import BaseConvolution


class BaseSeparableConv(BaseConvolution):
    """A depthwise convolution, which sees each channel's surroundings, then one of size one, which mixes channels.

    `SeparableConv1D` and `SeparableConv2D` are this for one and two spatial axes. Chollet, "Xception: deep learning
    with depthwise separable convolutions", 2017.

    Args:
        filters: Number of filters, the channels of the outputs.
        kernel_size: Size of the depthwise window, one number or one for each spatial axis.
        strides: Step of the window.
        padding: `"valid"` for none, or `"same"` so that the output has `ceil(length / stride)` positions.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the inputs that a window sees.
        depth_multiplier: Number of depthwise filters of each channel.
        activation: Function applied to the outputs: a callable or a name; none by default.
        use_bias: Whether there is a bias.
        depthwise_initializer: Initial values of the depthwise kernel, `(*kernel_size, channels, depth_multiplier)`.
        pointwise_initializer: Initial values of the pointwise kernel, `(1, ..., channels * depth_multiplier, filters)`.
        bias_initializer: Initial values of the bias, of shape `(filters,)`.
        depthwise_regularizer: Penalty on the depthwise kernel.
        pointwise_regularizer: Penalty on the pointwise kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on the outputs.
        depthwise_constraint: Map to allowed depthwise kernels, applied after each update.
        pointwise_constraint: Map to allowed pointwise kernels, applied after each update.
        bias_constraint: Map to allowed biases, applied after each update.

    Raises:
        ValueError: If a number is not positive.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
        self.filters = filters
        self.depth_multiplier = depth_multiplier
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self._check_positive("depth_multiplier", depth_multiplier)
        self._check_positive("filters", filters)

    def build(self, input_shape: tuple) -> None:
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)  # raises where there would be no output
        multiplier = self.depth_multiplier
        self.depthwise_kernel = self._add_kernel(
            "depthwise_kernel", (*self.kernel_size, channels, multiplier), "depthwise"
        )
        self.pointwise_kernel = self._add_kernel(
            "pointwise_kernel", (*(1,) * self.rank, channels * multiplier, self.filters), "pointwise"
        )
        self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        outputs = ops.separable_conv(
            inputs,
            self.depthwise_kernel,
            self.pointwise_kernel,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finish(outputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return self._convolved_shape(input_shape, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            "filters": self.filters,
            **self._window_config(),
            **self._weights_config("depthwise", "pointwise"),
        }


class SeparableConv1D(BaseSeparableConv):
    """Separable convolution over one spatial axis.

    See `BaseSeparableConv` for all arguments.

    Example:

    >>> kerasish.layers.SeparableConv1D(3, 4, activation="relu")(kerasish.ops.ones((4, 10, 12))).shape
    (4, 7, 3)

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, new steps, filters)`, or `(batch, filters, new steps)`.
    """

    rank = 1


class SeparableConv2D(BaseSeparableConv):
    """Separable convolution over two spatial axes.

    See `BaseSeparableConv` for all arguments.

    Example:

    >>> kerasish.layers.SeparableConv2D(3, 4, activation="relu")(kerasish.ops.ones((4, 10, 10, 12))).shape
    (4, 7, 7, 3)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, new height, new width, filters)`, or `(batch, filters, new height, new width)`.
    """

    rank = 2
