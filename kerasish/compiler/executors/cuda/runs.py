"""Runs: the kernels and small products between two library calls, as launches."""

from __future__ import annotations

from collections.abc import Sequence

from kerasish.compiler.executors.cuda.kernels import CudaKernel, LaunchKernel, Library
from kerasish.compiler.executors.cuda.phases import Phase, Sources
from kerasish.compiler.executors.cuda.schedule import Chain, Needs, schedule
from kerasish.compiler.executors.cuda.small_products import product_phase
from kerasish.compiler.executors.cuda.steps import Product
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.nests import Grouping
from kerasish.compiler.views import View

_LITTLE = 2**16
"""Elements of the largest phase that waits for the launches of the next run: what it reads stays in memory so long."""


class _Run:
    """Operations that consist of phases, and those that follow them and do not."""

    def __init__(self) -> None:
        self.ops: list[tuple[Op, Sequence[Phase]]] = []
        self.following: list[Op] = []


def with_launches(graph: Graph, views: dict[Value, View]) -> Graph:
    """Put launches in place of kernels and small products, for those that follow each other as few as possible.

    What nothing needs before the next run, and would take a launch of its own, is done there.
    """
    states = {
        id(v.data): v for v in (*graph.states, *(view.root for view in views.values())) if v.kind == "state"
    }
    replaced = {value: states[id(variable)] for variable, value in graph.updates if id(variable) in states}
    names: dict[Phase, str] = {}
    ops: list[Op] = []
    late: list[Phase] = []
    runs = _runs(graph, views)
    for run in runs:
        names.update(
            (phase, op.prim.name.removeprefix("fused_")) for op, phases in run.ops for phase in phases
        )
        phases = [*late, *(phase for _, own in run.ops for phase in own)]
        late = []
        if len(phases) == 1 and not phases[0].stands_alone:
            ops.append(run.ops[0][0])
        elif phases:
            launches = schedule(phases, Needs(phases, replaced))
            if run is not runs[-1]:
                late = _put_off(launches, _roots_read(run.following, views))
            for chains in launches:
                kernel = LaunchKernel(chains, _name([names[p] for chain in chains for p in chain.phases]))
                ops.append(Op(kernel, kernel.inputs, {}, kernel.outputs))
        ops += run.following
    return graph.with_ops(_with_views(ops, graph, views))


def _name(parts: Sequence[str]) -> str:
    different = list(dict.fromkeys(parts))
    return ("together_" if len(different) > 1 else "fused_") + "_".join(different)[:80]


def _runs(graph: Graph, views: dict[Value, View]) -> list[_Run]:
    sources = Sources(Grouping((), set()), views)
    runs = [_Run()]
    for op in graph.ops:
        if op.output in views:
            continue
        phases = _phases(op, sources)
        if not phases:
            runs[-1].following.append(op)
            continue
        if runs[-1].following:
            runs.append(_Run())
        runs[-1].ops.append((op, phases))
    return runs


def _phases(op: Op, sources: Sources) -> Sequence[Phase]:
    """Return the phases of an operation that consists of such."""
    if isinstance(op.prim, CudaKernel):
        return op.prim.phases
    if isinstance(op.prim, Library) and len(op.prim.steps) == 1 and isinstance(op.prim.steps[0], Product):
        phase = product_phase(op.prim.steps[0], sources)
        return () if phase is None else (phase,)
    return ()


def _roots_read(ops: Sequence[Op], views: dict[Value, View]) -> set[Value]:
    return {views[x].root if x in views else x for op in ops for x in op.values}


def _put_off(launches: list[list[Chain]], needed: set[Value]) -> list[Phase]:
    """Take away the last launches if they do little and nothing needs it at once; return their phases in order."""
    late: list[Phase] = []
    while len(launches) > 1:
        phases = [phase for chain in launches[-1] for phase in chain.phases]
        if any(p.work > _LITTLE or any(a.value in needed for a in p.writes) for p in phases):
            break
        late = [*phases, *late]
        launches.pop()
    return late


def _with_views(ops: Sequence[Op], graph: Graph, views: dict[Value, View]) -> list[Op]:
    """Put each view behind what makes the array that it shows."""
    shown: dict[Value, list[Op]] = {}
    for op in graph.ops:
        if op.output in views:
            shown.setdefault(views[op.output].root, []).append(op)
    found: list[Op] = []
    for op in ops:
        found.append(op)
        for value in op.outputs:
            found += shown.pop(value, ())
    return [*(view for some in shown.values() for view in some), *found]


__all__ = ["with_launches"]
