"""Convolution and pooling for any array module, out of slices, products and sums.

A device that has a quicker way offers functions of the same names without the first argument; `devices.cpu` does for
convolutions. Layout: batch, spatial axes, channels. Kernels: window, channels of a group, filters.
"""

from __future__ import annotations

from typing import Any

from kerasish.devices.windows import Pairs, output_lengths, positions, resolve_padding, transposed_lengths

Sizes = tuple[int, ...]
_ALL = (slice(None),)


def _whole(lengths: Sizes) -> tuple[tuple[int, int], ...]:
    return tuple((0, n) for n in lengths)


def _grouped_product(xp: Any, x: Any, matrix: Any, groups: int) -> Any:
    """Return `x @ matrix`, each group of channels with its group of columns."""
    if groups == 1:
        return xp.matmul(x, matrix)
    rows = x.reshape(*x.shape[:-1], groups, 1, -1)
    blocks = matrix.reshape(matrix.shape[0], groups, -1).swapaxes(0, 1)
    return xp.matmul(rows, blocks).reshape(*x.shape[:-1], matrix.shape[1])


def conv(
    xp: Any, x: Any, kernel: Any, strides: Sizes, padding: Pairs | str, dilation: Sizes, groups: int
) -> Any:
    """Return the convolution (cross-correlation) of `x` with `kernel`."""
    window, lengths = kernel.shape[:-2], x.shape[1:-1]
    padding = resolve_padding(padding, lengths, window, strides, dilation)
    outputs = output_lengths(lengths, window, strides, padding, dilation)
    out = xp.zeros((x.shape[0], *outputs, kernel.shape[-1]), x.dtype)
    for position, seen_by, seen in positions(window, lengths, _whole(outputs), strides, padding, dilation):
        out[_ALL + seen_by] += _grouped_product(xp, x[_ALL + seen], kernel[position], groups)
    return out


