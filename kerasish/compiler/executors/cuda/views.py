"""Views in the graphs of GPUs: what is one, and what has to be copied for it."""

from __future__ import annotations

from typing import Any

from kerasish.autograd.primitive import TABLE
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.views import VIEWS, View, view_of


def lay_out(graph: Graph, keep: Any) -> tuple[Graph, dict[Value, View]]:
    """Find the values that are views.

    Args:
        graph: A graph of primitives.
        keep: Tells whether an operation among `VIEWS` is to stay one, since kernels compute it on the way.

    Returns:
        The graph, without views of what comes from outside, and with copies in front of reshapes that no view can be;
        and where each view's elements lie.
    """
    views: dict[Value, View] = {}
    ops: list[Op] = []
    for op in graph.ops:
        if op.prim.name not in VIEWS or op.output.size == 0 or keep(op):
            ops.append(op)
            continue
        x = op.inputs[0]
        view = view_of(op, x, views)
        if view is None:
            copied = Value(x.shape, x.dtype)
            ops.append(Op(TABLE["copy"], [x], {}, [copied]))
            op = Op(op.prim, [copied], op.params, op.outputs)
            view = view_of(op, copied, views)
            assert view is not None
        views[op.output] = view
        if view.root.kind == "result":
            ops.append(op)
    return graph.with_ops(ops), views
