"""What a graph becomes for a GPU: a list of steps, each of which is one launch on its stream.

A step says which values it reads and writes; where they live is the memory plan's business, and what runs the steps is
the runtime's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kerasish.compiler.graph import Value


class Launch:
    """One launch of a CUDA kernel.

    Attributes:
        source: CUDA C++ of one function `extern "C" __global__ void NAME(pointers...)`, with `NAME` in place of its
            name, after which it may be used by several launches. It includes nothing.
        grid: Number of blocks, all along x.
        block: Threads of a block, all along x.
        arguments: The arrays whose addresses it takes, in order.
        writes: Those of them that it writes.
        name: What `explain` calls it.
    """

    __slots__ = ("source", "grid", "block", "arguments", "writes", "name")

    def __init__(
        self,
        source: str,
        grid: int,
        block: int,
        arguments: Sequence[Value],
        writes: Sequence[Value],
        name: str = "kernel",
    ):
        self.source = source
        self.grid = grid
        self.block = block
        self.arguments = tuple(arguments)
        self.writes = tuple(writes)
        self.name = name


class Matrix(NamedTuple):
    """A stack of matrices in an array: rows lie `stride` elements apart, the elements of a row side by side.

    Attributes:
        value: The array that holds it.
        rows: Rows as they lie in memory.
        columns: Elements of a row.
        stride: Elements from one row to the next.
        offset: Elements of the array before the first row of the first matrix.
        step: Elements from one matrix of the stack to the next; 0 where the stack repeats one.
        transposed: Whether the product takes its transpose.
    """

    value: Value
    rows: int
    columns: int
    stride: int
    offset: int = 0
    step: int = 0
    transposed: bool = False


class Product:
    """A matrix product, or a stack of them: `out = x @ y`, or `out += x @ y`.

    Attributes:
        out: Where it goes; not transposed.
        x: The left factor.
        y: The right factor.
        count: Number of products in the stack.
        accumulate: Whether it is added to what `out` holds.
        bias: A vector to add to each row, or None.
        activation: `"relu"` or None.
    """

    __slots__ = ("out", "x", "y", "count", "accumulate", "bias", "activation", "name")

    def __init__(
        self,
        out: Matrix,
        x: Matrix,
        y: Matrix,
        count: int = 1,
        accumulate: bool = False,
        bias: Value | None = None,
        activation: str | None = None,
        name: str = "matmul",
    ):
        self.out = out
        self.x = x
        self.y = y
        self.count = count
        self.accumulate = accumulate
        self.bias = bias
        self.activation = activation
        self.name = name


Step = Any
"""A `Launch`, a `Product`, or a call of the array library."""
