"""What a graph becomes for NumPy: straight-line Python over buffers that are allocated once.

Everything that can be decided before the first call is: where each value lives, which views of which buffers an
operation sees, and the text of the function that runs.
"""

from __future__ import annotations

import linecache
import re
import weakref
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np

from kerasish.compiler.executors import lowering
from kerasish.compiler.executors.runs import Call, TableKernel, with_runs
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.memory import plan_memory
from kerasish.compiler.views import VIEWS

_numbers = count(1)
_SMALL = 1 << 16


class Program:
    """The generated code of a graph, and what it refers to."""

    _copied = _SMALL
    """Results of no more bytes are computed in memory that stays and are copied: kernels need not be told where to."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self._given: dict[Value, str] = {}  # results that are written into arrays that a call brings
        self._objects: dict[str, Any] = {}
        self._object_names: dict[int, str] = {}
        self._names: dict[Value, str] = {}
        self._runtime: set[Value] = set()
        self._scalars: set[Any] = set()
        self._setup: list[str] = []
        self._body: list[str | Call] = []
        self._ends: list[int] = []  # how much of the body there is after each operation
        states = {id(v.data): v.data for v in graph.states}
        states.update((id(variable), variable) for variable, _ in graph.updates)
        # Blocks come first: to ask for one's array may move its members'.
        self.variables = sorted(states.values(), key=lambda variable: not hasattr(variable, "members"))
        self.holders = [v for variable in self.variables for v in getattr(variable, "members", (variable,))]
        self._roots = _view_roots(graph)
        self._view_makers = {op.output: op for op in graph.ops if op.prim.name in VIEWS}
        self._direct = {v for v in graph.outputs if v.nbytes > self._copied}
        updated = {value for _, value in graph.updates}
        planned = {
            value
            for op in graph.ops
            if isinstance(op.prim, Kernel) or lowering.rule_for(op) is not None
            for value in op.outputs
            # (Single numbers are in no memory, unless it is a variable's.)
            if value not in self._direct and (value in updated or not _is_number(op))
        }
        self.plan = plan_memory(graph, self._roots, planned, _may_overwrite, _may_join)
        self.source = self._generate()
        self.make = self._load(self.source)

    def place(self, value: Value) -> tuple[str, Any]:
        """Return where a value lives (see `NumpyExecutable.place`)."""
        if value in self._roots:
            return "view", self._roots[value]
        if value in self.plan.in_place:
            return "variable", self.plan.in_place[value]
        if value in self._scalars:
            return "number", None
        if value in self.plan.offsets:
            return "arena", self.plan.offsets[value]
        return "new", None

    def timed(self, tick: Callable[[], None]) -> Callable:
        """Return a `make` whose function calls `tick` before the first operation and after each."""
        body: list[str | Call] = ["tick()"]
        start = 0
        for end in self._ends:
            body += [*self._body[start:end], "tick()"]
            start = end
        return self._load(self._text_of_function(body), tick=tick)

    def _load(self, source: str, **names: Any) -> Callable:
        """Run generated code and return its `make`. Tracebacks show its lines."""
        name = f"<compiled graph {next(_numbers)}>"
        namespace = {**self._objects, **names}
        exec(compile(source, name, "exec"), namespace)
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        weakref.finalize(self, linecache.cache.pop, name, None)
        return namespace["make"]

    # Names

    def _bind(self, thing: Any, hint: str) -> str:
        name = self._object_names.get(id(thing))
        if name is None:
            name = f"{re.sub(r'[^0-9A-Za-z_]', '_', hint)}_{len(self._objects)}"
            self._objects[name] = thing
            self._object_names[id(thing)] = name
        return name

    def _text(self, x: Any) -> str:
        """Return the text of an operation's input."""
        if type(x) is not Value:
            return lowering.number_text(x)
        name = self._names.get(x)
        if name is None:
            assert x.kind == "constant", x
            # (Kernels would copy what does not lie in order at every call; what is large may be so for its memory.)
            small = x.nbytes <= _SMALL and not x.data.flags.c_contiguous
            name = self._names[x] = self._bind(x.data.copy() if small else x.data, "constant")
        return name

    # Code

    def _generate(self) -> str:
        for i, value in enumerate(self.graph.arguments):
            self._names[value] = f"a{i}"
            self._runtime.add(value)
        for value in self.graph.states:
            self._names[value] = f"s{self._index(value.data)}"
        for number, op in enumerate(self.graph.ops):
            self._emit(number, op)
            self._ends.append(len(self._body))
        self._finish, self._returned = self._results()
        return self._text_of_function(self._body)

    def _text_of_function(self, body: Sequence[str | Call]) -> str:
        setup, body = with_runs(body, self._bind)
        arguments = ", ".join(f"a{i}" for i in range(len(self.graph.arguments)))
        states = "".join(f"    s{i} = variables[{i}]\n" for i in range(len(self.variables)))
        lines = [
            "def make(arena, variables):",
            states.rstrip("\n"),
            *(f"    {line}" for line in [*self._setup, *setup]),
            f"    def run({arguments}):",
            *(f"        {line}" for line in [*body, *self._finish]),
            f"        return ({''.join(f'{r}, ' for r in self._returned)})",
            "    return run",
        ]
        return "\n".join(line for line in lines if line.strip()) + "\n"

    def _index(self, variable: Any) -> int:
        return next(i for i, v in enumerate(self.variables) if v is variable)

    def _emit(self, number: int, op: Op) -> None:
        name = op.prim.name
        if name in VIEWS:
            self._emit_view(number, op)
            return
        if self._emit_scalar(number, op):
            return
        inputs = [self._text(x) for x in op.inputs]
        rule = None if isinstance(op.prim, Kernel) else lowering.rule_for(op)
        if rule is None:  # it may be written for arrays only
            asarray = self._bind(np.asarray, "asarray")
            inputs = [
                f"{asarray}({t})" if x in self._scalars else t for x, t in zip(op.inputs, inputs, strict=True)
            ]
        if isinstance(op.prim, Kernel):
            outputs = [self._target(number, j, value) for j, value in enumerate(op.outputs)]
            kernel, arrays = self._bind(op.prim, "kernel"), [*inputs, *outputs]
            if isinstance(op.prim, TableKernel):
                changing = [v in self._runtime for v in (*op.inputs, *op.outputs)]
                self._body.append(Call(kernel, arrays, changing))
            else:
                self._body.append(f"{kernel}({', '.join(arrays)})")
            return
        if rule is not None:
            target = self._target(number, 0, op.output)
            inputs = [
                target if self._is_over(x, op.output) else t for x, t in zip(op.inputs, inputs, strict=True)
            ]
            joins = any(whole is op.output for whole, _ in self.plan.parts.values())
            self._body.extend(
                self._joined(op, inputs, target) if joins else rule(op, inputs, target, self._bind)
            )
            return
        kernel = self._bind(op.prim.kernels[np.ndarray], name)
        params = "".join(f", {k}={self._bind(v, k)}" for k, v in op.params.items())
        targets = []
        for j, value in enumerate(op.outputs):
            self._names[value] = f"t{number}_{j}"
            self._runtime.add(value)
            targets.append(f"t{number}_{j}")
        call = f"{kernel}({', '.join(inputs)}{params})"
        if len(targets) == 1:
            scalar = not op.output.shape
            self._body.append(
                f"{targets[0]} = {self._bind(np.asarray, 'asarray')}({call})"
                if scalar
                else f"{targets[0]} = {call}"
            )
        else:
            self._body.append(f"{', '.join(targets)} = {call}")

    def _is_over(self, x: Any, out: Value) -> bool:
        """Tell whether a result is written over an input, in the memory of both."""
        offsets = self.plan.offsets
        return (
            x in offsets and offsets[x] == offsets.get(out) and (x.shape, x.dtype) == (out.shape, out.dtype)
        )

    def _joined(self, op: Op, inputs: Sequence[str], target: str) -> list[str]:
        """Return statements that copy into a concatenation's result what was not computed there."""
        lines, start, size = [], 0, op.output.nbytes // max(op.output.shape[0], 1)
        for x, text in zip(op.values, inputs, strict=True):
            end = start + x.shape[0]
            if self.plan.parts.get(self._roots.get(x, x)) != (op.output, start * size):
                lines.append(f"{self._bind(np.copyto, 'copyto')}({target}[{start}:{end}], {text})")
            start = end
        return lines

    def _emit_scalar(self, number: int, op: Op) -> bool:
        """Compute with NumPy's scalars what has no axes, and tell whether that was possible."""
        if isinstance(op.prim, Kernel) or op.output.shape:
            return False
        inputs = [
            f"{self._text(x)}[()]" if type(x) is Value and x not in self._scalars else self._text(x)
            for x in op.inputs
        ]
        text = lowering.scalar_text(op, inputs, self._bind)
        if text is None:
            return False
        value, name = op.output, f"t{number}_0"
        if value in self.plan.in_place:
            name = f"s{self._index(self.plan.in_place[value])}"
            self._body.append(f"{name}[()] = {text}")
        elif value in self._direct:
            self._body.append(f"{name} = {self._bind(np.asarray, 'asarray')}({text})")
            self._runtime.add(value)
        else:
            self._body.append(f"{name} = {text}")
            self._runtime.add(value)
            self._scalars.add(value)
        self._names[value] = name
        return True

    def _target(self, number: int, j: int, value: Value) -> str:
        """Return the name of the array that a value is written into."""
        if value in self.plan.in_place:
            name = self._names[value] = f"s{self._index(self.plan.in_place[value])}"
            return name
        if value in self._given:
            name = self._names[value] = self._given[value]
            return name
        name = self._names[value] = f"t{number}_{j}"
        dtype = self._bind(value.dtype, str(value.dtype))
        if value in self._direct:
            self._body.append(f"{name} = {self._bind(np.empty, 'empty')}({value.shape!r}, {dtype})")
            self._runtime.add(value)
        else:
            offset = self.plan.offsets[value]
            self._setup.append(
                f"{name} = arena[{offset}:{offset + value.nbytes}].view({dtype}).reshape({value.shape!r})"
            )
        return name

    def _emit_view(self, number: int, op: Op) -> None:
        """A view of a buffer that stays where it is is made once; one of a value that comes anew, at each call."""
        x = op.inputs[0]
        call = _VIEW_TEXT[op.prim.name](self._text(x), op, self._bind)
        name = self._names[op.output] = f"v{number}"
        if x in self._runtime:
            self._runtime.add(op.output)
            self._body.append(f"{name} = {call}")
            if x in self._scalars and not op.output.shape:
                self._scalars.add(op.output)
        elif op.prim.name == "reshape" and not self._contiguous(x):
            # The values have to be copied into their new order, and at every call.
            self._runtime.add(op.output)
            self._body.append(f"{name} = {call}")
        else:
            self._setup.append(f"{name} = {call}")

    def _contiguous(self, x: Value) -> bool:
        """Tell whether a value's elements lie in order: whole buffers do, and reshapes of such."""
        while x in self._roots:
            maker = self._view_makers[x]
            if maker.prim.name != "reshape":
                return False
            x = maker.inputs[0]
        return True

    def _results(self) -> tuple[list[str], list[str]]:
        """Return the statements after the operations and the names of the results."""
        lines, results = [], []
        seen: set[Value] = set()
        for value in self.graph.outputs:
            text = self._text(value)
            # What is returned must be the caller's alone: no buffer, no variable, no argument, no second name.
            fresh = (
                value.kind == "result"
                and value in self._runtime
                and value not in self._roots
                and value not in self._scalars
                and value not in seen
            )
            # (Without axes it may be one of NumPy's scalars, of which `copy` would make another.)
            copied = f"{text}.copy()" if value.shape else f"{self._bind(np.array, 'array')}({text})"
            results.append(text if fresh else copied)
            seen.add(value)
        changed = {
            id(v) for variable, _ in self.graph.updates for v in (variable, *getattr(variable, "members", ()))
        }
        pending = []
        for variable, value in self.graph.updates:
            target = f"s{self._index(variable)}"
            if self.plan.in_place.get(value) is variable:
                continue
            text = self._text(value)
            root = self._roots.get(value, value)
            if root.kind == "state" and id(root.data) in changed:
                lines.append(f"u{len(pending)} = {text}.copy()")
                text = f"u{len(pending)}"
            pending.append(f"{self._bind(np.copyto, 'copyto')}({target}, {text})")
        results_first = [f"r{i} = {r}" for i, r in enumerate(results)]
        return [*results_first, *lines, *pending], [f"r{i}" for i in range(len(results))]


