"""Convolution and pooling in machine code, in place of the library's functions where it has vectors for them.

Supported are float32 and float64 images with one or two spatial axes, without groups, whose channels fill whole
vectors. A product with windows of a single value is a matrix product already and stays with BLAS; a transposed
convolution with strides does too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from kerasish.compiler.executors import window_code as code
from kerasish.compiler.executors.native import Module
from kerasish.compiler.executors.window_code import Vectors, WindowFunction, Windows
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.devices.cpu_threads import processors, share_out
from kerasish.devices.windows import resolve_padding

_FLOPS_PER_MICROSECOND = 60e3
_POOLED_PER_MICROSECOND = 4e3


class WindowKernel(Kernel):
    """A convolution or a pooling as one compiled function, shared out among threads.

    Attributes:
        inputs: The values that it reads.
        outputs: The value that it makes, and room for a kernel turned around where one is needed.
        entry: The name of its function in the module.
    """

    def __init__(self, op: Op, windows: Windows, vectors: Vectors, module: Module):
        self.name = op.prim.name
        self.inputs = list(op.inputs)
        self.outputs = [op.output]
        dtype = op.output.dtype
        self._parts = windows.count
        self._microseconds = windows.flops / _FLOPS_PER_MICROSECOND * dtype.itemsize / 4
        self._padded = prod(windows.padded) * windows.channels if windows.is_padded else 0
        self._dtype = dtype
        self._turned = self.name == "conv_transpose"
        if self._turned:
            k = op.inputs[1].shape
            self.outputs.append(Value((*k[:-2], k[-1], k[-2]), dtype))
        f = WindowFunction(module.declared, dtype, vectors.lanes, len(self.inputs) + len(self.outputs))
        arrays = f.arrays[:-1]
        if self.name == "conv":
            code.correlation(f, windows, vectors, *arrays)
        elif self._turned:
            code.correlation(f, windows, vectors, arrays[0], arrays[3], arrays[2])
        elif self.name == "conv_kernel_gradient":
            code.kernel_gradient(f, windows, vectors, *arrays)
            self._parts = code.gradient_units(windows, vectors)
        else:
            (code.max_pool if self.name == "max_pool" else code.max_pool_route)(f, windows, *arrays)
            values = windows.count * prod(windows.outputs) * prod(windows.window) * windows.channels
            self._microseconds = values / _POOLED_PER_MICROSECOND
        self.entry = module.kernel(f, wide=True)

    def bind(self, run: Callable[[int], None], keep: Any) -> None:
        """Take the compiled function, and what holds its code in memory."""
        self._run = run
        self._keep = keep

    def __call__(self, *arrays: Any) -> None:
        import ctypes

        arrays = tuple(a if a.flags.c_contiguous else np.ascontiguousarray(a) for a in arrays)
        if self._turned:
            kernel, turned = arrays[1], arrays[3]
            axes = tuple(range(kernel.ndim - 2))
            np.copyto(turned, np.flip(kernel, axes).swapaxes(-1, -2))
        addresses = [a.__array_interface__["data"][0] for a in arrays]
        entries = ctypes.c_void_p * (len(arrays) + 3)

        def work(part: slice) -> None:
            room = _room(self._padded, self._dtype)
            table = entries(*addresses, room.__array_interface__["data"][0], part.start, part.stop)
            self._run(ctypes.addressof(table))

        share_out(work, self._parts, self._microseconds)


class _Rooms(threading.local):
    """Memory of each thread for one padded image, the largest so far."""

    array = np.empty(0, np.uint8)


_rooms = _Rooms()


def _room(count: int, dtype: np.dtype) -> np.ndarray:
    nbytes = count * dtype.itemsize
    if _rooms.array.nbytes < nbytes:
        _rooms.array = np.empty(nbytes, np.uint8)
    return _rooms.array


def place_window_kernels(graph: Graph, module: Module) -> tuple[Graph, list[WindowKernel]]:
    """Put kernels in place of the convolutions and poolings that there is code for.

    Args:
        graph: A graph of primitives.
        module: Where the kernels' functions are added.

    Returns:
        The graph, and the kernels, whose functions are still to be bound.
    """
    kernels: list[WindowKernel] = []
    ops: list[Op] = []
    for op in graph.ops:
        windows = _windows(op)
        vectors = None if windows is None else _vectors(op, windows)
        if windows is not None and vectors is not None:
            kernel = WindowKernel(op, windows, vectors, module)
            kernels.append(kernel)
            op = Op(kernel, kernel.inputs, {}, kernel.outputs)
        ops.append(op)
    return graph.with_ops(ops), kernels


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
    if not pooling and prod(window) == 1:
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
        if any(s != 1 for s in p["strides"]):
            return None
        windows = code.transposed(windows)
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
