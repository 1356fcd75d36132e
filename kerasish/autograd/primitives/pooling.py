"""Primitives of pooling: the largest value or the mean of each window, and their gradients.

Layout: batch, spatial axes, channels. Parameters: `window` and `strides`, one number a spatial axis, and `padding`:
pairs an axis, or `"same"`. Padding is never the largest value and takes no part in a mean.
"""

from __future__ import annotations

from typing import Any

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.primitives.convolution import by_module
from kerasish.autograd.tensor import Tensor
from kerasish.devices.windows import Pairs, output_lengths, resolve_padding

Sizes = tuple[int, ...]


def _infer(x: Abstract, window: Sizes, strides: Sizes, padding: Pairs | str) -> Abstract:
    lengths = output_lengths(x.shape[1:-1], window, strides, padding, (1,) * len(window))
    return Abstract((x.shape[0], *lengths, x.shape[-1]), x.dtype)


def _pairs(x: Tensor, window: Sizes, strides: Sizes, padding: Any) -> Pairs:
    return resolve_padding(padding, x.shape[1:-1], window, strides, (1,) * len(window))


# Largest values. A gradient goes to the first largest value of its window, in row-major order.

max_pool = Primitive(
    "max_pool",
    by_module("max_pool"),
    _infer,
    (
        lambda g, out, x, window, strides, padding: max_pool_route(
            g, x, out, window=window, strides=strides, padding=_pairs(x, window, strides, padding)
        ),
    ),
)
"""The largest value of each window."""

max_pool_route = Primitive(
    "max_pool_route",
    by_module("max_pool_route"),
    lambda g, x, largest, **params: Abstract(x.shape, g.dtype),
    (lambda gg, out, g, x, largest, **params: max_pool_pick(gg, x, largest, **params), None, None),
)
"""`g`, one value a window, put where the window of `x` has its first largest value; zeros elsewhere."""

max_pool_pick = Primitive(
    "max_pool_pick",
    by_module("max_pool_pick"),
    lambda values, x, largest, **params: Abstract(largest.shape, values.dtype),
    (lambda g, out, values, x, largest, **params: max_pool_route(g, x, largest, **params), None, None),
)
"""The one of `values` where each window of `x` has its first largest value: the transpose of `max_pool_route`."""

# Means

average_pool = Primitive(
    "average_pool",
    by_module("average_pool"),
    _infer,
    (
        lambda g, out, x, window, strides, padding: average_pool_transpose(
            g,
            lengths=x.shape[1:-1],
            window=window,
            strides=strides,
            padding=_pairs(x, window, strides, padding),
        ),
    ),
)
"""The mean of each window's values."""

average_pool_transpose = Primitive(
    "average_pool_transpose",
    by_module("average_pool_transpose"),
    lambda g, lengths, **params: Abstract((g.shape[0], *lengths, g.shape[-1]), g.dtype),
    (lambda gg, out, g, lengths, **params: average_pool(gg, **params),),
)
"""`g`, one value a window, in equal shares over the values of the window."""