class StepProgram(Program):
    """The code of one step of a loop: a graph without variables, made for given arrays.

    Everything that depends on which arrays these are (views, addresses) is found out when the function is made.
    """

    _copied = -1

    def instantiate_for(self, arena: np.ndarray, inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable:
        """Return a function without arguments that computes the outputs in place."""
        return self.make(arena, *inputs, *outputs)

    def _generate(self) -> str:
        for i, value in enumerate(self.graph.arguments):
            self._names[value] = f"a{i}"
        for i, value in enumerate(self.graph.outputs):
            if value.kind == "result":
                self._given.setdefault(value, f"o{i}")
        for number, op in enumerate(self.graph.ops):
            self._emit(number, op)
        is_native = any(type(line) is Call for line in self._body)
        for i, value in enumerate(self.graph.outputs):
            text = self._text(value)
            if text == f"o{i}":
                continue
            if is_native and value not in self._scalars and value not in self._runtime:
                self._body.append(Call(self._bind(_copy_of(value), "copy"), [text, f"o{i}"], [False, False]))
            else:
                self._body.append(f"{self._bind(np.copyto, 'copyto')}(o{i}, {text})")
        names = [f"a{i}" for i in range(len(self.graph.arguments))]
        names += [f"o{i}" for i in range(len(self.graph.outputs))]
        setup, body = with_runs(self._body, self._bind)
        only = body == ["run0()"]
        lines = [
            f"def make({', '.join(['arena', *names])}):",
            *(f"    {line}" for line in [*self._setup, *setup]),
            *([] if only else ["    def run():", *(f"        {line}" for line in [*body, "pass"])]),
            f"    return {'run0' if only else 'run'}",
        ]
        return "\n".join(lines) + "\n"


def new_arena(size: int) -> np.ndarray:
    """Return memory that begins with a line of the cache."""
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


def _copy_of(value: Value) -> Kernel:
    from kerasish.compiler.executors.copies import CopyKernel

    return CopyKernel([value], value, 0)


def _view_roots(graph: Graph) -> dict[Value, Value]:
    """Return, for each value that is a view, the value whose memory it shows."""
    roots: dict[Value, Value] = {}
    for op in graph.ops:
        if op.prim.name in VIEWS:
            x = op.inputs[0]
            roots[op.output] = roots.get(x, x)
    return roots


def _may_overwrite(op: Op, i: int, j: int) -> bool:
    if isinstance(op.prim, Kernel):
        return op.prim.may_overwrite(i, j)
    return lowering.may_overwrite(op, i)


def _is_number(op: Op) -> bool:
    """Tell whether an operation is done with NumPy's scalars."""
    if isinstance(op.prim, Kernel) or op.output.shape:
        return False
    return lowering.scalar_text(op, ["x"] * len(op.inputs), lambda thing, hint: hint) is not None


def _may_join(op: Op) -> bool:
    return not isinstance(op.prim, Kernel)  # which are told that their memory begins with a line of the cache


_VIEW_TEXT = {
    "reshape": lambda x, op, bind: f"{x}.reshape({op.params['newshape']!r})",
    "transpose": lambda x, op, bind: f"{x}.transpose({tuple(op.params['axes'])!r})",
    # The ellipsis makes a view of a single element too, where there would be a number without it.
    "slice": lambda x, op, bind: f"{x}[{bind((*op.params['index'], Ellipsis), 'index')}]",
    "broadcast_to": lambda x, op, bind: (
        f"{bind(np.broadcast_to, 'broadcast_to')}({x}, {op.params['shape']!r})"
    ),
    "flip": lambda x, op, bind: f"{bind(np.flip, 'flip')}({x}, {tuple(op.params['axis'])!r})",
}
