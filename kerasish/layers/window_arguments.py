"""Checks of the arguments that convolution and pooling layers share, and the shapes that their windows make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.devices.windows import output_lengths


def standardize_tuple(value: Any, count: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """Return a number, or a sequence of `count` of them, as a tuple of `count` integers.

    Raises:
        ValueError: If there are more or fewer, or one is no integer or too small.
    """
    message = f"The `{name}` argument must be a tuple of {count} integers. Received {name}={value}"
    if isinstance(value, int):
        found = (value,) * count
    else:
        try:
            found = tuple(value)
        except TypeError:
            raise ValueError(message) from None
        if len(found) != count:
            raise ValueError(message)
        for element in found:
            try:
                int(element)
            except (ValueError, TypeError):
                raise ValueError(f"{message}, including element {element} of type {type(element)}") from None
    least = 0 if allow_zero else 1
    wrong = {v for v in found if v < least}
    if wrong:
        raise ValueError(
            f"{message}, including values {wrong} that do not satisfy `value {'>=' if allow_zero else '>'} 0`"
        )
    return found


def standardize_padding(value: Any, allowed: Sequence[str] = ("valid", "same")) -> str:
    """Return the name of a padding in lower case.

    Raises:
        ValueError: If it is not one of `allowed`.
    """
    lower = value.lower() if isinstance(value, str) else value
    if lower not in allowed:
        raise ValueError(
            f"The `padding` argument must be one of {tuple(allowed)}. Received: padding={value!r}"
        )
    return lower


def split_shape(shape: tuple, data_format: str) -> tuple[Any, tuple, Any]:
    """Return the batch, the spatial lengths and the channels of an input's shape."""
    if data_format == "channels_last":
        return shape[0], shape[1:-1], shape[-1]
    return shape[0], shape[2:], shape[1]


def join_shape(batch: Any, lengths: tuple, channels: Any, data_format: str) -> tuple:
    """Return the shape of these parts: the reverse of `split_shape`."""
    return (batch, *lengths, channels) if data_format == "channels_last" else (batch, channels, *lengths)


def windowed_lengths(
    lengths: tuple, window: tuple, strides: tuple, padding: str, dilation: tuple, received: str
) -> tuple:
    """Return the spatial lengths of the output of a window moved over `lengths`.

    Raises:
        ValueError: If there would be no output: `received` says of what.
    """
    pads = ((0, 0),) * len(window) if padding == "valid" else "same"
    found = output_lengths(lengths, window, strides, pads, dilation)
    if any(n is not None and n <= 0 for n in found):
        raise ValueError(
            f"Computed output size would be zero or negative. Received: {received}, `strides={strides}`, "
            f"`padding={padding}`. Make the window, its dilation or the strides smaller, or use padding='same'."
        )
    return found
