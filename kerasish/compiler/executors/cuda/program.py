"""A graph as the program of a GPU: its steps, and where its values live.

Everything between two library calls is fused into kernels; matrix products, convolutions and poolings are launches too.
What has no code of its own is called as in eager execution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kerasish.autograd.primitive import TABLE
from kerasish.compiler.decompose import decompose
from kerasish.compiler.executors.cuda.code import is_half, memory_type
from kerasish.compiler.executors.cuda.kernels import CudaKernel, LaunchKernel, Library
from kerasish.compiler.executors.cuda.phases import PACK
from kerasish.compiler.executors.cuda.products import (
    Affine,
    is_product,
    product_of,
    with_epilogues,
    with_matrices,
)
from kerasish.compiler.executors.cuda.runs import with_launches
from kerasish.compiler.executors.cuda.steps import Launch, Product, Step
from kerasish.compiler.executors.cuda.views import lay_out
from kerasish.compiler.executors.cuda.windows import lower_windows
from kerasish.compiler.fusion import group, is_fusible
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.memory import Plan, plan_memory
from kerasish.compiler.passes import optimize, slice_first
from kerasish.compiler.views import VIEWS, View, contiguous_strides, place_of

_DTYPES = frozenset("?bhilqBHILQefd")


class Repeated(Kernel):
    """A loop, whose programs are launched again and again. Their outputs are written where the loop wants them.

    Attributes:
        programs: The programs of what it repeats.
        rooms: The memory that each of them works in, or None.
        carried: How many arrays each step hands on to the next.
        results: How many results the loop has.
        buffers: Two places for what is carried, which take turns.
        waits: Whether the host has to wait for the GPU to know how it goes on.
        outputs: The results, then memory that it works in.
    """

    def __init__(self, programs: Sequence[Program], carried: int, results: Sequence[Value], waits: bool):
        self.programs = tuple(programs)
        self.carried, self.results, self.waits = carried, len(results), waits
        self.buffers = [[Value(v.shape, v.dtype) for v in results[:carried]] for _ in range(2)]
        sizes = [program.plan.size for program in programs]
        self.rooms = [Value((size,), np.dtype(np.uint8)) if size else None for size in sizes]
        self.outputs = [*results, *self.buffers[0], *self.buffers[1], *(r for r in self.rooms if r)]

    @property
    def recordable(self) -> bool:
        """Whether all of it can be recorded."""
        return not self.waits and all(program.recordable for program in self.programs)


class Loop(Repeated):
    """A loop over the leading axis of arrays: the program of a step, launched once for each slice.

    Attributes:
        sliced: How many arrays the steps take a slice each of.
        order: The slices in the order of the steps.
    """

    name = "scan"

    def __init__(self, op: Op, kept: Sequence[Value]):
        params = op.params
        body: Graph = params["body"]
        wanted = [r for r, v in zip(body.outputs, op.outputs, strict=True) if v in kept]
        super().__init__([_repeated(body, wanted)], params["carried"], kept, waits=False)
        self.sliced, self.length = params["sliced"], params["length"]
        self.order = range(self.length - 1, -1, -1) if params["reverse"] else range(self.length)


class WhileLoop(Repeated):
    """A loop that goes on while a condition holds: the programs of the condition and of a step, in turn.

    Attributes:
        limit: Most steps, or None.
        split: How many inputs belong to the condition: what is carried and what it takes from outside.
        holds: Where the condition's result is written.
    """

    name = "while_loop"

    def __init__(self, op: Op):
        params = op.params
        condition, body = params["condition"], params["body"]
        programs = [_repeated(graph, graph.outputs) for graph in (condition, body)]
        super().__init__(programs, params["carried"], op.outputs, waits=True)
        self.limit, self.split = params["limit"], len(condition.arguments)
        self.holds = Value((), np.dtype(bool))
        self.outputs.append(self.holds)


def _repeated(body: Graph, outputs: Sequence[Value]) -> Program:
    graph = optimize(Graph(body.arguments, body.ops, outputs, ()))
    return Program(_with_own_outputs(graph), given=True)


def _with_own_outputs(graph: Graph) -> Graph:
    """Return the graph with a copy for each output that is no result of its own, so that each can be put anywhere."""
    made = {v for op in graph.ops for v in op.outputs}
    reads = {x for op in graph.ops for x in op.values}
    outputs = graph.outputs
    return _with_copies(
        graph, [v not in made or v in reads or v in outputs[:i] for i, v in enumerate(outputs)]
    )


def _with_copies(graph: Graph, wanted: Sequence[bool]) -> Graph:
    """Return the graph with copies in place of some of its outputs."""
    ops, outputs = list(graph.ops), []
    for value, copy in zip(graph.outputs, wanted, strict=True):
        if copy:
            copied = Value(value.shape, value.dtype)
            ops.append(Op(TABLE["copy"], [value], {}, [copied]))
            value = copied
        outputs.append(value)
    return Graph(graph.arguments, ops, outputs, graph.updates)


class Program:
    """What a GPU runs for a graph.

    Attributes:
        graph: The graph, of kernels, library calls and views.
        views: Where the values lie that are views.
        plan: Where the others live.
        variables: Each variable that is read or written, with a value that stands for its array.
        targets: Those values by the variables' ids.
        in_place: Whether copies of arguments and results would take longer than launching one step after another.
        copies: Pairs of a variable and the value that is copied into it at the end.
        calls: Whether it calls functions of the array library, which ask for memory when they are called.
        multiplies: Whether it has matrix products.
        recordable: Whether all of it can be recorded.
        exposed: Variables that are written in place before the last of such calls.
        constants: The constants that it reads.

    Args:
        graph: A graph of primitives.
        given: Whether the outputs are written into memory that is given at each run.
        records: Whether what runs it can record steps. If not, products are calls of the array library too.
    """

    def __init__(self, graph: Graph, given: bool = False, records: bool = True):
        self.graph, self.views = _prepared(graph if given else _settled(graph))
        if given and any(calls := self._made_by_calls()):
            self.graph, self.views = _prepared(_with_copies(graph, calls))
        self.roots = {value: view.root for value, view in self.views.items()}
        planned = {v for op in self.graph.ops if isinstance(op.prim, Kernel) for v in op.outputs}
        if given:
            planned -= set(self.graph.outputs)
        calls = sum(max(len(steps_of(op)), 1) for op in self.graph.ops if op.output not in self.views)
        given_bytes = sum(v.nbytes for v in (*self.graph.arguments, *self.graph.outputs))
        own = all(v in planned for v in self.graph.outputs)
        self.in_place = not given and own and given_bytes > calls * _COPIED_IN_A_CALL
        if self.in_place:
            planned -= set(self.graph.outputs)
        self.recordable = all(
            op.prim.recordable if isinstance(op.prim, Repeated) else op.prim.name not in _WAITING
            for op in self.graph.ops
        )
        self.multiplies = any(map(self._multiplies, self.graph.ops))
        called = [
            number
            for number, op in enumerate(self.graph.ops)
            if self._calls(op) or not records and self._multiplies(op)
        ]
        self.calls = bool(called)
        # A call that may fail at any run, since it has no memory of its own, comes before the first change of a state.
        first = called[-1] + 1 if called and (self.in_place or not self.recordable or not records) else 0
        self.plan: Plan = plan_memory(self.graph, self.roots, planned, _may_overwrite, in_place_from=first)
        before = {v for op in self.graph.ops[: called[-1] if called else 0] for v in op.outputs}
        self.exposed = [variable for value, variable in self.plan.in_place.items() if value in before]
        self.copies = [
            (variable, value)
            for variable, value in self.graph.updates
            if self.plan.in_place.get(value) is not variable
        ]
        states = {id(v.data): (v.data, v) for v in self.graph.states}
        states.update(
            (id(root.data), (root.data, root)) for root in self.roots.values() if root.kind == "state"
        )
        for variable, value in self.graph.updates:
            states.setdefault(id(variable), (variable, Value(value.shape, value.dtype, "state", variable)))
        self.variables = list(states.values())
        self.targets = {key: value for key, (_, value) in states.items()}
        read = [v for op in self.graph.ops for v in op.values]
        read += [*self.roots.values(), *(v for launch in self.launches for v in launch.arguments)]
        self.constants = [v for v in dict.fromkeys(read) if v.kind == "constant"]
        for op in self.graph.ops:
            if isinstance(op.prim, Repeated):
                self.constants += [v for program in op.prim.programs for v in program.constants]

    def _made_by_calls(self) -> list[bool]:
        """Tell for each output whether it is no kernel's result, and so cannot be put anywhere."""
        made = {v for op in self.graph.ops if isinstance(op.prim, Kernel) for v in op.outputs}
        return [v not in made or v in self.views for v in self.graph.outputs]

    def _multiplies(self, op: Op) -> bool:
        if isinstance(op.prim, Repeated):
            return any(program.multiplies for program in op.prim.programs)
        return any(isinstance(step, Product) for step in steps_of(op))

    def _calls(self, op: Op) -> bool:
        if isinstance(op.prim, Repeated):
            return any(program.calls for program in op.prim.programs)
        return op.output not in self.views and not has_steps(op)

    def view(self, value: Value) -> View:
        """Return where the elements of a value lie."""
        return place_of(value, self.views)

    @property
    def launches(self) -> list[Launch]:
        """All launches of kernels."""
        return [s for op in self.graph.ops for s in steps_of(op) if isinstance(s, Launch)]


