"""Convolution and pooling on the CPU: BLAS over packed patches, in blocks that stay in the cache.

- A convolution copies the windows of a block of outputs into a matrix and multiplies it by the kernel. The copy costs
  about a tenth of the product. With few channels the copies would be of a few bytes each; then the matrix is written
  transposed, whose rows are long.
- Its kernel's gradient multiplies the same matrix, transposed, by the gradient.
- Its transpose makes one product for each position of the window and adds it where that position reads. One wide
  product for all positions, taken apart afterwards, was slower by up to half: its parts lie apart in memory.

The batch is shared out among threads. Scratch memory is at most about `BLOCK_BYTES` a thread for each of a few
buffers, whatever the batch, and one padded image where there is padding. All functions take `out`, a C-ordered array
for the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from kerasish.devices import portable
from kerasish.devices.cpu_threads import share_out
from kerasish.devices.windows import (
    Pairs,
    Slices,
    output_lengths,
    positions,
    resolve_padding,
    transposed_lengths,
)

Sizes = tuple[int, ...]

BLOCK_BYTES = 1 << 20
"""How much of the patches each thread has in memory at a time: they share the cache with the result."""

SHORT_RUN = 16
"""Fewer adjacent values than this in a window's row, and patches are packed transposed."""


def _wide(function: Any) -> Any:
    """Compute half-precision arrays in float32, as BLAS has no products of them."""

    @wraps(function)
    def wrapper(
        x: np.ndarray, y: np.ndarray, *args: Any, out: np.ndarray | None = None, **kwargs: Any
    ) -> np.ndarray:
        if x.dtype.itemsize != 2 or x.dtype.kind in "iu":
            return function(x, y, *args, out=out, **kwargs)
        result = function(x.astype(np.float32), y.astype(np.float32), *args, **kwargs)
        if out is None:
            return result.astype(x.dtype)
        out[...] = result
        return out

    return wrapper


