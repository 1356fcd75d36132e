"""Passes that need to know nothing about what an operation does: dead code, repetitions, constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import devices
from kerasish.compiler.graph import Graph, Op, Value

_FOLD_LIMIT = 1 << 14
"""Largest result, in elements, that is computed ahead: a bigger one would cost more memory than it saves time."""


def dead_code(graph: Graph) -> Graph:
    """Drop operations whose results nothing needs."""
    needed = set(graph.wanted)
    kept = []
    for op in reversed(graph.ops):
        if any(value in needed for value in op.outputs):
            kept.append(op)
            needed.update(op.values)
    return graph.with_ops(kept[::-1])


def common_subexpressions(graph: Graph) -> Graph:
    """Compute what is asked for twice only once."""
    mapping: dict[Value, Any] = {}
    seen: dict[Any, Op] = {}
    kept = []
    for op in graph.ops:
        op = op.replacing(mapping)
        key = _key(op)
        first = None if key is None else seen.setdefault(key, op)
        if first is None or first is op:
            kept.append(op)
        else:
            mapping.update(zip(op.outputs, first.outputs, strict=True))
    return graph.with_ops(kept, mapping)


def _key(op: Op) -> Any:
    """Return what tells two applications apart; None where that cannot be told."""
    inputs = tuple(_frozen(x) if type(x) is not Value else id(x) for x in op.inputs)
    try:
        key = (op.prim, inputs, tuple((k, _frozen(v)) for k, v in sorted(op.params.items())))
        hash(key)
    except TypeError:
        return None
    return key


def _frozen(param: Any) -> Any:
    if isinstance(param, slice):
        return ("slice", param.start, param.stop, param.step)
    if isinstance(param, (list, tuple)):
        return tuple(_frozen(p) for p in param)
    # Zeros of either sign are equal, and not the same.
    return (type(param), repr(param) if isinstance(param, float) else param)


def fold_constants(graph: Graph) -> Graph:
    """Compute now what depends on constants only."""
    mapping: dict[Value, Any] = {}
    kept = []
    for op in graph.ops:
        op = op.replacing(mapping)
        constant = all(x.kind == "constant" for x in op.values)
        large = op.prim.name in ("scan", "while_loop") or sum(v.size for v in op.outputs) > _FOLD_LIMIT
        if not constant or large or not any(True for _ in op.values):
            kept.append(op)
            continue
        arrays = [x.data if type(x) is Value else x for x in op.inputs]
        kind = next(type(a) for a in arrays if devices.is_array_type(type(a)))
        results = op.prim.kernels[kind](*arrays, **op.params)
        results = results if type(results) is tuple else (results,)
        for value, result in zip(op.outputs, results, strict=True):
            array = np.asarray(result) if kind is np.ndarray else result
            mapping[value] = Value(value.shape, value.dtype, "constant", array)
    return graph.with_ops(kept, mapping)