_COPIED_IN_A_CALL = 8 * 2**20
"""Bytes that are copied in the time of a launch."""

_WAITING = frozenset(
    "svd qr eig eigh cholesky solve inv det slogdet lu_factor lstsq pinv triangular_solve unique "
    "nonzero".split()
)
"""Primitives whose functions in the array library wait for the GPU or cannot be recorded."""


def has_steps(op: Op) -> bool:
    """Tell whether an operation is done by steps."""
    return isinstance(op.prim, (LaunchKernel, Library))


def steps_of(op: Op) -> Sequence[Step]:
    """Return the steps of an operation; none for views and what is called as in eager execution."""
    return op.prim.steps if has_steps(op) else ()


def _may_overwrite(op: Op, i: int, j: int) -> bool:
    return bool(op.prim.may_overwrite(i, j))


def _computes(dtype: np.dtype) -> bool:
    return dtype.char in _DTYPES or is_half(dtype)


def _fusible(op: Op) -> bool:
    return not isinstance(op.prim, Kernel) and is_fusible(op, _computes)


def _prepared(graph: Graph) -> tuple[Graph, dict[Value, View]]:
    graph = _with_loops(slice_first(decompose(graph, halves=True)))
    graph, views = lay_out(graph, keep=_fusible)
    graph = _with_whole_inputs(graph, views)
    graph = with_epilogues(with_matrices(graph, views), views)
    graph = group(graph, _kernel_maker(views), _fusible)
    ops = [_with_steps(op, views) for op in graph.ops]
    return with_launches(graph.with_ops(ops), views), views


