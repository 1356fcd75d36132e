"""The NumPy executor: a graph's program and the arrays that it runs on. A steady call allocates only its results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter, is_
from time import perf_counter
from typing import Any

import numpy as np

from kerasish.autograd.state import clock
from kerasish.compiler import interrupts
from kerasish.compiler.executors.program import Program, new_arena
from kerasish.compiler.graph import Graph, Value
from kerasish.compiler.memory import Plan
from kerasish.devices.rows import Rows

_array_of = attrgetter("_array")


class NumpyExecutable:
    """A graph ready to run on NumPy arrays.

    Calls from several threads are safe: each call has an instance (a set of buffers) to itself.

    Attributes:
        batches_at_once: With how many batches it may be called: with one, since several would gain nothing.

    Args:
        graph: The graph.
    """

    batches_at_once = 1

    def __init__(self, graph: Graph):
        self.graph = graph
        self._program = Program(graph)
        self._idle: list[_Instance] = []
        self._written = [
            v for variable, _ in graph.updates for v in getattr(variable, "members", (variable,))
        ]

    @property
    def plan(self) -> Plan:
        """Where the values live."""
        return self._program.plan

    @property
    def source(self) -> str:
        """The generated Python."""
        return self._program.source

    def place(self, value: Value) -> tuple[str, Any]:
        """Return where a value lives.

        Returns:
            `("arena", offset)`, `("variable", variable)` if it is written into one's own array, `("view", value)` that
            it shows the memory of, `("number", None)` for a single number that is in no array, or `("new", None)` for
            an array that each call makes.
        """
        return self._program.place(value)

    def __call__(self, arguments: Sequence[np.ndarray | Rows]) -> tuple:
        """Run the graph: return its outputs as new arrays and give the variables their new values.

        Args:
            arguments: Arrays, or `Rows` of arrays, which are gathered into memory that every call uses.
        """
        if self._written:
            with interrupts.whole():
                return self._update(arguments)
        instance = self._instance()
        results = instance.run(*instance.gathered(arguments))
        self._idle.append(instance)
        return results

    def _instance(self) -> _Instance:
        """Take a set of buffers that no other call uses, bound to the arrays that the variables have now."""
        try:
            instance = self._idle.pop()  # (one step, which no other thread can come between)
        except IndexError:
            return _Instance(self._program)
        if not instance.bound():
            instance.bind()
        return instance

    def _update(self, arguments: Sequence[np.ndarray | Rows]) -> tuple:
        for variable in self._written:
            if variable._shared:
                variable.writable()
        instance = self._instance()
        results = instance.run(*instance.gathered(arguments))
        now = clock()
        for variable in self._written:
            variable._changed = now
        self._idle.append(instance)
        return results

    def profile(self, arguments: Sequence[np.ndarray], runs: int) -> list[list[float]]:
        """Measure how long each operation takes, on copies of the variables.

        Args:
            arguments: What to call it with.
            runs: How often to run.

        Returns:
            For each run, the seconds that each operation of the graph took.
        """
        moments: list[float] = []
        instance = _Instance(self._program)
        make = self._program.timed(lambda: moments.append(perf_counter()))
        run = make(instance.arena, [array.copy() for array in instance.arrays])
        result = []
        for _ in range(runs):
            moments.clear()
            run(*arguments)
            result.append([after - before for before, after in pairwise(moments)])
        return result


class _Instance:
    """One set of buffers and the function that runs on them.

    Attributes:
        arena: The memory of all buffers.
        arrays: The variables' arrays that the function writes to and reads.
        run: The function.
    """

    def __init__(self, program: Program):
        self._program = program
        self.arena = new_arena(program.plan.size)
        self._rows: dict[int, np.ndarray] = {}
        self.bind()

    def bind(self) -> None:
        """Make the function for the arrays that the variables have now."""
        self.arrays = [variable._array for variable in self._program.variables]
        self._held = list(map(_array_of, self._program.holders))
        self.run = self._program.make(self.arena, self.arrays)

    def gathered(self, arguments: Sequence[np.ndarray | Rows]) -> Sequence[np.ndarray]:
        """Return the arguments as arrays."""
        if Rows not in map(type, arguments):
            return arguments
        arrays = list(arguments)
        for i, argument in enumerate(arguments):
            if type(argument) is not Rows:
                continue
            memory = self._rows.get(i)
            if memory is None and argument.order is not None:
                memory = self._rows[i] = np.empty(argument.shape, argument.dtype)
            arrays[i] = argument.take(memory)
        return arrays

    def bound(self) -> bool:
        """Tell whether the variables still have the arrays that the function was made for."""
        return all(map(is_, map(_array_of, self._program.holders), self._held))
