"""Passes: functions from graph to graph that leave the results as they are and the work smaller."""

from kerasish.compiler.graph import Graph
from kerasish.compiler.passes.cleanup import common_subexpressions, dead_code, fold_constants
from kerasish.compiler.passes.simplify import simplify
from kerasish.compiler.passes.slices import join_parts, slice_first

PIPELINE = (dead_code, fold_constants, simplify, common_subexpressions, join_parts, dead_code)


def optimize(graph: Graph) -> Graph:
    """Run all passes that every executor profits from."""
    for transform in PIPELINE:
        graph = transform(graph)
    return graph


__all__ = [
    "PIPELINE",
    "common_subexpressions",
    "dead_code",
    "fold_constants",
    "join_parts",
    "optimize",
    "simplify",
    "slice_first",
]
