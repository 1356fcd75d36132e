"""Global pooling layers: the largest value or the mean over all positions."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import standardize_data_format
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.window_arguments import join_shape, split_shape


class BaseGlobalPooling(Layer):
    """What global pooling layers share.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        keepdims: Whether the spatial axes stay, with length one.
    """

    rank: int

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)
        first = 1 if self.data_format == "channels_last" else 2
        self._axes = tuple(range(first, first + self.rank))
        self.built = True

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, lengths, channels = split_shape(tuple(input_shape), self.data_format)
        return join_shape(batch, (1,) * len(lengths) if self.keepdims else (), channels, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class _GlobalMaxPooling(BaseGlobalPooling):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class _GlobalAveragePooling(BaseGlobalPooling):
    def call(self, inputs: Tensor) -> Tensor:
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest value of each channel over one spatial axis. See `BaseGlobalPooling` for the arguments.

    Example:

    >>> kerasish.layers.GlobalMaxPooling1D()(kerasish.ops.ones((2, 3, 4))).shape
    (2, 4)

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, channels)`, or with spatial axes of length one if `keepdims`.
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest value of each channel over two spatial axes. See `BaseGlobalPooling` for the arguments.

    Example:

    >>> kerasish.layers.GlobalMaxPooling2D()(kerasish.ops.ones((2, 4, 5, 3))).shape
    (2, 3)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, channels)`, or with spatial axes of length one if `keepdims`.
    """

    rank = 2


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest value of each channel over three spatial axes. See `BaseGlobalPooling` for the arguments.

    Example:

    >>> kerasish.layers.GlobalMaxPooling3D()(kerasish.ops.ones((2, 4, 5, 4, 3))).shape
    (2, 3)

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Output shape:
        `(batch, channels)`, or with spatial axes of length one if `keepdims`.
    """

    rank = 3


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean of each channel over one spatial axis. See `BaseGlobalPooling` for the arguments.

    Example:

    >>> kerasish.layers.GlobalAveragePooling1D()(kerasish.ops.ones((2, 3, 4))).shape
    (2, 4)

    Call arguments:
        inputs: Tensor of three axes.
        mask: Tensor of shape `(batch, steps)` that tells which steps count; by default all.

    Input shape:
        `(batch, steps, channels)`, or `(batch, channels, steps)` for `"channels_first"`.

    Output shape:
        `(batch, channels)`, or with a spatial axis of length one if `keepdims`.
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        counts = ops.expand_dims(ops.cast(mask, "bool"), 2 if self.data_format == "channels_last" else 1)
        kept = ops.where(counts, inputs, 0)
        total = ops.sum(kept, axis=self._axes, keepdims=self.keepdims)
        return total / ops.sum(ops.cast(counts, inputs.dtype), axis=self._axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean of each channel over two spatial axes. See `BaseGlobalPooling` for the arguments.

    Example:

    >>> kerasish.layers.GlobalAveragePooling2D()(kerasish.ops.ones((2, 4, 5, 3))).shape
    (2, 3)

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for `"channels_first"`.

    Output shape:
        `(batch, channels)`, or with spatial axes of length one if `keepdims`.
    """

    rank = 2


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The mean of each channel over three spatial axes. See `BaseGlobalPooling` for the arguments.

    Example:

    >>> kerasish.layers.GlobalAveragePooling3D()(kerasish.ops.ones((2, 4, 5, 4, 3))).shape
    (2, 3)

    Input shape:
        `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.

    Output shape:
        `(batch, channels)`, or with spatial axes of length one if `keepdims`.
    """

    rank = 3
