"""Code generation for sliding windows on CPUs: convolution and pooling as LLVM IR.

A convolution keeps a tile of sums in vector registers, some outputs times some vectors of filters, and runs through
all that their windows see: each value is spread over a vector once for all filters, each vector of weights is read
once for all outputs. Nothing is packed into matrices; only images with padding are copied, one at a time, into memory
that has zeros around them, so that there are no edges. (Georganas et al., 2018, "Anatomy of high-performance deep
learning convolutions on SIMD architectures".)

Every function is `void (ptr table)`. The table holds the addresses of the arrays, then of memory for one padded image,
and then the first part of the work to do and the first to leave, as integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil, prod

import numpy as np

from kerasish.compiler.executors.ir import VectorFunction

Pair = tuple[int, int]

_LATENCY = 8
"""Sums that must be under way for the next addition not to wait for the last."""
_BLOCK_BYTES = 1 << 16
"""How much of a gradient is read again and again before the next rows are."""


@dataclass(frozen=True)
class Vectors:
    """What the processor computes with.

    Attributes:
        lanes: Numbers in a vector.
        registers: Vectors that it holds.
        threads: How many processors there are.
    """

    lanes: int
    registers: int
    threads: int


@dataclass(frozen=True)
class Windows:
    """The sizes of a convolution or a pooling, with two spatial axes.

    Attributes:
        count: Images.
        lengths: Height and width of the input.
        channels: Channels of the input.
        outputs: Height and width of the output.
        filters: Channels of the output.
        window: Height and width of the window.
        strides: How far windows are apart.
        dilation: How far apart the inputs are that a window sees.
        padding: What is added to the input before and after each axis; negative where it is cut off.
    """

    count: int
    lengths: Pair
    channels: int
    outputs: Pair
    filters: int
    window: Pair
    strides: Pair
    dilation: Pair
    padding: tuple[Pair, Pair]

    @property
    def is_padded(self) -> bool:
        return any(self.padding[0] + self.padding[1])

    @property
    def padded(self) -> Pair:
        """Height and width with padding."""
        (h, w), ((top, bottom), (left, right)) = self.lengths, self.padding
        return h + top + bottom, w + left + right

    @property
    def run(self) -> int:
        """How many values that a window sees lie next to each other in memory."""
        return self.channels * (self.window[1] if self.dilation[1] == 1 else 1)

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """The axes along which a window has such runs: how many, and how far they are apart."""
        row = self.padded[1] * self.channels
        rows = (self.window[0], self.dilation[0] * row)
        return (
            (rows,) if self.dilation[1] == 1 else (rows, (self.window[1], self.dilation[1] * self.channels))
        )

    @property
    def is_strided(self) -> bool:
        return self.strides != (1, 1)

    def without_unseen(self) -> Windows:
        """Return a convolution's sizes without padding, and without cropping, after what the last windows see."""
        padding = tuple(
            (low, max((o - 1) * s + (k - 1) * d + 1 - low - n, 0))
            for n, o, k, s, d, (low, _) in zip(
                self.lengths,
                self.outputs,
                self.window,
                self.strides,
                self.dilation,
                self.padding,
                strict=True,
            )
        )
        return replace(self, padding=padding)


