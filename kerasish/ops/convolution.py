"""Convolution and pooling of `keras.ops`, in one, two or three spatial axes.

The primitives know one layout, channels last; `"channels_first"` is transposed on the way in and out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from kerasish import config
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import convolution as c
from kerasish.autograd.primitives import pooling as p
from kerasish.autograd.primitives.shapes import reshape, transpose
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.devices.windows import extent, output_lengths, same_padding

Sizes = int | Sequence[int]


def conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str | Sequence[Sequence[int]] = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the convolution of `inputs` with `kernel` (a cross-correlation: the kernel is not flipped).

    Where the kernel has fewer input channels than `inputs`, the channels are convolved in groups, each with its share
    of the filters.

    Example:

    >>> ops.conv(ops.ones((1, 28, 28, 3)), ops.ones((3, 3, 3, 8)), strides=2, padding="same").shape
    (1, 14, 14, 8)

    Args:
        inputs: Tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: Tensor of shape `(*window, channels / groups, filters)`.
        strides: Step of the window, one number or one for each spatial axis.
        padding: `"valid"` for none; `"same"` so that the output has `ceil(length / stride)` positions; or a pair of
            numbers for each spatial axis.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the inputs that a window sees.

    Returns:
        Tensor of the kernel's dtype and of shape `(batch, *output, filters)`, channels first if the inputs are.

    Raises:
        ValueError: If the channels do not fit the kernel, or a window is larger than the padded input.
    """
    inputs, kernel, channels_first = _operands(inputs, kernel, data_format, "conv")
    channels, per_group = inputs.shape[-1], kernel.shape[-2]
    if channels is None or channels == per_group:
        groups = 1
    elif channels % per_group == 0 and kernel.shape[-1] % (channels // per_group) == 0:
        groups = channels // per_group
    else:
        raise ValueError(
            "The number of input channels must be evenly divisible by kernel's in_channels, and the filters by the "
            f"groups that this makes. Received input channels {channels} and kernel in_channels {per_group} (shapes "
            f"{inputs.shape}, channels last, and {kernel.shape})."
        )
    return _convolve(inputs, kernel, strides, padding, dilation_rate, groups, channels_first)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str | Sequence[Sequence[int]] = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the convolution of each channel with filters of its own.

    Example:

    >>> ops.depthwise_conv(ops.ones((1, 28, 28, 3)), ops.ones((3, 3, 3, 2))).shape
    (1, 26, 26, 6)

    Args:
        inputs: Tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: Tensor of shape `(*window, channels, multiplier)`.
        strides: Step of the window, one number or one for each spatial axis.
        padding: `"valid"`, `"same"`, or a pair of numbers for each spatial axis (see `conv`).
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the inputs that a window sees.

    Returns:
        Tensor of shape `(batch, *output, channels * multiplier)`, channels first if the inputs are.

    Raises:
        ValueError: If the channels of the inputs and the kernel differ, or a window is larger than the padded input.
    """
    inputs, kernel, channels_first = _operands(inputs, kernel, data_format, "depthwise_conv")
    _check_channels(inputs, kernel.shape[-2], data_format)
    *window, channels, multiplier = kernel.shape
    kernel = reshape(kernel, (*window, 1, channels * multiplier))
    return _convolve(inputs, kernel, strides, padding, dilation_rate, channels, channels_first)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = 1,
    padding: str | Sequence[Sequence[int]] = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return a depthwise convolution followed by a convolution with a window of one, which mixes the channels.

    Example:

    >>> x, depthwise, pointwise = ops.ones((1, 28, 28, 3)), ops.ones((3, 3, 3, 2)), ops.ones((1, 1, 6, 8))
    >>> ops.separable_conv(x, depthwise, pointwise).shape
    (1, 26, 26, 8)

    Args:
        inputs: Tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        depthwise_kernel: Tensor of shape `(*window, channels, multiplier)`.
        pointwise_kernel: Tensor of shape `(1, ..., 1, channels * multiplier, filters)`.
        strides: Step of the depthwise window, one number or one for each spatial axis.
        padding: `"valid"`, `"same"`, or a pair of numbers for each spatial axis (see `conv`).
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the inputs that a window sees.

    Returns:
        Tensor of shape `(batch, *output, filters)`, channels first if the inputs are.

    Raises:
        ValueError: If the channels do not fit the kernels, or a window is larger than the padded input.
    """
    mixed = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(mixed, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return the transposed convolution: each input adds the kernel times itself to the outputs that it covers.

    It has the shapes of a convolution the other way round, and is that convolution's gradient.

    Example:

    >>> ops.conv_transpose(ops.ones((1, 14, 14, 8)), ops.ones((3, 3, 3, 8)), strides=2, padding="same").shape
    (1, 28, 28, 3)

    Args:
        inputs: Tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        kernel: Tensor of shape `(*window, filters, channels)`.
        strides: Distance of the outputs of two adjacent inputs, one number or one for each spatial axis.
        padding: `"valid"` for all outputs, `"same"` for `length * stride` of them.
        output_padding: How many more outputs at the end, by default as many as make the lengths above.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dilation_rate: Step between the outputs that an input adds to.

    Returns:
        Tensor of shape `(batch, *output, filters)`, channels first if the inputs are.

    Raises:
        ValueError: If the channels of the inputs and the kernel differ, or `padding` is something else.
    """
    inputs, kernel, channels_first = _operands(inputs, kernel, data_format, "conv_transpose")
    _check_channels(inputs, kernel.shape[-1], data_format)
    rank = inputs.ndim - 2
    strides, dilation = _sizes(strides, rank, "strides"), _sizes(dilation_rate, rank, "dilation_rate")
    more = None if output_padding is None else _sizes(output_padding, rank, "output_padding")
    crops = transposed_crops(kernel.shape[:-2], strides, padding, more, dilation)
    result = c.conv_transpose(inputs, kernel, strides=strides, padding=crops, dilation=dilation, groups=1)
    return _channels_second(result) if channels_first else result


def max_pool(
    inputs: Any,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the largest value of each window, channel by channel.

    Example:

    >>> ops.max_pool(ops.reshape(ops.arange(6.0), (1, 6, 1)), 2).numpy().ravel()
    array([1., 3., 5.], dtype=float32)

    Args:
        inputs: Tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        pool_size: Size of the window, one number or one for each spatial axis.
        strides: Step of the window, the window's size by default.
        padding: `"valid"` for none, or `"same"` so that the output has `ceil(length / stride)` positions.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of shape `(batch, *output, channels)`, channels first if the inputs are.

    Raises:
        ValueError: If a window is larger than the input, or an argument is invalid.
    """
    return _pool(p.max_pool, as_tensor(inputs), pool_size, strides, padding, data_format)


def average_pool(
    inputs: Any,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the mean of each window's values, channel by channel; padding takes no part in it.

    Example:

    >>> ops.average_pool(ops.reshape(ops.arange(6.0), (1, 6, 1)), 2).numpy().ravel()
    array([0.5, 2.5, 4.5], dtype=float32)

    Args:
        inputs: Tensor of shape `(batch, *spatial, channels)`, or `(batch, channels, *spatial)`.
        pool_size: Size of the window, one number or one for each spatial axis.
        strides: Step of the window, the window's size by default.
        padding: `"valid"` for none, or `"same"` so that the output has `ceil(length / stride)` positions.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of shape `(batch, *output, channels)`, channels first if the inputs are.

    Raises:
        ValueError: If a window is larger than the input, or an argument is invalid.
    """
    inputs = as_tensor(inputs)
    if inputs._value.dtype.kind in "biu":
        inputs = cast(inputs, config.floatx())
    return _pool(p.average_pool, inputs, pool_size, strides, padding, data_format)


# What they share


def _operands(inputs: Any, kernel: Any, data_format: str | None, what: str) -> tuple[Tensor, Tensor, bool]:
    """Return inputs (channels last) and kernel of one dtype, and whether the channels came first."""
    kernel = kernel if isinstance(kernel, Tensor) else as_tensor(kernel)
    inputs = inputs if isinstance(inputs, Tensor) else as_tensor(inputs)
    channels_first = config.standardize_data_format(data_format) == "channels_first"
    rank = inputs.ndim
    if rank not in (3, 4, 5) or kernel.ndim != rank:
        raise ValueError(
            f"`{what}` takes inputs with a batch, one to three spatial axes and channels, and a kernel of as many "
            f"axes. Received: inputs.shape={inputs.shape}, kernel.shape={kernel.shape}"
        )
    if inputs._value.dtype != kernel._value.dtype:
        inputs = cast(inputs, kernel._value.dtype)
    return _channels_last(inputs) if channels_first else inputs, kernel, channels_first


def _channels_last(x: Tensor) -> Tensor:
    return transpose(x, (0, *range(2, x.ndim), 1))


def _channels_second(x: Tensor) -> Tensor:
    return transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def _check_channels(inputs: Tensor, expected: int, data_format: str | None) -> None:
    if inputs.shape[-1] not in (expected, None):
        raise ValueError(
            "The number of input channels must match the kernel's input channels. Received: input "
            f"channels={inputs.shape[-1]}, kernel input channels={expected}, "
            f"data_format='{config.standardize_data_format(data_format)}'."
        )


def _sizes(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """Return one number for each spatial axis."""
    if isinstance(value, int):
        return (value,) * rank
    found = tuple(value)
    if len(found) != rank:
        raise ValueError(
            f"The `{name}` argument must be a number, or one for each of the {rank} spatial axes. "
            f"Received: {name}={value}"
        )
    return found


@lru_cache(maxsize=256)
def _plan(
    padding: Any,
    lengths: tuple[int | None, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[Any, bool]:
    """Return the primitive's padding, and whether there would be no output.

    The padding is pairs, or `"same"` while it depends on lengths that are not known.
    """
    if padding == "valid":
        padding = ((0, 0),) * len(window)
    elif padding == "same":
        if all(n is not None or s == 1 for n, s in zip(lengths, strides, strict=True)):
            known = (1 if n is None else n for n in lengths)
            padding = tuple(
                same_padding(*axis) for axis in zip(known, window, strides, dilation, strict=True)
            )
    return padding, 0 in output_lengths(lengths, window, strides, padding, dilation)


def _standard_padding(padding: Any) -> Any:
    """Return `"valid"`, `"same"` or a tuple of pairs."""
    if isinstance(padding, str):
        lower = padding.lower()
        if lower in ("valid", "same"):
            return lower
    elif isinstance(padding, (list, tuple)) and all(len(pair) == 2 for pair in padding):
        return tuple(tuple(pair) for pair in padding)
    raise ValueError(f"Argument `padding` must be either 'valid' or 'same'. Received: padding={padding}")


def _convolve(
    inputs: Tensor,
    kernel: Tensor,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    channels_first: bool,
) -> Tensor:
    shape, window = inputs.shape, kernel.shape[:-2]
    rank = len(window)
    strides, dilation = _sizes(strides, rank, "strides"), _sizes(dilation, rank, "dilation_rate")
    pads, empty = _plan(_standard_padding(padding), shape[1:-1], window, strides, dilation)
    if empty and 0 not in shape[1:-1]:
        raise ValueError(
            "Computed output size would be zero or negative: the convolution operation resulted in an empty output. "
            f"Received: `inputs.shape={shape}` (channels last), `kernel.shape={kernel.shape}`, `strides={strides}`, "
            f"`padding={padding}`, `dilation_rate={dilation}`. Make the kernel, its dilation or the strides smaller, "
            "or use padding='same'."
        )
    result = c.conv(inputs, kernel, strides=strides, padding=pads, dilation=dilation, groups=groups)
    return _channels_second(result) if channels_first else result


def transposed_crops(
    window: Sequence[int],
    strides: Sequence[int],
    padding: str,
    output_padding: Sequence[int] | None,
    dilation: Sequence[int],
) -> tuple[tuple[int, int], ...]:
    """Return what `conv_transpose` cuts off both ends of all outputs an axis; negative where it adds zeros.

    Raises:
        ValueError: If the padding is neither `"valid"` nor `"same"`.
    """
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(
            f"The `padding` argument must be one of 'valid', 'same'. Received: padding={padding}"
        )
    whole = str(padding).lower() == "valid"
    more = output_padding or (None,) * len(window)
    return tuple(
        _transposed_crop(extent(w, d), s, whole, m)
        for w, d, s, m in zip(window, dilation, strides, more, strict=True)
    )


def _transposed_crop(window: int, stride: int, whole: bool, more: int | None) -> tuple[int, int]:
    if whole:
        return 0, -(max(stride - window, 0) if more is None else more)
    kept = stride + window - 2 if more is None else window + window % 2 - 2 + more
    left = min(kept - kept // 2, window - 1)
    return window - 1 - left, window - 1 - (kept - left)


def _pool(
    primitive: Any, inputs: Tensor, pool_size: Any, strides: Any, padding: Any, data_format: str | None
) -> Tensor:
    channels_first = config.standardize_data_format(data_format) == "channels_first"
    rank = inputs.ndim - 2
    if rank < 1:
        raise ValueError(
            "Pooling takes inputs with a batch, spatial axes and channels. Received: "
            f"inputs.shape={inputs.shape}"
        )
    window = _sizes(pool_size, rank, "pool_size")
    strides = window if strides is None else _sizes(strides, rank, "strides")
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"Argument `padding` must be either 'valid' or 'same'. Received: padding={padding}")
    if channels_first:
        inputs = _channels_last(inputs)
    shape = inputs.shape
    pads, empty = _plan(padding.lower(), shape[1:-1], window, strides, (1,) * rank)
    if empty and 0 not in shape[1:-1]:
        raise ValueError(
            f"Computed output size would be zero or negative. Received: `inputs.shape={shape}` (channels last), "
            f"`pool_size={window}`, `strides={strides}`, `padding={padding}`. Make the window smaller, or use "
            "padding='same'."
        )
    result = primitive(inputs, window=window, strides=strides, padding=pads)
    return _channels_second(result) if channels_first else result