def conv_transpose(
    xp: Any, x: Any, kernel: Any, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """Return the transpose of `conv` (its input's gradient): `x` has the kernel's filters, the result its channels."""
    window, lengths = kernel.shape[:-2], x.shape[1:-1]
    made = transposed_lengths(lengths, window, strides, padding, dilation)
    out = xp.zeros((x.shape[0], *made, kernel.shape[-2] * groups), x.dtype)
    for position, seen_by, seen in positions(window, made, _whole(lengths), strides, padding, dilation):
        matrix = kernel[position]
        rows = (
            matrix.reshape(matrix.shape[0], groups, -1)
            .transpose(2, 1, 0)
            .reshape(-1, matrix.shape[0] * groups)
        )
        out[_ALL + seen] += _grouped_product(xp, x[_ALL + seen_by], rows, groups)
    return out


def conv_kernel_gradient(
    xp: Any, x: Any, g: Any, window: Sizes, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """Return the gradient of `conv` with respect to its kernel, for the gradient `g` of its result."""
    channels, filters, lengths = x.shape[-1] // groups, g.shape[-1], x.shape[1:-1]
    out = xp.zeros((*window, channels, filters), x.dtype)
    for position, seen_by, seen in positions(
        window, lengths, _whole(g.shape[1:-1]), strides, padding, dilation
    ):
        left = x[_ALL + seen].reshape(-1, groups, channels).transpose(1, 2, 0)
        right = g[_ALL + seen_by].reshape(-1, groups, filters // groups).transpose(1, 0, 2)
        out[position] = xp.matmul(left, right).transpose(1, 0, 2).reshape(channels, filters)
    return out


# Pooling


def _lowest(xp: Any, dtype: Any) -> Any:
    return -xp.inf if dtype.kind in "fV" else False if dtype.kind == "b" else xp.iinfo(dtype).min


def _pool(
    xp: Any, combine: Any, start: Any, x: Any, window: Sizes, strides: Sizes, padding: Pairs, out: Any
) -> Any:
    """Combine each window's values. Axis by axis: a window of k by k costs 2 k steps, and fewer values each."""
    axes = [
        a
        for a in range(x.ndim - 2, 0, -1)
        if (window[a - 1], strides[a - 1], padding[a - 1]) != (1, 1, (0, 0))
    ]
    for axis in axes:
        w, s, pads = window[axis - 1], strides[axis - 1], padding[axis - 1]
        (length,) = output_lengths((x.shape[axis],), (w,), (s,), (pads,), (1,))
        shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
        target = out if axis == axes[-1] and out is not None else xp.empty(shape, x.dtype)
        steps = positions((w,), (x.shape[axis],), ((0, length),), (s,), (pads,), (1,))
        before = (slice(None),) * axis
        parts = [(target[before + by], x[before + seen]) for _, by, seen in steps]
        if len(parts) > 1 and parts[0][0].shape == parts[1][0].shape == target.shape:
            combine(parts[0][1], parts[1][1], out=target)
            del parts[:2]
        else:
            target[...] = start
        for into, values in parts:
            combine(into, values, out=into)
        x = target
    if not axes:
        if out is None:
            return x.copy()
        out[...] = x
        return out
    return x


def max_pool(xp: Any, x: Any, window: Sizes, strides: Sizes, padding: Pairs | str, out: Any = None) -> Any:
    """Return the largest value in each window."""
    padding = resolve_padding(padding, x.shape[1:-1], window, strides, (1,) * len(window))
    return _pool(xp, xp.maximum, _lowest(xp, x.dtype), x, window, strides, padding, out)


def _firsts(xp: Any, x: Any, largest: Any, window: Sizes, strides: Sizes, padding: Pairs) -> Any:
    """Yield, position by position, where a window's first largest value is: `(outputs, inputs, is it there)`."""
    ones = (1,) * len(window)
    waiting = xp.ones(largest.shape, bool)
    for _, seen_by, seen in positions(
        window, x.shape[1:-1], _whole(largest.shape[1:-1]), strides, padding, ones
    ):
        by = _ALL + seen_by
        here = xp.equal(x[_ALL + seen], largest[by])
        xp.logical_and(here, waiting[by], out=here)
        xp.logical_xor(waiting[by], here, out=waiting[by])
        yield by, _ALL + seen, here


def max_pool_route(
    xp: Any, g: Any, x: Any, largest: Any, window: Sizes, strides: Sizes, padding: Pairs, out: Any = None
) -> Any:
    """Return `g` (a value a window) at the place of each window's first largest value of `x`, zeros elsewhere."""
    if out is None:
        out = xp.zeros(x.shape, g.dtype)
    else:
        out[...] = 0
    apart = all(s >= w for w, s in zip(window, strides, strict=True))
    # Bits are handed over, not numbers: infinities pass unharmed, and it is quicker.
    bits = f"i{g.dtype.itemsize}"
    left = g.copy().view(bits)
    ones = (1,) * len(window)
    for _, seen_by, seen in positions(window, x.shape[1:-1], _whole(g.shape[1:-1]), strides, padding, ones):
        by, at = _ALL + seen_by, _ALL + seen
        here = xp.equal(x[at], largest[by])
        waiting, into = left[by], out[at]
        if apart:
            into = into.view(bits)
            xp.multiply(waiting, here, out=into)
            xp.bitwise_xor(waiting, into, out=waiting)
        else:
            given = xp.multiply(waiting, here)
            xp.bitwise_xor(waiting, given, out=waiting)
            xp.add(into, given.view(g.dtype), out=into)
    return out


def max_pool_pick(
    xp: Any, values: Any, x: Any, largest: Any, window: Sizes, strides: Sizes, padding: Pairs, out: Any = None
) -> Any:
    """Return the one of `values` (of the shape of `x`) at the place of each window's first largest value of `x`."""
    if out is None:
        out = xp.zeros(largest.shape, values.dtype)
    else:
        out[...] = 0
    for by, at, here in _firsts(xp, x, largest, window, strides, padding):
        out[by] += xp.where(here, values[at], xp.zeros((), values.dtype))
    return out


def _counts(xp: Any, lengths: Sizes, window: Sizes, strides: Sizes, padding: Pairs, dtype: Any) -> Any:
    """Return how many values each window holds, padding left out: an array that broadcasts, or one number."""
    outputs = output_lengths(lengths, window, strides, padding, (1,) * len(window))
    total = 1.0
    uniform = True
    tables = []
    for n, o, w, s, (low, _) in zip(lengths, outputs, window, strides, padding, strict=True):
        counts = [min(i * s - low + w, n) - max(i * s - low, 0) for i in range(o)]  # type: ignore[arg-type]
        uniform = uniform and all(c == w for c in counts)
        tables.append(counts)
        total *= w
    if uniform:
        return total
    found = xp.ones((), dtype)
    for axis, counts in enumerate(tables):
        shape = [1] * (len(tables) + 1)
        shape[axis] = -1
        found = found * xp.asarray(counts, dtype=dtype).reshape(shape)
    return found


def average_pool(
    xp: Any, x: Any, window: Sizes, strides: Sizes, padding: Pairs | str, out: Any = None
) -> Any:
    """Return the mean of each window's values, padding left out."""
    lengths = x.shape[1:-1]
    padding = resolve_padding(padding, lengths, window, strides, (1,) * len(window))
    out = _pool(xp, xp.add, 0, x, window, strides, padding, out)
    out /= _counts(xp, lengths, window, strides, padding, x.dtype)
    return out


def average_pool_transpose(
    xp: Any, g: Any, lengths: Sizes, window: Sizes, strides: Sizes, padding: Pairs, out: Any = None
) -> Any:
    """Return the transpose of `average_pool` (its gradient): each value of `g` in equal shares over its window."""
    if out is None:
        out = xp.zeros((g.shape[0], *lengths, g.shape[-1]), g.dtype)
    else:
        out[...] = 0
    ones = (1,) * len(window)
    shares = g / _counts(xp, lengths, window, strides, padding, g.dtype)
    for _, seen_by, seen in positions(window, lengths, _whole(g.shape[1:-1]), strides, padding, ones):
        into = out[_ALL + seen]
        into += shares[_ALL + seen_by]
    return out


__all__ = [
    "average_pool",
    "average_pool_transpose",
    "conv",
    "conv_kernel_gradient",
    "conv_transpose",
    "max_pool",
    "max_pool_pick",
    "max_pool_route",
]
