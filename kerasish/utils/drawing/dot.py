"""Graphs as text in Graphviz's DOT language."""

from __future__ import annotations

from typing import Any

from kerasish.utils.drawing.style import FILLS, ROUNDED, STROKE, TEXT


def quote(text: str) -> str:
    """Return `text` as a DOT string; line breaks become line breaks of a label."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def render(graph: Any) -> str:
    """Return `graph` in DOT."""
    ids = {key: f"n{index}" for index, key in enumerate(graph.nodes)}
    lines = [
        "digraph G {",
        f"  rankdir={graph.rankdir};",
        f'  node [shape=box, style="filled", fontname="Helvetica", fontsize=11, color="{STROKE}", '
        f'fontcolor="{TEXT}"];',
        f'  edge [color="{STROKE}", arrowsize=0.7];',
    ]
    if graph.title:
        lines.append(f'  label={quote(graph.title)}; labelloc=t; fontname="Helvetica";')
    lines += _members(graph, ids, (), "  ")
    lines += [f"  {ids[source]} -> {ids[target]};" for source, target in graph.edges]
    lines.append("}")
    return "\n".join(lines) + "\n"


def _members(graph: Any, ids: dict, group: tuple[str, ...], indent: str) -> list[str]:
    """The nodes of one frame, and the frames inside it."""
    depth = len(group)
    lines = []
    inner: dict[tuple[str, ...], None] = {}
    for key, node in graph.nodes.items():
        if node.group == group:
            style = '"filled,rounded"' if node.kind in ROUNDED else '"filled"'
            label = quote("\n".join([node.title, *node.lines]))
            lines.append(
                f'{indent}{ids[key]} [label={label}, style={style}, fillcolor="{FILLS[node.kind]}"];'
            )
        elif node.group[:depth] == group:
            inner[node.group[: depth + 1]] = None
    for child in inner:
        first = next(ids[key] for key, node in graph.nodes.items() if node.group[: depth + 1] == child)
        lines.append(f"{indent}subgraph cluster_{first}_{depth} {{")
        lines.append(f'{indent}  label={quote(child[-1])}; color="{STROKE}"; style=rounded;')
        lines += _members(graph, ids, child, indent + "  ")
        lines.append(f"{indent}}}")
    return lines
