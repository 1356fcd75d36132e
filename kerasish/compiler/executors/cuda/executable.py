"""The CUDA executor: a program's launches in order, recorded as one CUDA graph once they have run.

The first call of a set of buffers launches one step after another; the second records them, and from then on a call is
a single launch. Where something cannot be recorded (an operation of the array library that waits for the GPU), every
call launches one after another.

Where the steps gather their batches themselves, a call may be for several batches that follow each other. Once such a
number of batches has come often enough, steps for all of them are recorded in a row: one launch again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from kerasish.autograd.state import clock
from kerasish.compiler import interrupts
from kerasish.compiler.executors.cuda.arguments import Arguments
from kerasish.compiler.executors.cuda.feed import Feed
from kerasish.compiler.executors.cuda.program import (
    Loop,
    Program,
    Repeated,
    WhileLoop,
    copies,
    has_steps,
    steps_of,
)
from kerasish.compiler.executors.cuda.runtime import module_text
from kerasish.compiler.executors.cuda.steps import Launch, Product
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.memory import Plan
from kerasish.devices import to_numpy
from kerasish.devices.memory import OutOfMemoryError

_BATCHES_AT_ONCE = 16
"""On how many batches one launch runs at most. A launch and the Python around it take the host up to 40 us, of which 16
batches bear less each than the smallest step takes the GPU; more of them would gain nothing."""

_LAUNCHES_AT_ONCE = 256
"""How many launches are recorded in a row at most, unless a single batch has more: they keep the GPU busy for several
times as long as the host needs for what comes next, so that more would gain nothing."""

_OFTEN = 4
"""At which call with the same number of batches it is recorded: that takes about as long as the host gains by so many
launches, and what is left over at the end of an epoch comes once in an epoch."""


class Runtime(Protocol):
    """What runs steps: a GPU through CuPy, or a stand-in for tests."""

    array_type: type

    @property
    def records(self) -> bool:
        """Whether steps can be recorded."""

    def use(self) -> AbstractContextManager:
        """Return a context for all that follows: on the GPU of this runtime, with errors of this package."""

    def compile(self, steps: Sequence[Launch]) -> list[Any]:
        """Return the functions of the kernels that are launched."""

    def memory(self, nbytes: int) -> Any:
        """Return memory: it has an address `ptr`, and `memory + n` is the memory from the n-th byte on."""

    def location(self, array: Any) -> Any:
        """Return where a contiguous array lies, as `memory` does."""

    def array(
        self, location: Any, shape: Sequence[int], dtype: np.dtype, strides: Sequence[int] | None
    ) -> Any:
        """Return an array that shows memory; strides are in bytes, None where the elements lie in order."""

    def fits(self, array: Any) -> bool:
        """Tell whether kernels can work on an array where it lies: in order, and at a multiple of 16 bytes."""

    def fresh(self, array: Any) -> Any:
        """Return a copy whose elements lie in order."""

    def contiguous(self, array: Any) -> Any:
        """Return an array whose elements lie in order, itself where they do."""

    def put(self, array: Any, location: Any) -> None:
        """Copy an array of the host or of the device to memory."""

    def asarray(self, array: np.ndarray) -> Any:
        """Return an array of the host as one of the device."""

    def launch(self, function: Any, step: Launch, addresses: Sequence[int]) -> None:
        """Launch a kernel."""

    def product(self, step: Product, addresses: Sequence[int]) -> None:
        """Launch a matrix product; the addresses are those of the result, the factors and the bias."""

    def synchronize(self) -> None:
        """Wait until all that was launched is done."""

    # What `Transfer` needs. Streams and events are CuPy's, or what has the same methods.

    def page_locked(self, nbytes: int) -> np.ndarray:
        """Return bytes of the host that the GPU can copy by itself; others where no more can be had."""

    def stream(self) -> Any:
        """Return the stream that steps run on."""

    def side_stream(self) -> Any:
        """Return a new stream that nothing waits for unless it is told to."""

    def event(self) -> Any:
        """Return a new event. Until it is recorded, nobody waits for it."""

    def copy(self, source: Any, target: Any, nbytes: int, stream: Any) -> None:
        """Copy from memory of the host (an array of bytes) or of the device to the device, on a stream."""

    def record(self, run: Callable[[], None]) -> Callable[[], None] | None:
        """Record what `run` launches and return what launches it all at once; None where that cannot be."""


class CudaExecutable:
    """A graph ready to run on a GPU.

    Calls from several threads are safe: each call has an instance (a set of buffers) to itself.

    Attributes:
        batches_at_once: With how many batches it may be called.

    Args:
        graph: The graph.
        runtime: What runs it.
    """

    def __init__(self, graph: Graph, runtime: Runtime):
        self._program = Program(graph, records=runtime.records)
        self._runtime = runtime
        self.graph = self._program.graph
        with runtime.use():
            self._functions = _functions(self._program, runtime)
        self._lock = threading.Lock()
        self._idle: list[_Instance] = []
        self._written = [variable for variable, _ in graph.updates]
        self.batches_at_once = _batches_at_once(self._program) if runtime.records else 1

    @property
    def plan(self) -> Plan:
        """Where the values live."""
        return self._program.plan

    @property
    def source(self) -> str:
        """The CUDA C++ of its kernels."""
        return module_text(list({step.source: step for step in _launches(self._program)}.values()))[0]

    def place(self, value: Value) -> tuple[str, Any]:
        """Return where a value lives, as `NumpyExecutable.place` does."""
        program = self._program
        if value in program.views:
            return "view", program.views[value].root
        if value in program.plan.in_place:
            return "variable", program.plan.in_place[value]
        if value in program.plan.offsets:
            return "arena", program.plan.offsets[value]
        return "new", None

    def __call__(self, arguments: Sequence[Any], times: int = 1) -> tuple:
        """Run the graph: return its outputs as new arrays and give the variables their new values.

        Args:
            arguments: Arrays of the device or of the host, or `Rows` of such.
            times: With how many batches to run, at most `batches_at_once`, if the arguments are `Rows` of arrays of the
                device: with this one and those that follow it there.
        """
        if self._written:
            with interrupts.whole(), self._runtime.use():
                return self._update(arguments, times)
        with self._runtime.use():
            return self._run(arguments, times)

    def _update(self, arguments: Sequence[Any], times: int) -> tuple:
        for variable in self._written:
            if variable._shared:
                variable.writable()
        try:
            return self._run(arguments, times)
        finally:  # (if one of several batches fails, those before it have been run)
            now = clock()
            for variable in self._written:
                variable._changed = now

    def _run(self, arguments: Sequence[Any], times: int) -> tuple:
        with self._lock:
            instance = self._idle.pop() if self._idle else None
        if instance is None:
            instance = _Instance(self._program, self._functions, self._runtime)
        results = instance.run(arguments, times)
        self._idle.append(instance)
        return results

    def profile(self, arguments: Sequence[Any], runs: int) -> list[list[float]]:
        """Measure how long each operation takes, on copies of the variables; see `NumpyExecutable.profile`.

        What shares a launch is one operation.
        """
        with self._runtime.use():
            instance = _Instance(self._program, self._functions, self._runtime, on_copies=True)
            return [instance.timed(arguments) for _ in range(runs)]


def _functions(program: Program, runtime: Runtime) -> dict[str, Any]:
    """Return the compiled function of each kernel's text."""
    steps = {step.source: step for step in _launches(program)}
    return dict(zip(steps, runtime.compile(list(steps.values())), strict=True)) if steps else {}