@dataclass(frozen=True)
class Finish:
    """What is done to a convolution's outputs before they are written.

    Attributes:
        bias: The address of what is added, one number a filter; empty where nothing is.
        rectify: Whether what is below zero becomes zero.
    """

    bias: str = ""
    rectify: bool = False

    def biases(self, f: WindowFunction, block: str, v: int) -> list[str]:
        """Return what is added to each of `v` vectors of filters; empty names where nothing is."""
        if not self.bias:
            return [""] * v
        at = f.at(self.bias, (block, f.lanes * v))
        return [f.get(at, j) for j in range(v)]

    def apply(self, f: WindowFunction, x: str, bias: str) -> str:
        """Return what is written in place of a vector."""
        x = f.plus(x, bias) if bias else x
        return f.rectified(x) if self.rectify else x


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def even_steps(n: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Divide `n` into nearly equal steps of at most `most`: yield lengths, how many there are, and where they start."""
    rounds = ceil(n / most)
    short = n // rounds
    longer = n - rounds * short  # so many steps are longer by one
    if longer:
        yield short + 1, longer, 0
    yield short, rounds - longer, longer * (short + 1)


def _tile(windows: Windows, vectors: Vectors) -> Pair:
    """Return how many outputs and how many vectors of filters to compute at a time."""
    total, columns = windows.filters // vectors.lanes, windows.outputs[1]

    def cost(tile: Pair) -> float:
        p, v = tile
        rounds = ceil(columns / p)
        sums = max(columns * v, _LATENCY * rounds)
        return total // v * (sums + (columns + rounds * v) / 2)

    tiles = [
        (p, v) for v in divisors(total) for p in range(1, columns + 1) if p * v + v + 1 <= vectors.registers
    ]
    return min(tiles, key=cost)


class WindowFunction(VectorFunction):
    """A function under way that goes over images, with memory for one that has zeros around it."""

    def clear_border(self, windows: Windows) -> None:
        if windows.is_padded:
            self.fill(self.arrays[-1], prod(windows.padded) * windows.channels)

    def image(self, x: str, n: str, windows: Windows) -> str:
        """Return where image `n` is, its padding included."""
        (h, w), c = windows.lengths, windows.channels
        source = self.at(x, (n, h * w * c))
        if not windows.is_padded:
            return source
        (top, bottom), (left, right) = windows.padding
        rows, columns = h + min(top, 0) + min(bottom, 0), w + min(left, 0) + min(right, 0)
        row, target = windows.padded[1] * c, self.arrays[-1]
        with self.loop(str(rows)) as i:
            to = self.at(target, (i, row), offset=max(top, 0) * row + max(left, 0) * c)
            start = self.at(source, (i, w * c), offset=max(-top, 0) * w * c + max(-left, 0) * c)
            with self.loop(str(columns * c), parallel=True) as j:
                self.store(self.load(start, j, self.dtype), to, j)
        return target


def correlation(
    f: WindowFunction, windows: Windows, vectors: Vectors, finish: Finish, x: str, kernel: str, out: str
) -> None:
    """Write a convolution without groups, shared out by rows of the outputs."""
    p, v = _tile(windows, vectors)
    lanes, filters, c = vectors.lanes, windows.filters, windows.channels
    rows, columns = windows.outputs
    row, step = windows.padded[1] * c * windows.strides[0], windows.strides[1] * c
    f.clear_border(windows)
    with f.rows_of_batch(rows) as (n, first_row, count_of_rows):
        image = f.image(x, n, windows)
        with f.loop(str(filters // (lanes * v))) as block, f.loop(count_of_rows) as i:
            o = f.name(f"add nsw i64 {first_row}, {i}")
            weights, biases = f.at(kernel, (block, lanes * v)), finish.biases(f, block, v)
            into = f.at(out, (n, rows * columns * filters), (o, columns * filters), (block, lanes * v))
            for width, count, first in even_steps(columns, p):
                with f.loop(str(count)) as t:
                    seen = f.at(image, (o, row), (t, width * step), offset=first * step)
                    sums = _sums_over_window(f, windows, seen, weights, width, v, step)
                    made = f.at(into, (t, width * filters), offset=first * filters)
                    _put_sums(f, sums, made, filters, finish, biases)


def turn_kernel(f: WindowFunction, windows: Windows, kernel: str, out: str) -> None:
    """Write a kernel turned around, its last two axes the other way round, shared out by the channels that are read."""
    c, filters, taps = windows.channels, windows.filters, prod(windows.window)
    with f.parts_of_batch() as i, f.loops(taps, filters // f.lanes) as (tap, block):
        last = f.name(f"sub nsw i64 {taps - 1}, {tap}")
        taken = f.gather(f.at(kernel, (i, 1), (last, c * filters), (block, f.lanes * c)), 0, c)
        f.put(taken, f.at(out, (tap, c * filters), (i, filters), (block, f.lanes)))


def _sums_over_window(
    f: WindowFunction, windows: Windows, seen: str, weights: str, width: int, v: int, step: int
) -> list[list[str]]:
    """Sum up, for neighboring outputs, the values that they see times the weights of some vectors of filters."""
    sums = f.sums(width, v)
    counts, apart = zip(*windows.runs, strict=True)
    with f.loops(*counts) as places:
        position = f.sum_of_products(list(zip(places, [*counts[1:], 1], strict=True)))
        start = f.at(seen, *zip(places, apart, strict=True))
        rows = f.at(weights, (position, windows.run * windows.filters))
        _add_along(f, sums, start, step, rows, windows.run, windows.filters)
    return sums


def _add_along(
    f: WindowFunction, sums: list[list[str]], start: str, step: int, rows: str, count: int, filters: int
) -> None:
    """Add to the sums of outputs, whose inputs are `step` apart, `count` neighboring inputs times rows of weights."""
    with f.loop(str(count)) as r:
        at = f.at(start, (r, 1))
        row = f.at(rows, (r, filters))
        vectors = [f.get(row, j) for j in range(len(sums[0]))]
        for i, rooms in enumerate(sums):
            value = f.spread(f.load(f.at(at, offset=i * step), "0", f.dtype))
            for room, vector in zip(rooms, vectors, strict=True):
                f.add_product(room, value, vector)


# Transposed convolution with strides: outputs as far apart as the strides see the same weights, and are a convolution


@dataclass(frozen=True)
class _Class:
    """Outputs along one axis that see the same weights.

    Attributes:
        first: The first of them.
        count: How many they are.
        taps: The weights, each with the input that the first output sees through it.
    """

    first: int
    count: int
    taps: tuple[tuple[int, int], ...]


def _classes(windows: Windows, axis: int) -> list[_Class]:
    stride, dilation, low = windows.strides[axis], windows.dilation[axis], windows.padding[axis][0]
    found = []
    for rest in range(stride):
        turn = -(-(low - rest) // stride)
        first = stride * turn + rest - low
        count = -(-(windows.outputs[axis] - first) // stride)
        places = [(p, rest - p * dilation) for p in range(windows.window[axis])]
        taps = tuple((p, turn + offset // stride) for p, offset in places if offset % stride == 0)
        if count > 0:
            found.append(_Class(first, count, taps))
    return found


def spread(windows: Windows) -> Windows:
    """Return a transposed convolution's sizes, with as much padding as its outputs see."""
    padding = []
    for axis, n in enumerate(windows.lengths):
        seen = [(at, at + k.count - 1) for k in _classes(windows, axis) for _, at in k.taps]
        low, high = min((a for a, _ in seen), default=0), max((b for _, b in seen), default=0)
        padding.append((max(-low, 0), max(high - n + 1, 0)))
    return replace(windows, padding=tuple(padding))


def strided_transpose(
    f: WindowFunction, windows: Windows, vectors: Vectors, finish: Finish, x: str, kernel: str, out: str
) -> None:
    """Write a transposed convolution with a kernel that was turned around, shared out by images."""
    seen, lanes = spread(windows), vectors.lanes
    (_, width), c, filters = seen.padded, windows.channels, windows.filters
    (down, across), taps = windows.strides, prod(windows.window)
    row, column = windows.outputs[1] * filters, across * filters
    f.clear_border(seen)
    with f.parts_of_batch() as n:
        image = f.image(x, n, seen)
        into = f.at(out, (n, windows.outputs[0] * row))
        for high in _classes(windows, 0):
            for wide in _classes(windows, 1):
                p, v = _tile(replace(windows, outputs=(high.count, wide.count)), vectors)
                places = [
                    (
                        taps - 1 - (i * windows.window[1] + j),
                        (a + seen.padding[0][0]) * width + b + seen.padding[1][0],
                    )
                    for i, a in high.taps
                    for j, b in wide.taps
                ]
                with f.loops(filters // (lanes * v), high.count) as (block, o):
                    weights, biases = f.at(kernel, (block, lanes * v)), finish.biases(f, block, v)
                    to = f.at(into, (o, down * row), (block, lanes * v), offset=high.first * row)
                    to = f.at(to, offset=wide.first * filters)
                    for steps, count, first in even_steps(wide.count, p):
                        with f.loop(str(count)) as t:
                            sums = f.sums(steps, v)
                            at = f.at(image, (o, width * c), (t, steps * c), offset=first * c)
                            for tap, place in places:
                                start = f.at(at, offset=place * c)
                                rows = f.at(weights, offset=tap * c * filters)
                                _add_along(f, sums, start, c, rows, c, filters)
                            made = f.at(to, (t, steps * column), offset=first * column)
                            _put_sums(f, sums, made, column, finish, biases)


def _put_sums(
    f: WindowFunction, sums: list[list[str]], to: str, apart: int, finish: Finish, biases: list[str]
) -> None:
    """Write sums to neighboring outputs."""
    for i, rooms in enumerate(sums):
        at = f.at(to, offset=i * apart)
        for j, room in enumerate(rooms):
            f.put(finish.apply(f, f.get(room), biases[j]), at, j)


def _gradient_tile(windows: Windows, vectors: Vectors) -> Pair:
    """Return how many weights of a filter, and how many vectors of filters, to sum up at a time."""
    total, run, (rows, _) = windows.filters // vectors.lanes, windows.run, windows.runs[0]
    weights = prod(windows.window) * windows.channels
    sizes = divisors(run)
    if len(windows.runs) == 1:
        sizes += [run * q for q in divisors(rows)[1:]]

    def cost(tile: Pair) -> float:
        p, v = tile
        units = weights // p * (total // v)
        return ceil(units / vectors.threads) * (max(p * v, _LATENCY) + (p + v) / 2)

    tiles = [(p, v) for v in divisors(total) for p in sizes if p * v + v + 1 <= vectors.registers]
    return min(tiles, key=cost)


def gradient_units(windows: Windows, vectors: Vectors) -> int:
    """Return how many tiles the gradient of a kernel has: what is shared out."""
    p, v = _gradient_tile(windows, vectors)
    return prod(windows.window) * windows.channels // p * (windows.filters // vectors.lanes // v)


def kernel_gradient(f: WindowFunction, windows: Windows, vectors: Vectors, x: str, g: str, out: str) -> None:
    """Write the gradient of a convolution's kernel, shared out by tiles of the kernel: nobody adds to another's."""
    p, v = _gradient_tile(windows, vectors)
    lanes, filters, c = vectors.lanes, windows.filters, windows.channels
    rows, columns = windows.outputs
    blocks = filters // (lanes * v)
    row, step = windows.padded[1] * c * windows.strides[0], windows.strides[1] * c
    height = max(
        d for d in divisors(rows) if d == 1 or d * columns * filters * f.dtype.itemsize <= _BLOCK_BYTES
    )
    with _units(f, blocks, p, filters, lanes * v, out) as (_, _, into):
        for i in range(p):
            for j in range(v):
                f.put("zeroinitializer", f.at(into, offset=i * filters), j)
    f.clear_border(windows)
    with f.loop(str(windows.count)) as n:
        image = f.image(x, n, windows)
        with f.loop(str(rows // height)) as band:
            with _units(f, blocks, p, filters, lanes * v, out) as (first, block, into):
                sums = f.sums(p, v)
                seen = f.at(image, (_offset_of(f, windows, first), 1), (band, height * row))
                given = f.at(
                    g, (n, rows * columns * filters), (band, height * columns * filters), (block, lanes * v)
                )
                with f.loops(height, columns) as (o, q):
                    at, by = (
                        f.at(seen, (o, row), (q, step)),
                        f.at(given, (o, columns * filters), (q, filters)),
                    )
                    gradients = [f.get(by, j) for j in range(v)]
                    for i in range(p):
                        offset = i // windows.run * windows.runs[0][1] + i % windows.run
                        value = f.spread(f.load(f.at(at, offset=offset), "0", f.dtype))
                        for j in range(v):
                            f.add_product(sums[i][j], value, gradients[j])
                for i in range(p):
                    to = f.at(into, offset=i * filters)
                    for j in range(v):
                        total = f.name(f"fadd {f.vector} {f.get(to, j)}, {f.get(sums[i][j])}")
                        f.put(total, to, j)


@contextmanager
def _units(
    f: WindowFunction, blocks: int, p: int, filters: int, width: int, out: str
) -> Iterator[tuple[str, str, str]]:
    """Count through the tiles of this part: the first weight of each, its block of filters and where it lies."""
    with f.loop(f.parts) as i:
        unit = f.name(f"add nsw i64 {f.start}, {i}")
        first = f.name(f"mul nsw i64 {f.name(f'udiv i64 {unit}, {blocks}')}, {p}")
        block = f.name(f"urem i64 {unit}, {blocks}")
        yield first, block, f.at(out, (first, filters), (block, width))


def _offset_of(f: WindowFunction, windows: Windows, weight: str) -> str:
    """Return how far from a window's first value the one is that a weight belongs to."""
    place = f.name(f"udiv i64 {weight}, {windows.run}")
    terms = [(f.name(f"urem i64 {weight}, {windows.run}"), 1)]
    for count, apart in reversed(windows.runs[1:]):
        terms.append((f.name(f"urem i64 {place}, {count}"), apart))
        place = f.name(f"udiv i64 {place}, {count}")
    return f.sum_of_products([*terms, (place, windows.runs[0][1])])


# Pooling


@contextmanager
def _seen(f: WindowFunction, windows: Windows, axis: int, o: str) -> Iterator[str]:
    """Count along one axis through the inputs that output `o` sees; padding is left out."""
    n, outputs, low = windows.lengths[axis], windows.outputs[axis], windows.padding[axis][0]
    window, stride = windows.window[axis], windows.strides[axis]
    start = f.sum_of_products([(o, stride)], -low)
    if low <= 0 and (outputs - 1) * stride - low + window <= n:
        first, count = start, str(window)
    else:
        first = f.integer("max", start, 0)
        last = f.integer("min", f.sum_of_products([(start, 1)], window), n)
        count = f.name(f"sub nsw i64 {last}, {first}")
    with f.loop(count) as i:
        yield f.name(f"add nsw i64 {first}, {i}")


@contextmanager
def _pooled(f: WindowFunction, windows: Windows, v: int) -> Iterator[tuple[str, str, str, str]]:
    """Count through the outputs of an image, some vectors of channels at a time."""
    with f.loops(*windows.outputs, windows.channels // (f.lanes * v)) as (o, q, block):
        place = f.sum_of_products([(o, windows.outputs[1]), (q, 1)])
        yield o, q, block, f.sum_of_products([(place, windows.channels), (block, f.lanes * v)])


@contextmanager
def _window(f: WindowFunction, windows: Windows, o: str, q: str, block: str, v: int) -> Iterator[str]:
    """Count through a window's inputs."""
    with _seen(f, windows, 0, o) as i, _seen(f, windows, 1, q) as j:
        place = f.sum_of_products([(i, windows.lengths[1]), (j, 1)])
        yield f.sum_of_products([(place, windows.channels), (block, f.lanes * v)])


def _vectors_at_a_time(f: WindowFunction, windows: Windows) -> int:
    return max(v for v in divisors(windows.channels // f.lanes) if v <= 4)


def max_pool(f: WindowFunction, windows: Windows, x: str, out: str) -> None:
    """Write the largest value of each window, shared out by images. A NaN is larger than all else."""
    v = _vectors_at_a_time(f, windows)
    short = f"v{f.lanes}f{f.dtype.itemsize * 8}"
    f.declared[f"llvm.maximum.{short}"] = (
        f"declare {f.vector} @llvm.maximum.{short}({f.vector}, {f.vector}) #1"
    )
    lowest = f.const(-np.inf, f.dtype)
    largest = [f.room() for _ in range(v)]
    with f.parts_of_batch() as n:
        image = f.at(x, (n, prod(windows.lengths) * windows.channels))
        into = f.at(out, (n, prod(windows.outputs) * windows.channels))
        with _pooled(f, windows, v) as (o, q, block, place):
            for room in largest:
                f.put(f.spread(lowest), room)
            with _window(f, windows, o, q, block, v) as index:
                at = f.at(image, (index, 1))
                for j, room in enumerate(largest):
                    given = f"{f.vector} {f.get(room)}, {f.vector} {f.get(at, j)}"
                    f.put(f.name(f"call nsz {f.vector} @llvm.maximum.{short}({given})"), room)
            to = f.at(into, (place, 1))
            for j, room in enumerate(largest):
                f.put(f.get(room), to, j)


def max_pool_route(
    f: WindowFunction, windows: Windows, rectify: bool, g: str, x: str, largest: str, out: str
) -> None:
    """Write each window's value of `g` to where its first largest value is, shared out by images.

    With `rectify`, values that are not above zero count as if they got nothing.
    """
    v = _vectors_at_a_time(f, windows)
    size, made = prod(windows.lengths) * windows.channels, prod(windows.outputs) * windows.channels
    apart = all(s >= w for w, s in zip(windows.window, windows.strides, strict=True))
    whole = windows.strides == windows.window and not windows.is_padded
    bits = f"<{f.lanes} x i1>"
    left = [f.room(bits) for _ in range(v)]
    with f.parts_of_batch() as n:
        image, into = f.at(x, (n, size)), f.at(out, (n, size))
        given, tops = f.at(g, (n, made)), f.at(largest, (n, made))
        covered = tuple(o * s for o, s in zip(windows.outputs, windows.strides, strict=True))
        if not (whole and covered == windows.lengths):
            f.fill(into, size)
        with _pooled(f, windows, v) as (o, q, block, place):
            values, top = ([f.get(f.at(a, (place, 1)), j) for j in range(v)] for a in (given, tops))
            if rectify:  # where the largest is at zero, all are
                values = [f.where_positive(t, y) for t, y in zip(top, values, strict=True)]
            ones = f"<{', '.join(['i1 true'] * f.lanes)}>"
            for room in left:
                f.line(f"store {bits} {ones}, ptr {room}")
            with _window(f, windows, o, q, block, v) as index:
                at, to = f.at(image, (index, 1)), f.at(into, (index, 1))
                for j, room in enumerate(left):
                    waiting = f.name(f"load {bits}, ptr {room}")
                    equal = f.name(f"fcmp oeq {f.vector} {f.get(at, j)}, {top[j]}")
                    here = f.name(f"and {bits} {waiting}, {equal}")
                    f.line(f"store {bits} {f.name(f'xor {bits} {waiting}, {here}')}, ptr {room}")
                    value = f.name(
                        f"select {bits} {here}, {f.vector} {values[j]}, {f.vector} zeroinitializer"
                    )
                    if not apart:
                        value = f.name(f"fadd {f.vector} {f.get(to, j)}, {value}")
                    f.put(value, to, j)


def transposed(windows: Windows) -> Windows:
    """Return the convolution that a transposed one with strides of one is: its kernel is turned around."""
    padding = tuple(
        (d * (k - 1) - low, d * (k - 1) - high)
        for k, d, (low, high) in zip(windows.window, windows.dilation, windows.padding, strict=True)
    )
    return replace(windows, padding=padding)


__all__ = [
    "Finish",
    "Pair",
    "Vectors",
    "WindowFunction",
    "Windows",
    "correlation",
    "divisors",
    "even_steps",
    "gradient_units",
    "kernel_gradient",
    "max_pool",
    "max_pool_route",
    "spread",
    "strided_transpose",
    "transposed",
    "turn_kernel",
]
