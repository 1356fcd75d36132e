"""Transposed convolution layers."""

from __future__ import annotations

from typing import Any

from kerasish import constraints, initializers, ops, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.devices.windows import transposed_lengths
from kerasish.layers.convolutional.base_convolution import BaseConvolution
from kerasish.layers.window_arguments import join_shape, split_shape, standardize_tuple
from kerasish.ops.convolution import transposed_crops


class BaseConvTranspose(BaseConvolution):
    """A transposed convolution: each input adds the kernel times itself to the outputs that its window covers.

    It has the shapes of a convolution the other way round and makes inputs larger, by a learned pattern.
    `Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose` are this for one, two and three spatial axes.

    Args:
        filters: Number of filters, the channels of the outputs.
        kernel_size: Size of the window, one number or one for each spatial axis.
        strides: Distance of the outputs of two adjacent inputs.
        padding: `"valid"` for all outputs, `"same"` for `length * stride` of them.
        output_padding: How many more outputs at the end, less than the stride; by default as many as make the
            lengths above.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the outputs that an input adds to.
        activation: Function applied to the outputs: a callable or a name; none by default.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial values of the kernel, of shape `(*kernel_size, filters, channels)`.
        bias_initializer: Initial values of the bias, of shape `(filters,)`.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on the outputs.
        kernel_constraint: Map to allowed kernels, applied after each update.
        bias_constraint: Map to allowed biases, applied after each update.

    Raises:
        ValueError: If a number is not positive, `output_padding` is not less than the strides, or both strides and
            dilation are larger than one.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
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
        self.output_padding = (
            None
            if output_padding is None
            else standardize_tuple(output_padding, self.rank, "output_padding", allow_zero=True)
        )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self._check_positive("filters", filters)
        for axis, (more, stride) in enumerate(zip(self.output_padding or (), self.strides, strict=False)):
            if more >= stride:
                raise ValueError(
                    f"`output_padding` must be strictly less than `strides` for all dimensions. At dimension {axis}, "
                    f"`output_padding` is {more} but `strides` is {stride}. Received: "
                    f"output_padding={self.output_padding}, strides={self.strides}"
                )
        self._check_strides_or_dilation()

    def build(self, input_shape: tuple) -> None:
        channels = self._input_channels(input_shape)
        self.kernel = self._add_kernel("kernel", (*self.kernel_size, self.filters, channels), "kernel")
        self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        outputs = ops.conv_transpose(
            inputs,
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finish(outputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, lengths, _ = split_shape(tuple(input_shape), self.data_format)
        crops = transposed_crops(
            self.kernel_size, self.strides, self.padding, self.output_padding, self.dilation_rate
        )
        made = transposed_lengths(lengths, self.kernel_size, self.strides, crops, self.dilation_rate)
        return join_shape(batch, made, self.filters, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "output_padding": self.output_padding,
            **self._window_config(),
            **self._weights_config("kernel"),
        }


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution over one spatial axis.

    See `BaseConvTranspose` for all arguments.

    Example:

    >>> kerasish.layers.Conv1DTranspose(32, 3, 2, activation="relu")(kerasish.ops.ones((4, 10, 128))).shape
    (4, 21, 32)

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, new steps, filters)`, or `(batch, filters, new steps)`.
    """

    rank = 1


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution over two spatial axes.

    See `BaseConvTranspose` for all arguments.

    Example:

    >>> kerasish.layers.Conv2DTranspose(32, 2, 2, activation="relu")(kerasish.ops.ones((4, 10, 8, 128))).shape
    (4, 20, 16, 32)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, new height, new width, filters)`, or `(batch, filters, new height, new width)`.
    """

    rank = 2


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution over three spatial axes.

    See `BaseConvTranspose` for all arguments; here `data_format` comes before `output_padding`, as in Keras.

    Example:

    >>> kerasish.layers.Conv3DTranspose(32, 2, 2)(kerasish.ops.ones((4, 10, 8, 12, 16))).shape
    (4, 20, 16, 24, 32)

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Output shape:
        `(batch, new depth, new height, new width, filters)`, or with the filters second.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        *args: Any,
        **kwargs: Any,
    ):
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, *args, **kwargs)
