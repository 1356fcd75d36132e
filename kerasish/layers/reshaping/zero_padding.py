"""Padding layers: zeros at both ends of the spatial axes."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.reshaping.borders import Borders, standardize_borders
from kerasish.layers.window_arguments import join_shape, split_shape, standardize_tuple


class BaseZeroPadding(Layer):
    """A layer that puts zeros before and after its spatial axes.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
    """

    rank: int

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _borders(self) -> Borders:
        return self.padding

    def call(self, inputs: Tensor) -> Tensor:
        return ops.pad(inputs, join_shape((0, 0), self._borders(), (0, 0), self.data_format))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, lengths, channels = split_shape(tuple(input_shape), self.data_format)
        padded = tuple(
            None if n is None else n + sum(pair) for n, pair in zip(lengths, self._borders(), strict=True)
        )
        return join_shape(batch, padded, channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class ZeroPadding1D(BaseZeroPadding):
    """Put zeros before and after sequences.

    Example:

    >>> kerasish.layers.ZeroPadding1D(2)(kerasish.ops.ones((2, 3, 4))).shape
    (2, 7, 4)

    Args:
        padding: Number of steps put before and after, or one number for both.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Raises:
        ValueError: If a number is negative or no integer.
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = standardize_tuple(padding, 2, "padding", allow_zero=True)

    def _borders(self) -> Borders:
        return (self.padding,)


class ZeroPadding2D(BaseZeroPadding):
    """Put rows and columns of zeros around images.

    Example:

    >>> kerasish.layers.ZeroPadding2D((1, 2))(kerasish.ops.ones((2, 4, 4, 3))).shape
    (2, 6, 8, 3)

    Args:
        padding: One number for all four borders, or for height and width each a number or a pair (before, after).
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Raises:
        ValueError: If a number is negative or no integer.
    """

    rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = standardize_borders(padding, self.rank, "padding")


class ZeroPadding3D(BaseZeroPadding):
    """Put zeros around volumes.

    Example:

    >>> kerasish.layers.ZeroPadding3D(1)(kerasish.ops.ones((2, 4, 4, 4, 3))).shape
    (2, 6, 6, 6, 3)

    Args:
        padding: One number for all borders, or for each spatial axis a number or a pair (before, after).
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Raises:
        ValueError: If a number is negative or no integer.
    """

    rank = 3

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(data_format, **kwargs)
        self.padding = standardize_borders(padding, self.rank, "padding")
