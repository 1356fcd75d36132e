"""Matrix products in machine code, in place of BLAS: without its overhead, and in the team's threads.

Large ones too, where BLAS is as good: its own threads go on waiting busily after each product, for much longer than a
step takes, on the processors that the team is to use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import ceil
from typing import Any

import numpy as np

from kerasish.compiler.executors import product_code
from kerasish.compiler.executors.runs import Table, TableKernel, address_of_array
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.devices.cpu_threads import team_size

_FIELD = {name: i for i, name in enumerate(product_code.FIELDS)}
_ARRAYS = ("x", "y", "out")
_BLOCKS = 4
"""Blocks for each thread that a product is cut into, if its rows do not make as many."""
_ROW_BLOCKS = 1
"""Blocks for each thread that the product of a single row is cut into: it takes few microseconds altogether."""
_WHOLE = 50_000
"""Fewer multiplications than this stay in one block."""


class ProductKernel(TableKernel):
    """A product of matrices or of stacks of matrices.

    Attributes:
        ops: The operation that it stands for.
        inputs: The matrices, by the values whose memory they are.
        outputs: The product.
    """

    name = "matmul"

    def __init__(self, op: Op, inputs: Sequence[Value]):
        self.ops = (op,)
        self.inputs = list(inputs)
        self.outputs = [op.output]
        self._shapes = [x.shape for x in op.inputs]

    @property
    def function(self) -> Callable[[int], None]:
        return _function(self.outputs[0].dtype)

    def table(self) -> Table:
        return _Description(self)

    def describe(self, x: np.ndarray, y: np.ndarray, out: np.ndarray) -> dict[str, int]:
        """Return the description of the product of these arrays (see `product_code.FIELDS`)."""
        params = self.ops[0].params
        if params.get("transpose_x"):
            x = x.swapaxes(-1, -2)
        if params.get("transpose_y"):
            y = y.swapaxes(-1, -2)
        if y.ndim == 2:
            out = out.reshape(*x.shape[:-1], out.shape[-1])
        stack = out.shape[:-2]
        x, y = (np.broadcast_to(a, (*stack, *a.shape[-2:])) for a in (x, y))
        x, y, out = (a.reshape((1,) * (4 - a.ndim) + a.shape) for a in (x, y, out))
        (outer, inner, rows, columns), terms = out.shape, x.shape[-1]
        block_rows, block_columns = _block(outer * inner, rows, columns, terms)
        column_blocks = ceil(columns / block_columns)
        blocks = ceil(rows / block_rows) * column_blocks
        (x_outer, x_inner, x_row, x_term), (y_outer, y_inner, y_term, y_column), (out_outer, out_inner, out_row, _) = (
            [step // a.itemsize for step in a.strides] for a in (x, y, out)
        )  # fmt: skip
        return {
            "rows": rows, "columns": columns, "terms": terms,
            "x_row": x_row, "x_term": x_term, "y_term": y_term, "y_column": y_column, "out_row": out_row,
            "block_rows": block_rows, "block_columns": block_columns, "column_blocks": column_blocks,
            "blocks": blocks, "inner": inner, "all_blocks": blocks * outer * inner,
            "x_outer": x_outer, "y_outer": y_outer, "out_outer": out_outer,
            "x_inner": x_inner, "y_inner": y_inner, "out_inner": out_inner,
        }  # fmt: skip


class _Description(Table):
    """The description of a product of certain arrays."""

    def __init__(self, kernel: ProductKernel):
        self._kernel = kernel
        super().__init__(len(product_code.FIELDS))
        self._strides: Any = None

    def point_to(self, arrays: Sequence[Any]) -> None:
        *given, out = arrays
        x, y = shaped = [a.reshape(shape) for a, shape in zip(given, self._kernel._shapes, strict=True)]
        if y.ndim == 2 and x.ndim > 2:
            shaped[0] = _with_joined_rows(x)
        # An array that had to be copied to be seen in another shape has to be again at every call.
        self.settled = all(
            address_of_array(a) == address_of_array(s) for a, s in zip(given, shaped, strict=True)
        )
        self._held = None if self.settled else shaped
        strides = (*(a.strides for a in shaped), out.strides)
        if strides != self._strides:
            for name, number in self._kernel.describe(*shaped, out).items():
                self.words[_FIELD[name]] = number
            self._strides = strides
        for name, array in zip(_ARRAYS, (*shaped, out), strict=True):
            self.words[_FIELD[name]] = address_of_array(array)

    def word_of(self, position: int) -> int | None:
        return _FIELD[_ARRAYS[position]]


def _with_joined_rows(x: np.ndarray) -> np.ndarray:
    """Return a stack of matrices as one matrix if its rows are evenly far apart; else with no more than four axes."""
    joined = x.reshape(-1, x.shape[-1])
    return joined if address_of_array(joined) == address_of_array(x) or x.ndim > 4 else x


def _block(stack: int, rows: int, columns: int, terms: int) -> tuple[int, int]:
    """Return how many rows and columns of the result to compute at a time."""
    if stack * rows * columns * terms < _WHOLE:
        return rows, columns
    room = product_code.ROWS * product_code.TERMS
    row_blocks = ceil(rows / min(product_code.MOST_ROWS, room // min(terms, product_code.TERMS)))
    # (Blocks of single rows are computed in strips.)
    vectors, blocks = (product_code.VECTORS, _BLOCKS) if rows > 1 else (product_code.STRIP, _ROW_BLOCKS)
    panel = vectors * _lanes(np.dtype(np.float32))
    panels = ceil(columns / panel)
    column_blocks = min(panels, ceil(blocks * _threads() / (stack * row_blocks)))
    return ceil(rows / row_blocks), ceil(panels / column_blocks) * panel


@cache
def _threads() -> int:
    """Return how many threads blocks are made for: always as many, so that all descriptions of a product are alike."""
    return team_size()


def _lanes(dtype: np.dtype) -> int:
    from kerasish.compiler.executors.jit import vector_registers

    return vector_registers()[0] // dtype.itemsize


@cache
def _function(dtype: np.dtype) -> Callable[[int], None]:
    """Return the compiled function for products of one dtype."""
    from kerasish.compiler.executors.jit import compile_module, vector_registers
    from kerasish.compiler.executors.team import team

    team()  # which brings what the code calls
    most_rows = min((vector_registers()[1] - product_code.VECTORS - 1) // product_code.VECTORS, 12)
    functions, keep = compile_module(
        product_code.text(dtype, _lanes(dtype), most_rows), ["product"], finished=True
    )
    _kept.append(keep)
    return functions[0]


_kept: list[Any] = []


def place_products(graph: Graph) -> Graph:
    """Put kernels in place of the products that there is code for."""
    maker = {v: op for op in graph.ops for v in op.outputs}

    def memory_of(x: Value) -> Value:
        while x in maker and maker[x].prim.name == "reshape" and _lies_in_order(maker[x].inputs[0], maker):
            x = maker[x].inputs[0]
        return x

    ops = []
    for op in graph.ops:
        if op.prim.name == "matmul" and _is_supported(op):
            inputs = [memory_of(x) for x in op.inputs]
            op = Op(ProductKernel(op, inputs), inputs, {}, op.outputs)
        ops.append(op)
    used = {v for op in ops for v in op.values} | set(graph.wanted)
    return graph.with_ops([op for op in ops if op.prim.name != "reshape" or op.output in used])


def _lies_in_order(x: Value, maker: dict[Value, Op]) -> bool:
    """Tell whether a value is no view, so that it has its memory to itself in the order of its elements."""
    from kerasish.compiler.views import VIEWS

    while x in maker and maker[x].prim.name == "reshape":
        x = maker[x].inputs[0]
    return x not in maker or maker[x].prim.name not in VIEWS


def _is_supported(op: Op) -> bool:
    x, y = op.inputs
    dtype = op.output.dtype
    if any(type(v) is not Value or v.dtype != dtype or not v.size for v in op.inputs):
        return False
    if dtype.char not in "fd" or dtype.itemsize not in (4, 8):
        return False
    return not (y.ndim > 2 and op.output.ndim > 4 or op.params.get("transpose_x") and y.ndim == 2 < x.ndim)


__all__ = ["ProductKernel", "place_products"]
