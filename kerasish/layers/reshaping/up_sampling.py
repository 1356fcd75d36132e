"""Upsampling layers: positions repeated or interpolated along the spatial axes."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.reshaping.repeat_vector import positive_integer
from kerasish.layers.window_arguments import join_shape, split_shape, standardize_tuple


class UpSampling1D(Layer):
    """Repeat each step of sequences.

    Example:

    >>> kerasish.layers.UpSampling1D(2)(kerasish.ops.ones((2, 3, 4))).shape
    (2, 6, 4)

    Args:
        size: How often, a positive integer.

    Input shape:
        `(batch, steps, channels)`.

    Raises:
        TypeError: If `size` is no integer.
        ValueError: If `size` is not positive.
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = positive_integer("size", size)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.repeat(inputs, self.size, axis=1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, steps, channels = input_shape
        return (batch, None if steps is None else steps * self.size, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


class BaseUpSampling(Layer):
    """A layer that makes images or volumes larger by whole factors.

    Args:
        size: One factor for all spatial axes, or one for each.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
    """

    rank: int

    def __init__(self, size: Any, data_format: str | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.size = standardize_tuple(size, self.rank, "size")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Tensor) -> Tensor:
        first = 1 if self.data_format == "channels_last" else 2
        for axis, factor in enumerate(self.size, first):
            if factor > 1:
                inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, lengths, channels = split_shape(tuple(input_shape), self.data_format)
        larger = tuple(None if n is None else n * k for n, k in zip(lengths, self.size, strict=True))
        return join_shape(batch, larger, channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


class UpSampling2D(BaseUpSampling):
    """Make images larger by whole factors.

    Example:

    >>> kerasish.layers.UpSampling2D((1, 2))(kerasish.ops.ones((2, 3, 4, 5))).shape
    (2, 3, 8, 5)

    Args:
        size: Factors of height and width, or one for both.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Raises:
        ValueError: If a factor is no positive integer.
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(size, data_format, **kwargs)
        self.interpolation = interpolation.lower()

    def call(self, inputs: Tensor) -> Tensor:
        if self.interpolation == "nearest":
            return super().call(inputs)
        _, lengths, _ = split_shape(inputs.shape, self.data_format)
        target = tuple(n * factor for n, factor in zip(lengths, self.size, strict=True))
        return ops.image.resize(
            inputs, target, interpolation=self.interpolation, data_format=self.data_format
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "interpolation": self.interpolation}


class UpSampling3D(BaseUpSampling):
    """Make volumes larger by whole factors, repeating positions.

    Example:

    >>> kerasish.layers.UpSampling3D(2)(kerasish.ops.ones((2, 3, 4, 5, 3))).shape
    (2, 6, 8, 10, 3)

    Args:
        size: One factor for all three spatial axes, or one for each.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Raises:
        ValueError: If a factor is no positive integer.
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(size, data_format, **kwargs)
