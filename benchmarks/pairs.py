"""Comparing two sides fairly: in turn, in one run, by the median of the ratios of neighboring measurements.

A shared machine is now slow, now fast; two figures taken seconds apart share its mood, figures of different days do
not. So what counts is the ratio of each pair, and of the ratios the median.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable


def median_ratio(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> tuple[float, float, float, list[float]]:
    """Measure both sides in turn, changing who goes first.

    Args:
        ours: Measures our side once and returns seconds (or any other figure).
        theirs: Measures the other side.
        rounds: How many pairs to take.

    Returns:
        The median of our figures, of theirs, and of the ratios ours / theirs, and the ratios in order of time.
    """
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = theirs()
            pairs.append((ours(), second))
        else:
            first = ours()
            pairs.append((first, theirs()))
    ratios = [a / b for a, b in pairs]
    mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return mine, other, statistics.median(ratios), ratios


def report(
    name: str, unit: str, scale: float, other: str, result: tuple[float, float, float, list[float]]
) -> None:
    """Print one comparison on one line."""
    ours, theirs, ratio, ratios = result
    figures = f"kerasish {ours * scale:.4g} {unit}, {other} {theirs * scale:.4g} {unit}"
    print(
        f"{name}: {figures}, ratio {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds)"
    )
