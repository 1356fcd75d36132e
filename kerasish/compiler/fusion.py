"""Fusion: everything between two library calls becomes one kernel.

Operations that have a scalar rule, reductions and random bits are gathered by level: how many library calls, one
after another, must have run before. A level's operations are one kernel, whatever their shapes (the updates of all
weights, say), and `nests` sorts out its loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish.compiler.decompose import decompose
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.nests import REDUCTIONS
from kerasish.compiler.passes import slice_first
from kerasish.compiler.scalar import RULES
from kerasish.compiler.views import VIEWS

_DTYPES = frozenset(np.dtype(t) for t in "?bhilqBHILQfd")
_FLOATS = "fV"  # V is NumPy's kind of bfloat16
_FLOAT_ONLY = frozenset(("power", "divide", "reciprocal", "sqrt", "sigmoid", "tanh"))

MakeKernel = Callable[[Sequence[Op], set[Value], str], Any]
"""`(ops, needed, name) -> kernel`, with `inputs` and `outputs` that the kernel takes and makes."""


def fuse(graph: Graph) -> Graph:
    """Replace all that can be fused by kernels in machine code.

    Args:
        graph: A graph of primitives.

    Returns:
        The graph with kernels, compiled and ready to be called, for each level of fused operations and for windows.
    """
    from kerasish.compiler.executors.copies import place_copies
    from kerasish.compiler.executors.jit import compile_module, vector_registers
    from kerasish.compiler.executors.moves import check_row_numbers, numbers_first, place_moves
    from kerasish.compiler.executors.native import Module, NativeKernel
    from kerasish.compiler.executors.products import place_products
    from kerasish.compiler.executors.shared import Functions, SharedKernel
    from kerasish.compiler.executors.team import team
    from kerasish.compiler.executors.windows import place_window_kernels

    module = Module()
    functions = Functions(module)
    graph, windows = place_window_kernels(slice_first(decompose(graph)), functions)
    graph = place_copies(place_products(check_row_numbers(graph)))
    kernels: list[NativeKernel | SharedKernel] = [*windows]
    strided = strides_of_slices(graph)

    def make(ops: Sequence[Op], needed: set[Value], name: str) -> NativeKernel:
        kernel = NativeKernel(ops, needed, module, name, strided)
        kernels.append(kernel)
        return kernel

    graph, moves = place_moves(numbers_first(group(graph, make)), functions, vector_registers()[0])
    kernels += moves
    if kernels:
        team()  # which brings what kernels share their work out by
        compiled, code = compile_module(module.text(), [k.entry for k in kernels])
        for kernel, function in zip(kernels, compiled, strict=True):
            kernel.bind(function, code)
    return graph


def strides_of_slices(graph: Graph) -> dict[Value, tuple[int, ...]]:
    """Return how far apart the elements of slices are, in elements: kernels read them where they lie."""
    views = {v for op in graph.ops if op.prim.name in VIEWS for v in op.outputs}
    strided = {}
    for op in graph.ops:
        if op.prim.name != "slice" or op.inputs[0] in views or op.output.ndim != op.inputs[0].ndim:
            continue
        x = op.inputs[0]
        steps, step = [], 1
        index = (*op.params["index"], *(slice(None) for _ in x.shape[len(op.params["index"]) :]))
        for part, n in zip(reversed(index), reversed(x.shape), strict=True):
            if not isinstance(part, slice) or part.indices(n)[2] != 1:
                break
            steps.append(step)
            step *= n
        else:
            strided[op.output] = tuple(reversed(steps))
    return strided


def group(graph: Graph, make_kernel: MakeKernel, fusible: Callable[[Op], bool] | None = None) -> Graph:
    """Gather what can be fused into kernels, and order them and the library calls between them.

    Args:
        graph: A graph of primitives.
        make_kernel: Makes the kernel of a group.
        fusible: Tells what can be part of a kernel; `is_fusible` if it is None.
    """
    levels = Levels(graph, fusible or is_fusible)
    users: dict[Value, set[int]] = {}
    for op in graph.ops:
        place = levels.place(op)
        for x in op.values:
            users.setdefault(x, set()).add(place)
    wanted = set(graph.wanted)
    ops: list[Op] = []
    for level in range(levels.count):
        fused = [op for op in graph.ops if levels.fused.get(op) == level]
        if fused:
            needed = {
                v for op in fused for v in op.outputs if v in wanted or users.get(v, set()) - {2 * level}
            }
            kernel = make_kernel(fused, needed, _name_of(fused))
            ops.append(Op(kernel, kernel.inputs, {}, kernel.outputs))
        ops.extend(op for op in graph.ops if levels.library.get(op) == level)
    return graph.with_ops(ops)


def _name_of(ops: Sequence[Op]) -> str:
    names = list(dict.fromkeys(op.prim.name for op in ops if op.output.size > 1)) or [
        op.prim.name for op in ops
    ]
    shown = [n.removeprefix("reduce_") for n in names[:4]]
    return "fused_" + "_".join(shown) + (f"_and_{len(names) - 4}_more" if len(names) > 4 else "")


class Levels:
    """The level of each operation.

    Attributes:
        fused: The level of each operation in a kernel. A level's kernel runs before its library calls.
        library: The level of each of the others.
    """

    def __init__(self, graph: Graph, fusible: Callable[[Op], bool]):
        self.fused: dict[Op, int] = {}
        self.library: dict[Op, int] = {}
        self._graph = graph
        self._maker = {v: op for op in graph.ops for v in op.outputs}
        self._users: dict[Value, list[Op]] = {}
        for op in graph.ops:
            for x in op.values:
                self._users.setdefault(x, []).append(op)
        for op in graph.ops:
            makers = [self._maker[x] for x in op.values if x in self._maker]
            if fusible(op):
                self.fused[op] = max(
                    (self.library[m] + 1 if m in self.library else self.fused[m] for m in makers), default=0
                )
            else:
                self.library[op] = max(
                    (self.library.get(m, 0) if m in self.library else self.fused[m] for m in makers),
                    default=0,
                )
        self._sink()
        self._gather_last()

    @property
    def count(self) -> int:
        return 1 + max((*self.fused.values(), *self.library.values()), default=-1)

    def place(self, op: Op) -> int:
        """Return a number for the kernel, or for the library calls after it, that `op` belongs to."""
        return 2 * self.fused[op] if op in self.fused else 2 * self.library[op] + 1

    def _sink(self) -> None:
        """Move operations to where they are used, if no more has to be kept for them on the way."""
        for op in reversed(self._graph.ops):
            users = self._users.get(op.output, [])
            if op not in self.fused or not users or any(u in self.library for u in users):
                continue
            level = min(self.fused[u] for u in users)
            if (
                level > self.fused[op]
                and sum(self._cost_of_keeping(x, op, level) for x in op.values) <= op.output.nbytes
            ):
                self.fused[op] = level

    def _cost_of_keeping(self, x: Value, op: Op, level: int) -> int:
        """Return the bytes that stay in memory if `op` reads `x` at `level` only."""
        if (
            x.size == 1 or x not in self._maker
        ):  # (what shows part of an argument or a variable has no maker here)
            return 0
        others = [u for u in self._users[x] if u is not op]
        if any(self.fused.get(u, self.library.get(u, 0)) >= level for u in others):
            return 0
        maker = self._maker[x]
        if others or maker not in self.fused or x in self._graph.wanted:
            return x.nbytes
        return min(
            x.nbytes, sum(self._cost_of_keeping(y, maker, level) for y in maker.values)
        )  # it can move along

    def _gather_last(self) -> None:
        """Put results that nothing else uses into a kernel there is anyway, after the last use of what they replace."""
        wanted = set(self._graph.wanted)
        final = [op for op in self.fused if op.output in wanted and op.output not in self._users]
        busy = sorted({level for op, level in self.fused.items() if op not in set(final)})
        replaced = {value: variable for variable, value in self._graph.updates}
        states = {id(v.data): v for v in self._graph.states}
        for op in final:
            old = states.get(id(replaced.get(op.output)))
            readers = [u for u in self._users.get(old, []) if u is not op] if old is not None else []
            lowest = max(
                [
                    self.fused[op],
                    *(self.fused[u] if u in self.fused else self.library[u] + 1 for u in readers),
                ]
            )
            if lowest > self.fused[op] or lowest not in busy:
                self.fused[op] = next((level for level in busy if level >= lowest), lowest)


def is_fusible(op: Op, dtypes: Callable[[np.dtype], bool] = _DTYPES.__contains__) -> bool:
    """Tell whether an operation can be part of a kernel.

    Args:
        op: The operation.
        dtypes: Tells which types kernels compute with.
    """
    name = op.prim.name
    values = [*op.values, *op.outputs]
    if len(op.outputs) != 1 or any(v.size == 0 or not dtypes(v.dtype) for v in values):
        return False
    if name in ("random_bits", "iota"):
        return True
    if name in REDUCTIONS:
        return True
    if name not in RULES:
        return False
    if name == "reshape":
        return [n for n in op.inputs[0].shape if n != 1] == [n for n in op.output.shape if n != 1]
    dtype = op.output.dtype
    if name in _FLOAT_ONLY and dtype.kind not in _FLOATS:
        return False
    return all(type(x) is Value or _fits(x, op, dtype) for x in op.inputs)


def _fits(number: Any, op: Op, dtype: np.dtype) -> bool:
    """Tell whether a Python number is one of the dtype that it is computed in."""
    if dtype.kind == "b":
        dtype = next((x.dtype for x in op.values), dtype)
    if dtype.kind in _FLOATS:
        return True
    if isinstance(number, float) and not (math.isfinite(number) and number == int(number)):
        return False
    if dtype.kind == "b":
        return number in (0, 1)
    info = np.iinfo(dtype)
    return info.min <= number <= info.max


__all__ = ["Levels", "MakeKernel", "fuse", "group", "is_fusible"]
