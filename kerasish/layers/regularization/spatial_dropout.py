"""Dropout of whole feature maps."""

from __future__ import annotations

from typing import Any

from kerasish import random
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.regularization.dropout import Dropout


class BaseSpatialDropout(Dropout):
    """In training, set each channel of each sample to 0 with probability `rate`, and divide the others by `1 - rate`.

    Neighbouring positions of a feature map are alike, so that dropping single values would change little (Tompson et
    al., "Efficient object localization using convolutional networks", 2015).

    Args:
        rate: Probability of dropping a channel, from 0 to 1.
        seed: An integer that makes the stream of choices repeatable.
    """

    rank: int
    data_format = "channels_last"

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        ones = (1,) * self.rank
        batch, *rest = inputs.shape
        if self.data_format == "channels_first":
            noise_shape = (batch, rest[0], *ones)
        else:
            noise_shape = (batch, *ones, rest[-1])
        return random.dropout(inputs, self.rate, noise_shape=noise_shape, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}


class SpatialDropout1D(BaseSpatialDropout):
    """Dropout of whole channels of sequences. See `BaseSpatialDropout` for what it does.

    Example:

    >>> kerasish.layers.SpatialDropout1D(0.5)(kerasish.ops.ones((2, 3, 4)), training=True).shape
    (2, 3, 4)

    Args:
        rate: Probability of dropping a channel, from 0 to 1.
        seed: An integer that makes the stream of choices repeatable.

    Input shape:
        `(batch, steps, channels)`.
    """

    rank = 1


class _SpatialDropoutND(BaseSpatialDropout):
    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = standardize_data_format(data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class SpatialDropout2D(_SpatialDropoutND):
    """Dropout of whole channels of images. See `BaseSpatialDropout` for what it does.

    Example:

    >>> kerasish.layers.SpatialDropout2D(0.5)(kerasish.ops.ones((2, 3, 4, 5)), training=True).shape
    (2, 3, 4, 5)

    Args:
        rate: Probability of dropping a channel, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.
    """

    rank = 2


class SpatialDropout3D(_SpatialDropoutND):
    """Dropout of whole channels of volumes. See `BaseSpatialDropout` for what it does.

    Example:

    >>> kerasish.layers.SpatialDropout3D(0.5)(kerasish.ops.ones((2, 3, 4, 5, 6)), training=True).shape
    (2, 3, 4, 5, 6)

    Args:
        rate: Probability of dropping a channel, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        seed: An integer that makes the stream of choices repeatable.

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.
    """

    rank = 3
