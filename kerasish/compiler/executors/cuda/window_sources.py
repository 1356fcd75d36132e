"""CUDA C++ of convolutions and poolings: kernels whose sizes are all written into their source.

Every kernel gathers: a thread makes its values alone, from all that they depend on, so results do not depend on the
order in which threads run. Threads next to each other make values next to each other, 16 bytes each where the channels
allow it. Halves lie in memory as `unsigned short` and are summed as `float`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

BLOCK = 256
SLICES = 512
"""Most parts that a sum over all outputs is made in."""


class Element(NamedTuple):
    """How a dtype's values lie in memory and what they are computed in."""

    stored: str
    summed: str
    loading: str
    storing: str
    nbytes: int

    def load(self, expression: str) -> str:
        return f"{self.loading}({expression})"

    def store(self, expression: str) -> str:
        return f"{self.storing}({expression})"


_ELEMENTS = {
    "float32": Element("float", "float", "", "", 4),
    "float64": Element("double", "double", "", "", 8),
    "float16": Element("unsigned short", "float", "half_to_float", "float_to_half", 2),
    "bfloat16": Element("unsigned short", "float", "bfloat_to_float", "float_to_bfloat", 2),
}


def element(dtype: np.dtype) -> Element | None:
    """Return how a dtype is computed with; None if the kernels have no code for it."""
    return _ELEMENTS.get(dtype.name)


class Windows(NamedTuple):
    """The sizes of a convolution or a pooling: what sees what, of which `devices.windows` is the definition.

    Attributes:
        batch: Number of images.
        lengths: Lengths of the images.
        channels: Their channels.
        outputs: Lengths of what the windows make.
        filters: Its channels.
        window: Sizes of the window.
        strides: Steps of the window.
        lows: Padding in front of each axis.
        dilation: Steps inside the window.
        groups: Groups of channels, each of which makes its own group of filters.
    """

    batch: int
    lengths: tuple[int, ...]
    channels: int
    outputs: tuple[int, ...]
    filters: int
    window: tuple[int, ...]
    strides: tuple[int, ...]
    lows: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1

    @property
    def images(self) -> int:
        """Number of places in all images."""
        return self.batch * prod(self.lengths)

    @property
    def rows(self) -> int:
        """Number of windows."""
        return self.batch * prod(self.outputs)

    @property
    def positions(self) -> int:
        return prod(self.window)

    @property
    def group_channels(self) -> int:
        return self.channels // self.groups

    @property
    def group_filters(self) -> int:
        return self.filters // self.groups

    @property
    def depth(self) -> int:
        """Number of products that a result is the sum of."""
        return self.positions * self.group_channels

    @property
    def wide(self) -> bool:
        """Whether indices of the images or of the results need more than 32 bits."""
        return max(self.images * self.channels, self.rows * self.filters, self.rows * self.depth) >= 2**31

    def turned(self) -> Windows:
        """Return the windows through which a place of the images sees the results, where strides are 1."""
        lows = tuple(
            (w - 1) * d - low for w, d, low in zip(self.window, self.dilation, self.lows, strict=True)
        )
        return self._replace(
            lengths=self.outputs,
            channels=self.filters,
            outputs=self.lengths,
            filters=self.channels,
            lows=lows,
        )


class Source(NamedTuple):
    """A kernel's source and how many threads it wants."""

    text: str
    grid: int
    block: int


# Pieces of source


def lanes(nbytes: int, *counts: int) -> int:
    """Return the number of elements, at most 16 bytes of them, in pieces of which all the counts can be cut."""
    count = 16 // nbytes
    while any(n % count for n in counts):
        count //= 2
    return count