def _launches(program: Program) -> Iterator[Launch]:
    yield from program.launches
    for op in program.graph.ops:
        for inner in op.prim.programs if isinstance(op.prim, Repeated) else ():
            yield from _launches(inner)
    if program.copies:
        yield _final_copies(program)


def _batches_at_once(program: Program) -> int:
    """Return on how many batches one launch of a program is to run."""
    if program.in_place or not program.recordable or program.graph.outputs:
        return 1
    return max(1, min(_BATCHES_AT_ONCE, _LAUNCHES_AT_ONCE // (1 + _length(program))))


def _length(program: Program) -> int:
    """Return how many launches a run of a program that can be recorded is, beside the gathering of its arguments."""
    length = int(bool(program.copies))
    for op in program.graph.ops:
        if isinstance(op.prim, Loop):
            length += op.prim.length * sum(map(_length, op.prim.programs))
        elif op.output not in program.views:
            length += len(steps_of(op)) if has_steps(op) else 1
    return length


def _final_copies(program: Program) -> Launch:
    return copies([(value, program.targets[id(variable)]) for variable, value in program.copies])


class _Frame:
    """Where the values of a program are while it runs.

    Args:
        program: The program.
        arena: The memory of its planned values.
        given: Memory of values that are elsewhere.
        shared: What runs it.
    """

    def __init__(self, program: Program, arena: Any, given: dict[Value, Any], shared: _Instance):
        self.program = program
        self.given = given
        self._arena = arena
        self._shared = shared
        self._results: dict[Value, Any] = {}

    def locate(self, value: Value) -> Any:
        """Return the memory of a value's first element."""
        view = self.program.views.get(value)
        if view is not None:
            return self.locate(view.root) + view.offset * value.dtype.itemsize
        found = self.given.get(value)
        if found is not None:
            return found
        variable = self.program.plan.in_place.get(value)
        if variable is not None:
            return self._shared.states[id(variable)]
        offset = self.program.plan.offsets.get(value)
        if offset is not None:
            return self._arena + offset
        if value.kind == "state":
            return self._shared.states[id(value.data)]
        if value.kind == "constant":
            return self._shared.constant(value)
        return self._shared.runtime.location(self._results[value])

    @property
    def arguments(self) -> Sequence[Value]:
        """The arguments of the program."""
        return self.program.graph.arguments

    @property
    def outputs(self) -> Sequence[Value]:
        """The results of the program."""
        return self.program.graph.outputs

    def give(self, values: Sequence[Value], places: Iterable[Any]) -> None:
        """Say where values are."""
        self.given.update(zip(values, places, strict=True))

    def array(self, value: Value) -> Any:
        """Return a value as an array."""
        found = self._results.get(value)
        if found is not None:
            return found
        view = self.program.view(value)
        itemsize = value.dtype.itemsize
        strides = [s * itemsize for s in view.strides]
        return self._shared.runtime.array(self.locate(value), value.shape, value.dtype, strides)

    def run(self) -> None:
        """Launch the program's steps one after another."""
        for op in self.program.graph.ops:
            self.run_op(op)

    def run_op(self, op: Op) -> None:
        """Launch the steps of one operation."""
        if op.output in self.program.views:
            return
        if isinstance(op.prim, Loop):
            self._loop(op)
            return
        if isinstance(op.prim, WhileLoop):
            self._while(op)
            return
        for step in steps_of(op):
            self.step(step)
        if not has_steps(op):
            self._call(op)

    def step(self, step: Any) -> None:
        runtime, shared = self._shared.runtime, self._shared
        if isinstance(step, Launch):
            runtime.launch(shared.functions[step.source], step, [self.locate(v).ptr for v in step.arguments])
            return
        values = [step.out.value, step.x.value, step.y.value]
        if step.bias is not None:
            values.append(step.bias)
        runtime.product(step, [self.locate(v).ptr for v in values])

    def _call(self, op: Op) -> None:
        """Run an operation as in eager execution."""
        runtime = self._shared.runtime
        kernel = op.prim.kernels[runtime.array_type]
        outs = kernel(*[self.array(x) if type(x) is Value else x for x in op.inputs], **op.params)
        outs = outs if isinstance(outs, tuple) else (outs,)
        for value, out in zip(op.outputs, outs, strict=True):
            if type(out) is not runtime.array_type:
                out = runtime.asarray(np.asarray(out, value.dtype))
            self._results[value] = runtime.contiguous(out)

    def _inner(self, loop: Repeated) -> list[_Frame]:
        """Return frames for the programs of a loop."""
        arenas = [None if room is None else self.locate(room) for room in loop.rooms]
        return [
            _Frame(program, arena, {}, self._shared)
            for program, arena in zip(loop.programs, arenas, strict=True)
        ]

    def _loop(self, op: Op) -> None:
        loop: Loop = op.prim
        (step,) = self._inner(loop)
        before = loop.carried + loop.sliced
        step.give(step.arguments[before:], map(self.locate, op.inputs[before:]))
        now = [self.locate(x) for x in op.inputs[: loop.carried]]
        slices = op.inputs[loop.carried : before]
        last = [self.locate(v) for v in op.outputs[: loop.carried]]
        stacks = [self.locate(v) for v in op.outputs[loop.carried : loop.results]]
        heads = [self.locate(x) for x in slices]
        strides = [self.program.view(x).strides[0] * x.dtype.itemsize for x in slices]
        for number, t in enumerate(loop.order):
            final = number == loop.length - 1
            new = last if final else [self.locate(v) for v in loop.buffers[number % 2]]
            places = [head + t * stride for head, stride in zip(heads, strides, strict=True)]
            ends = [
                stack + t * v.nbytes for stack, v in zip(stacks, step.outputs[loop.carried :], strict=True)
            ]
            step.give(step.arguments[:before], [*now, *places])
            step.give(step.outputs, [*new, *ends])
            step.run()
            now = new
        if not loop.length:
            self._copy(op.inputs[: loop.carried], last)

    def _while(self, op: Op) -> None:
        loop: WhileLoop = op.prim
        condition, step = self._inner(loop)
        places = list(map(self.locate, op.inputs))
        condition.give(condition.arguments[loop.carried :], places[loop.carried : loop.split])
        condition.give(condition.outputs, [self.locate(loop.holds)])
        step.give(step.arguments[loop.carried :], places[loop.split :])
        values: Sequence[Value] = op.inputs[: loop.carried]
        count = 0
        while loop.limit is None or count < loop.limit:
            now = list(map(self.locate, values))
            condition.give(condition.arguments[: loop.carried], now)
            condition.run()
            if not self.array(loop.holds).item():
                break
            values = loop.buffers[count % 2]
            step.give(step.arguments[: loop.carried], now)
            step.give(step.outputs, map(self.locate, values))
            step.run()
            count += 1
        self._copy(values, map(self.locate, op.outputs[: loop.results]))

    def _copy(self, values: Sequence[Value], places: Iterable[Any]) -> None:
        for value, place in zip(values, places, strict=True):
            self._shared.runtime.put(self.array(value), place)


class _Instance:
    """One set of buffers.

    Attributes:
        states: Where each variable's array is, by the variable's id.
        functions: The compiled kernels by their text.
        runtime: What runs them.
    """

    def __init__(
        self, program: Program, functions: dict[str, Any], runtime: Runtime, on_copies: bool = False
    ):
        self._on_copies = on_copies
        self.program = program
        self.functions = functions
        self.runtime = runtime
        self.states: dict[int, Any] = {}
        self._constants: dict[Value, Any] = {}
        self._held: list[Any] = []  # keeps the constants' memory
        self._arrays: list[Any] = []
        self._calls: Counter[int] = Counter()
        self._replays: dict[int, Callable[[], None] | None] = {}
        self._arguments = Arguments(program, runtime)
        arena = runtime.memory(max(program.plan.size, 1))
        self._frame = _Frame(program, arena, self._arguments.places, self)
        self._copies = _final_copies(program) if program.copies else None
        for value in program.constants:
            self.constant(value)
        self._bind()

    def constant(self, value: Value) -> Any:
        """Return where a constant is."""
        found = self._constants.get(value)
        if found is None:
            array = value.data
            if type(array) is not self.runtime.array_type:
                array = self.runtime.asarray(np.array(array))
            array = self.runtime.contiguous(array)
            self._held.append(array)
            found = self._constants[value] = self.runtime.location(array)
        return found

    def _bind(self) -> None:
        """Take the arrays that the variables have now."""
        self._forget()
        for variable, _ in self.program.variables:
            if not self.runtime.fits(variable._array):
                variable._array = self.runtime.fresh(variable._array)
            array = variable._array
            if self._on_copies:
                self._held.append(array := self.runtime.fresh(array))
            self.states[id(variable)] = self.runtime.location(array)
        self._arrays = [variable._array for variable, _ in self.program.variables]

    def _forget(self) -> None:
        """Give up what is recorded: it is of other arrays."""
        self._calls.clear()
        self._replays.clear()

    def _bound(self) -> bool:
        for (variable, _), array in zip(self.program.variables, self._arrays, strict=True):
            if variable._array is not array:
                return False
        return True

    def run(self, arguments: Sequence[Any], times: int) -> tuple:
        """Run with these arguments, and the batches behind them, and return the results as new arrays."""
        if not self._bound():
            self._bind()
        feed = self._arguments.feed
        self._arguments.bring(arguments, times)
        if self._arguments.feed is not feed:
            self._forget()
        results = self._results()  # before any state changes: there may be no room for them
        if self.program.in_place:
            self._run_in_place(results)
        else:
            self._run_whole(times)
            for value, result in zip(self.program.graph.outputs, results, strict=True):
                self.runtime.put(self._frame.array(value), self.runtime.location(result))
        return tuple(results)

    def _results(self) -> list[Any]:
        """Return new arrays for the results."""
        runtime = self.runtime
        return [
            runtime.array(runtime.memory(max(v.nbytes, 1)), v.shape, v.dtype, None)
            for v in self.program.graph.outputs
        ]

    def timed(self, arguments: Sequence[Any]) -> list[float]:
        """Run with these arguments and return the seconds that each operation takes."""
        given, runtime = self._frame.given, self.runtime
        for value, array in zip(self.program.graph.arguments, arguments, strict=True):
            place = given.setdefault(value, runtime.memory(max(value.nbytes, 1)))
            runtime.put(array, place)
        for value in self.program.graph.outputs if self.program.in_place else ():
            given.setdefault(value, runtime.memory(max(value.nbytes, 1)))
        seconds = []
        for op in self.program.graph.ops:
            runtime.synchronize()
            start = perf_counter()
            self._frame.run_op(op)
            runtime.synchronize()
            seconds.append(perf_counter() - start)
        return seconds

    def _run_in_place(self, results: Sequence[Any]) -> None:
        """Run on the arguments' own memory and into new arrays, step by step."""
        given = self._frame.given
        for value, result in zip(self.program.graph.outputs, results, strict=True):
            given[value] = self.runtime.location(result)
        self._launch()
        for value in (*self.program.graph.arguments, *self.program.graph.outputs):
            given.pop(value, None)
        self._arguments.let_go()

    def _run_whole(self, times: int) -> None:
        """Run on the arguments that are there, and the batches behind them; where one fails, states are as before it.

        What may fail is a run that is not recorded, if it asks for memory: recorded ones ask for none.
        """
        self._calls[times] += 1
        if self._calls[times] == (2 if times == 1 else _OFTEN) and self.program.recordable:
            self._replays[times] = self._recorded(times)
        replay = self._replays.get(times)
        if replay is not None:
            replay()
        elif times == 1:
            self._run_once()
        else:
            for _ in range(times):
                self._run_whole(1)

    def _recorded(self, times: int) -> Callable[[], None] | None:
        """Return what runs the program on so many batches by one launch; None where that cannot be."""
        if times == 1:
            return self.runtime.record(self._launch)

        def launch() -> None:
            for _ in range(times):
                self._launch()

        try:
            with self.runtime.use():
                return self.runtime.record(launch)
        except OutOfMemoryError:  # the recording's own: there is one of a single step
            return None

    def _run_once(self) -> None:
        """Launch one step after another."""
        arrays = [variable._array for variable in self.program.exposed]
        saved = [(self.runtime.location(a), to_numpy(a)) for a in arrays]
        try:
            self._launch()
        except BaseException:
            for location, values in saved:
                self.runtime.put(values, location)
            raise

    def _launch(self) -> None:
        frame, feed = self._frame, self._arguments.feed
        if feed is not None:
            self._gather(feed)
        frame.run()
        if self._copies is not None:
            frame.step(self._copies)

    def _gather(self, feed: Feed) -> None:
        """Launch the gathering of a batch. Nothing keeps the data afterwards: fits end, and the data go."""
        if feed.gather.source not in self.functions:
            (self.functions[feed.gather.source],) = self.runtime.compile([feed.gather])
        places = feed.places(self.runtime.location)
        self._frame.given.update(places)
        self._frame.step(feed.gather)
        for value in places:
            del self._frame.given[value]
