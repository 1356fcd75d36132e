"""Graphs as SVG documents."""

from __future__ import annotations

from html import escape
from typing import Any

from kerasish.utils.drawing.layout import curve, layout
from kerasish.utils.drawing.style import FILLS, FONT_SIZE, LINE_HEIGHT, RADIUS, ROUNDED, STROKE, TEXT


def render(graph: Any) -> str:
    """Return `graph` as a complete SVG document."""
    plan = layout(graph)
    sideways = graph.rankdir in ("LR", "RL")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{plan.width:.0f}" height="{plan.height:.0f}" '
        f'viewBox="0 0 {plan.width:.1f} {plan.height:.1f}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="{FONT_SIZE:g}" fill="{TEXT}">',
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 1 10 5 0 9z" fill="{STROKE}"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    if graph.title:
        parts.append(_text(graph.title, plan.width / 2, LINE_HEIGHT * 1.2, bold=True))
    for name, x, y, width, height in plan.frames:
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{RADIUS:g}" fill="none" '
            f'stroke="{STROKE}" stroke-dasharray="4 3"/>'
        )
        parts.append(_text(name, x + 8, y + LINE_HEIGHT * 0.85, anchor="start"))
    for (source, target), path in zip(graph.edges, plan.paths, strict=True):
        line = f"M{path[0][0]:.1f} {path[0][1]:.1f}" + "".join(
            "C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in segment) for segment in curve(path, sideways)
        )
        names = escape(f"{graph.nodes[source].title} -> {graph.nodes[target].title}")
        parts.append(
            f'<path class="edge" d="{line}" fill="none" stroke="{STROKE}" marker-end="url(#arrow)">'
            f"<title>{names}</title></path>"
        )
    for key, node in graph.nodes.items():
        parts.append(_box(node, *plan.boxes[key]))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _box(node: Any, x: float, y: float, width: float, height: float) -> str:
    radius = RADIUS if node.kind in ROUNDED else 2
    top = y - LINE_HEIGHT * (1 + len(node.lines)) / 2 + LINE_HEIGHT * 0.74
    text = _text(node.title, x, top, bold=True)
    text += "".join(_text(line, x, top + LINE_HEIGHT * (i + 1)) for i, line in enumerate(node.lines))
    return (
        f'<g class="node {node.kind}"><rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="{radius:g}" fill="{FILLS[node.kind]}" stroke="{STROKE}"/>{text}</g>'
    )


def _text(text: str, x: float, y: float, bold: bool = False, anchor: str = "middle") -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
