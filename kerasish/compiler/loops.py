"""Loops in compiled graphs: the step is a program of its own, which runs once for each slice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from operator import is_
from typing import Any

import numpy as np

from kerasish.compiler import passes
from kerasish.compiler.executors.program import StepProgram, new_arena
from kerasish.compiler.executors.runs import NativeLoop, NativeRun
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel


def compile_loops(graph: Graph, native: bool) -> Graph:
    """Replace the loops of a graph by kernels that run them.

    Args:
        graph: The graph.
        native: Whether their steps are fused into machine code.
    """
    if not any(op.prim.name in ("scan", "while_loop") for op in graph.ops):
        return graph
    uses = graph.uses()
    ops = []
    for op in graph.ops:
        if op.prim.name == "scan":
            carried = op.params["carried"]
            kept = [v for i, v in enumerate(op.outputs) if i < carried or v in uses]
            op = Op(Loop(op, kept, native), op.inputs, {}, kept)
        elif op.prim.name == "while_loop":
            op = Op(WhileLoop(op, native), op.inputs, {}, op.outputs)
        ops.append(op)
    return graph.with_ops(ops)


def _prepared(step: Graph, native: bool) -> Graph:
    """Return the graph of a step as it is to run."""
    step = compile_loops(passes.optimize(step), native)
    if native:
        from kerasish.compiler.fusion import fuse

        step = fuse(step)
    return step


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
        step = _prepared(Graph(body.arguments, body.ops, outputs, ()), native)
        self._carried, self._sliced = params["carried"], params["sliced"]
        step, self._turned = _with_turned_factors(step, self._carried + self._sliced)
        self.step = step
        self._program = StepProgram(step)
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
        if mine.run.fits(arrays):
            for step in mine.run.steps:
                step()
            return
        steps = self._steps(mine.run, inputs, outputs, turned)
        mine.run.steps = self._as_native_loop(steps) or (
            list(map(steps, self._order)) if self.length <= _KEPT else []
        )
        for step in mine.run.steps or map(steps, self._order):
            step()
        if not mine.run.steps:
            mine.run.forget()

    def _as_native_loop(self, steps: Callable[[int], Callable]) -> list[Callable[[], None]] | None:
        """Return the steps as a native loop, without the first and the last if these need Python, which then stand
        beside it; None where the others do, or are few."""
        if self.length < 8:
            return None
        samples = [steps(t) for t in (*self._order[:5], self._order[-1])]
        first, *inner, last = [s if isinstance(s, NativeRun) and s.is_one_call else None for s in samples]
        if None in inner:
            return None
        loop = NativeLoop(first, inner, last, self.length - 2)
        return [*([] if first else samples[:1]), loop, *([] if last else samples[-1:])]

    def _steps(self, run: _Run, inputs: tuple, outputs: tuple, turned: list) -> Callable[[int], Callable]:
        """Return what makes the function of a step."""
        first, sliced = self._carried, self._carried + self._sliced
        xs, captured = inputs[first:sliced], inputs[sliced:]
        last, stacks = outputs[:first], outputs[first:]
        start, end, back = self._order[0], self._order[-1], self._order.step

        def step(t: int) -> Callable[[], None]:
            now = inputs[:first] if t == start else run.buffers[(t - back) % 2]
            new = last if t == end else run.buffers[t % 2]
            return self._program.instantiate_for(
                run.arena,
                [*now, *[x[t, ...] for x in xs], *captured, *turned],
                [*new, *[stack[t, ...] for stack in stacks]],
            )

        return step


class WhileLoop(Kernel):
    """A loop that goes on while a condition holds.

    Attributes:
        condition: The graph of the condition.
        step: The graph of one step.
    """

    name = "while_loop"

    def __init__(self, op: Op, native: bool):
        params = op.params
        self.condition, self.step = _prepared(params["condition"], native), _prepared(params["body"], native)
        self._test, self._program = StepProgram(self.condition), StepProgram(self.step)
        self._carried, self._limit = params["carried"], params["limit"]
        self._given, self._split = len(op.inputs), len(params["condition"].arguments)
        self._local = threading.local()

    def __call__(self, *arrays: Any) -> None:
        inputs, outputs = arrays[: self._given], arrays[self._given :]
        mine = self._local
        if not hasattr(mine, "run"):
            mine.run = _Run(self._program, inputs[: self._carried])
            mine.holds = np.empty((), bool)
            mine.arena = new_arena(self._test.plan.size)
        start, buffers = inputs[: self._carried], mine.run.buffers
        if not mine.run.fits(arrays):
            outside, captured = inputs[self._carried : self._split], inputs[self._split :]
            mine.tests = [
                self._test.instantiate_for(mine.arena, [*now, *outside], [mine.holds])
                for now in (start, *buffers)
            ]
            mine.run.steps = [
                self._program.instantiate_for(mine.run.arena, [*now, *captured], [*new])
                for now, new in ((start, buffers[0]), (buffers[0], buffers[1]), (buffers[1], buffers[0]))
            ]
        place, count = 0, 0  # 0 is the start, 1 and 2 are the buffers
        while self._limit is None or count < self._limit:
            mine.tests[place]()
            if not mine.holds:
                break
            mine.run.steps[place]()
            place = 1 if place != 1 else 2
            count += 1
        for result, last in zip(outputs, (start, *buffers)[place], strict=True):
            np.copyto(result, last)


_KEPT = 1024
"""Most steps whose functions are kept from call to call, where each has its own."""


class _Run:
    """What a thread runs a loop with.

    Attributes:
        arena: The memory of a step.
        buffers: Two places for what is carried, which take turns.
        steps: The functions of the steps, for the arrays of the last call.
    """

    def __init__(self, program: StepProgram, carried: tuple):
        self.arena = new_arena(program.plan.size)
        self.buffers = [tuple(np.empty(c.shape, c.dtype) for c in carried) for _ in range(2)]
        self.steps: list[Callable[[], None]] = []
        self._arrays: tuple = ()
        self._turned: list[np.ndarray] | None = None

    def fits(self, arrays: tuple) -> bool:
        """Tell whether the steps are for these arrays, and take note of them."""
        same = len(arrays) == len(self._arrays) and all(map(is_, arrays, self._arrays))
        self._arrays = arrays
        return same

    def forget(self) -> None:
        """Have the steps made anew at the next call."""
        self._arrays = ()

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
