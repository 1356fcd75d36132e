"""The static graph: what a trace leaves, passes rewrite, and executors run.

A `Graph` is a list of operations in an order that they can run in. Each takes `Value`s and Python numbers and makes
`Value`s. Values have a static shape and dtype and come from outside (an argument, a variable's state, a constant) or
from an operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class Value:
    """An array that will be there when the graph runs.

    Attributes:
        shape: Its shape, fully known.
        dtype: Its NumPy dtype.
        kind: `"argument"`, `"state"` (a variable's value at the start), `"constant"` or `"result"`.
        data: The variable of a state, the array of a constant, else None.
    """

    __slots__ = ("shape", "dtype", "kind", "data")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, kind: str = "result", data: Any = None):
        self.shape = shape
        self.dtype = dtype
        self.kind = kind
        self.data = data

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for dim in self.shape:
            size *= dim
        return size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"{self.kind}:{self.dtype}{list(self.shape)}"


class Op:
    """One application of a primitive to values.

    Attributes:
        prim: The primitive.
        inputs: Values and Python numbers.
        params: Its static parameters.
        outputs: The values it makes.
        place: Where it comes from, as numeric checks note it, else None; passes do not keep it.
    """

    __slots__ = ("prim", "inputs", "params", "outputs", "place")

    def __init__(
        self,
        prim: Any,
        inputs: Sequence[Any],
        params: dict[str, Any],
        outputs: Sequence[Value],
        place: Any = None,
    ):
        self.prim = prim
        self.inputs = tuple(inputs)
        self.params = params
        self.outputs = tuple(outputs)
        self.place = place

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def values(self) -> Iterator[Value]:
        """The inputs that are values."""
        return (x for x in self.inputs if type(x) is Value)

    def replacing(self, mapping: dict[Value, Any]) -> Op:
        """Return the operation with inputs replaced by what `mapping` says; itself where it says nothing."""
        if not any(type(x) is Value and x in mapping for x in self.inputs):
            return self
        inputs = [mapping.get(x, x) if type(x) is Value else x for x in self.inputs]
        return Op(self.prim, inputs, self.params, self.outputs)

    def __repr__(self) -> str:
        return f"{list(self.outputs)} = {self.prim.name}({list(self.inputs)}, {self.params})"


class Graph:
    """Operations in order, what they start from and what is wanted of them.

    Attributes:
        arguments: The values that a call brings.
        ops: The operations; each comes after those that make its inputs.
        outputs: The values that a call returns.
        updates: Pairs of a variable and the value that it has after a call.
    """

    __slots__ = ("arguments", "ops", "outputs", "updates")

    def __init__(
        self,
        arguments: Sequence[Value],
        ops: Sequence[Op],
        outputs: Sequence[Value],
        updates: Sequence[tuple[Any, Value]],
    ):
        self.arguments = tuple(arguments)
        self.ops = tuple(ops)
        self.outputs = tuple(outputs)
        self.updates = tuple(updates)

    @property
    def wanted(self) -> tuple[Value, ...]:
        """Everything that a call leaves behind: outputs and new states."""
        return (*self.outputs, *(value for _, value in self.updates))

    @property
    def states(self) -> list[Value]:
        """The variables' values that are read."""
        return [v for v in self._sources() if v.kind == "state"]

    @property
    def constants(self) -> list[Value]:
        """The constants that are read."""
        return [v for v in self._sources() if v.kind == "constant"]

    def _sources(self) -> list[Value]:
        found: dict[Value, None] = {}
        for op in self.ops:
            found.update((v, None) for v in op.values if v.kind != "result")
        found.update((v, None) for v in self.wanted if v.kind != "result")
        return list(found)

    def with_ops(self, ops: Sequence[Op], mapping: dict[Value, Any] | None = None) -> Graph:
        """Return the graph with other operations, and its outputs and updates replaced by what `mapping` says."""
        mapping = mapping or {}
        return Graph(
            self.arguments,
            ops,
            [mapping.get(v, v) for v in self.outputs],
            [(variable, mapping.get(v, v)) for variable, v in self.updates],
        )

    def uses(self) -> dict[Value, int]:
        """Return how often each value is used, by operations and as something wanted."""
        counts: dict[Value, int] = {}
        for op in self.ops:
            for value in op.values:
                counts[value] = counts.get(value, 0) + 1
        for value in self.wanted:
            counts[value] = counts.get(value, 0) + 1
        return counts

    def __repr__(self) -> str:
        names: dict[Value, str] = {}

        def name(x: Any) -> str:
            if type(x) is not Value:
                return repr(x)
            return names.setdefault(x, f"%{len(names)}")

        lines = [f"graph({', '.join(f'{name(v)}: {v!r}' for v in self.arguments)})"]
        for op in self.ops:
            left = ", ".join(f"{name(v)}: {v.dtype}{list(v.shape)}" for v in op.outputs)
            params = "".join(f", {k}={v}" for k, v in op.params.items())
            lines.append(f"  {left} = {op.prim.name}({', '.join(map(name, op.inputs))}{params})")
        lines.append(f"  return {', '.join(map(name, self.outputs))}")
        lines.extend(f"  {variable.path} <- {name(value)}" for variable, value in self.updates)
        return "\n".join(lines)
