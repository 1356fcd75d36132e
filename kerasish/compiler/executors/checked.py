"""The executor of numeric checks: a graph op by op, by kernels that look at what they return.

Nothing is written before all operations have passed, so that a step that fails leaves the variables as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import devices
from kerasish.autograd.checks import applies
from kerasish.compiler.graph import Graph, Value
from kerasish.devices.rows import Rows


class CheckedExecutable:
    """A graph as it was traced, ready to run.

    Attributes:
        batches_at_once: With how many batches it may be called.

    Args:
        graph: The graph, whose operations say where they come from.
        home: An array of the device that it runs on.
    """

    batches_at_once = 1

    def __init__(self, graph: Graph, home: Any):
        self.graph = graph
        self._kind = type(home)
        self._asarray = devices.array_module(self._kind).asarray

    def __call__(self, arguments: Sequence[Any]) -> tuple:
        """Run the graph: return its outputs as new arrays and give the variables their new values.

        Raises:
            FloatingPointError: If an operation makes a NaN or an infinity of finite numbers.
        """
        values = self._compute(arguments)
        outputs = tuple([self._asarray(self._value(v, values)).copy() for v in self.graph.outputs])
        new = [(variable, self._asarray(self._value(v, values)).copy()) for variable, v in self.graph.updates]
        for variable, value in new:
            variable.writable()[...] = value
        return outputs

    def _compute(self, arguments: Sequence[Any]) -> dict[Value, Any]:
        given = [self._asarray(a.take() if type(a) is Rows else a) for a in arguments]
        values: dict[Value, Any] = dict(zip(self.graph.arguments, given, strict=True))
        for op in self.graph.ops:
            inputs = [self._asarray(self._value(x, values)) if type(x) is Value else x for x in op.inputs]
            outs = op.prim.kernels[self._kind](*inputs, **op.params)
            values.update(zip(op.outputs, outs if type(outs) is tuple else (outs,), strict=True))
        return values

    @staticmethod
    def _value(x: Value, values: dict[Value, Any]) -> Any:
        if x.kind == "state":
            return x.data._array
        return x.data if x.kind == "constant" else values[x]


applies(CheckedExecutable._compute, "op")
