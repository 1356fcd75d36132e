"""A graph to be drawn: boxes with text, and arrows between them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

FORMATS = ("svg", "dot", "png", "pdf")
RANKDIRS = ("TB", "BT", "LR", "RL")


class GraphNode:
    """One box.

    Attributes:
        title: The first line, set in bold.
        lines: The lines below it.
        kind: What it stands for, which decides its color: `"operation"`, `"variable"`, `"input"` or `"constant"`.
        group: The titles of the frames around it, outermost first.
    """

    __slots__ = ("group", "kind", "lines", "title")

    def __init__(self, title: str, lines: Sequence[str], kind: str, group: tuple[str, ...]):
        self.title = title
        self.lines = list(lines)
        self.kind = kind
        self.group = group


class Graph:
    """A directed graph with text in its nodes, which draws itself as DOT, SVG, PNG or PDF.

    `str(graph)` is its DOT text; a notebook shows it as SVG.

    Example:

    >>> graph = Graph()
    >>> graph.add_node("x", "x", kind="input")
    >>> graph.add_node("y", "exp", ["shape (3,)"])
    >>> graph.add_edge("x", "y")
    >>> graph.save("graph.svg")

    Args:
        title: A title above the picture, or None.
        rankdir: The direction of the arrows: `"TB"` (top to bottom), `"BT"`, `"LR"` or `"RL"`.
        dpi: Dots per inch of PNG pictures.
    """

    def __init__(self, title: str | None = None, rankdir: str = "TB", dpi: int = 200):
        if rankdir not in RANKDIRS:
            raise ValueError(
                f"Argument `rankdir` must be one of {', '.join(RANKDIRS)}. Received: {rankdir!r}"
            )
        self.title = title
        self.rankdir = rankdir
        self.dpi = dpi
        self.nodes: dict[Hashable, GraphNode] = {}
        self.edges: list[tuple[Hashable, Hashable]] = []

    def add_node(
        self,
        key: Hashable,
        title: str,
        lines: Sequence[str] = (),
        kind: str = "operation",
        group: tuple[str, ...] = (),
    ) -> None:
        """Add a box that edges refer to by `key`."""
        self.nodes[key] = GraphNode(title, lines, kind, group)

    def add_edge(self, source: Hashable, target: Hashable) -> None:
        """Add an arrow from one box to another."""
        for key in (source, target):
            if key not in self.nodes:
                raise KeyError(f"An edge needs its nodes first: there is no node {key!r}.")
        self.edges.append((source, target))

    def to_dot(self) -> str:
        """Return the graph in Graphviz's DOT language."""
        from kerasish.utils.drawing.dot import render

        return render(self)

    def to_string(self) -> str:
        """Return the graph in Graphviz's DOT language (pydot's name for `to_dot`)."""
        return self.to_dot()

    def to_svg(self) -> str:
        """Return the graph as a complete SVG document."""
        from kerasish.utils.drawing.svg import render

        return render(self)

    def save(self, path: Any, format: str | None = None) -> None:
        """Write the picture to a file.

        Args:
            path: Where to write it.
            format: `"svg"`, `"dot"`, `"png"` or `"pdf"`; by default what the file's name ends in. PNG and PDF need
                matplotlib (the `viz` extra).

        Raises:
            ValueError: If the format is none of these.
            ImportError: If it needs matplotlib and that is not installed.
        """
        name = str(path)
        chosen = (format or name.rpartition(".")[2]).lower()
        if chosen not in FORMATS:
            raise ValueError(
                f"Pictures can be saved as {', '.join(FORMATS)}. Received: path={name!r}, format={format!r}"
            )
        if chosen in ("svg", "dot"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.to_svg() if chosen == "svg" else self.to_dot())
            return
        from kerasish.utils.drawing.raster import render

        render(self, path, chosen)

    def __str__(self) -> str:
        return self.to_dot()

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes and {len(self.edges)} edges>"

    def _repr_svg_(self) -> str:
        return self.to_svg()
