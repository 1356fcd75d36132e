"""Convolution and pooling in machine code, in place of the library's functions where it has vectors for them.

Supported are float32 and float64 images with one or two spatial axes, without groups, whose channels fill whole
vectors. A product with windows of a single value and without strides is a matrix product already and stays with BLAS.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from kerasish.compiler.costs import flops
from kerasish.compiler.executors import window_code as code
from kerasish.compiler.executors import winograd_code as winograd
from kerasish.compiler.executors.shared import Functions, SharedKernel
from kerasish.compiler.executors.window_chains import Chain, chains
from kerasish.compiler.executors.window_code import Finish, Vectors, WindowFunction, Windows
from kerasish.compiler.executors.winograd_code import Tiling
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.passes import dead_code
from kerasish.devices.cpu_threads import processors
from kerasish.devices.windows import resolve_padding

_FLOPS_PER_MICROSECOND = 60e3
_POOLED_PER_MICROSECOND = 4e3
_MOST_TAPS = 64
"""Most weights of a transposed convolution with strides: each has code of its own."""
_PARTS_PER_THREAD = 2
"""Into how many parts a batch is divided whose parts are added up afterwards, for each thread."""


class WindowKernel(SharedKernel):
    """A convolution, a pooling, or a part of one."""

    writer = WindowFunction


def place_window_kernels(graph: Graph, functions: Functions) -> tuple[Graph, list[WindowKernel]]:
    """Put kernels in place of the convolutions and poolings that there is code for.

    Args:
        graph: A graph of primitives.
        functions: Where the kernels' functions are added.

    Returns:
        The graph, and the kernels, whose functions are still to be bound.
    """
    ops: list[Op] = []
    chained = chains(graph)
    for op in graph.ops:
        chain = chained[op]
        first = chain.ops[0]
        windows = _windows(first)
        vectors = None if windows is None else _vectors(first, windows)
        if windows is None or vectors is None:
            ops.append(op)
        elif op is chain.ops[-1]:
            ops.extend(_kernels(chain, windows, vectors, functions))
    return dead_code(graph.with_ops(ops)), [op.prim for op in ops if isinstance(op.prim, WindowKernel)]


def _kernels(chain: Chain, windows: Windows, vectors: Vectors, functions: Functions) -> list[Op]:
    """Return the operations of kernels that compute a convolution or a pooling, and what follows it."""
    op = chain.ops[0]
    name = op.prim.name
    if name.startswith("max_pool"):
        values = windows.count * prod(windows.outputs) * prod(windows.window) * windows.channels
        time = values / _POOLED_PER_MICROSECOND
        kernel = WindowKernel(name, op.inputs, chain.output, chain.ops, windows.count, time)

        def write(f: WindowFunction, *arrays: str) -> None:
            if name == "max_pool":
                code.max_pool(f, windows, *arrays)
            else:
                code.max_pool_route(f, windows, chain.rectify, *arrays)

        return [kernel.write(functions, vectors.lanes, write)]
    gradient = name == "conv_kernel_gradient"
    tiling = winograd.tiling(windows, vectors, op.output.dtype.itemsize, gradient)
    if gradient:
        return _kernel_gradient(op, windows, vectors, tiling, functions)
    return _convolution(chain, windows, vectors, tiling, functions)


def _convolution(
    chain: Chain, windows: Windows, vectors: Vectors, tiling: Tiling | None, functions: Functions
) -> list[Op]:
    """Return the operations of a convolution, or of a transposed one, whose kernel is turned around first."""
    op = chain.ops[0]
    x, weights = op.inputs
    c, filters, turned = windows.channels, windows.filters, op.prim.name == "conv_transpose"
    ops = []
    if tiling is not None or turned:
        places = (winograd.PLACES,) if tiling is not None else windows.window
        ready = Value((*places, c, filters), op.output.dtype)
        prepare = WindowKernel(f"{op.prim.name}_kernel", [weights], ready, [], c, ready.size / 1e3)

        def write_kernel(f: WindowFunction, kernel: str, out: str) -> None:
            if tiling is not None:
                winograd.transform_kernel(f, c, filters, kernel, out, turned)
            else:
                code.turn_kernel(f, windows, kernel, out)

        ops.append(prepare.write(functions, vectors.lanes, write_kernel))
        weights = ready
    time = _time_of_products(op)
    strided = turned and windows.is_strided
    room = tiling.room if tiling is not None else _padded(code.spread(windows) if strided else windows)
    inputs = [x, weights] if chain.bias is None else [x, weights, chain.bias]
    units = windows.count * (1 if tiling is not None or strided else windows.outputs[0])
    kernel = WindowKernel(op.prim.name, inputs, chain.output, chain.ops, units, time, room)

    def write(f: WindowFunction, x: str, kernel: str, *others: str) -> None:
        *bias, out = others
        finish = Finish(*bias, rectify=chain.rectify)
        if tiling is not None:
            winograd.convolution(f, tiling, finish, x, kernel, out)
        elif strided:
            code.strided_transpose(f, windows, vectors, finish, x, kernel, out)
        else:
            code.correlation(f, windows, vectors, finish, x, kernel, out)

    return [*ops, kernel.write(functions, vectors.lanes, write)]


def _kernel_gradient(
    op: Op, windows: Windows, vectors: Vectors, tiling: Tiling | None, functions: Functions
) -> list[Op]:
    """Return the operations of the gradient of a kernel."""
    time, lanes = _time_of_products(op), vectors.lanes
    if tiling is None:
        units = code.gradient_units(windows, vectors)
        kernel = WindowKernel(
            op.prim.name, op.inputs, op.output, [op], units, time, _padded(windows), pieces=1
        )
        return [
            kernel.write(
                functions, lanes, lambda f, *arrays: code.kernel_gradient(f, windows, vectors, *arrays)
            )
        ]
    c, filters = windows.channels, windows.filters
    parts = min(_PARTS_PER_THREAD * vectors.threads, windows.count)
    given = Value((parts, winograd.PLACES, c, filters), op.output.dtype)
    kernel = WindowKernel(op.prim.name, op.inputs, given, [op], parts, time, tiling.room)
    finish = WindowKernel(f"{op.prim.name}_sum", [given], op.output, [], c, given.size / 4e3)

    def write_sum(f: WindowFunction, given: str, out: str) -> None:
        winograd.transform_gradient_back(f, c, filters, parts, given, out)

    return [
        kernel.write(
            functions, lanes, lambda f, *arrays: winograd.kernel_gradient(f, tiling, parts, *arrays)
        ),
        finish.write(functions, lanes, write_sum),
    ]


def _time_of_products(op: Op) -> float:
    """Return how many microseconds a thread needs, roughly."""
    return (flops(op) or 0) / _FLOPS_PER_MICROSECOND * op.output.dtype.itemsize / 4


def _padded(windows: Windows) -> int:
    """Return how many numbers there must be room for, so that an image has its padding around it."""
    return prod(windows.padded) * windows.channels if windows.is_padded else 0


def _windows(op: Op) -> Windows | None:
    """Return the sizes of an operation; None if there is no code for it."""
    name, p = op.prim.name, op.params
    if name not in ("conv", "conv_transpose", "conv_kernel_gradient", "max_pool", "max_pool_route"):
        return None
    values = [*op.inputs, op.output]
    dtype = op.output.dtype
    if dtype.char not in "fd" or any(type(v) is not Value or v.dtype != dtype or not v.size for v in values):
        return None
    pooling = name.startswith("max_pool")
    rank = op.output.ndim - 2 if name != "conv_kernel_gradient" else len(p["window"])
    dilation = p.get("dilation", (1,) * rank)
    if rank not in (1, 2) or p.get("groups", 1) != 1:
        return None
    if name == "conv_kernel_gradient":
        source, made, window = op.inputs[0], op.inputs[1], p["window"]
    elif name == "max_pool_route":
        source, made, window = op.inputs[1], op.inputs[0], p["window"]
    else:
        source, made = op.inputs[0], op.output
        window = p["window"] if pooling else op.inputs[1].shape[:-2]
    if not pooling and prod(window) == 1 and set(p["strides"]) == {1}:
        return None
    padding = resolve_padding(p["padding"], source.shape[1:-1], window, p["strides"], dilation)
    windows = Windows(
        source.shape[0],
        _pair(source.shape[1:-1], 1),
        source.shape[-1],
        _pair(made.shape[1:-1], 1),
        made.shape[-1],
        _pair(window, 1),
        _pair(p["strides"], 1),
        _pair(dilation, 1),
        _pair(padding, (0, 0)),
    )
    if name == "conv_transpose":
        if not windows.is_strided:
            return code.transposed(windows)
        return windows if prod(window) <= _MOST_TAPS else None
    if not pooling:
        windows = windows.without_unseen()
    if pooling and not _all_see_something(windows):
        return None
    return windows


def _pair(sizes: Sequence[Any], first: Any) -> Any:
    """Return sizes of two axes, the first of them added where there is one only."""
    return (first, *sizes) if len(sizes) == 1 else tuple(sizes)


def _all_see_something(windows: Windows) -> bool:
    """Tell whether no window lies in the padding altogether, so that loops over windows run at least once."""
    return all(
        k > low and (o - 1) * s - low < n
        for n, o, k, s, (low, _) in zip(
            windows.lengths, windows.outputs, windows.window, windows.strides, windows.padding, strict=True
        )
    )


def _vectors(op: Op, windows: Windows) -> Vectors | None:
    """Return the longest vectors that the filters fill; None if they fill none."""
    from kerasish.compiler.executors.jit import vector_registers

    nbytes, registers = vector_registers()
    lanes = nbytes // op.output.dtype.itemsize
    while windows.filters % lanes:
        lanes //= 2
    if lanes * op.output.dtype.itemsize < 16:
        return None
    return Vectors(lanes, registers, processors())


__all__ = ["WindowKernel", "place_window_kernels"]