def _settled(graph: Graph) -> Graph:
    """Put copies in front of results and new states that are no operation's own result.

    All new states are copied to their variables at once, at the end, so that none of them may be another's old one.
    """
    made = {v for op in graph.ops if op.prim.name not in VIEWS for v in op.outputs}
    ops = list(graph.ops)

    def own(value: Value) -> Value:
        if value in made:
            return value
        copied = Value(value.shape, value.dtype)
        ops.append(Op(TABLE["copy"], [value], {}, [copied]))
        return copied

    outputs = [own(v) for v in graph.outputs]
    updates = [(variable, own(v)) for variable, v in graph.updates]
    return Graph(graph.arguments, ops, outputs, updates)


def _with_loops(graph: Graph) -> Graph:
    uses = graph.uses()
    ops = []
    for op in graph.ops:
        if op.prim.name == "scan" and not isinstance(op.prim, Kernel):
            carried = op.params["carried"]
            kept = [v for i, v in enumerate(op.outputs) if i < carried or v in uses]
            loop = Loop(op, kept)
            op = Op(loop, op.inputs, {}, loop.outputs)
        elif op.prim.name == "while_loop" and not isinstance(op.prim, Kernel):
            repeated = WhileLoop(op)
            op = Op(repeated, op.inputs, {}, repeated.outputs)
        ops.append(op)
    return graph.with_ops(ops)


