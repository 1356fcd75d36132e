"""Tracing: running a function on abstract values to record the graph of what it does.

The function runs as it always does, on tensors whose values are `Abstract`: every primitive only infers shapes and
leaves a node. A `Trace` stands before the variables meanwhile: reading one gives a symbolic stand-in, assigning one
changes what is read from then on. What the function returned and assigned, followed back through the nodes, is the
graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish import tree
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.loops import Body, key, scan_p
from kerasish.autograd.primitives.shapes import stop_gradient_p
from kerasish.autograd.scope import StatelessScope
from kerasish.autograd.tensor import KerasTensor, Node, Tensor, as_tensor
from kerasish.autograd.variable import Variable
from kerasish.compiler.graph import Graph, Op, Value


class Trace(StatelessScope):
    """The scope of a trace: variables read as symbols, and their assignments are collected."""

    symbolic = True

    def __init__(self) -> None:
        super().__init__()
        self.read_variables: dict[int, tuple[Variable, KerasTensor]] = {}

    def stand_in(self, variable: Variable) -> Tensor:
        """Return the tensor that `variable` is at this point of the trace."""
        assigned = self._values.get(id(variable))
        if assigned is not None:
            return assigned[1]
        found = self.read_variables.get(id(variable))
        if found is None:
            array = variable._array
            symbol = object.__new__(KerasTensor)
            symbol._value = Abstract(array.shape, array.dtype)
            symbol._tracked = symbol.requires_grad = variable.requires_grad
            found = self.read_variables[id(variable)] = (variable, symbol)
        return found[1]

    def read(self, variable: Any) -> Any:
        return self.stand_in(variable)._value

    def current(self, argument: Any) -> Any:
        return self.stand_in(argument) if isinstance(argument, Variable) else argument

    def assign(self, variable: Any, value: Any) -> None:
        """Give `variable` a new value. As in eager execution, no gradient flows back through the assignment."""
        super().assign(variable, value)
        tensor = stop_gradient_p(self._values[id(variable)][1])
        tensor._tracked = variable._tracked
        self._values[id(variable)] = (variable, tensor)

    @property
    def updates(self) -> list[tuple[Variable, Tensor]]:
        """The variables that were assigned, with their last values."""
        return list(self._values.values())


def trace(
    function: Callable, arguments: Sequence[Abstract], loops_as_graphs: bool = True
) -> tuple[Graph, Any]:
    """Record what `function` does to arrays of these shapes and dtypes.

    Args:
        function: Takes as many tensors as there are `arguments`; returns tensors in any structure.
        arguments: Shape and dtype of each.
        loops_as_graphs: Whether the steps of loops become graphs, or stay as they were recorded, for op by op.

    Returns:
        The graph, and the structure of the results with the index of each tensor in the graph's outputs in its place
        (results that are no tensors stay as they are, wrapped in `Literal`).

    Raises:
        NoValueError: If the function's Python needs a tensor's value.
    """
    symbols = []
    for argument in arguments:
        symbol = object.__new__(KerasTensor)
        symbol._value = argument
        symbols.append(symbol)
    with Trace() as scope:
        results = function(*symbols)
    flat: list[Tensor] = []

    def place(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return Literal(leaf)
        flat.append(scope.current(leaf))
        return len(flat) - 1

    structure = tree.map_structure(place, results)
    return _graph_of(symbols, flat, scope, loops_as_graphs), structure


class Literal:
    """A result of a traced function that is no tensor and so is the same at every call."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


_LINKS = ("identity", "stop_gradient")
"""Primitives that say how gradients flow and compute nothing: in the graph, where gradients are operations as any."""


