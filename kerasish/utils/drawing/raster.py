"""Graphs as PNG and PDF files, drawn by matplotlib."""

from __future__ import annotations

from typing import Any

from kerasish.utils.drawing.layout import curve, layout
from kerasish.utils.drawing.style import FILLS, FONT_SIZE, LINE_HEIGHT, RADIUS, ROUNDED, STROKE, TEXT

PIXELS_PER_INCH = 96.0  # of the layout; the picture's own resolution is the graph's `dpi`
LARGEST = 2**15  # pixels along one side, well below what matplotlib's renderer can hold


def render(graph: Any, path: Any, format: str) -> None:
    """Write `graph` to `path`.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.patches import FancyBboxPatch
    except ImportError as error:
        raise ImportError(
            f"Drawing {format.upper()} pictures needs matplotlib: `pip install kerasish[viz]`. SVG and DOT need no "
            "extra package: give the file a name that ends in .svg or .dot."
        ) from error
    plan = layout(graph)
    inches = plan.width / PIXELS_PER_INCH, plan.height / PIXELS_PER_INCH
    figure = Figure(figsize=inches, dpi=PIXELS_PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, plan.width)
    axes.set_ylim(plan.height, 0)
    axes.axis("off")

    def box(x: float, y: float, width: float, height: float, radius: float, **style: Any) -> None:
        shape = f"round,pad=0,rounding_size={radius}"
        axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, edgecolor=STROKE, **style))

    def text(string: str, x: float, y: float, bold: bool = False, align: str = "center") -> None:
        size = 0.92 * FONT_SIZE * 72 / PIXELS_PER_INCH  # matplotlib's own font is a wide one
        axes.text(
            x,
            y,
            string.replace("$", r"\$"),
            ha=align,
            va="center",
            fontsize=size,
            fontweight="bold" if bold else "normal",
            color=TEXT,
        )

    if graph.title:
        text(graph.title, plan.width / 2, LINE_HEIGHT, bold=True)
    for name, x, y, width, height in plan.frames:
        box(x, y, width, height, RADIUS, facecolor="none", linestyle=(0, (4, 3)))
        text(name, x + 8, y + LINE_HEIGHT * 0.6, align="left")
    for line in plan.paths:
        _arrow(axes, line, graph.rankdir in ("LR", "RL"))
    for key, node in graph.nodes.items():
        x, y, width, height = plan.boxes[key]
        radius = RADIUS if node.kind in ROUNDED else 2
        box(x - width / 2, y - height / 2, width, height, radius, facecolor=FILLS[node.kind])
        top = y - LINE_HEIGHT * len(node.lines) / 2
        text(node.title, x, top, bold=True)
        for index, detail in enumerate(node.lines):
            text(detail, x, top + LINE_HEIGHT * (index + 1))
    figure.savefig(path, format=format, dpi=min(graph.dpi, LARGEST / max(inches)), facecolor="white")


def _arrow(axes: Any, points: list[tuple[float, float]], sideways: bool) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    for segment in curve(points, sideways):
        vertices += segment
        codes += [Path.CURVE4] * 3
    axes.add_patch(
        FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>,head_length=0.45,head_width=0.2",
            mutation_scale=10,
            color=STROKE,
            linewidth=1,
            shrinkA=0,
            shrinkB=0,
        )
    )
