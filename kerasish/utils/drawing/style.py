"""What pictures look like: colors, and the room that text takes."""

from __future__ import annotations

from typing import Any

FILLS = {"operation": "#ffffff", "variable": "#fdf0d2", "input": "#dfeafd", "constant": "#f1f1f1"}
ROUNDED = ("input", "constant", "variable")
STROKE = "#5a6472"
TEXT = "#1c2430"
FONT_SIZE = 12.0
LINE_HEIGHT = 16.0
PADDING = 9.0
RADIUS = 8.0

# Widths of characters as a share of the font size: pictures need room, not exactness.
_NARROW = frozenset("iljtfrI.,:;'|!()[] ")
_WIDE = frozenset("mwMW@%")


def text_width(text: str, bold: bool = False) -> float:
    """Estimate how wide `text` is in a sans-serif font, in pixels."""
    shares = sum(0.34 if c in _NARROW else 0.9 if c in _WIDE else 0.6 for c in text)
    return shares * FONT_SIZE * (1.06 if bold else 1.0)


def box_size(node: Any) -> tuple[float, float]:
    """Return the width and height of a node's box in pixels."""
    widest = max([text_width(node.title, bold=True), *map(text_width, node.lines)])
    return max(widest + 2 * PADDING, 44.0), LINE_HEIGHT * (1 + len(node.lines)) + 1.2 * PADDING
