"""Layered layout of a directed graph, after Sugiyama, Tagawa and Toda (1981).

Four steps: ranks by longest paths; the order within each rank by barycenters, so that few edges cross; coordinates by
pulling each box to the mean of its neighbors as far as boxes do not overlap; edges as lines through the places kept
free for them in the ranks they pass.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

from kerasish.utils.drawing.style import LINE_HEIGHT, PADDING, box_size, text_width

RANK_GAP, NODE_GAP, LANE = 34.0, 22.0, 6.0
MARGIN, FRAME = 14.0, 12.0
SWEEPS = 6

Point = tuple[float, float]


class Layout:
    """Where everything is, in pixels from the top left corner.

    Attributes:
        width: The picture's width.
        height: The picture's height.
        boxes: For each node its center x, center y, width and height.
        paths: For each edge the points that it goes through, from border to border.
        frames: For each group its title and left, top, width, height; outer ones first.
    """

    def __init__(self) -> None:
        self.width = self.height = 0.0
        self.boxes: dict[Hashable, tuple[float, float, float, float]] = {}
        self.paths: list[list[Point]] = []
        self.frames: list[tuple[str, float, float, float, float]] = []


class _Skeleton:
    """The graph with a placeholder in every rank that an edge passes, as lists of numbers."""

    def __init__(self, graph: Any):
        self.keys = list(graph.nodes)
        index = {key: i for i, key in enumerate(self.keys)}
        edges = [(index[s], index[t]) for s, t in graph.edges]
        self.ranks = _ranks(len(self.keys), edges)
        self.chains: list[list[int]] = []
        for source, target in edges:
            chain = [source]
            step = 1 if self.ranks[target] >= self.ranks[source] else -1
            for rank in range(self.ranks[source] + step, self.ranks[target], step):
                chain.append(len(self.ranks))
                self.ranks.append(rank)
            chain.append(target)
            self.chains.append(chain)
        size = len(self.ranks)
        self.above: list[list[int]] = [[] for _ in range(size)]
        self.below: list[list[int]] = [[] for _ in range(size)]
        for chain in self.chains:
            for a, b in pairwise(chain):
                if self.ranks[a] != self.ranks[b]:
                    upper, lower = (a, b) if self.ranks[a] < self.ranks[b] else (b, a)
                    self.below[upper].append(lower)
                    self.above[lower].append(upper)
        self.rows: list[list[int]] = [[] for _ in range(max(self.ranks, default=-1) + 1)]
        for i, rank in enumerate(self.ranks):
            self.rows[rank].append(i)


def _ranks(size: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return each node's longest distance from a source; sources stand right above what they feed.

    Where a graph has cycles, an edge that closes one points upwards.
    """
    successors: list[list[int]] = [[] for _ in range(size)]
    waiting = [0] * size
    for source, target in edges:
        if source != target:
            successors[source].append(target)
            waiting[target] += 1
    is_source = [count == 0 for count in waiting]
    ranks, done = [0] * size, [False] * size
    ready = [i for i in range(size) if is_source[i]]
    left = iter(range(size))
    while True:
        while ready:
            node = ready.pop()
            if done[node]:
                continue
            done[node] = True
            for target in successors[node]:
                if done[target]:
                    continue
                ranks[target] = max(ranks[target], ranks[node] + 1)
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
        stuck = next((i for i in left if not done[i]), None)
        if stuck is None:
            break
        ready.append(stuck)
    for node in range(size):
        if is_source[node] and successors[node]:
            ranks[node] = min(ranks[target] for target in successors[node]) - 1
    return ranks


def _order(skeleton: _Skeleton) -> None:
    """Sort each row by the mean place of its neighbors in the row before, down and up a few times."""
    place = [0.0] * len(skeleton.ranks)
    for row in skeleton.rows:
        for position, node in enumerate(row):
            place[node] = position
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbors = skeleton.above if down else skeleton.below
        for row in skeleton.rows if down else reversed(skeleton.rows):
            mean = {n: sum(place[m] for m in neighbors[n]) / len(neighbors[n]) for n in row if neighbors[n]}
            wanted = {n: mean.get(n, place[n]) for n in row}
            row.sort(key=wanted.__getitem__)
            for position, node in enumerate(row):
                place[node] = position


def _closest_apart(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return the positions closest to `wanted` (least squares) that keep at least `gaps` between neighbors.

    With the gaps subtracted this is isotonic regression, solved by pooling adjacent violators.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, int]] = []
    for value, offset in zip(wanted, offsets, strict=True):
        mean, count = value - offset, 1
        while pools and pools[-1][0] > mean:
            before, size = pools.pop()
            mean = (before * size + mean * count) / (size + count)
            count += size
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [x + offset for x, offset in zip(flat, offsets, strict=True)]


def _across(skeleton: _Skeleton, breadths: Sequence[float]) -> list[float]:
    """Return every node's center along its row."""
    x = [0.0] * len(skeleton.ranks)
    gaps = []
    for row in skeleton.rows:
        gaps.append([(breadths[a] + breadths[b]) / 2 + NODE_GAP for a, b in pairwise(row)])
        for node, position in zip(row, _closest_apart([0.0] * len(row), gaps[-1]), strict=True):
            x[node] = position
    for sweep in range(2 * SWEEPS):
        rows = list(zip(skeleton.rows, gaps, strict=True))
        for row, between in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for node in row:
                near = skeleton.above[node] + skeleton.below[node]
                wanted.append(sum(x[m] for m in near) / len(near) if near else x[node])
            for node, position in zip(row, _closest_apart(wanted, between), strict=True):
                x[node] = position
    left = min((x[n] - breadths[n] / 2 for n in range(len(x))), default=0.0)
    return [value - left for value in x]


