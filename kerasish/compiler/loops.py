"""Loops in compiled graphs: the step is a program of its own, which runs once for each slice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from operator import is_
from typing import Any

import numpy as np

from kerasish.compiler import passes
from kerasish.compiler.executors.numpy import NumpyStep
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel


def compile_loops(graph: Graph, native: bool) -> Graph:
    """Replace the loops of a graph by kernels that run them.

    Args:
        graph: The graph.
        native: Whether their steps are fused into machine code.
    """
    if not any(op.prim.name == "scan" for op in graph.ops):
        return graph
    uses = graph.uses()
    ops = []
    for op in graph.ops:
        if op.prim.name == "scan":
            carried = op.params["carried"]
            kept = [v for i, v in enumerate(op.outputs) if i < carried or v in uses]
            op = Op(Loop(op, kept, native), op.inputs, {}, kept)
        ops.append(op)
    return graph.with_ops(ops)


class Loop(Kernel):
    """A loop over the leading axis of arrays.

    Attributes:
        step: The graph of one step.
        length: How often it runs.
    """

    name = "scan"

    def __init__(self, op: Op, kept: list[Value], native: bool):
        params = op.params
        body: Graph = params["body"]
        outputs = [r for r, v in zip(body.outputs, op.outputs, strict=True) if v in kept]
        step = passes.optimize(Graph(body.arguments, body.ops, outputs, ()))
        step = compile_loops(step, native)
        if native:
            from kerasish.compiler.fusion import fuse

            step = fuse(step)
        self._carried, self._sliced = params["carried"], params["sliced"]
        step, self._turned = _with_turned_factors(step, self._carried + self._sliced)
        self.step = step
        self._program = NumpyStep(step)
        self._given = len(op.inputs)
        self.length = length = params["length"]
        self._order = range(length - 1, -1, -1) if params["reverse"] else range(length)
        self._local = threading.local()

    def __call__(self, *arrays: Any) -> None:
        inputs, outputs = arrays[: self._given], arrays[self._given :]
        if not self._order:
            for new, old in zip(outputs[: self._carried], inputs, strict=False):
                np.copyto(new, old)
            return
        mine = self._local
        if not hasattr(mine, "run"):
            mine.run = _Run(self._program, inputs[: self._carried])
        captured = inputs[self._carried + self._sliced :]
        turned = mine.run.turn([captured[i] for i in self._turned])
        if len(self._order) > _KEPT:
            for step in self._steps(mine.run, inputs, outputs, turned):
                step()
            return
        if not mine.run.fits(arrays):
            mine.run.steps = list(self._steps(mine.run, inputs, outputs, turned))
        for step in mine.run.steps:
            step()

    def _steps(self, run: _Run, inputs: tuple, outputs: tuple, turned: list) -> Iterator[Callable[[], None]]:
        """Yield the function of each step."""
        first, sliced = self._carried, self._carried + self._sliced
        now, xs, captured = inputs[:first], inputs[first:sliced], inputs[sliced:]
        last, stacks = outputs[:first], outputs[first:]
        end = self._order[-1]
        for t in self._order:
            new = last if t == end else run.buffers[t % 2]
            yield self._program.instantiate_for(
                run.arena,
                [*now, *[x[t, ...] for x in xs], *captured, *turned],
                [*new, *[stack[t, ...] for stack in stacks]],
            )
            now = new


_KEPT = 1024
"""Most steps whose functions are kept from call to call."""


class _Run:
    """What a thread runs a loop with.

    Attributes:
        arena: The memory of a step.
        buffers: Two places for what is carried, which take turns.
        steps: The functions of the steps, for the arrays of the last call.
    """

    def __init__(self, program: NumpyStep, carried: tuple):
        self.arena = np.empty(program.plan.size, np.uint8)
        self.buffers = [tuple(np.empty(c.shape, c.dtype) for c in carried) for _ in range(2)]
        self.steps: list[Callable[[], None]] = []
        self._arrays: tuple = ()
        self._turned: list[np.ndarray] | None = None

    def fits(self, arrays: tuple) -> bool:
        """Tell whether the steps are for these arrays, and take note of them."""
        same = len(arrays) == len(self._arrays) and all(map(is_, arrays, self._arrays))
        self._arrays = arrays
        return same

    def turn(self, factors: list[np.ndarray]) -> list[np.ndarray]:
        """Return transposed copies of matrices, in memory of the loop's own."""
        if self._turned is None:
            self._turned = [np.empty(f.shape[::-1], f.dtype) for f in factors]
        for copy, factor in zip(self._turned, factors, strict=True):
            np.copyto(copy, factor.T)
        return self._turned


def _with_turned_factors(step: Graph, outside: int) -> tuple[Graph, list[int]]:
    """Have matrices from outside the loop transposed once, where steps multiply by the transposed matrix.

    Args:
        step: The graph of a step.
        outside: How many arguments come before those from outside.

    Returns:
        The graph with more arguments, and the numbers of the matrices that they are the transposed of.
    """
    places = {v: i for i, v in enumerate(step.arguments[outside:])}
    turned: dict[Value, Value] = {}
    ops = []
    for op in step.ops:
        y = op.inputs[1] if op.prim.name == "matmul" else None
        if op.prim.name == "matmul" and y in places and y.ndim == 2 and op.params.get("transpose_y"):
            new = turned.setdefault(y, Value(y.shape[::-1], y.dtype, "argument"))
            op = Op(op.prim, [op.inputs[0], new], {**op.params, "transpose_y": False}, op.outputs)
        ops.append(op)
    graph = Graph([*step.arguments, *turned.values()], ops, step.outputs, ())
    return graph, [places[y] for y in turned]
