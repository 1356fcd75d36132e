"""Memory plan: which buffer each value of a graph lives in.

Values get places in one arena by liveness: a buffer is free again after the last use of the value in it. A value that
an operation may write over one of its inputs takes over that input's buffer, a variable's new value is written
straight into the variable's own array where nothing reads the old one any more, and what a concatenation puts one after
another can be computed there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish.compiler.graph import Graph, Op, Value

_ALIGNMENT = 64

MayOverwrite = Callable[[Op, int, int], bool]
"""`(op, input position, output position) -> whether that output may be written over that input`."""


class Plan:
    """Where the values of a graph live.

    Attributes:
        offsets: Byte offset in the arena of each planned value.
        in_place: Values written into a variable's own array, with the variable.
        parts: Values computed where a concatenation puts them, with its result and where they begin in it, in bytes.
        size: Bytes of the arena.
        reused: Bytes that would have been needed on top without reuse.
    """

    def __init__(self) -> None:
        self.offsets: dict[Value, int] = {}
        self.in_place: dict[Value, Any] = {}
        self.parts: dict[Value, tuple[Value, int]] = {}
        self.size = 0
        self.reused = 0


class _Arena:
    """Free stretches of the arena, first fit by exact or larger size."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []

    def take(self, nbytes: int) -> int:
        nbytes = rounded(nbytes)
        best = min((f for f in self._free if f[1] >= nbytes), key=lambda f: f[1], default=None)
        if best is None:
            offset = self.size
            self.size += nbytes
            return offset
        self._free.remove(best)
        offset, length = best
        if length > nbytes:
            self._free.append((offset + nbytes, length - nbytes))
        return offset

    def give(self, offset: int, nbytes: int) -> None:
        nbytes = rounded(nbytes)
        for start, length in self._free:  # merge with neighbors, so that large buffers fit again
            if start + length == offset:
                self._free.remove((start, length))
                return self.give(start, length + nbytes)
            if offset + nbytes == start:
                self._free.remove((start, length))
                return self.give(offset, nbytes + length)
        self._free.append((offset, nbytes))


def rounded(nbytes: int) -> int:
    """Return how many bytes of the arena a value of so many takes."""
    return max(-(-nbytes // _ALIGNMENT) * _ALIGNMENT, _ALIGNMENT)


def plan_memory(
    graph: Graph,
    roots: dict[Value, Value],
    planned: set[Value],
    may_overwrite: MayOverwrite,
    may_join: Callable[[Op], bool] = lambda op: False,
    in_place_from: int = 0,
) -> Plan:
    """Give every planned value a place.

    Args:
        graph: The graph.
        roots: For each view, the value whose memory it shows.
        planned: The values that operations write into given arrays (the others are allocated when they are made).
        may_overwrite: When an output may take over an input's memory.
        may_join: Whether what an operation computes may be part of a concatenation's result.
        in_place_from: The number of the first operation that may write a variable's own array.
    """
    plan = Plan()
    last_use = _last_uses(graph, roots)
    late = {value for op in graph.ops[in_place_from:] for value in op.outputs}
    _place_updates(graph, roots, planned & late, last_use, may_overwrite, plan)
    _place_parts(graph, roots, planned, last_use, may_join, plan)
    arena = _Arena()
    for time, op in enumerate(graph.ops):
        dying = {
            roots.get(v, v)
            for v in op.values
            if last_use[roots.get(v, v)] == time and roots.get(v, v) in plan.offsets
        } - plan.parts.keys()
        for j, value in enumerate(op.outputs):
            if value not in planned or value in plan.in_place or value in plan.offsets:
                continue
            if value in plan.parts:
                whole, _ = plan.parts[value]
                start = plan.offsets[whole] = arena.take(whole.nbytes)
                plan.offsets.update((x, start + n) for x, (y, n) in plan.parts.items() if y is whole)
                continue
            taken = _taken_over(op, j, dying, roots, may_overwrite)
            if taken is not None:
                plan.offsets[value] = plan.offsets[taken]
                plan.reused += value.nbytes
                dying.discard(taken)
            else:
                before = arena.size
                plan.offsets[value] = arena.take(value.nbytes)
                plan.reused += value.nbytes if arena.size == before else 0
        for value in dying:
            arena.give(plan.offsets[value], value.nbytes)
        for value in op.outputs:
            if value in plan.offsets and value not in last_use:
                arena.give(plan.offsets[value], value.nbytes)
    plan.size = arena.size
    return plan


def _last_uses(graph: Graph, roots: dict[Value, Value]) -> dict[Value, int]:
    """Return the number of the last operation that uses each value, itself or through a view."""
    last: dict[Value, int] = {}
    for time, op in enumerate(graph.ops):
        for value in op.values:
            last[roots.get(value, value)] = time
    for value in graph.wanted:
        last[roots.get(value, value)] = len(graph.ops)
    return last


def _taken_over(
    op: Op, j: int, dying: set[Value], roots: dict[Value, Value], may_overwrite: MayOverwrite
) -> Value | None:
    for i, x in enumerate(op.inputs):
        if type(x) is not Value or x not in dying:
            continue
        same_root = sum(1 for y in op.values if roots.get(y, y) is x)
        own = sum(1 for y in op.values if y is x)
        if same_root == own and x.nbytes == op.outputs[j].nbytes and may_overwrite(op, i, j):
            return x
    return None


def _place_updates(
    graph: Graph,
    roots: dict[Value, Value],
    planned: set[Value],
    last_use: dict[Value, int],
    may_overwrite: MayOverwrite,
    plan: Plan,
) -> None:
    """Find the variables whose new value can be written straight into their own arrays."""
    read = (*graph.states, *roots.values())  # (a state may be read as a view only)
    states = {id(v.data): v for v in read if v.kind == "state"}
    made = {value: (time, op, j) for time, op in enumerate(graph.ops) for j, value in enumerate(op.outputs)}
    outputs = {roots.get(v, v) for v in graph.outputs}
    for variable, value in graph.updates:
        if value not in planned or value in plan.in_place or value not in made or value in outputs:
            continue
        time, op, j = made[value]
        # A block's memory is that of its members too.
        olds = [states[id(v)] for v in (variable, *getattr(variable, "members", ())) if id(v) in states]
        if any(last_use[old] > time or old in outputs for old in olds):
            continue
        uses = [i for i, x in enumerate(op.inputs) if type(x) is Value and roots.get(x, x) in olds]
        own = states.get(id(variable))
        if any(op.inputs[i] is not own or not may_overwrite(op, i, j) for i in uses):
            continue
        plan.in_place[value] = variable


def _place_parts(
    graph: Graph,
    roots: dict[Value, Value],
    planned: set[Value],
    last_use: dict[Value, int],
    may_join: Callable[[Op], bool],
    plan: Plan,
) -> None:
    """Find what can be computed where a concatenation puts it."""
    made = {value: op for op in graph.ops for value in op.outputs}
    for time, op in enumerate(graph.ops):
        whole = op.outputs[0]
        joins = op.prim.name == "concatenate" and op.params.get("axis") == 0
        if not joins or whole not in planned or whole in plan.in_place:
            continue
        start = 0
        for x in op.values:
            part = x
            while part in roots and made[part].prim.name == "reshape":
                part = made[part].inputs[0]
            free = (
                part in planned and part not in roots and part not in plan.in_place and part not in plan.parts
            )
            # (What is read later too would be lost when the whole is written over.)
            if (
                free
                and last_use[part] == time
                and made[part].prim.name != "concatenate"
                and may_join(made[part])
            ):
                plan.parts[part] = whole, start
            start += x.nbytes