def _along(skeleton: _Skeleton, depths: Sequence[float], gap: float) -> tuple[list[float], float]:
    """Return every node's center along the ranks, and the total length."""
    centers, start = [0.0] * len(skeleton.ranks), 0.0
    for row in skeleton.rows:
        depth = max(depths[n] for n in row) if row else 0.0
        for node in row:
            centers[node] = start + depth / 2
        start += depth + gap
    return centers, max(start - gap, 0.0)


def layout(graph: Any) -> Layout:
    """Place the nodes, edges and frames of `graph`."""
    skeleton = _Skeleton(graph)
    _order(skeleton)
    sideways = graph.rankdir in ("LR", "RL")
    nesting = max((len(node.group) for node in graph.nodes.values()), default=0)
    sizes = [box_size(graph.nodes[key]) for key in skeleton.keys]
    sizes += [(LANE, LANE)] * (len(skeleton.ranks) - len(sizes))
    turned = [(h, w) if sideways else (w, h) for w, h in sizes]
    across = _across(skeleton, [breadth for breadth, _ in turned])
    along, length = _along(skeleton, [depth for _, depth in turned], RANK_GAP + 2.2 * FRAME * nesting)
    if graph.rankdir in ("BT", "RL"):
        along = [length - value for value in along]
    centers = list(zip(along, across, strict=True)) if sideways else list(zip(across, along, strict=True))
    result = Layout()
    result.boxes = {key: (*centers[i], *sizes[i]) for i, key in enumerate(skeleton.keys)}
    result.paths = [
        _clipped([centers[n] for n in c], sizes[c[0]], sizes[c[-1]], sideways) for c in skeleton.chains
    ]
    _frame(graph, result, nesting)
    _fit(graph, result)
    return result


def _clipped(points: list[Point], first: Point, last: Point, sideways: bool) -> list[Point]:
    """Return the path with its ends moved from the boxes' centers to their borders."""
    if points[0] == points[-1]:
        (x, y), (w, h) = points[0], first
        out = x + w / 2 + 18
        return [(x + w / 2, y - h / 4), (out, y - h / 4), (out, y + h / 4), (x + w / 2, y + h / 4)]
    start = _border(points[0], points[1], first, sideways)
    return [start, *points[1:-1], _border(points[-1], points[-2], last, sideways)]


def _border(center: Point, towards: Point, size: Point, sideways: bool) -> Point:
    """Return where an edge from a box's center to another point leaves the box: on the side that faces its rank."""
    if sideways:
        y, x = _border((center[1], center[0]), (towards[1], towards[0]), (size[1], size[0]), False)
        return x, y
    dx, dy = towards[0] - center[0], towards[1] - center[1]
    half, reach = size[1] / 2, 0.35 * size[0]
    slide = dx * half / abs(dy) if dy else dx
    return center[0] + min(max(slide, -reach), reach), center[1] + (half if dy > 0 else -half)


def _frame(graph: Any, result: Layout, nesting: int) -> None:
    groups: dict[tuple[str, ...], list[Hashable]] = {}
    for key, node in graph.nodes.items():
        for depth in range(1, len(node.group) + 1):
            groups.setdefault(node.group[:depth], []).append(key)
    for group in sorted(groups, key=len):
        pad = FRAME * (nesting - len(group) + 1)
        boxes = [result.boxes[key] for key in groups[group]]
        left = min(x - w / 2 for x, _, w, _ in boxes) - pad
        right = max(max(x + w / 2 for x, _, w, _ in boxes) + pad, left + text_width(group[-1]) + 2 * PADDING)
        top = min(y - h / 2 for _, y, _, h in boxes) - pad - LINE_HEIGHT / 2
        bottom = max(y + h / 2 for _, y, _, h in boxes) + pad
        result.frames.append((group[-1], left, top, right - left, bottom - top))


def _fit(graph: Any, result: Layout) -> None:
    """Move everything so that the picture begins at its margin, and measure it."""
    lefts = [x - w / 2 for x, _, w, _ in result.boxes.values()] + [f[1] for f in result.frames]
    tops = [y - h / 2 for _, y, _, h in result.boxes.values()] + [f[2] for f in result.frames]
    rights = [x + w / 2 for x, _, w, _ in result.boxes.values()] + [f[1] + f[3] for f in result.frames]
    bottoms = [y + h / 2 for _, y, _, h in result.boxes.values()] + [f[2] + f[4] for f in result.frames]
    for path in result.paths:
        rights += [x for x, _ in path]
    title = LINE_HEIGHT * 1.5 if graph.title else 0.0
    dx, dy = MARGIN - min(lefts, default=0.0), MARGIN + title - min(tops, default=0.0)
    result.boxes = {key: (x + dx, y + dy, w, h) for key, (x, y, w, h) in result.boxes.items()}
    result.paths = [[(x + dx, y + dy) for x, y in path] for path in result.paths]
    result.frames = [(name, x + dx, y + dy, w, h) for name, x, y, w, h in result.frames]
    wide = text_width(graph.title or "", bold=True) + 2 * MARGIN
    result.width = max(max(rights, default=0.0) + dx + MARGIN, wide)
    result.height = max(bottoms, default=0.0) + dy + MARGIN


def curve(path: Sequence[Point], sideways: bool) -> list[tuple[Point, Point, Point]]:
    """Return a path as Bézier segments (two control points and an end each) that leave and arrive along the ranks."""
    segments = []
    for (x0, y0), (x1, y1) in pairwise(path):
        if sideways:
            middle = (x0 + x1) / 2
            segments.append(((middle, y0), (middle, y1), (x1, y1)))
        else:
            middle = (y0 + y1) / 2
            segments.append(((x0, middle), (x1, middle), (x1, y1)))
    return segments
