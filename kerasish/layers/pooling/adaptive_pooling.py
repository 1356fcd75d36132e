"""Adaptive pooling layers: as many windows as the output is to have positions."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.layer import Layer
from kerasish.layers.window_arguments import join_shape, split_shape


class BaseAdaptivePooling(Layer):
    """What adaptive pooling layers share. Window i of n covers positions `floor(i L / n)` to `ceil((i + 1) L / n)`.

    Args:
        output_size: Number of windows along each spatial axis: a number for all axes or one for each.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Raises:
        TypeError: If `output_size` is neither a number nor a tuple.
        ValueError: If there are more or fewer than spatial axes.
    """

    rank: int

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(output_size, int):
            output_size = (output_size,) * self.rank
        elif not isinstance(output_size, (list, tuple)):
            raise TypeError(
                f"`output_size` must be an integer or tuple of {self.rank} integers. "
                f"Received: {output_size} of type {type(output_size)}"
            )
        elif len(output_size) != self.rank:
            raise ValueError(
                f"For {self.rank}D input, `output_size` tuple must have length {self.rank}. Received: {output_size}"
            )
        self.output_size = tuple(output_size)
        self.data_format = standardize_data_format(data_format)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, _, channels = split_shape(tuple(input_shape), self.data_format)
        return join_shape(batch, self.output_size, channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}


class _AdaptiveAveragePooling(BaseAdaptivePooling):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.adaptive_average_pool(inputs, self.output_size, self.data_format)


class _AdaptiveMaxPooling(BaseAdaptivePooling):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.adaptive_max_pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """Means of a given number of windows of sequences. See `BaseAdaptivePooling` for the arguments.

    Example:

    >>> kerasish.layers.AdaptiveAveragePooling1D(2)(kerasish.ops.ones((1, 7, 3))).shape
    (1, 2, 3)
    """

    rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """Means of a given number of windows of images. See `BaseAdaptivePooling` for the arguments.

    Example:

    >>> kerasish.layers.AdaptiveAveragePooling2D((2, 3))(kerasish.ops.ones((1, 7, 9, 3))).shape
    (1, 2, 3, 3)
    """

    rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """Means of a given number of windows of volumes. See `BaseAdaptivePooling` for the arguments.

    Example:

    >>> kerasish.layers.AdaptiveAveragePooling3D(2)(kerasish.ops.ones((1, 4, 5, 6, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """Largest values of a given number of windows of sequences. See `BaseAdaptivePooling` for the arguments.

    Example:

    >>> kerasish.layers.AdaptiveMaxPooling1D(2)(kerasish.ops.ones((1, 7, 3))).shape
    (1, 2, 3)
    """

    rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """Largest values of a given number of windows of images. See `BaseAdaptivePooling` for the arguments.

    Example:

    >>> kerasish.layers.AdaptiveMaxPooling2D((2, 3))(kerasish.ops.ones((1, 7, 9, 3))).shape
    (1, 2, 3, 3)
    """

    rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """Largest values of a given number of windows of volumes. See `BaseAdaptivePooling` for the arguments.

    Example:

    >>> kerasish.layers.AdaptiveMaxPooling3D(2)(kerasish.ops.ones((1, 4, 5, 6, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
