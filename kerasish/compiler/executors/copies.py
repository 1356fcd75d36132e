"""Copies as native kernels, so that a run of kernels does not end at a concatenation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from kerasish.compiler.executors.runs import Table, TableKernel, address_of_array
from kerasish.compiler.executors.team import team
from kerasish.compiler.graph import Graph, Op, Value

_FIELDS = 5
"""Numbers that tell of an array (see `Team.copy_rows`)."""


class CopyKernel(TableKernel):
    """Arrays joined along an axis; a single one is copied.

    Attributes:
        ops: The operation that it stands for.
        inputs: The arrays.
        outputs: What they make.
    """

    name = "concatenate"

    def __init__(self, inputs: Sequence[Value], output: Value, axis: int, ops: Sequence[Op] = ()):
        self.ops = tuple(ops)
        self.inputs = list(inputs)
        self.outputs = [output]
        self._rows = prod(output.shape[:axis])
        self._row_bytes = prod(output.shape[axis:]) * output.dtype.itemsize

    @property
    def function(self) -> Callable[[int], None]:
        return team().copy_rows

    def table(self) -> Table:
        return _Rows(len(self.inputs), self._rows, self._row_bytes)


class _Rows(Table):
    """What to copy where to (see `Team.copy_rows`)."""

    def __init__(self, count: int, rows: int, row_bytes: int):
        super().__init__(1 + _FIELDS * count)
        self._rows, self._row_bytes = rows, row_bytes
        self.words[0] = count

    def point_to(self, arrays: Sequence[Any]) -> None:
        """Fill the table. An array that is not contiguous is copied, at every call."""
        *given, out = arrays
        held = [np.ascontiguousarray(a) for a in given]
        self.settled = all(a.flags.c_contiguous for a in given)
        self._held = None if self.settled else held
        target = address_of_array(out)
        words = []
        for array in held:
            nbytes = array.nbytes // max(self._rows, 1)
            words += [address_of_array(array), target, self._rows, nbytes, self._row_bytes]
            target += nbytes
        self.words[1:] = words


def place_copies(graph: Graph) -> Graph:
    """Put kernels in place of concatenations of what lies in order."""
    from kerasish.compiler.views import VIEWS

    views = {op.output for op in graph.ops if op.prim.name in VIEWS and op.prim.name != "reshape"}
    ops = []
    for op in graph.ops:
        if (
            op.prim.name == "concatenate"
            and not isinstance(op.prim, TableKernel)
            and _is_plain(op)
            and not views.intersection(op.values)
        ):
            kernel = CopyKernel(op.inputs, op.output, op.params["axis"], [op])  # type: ignore[arg-type]
            op = Op(kernel, op.inputs, {}, op.outputs)
        ops.append(op)
    return graph.with_ops(ops)


def _is_plain(op: Op) -> bool:
    return all(type(x) is Value and x.dtype == op.output.dtype for x in op.inputs)


__all__ = ["CopyKernel", "place_copies"]
