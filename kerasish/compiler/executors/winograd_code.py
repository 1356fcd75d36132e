"""Code generation for convolutions with windows of 3 x 3 by Winograd's algorithm: 4 products where there were 9.

Two outputs in a row of a window of three need four multiplications instead of six, if the four inputs that they see and
the three weights are transformed before: `y = A^T (G k * B^T d)`. In two axes, a tile of 2 x 2 outputs needs 16 instead
of 36. (Lavin and Gray, 2015, "Fast algorithms for convolutional neural networks".) All transforms are sums and
differences, and halves of weights, so results are about as precise as those of the plain sum. What is multiplied are,
for each of the 16 places of a tile, a matrix of tiles and channels and one of channels and filters.

The gradient of a kernel is the same the other way round: `dk = G^T (A dy * B^T d)`, summed over all tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from kerasish.compiler.executors.window_code import (
    Finish,
    Pair,
    Vectors,
    WindowFunction,
    Windows,
    divisors,
    even_steps,
)

PLACES = 16
"""How many numbers a tile becomes for a channel or a filter."""
_ROOM_BYTES = 1 << 18
"""How much is transformed before it is multiplied: it stays in the cache of a processor."""
_LINE = 64
_KERNEL_TURNS = 150
"""Turns of the processor that the transform of a vector of weights takes."""
_SLACK = 0.85
"""How much of the time of the plain sum it may take at most to be worth the memory."""


@dataclass(frozen=True)
class Tiling:
    """How a convolution is cut into tiles.

    Attributes:
        windows: Its sizes, with as much padding as makes whole tiles.
        tiles: Tiles of 2 x 2 outputs along height and width.
        rows: Rows of tiles that are transformed at a time; all, where several images are.
        images: Images that are transformed at a time.
        step: How many tiles (for a gradient, channels) and how many vectors of filters are multiplied at a time.
        seen: How far apart the matrices of inputs are, one for each place of a tile.
        made: How far apart the matrices of outputs are.
    """

    windows: Windows
    tiles: Pair
    rows: int
    images: int
    step: Pair
    seen: int
    made: int

    @property
    def padded(self) -> int:
        """How many numbers an image has with its padding; zero where it needs no copy."""
        return prod(self.windows.padded) * self.windows.channels if self.windows.is_padded else 0

    @property
    def room(self) -> int:
        """How many numbers there must be room for: an image, one output without a place, and the matrices."""
        return self.padded + self.windows.filters + PLACES * (self.seen + self.made) + _LINE


def tiling(windows: Windows, vectors: Vectors, itemsize: int, gradient: bool = False) -> Tiling | None:
    """Return how to cut a convolution, or the gradient of its kernel, into tiles; None where it would not pay."""
    c, filters, lanes = windows.channels, windows.filters, vectors.lanes
    if windows.window != (3, 3) or windows.strides != (1, 1) or windows.dilation != (1, 1) or c % lanes:
        return None
    tiles = ((windows.outputs[0] + 1) // 2, (windows.outputs[1] + 1) // 2)
    # In turns of the processor, two products of vectors each.
    products = PLACES * c * filters / lanes / 2
    transforms = (20 * c + (20 if gradient else 30) * filters) / lanes
    outputs, all_tiles = windows.count * prod(windows.outputs), windows.count * prod(tiles)
    turns = all_tiles * (1.08 * products + transforms) + _KERNEL_TURNS * c * filters / lanes
    if turns > _SLACK * outputs * products * 9 / PLACES:
        return None
    (top, _), (left, _) = windows.padding
    (h, w), (down, across) = windows.lengths, tiles
    whole = replace(windows, padding=((top, 2 * down + 2 - h - top), (left, 2 * across + 2 - w - left)))
    limit = max(_ROOM_BYTES // (PLACES * itemsize * (c + filters)), 1)
    rows = max(d for d in divisors(down) if d == 1 or d * across <= limit)
    images = max(min(limit // (down * across), windows.count), 1) if rows == down else 1
    p, v = step = _step(c if gradient else images * rows * across, filters // lanes, vectors)
    most = -(-images * rows * across // p) * p if not gradient else images * rows * across
    return Tiling(
        whole, tiles, rows, images, step, _apart(most * c, itemsize), _apart(most * filters, itemsize)
    )


def _step(rows: int, blocks: int, vectors: Vectors) -> Pair:
    """Return how many rows and vectors of a product to keep in registers."""

    def cost(step: Pair) -> float:
        p, v = step
        return -(-rows // p) * (blocks // v) * (max(p * v, 8) + (p + v) / 2)

    steps = [(p, v) for v in divisors(blocks) for p in range(1, 13) if p * v + v + 1 <= vectors.registers]
    return min(steps, key=cost)


def _apart(count: int, itemsize: int) -> int:
    """Return a distance of matrices at which the same places of them do not share a set of the cache."""
    line = _LINE // itemsize
    return (-(-count // line) | 1) * line


# Transforms along one axis


def _inputs(f: WindowFunction, d: Sequence[str]) -> list[str]:
    """B^T d."""
    return [f.minus(d[0], d[2]), f.plus(d[1], d[2]), f.minus(d[2], d[1]), f.minus(d[1], d[3])]


def _weights(f: WindowFunction, k: Sequence[str]) -> list[str]:
    """G k."""
    ends, half = f.plus(k[0], k[2]), f.spread(f.const(0.5, f.dtype))
    return [k[0], f.times(half, f.plus(ends, k[1])), f.times(half, f.minus(ends, k[1])), k[2]]


def _outputs(f: WindowFunction, m: Sequence[str]) -> list[str]:
    """A^T m."""
    return [f.plus(m[0], f.plus(m[1], m[2])), f.minus(f.minus(m[1], m[2]), m[3])]


def _outputs_back(f: WindowFunction, y: Sequence[str]) -> list[str]:
    """A y."""
    return [y[0], f.plus(y[0], y[1]), f.minus(y[0], y[1]), f.minus("zeroinitializer", y[1])]


def _weights_back(f: WindowFunction, u: Sequence[str]) -> list[str]:
    """G^T u."""
    half = f.spread(f.const(0.5, f.dtype))
    return [
        f.plus(u[0], f.times(half, f.plus(u[1], u[2]))),
        f.times(half, f.minus(u[1], u[2])),
        f.plus(f.times(half, f.plus(u[1], u[2])), u[3]),
    ]


def _both_axes(f: WindowFunction, along: object, square: Sequence[Sequence[str]]) -> list[str]:
    """Transform along both axes and return the results row by row."""
    columns = [along(f, column) for column in zip(*square, strict=True)]  # type: ignore[operator]
    return [x for row in zip(*columns, strict=True) for x in along(f, row)]  # type: ignore[operator]


# Kernels


def transform_kernel(f: WindowFunction, c: int, filters: int, kernel: str, out: str, turned: bool) -> None:
    """Write the transform of a kernel, 16 matrices of channels and filters, shared out by channels.

    Args:
        f: The function under way.
        c: Channels that the convolution reads.
        filters: Channels that it makes.
        kernel: Where the kernel is.
        out: Where its transform goes.
        turned: Whether the kernel is turned around, and has its last two axes the other way round.
    """
    size = c * filters
    with f.parts_of_batch() as i, f.loop(str(filters // f.lanes)) as block:
        if turned:
            at = f.at(kernel, (i, 1), (block, f.lanes * c))
            taps = [f.gather(at, t * size, c) for t in reversed(range(9))]
        else:
            at = f.at(kernel, (i, filters), (block, f.lanes))
            taps = [f.get(f.at(at, offset=t * size)) for t in range(9)]
        to = f.at(out, (i, filters), (block, f.lanes))
        for place, u in enumerate(_both_axes(f, _weights, [taps[0:3], taps[3:6], taps[6:9]])):
            f.put(u, f.at(to, offset=place * size))


def transform_gradient_back(
    f: WindowFunction, c: int, filters: int, parts: int, given: str, out: str
) -> None:
    """Write the gradient of a kernel, given what all parts of the batch gave for its transform, by channels."""
    size = c * filters
    with f.parts_of_batch() as i, f.loop(str(filters // f.lanes)) as block:
        at = f.at(given, (i, filters), (block, f.lanes))
        totals = []
        for place in range(PLACES):
            total = f.get(f.at(at, offset=place * size))
            for part in range(1, parts):
                total = f.plus(total, f.get(f.at(at, offset=(part * PLACES + place) * size)))
            totals.append(total)
        to = f.at(out, (i, filters), (block, f.lanes))
        for tap, k in enumerate(_both_axes(f, _weights_back, [totals[4 * r : 4 * r + 4] for r in range(4)])):
            f.put(k, f.at(to, offset=tap * size))


# Convolution


class _Room:
    """Where the parts of a thread's room are."""

    def __init__(self, f: WindowFunction, t: Tiling):
        line = _LINE // f.dtype.itemsize
        matrices = -(-(t.padded + t.windows.filters) // line) * line
        self.spare = f.at(f.arrays[-1], offset=t.padded)
        self.seen = f.at(f.arrays[-1], offset=matrices)
        self.made = f.at(f.arrays[-1], offset=matrices + PLACES * t.seen)


def convolution(f: WindowFunction, t: Tiling, finish: Finish, x: str, kernel: str, out: str) -> None:
    """Write a convolution with a transformed kernel, shared out by images."""
    room = _Room(f, t)
    f.clear_border(t.windows)

    def before(n: str, image: str, tile: str, row: str) -> None:
        _see(f, t, image, room, tile, row)

    def after(n: str, tile: str, row: str) -> None:
        _make(f, t, room, finish, f.at(out, (n, prod(t.windows.outputs) * t.windows.filters)), tile, row)

    _in_blocks(f, t, x, f.start, f.parts, before, lambda tiles: _multiply(f, t, room, kernel, tiles), after)


def _in_blocks(
    f: WindowFunction,
    t: Tiling,
    x: str,
    start: str,
    images: str,
    before: Callable[[str, str, str, str], None],
    between: Callable[[str], None],
    after: Callable[[str, str, str], None] | None,
) -> None:
    """Write what is done for each block of tiles: before the products, the products, and after them.

    `before` and `after` get the number of an image, and of the block's first tile and first row in it; `before` the
    image as well, and `between` how many tiles there are.
    """
    down, across = t.tiles
    if t.images == 1:
        with f.loop(images) as i:
            n = f.name(f"add nsw i64 {start}, {i}")
            image = f.image(x, n, t.windows)
            with f.loop(str(down // t.rows)) as band:
                row = f.sum_of_products([(band, t.rows)])
                before(n, image, "0", row)
                between(str(t.rows * across))
                if after is not None:
                    after(n, "0", row)
        return
    more = f.sum_of_products([(images, 1)], t.images - 1)
    with f.loop(f.name(f"udiv i64 {more}, {t.images}")) as group:
        done = f.sum_of_products([(group, t.images)])
        count = f.integer("min", f.name(f"sub nsw i64 {images}, {done}"), t.images)
        first = f.name(f"add nsw i64 {start}, {done}")
        with f.loop(count) as i:
            n = f.name(f"add nsw i64 {first}, {i}")
            before(n, f.image(x, n, t.windows), f.sum_of_products([(i, down * across)]), "0")
        between(f.sum_of_products([(count, down * across)]))
        if after is not None:
            with f.loop(count) as i:
                after(f.name(f"add nsw i64 {first}, {i}"), f.sum_of_products([(i, down * across)]), "0")


def _see(f: WindowFunction, t: Tiling, image: str, room: _Room, tile: str, row: str) -> None:
    """Transform the inputs of a block's tiles."""
    c, width = t.windows.channels, t.windows.padded[1]
    with f.loops(t.rows, t.tiles[1], c // f.lanes) as (i, j, block):
        at = f.at(image, (row, 2 * width * c), (i, 2 * width * c), (j, 2 * c), (block, f.lanes))
        square = [[f.get(f.at(at, offset=(a * width + b) * c)) for b in range(4)] for a in range(4)]
        to = f.at(room.seen, (tile, c), (i, t.tiles[1] * c), (j, c), (block, f.lanes))
        for place, v in enumerate(_both_axes(f, _inputs, square)):
            f.put(v, f.at(to, offset=place * t.seen))


def _multiply(f: WindowFunction, t: Tiling, room: _Room, kernel: str, tiles: str) -> None:
    """Multiply tiles and channels by channels and filters, for each place. (A few rows more are multiplied in vain.)"""
    (p, v), c, filters = t.step, t.windows.channels, t.windows.filters
    rounds = f.name(f"udiv i64 {f.sum_of_products([(tiles, 1)], p - 1)}, {p}")
    with f.loops(PLACES, filters // (f.lanes * v)) as (place, block):
        weights = f.at(kernel, (place, c * filters), (block, f.lanes * v))
        with f.loop(rounds) as i:
            seen = f.at(room.seen, (place, t.seen), (i, p * c))
            sums = f.sums(p, v)
            with f.loop(str(c)) as k:
                vectors = [f.get(f.at(weights, (k, filters)), j) for j in range(v)]
                at = f.at(seen, (k, 1))
                for a in range(p):
                    value = f.spread(f.load(f.at(at, offset=a * c), "0", f.dtype))
                    for b in range(v):
                        f.add_product(sums[a][b], value, vectors[b])
            made = f.at(room.made, (place, t.made), (i, p * filters), (block, f.lanes * v))
            for a in range(p):
                for b in range(v):
                    f.put(f.get(sums[a][b]), f.at(made, offset=a * filters), b)


def _corners(f: WindowFunction, t: Tiling, array: str, room: _Room, row: str, i: str, j: str) -> list[str]:
    """Return where the four outputs of a tile are; those beyond the edge have a spare place."""
    (height, width), filters = t.windows.outputs, t.windows.filters
    top, left = f.sum_of_products([(row, 2), (i, 2)]), f.sum_of_products([(j, 2)])
    at = f.at(array, (top, width * filters), (left, filters))
    below = f.name(f"icmp slt i64 {top}, {height - 1}") if height % 2 else ""
    beside = f.name(f"icmp slt i64 {left}, {width - 1}") if width % 2 else ""
    both = f.name(f"and i1 {below}, {beside}") if below and beside else below or beside
    corners = [at]
    for there, offset in ((beside, 1), (below, width), (both, width + 1)):
        corner = f.at(at, offset=offset * filters)
        corners.append(f.name(f"select i1 {there}, ptr {corner}, ptr {room.spare}") if there else corner)
    return corners


def _make(f: WindowFunction, t: Tiling, room: _Room, finish: Finish, out: str, tile: str, row: str) -> None:
    """Transform products into outputs."""
    filters = t.windows.filters
    with f.loops(t.rows, t.tiles[1]) as (i, j):
        corners = _corners(f, t, out, room, row, i, j)
        made = f.at(room.made, (tile, filters), (i, t.tiles[1] * filters), (j, filters))
        with f.loop(str(filters // f.lanes)) as block:
            at = f.at(made, (block, f.lanes))
            (bias,) = finish.biases(f, block, 1)
            m = [f.get(f.at(at, offset=place * t.made)) for place in range(PLACES)]
            for y, corner in zip(
                _both_axes(f, _outputs, [m[4 * r : 4 * r + 4] for r in range(4)]), corners, strict=True
            ):
                f.put(finish.apply(f, y, bias), f.at(corner, (block, f.lanes)))


# Gradient of the kernel


def kernel_gradient(f: WindowFunction, t: Tiling, parts: int, x: str, g: str, out: str) -> None:
    """Write what each part of the batch gives for the transform of a kernel's gradient, shared out by parts."""
    room, windows = _Room(f, t), t.windows
    size = windows.channels * windows.filters
    f.clear_border(windows)
    f.fill(room.spare, windows.filters)
    with f.loop(f.parts) as i:
        part = f.name(f"add nsw i64 {f.start}, {i}")
        total = f.at(out, (part, PLACES * size))
        f.fill(total, PLACES * size)
        bounds = [
            f.name(f"udiv i64 {f.sum_of_products([(part, windows.count)], a)}, {parts}")
            for a in (0, windows.count)
        ]

        def before(n: str, image: str, tile: str, row: str) -> None:
            _see(f, t, image, room, tile, row)
            _see_gradient(f, t, f.at(g, (n, prod(windows.outputs) * windows.filters)), room, tile, row)

        images = f.name(f"sub nsw i64 {bounds[1]}, {bounds[0]}")
        _in_blocks(f, t, x, bounds[0], images, before, lambda tiles: _add(f, t, room, total, tiles), None)


def _see_gradient(f: WindowFunction, t: Tiling, g: str, room: _Room, tile: str, row: str) -> None:
    """Transform the outputs' gradients of a block's tiles."""
    filters = t.windows.filters
    with f.loops(t.rows, t.tiles[1]) as (i, j):
        corners = _corners(f, t, g, room, row, i, j)
        to = f.at(room.made, (tile, filters), (i, t.tiles[1] * filters), (j, filters))
        with f.loop(str(filters // f.lanes)) as block:
            y = [f.get(f.at(corner, (block, f.lanes))) for corner in corners]
            at = f.at(to, (block, f.lanes))
            for place, m in enumerate(_both_axes(f, _outputs_back, [y[0:2], y[2:4]])):
                f.put(m, f.at(at, offset=place * t.made))


def _add(f: WindowFunction, t: Tiling, room: _Room, total: str, tiles: str) -> None:
    """Add the product of channels and tiles with tiles and filters to the total, for each place."""
    (p, v), c, filters = t.step, t.windows.channels, t.windows.filters
    with f.loops(PLACES, filters // (f.lanes * v)) as (place, block):
        made = f.at(room.made, (place, t.made), (block, f.lanes * v))
        for width, count, first in even_steps(c, p):
            with f.loop(str(count)) as i:
                seen = f.at(room.seen, (place, t.seen), (i, width), offset=first)
                into = f.at(
                    total,
                    (place, c * filters),
                    (i, width * filters),
                    (block, f.lanes * v),
                    offset=first * filters,
                )
                sums = f.sums(width, v)
                with f.loop(tiles) as k:
                    vectors = [f.get(f.at(made, (k, filters)), j) for j in range(v)]
                    at = f.at(seen, (k, c))
                    for a in range(width):
                        value = f.spread(f.load(f.at(at, offset=a), "0", f.dtype))
                        for b in range(v):
                            f.add_product(sums[a][b], value, vectors[b])
                for a in range(width):
                    to = f.at(into, offset=a * filters)
                    for b in range(v):
                        f.put(f.plus(f.get(to, b), f.get(sums[a][b])), to, b)


__all__ = [
    "PLACES",
    "Tiling",
    "convolution",
    "kernel_gradient",
    "tiling",
    "transform_gradient_back",
    "transform_kernel",
]
