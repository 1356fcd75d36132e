"""Kernels whose work is in independent units, which threads share: windows, and rows that are moved.

Each has a function of its own, `void (ptr table)`. The table holds the addresses of the arrays, then of room for one
thread, and then the first unit of work to do and the first to leave, as integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasish.compiler.executors.ir import VectorFunction
from kerasish.compiler.executors.native import Module
from kerasish.compiler.executors.runs import Addresses, Table, TableKernel, address_of
from kerasish.compiler.executors.team import team
from kerasish.compiler.executors.team_code import SLICES
from kerasish.compiler.graph import Op, Value
from kerasish.devices.cpu_threads import processors

_PIECES = 4
"""How many pieces of work there are for each thread, where they have nothing in common that would be done again."""
_LEAST_MICROSECONDS = 4.0
"""Less work than this is done faster than it is shared out."""
_LINE = 64
_ANY_NUMBER = 2**32


class Functions:
    """The functions of a module; kernels of the same sizes share theirs."""

    def __init__(self, module: Module):
        self.module = module
        self._names: dict[str, str] = {}

    def name_of(self, function: VectorFunction) -> str:
        """Add a function, unless one like it is there, and return its name."""
        text = function.text("@")
        if text not in self._names:
            self._names[text] = self.module.kernel(function, wide=True)
        return self._names[text]


class SharedKernel(TableKernel):
    """A compiled function whose work is shared out among threads.

    Attributes:
        name: What it is called by `explain`.
        inputs: The values that it reads.
        outputs: The value that it makes.
        ops: The operation that it computes; nothing, where it only prepares or finishes one.
        entry: The name of its function in the module.

    Args:
        units: How many units of work there are, which are independent.
        microseconds: How long one thread needs for all, roughly.
        room: How many numbers each thread has room for, of the dtype of the output.
        pieces: Into how many pieces the work is divided for each thread.
    """

    writer: type[VectorFunction] = VectorFunction

    def __init__(
        self,
        name: str,
        inputs: Sequence[Value],
        output: Value,
        ops: Sequence[Op],
        units: int,
        microseconds: float,
        room: int = 0,
        pieces: int = _PIECES,
    ):
        self.name = name
        self.inputs = list(inputs)
        self.outputs = [output]
        self.ops = tuple(ops)
        threads = min(processors(), units) if microseconds >= _LEAST_MICROSECONDS else 1
        self._units, self._slices = units, min(units, threads * pieces) if threads > 1 else 1
        if room:
            line = _LINE // output.dtype.itemsize
            rooms = processors() if threads > 1 else 1
            self.outputs.append(Value((rooms, -(-room // line) * line), output.dtype))

    def write(self, functions: Functions, lanes: int, body: Callable[..., None]) -> Op:
        """Write the function and return the operation.

        Args:
            functions: The functions of the module.
            lanes: How many numbers a vector has.
            body: Writes the function: takes it and the addresses of the inputs and the output.
        """
        f = self.writer(functions.module.declared, self.outputs[0].dtype, lanes, len(self.inputs) + 1)
        body(f, *f.arrays[:-1])
        self.entry = functions.name_of(f)
        return Op(self, self.inputs, {}, self.outputs)

    def bind(self, run: Callable[[int], None], keep: Any) -> None:
        """Take the compiled function, and what holds its code in memory."""
        self._run = run
        self._keep = keep

    @property
    def function(self) -> Callable[[int], None]:
        return team().run_slices

    def table(self) -> Table:
        return _Slices(self)


class _Slices(Addresses):
    """The description of a kernel's work (see `team.SLICES`)."""

    def __init__(self, kernel: SharedKernel):
        arrays = len(kernel.inputs) + 1
        super().__init__(len(kernel.inputs) + len(kernel.outputs), {}, len(SLICES))
        self._has_room = len(kernel.outputs) > 1
        rooms = kernel.outputs[1].shape[0] if self._has_room else _ANY_NUMBER
        size = kernel.outputs[1].nbytes // rooms if self._has_room else 0
        fixed = address_of(kernel._run), kernel._units, kernel._slices, arrays, rooms, 0, size
        self.words[: len(SLICES)] = fixed

    def point_to(self, arrays: Sequence[Any]) -> None:
        super().point_to(arrays)
        if self._has_room:
            self.words[SLICES.index("room")] = self.words[-1]


__all__ = ["Functions", "SharedKernel"]