def _graph_of(
    symbols: Sequence[KerasTensor], results: Sequence[Tensor], scope: Trace, loops_as_graphs: bool
) -> Graph:
    values: dict[Any, Value] = {}
    arguments = []
    for symbol in symbols:
        value = Value(symbol._value.shape, symbol._value.dtype, "argument")
        values[id(symbol)] = value
        arguments.append(value)
    for variable, symbol in scope.read_variables.values():
        values[id(symbol)] = Value(symbol._value.shape, symbol._value.dtype, "state", variable)
    constants: list[Tensor] = []  # kept alive while their ids are keys

    def value_of(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        node = x._node
        if node is not None and type(x._value) is Abstract:
            return values[id(node), x._index]
        found = values.get(id(x))
        if found is None:
            array = x._array if isinstance(x, Variable) else x._value
            constants.append(x)
            found = values[id(x)] = Value(array.shape, array.dtype, "constant", array)
        return found

    updates = scope.updates
    nodes = _nodes_behind([*results, *(tensor for _, tensor in updates)])
    ops = _ops_of(nodes, values, value_of, loops_as_graphs)
    return Graph(
        arguments,
        ops,
        [value_of(as_tensor(r)) for r in results],
        [(variable, value_of(tensor)) for variable, tensor in updates],
    )


def _ops_of(
    nodes: Sequence[Node], values: dict[Any, Value], value_of: Callable, loops_as_graphs: bool = True
) -> list[Op]:
    """Return the operations that nodes are, and put what they make into `values`."""
    ops = []
    whole = _whole_loops(nodes)
    loops: dict[int, tuple] = {}
    for node in nodes:
        if node.prim.name in _LINKS:
            values[id(node), 0] = value_of(node.inputs[0])
            continue
        last = whole.get(id(node), node)
        outputs = loops.get(id(last))
        if outputs is None:
            params = last.params
            if loops_as_graphs:
                params = {k: _body_graph(p) if isinstance(p, Body) else p for k, p in params.items()}
            outputs = tuple(Value(tuple(out.shape), out.dtype) for out in last.outputs)
            inputs = [value_of(x) for x in node.inputs]
            ops.append(Op(node.prim, inputs, params, outputs, getattr(node, "place", None)))
            if node.prim is scan_p:
                loops[id(last)] = outputs
        for index in range(len(node.outputs)):
            values[id(node), index] = outputs[index]
    return ops


def _whole_loops(nodes: Sequence[Node]) -> dict[int, Node]:
    """Return, for each loop that another does with more results, the one with the most."""
    found: dict[Any, list[Node]] = {}
    for node in nodes:
        if node.prim is scan_p:
            base = node.params["body"]
            while base.base is not None:
                base = base.base
            found.setdefault((id(base), tuple(map(key, node.inputs))), []).append(node)
    whole: dict[int, Node] = {}
    for group in found.values():
        for longest in sorted(group, key=lambda node: -len(node.outputs)):
            body = longest.params["body"]
            line = []
            while body is not None:
                line.append(body)
                body = body.base
            for node in group:
                if node.params["body"] in line:
                    whole.setdefault(id(node), longest)
    return whole


def _body_graph(body: Body) -> Graph:
    """Return the graph of a loop's step; its arguments are what is carried, the slices and what is captured."""
    values: dict[Any, Value] = {}
    arguments = []
    for x in (*body.arguments, *body.captured):
        value = values[key(x)] = Value(tuple(x.shape), x._value.dtype, "argument")
        arguments.append(value)

    def value_of(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        found = values.get(key(x))
        if found is None:
            found = values[key(x)] = Value(tuple(x.shape), x._value.dtype, "constant", x._value)
        return found

    ops = _ops_of(body.nodes, values, value_of)
    return Graph(arguments, ops, [value_of(r) for r in body.results], ())


def _nodes_behind(tensors: Sequence[Tensor]) -> list[Node]:
    """Return the abstract nodes behind `tensors`, oldest first."""
    seen: dict[int, Node] = {}
    stack = [t._node for t in tensors if t._node is not None and type(t._value) is Abstract]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        for x in node.inputs:
            if isinstance(x, Tensor) and x._node is not None and type(x._value) is Abstract:
                stack.append(x._node)
    return sorted(seen.values(), key=lambda node: node.time)


def abstract_of(array: Any) -> Abstract:
    """Return the shape and dtype that an argument is traced with."""
    return Abstract(
        tuple(array.shape), np.dtype(array.dtype) if not isinstance(array.dtype, np.dtype) else array.dtype
    )
