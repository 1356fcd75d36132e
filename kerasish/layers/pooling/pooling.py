"""Pooling layers: the largest value or the mean of each window."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.window_arguments import (
    join_shape,
    split_shape,
    standardize_padding,
    standardize_tuple,
    windowed_lengths,
)


class BasePooling(Layer):
    """What pooling layers share.

    Args:
        pool_size: Size of the window, one number or one for each spatial axis.
        strides: Step of the window, the window's size by default.
        padding: `"valid"` for none, or `"same"` so that the output has `ceil(length / stride)` positions. Padding is
            never the largest value and takes no part in a mean.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Raises:
        ValueError: If a number is not positive, or the padding has another name.
    """

    rank: int

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = standardize_tuple(pool_size, self.rank, "pool_size")
        self.strides = standardize_tuple(pool_size if strides is None else strides, self.rank, "strides")
        self.padding = standardize_padding(padding)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.built = True

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, lengths, channels = split_shape(tuple(input_shape), self.data_format)
        received = f"`inputs.shape={tuple(input_shape)}`, `pool_size={self.pool_size}`"
        made = windowed_lengths(
            lengths, self.pool_size, self.strides, self.padding, (1,) * self.rank, received
        )
        return join_shape(batch, made, channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }


class _MaxPooling(BasePooling):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class _AveragePooling(BasePooling):
    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.average_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPooling1D(_MaxPooling):
    """The largest value of each window over one spatial axis. See `BasePooling` for the arguments.

    Example:

    >>> kerasish.layers.MaxPooling1D(2)(kerasish.ops.ones((4, 10, 3))).shape
    (4, 5, 3)

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, new steps, channels)`, or `(batch, channels, new steps)`.
    """

    rank = 1


class MaxPooling2D(_MaxPooling):
    """The largest value of each window over two spatial axes. See `BasePooling` for the arguments.

    Example:

    >>> kerasish.layers.MaxPooling2D(2)(kerasish.ops.ones((4, 10, 10, 3))).shape
    (4, 5, 5, 3)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, new height, new width, channels)`, or `(batch, channels, new height, new width)`.
    """

    rank = 2


class MaxPooling3D(_MaxPooling):
    """The largest value of each window over three spatial axes. See `BasePooling` for the arguments.

    Example:

    >>> kerasish.layers.MaxPooling3D(2)(kerasish.ops.ones((4, 10, 10, 10, 3))).shape
    (4, 5, 5, 5, 3)

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Output shape:
        `(batch, new depth, new height, new width, channels)`, or with the channels second.
    """

    rank = 3


class AveragePooling1D(_AveragePooling):
    """The mean of each window over one spatial axis. See `BasePooling` for the arguments.

    Example:

    >>> kerasish.layers.AveragePooling1D(2)(kerasish.ops.ones((4, 10, 3))).shape
    (4, 5, 3)

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, new steps, channels)`, or `(batch, channels, new steps)`.
    """

    rank = 1


class AveragePooling2D(_AveragePooling):
    """The mean of each window over two spatial axes. See `BasePooling` for the arguments.

    Example:

    >>> kerasish.layers.AveragePooling2D(2)(kerasish.ops.ones((4, 10, 10, 3))).shape
    (4, 5, 5, 3)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, new height, new width, channels)`, or `(batch, channels, new height, new width)`.
    """

    rank = 2


class AveragePooling3D(_AveragePooling):
    """The mean of each window over three spatial axes. See `BasePooling` for the arguments.

    Example:

    >>> kerasish.layers.AveragePooling3D(2)(kerasish.ops.ones((4, 10, 10, 10, 3))).shape
    (4, 5, 5, 5, 3)

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Output shape:
        `(batch, new depth, new height, new width, channels)`, or with the channels second.
    """

    rank = 3