def _kernel(parameters: str, threads: int, body: str, wide: bool, block: int = 0) -> Source:
    """Return a kernel with one thread for each value of `i`."""
    block = block or (BLOCK if threads >= 132 * BLOCK else 64)
    kind = "long long" if wide or threads >= 2**31 else "int"
    text = f"""\
extern "C" __global__ void __launch_bounds__({block}) NAME({parameters}) {{
    typedef {kind} I;
    typedef unsigned {kind} U;
    I i = (I)blockIdx.x * {block} + threadIdx.x;
    if (i >= {threads}) return;
{_indented(body)}
}}
"""
    return Source(text, -(-threads // block), block)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.strip("\n").split("\n"))


def _pack(name: str, kind: str, count: int, nbytes: int) -> str:
    return f"struct alignas({count * nbytes}) {name} {{ {kind} v[{count}]; }};\n"


def _taken_apart(index: str, parts: Sequence[tuple[str, int]]) -> str:
    """Return declarations of the indices, the last of which runs fastest, that `index` is made of."""
    text = ""
    for name, size in reversed(parts[1:]):
        if size == 1:
            text += f"const I {name} = 0;\n"
        else:
            text += f"const I {name} = (U){index} % {size}u; {index} = (U){index} / {size}u;\n"
    return text + f"const I {parts[0][0]} = {index};\n"


def _axes(prefix: str, sizes: Sequence[int]) -> list[tuple[str, int]]:
    return [(f"{prefix}{axis}", size) for axis, size in enumerate(sizes)]


def _at(first: str, parts: Sequence[tuple[str, int]]) -> str:
    """Return the index of an element, from an outer index and those of inner axes."""
    text = first
    for name, size in parts:
        text = f"({text} * {size} + {name})"
    return text


def _position(g: Windows) -> str:
    return _at("0", _axes("p", g.window))


def _loops(headers: Sequence[str], body: str, few: bool) -> str:
    for header in reversed(headers):
        unrolled = "#pragma unroll\n" if few else "#pragma unroll 1\n"
        body = f"{unrolled}{header}\n{_indented(body)}\n}}"
    return body


def _inputs_seen(g: Windows, body: str) -> str:
    """Return loops over the places `l` of an image that the output at `o` sees, in the window's order."""
    headers = [
        f"for (int p{a} = 0; p{a} < {w}; ++p{a}) {{\n"
        f"    const I l{a} = o{a} * {s} - {low} + p{a} * {d};\n"
        f"    if (l{a} < 0 || l{a} >= {n}) continue;"
        for a, (w, s, low, d, n) in enumerate(
            zip(g.window, g.strides, map(_literal, g.lows), g.dilation, g.lengths, strict=True)
        )
    ]
    return _loops(headers, body, g.positions <= 32)


def _outputs_seeing(g: Windows, body: str) -> str:
    """Return loops over the outputs `o` that see the place `l` of an image, in the window's order."""
    headers = [
        f"for (int p{a} = 0; p{a} < {w}; ++p{a}) {{\n"
        f"    const I t{a} = l{a} + {low} - p{a} * {d}, o{a} = t{a} / {s};\n"
        f"    if (t{a} < 0 || o{a} >= {n} || t{a} % {s}) continue;"
        for a, (w, s, low, d, n) in enumerate(
            zip(g.window, g.strides, map(_literal, g.lows), g.dilation, g.outputs, strict=True)
        )
    ]
    return _loops(headers, body, g.positions <= 32)


def _literal(number: int) -> str:
    return str(number) if number >= 0 else f"({number})"


# Any arrays


def zeros(nbytes: int) -> Source:
    """Return a kernel that fills an array of so many bytes with zeros."""
    kind, size = next(
        (k, s) for k, s in (("double", 8), ("float", 4), ("unsigned short", 2)) if nbytes % s == 0
    )
    return _kernel(f"{kind}* __restrict__ out", nbytes // size, "out[i] = 0;", False)


def stored(count: int, e: Element) -> Source:
    """Return a kernel that rounds sums to what they are stored as."""
    parameters = f"const {e.summed}* __restrict__ x, {e.stored}* __restrict__ out"
    return _kernel(parameters, count, f"out[i] = {e.store('x[i]')};", False)


# Convolution as a product of matrices


def patches(g: Windows, rows: int, stride: int, nbytes: int, from_start: bool) -> Source:
    """Return a kernel that writes what windows see as the rows of a matrix.

    Args:
        g: The sizes.
        rows: Number of windows.
        stride: Elements from one row to the next.
        nbytes: Bytes of an element.
        from_start: Whether the windows are the first ones; else a last argument holds the number of the first.
    """
    n = lanes(nbytes, g.group_channels, stride)
    kind = {2: "unsigned short", 4: "unsigned", 8: "unsigned long long"}[nbytes]
    channels = g.group_channels // n
    inner = [("q", g.groups), *_axes("p", g.window), ("c", channels)]
    inside = " && ".join(f"l{a} >= 0 && l{a} < {size}" for a, size in enumerate(g.lengths))
    places = "".join(
        f"const I l{a} = o{a} * {s} - {_literal(low)} + p{a} * {d};\n"
        for a, (s, low, d) in enumerate(zip(g.strides, g.lows, g.dilation, strict=True))
    )
    image = _at("b", [*_axes("l", g.lengths), ("q", g.groups), ("c", channels)])
    body = (
        _pack("Pack", kind, n, nbytes)
        + _taken_apart("i", [("row", rows), *inner])
        + f"I m = row{'' if from_start else ' + *start'};\n"
        + _taken_apart("m", [("b", g.batch), *_axes("o", g.outputs)])
        + places
        + "Pack pack = {};\n"
        + f"if ({inside}) pack = reinterpret_cast<const Pack*>(x)[{image}];\n"
        + f"reinterpret_cast<Pack*>(out)[row * {stride // n} + {_at('0', inner)}] = pack;\n"
    )
    parameters = f"const {kind}* __restrict__ x, {kind}* __restrict__ out"
    if not from_start:
        parameters += ", const long long* __restrict__ start"
    return _kernel(parameters, rows * g.groups * g.depth // n, body, g.wide)


def gathered(
    g: Windows, images: int, first: int, count: int, stride: int, e: Element, from_start: bool
) -> Source:
    """Return a kernel that adds up each place's entries of the matrix whose rows are like those of `patches`.

    Args:
        g: The sizes.
        images: Number of images.
        first: The first position of the window that the matrix has.
        count: How many it has; the sums are added to what is there unless `first` is 0.
        stride: Elements from one row to the next.
        e: The elements.
        from_start: Whether the images are the first ones; else a last argument holds the number of the first.
    """
    n = lanes(e.nbytes, g.group_channels, stride)
    channels = g.group_channels // n
    row = _at("b", _axes("o", g.outputs))
    entry = f"{row} * {stride // n} + (q * {count} + position - {first}) * {channels} + c"
    skipped = (
        "" if count == g.positions else f"if (position < {first} || position >= {first + count}) continue;\n"
    )
    add = (
        f"const I position = {_position(g)};\n{skipped}"
        f"const Pack pack = reinterpret_cast<const Pack*>(entries)[{entry}];\n"
        f"for (int e = 0; e < {n}; ++e) sums[e] += {e.load('pack.v[e]')};"
    )
    at = f"(i + {'0' if from_start else f'*start * {prod(g.lengths) * g.channels // n}'})"
    body = (
        _pack("Pack", e.stored, n, e.nbytes)
        + f"{e.summed} sums[{n}] = {{}};\n"
        + f"Pack* into = reinterpret_cast<Pack*>(out) + {at};\n"
        + (f"for (int e = 0; e < {n}; ++e) sums[e] = {e.load('into->v[e]')};\n" if first else "")
        + _taken_apart("i", [("b", images), *_axes("l", g.lengths), ("q", g.groups), ("c", channels)])
        + _outputs_seeing(g, add)
        + f"\nPack made;\nfor (int e = 0; e < {n}; ++e) made.v[e] = {e.store('sums[e]')};\n*into = made;\n"
    )
    parameters = f"const {e.stored}* __restrict__ entries, {e.stored}* __restrict__ out"
    if not from_start:
        parameters += ", const long long* __restrict__ start"
    return _kernel(parameters, images * prod(g.lengths) * g.channels // n, body, g.wide)


def turned_kernel(g: Windows, e: Element) -> Source:
    """Return a kernel that turns a convolution's kernel around: groups, window backwards, filters, channels."""
    c, f = g.group_channels, g.group_filters
    parts = [("q", g.groups), ("p", g.positions), ("f", f), ("c", c)]
    body = (
        "const I at = i;\n"
        + _taken_apart("i", parts)
        + f"out[at] = kernel[(({g.positions - 1} - p) * {c} + c) * {g.filters} + q * {f} + f];\n"
    )
    parameters = f"const {e.stored}* __restrict__ kernel, {e.stored}* __restrict__ out"
    return _kernel(parameters, g.positions * c * g.filters, body, g.positions * c * g.filters >= 2**31)


# Convolution without a product of matrices


def direct(g: Windows, e: Element) -> Source:
    """Return a kernel that convolves where the sums are short: each thread makes a few filters of four windows."""
    each = g.group_filters == 1 and g.group_channels == 1  # filter f sees channel f
    n = lanes(e.nbytes, g.filters if each else g.group_filters)
    packs, windows = g.filters // n, 4
    shapes = [("b", g.batch), *_axes("o", g.outputs)]
    group = "" if g.groups == 1 else f" + f * {n} / {g.group_filters} * {g.group_channels}"
    channel = f"f * {n}" if each else f"c{group}"
    image = f"{_at('base[j]', _axes('l', g.lengths))} * {g.channels} + {channel}"
    places = " ".join(f"const I l{a} = start{a}[j] + p{a} * {d};" for a, d in enumerate(g.dilation))
    inside = " && ".join(f"l{a} >= 0 && l{a} < {size}" for a, size in enumerate(g.lengths))
    value = (
        f"const Pack pack = *reinterpret_cast<const Pack*>(x + {image});\n"
        f"for (int e = 0; e < {n}; ++e) sums[j][e] += {e.load('pack.v[e]')} * weights[e];"
        if each
        else f"const {e.summed} value = {e.load(f'x[{image}]')};\n"
        f"for (int e = 0; e < {n}; ++e) sums[j][e] += value * weights[e];"
    )
    step = (
        f"const I row_of_kernel = {_position(g)} * {g.group_channels} + c;\n"
        f"const Pack pack = reinterpret_cast<const Pack*>(kernel)[row_of_kernel * {packs} + f];\n"
        f"{e.summed} weights[{n}];\nfor (int e = 0; e < {n}; ++e) weights[e] = {e.load('pack.v[e]')};\n"
        f"#pragma unroll\nfor (int j = 0; j < {windows}; ++j) {{\n    {places}\n    if ({inside}) {{\n"
        f"{_indented(_indented(value))}\n    }}\n}}"
    )
    headers = [f"for (int p{a} = 0; p{a} < {w}; ++p{a}) {{" for a, w in enumerate(g.window)]
    headers.append(f"for (int c = 0; c < {g.group_channels}; ++c) {{")
    starts = "".join(
        f"start{a}[j] = o{a} * {s} - {_literal(low)};\n"
        for a, (s, low) in enumerate(zip(g.strides, g.lows, strict=True))
    )
    quarter = -(-g.rows // windows)
    body = (
        _pack("Pack", e.stored, n, e.nbytes)
        + _taken_apart("i", [("row", quarter), ("f", packs)])
        + f"{e.summed} sums[{windows}][{n}] = {{}};\n"
        + f"I base[{windows}], {', '.join(f'start{a}[{windows}]' for a in range(len(g.window)))};\n"
        + f"#pragma unroll\nfor (int j = 0; j < {windows}; ++j) {{\n"
        + f"    I m = row + j * {quarter};\n    if (m >= {g.rows}) m = {g.rows - 1};\n"
        + _indented(_taken_apart("m", shapes) + f"base[j] = b;\n{starts}")
        + "\n}\n"
        + _loops(headers, step, g.depth <= 32)
        + f"\n#pragma unroll\nfor (int j = 0; j < {windows}; ++j) {{\n"
        + f"    if (row + j * {quarter} >= {g.rows}) continue;\n"
        + f"    Pack made;\n    for (int e = 0; e < {n}; ++e) made.v[e] = {e.store('sums[j][e]')};\n"
        + f"    reinterpret_cast<Pack*>(out)[(row + j * {quarter}) * {packs} + f] = made;\n}}\n"
    )
    given = f"const {e.stored}* __restrict__"
    parameters = f"{given} x, {given} kernel, {e.stored}* __restrict__ out"
    return _kernel(parameters, quarter * packs, body, g.wide)


def direct_transpose(g: Windows, e: Element) -> Source:
    """Return a kernel for the transpose of a convolution whose groups have one channel each."""
    multiplier = g.group_filters
    n = lanes(e.nbytes, g.channels) if multiplier == 1 else 1
    row = _at("b", _axes("o", g.outputs))
    add = (
        f"for (int r = 0; r < {multiplier}; ++r) {{\n"
        f"    const Pack gs = reinterpret_cast<const Pack*>(x)[{row} * {g.filters // n} + c * {multiplier} + r];\n"
        f"    const Pack ks = reinterpret_cast<const Pack*>(kernel)"
        f"[{_position(g)} * {g.filters // n} + c * {multiplier} + r];\n"
        f"    for (int e = 0; e < {n}; ++e) sums[e] += {e.load('gs.v[e]')} * {e.load('ks.v[e]')};\n}}"
    )
    body = (
        _pack("Pack", e.stored, n, e.nbytes)
        + f"{e.summed} sums[{n}] = {{}};\nconst I at = i;\n"
        + _taken_apart("i", [("b", g.batch), *_axes("l", g.lengths), ("c", g.channels // n)])
        + _outputs_seeing(g, add)
        + f"\nPack made;\nfor (int e = 0; e < {n}; ++e) made.v[e] = {e.store('sums[e]')};\n"
        + "reinterpret_cast<Pack*>(out)[at] = made;\n"
    )
    given = f"const {e.stored}* __restrict__"
    parameters = f"{given} x, {given} kernel, {e.stored}* __restrict__ out"
    return _kernel(parameters, g.images * g.channels // n, body, g.wide)


def gradient_tile(e: Element) -> int:
    """Return how many of a kernel gradient's rows `gradient_slices` makes at a time."""
    return 128 // max(e.nbytes, 4)


def gradient_slices(g: Windows, first: int, count: int, slices: int, e: Element) -> Source:
    """Return a kernel that sums slices of a kernel's gradient: a warp has 32 filters, and every so manyth window.

    Args:
        g: The sizes.
        first: The first row of the gradient as a matrix of filters by position and channel.
        count: Number of rows, at most `gradient_tile`.
        slices: Parts of the sum: columns of the result, whose rows are the gradient's elements.
        e: The elements.
    """
    strips = -(-g.filters // 32)
    group = "" if g.groups == 1 else f" + f / {g.group_filters} * {g.group_channels}"
    terms = ""
    for row in range(count):
        at, channel = divmod(first + row, g.group_channels)
        positions = np.unravel_index(at, g.window)
        places = [
            f"(s{a} + {int(p) * d})" for a, (p, d) in enumerate(zip(positions, g.dilation, strict=True))
        ]
        inside = " && ".join(
            f"{place} >= 0 && {place} < {size}" for place, size in zip(places, g.lengths, strict=True)
        )
        image = _at("b", list(zip(places, g.lengths, strict=True)))
        value = e.load(f"x[{image} * {g.channels} + {channel}{group}]")
        terms += f"if ({inside}) sums[{row}] += {value} * slope;\n"
    starts = "".join(
        f"const I s{a} = o{a} * {s} - {_literal(low)};\n"
        for a, (s, low) in enumerate(zip(g.strides, g.lows, strict=True))
    )
    loop = (
        f"const {e.summed} slope = {e.load(f'g[m * {g.filters} + f]')};\nI i = m;\n"
        + _taken_apart("i", [("b", g.batch), *_axes("o", g.outputs)])
        + starts
        + terms
    )
    text = f"""\
extern "C" __global__ void __launch_bounds__({BLOCK}) NAME(const {e.stored}* __restrict__ x, \
const {e.stored}* __restrict__ g, {e.summed}* __restrict__ out) {{
    typedef {"long long" if g.wide else "int"} I;
    typedef unsigned {"long long" if g.wide else "int"} U;
    __shared__ {e.summed} parts[{BLOCK // 32}][{count} * 32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int slice = blockIdx.x / {strips}, strip = blockIdx.x % {strips} * 32, f = strip + lane;
    {e.summed} sums[{count}] = {{}};
    if (f < {g.filters}) for (I m = slice * {BLOCK // 32} + warp; m < {g.rows}; m += {slices * (BLOCK // 32)}) {{
{_indented(_indented(loop))}
    }}
    #pragma unroll
    for (int k = 0; k < {count}; ++k) parts[warp][k * 32 + lane] = sums[k];
    __syncthreads();
    for (int k = threadIdx.x; k < {count} * 32; k += {BLOCK}) {{
        {e.summed} sum = 0;
        for (int w = 0; w < {BLOCK // 32}; ++w) sum += parts[w][k];
        const int filter = strip + k % 32;
        if (filter < {g.filters}) out[(k / 32 * {g.filters} + filter) * {slices} + slice] = sum;
    }}
}}
"""
    return Source(text, slices * strips, BLOCK)


def summed_slices(count: int, offset: int, slices: int, e: Element) -> Source:
    """Return a kernel that sums the rows of a matrix, a warp each, to elements from `offset` on."""
    body = (
        f"const int row = i / 32, lane = i % 32;\n{e.summed} sum = 0;\n"
        f"for (int k = lane; k < {slices}; k += 32) sum += x[(I)row * {slices} + k];\n"
        "for (int k = 16; k; k >>= 1) sum += __shfl_xor_sync(0xffffffffu, sum, k);\n"
        f"if (lane == 0) out[row + {offset}] = {e.store('sum')};\n"
    )
    parameters = f"const {e.summed}* __restrict__ x, {e.stored}* __restrict__ out"
    return _kernel(parameters, count * 32, body, count * slices >= 2**31, block=128)


# Pooling


def _pooling(
    g: Windows, e: Element, arrays: Sequence[str], outer: Sequence[tuple[str, int]], body: str
) -> Source:
    """Return a kernel that makes the values of `made` out of arrays; `at`, `b`, `c` and the outer indices are set."""
    n = lanes(e.nbytes, g.channels)
    size = prod(size for _, size in outer)
    text = (
        _pack("Pack", e.stored, n, e.nbytes)
        + "".join(f"const Pack* {a}s = reinterpret_cast<const Pack*>({a});\n" for a in arrays)
        + "Pack made;\nconst I at = i;\n"
        + _taken_apart("i", [("b", g.batch), *outer, ("c", g.channels // n)])
        + body.replace("LANES", str(n))
        + "\nreinterpret_cast<Pack*>(out)[at] = made;\n"
    )
    parameters = [*(f"const {e.stored}* __restrict__ {a}" for a in arrays), f"{e.stored}* __restrict__ out"]
    return _kernel(", ".join(parameters), g.batch * size * g.channels // n, text, g.wide)


def _image(g: Windows, e: Element) -> str:
    return _at("b", [*_axes("l", g.lengths), ("c", g.channels // lanes(e.nbytes, g.channels))])


def _result(g: Windows, e: Element) -> str:
    return _at("b", [*_axes("o", g.outputs), ("c", g.channels // lanes(e.nbytes, g.channels))])


def _lowest(e: Element) -> str:
    return "__longlong_as_double(0xfff0000000000000ll)" if e.nbytes == 8 else "__int_as_float(0xff800000)"


def max_pool(g: Windows, e: Element) -> Source:
    """Return a kernel for the largest value of each window; NaN counts as larger than all."""
    step = (
        f"const Pack seen = xs[{_image(g, e)}];\nfor (int e = 0; e < LANES; ++e) {{\n"
        f"    const {e.summed} v = {e.load('seen.v[e]')};\n    if (v > best[e] || v != v) best[e] = v;\n}}"
    )
    body = (
        f"{e.summed} best[LANES];\nfor (int e = 0; e < LANES; ++e) best[e] = {_lowest(e)};\n"
        + _inputs_seen(g, step)
        + f"\nfor (int e = 0; e < LANES; ++e) made.v[e] = {e.store('best[e]')};"
    )
    return _pooling(g, e, ["x"], _axes("o", g.outputs), body)


def max_pool_pick(g: Windows, e: Element) -> Source:
    """Return a kernel for the one of `values` at the place of each window's first largest value of `x`."""
    step = (
        f"const I place = {_image(g, e)};\nconst Pack seen = xs[place], offered = valuess[place];\n"
        "for (int e = 0; e < LANES; ++e)\n"
        f"    if (waiting[e] && {e.load('seen.v[e]')} == {e.load('top.v[e]')}) "
        "made.v[e] = offered.v[e], waiting[e] = false;"
    )
    body = (
        "const Pack top = largests[at];\nbool waiting[LANES];\n"
        "for (int e = 0; e < LANES; ++e) made.v[e] = 0, waiting[e] = true;\n" + _inputs_seen(g, step)
    )
    return _pooling(g, e, ["values", "x", "largest"], _axes("o", g.outputs), body)


def max_pool_route(g: Windows, e: Element) -> Source:
    """Return a kernel that puts each window's `g` where its first largest value of `x` is, zeros elsewhere."""
    place = _at("b", [*_axes("k", g.lengths), ("c", g.channels // lanes(e.nbytes, g.channels))])
    headers = [
        f"for (int r{a} = 0; r{a} < {w}; ++r{a}) {{\n"
        f"    const I k{a} = o{a} * {s} - {low} + r{a};\n"
        f"    if (k{a} < 0 || k{a} >= {n}) continue;"
        for a, (w, s, low, n) in enumerate(
            zip(g.window, g.strides, map(_literal, g.lows), g.lengths, strict=True)
        )
    ]
    before = _at("0", _axes("r", g.window))
    look = (
        f"if ({before} >= {_position(g)}) continue;\nconst Pack other = xs[{place}];\n"
        f"for (int e = 0; e < LANES; ++e) if ({e.load('other.v[e]')} == {e.load('top.v[e]')}) first[e] = false;"
    )
    step = (
        f"const I window = {_result(g, e)};\nconst Pack top = largests[window];\n"
        "bool first[LANES], any = false;\n"
        f"for (int e = 0; e < LANES; ++e) any |= first[e] = {e.load('here.v[e]')} == {e.load('top.v[e]')};\n"
        "if (!any) continue;\n"
        + _loops(headers, look, False)
        + "\nconst Pack slope = gs[window];\n"
        + f"for (int e = 0; e < LANES; ++e) if (first[e]) sums[e] += {e.load('slope.v[e]')};"
    )
    body = (
        f"const Pack here = xs[at];\n{e.summed} sums[LANES] = {{}};\n"
        + _outputs_seeing(g, step)
        + f"\nfor (int e = 0; e < LANES; ++e) made.v[e] = {e.store('sums[e]')};"
    )
    return _pooling(g, e, ["g", "x", "largest"], _axes("l", g.lengths), body)


def _count(g: Windows) -> str:
    """Return how many values the window at `o` holds, padding left out."""
    if all(
        low <= 0 and (o - 1) * s - low + w <= n
        for n, o, w, s, low in zip(g.lengths, g.outputs, g.window, g.strides, g.lows, strict=True)
    ):
        return str(g.positions)
    return " * ".join(
        f"(min(o{a} * {s} - {_literal(low)} + {w}, (I){n}) - max(o{a} * {s} - {_literal(low)}, (I)0))"
        for a, (n, w, s, low) in enumerate(zip(g.lengths, g.window, g.strides, g.lows, strict=True))
    )


def average_pool(g: Windows, e: Element) -> Source:
    """Return a kernel for the mean of each window's values, padding left out."""
    step = (
        f"const Pack seen = xs[{_image(g, e)}];\n"
        f"for (int e = 0; e < LANES; ++e) sums[e] += {e.load('seen.v[e]')};"
    )
    body = (
        f"{e.summed} sums[LANES] = {{}};\n"
        + _inputs_seen(g, step)
        + f"\nconst {e.summed} count = {_count(g)};\n"
        + f"for (int e = 0; e < LANES; ++e) made.v[e] = {e.store('sums[e] / count')};"
    )
    return _pooling(g, e, ["x"], _axes("o", g.outputs), body)


def average_pool_transpose(g: Windows, e: Element) -> Source:
    """Return a kernel that gives each place its shares of the values of `g` whose windows see it."""
    step = (
        f"const Pack slope = gs[{_result(g, e)}];\nconst {e.summed} count = {_count(g)};\n"
        f"for (int e = 0; e < LANES; ++e) sums[e] += {e.load('slope.v[e]')} / count;"
    )
    body = (
        f"{e.summed} sums[LANES] = {{}};\n"
        + _outputs_seeing(g, step)
        + f"\nfor (int e = 0; e < LANES; ++e) made.v[e] = {e.store('sums[e]')};"
    )
    return _pooling(g, e, ["g"], _axes("l", g.lengths), body)
