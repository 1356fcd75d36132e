"""Convolution and pooling on a GPU, as kernels and matrix products.

- A convolution writes what its windows see as the rows of a matrix and multiplies that by its kernel, some rows after
  another so that the matrix stays small. Where the image is such a matrix already, the product is all there is to do.
- Where the sums are short (few channels and a small window, or a group for each channel) a kernel computes them
  directly.
- Its transpose multiplies first and then gathers what each place gets; or it is a convolution with the kernel turned
  around, where that moves fewer bytes.
- The gradient of its kernel is the product of the same matrix, transposed, with the gradient; or sums in slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from kerasish.compiler.executors.cuda import window_sources as sources
from kerasish.compiler.executors.cuda.steps import Launch, Matrix, Product, Step
from kerasish.compiler.executors.cuda.window_sources import Element, Source, Windows
from kerasish.compiler.graph import Op, Value
from kerasish.devices.windows import resolve_padding

SCRATCH_BYTES = 64 << 20
"""How much of a matrix of patches there is at a time."""

SHORT_SUM = 32
"""Sums of at most so many products are computed directly."""

_ROWS_OF_A_THREAD = 8
_MOST_MULTIPLIED = 8
_POOLS = {"max_pool", "max_pool_route", "max_pool_pick", "average_pool", "average_pool_transpose"}
_CONVOLUTIONS = {"conv", "conv_transpose", "conv_kernel_gradient"}

Lowered = tuple[list[Step], list[Value]]


def lower_windows(op: Op) -> Lowered | None:
    """Return the steps for a convolution or a pooling, and the scratch values that they use.

    Args:
        op: An operation of a graph.

    Returns:
        The steps and the scratch; None where the operation is no such thing or not one of floats of one type.
    """
    name = op.prim.name
    if name not in _CONVOLUTIONS | _POOLS or any(type(x) is not Value for x in op.inputs):
        return None
    out = op.output
    e = sources.element(out.dtype)
    if e is None or any(v.dtype != out.dtype for v in op.values):
        return None
    if not out.size:
        return [], []
    if not all(v.size for v in op.values):
        source = sources.zeros(out.nbytes)
        return [_launch(source, [], [out], f"{name} of nothing")], []
    g = _windows(op)
    if name in _POOLS:
        return [_launch(getattr(sources, name)(g, e), list(op.inputs), [out], name)], []
    return _LOWERINGS[name](op, g, e)


def _windows(op: Op) -> Windows:
    """Return the sizes of an operation."""
    name, p = op.prim.name, op.params
    groups = 1
    if name in _POOLS:
        image = (
            op.output
            if name == "average_pool_transpose"
            else op.inputs[name != "max_pool" and name[:3] == "max"]
        )
        made = op.inputs[0] if name in ("max_pool_route", "average_pool_transpose") else op.output
        window, dilation = p["window"], (1,) * len(p["window"])
    else:
        first, second = op.inputs
        image, made = {
            "conv": (first, op.output),
            "conv_transpose": (op.output, first),
            "conv_kernel_gradient": (first, second),
        }[name]
        window = p["window"] if name == "conv_kernel_gradient" else second.shape[:-2]
        dilation, groups = p["dilation"], p["groups"]
    lengths = image.shape[1:-1]
    padding = resolve_padding(p["padding"], lengths, window, p["strides"], dilation)
    return Windows(
        image.shape[0],
        lengths,
        image.shape[-1],
        made.shape[1:-1],
        made.shape[-1],
        tuple(window),
        tuple(p["strides"]),
        tuple(low for low, _ in padding),
        tuple(dilation),
        groups,
    )


def _launch(source: Source, read: list[Value], written: list[Value], name: str, *more: Value) -> Launch:
    return Launch(source.text, source.grid, source.block, [*read, *written, *more], written, name)


def _numbers(count: int, at_a_time: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the length of each part of `count` things."""
    at_a_time = max(min(at_a_time, count), 1)
    for start in range(0, count, at_a_time):
        yield start, min(at_a_time, count - start)


def _start(number: int) -> list[Value]:
    """Return what tells a kernel where its part starts: an array, so that all parts share one source."""
    return [Value((1,), np.dtype(np.int64), "constant", np.array([number], np.int64))] if number else []