def _pieces(shape: Sizes, limit: int) -> Iterator[Slices]:
    """Cut an array of `shape` into index ranges of at most `limit` elements (at least one), adjacent in memory."""
    inner = prod(shape)
    axis = -1
    while inner > limit and axis < len(shape) - 1:
        axis += 1
        inner //= shape[axis]
    if axis < 0:
        yield tuple(slice(0, n) for n in shape)
        return
    step = max(limit // inner, 1)
    rest = tuple(slice(0, n) for n in shape[axis + 1 :])
    for outer in product(*map(range, shape[:axis])):
        lead = tuple(slice(i, i + 1) for i in outer)
        for start in range(0, shape[axis], step):
            yield (*lead, slice(start, min(start + step, shape[axis])), *rest)


def _interior(lengths: Sizes, padding: Pairs) -> tuple[Slices, Slices]:
    """Return where inputs go in a padded array, and which inputs (negative padding crops)."""
    into = tuple(
        slice(max(low, 0), n + low + min(high, 0)) for n, (low, high) in zip(lengths, padding, strict=True)
    )
    taken = tuple(
        slice(max(-low, 0), n + min(high, 0)) for n, (low, high) in zip(lengths, padding, strict=True)
    )
    return into, taken


def _padded(x: np.ndarray, padding: Pairs, block: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield parts of the batch with zeros around them, in memory that is used again, and where each part starts."""
    lengths = x.shape[1:-1]
    into, taken = _interior(lengths, padding)
    if all(low <= 0 and high <= 0 for low, high in padding):
        yield 0, x[(slice(None), *taken)] if any(low or high for low, high in padding) else x
        return
    shape = tuple(max(n + low + high, 0) for n, (low, high) in zip(lengths, padding, strict=True))
    images = max(1, min(x.shape[0], block // max(prod(shape) * x.shape[-1], 1)))
    scratch = np.zeros((images, *shape, x.shape[-1]), x.dtype)
    for start in range(0, x.shape[0], images):
        part = x[start : start + images]
        scratch[(slice(0, len(part)), *into)] = part[(slice(None), *taken)]
        yield start, scratch[: len(part)]


def _patches(
    x: np.ndarray, window: Sizes, outputs: Sizes, strides: Sizes, padding: Pairs, dilation: Sizes
) -> Iterator[tuple[Slices, np.ndarray]]:
    """Yield what the windows see, a matrix with one row an output at a time, and which outputs those are."""
    channels, size = x.shape[-1], x.itemsize
    width = prod(window) * channels
    block = BLOCK_BYTES // size
    if (
        width == channels
        and set(strides) == {1}
        and padding == ((0, 0),) * len(window)
        and x.flags.c_contiguous
    ):
        yield (slice(None),), x.reshape(-1, channels)
        return
    run = channels * (window[-1] if dilation[-1] == 1 else 1)
    transposed = run < SHORT_RUN and outputs[-1] > run
    rank = len(window)
    order = (*range(rank + 1, 2 * rank + 2), *range(rank + 1)) if transposed else None
    scratch = np.empty(min(max(block // width, 1), x.shape[0] * prod(outputs)) * width, x.dtype)
    for start, part in _padded(x, padding, block):
        steps = part.strides
        inner = steps[1:-1]
        view = as_strided(
            part,
            (len(part), *outputs, *window, channels),
            (
                steps[0],
                *(a * s for a, s in zip(inner, strides, strict=True)),
                *(a * d for a, d in zip(inner, dilation, strict=True)),
                steps[-1],
            ),
        )
        for piece in _pieces(view.shape[: rank + 1], max(block // width, 1)):
            seen = view[piece]
            if order is not None:
                seen = seen.transpose(order)
            packed = scratch[: seen.size].reshape(seen.shape)
            np.copyto(packed, seen)
            matrix = packed.reshape(width, -1).T if transposed else packed.reshape(-1, width)
            images = piece[0]
            yield (slice(images.start + start, images.stop + start), *piece[1:]), matrix


def _groups(channels: int, filters: int, groups: int) -> Iterator[tuple[slice, slice]]:
    """Yield each group's channels and filters."""
    c, f = channels // groups, filters // groups
    for group in range(groups):
        yield slice(group * c, (group + 1) * c), slice(group * f, (group + 1) * f)


@_wide
def conv(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Sizes,
    padding: Pairs | str,
    dilation: Sizes,
    groups: int,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return the convolution (cross-correlation) of `x` with `kernel`."""
    window, lengths = kernel.shape[:-2], x.shape[1:-1]
    channels, filters = x.shape[-1], kernel.shape[-1]
    padding = resolve_padding(padding, lengths, window, strides, dilation)
    outputs = output_lengths(lengths, window, strides, padding, dilation)
    if out is None:
        out = np.empty((x.shape[0], *outputs, filters), x.dtype)
    if out.size == 0 or kernel.size == 0:
        out.fill(0)
        return out
    result = out

    def work(part: slice) -> None:
        if groups > 1 and groups == channels:
            _depthwise(x[part], kernel, strides, padding, dilation, result[part])
        else:
            _multiply_patches(x[part], kernel, strides, padding, dilation, groups, result[part])

    share_out(work, len(x), _product_time(out.size, kernel))
    return out


def _product_time(results: int, kernel: np.ndarray) -> float:
    """Return how many microseconds a thread needs, roughly, for so many results of a convolution."""
    return results * kernel[..., 0].size / 40e3


def _multiply_patches(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    out: np.ndarray,
) -> None:
    filters, window = out.shape[-1], kernel.shape[:-2]
    for these, those in _groups(x.shape[-1], filters, groups):
        matrix = kernel[..., those].reshape(-1, filters // groups)
        for seen_by, patches in _patches(x[..., these], window, out.shape[1:-1], strides, padding, dilation):
            if groups == 1:
                np.dot(patches, matrix, out=out[seen_by].reshape(-1, filters))
            else:
                into = out[seen_by][..., those]
                into[...] = np.dot(patches, matrix).reshape(into.shape)


@_wide
def conv_kernel_gradient(
    x: np.ndarray,
    g: np.ndarray,
    window: Sizes,
    strides: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return the gradient of `conv` with respect to its kernel, for the gradient `g` of its result."""
    channels, filters = x.shape[-1], g.shape[-1]
    shape = (*window, channels // groups, filters)
    out = np.zeros(shape, x.dtype) if out is None else out
    out.fill(0)
    if g.size == 0 or out.size == 0:
        return out
    parts: dict[int, np.ndarray] = {}

    def work(part: slice) -> None:
        total = parts[part.start] = np.zeros(shape, x.dtype)
        if groups > 1 and groups == channels:
            _depthwise_kernel_gradient(x[part], g[part], strides, padding, dilation, total)
        else:
            _multiply_transposed_patches(x[part], g[part], strides, padding, dilation, groups, total)

    share_out(work, len(x), _product_time(g.size, out))
    for start in sorted(parts):
        out += parts[start]
    return out


def _multiply_transposed_patches(
    x: np.ndarray,
    g: np.ndarray,
    strides: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    out: np.ndarray,
) -> None:
    for these, those in _groups(x.shape[-1], g.shape[-1], groups):
        total = out[..., those]
        for seen_by, patches in _patches(
            x[..., these], out.shape[:-2], g.shape[1:-1], strides, padding, dilation
        ):
            part = np.dot(patches.T, g[seen_by][..., those].reshape(-1, total.shape[-1]))
            total += part.reshape(total.shape)


@_wide
def conv_transpose(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return the transpose of `conv` (its input's gradient): `x` has the kernel's filters, the result its channels."""
    window, lengths = kernel.shape[:-2], x.shape[1:-1]
    made = transposed_lengths(lengths, window, strides, padding, dilation)
    per_group, filters = kernel.shape[-2:]
    channels = per_group * groups
    if out is None:
        out = np.zeros((x.shape[0], *made, channels), x.dtype)
    else:
        out.fill(0)
    if x.size == 0 or out.size == 0:
        return out
    result = out

    def work(part: slice) -> None:
        if groups > 1 and per_group == 1:
            _depthwise_transpose(x[part], kernel, strides, padding, dilation, result[part])
        else:
            _add_products(x[part], kernel, strides, padding, dilation, groups, result[part])

    share_out(work, len(x), _product_time(x.size, kernel))
    return out


def _add_products(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Sizes,
    padding: Pairs,
    dilation: Sizes,
    groups: int,
    out: np.ndarray,
) -> None:
    window, made = kernel.shape[:-2], out.shape[1:-1]
    per_group, filters = kernel.shape[-2:]
    x = np.ascontiguousarray(x)
    limit = max(BLOCK_BYTES // (2 * x.itemsize * per_group), 1)
    scratch = np.empty(min(limit, prod(x.shape[:-1])) * per_group, x.dtype)
    for these, those in _groups(per_group * groups, filters, groups):
        matrices = np.ascontiguousarray(kernel[..., those].swapaxes(-1, -2))
        for piece in _pieces(x.shape[:-1], limit):
            part = x[piece][..., those]
            rows = part.reshape(-1, filters // groups)
            terms = scratch[: len(rows) * per_group].reshape(-1, per_group)
            spread = terms.reshape(*part.shape[:-1], per_group)
            images = out[piece[0]][..., these]
            ranges = tuple((s.start, s.stop) for s in piece[1:])
            for position, seen_by, seen in positions(window, made, ranges, strides, padding, dilation):
                np.dot(rows, matrices[position], out=terms)
                into = images[(slice(None), *seen)]
                np.add(into, spread[(slice(None), *seen_by)], out=into)


# Depthwise: each channel has filters of its own, so there is no product of matrices, only products of numbers.


def _image_blocks(x: np.ndarray, images_like: np.ndarray) -> Iterator[slice]:
    """Yield ranges of the batch small enough to stay in the cache."""
    per_image = max(x[:1].nbytes, images_like[:1].nbytes, 1)
    step = max(BLOCK_BYTES // (4 * per_image), 1)
    for start in range(0, x.shape[0], step):
        yield slice(start, start + step)


def _whole(lengths: Sizes) -> tuple[tuple[int, int], ...]:
    return tuple((0, n) for n in lengths)


def _depthwise(
    x: np.ndarray, kernel: np.ndarray, strides: Sizes, padding: Pairs, dilation: Sizes, out: np.ndarray
) -> None:
    channels, window = x.shape[-1], kernel.shape[:-2]
    filters = kernel.reshape(*window, channels, -1)
    steps = positions(window, x.shape[1:-1], _whole(out.shape[1:-1]), strides, padding, dilation)
    out.fill(0)
    result = out.reshape(*out.shape[:-1], channels, -1)
    terms = None
    for block in _image_blocks(x, out):
        values, target = x[block][..., None], result[block]
        if terms is None or terms.shape != target.shape:
            terms = np.empty(target.shape, x.dtype)
        for position, seen_by, seen in steps:
            by = (slice(None), *seen_by)
            into, term = target[by], terms[by]
            np.multiply(values[(slice(None), *seen)], filters[position], out=term)
            np.add(into, term, out=into)


def _depthwise_transpose(
    x: np.ndarray, kernel: np.ndarray, strides: Sizes, padding: Pairs, dilation: Sizes, out: np.ndarray
) -> None:
    channels, window = out.shape[-1], kernel.shape[:-2]
    filters = kernel.reshape(*window, channels, -1)
    steps = positions(window, out.shape[1:-1], _whole(x.shape[1:-1]), strides, padding, dilation)
    grouped = x.reshape(*x.shape[:-1], channels, -1)
    for block in _image_blocks(x, out):
        values, target = grouped[block], out[block]
        terms = np.empty(values.shape, x.dtype)
        for position, seen_by, seen in steps:
            np.multiply(values, filters[position], out=terms)
            term = terms[..., 0] if terms.shape[-1] == 1 else terms.sum(-1)
            into = target[(slice(None), *seen)]
            np.add(into, term[(slice(None), *seen_by)], out=into)


def _depthwise_kernel_gradient(
    x: np.ndarray, g: np.ndarray, strides: Sizes, padding: Pairs, dilation: Sizes, out: np.ndarray
) -> None:
    channels, window = x.shape[-1], out.shape[:-2]
    steps = positions(window, x.shape[1:-1], _whole(g.shape[1:-1]), strides, padding, dilation)
    grouped = g.reshape(*g.shape[:-1], channels, -1)
    for block in _image_blocks(x, g):
        values, part = x[block][..., None], grouped[block]
        scratch = np.empty(part.size, x.dtype)
        for position, seen_by, seen in steps:
            right = part[(slice(None), *seen_by)]
            terms = scratch[: right.size].reshape(right.shape)
            np.multiply(values[(slice(None), *seen)], right, out=terms)
            rows = terms.reshape(-1, out.shape[-1])
            out[position][0] += np.dot(np.ones(len(rows), x.dtype), rows)


# Pooling: the portable way, a few images at a time.


def _in_blocks(rule: Any) -> Any:
    """Make a pooling function work on a few images at a time: a window's values are read again while in the cache."""

    @wraps(rule)
    def wrapper(*arrays: Any, out: np.ndarray | None = None, **params: Any) -> np.ndarray:
        largest = max(arrays, key=_nbytes)
        count = largest.shape[0]
        step = max(BLOCK_BYTES // max(largest[:1].nbytes, 1), 1)
        if step >= count:
            return rule(np, *arrays, out=out, **params)
        done = 0
        if out is None:
            # The first block tells the shape.
            first = rule(np, *[a[:step] for a in arrays], **params)
            out = np.empty((count, *first.shape[1:]), first.dtype)
            out[:step] = first
            done = step
        result = out

        def work(part: slice) -> None:
            for start in range(part.start + done, part.stop + done, step):
                block = slice(start, min(start + step, part.stop + done))
                rule(np, *[a[block] for a in arrays], out=result[block], **params)

        share_out(work, count - done, largest.size / 2e3)
        return out

    return wrapper


def _nbytes(array: np.ndarray) -> int:
    return array.nbytes


max_pool = _in_blocks(portable.max_pool)
max_pool_route = _in_blocks(portable.max_pool_route)
max_pool_pick = _in_blocks(portable.max_pool_pick)
average_pool = _in_blocks(portable.average_pool)
average_pool_transpose = _in_blocks(portable.average_pool_transpose)

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
