"""The graph of a compiled step: its kernels, and what they give each other."""

from __future__ import annotations

from typing import Any

from kerasish.utils.drawing.graph import Graph


def plan_graph(explanation: Any, rankdir: str = "TB", dpi: int = 200) -> Graph:
    """Return the graph of a plan, which draws itself as DOT, SVG, PNG or PDF.

    Example:

    >>> plan = kerasish.compiler.explain(kerasish.ops.exp, np.ones(3, "float32"), print_fn=None)
    >>> plan_graph(plan)
    <Graph of 2 nodes and 1 edges>

    Args:
        explanation: What `kerasish.compiler.explain` returns.
        rankdir: The direction of the arrows: `"TB"`, `"BT"`, `"LR"` or `"RL"`.
        dpi: Dots per inch of PNG pictures.
    """
    graph = Graph(explanation.title, rankdir=rankdir, dpi=dpi)
    sources: dict[str, Any] = {}
    for name, spec in explanation.inputs:
        graph.add_node(name, name, [spec], kind="input")
        sources[name] = name
    for path in explanation.variables:
        graph.add_node(path, path, kind="variable")
        sources[path] = path
    for number, kernel in enumerate(explanation.kernels):
        graph.add_node(number, kernel.name, _lines(kernel))
        for name in dict.fromkeys(kernel.inputs):
            if name in sources:
                graph.add_edge(sources[name], number)
        sources.update(dict.fromkeys(kernel.outputs, number))
    return graph


_MOST = 3
"""Results of a kernel that are named in its box."""


def _lines(kernel: Any) -> list[str]:
    lines = []
    shown = kernel.primitives[:4]
    if shown:
        lines.append(", ".join(shown) + (", ..." if len(kernel.primitives) > len(shown) else ""))
    lines += kernel.specs[:_MOST]
    if len(kernel.specs) > _MOST:
        lines.append(f"and {len(kernel.specs) - _MOST} more")
    lines += [place for place in dict.fromkeys(kernel.places[:_MOST]) if not place.startswith("view of ")]
    if kernel.flops:
        lines.append(f"{kernel.flops:,} FLOPs")
    if kernel.seconds is not None:
        lines.append(f"{1e6 * kernel.seconds:.1f} us")
    return lines