def _with_whole_inputs(graph: Graph, views: dict[Value, View]) -> Graph:
    """Put copies in front of convolutions, poolings and loops whose inputs do not lie as arrays of their own would."""
    ops: list[Op] = []
    for op in graph.ops:
        if op.prim.name in _WINDOWS or isinstance(op.prim, Repeated):
            inputs = []
            for x in op.inputs:
                if x in views and not _is_array(x, views[x]):
                    copied = Value(x.shape, x.dtype)
                    ops.append(Op(TABLE["copy"], [x], {}, [copied]))
                    x = copied
                inputs.append(x)
            op = Op(op.prim, inputs, op.params, op.outputs)
        ops.append(op)
    return graph.with_ops(ops)


_WINDOWS = frozenset(
    "conv conv_transpose conv_kernel_gradient max_pool max_pool_route max_pool_pick average_pool "
    "average_pool_transpose".split()
)


def _is_array(x: Value, view: View) -> bool:
    """Tell whether the elements of a view lie in order, the first of them where packs of 16 bytes may begin."""
    if view.offset * x.dtype.itemsize % PACK:
        return False
    steps = contiguous_strides(x.shape)
    return all(n == 1 or s == t for n, s, t in zip(x.shape, view.strides, steps, strict=True))


def _kernel_maker(views: dict[Value, View]) -> Callable:
    def make(ops: Sequence[Op], needed: set[Value], name: str) -> CudaKernel:
        return CudaKernel(ops, needed, name, views)

    return make


def _with_steps(op: Op, views: dict[Value, View]) -> Op:
    """Return an operation with its library's calls in place of its primitive, where there are such."""
    if isinstance(op.prim, (CudaKernel, Repeated)):
        return op
    steps: list[Step] = []
    scratch: list[Value] = []
    if isinstance(op.prim, Affine):
        x, y, bias = op.inputs
        product = Op(op.prim.op.prim, [x, y], op.prim.op.params, op.outputs)
        steps = [product_of(product, views, bias, op.prim.activation)]
    elif is_product(op):
        steps = [product_of(op, views)]
    else:
        lowered = lower_windows(op)
        if lowered is None:
            return op
        steps, scratch = lowered
    outputs = [*op.outputs, *scratch]
    return Op(Library(op.prim.name, steps, outputs), op.inputs, {}, outputs)


def copies(pairs: Sequence[tuple[Value, Value]]) -> Launch:
    """Return one launch that copies arrays into others of the same shape and dtype.

    Args:
        pairs: Source and destination of each.
    """
    threads = 256
    body, first = [], 0
    arguments: list[Value] = []
    for source, target in pairs:
        kind = memory_type(target.dtype)
        blocks = max(1, min(-(-target.size // threads), 1024))
        a, b = len(arguments), len(arguments) + 1
        arguments += [source, target]
        body += [
            f"if ({f'blockIdx.x >= {first}u && ' if first else ''}blockIdx.x < {first + blocks}u)",
            f"for (i64 i = (i64)(blockIdx.x - {first}u) * {threads} + threadIdx.x; i < {target.size}; "
            f"i += {blocks * threads}) (({kind}*)a{b})[i] = ((const {kind}*)a{a})[i];",
        ]
        first += blocks
    parameters = ", ".join(f"{'const ' if i % 2 == 0 else ''}void* a{i}" for i in range(len(arguments)))
    source_text = "\n".join(
        [f'extern "C" __global__ void __launch_bounds__({threads}) NAME({parameters}) {{', *body, "}"]
    )
    return Launch(source_text, first, threads, arguments, [t for _, t in pairs], "copy_states")


__all__ = ["VIEWS", "Library", "Loop", "Program", "Repeated", "WhileLoop", "copies", "has_steps", "steps_of"]
