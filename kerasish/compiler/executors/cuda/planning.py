"""From the nests of a kernel to its phases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from kerasish.compiler.executors.cuda.phases import (
    BitsPhase,
    MapPhase,
    Phase,
    ScalarsPhase,
    Sources,
    operands_of,
)
from kerasish.compiler.executors.cuda.reductions import ReducePhase, RowPhase
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.layout import Layout
from kerasish.compiler.nests import Bits, Grouping, Nest, Placed, operand_axes


def phases_of(grouping: Grouping, sources: Sources, needed: set[Value]) -> list[Phase]:
    """Return the phases of a kernel in order.

    Args:
        grouping: Its operations in nests.
        sources: What they compute with.
        needed: What has to be in memory after it.
    """
    phases: list[Phase] = []
    for nest in grouping.nests:
        if isinstance(nest, Bits):
            phases.append(BitsPhase(sources, nest.op))
        else:
            phases += _phases_of_nest(nest, grouping, sources)
    return _in_order([*phases, *_numbers(grouping, sources, needed)])


def _numbers(grouping: Grouping, sources: Sources, needed: set[Value]) -> Iterator[ScalarsPhase]:
    """Return what stores the single numbers that are needed: at once those that depend on nothing else here, so that
    a counter may change where it is, and the others one by one."""
    made = {op.output for nest in grouping.nests for op in _ops_of(nest)}
    late: set[Value] = set()
    for _, op in grouping.scalars:
        if any(x in made or x in late for x in op.values):
            late.add(op.output)
    stored = [op.output for _, op in grouping.scalars if op.output in needed]
    early = [v for v in stored if v not in late]
    if early:
        yield ScalarsPhase(sources, early)
    for value in stored:
        if value in late:
            yield ScalarsPhase(sources, [value])


def _ops_of(nest: Any) -> list[Op]:
    return [nest.op] if isinstance(nest, Bits) else [p.op for p in nest.placed]


def _in_order(phases: Sequence[Phase]) -> list[Phase]:
    """Put what reads something after what writes it."""
    makers = {a.value: phase for phase in phases for a in phase.writes}
    found: dict[Phase, None] = {}

    def add(phase: Phase) -> None:
        if phase not in found:
            for access in phase.reads:
                maker = makers.get(phase.root(access.value))
                if maker is not None and maker is not phase:
                    add(maker)
            found[phase] = None

    for phase in phases:
        add(phase)
    return list(found)


def _phases_of_nest(nest: Nest, grouping: Grouping, sources: Sources) -> Iterator[Phase]:
    layout = _layout(nest, sources)
    placed = {(p.op.output, p.result_axes): p for p in nest.placed if p.kind != "after"}
    stores = [
        p
        for p in placed.values()
        if p.op.output in grouping.stored and grouping.home(p.op.output) == (nest, p.result_axes)
    ]
    kept = {(p.op.output, p.result_axes) for p in stores}
    after = [p for p in nest.placed if p.kind == "after"]
    on_row = _on_row(placed)
    for p in after:
        key = (p.op.inputs[0], p.axes)
        # What depends on what a row sums up to is kept by the phase that computes it.
        if key in on_row and key not in kept:
            kept.add(key)
            stores.append(placed[key])
    if stores:
        rows = any((p.op.output, p.result_axes) in on_row for p in stores)
        kind = RowPhase if rows else MapPhase
        inner = [p for p in stores if rows or _covers(p, layout)]
        yield kind(sources, nest, layout, set(), inner)
        for p in stores:
            if p not in inner:  # it runs along some of the axes only
                yield MapPhase(sources, nest, layout.along(p.axes), set(), [p])
    for p in after:
        yield ReducePhase(sources, nest, layout, kept, p)


def _covers(p: Placed, layout: Layout) -> bool:
    return all(set(g) & set(p.axes) for g in layout.groups)


def _on_row(placed: Mapping[Any, Placed]) -> set[Any]:
    """Return the results that depend on what rows sum up to, and those sums."""
    found: set[Any] = set()
    for key, p in placed.items():
        if p.kind == "row" or any((y, operand_axes(p.op, y, p.axes)) in found for y in p.op.values):
            found.add(key)
    return found


def _layout(nest: Nest, sources: Sources) -> Layout:
    maps, apart = set(), set()
    for p in nest.placed:
        maps |= {p.axes, p.result_axes}
        for x, axes in operands_of(p):
            maps.add(axes)
            steps = sources.view(x).strides
            long_axes = [(a, n, s) for a, n, s in zip(axes, x.shape, steps, strict=True) if n != 1]
            for (a, _, step), (b, n, inner) in pairwise(long_axes):
                if step != n * inner:
                    apart.add((a, b))
    alone = {p.axes[p.op.params["axis"]] for p in nest.placed if p.op.prim.name == "iota"}
    return Layout(nest, maps, alone, apart)
