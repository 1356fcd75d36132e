"""Loops in compiled graphs: the step is a program of its own, which runs once for each slice."""

from __future__ import annotations

import threading
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
        self.step = step
        self._program = NumpyStep(step)
        self._carried, self._sliced = params["carried"], params["sliced"]
        self._given = len(op.inputs)
        length = params["length"]
        self._order = range(length - 1, -1, -1) if params["reverse"] else range(length)
        self._local = threading.local()

    def __call__(self, *arrays: Any) -> None:
        inputs, outputs = arrays[: self._given], arrays[self._given :]
        first, sliced = self._carried, self._carried + self._sliced
        now, xs, captured = inputs[:first], inputs[first:sliced], inputs[sliced:]
        last, stacks = outputs[:first], outputs[first:]
        run, buffers = self._instance(now)
        order = self._order
        if not order:
            for new, old in zip(last, now, strict=True):
                np.copyto(new, old)
            return
        end = order[-1]
        for t in order:
            new = last if t == end else buffers[t % 2]
            run(*now, *[x[t, ...] for x in xs], *captured, *new, *[stack[t, ...] for stack in stacks])
            now = new

    def _instance(self, carried: tuple) -> tuple:
        """Return this thread's step and its two sets of buffers for what is carried."""
        found = getattr(self._local, "instance", None)
        if found is None:
            buffers = [tuple(np.empty(c.shape, c.dtype) for c in carried) for _ in range(2)]
            found = self._local.instance = (self._program.instantiate().run, buffers)
        return found
