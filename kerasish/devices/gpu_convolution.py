"""Convolution on a GPU: patches by strided views, and one matrix product for all of a batch that fits a limit.

- A convolution copies the windows of all outputs into a matrix and multiplies it by the kernel.
- Its kernel's gradient multiplies the same matrix, transposed, by the gradient.
- Its transpose is a convolution with the kernel turned round where the window moves by one; otherwise one product for
  all positions of the window, whose parts are added where each position reads.
- Depthwise, where each channel has filters of its own, there are no matrices: one kernel a position of the window.

Groups are a stack of products. The batch is cut so that patches never take more than `PATCH_BYTES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from math import prod
from typing import Any

import cupy
import numpy as np
from cupy.lib.stride_tricks import as_strided

from kerasish.devices.windows import (
    Pairs,
    extent,
    output_lengths,
    positions,
    resolve_padding,
    transposed_lengths,
)

Sizes = tuple[int, ...]
_ALL = (slice(None),)

PATCH_BYTES = 1 << 28
"""How much memory the patches of a part of the batch may take."""

_multiply_add = cupy.ElementwiseKernel("T a, T b", "T total", "total += a * b", "kerasish_multiply_add")


def _wide(function: Callable) -> Callable:
    """Compute sixteen-bit floats in float32 where cuBLAS has no part in it, or does not know them by CuPy."""

    @wraps(function)
    def wrapper(x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        depthwise = kwargs["groups"] > 1
        if x.dtype.kind != "V" and not (depthwise and x.dtype.char == "e"):
            return function(x, y, *args, **kwargs)
        return function(x.astype(np.float32), y.astype(np.float32), *args, **kwargs).astype(x.dtype)

    return wrapper


def _padded(x: Any, padding: Pairs) -> Any:
    """Return `x` with zeros around it along the spatial axes; negative padding crops."""
    if not any(low or high for low, high in padding):
        return x
    lengths = x.shape[1:-1]
    taken = tuple(
        slice(max(-low, 0), n + min(high, 0)) for n, (low, high) in zip(lengths, padding, strict=True)
    )
    x = x[_ALL + taken]
    if all(low <= 0 and high <= 0 for low, high in padding):
        return x
    shape = tuple(max(n + low + high, 0) for n, (low, high) in zip(lengths, padding, strict=True))
    out = cupy.zeros((x.shape[0], *shape, x.shape[-1]), x.dtype)
    into = tuple(
        slice(max(low, 0), max(low, 0) + n) for n, (low, _) in zip(x.shape[1:-1], padding, strict=True)
    )
    out[_ALL + into] = x
    return out


def _parts(count: int, bytes_each: int) -> Iterator[slice]:
    """Cut a batch so that each part needs at most `PATCH_BYTES` (one image at least)."""
    step = max(PATCH_BYTES // max(bytes_each, 1), 1)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _patches(
    x: Any, window: Sizes, outputs: Sizes, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """Return what the windows see: a matrix with one row an output, a stack of them where there are groups."""
    channels, rank = x.shape[-1], len(window)
    x = cupy.ascontiguousarray(_padded(x, padding))
    steps, inner = x.strides, x.strides[1:-1]
    view = as_strided(
        x,
        (x.shape[0], *outputs, *window, channels),
        (
            steps[0],
            *(a * s for a, s in zip(inner, strides, strict=True)),
            *(a * d for a, d in zip(inner, dilation, strict=True)),
            steps[-1],
        ),
    )
    rows = x.shape[0] * prod(outputs)
    if groups == 1:
        return view.reshape(rows, -1)
    split = view.reshape(*view.shape[:-1], groups, channels // groups)
    return split.transpose(2 * rank + 1, *range(2 * rank + 1), 2 * rank + 2).reshape(groups, rows, -1)


def _matrices(kernel: Any, groups: int) -> Any:
    """Return a kernel as a matrix with one column a filter, a stack of them where there are groups."""
    if groups == 1:
        return kernel.reshape(-1, kernel.shape[-1])
    return kernel.reshape(-1, groups, kernel.shape[-1] // groups).swapaxes(0, 1)


def _rows(values: Any, groups: int) -> Any:
    """Return values with channels last as a matrix, a stack of them where there are groups."""
    if groups == 1:
        return values.reshape(-1, values.shape[-1])
    return values.reshape(-1, groups, values.shape[-1] // groups).swapaxes(0, 1)


def _ungrouped(found: Any, groups: int) -> Any:
    """Return the rows of a stack of matrices side by side."""
    return found if groups == 1 else found.swapaxes(0, 1).reshape(found.shape[1], -1)


@_wide
def conv(x: Any, kernel: Any, *, strides: Sizes, padding: Pairs | str, dilation: Sizes, groups: int) -> Any:
    """Return the convolution (cross-correlation) of `x` with `kernel`."""
    window, lengths = kernel.shape[:-2], x.shape[1:-1]
    padding = resolve_padding(padding, lengths, window, strides, dilation)
    outputs = output_lengths(lengths, window, strides, padding, dilation)
    shape = (x.shape[0], *outputs, kernel.shape[-1])
    if prod(shape) == 0 or kernel.size == 0:
        return cupy.zeros(shape, x.dtype)
    if groups > 1 and groups == x.shape[-1]:
        return _depthwise(x, kernel, strides, padding, dilation, shape)
    matrices = _matrices(kernel, groups)
    each = prod(outputs) * prod(window) * x.shape[-1] * x.itemsize
    found = [
        _ungrouped(
            cupy.matmul(_patches(x[part], window, outputs, strides, padding, dilation, groups), matrices),
            groups,
        )
        for part in _parts(x.shape[0], each)
    ]
    return (found[0] if len(found) == 1 else cupy.concatenate(found)).reshape(shape)


@_wide
def conv_kernel_gradient(
    x: Any, g: Any, *, window: Sizes, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """Return the gradient of `conv` with respect to its kernel, for the gradient `g` of its result."""
    channels, filters = x.shape[-1], g.shape[-1]
    shape = (*window, channels // groups, filters)
    if g.size == 0 or prod(shape) == 0 or x.size == 0:
        return cupy.zeros(shape, x.dtype)
    if groups > 1 and groups == channels:
        return _depthwise_kernel_gradient(x, g, strides, padding, dilation, shape)
    outputs = g.shape[1:-1]
    each = prod(outputs) * prod(window) * channels * x.itemsize
    total = None
    for part in _parts(x.shape[0], each):
        patches = _patches(x[part], window, outputs, strides, padding, dilation, groups)
        found = cupy.matmul(patches.swapaxes(-1, -2), _rows(g[part], groups))
        total = found if total is None else total + found
    return _ungrouped(total, groups).reshape(shape)


@_wide
def conv_transpose(
    x: Any, kernel: Any, *, strides: Sizes, padding: Pairs, dilation: Sizes, groups: int
) -> Any:
    """Return the transpose of `conv` (its input's gradient): `x` has the kernel's filters, the result its channels."""
    window, lengths = kernel.shape[:-2], x.shape[1:-1]
    made = transposed_lengths(lengths, window, strides, padding, dilation)
    per_group, filters = kernel.shape[-2:]
    shape = (x.shape[0], *made, per_group * groups)
    if x.size == 0 or prod(shape) == 0 or kernel.size == 0:
        return cupy.zeros(shape, x.dtype)
    if groups > 1 and per_group == 1:
        return _depthwise_transpose(x, kernel, strides, padding, dilation, shape)
    if set(strides) == {1}:
        turned = kernel[(slice(None, None, -1),) * len(window)]
        turned = turned.reshape(*window, per_group, groups, filters // groups).swapaxes(-1, -3)
        around = tuple(
            (extent(w, d) - 1 - low, extent(w, d) - 1 - high)
            for w, d, (low, high) in zip(window, dilation, padding, strict=True)
        )
        return conv(
            x,
            turned.reshape(*window, filters // groups, per_group * groups),
            strides=strides,
            padding=around,
            dilation=dilation,
            groups=groups,
        )
    out = cupy.zeros(shape, x.dtype)
    matrices = _matrices(kernel, groups).swapaxes(-1, -2)
    steps = positions(window, made, tuple((0, n) for n in lengths), strides, padding, dilation)
    for part in _parts(x.shape[0], prod(lengths) * prod(window) * shape[-1] * x.itemsize):
        terms = cupy.matmul(_rows(x[part], groups), matrices)
        terms = terms.reshape(groups, part.stop - part.start, *lengths, *window, per_group)
        into = out[part].reshape(part.stop - part.start, *made, groups, per_group)
        for position, seen_by, seen in steps:
            target = into[_ALL + seen]
            term = terms[_ALL + _ALL + seen_by + position]
            target += term[0][..., None, :] if groups == 1 else cupy.moveaxis(term, 0, -2)
    return out


# Depthwise


def _depthwise(x: Any, kernel: Any, strides: Sizes, padding: Pairs, dilation: Sizes, shape: Sizes) -> Any:
    channels, window = x.shape[-1], kernel.shape[:-2]
    filters = kernel.reshape(*window, channels, -1)
    out = cupy.zeros(shape, x.dtype)
    result = out.reshape(*shape[:-1], channels, -1)
    values = x[..., None]
    ranges = tuple((0, n) for n in shape[1:-1])
    for position, seen_by, seen in positions(window, x.shape[1:-1], ranges, strides, padding, dilation):
        _multiply_add(values[_ALL + seen], filters[position], result[_ALL + seen_by])
    return out


def _depthwise_transpose(
    x: Any, kernel: Any, strides: Sizes, padding: Pairs, dilation: Sizes, shape: Sizes
) -> Any:
    channels, window = shape[-1], kernel.shape[:-2]
    filters = kernel.reshape(*window, channels, -1)
    grouped = x.reshape(*x.shape[:-1], channels, -1)
    out = cupy.zeros(shape, x.dtype)
    ranges = tuple((0, n) for n in x.shape[1:-1])
    for position, seen_by, seen in positions(window, shape[1:-1], ranges, strides, padding, dilation):
        values, into = grouped[_ALL + seen_by], out[_ALL + seen]
        for i in range(filters.shape[-1]):
            _multiply_add(values[..., i], filters[position][:, i], into)
    return out


def _depthwise_kernel_gradient(
    x: Any, g: Any, strides: Sizes, padding: Pairs, dilation: Sizes, shape: Sizes
) -> Any:
    channels, window = x.shape[-1], shape[:-2]
    out = cupy.zeros(shape, x.dtype)
    grouped = g.reshape(*g.shape[:-1], channels, -1)
    values = x[..., None]
    axes = tuple(range(x.ndim - 1))
    ranges = tuple((0, n) for n in g.shape[1:-1])
    for position, seen_by, seen in positions(window, x.shape[1:-1], ranges, strides, padding, dilation):
        terms = values[_ALL + seen] * grouped[_ALL + seen_by]
        out[position] = terms.sum(axes).reshape(shape[-2:])
    return out
