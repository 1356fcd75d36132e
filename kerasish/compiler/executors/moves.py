"""Rows that are picked, added up by number, or put in order, in machine code and into planned memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from kerasish.autograd.primitives.indexing import ARRAY
from kerasish.compiler.executors.ir import VectorFunction
from kerasish.compiler.executors.shared import Functions, SharedKernel
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.passes import dead_code
from kerasish.compiler.views import VIEWS, View, contiguous_strides, place_of, view_of

_BYTES_PER_MICROSECOND = 4e3
_INT64 = np.dtype(np.int64)


class RowNumbers(Kernel):
    """The numbers of rows, checked to be in range, with negative ones counted from the end.

    Attributes:
        inputs: What the numbers are made of.
        outputs: The numbers as int64, none of them negative.

    Args:
        numbers: Integers, or what becomes integers by the casts.
        casts: What is cast to what, one after the other.
        count: How many rows there are.
    """

    name = "row_numbers"

    def __init__(self, numbers: Value, casts: Sequence[np.dtype], count: int):
        self.ops: tuple[Op, ...] = ()
        self.inputs = [numbers]
        self.outputs = [Value(numbers.shape, _INT64)]
        self._casts, self._count = casts, count

    def __call__(self, numbers: np.ndarray, out: np.ndarray) -> None:
        with np.errstate(invalid="ignore"):
            for dtype in self._casts:
                numbers = numbers.astype(dtype)
        np.copyto(out, numbers, "unsafe")
        if out.view(np.uint64).max() < self._count:  # as most are, and none is negative
            return
        lowest, highest, count = int(numbers.min()), int(numbers.max()), self._count
        if lowest < -count or highest >= count:
            wrong = highest if highest >= count else lowest
            raise IndexError(f"index {wrong} is out of bounds for axis 0 with size {count}")
        out[out < 0] += count


def check_row_numbers(graph: Graph) -> Graph:
    """Have the numbers of rows checked before rows are picked or added to by them.

    Casts are part of it, so that numbers that come from arguments can be checked before all else (see `numbers_first`).
    """
    maker = {v: op for op in graph.ops for v in op.outputs}
    made: dict[tuple[Value, int], Value] = {}
    ops: list[Op] = []

    def checked(index: Value, count: int) -> Value:
        if (index, count) not in made:
            source, casts = index, []
            while source in maker and maker[source].prim.name == "cast":
                casts.insert(0, source.dtype)
                source = maker[source].inputs[0]  # type: ignore[assignment]
            kernel = RowNumbers(source, casts, count)
            made[index, count] = kernel.outputs[0]
            ops.append(Op(kernel, kernel.inputs, {}, kernel.outputs))
        return made[index, count]

    for op in graph.ops:
        if op.prim.name in ("gather", "scatter_add") and _picks_rows(op):
            numbers = checked(op.inputs[-1], op.inputs[0].shape[0])
            op = Op(op.prim, [*op.inputs[:-1], numbers], op.params, op.outputs)
        ops.append(op)
    return dead_code(graph.with_ops(ops))


def numbers_first(graph: Graph) -> Graph:
    """Have the numbers of rows that come from arguments checked before anything is computed or written."""
    first = [op for op in graph.ops if isinstance(op.prim, RowNumbers) and op.inputs[0].kind == "argument"]
    return graph.with_ops([*first, *(op for op in graph.ops if op not in first)])


def place_moves(graph: Graph, functions: Functions, lanes: int) -> tuple[Graph, list[SharedKernel]]:
    """Put kernels in place of what picks rows, adds rows up by their numbers, or copies views into order.

    Args:
        graph: A graph whose elementwise work is in kernels already, and whose numbers of rows are checked.
        functions: Where the kernels' functions are added.
        lanes: How many bytes a vector has.

    Returns:
        The graph, and the kernels, whose functions are still to be bound.
    """
    views: dict[Value, View] = {}
    numbers = {op.output for op in graph.ops if isinstance(op.prim, RowNumbers)}
    kernels: list[SharedKernel] = []
    ops: list[Op] = []
    for op in graph.ops:
        made = None
        if op.prim.name in ("gather", "scatter_add") and op.inputs[-1] in numbers:
            made = (_gather if op.prim.name == "gather" else _scatter)(op, views)
        elif op.prim.name in VIEWS and op.output.size:
            view = view_of(op, op.inputs[0], views)
            if view is not None:
                views[op.output] = view
            elif _is_plain(op.output):
                made = _copy(op, views)
        if made is None:
            ops.append(op)
            continue
        kernel, write = made
        kernels.append(kernel)
        ops.append(kernel.write(functions, lanes // op.output.dtype.itemsize, write))
    return dead_code(graph.with_ops(ops)), kernels


def _is_plain(value: Any) -> bool:
    """Tell whether a value is of numbers that code can be written for."""
    return type(value) is Value and value.size > 0 and value.dtype.char in "fdilqIL" and value.dtype.isnative


def _picks_rows(op: Op) -> bool:
    """Tell whether whole rows are named, by integers."""
    index = op.inputs[-1]
    return (
        op.params["template"] == (ARRAY,)
        and type(index) is Value
        and index.dtype.kind in "iu"
        and index.dtype.isnative
        and index.size > 0
        and all(map(_is_plain, (op.inputs[0], op.output)))
    )


def _run(view: View, shape: Sequence[int]) -> int:
    """Return how many elements, at the least, lie behind each other in their order."""
    run = 1
    for n, step in zip(reversed(shape), reversed(view.strides), strict=True):
        if n != 1 and step != run:
            break
        run *= n
    return run


def _gather(op: Op, views: Mapping[Value, View]) -> Any:
    x, rows = op.inputs
    layout = place_of(x, views)
    row = prod(x.shape[1:])
    if _run(layout, x.shape) < row:
        return None
    count, step = rows.size, layout.strides[0]
    time = count * row * op.output.dtype.itemsize / _BYTES_PER_MICROSECOND
    kernel = SharedKernel("gather", [layout.root, rows], op.output, [op], count, time)

    def write(f: VectorFunction, x: str, rows: str, out: str) -> None:
        with f.parts_of_batch() as i:
            number = f.load(rows, i, _INT64).ref
            source, target = f.at(x, (number, step), offset=layout.offset), f.at(out, (i, row))
            with f.loop(str(row), parallel=True) as j:
                f.store(f.load(source, j, f.dtype), target, j)

    return kernel, write


def _scatter(op: Op, views: Mapping[Value, View]) -> Any:
    x, values, rows = op.inputs
    if not _is_plain(values) or values.shape != rows.shape + x.shape[1:] or values.dtype != x.dtype:
        return None
    layout, row, start = place_of(values, views), prod(x.shape[1:]), place_of(x, views)
    if _run(layout, values.shape) < row:
        return None
    is_zero = start.root.kind == "constant" and not np.any(start.root.data)
    if not is_zero and _run(start, x.shape) < x.size:
        return None
    axes, shape = len(rows.shape), rows.shape
    inputs = [layout.root, rows] if is_zero else [layout.root, rows, start.root]
    time = (x.size + 2 * values.size) * x.dtype.itemsize / _BYTES_PER_MICROSECOND
    kernel = SharedKernel("scatter_add", inputs, op.output, [op], x.shape[0], time, pieces=1)
    strides = layout.strides[:axes]

    def write(f: VectorFunction, values: str, rows: str, *others: str) -> None:
        *base, out = others
        mine = f.at(out, (f.start, row))
        size = f.sum_of_products([(f.parts, row)])
        with f.loop(size, parallel=True) as i:
            if base:
                source = f.at(base[0], (f.start, row), offset=start.offset)
                f.store(f.load(source, i, f.dtype), mine, i)
            else:
                f.store(f.const(0, f.dtype), mine, i)
        with f.loops(*shape) as places:
            place = f.sum_of_products(list(zip(places, contiguous_strides(shape), strict=True)))
            number = f.load(rows, place, _INT64).ref
            mine_too = f.name(f"icmp ult i64 {f.name(f'sub i64 {number}, {f.start}')}, {f.parts}")
            with f.when(mine_too):
                source = f.at(values, *zip(places, strides, strict=True), offset=layout.offset)
                target = f.at(out, (number, row))
                with f.loop(str(row), parallel=True) as j:
                    f.store(
                        f.binary("add", f.load(target, j, f.dtype), f.load(source, j, f.dtype)), target, j
                    )

    return kernel, write


def _copy(op: Op, views: Mapping[Value, View]) -> Any:
    x = op.inputs[0]
    layout = place_of(x, views)
    shape, strides = _joined(x.shape, layout.strides)
    steps = contiguous_strides(shape)
    time = op.output.nbytes / _BYTES_PER_MICROSECOND
    kernel = SharedKernel("copy", [layout.root], op.output, [op], shape[0], time)

    def write(f: VectorFunction, x: str, out: str) -> None:
        with f.parts_of_batch() as first, f.loops(*shape[1:-1]) as rest:
            places = [first, *rest]
            source = f.at(x, *zip(places, strides, strict=False), offset=layout.offset)
            target = f.at(out, *zip(places, steps, strict=False))
            with f.loop(str(shape[-1]), parallel=True) as j:
                f.store(f.load(source, f.sum_of_products([(j, strides[-1])]), f.dtype), target, j)

    return kernel, write


def _joined(shape: Sequence[int], strides: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return axes that lie as these do, as few as there can be, but two at the least."""
    sizes, steps = [1], [0]
    for n, step in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if len(sizes) > 1 and steps[-1] == n * step:
            sizes[-1], steps[-1] = sizes[-1] * n, step
        else:
            sizes.append(n)
            steps.append(step)
    # The first axis is what threads share.
    return (sizes[1:], steps[1:]) if len(sizes) > 2 else (sizes, steps)


__all__ = ["RowNumbers", "check_row_numbers", "numbers_first", "place_moves"]
