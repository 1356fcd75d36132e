"""Running graphs without a compiler: operation by operation, through the primitives' own rules on NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.compiler.graph import Graph, Value


def run(graph: Graph, arguments: list[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs and the new states of a graph of primitives; variables keep their values."""
    made: dict[Value, np.ndarray] = dict(zip(graph.arguments, arguments, strict=True))

    def value_of(x: Any) -> Any:
        if type(x) is not Value or x in made:
            return made[x] if type(x) is Value else x
        return x.data if x.kind == "constant" else x.data._array

    with np.errstate(all="ignore"):
        for op in graph.ops:
            results = op.prim.kernels[np.ndarray](*map(value_of, op.inputs), **op.params)
            results = results if type(results) is tuple else (results,)
            for value, result in zip(op.outputs, results, strict=True):
                made[value] = np.asarray(result)
                assert made[value].shape == value.shape and made[value].dtype == value.dtype, op
        return [np.array(value_of(v)) for v in graph.wanted]


def states(graph: Graph) -> list[np.ndarray]:
    """Return copies of what the updated variables hold now."""
    return [np.array(variable._array) for variable, _ in graph.updates]
