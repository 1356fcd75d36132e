"""The geometry of sliding windows: which inputs an output of a convolution or a pooling sees.

Along one axis, output `o` sees the inputs `o * stride - low + p * dilation` for the window's positions `p`; those
outside the input are padding. Padding is a pair `(low, high)` an axis, and may be negative, which crops the input.
Spatial axes only: batch and channels have no windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

Pairs = tuple[tuple[int, int], ...]
Slices = tuple[slice, ...]


def extent(window: int, dilation: int) -> int:
    """Return the number of inputs from the first to the last that a dilated window sees."""
    return (window - 1) * dilation + 1


def same_padding(length: int, window: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the padding with which a window moved by `stride` gives `ceil(length / stride)` outputs."""
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + extent(window, dilation) - length, 0)
    return total // 2, total - total // 2


def resolve_padding(
    padding: Pairs | str,
    lengths: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> Pairs:
    """Return padding as pairs for inputs of these lengths: `"same"` depends on them."""
    if padding != "same":
        return padding  # type: ignore[return-value]
    return tuple(same_padding(*axis) for axis in zip(lengths, window, strides, dilation, strict=True))


def output_lengths(
    lengths: Sequence[int | None],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Pairs | str,
    dilation: Sequence[int],
) -> tuple[int | None, ...]:
    """Return the lengths of the outputs, None where the input's is unknown."""
    if padding == "same":
        return tuple(None if n is None else -(-n // s) for n, s in zip(lengths, strides, strict=True))
    return tuple(
        None if n is None else max((n + sum(pads) - extent(w, d)) // s + 1, 0)  # type: ignore[arg-type]
        for n, w, s, pads, d in zip(lengths, window, strides, padding, dilation, strict=True)
    )


def exact_padding(
    lengths: Sequence[int],
    outputs: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> Pairs:
    """Return the padding that ends where the last window does: inputs that no window sees count as cropped.

    With it, a convolution and its transpose have each other's shapes, whatever the strides.
    """
    return tuple(
        (low, (o - 1) * s + extent(w, d) - low - n)
        for n, o, w, s, (low, _), d in zip(lengths, outputs, window, strides, padding, dilation, strict=True)
    )


def transposed_lengths(
    lengths: Sequence[int | None],
    window: Sequence[int],
    strides: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
) -> tuple[int | None, ...]:
    """Return the lengths that a transposed convolution makes of `lengths`; `padding` is cut off its result."""
    return tuple(
        None if n is None else max((n - 1) * s + extent(w, d) - low - high, 0)
        for n, w, s, (low, high), d in zip(lengths, window, strides, padding, dilation, strict=True)
    )


def _span(
    position: int, length: int, first: int, last: int, stride: int, low: int, dilation: int
) -> tuple[slice, slice] | None:
    """Return which outputs of `first` … `last - 1` see an input at a window's position, and which inputs those are."""
    offset = position * dilation - low
    start = max(first, -(offset // stride))
    stop = min(last, (length - 1 - offset) // stride + 1)
    if stop <= start:
        return None
    at = start * stride + offset
    return slice(start - first, stop - first), slice(at, at + (stop - start - 1) * stride + 1, stride)


@lru_cache(maxsize=512)
def positions(
    window: tuple[int, ...],
    lengths: tuple[int, ...],
    ranges: tuple[tuple[int, int], ...],
    strides: tuple[int, ...],
    padding: Pairs,
    dilation: tuple[int, ...],
) -> list[tuple[tuple[int, ...], Slices, Slices]]:
    """Return for each position of the window, in row-major order, which outputs see which inputs through it.

    Args:
        window: Size of the window.
        lengths: Lengths of the input.
        ranges: First output and the one after the last, an axis.
        strides: Steps of the window.
        padding: Pairs an axis.
        dilation: Steps inside the window.

    Returns:
        `(position, slices of the outputs in ranges, slices of the inputs)`, without positions that see only padding.
    """
    found = []
    for position in product(*map(range, window)):
        spans = [
            _span(p, n, *span, s, low, d)
            for p, n, span, s, (low, _), d in zip(
                position, lengths, ranges, strides, padding, dilation, strict=True
            )
        ]
        if None not in spans:
            found.append((position, tuple(s[0] for s in spans), tuple(s[1] for s in spans)))  # type: ignore[index]
    return found
