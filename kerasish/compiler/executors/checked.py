"""The executor of numeric checks: a graph op by op, by kernels that look at what they return.

Nothing is written before all operations have passed, so that a step that fails leaves the variables as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.autograd.checks import applies
from kerasish.compiler.graph import Graph, Value


class CheckedExecutable:
    """A graph as it was traced, ready to run on NumPy arrays.

    Args:
        graph: The graph, whose operations say where they come from.
    """

    def __init__(self, graph: Graph):
        self.graph = graph

    def __call__(self, arguments: Sequence[np.ndarray]) -> tuple:
        """Run the graph: return its outputs as new arrays and give the variables their new values.

        Raises:
            FloatingPointError: If an operation makes a NaN or an infinity of finite numbers.
        """
        values = self._compute(arguments)
        outputs = tuple([np.array(self._value(v, values)) for v in self.graph.outputs])
        new = [(variable, np.array(self._value(v, values))) for variable, v in self.graph.updates]
        for variable, value in new:
            variable.writable()[...] = value
        return outputs

    def _compute(self, arguments: Sequence[np.ndarray]) -> dict[Value, Any]:
        values: dict[Value, Any] = dict(zip(self.graph.arguments, arguments, strict=True))
        for op in self.graph.ops:
            inputs = [np.asarray(self._value(x, values)) if type(x) is Value else x for x in op.inputs]
            outs = op.prim.kernels[np.ndarray](*inputs, **op.params)
            values.update(zip(op.outputs, outs if type(outs) is tuple else (outs,), strict=True))
        return values

    @staticmethod
    def _value(x: Value, values: dict[Value, Any]) -> Any:
        if x.kind == "state":
            return x.data._array
        return x.data if x.kind == "constant" else values[x]


applies(CheckedExecutable._compute, "op")