def _is_product(g: Windows) -> bool:
    """Tell whether each window sees one place, the one of its own number."""
    return g.positions == 1 and g.lengths == g.outputs and not any(g.lows) and set(g.strides) == {1}


def _is_whole(g: Windows) -> bool:
    """Tell whether an image is one window, so that its values side by side are a row of patches."""
    return (
        g.groups == 1
        and prod(g.outputs) == 1
        and g.window == g.lengths
        and not any(g.lows)
        and all(d == 1 or w == 1 for d, w in zip(g.dilation, g.window, strict=True))
    )


def _by_channel(g: Windows) -> bool:
    return g.groups > 1 and g.group_channels == 1


def _row_stride(g: Windows, nbytes: int) -> int:
    """Return the elements from one row of patches to the next: products want rows that start at 16 bytes."""
    width = g.groups * g.depth
    step = 16 // nbytes
    return width if g.groups > 1 else -(-width // step) * step


def _kernel_matrix(g: Windows, kernel: Value, first: int = 0, count: int | None = None) -> Matrix:
    """Return the positions of a kernel from `first` on as a matrix, position and channel by filter, a group each."""
    rows = g.depth if count is None else count * g.group_channels
    return Matrix(
        kernel, rows, g.group_filters, g.filters, first * g.group_channels * g.filters, g.group_filters
    )


def _results(g: Windows, value: Value, start: int, rows: int) -> Matrix:
    """Return rows of what the windows make, a group each."""
    return Matrix(value, rows, g.group_filters, g.filters, start * g.filters, g.group_filters)


def _patches(
    g: Windows, x: Value, dtype: np.dtype
) -> Iterator[tuple[list[Step], Matrix, int, int, list[Value]]]:
    """Yield patches part by part: the steps that write them, the matrix, its first row, its rows, new scratch."""
    if _is_product(g):
        matrix = Matrix(x, g.rows, g.group_channels, g.channels, 0, g.group_channels)
        yield [], matrix, 0, g.rows, []
        return
    if _is_whole(g):
        yield [], Matrix(x, g.rows, g.depth, g.depth), 0, g.rows, []
        return
    stride = _row_stride(g, dtype.itemsize)
    parts = list(_numbers(g.rows, SCRATCH_BYTES // (stride * dtype.itemsize)))
    room = Value((parts[0][1], stride), dtype)
    for start, rows in parts:
        source = sources.patches(g, rows, stride, dtype.itemsize, not start)
        step = _launch(source, [x], [room], "patches", *_start(start))
        matrix = Matrix(room, rows, g.depth, stride, 0, g.depth)
        yield [step], matrix, start, rows, [] if start else [room]


def _conv(op: Op, g: Windows, e: Element) -> Lowered:
    x, kernel = op.inputs
    if _by_channel(g) or (g.depth <= SHORT_SUM and not (_is_product(g) or _is_whole(g))):
        return [_launch(sources.direct(g, e), [x, kernel], [op.output], "direct conv")], []
    return _multiplied(g, x, _kernel_matrix(g, kernel), op.output)


def _multiplied(g: Windows, x: Value, kernel: Matrix, out: Value) -> Lowered:
    """Return the steps of a convolution: patches times the kernel."""
    steps: list[Step] = []
    scratch: list[Value] = []
    for written, matrix, start, rows, room in _patches(g, x, out.dtype):
        scratch += room
        steps += written
        steps.append(Product(_results(g, out, start, rows), matrix, kernel, g.groups, name="conv"))
    return steps, scratch


def _conv_transpose(op: Op, g: Windows, e: Element) -> Lowered:
    x, kernel = op.inputs
    out = op.output
    if _by_channel(g) and g.group_filters <= _MOST_MULTIPLIED:
        return [_launch(sources.direct_transpose(g, e), [x, kernel], [out], "direct conv_transpose")], []
    turned = _kernel_matrix(g, kernel)._replace(transposed=True)
    if _is_product(g) or _is_whole(g):
        columns = g.group_channels * (1 if _is_product(g) else g.positions)
        to = Matrix(out, g.rows, columns, g.groups * columns, 0, columns)
        return [Product(to, _results(g, x, 0, g.rows), turned, g.groups, name="conv_transpose")], []
    if set(g.strides) == {1} and g.images * g.filters < g.rows * g.channels:
        room = Value((g.groups, g.positions, g.group_filters, g.group_channels), out.dtype)
        turn = _launch(sources.turned_kernel(g, e), [kernel], [room], "turn kernel")
        depth = g.positions * g.group_filters
        matrix = Matrix(room, depth, g.group_channels, g.group_channels, 0, depth * g.group_channels)
        steps, scratch = _multiplied(g.turned(), x, matrix, out)
        return [turn, *steps], [room, *scratch]
    return _gathered(g, x, kernel, out, e)


def _gathered(g: Windows, x: Value, kernel: Value, out: Value, e: Element) -> Lowered:
    """Return the steps of a transposed convolution: entries for each window and position, and their sums by place."""
    windows = prod(g.outputs)
    width = g.groups * g.group_channels
    images = max(SCRATCH_BYTES // (windows * width * g.positions * out.dtype.itemsize), 1)
    positions = g.positions
    if images == 1:  # an image's entries may be too many, then some positions go after others
        positions = SCRATCH_BYTES // (windows * width * out.dtype.itemsize)
    steps: list[Step] = []
    room: Value | None = None
    for image, count in _numbers(g.batch, images):
        for first, places in _numbers(g.positions, positions):
            part = _kernel_matrix(g, kernel, first, places)._replace(transposed=True)
            columns = places * g.group_channels
            room = room or Value((count * windows, width * places), out.dtype)
            to = Matrix(room, count * windows, columns, g.groups * columns, 0, columns)
            results = _results(g, x, image * windows, count * windows)
            source = sources.gathered(g, count, first, places, g.groups * columns, e, not image)
            steps.append(Product(to, results, part, g.groups, name="conv_transpose"))
            steps.append(_launch(source, [room], [out], "gather entries", *_start(image)))
    return steps, [room] if room else []


def _conv_kernel_gradient(op: Op, g: Windows, e: Element) -> Lowered:
    x, slope = op.inputs
    out = op.output
    if _by_channel(g) or (g.depth <= SHORT_SUM and not (_is_product(g) or _is_whole(g))):
        return _in_slices(g, x, slope, out, e)
    parts = list(_patches(g, x, out.dtype))
    into = out
    scratch: list[Value] = []
    if len(parts) > 1 and out.dtype.itemsize == 2:  # sums of sums are not rounded to halves
        into = Value(out.shape, np.dtype(np.float32))
        scratch.append(into)
    to = _kernel_matrix(g, into)
    steps: list[Step] = []
    for written, matrix, start, rows, room in parts:
        scratch += room
        steps += written
        left = matrix._replace(transposed=True)
        right = _results(g, slope, start, rows)
        steps.append(Product(to, left, right, g.groups, accumulate=start > 0, name="conv_kernel_gradient"))
    if into is not out:
        steps.append(_launch(sources.stored(out.size, e), [into], [out], "round sums"))
    return steps, scratch


def _in_slices(g: Windows, x: Value, slope: Value, out: Value, e: Element) -> Lowered:
    """Return the steps that sum a kernel's gradient in slices, then the slices."""
    strips = -(-g.filters // 32)
    warps = sources.BLOCK // 32
    slices = max(min(sources.SLICES // strips, g.rows // (warps * _ROWS_OF_A_THREAD)), 1)
    dtype = np.dtype(np.float64 if e.summed == "double" else np.float32)
    tile = sources.gradient_tile(e)
    room = Value((min(tile, g.depth) * g.filters, slices), dtype)
    steps: list[Step] = []
    for first, count in _numbers(g.depth, tile):
        source = sources.gradient_slices(g, first, count, slices, e)
        steps.append(_launch(source, [x, slope], [room], "sum slices"))
        source = sources.summed_slices(count * g.filters, first * g.filters, slices, e)
        steps.append(_launch(source, [room], [out], "sum of slices"))
    return steps, [room]


_LOWERINGS = {"conv": _conv, "conv_transpose": _conv_transpose, "conv_kernel_gradient": _conv_kernel_gradient}

__all__ = ["lower_windows"]
