"""Cropping layers: positions cut off at both ends of the spatial axes."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.reshaping.borders import Borders, standardize_borders
from kerasish.layers.window_arguments import join_shape, split_shape, standardize_tuple


class BaseCropping(Layer):
    """A layer that cuts positions off at both ends of its spatial axes."""

    rank: int
    data_format = "channels_last"

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _borders(self) -> Borders:
        return self.cropping

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)  # refuses to cut off everything
        cuts = [slice(before, -after if after else None) for before, after in self._borders()]
        if self.data_format == "channels_first":
            return inputs[(slice(None), slice(None), *cuts)]
        return inputs[(slice(None), *cuts)]

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, lengths, channels = split_shape(tuple(input_shape), self.data_format)
        left = tuple(
            None if n is None else n - sum(pair) for n, pair in zip(lengths, self._borders(), strict=True)
        )
        if any(n is not None and n <= 0 for n in left):
            raise ValueError(
                "Values in `cropping` argument should be smaller than the corresponding spatial dimension of the "
                f"input. Received: input_shape={tuple(input_shape)}, cropping={self.cropping}"
            )
        return join_shape(batch, left, channels, self.data_format)


class Cropping1D(BaseCropping):
    """Cut steps off at both ends of sequences.

    Example:

    >>> kerasish.layers.Cropping1D((1, 2))(kerasish.ops.ones((2, 6, 3))).shape
    (2, 3, 3)

    Args:
        cropping: Number of steps cut off at the start and at the end, or one number for both.

    Input shape:
        `(batch, steps, channels)`.

    Raises:
        ValueError: If a number is negative or no integer, or nothing is left of an input.
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__(**kwargs)
        self.cropping = standardize_tuple(cropping, 2, "cropping", allow_zero=True)

    def _borders(self) -> Borders:
        return (self.cropping,)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cropping": self.cropping}


class _CroppingND(BaseCropping):
    def __init__(self, cropping: Any, data_format: str | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.cropping = standardize_borders(cropping, self.rank, "cropping")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}


class Cropping2D(_CroppingND):
    """Cut rows and columns off at the borders of images.

    Example:

    >>> kerasish.layers.Cropping2D(((2, 2), (4, 4)))(kerasish.ops.ones((2, 28, 28, 3))).shape
    (2, 24, 20, 3)

    Args:
        cropping: One number for all four borders, or for height and width each a number or a pair (before, after).
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Raises:
        ValueError: If a number is negative or no integer, or nothing is left of an input.
    """

    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_CroppingND):
    """Cut positions off at the borders of volumes.

    Example:

    >>> kerasish.layers.Cropping3D(((2, 2), (4, 4), (2, 4)))(kerasish.ops.ones((2, 28, 28, 10, 3))).shape
    (2, 24, 20, 4, 3)

    Args:
        cropping: One number for all borders, or for each spatial axis a number or a pair (before, after).
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Raises:
        ValueError: If a number is negative or no integer, or nothing is left of an input.
    """

    rank = 3

    def __init__(
        self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(cropping, data_format, **kwargs)
