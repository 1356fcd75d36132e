"""Seeing inside: what a compiled step runs, where its values live, and where its time goes."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from kerasish import config, tree
from kerasish.compiler import costs
from kerasish.compiler.function import Compiled, Function, _array
from kerasish.compiler.graph import Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.memory import rounded


class KernelPlan:
    """One line of a plan: a kernel, or a call of a library.

    Attributes:
        name: The primitive's name, or the kernel's.
        primitives: The names of the primitives that it contains, if it is a kernel that was fused of several.
        inputs: What it reads: names of values (`"%3"`, `"input 0"`, a variable's path) and numbers.
        outputs: The names of its results.
        specs: The dtype and shape of each result, such as `"float32 (32, 10)"`.
        places: For each result, where it is written.
        reuses: For each result, the earlier one whose memory it takes, or None.
        in_place: For each result, whether it is written over one of the kernel's own inputs.
        flops: Floating-point operations of a call, None where they are not known.
        bytes_read: Bytes of all that it reads.
        bytes_written: Bytes of its results, and of room that it works in.
        seconds: Median time of a call, None if it was not measured.
    """

    def __init__(self, op: Op):
        self.name: str = op.prim.name
        self.primitives = costs.primitives(op)
        self.is_kernel = isinstance(op.prim, Kernel)
        self.flops = costs.flops(op)
        self.bytes_read, self.bytes_written = costs.bytes_moved(op)
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.specs = [f"{v.dtype} {v.shape}" for v in op.outputs]
        self.places: list[str] = []
        self.reuses: list[str | None] = []
        self.in_place: list[bool] = []
        self.seconds: float | None = None

    @property
    def is_view(self) -> bool:
        """Whether the kernel only looks at memory in another way."""
        return self.places[0].startswith("view of ")

    def __repr__(self) -> str:
        return f"<{self.name} -> {', '.join(self.specs)}>"


class Explanation:
    """The plan of a compiled graph. `str()` is it as text; `kerasish.utils.drawing` draws it.

    Attributes:
        title: What it is the plan of.
        kernels: A `KernelPlan` for each operation, in the order in which they run.
        inputs: Name, and dtype and shape, of each argument.
        variables: Paths of the variables that are read or written.
        planned_bytes: Bytes of the memory for values on the way, as it is planned.
        planned_bytes_without_reuse: What that would be if each value had a place to itself.
        source: The Python that runs.
        seconds: Median time of a call in all kernels, None if it was not measured.
    """

    def __init__(self, compiled: Compiled, title: str):
        graph, executable = compiled.graph, compiled.executable
        self.title = title
        self.source = executable.source
        self.seconds: float | None = None
        self.planned_bytes: int = executable.plan.size
        self.planned_bytes_without_reuse = sum(rounded(v.nbytes) for v in executable.plan.offsets)
        self.inputs = [(f"input {i}", f"{v.dtype} {v.shape}") for i, v in enumerate(graph.arguments)]
        self.variables = list(
            dict.fromkeys([*(v.data.path for v in graph.states), *(var.path for var, _ in graph.updates)])
        )
        self._names: dict[Value, str] = {v: f"input {i}" for i, v in enumerate(graph.arguments)}
        self.kernels = [self._kernel(op) for op in graph.ops]
        self.outputs = [self._name(v) for v in graph.outputs]
        self._place(graph.ops, executable)

    @property
    def flops(self) -> int:
        """Floating-point operations of a call, of all kernels whose are known."""
        return sum(k.flops or 0 for k in self.kernels)

    @property
    def bytes_moved(self) -> int:
        """Bytes that the kernels read and write."""
        return sum(k.bytes_read + k.bytes_written for k in self.kernels)

    def by_name(self) -> list[tuple[str, int, float]]:
        """Return where the time goes: for each kind of kernel its name, how many there are, and their seconds.

        Raises:
            ValueError: If no time was measured.
        """
        if self.seconds is None:
            raise ValueError("No time was measured. Call `explain(..., time=True)`.")
        found: dict[str, list[float]] = {}
        for kernel in self.kernels:
            found.setdefault(kernel.name, []).append(kernel.seconds or 0.0)
        rows = [(name, len(seconds), sum(seconds)) for name, seconds in found.items()]
        return sorted(rows, key=lambda row: -row[2])

    def __str__(self) -> str:
        from kerasish.compiler.plan_text import text_of

        return text_of(self)

    def __repr__(self) -> str:
        return f"<Explanation of {self.title}: {len(self.kernels)} kernels>"

    def _name(self, x: Any) -> str:
        if type(x) is not Value:
            return repr(x)
        name = self._names.get(x)
        if name is None:
            if x.kind == "state":
                name = x.data.path
            elif x.kind == "constant":
                name = repr(x.data.item()) if x.size == 1 else f"constant {x.dtype} {x.shape}"
            else:
                name = f"%{sum(n.startswith('%') for n in self._names.values())}"
            self._names[x] = name
        return name

    def _kernel(self, op: Op) -> KernelPlan:
        kernel = KernelPlan(op)
        kernel.inputs = [self._name(x) for x in op.inputs]
        kernel.outputs = [self._name(v) for v in op.outputs]
        return kernel

    def _place(self, ops: Sequence[Op], executable: Any) -> None:
        """Say where each result is written, and what was in that memory before."""
        wholes = {whole for whole, _ in executable.plan.parts.values()}
        before: list[tuple[int, int, Value]] = []  # stretches of the arena, and what is in them
        for op, kernel in zip(ops, self.kernels, strict=True):
            roots = {x: executable.place(x) for x in op.values if x.kind == "result"}
            read = {place[1] if place[0] == "view" else x for x, place in roots.items()}
            states = [x.data for x in op.values if x.kind == "state"]
            for value in op.outputs:
                kind, where = executable.place(value)
                reused, in_place = None, False
                if kind == "arena":
                    start, end = where, where + rounded(value.nbytes)
                    taken = [entry for entry in before if entry[0] < end and start < entry[1]]
                    before = [entry for entry in before if entry not in taken]
                    before.append((start, end, value))
                    over = [v for _, _, v in taken if v in read]
                    old = over or [v for _, _, v in taken]
                    reused, in_place = (self._name(old[-1]) if old else None), bool(over)
                    if value in wholes:  # its parts are there
                        reused, in_place = None, True
                    text = f"arena+{where}"
                elif kind == "variable":
                    in_place = any(where is s for s in states)
                    text = f"variable {where.path}"
                else:
                    text = {"view": "view of ", "number": "a number", "new": "new array"}[kind]
                    text += self._name(where) if kind == "view" else ""
                kernel.places.append(text)
                kernel.reuses.append(reused)
                kernel.in_place.append(in_place)


def explain(
    target: Any,
    *inputs: Any,
    train: bool | None = None,
    time: bool = False,
    runs: int = 20,
    print_fn: Callable[[str], Any] | None = print,
) -> Explanation:
    """Print the plan of a compiled step: its kernels in order, shapes, FLOPs, bytes, buffers and, if wanted, times.

    Example:

    >>> model = kerasish.Sequential([kerasish.Input((4,)), kerasish.layers.Dense(3, "relu")])
    >>> plan = kerasish.compiler.explain(model, np.ones((8, 4), "float32"), print_fn=None)
    >>> plan.kernels[0].name, plan.kernels[0].flops
    ('matmul', 192)
    >>> from kerasish.utils.drawing import to_dot
    >>> to_dot(plan).startswith("digraph")
    True

    Nothing changes by it: weights, metrics and seeds keep their values, also where times are measured. A model's
    variables and its optimizer's are made if they are not there yet.

    Args:
        target: A model, a `kerasish.function`, or any function of tensors.
        *inputs: For a model a batch as `fit` takes it: `x`, `x, y` or `x, y, sample_weight` of arrays; for a function
            its arguments.
        train: For a model: True for the step of `fit`, False for that of `evaluate` (with `y`) or `predict`
            (without). By default what is trained on if there are targets, and predicted if not.
        time: Whether to run the plan, on copies of the variables, and measure each kernel.
        runs: How many runs to take the median time of.
        print_fn: What prints the text; None prints nothing.

    Returns:
        An `Explanation`.

    Raises:
        TypeError: If `target` cannot be called.
        ValueError: If a model runs op by op, or is not compiled and is to be trained; if numeric checks are on.
        NoValueError: If the function cannot be traced.
    """
    if runs < 1:
        raise ValueError(f"Argument `runs` must be a positive integer. Received: runs={runs!r}")
    if not callable(target):
        raise TypeError(
            "Argument `target` must be a model, a `kerasish.function` or another function of tensors. Received: "
            f"{target!r} (type {type(target).__name__})"
        )
    if config.is_numeric_checks_enabled():
        raise ValueError(
            "There is no plan to explain while numeric checks are on: graphs run op by op, as they were traced. Turn "
            "the checks off first, by `config.disable_numeric_checks()`."
        )
    step = getattr(target, "_compiled_step", None)
    if step is None:
        if train is not None:
            raise ValueError(f"Argument `train` is for models. Received: target={target!r}, train={train!r}")
        compiled, arrays = _traced_function(target, inputs)
        title = getattr(target, "__name__", None) or type(target).__name__
    else:
        kind = _kind_of_step(target, inputs, train)
        compiled, arrays = step(kind, *inputs)
        title = f"the {kind} step of model '{target.name}'"
    explanation = Explanation(compiled, title)
    if time:
        _measure(explanation, compiled, arrays, runs)
    if print_fn is not None:
        print_fn(str(explanation))
    return explanation


def _traced_function(target: Any, inputs: tuple) -> tuple[Compiled, list[Any]]:
    function = target if isinstance(target, Function) else Function(target)
    arrays = [_array(leaf) for leaf in tree.flatten(inputs)]
    return function.trace(*inputs), [a for a in arrays if a is not None]


def _kind_of_step(model: Any, inputs: tuple, train: bool | None) -> str:
    if not 1 <= len(inputs) <= 3:
        raise ValueError(
            f"A model's step takes a batch: `x`, `x, y` or `x, y, sample_weight`. Received: {len(inputs)} inputs for "
            f"model '{model.name}'. Several inputs of a model go into one list or dict."
        )
    if train is None:
        train = len(inputs) > 1
    return "train" if train else "predict" if len(inputs) == 1 else "test"


def _measure(explanation: Explanation, compiled: Compiled, arrays: list[Any], runs: int) -> None:
    # The first runs wake caches and BLAS's threads.
    seconds = compiled.executable.profile(arrays, runs + 3)[3:]
    for kernel, times in zip(explanation.kernels, zip(*seconds, strict=True), strict=True):
        kernel.seconds = statistics.median(times)
    explanation.seconds = sum(k.seconds or 0.0 for k in explanation.kernels)


__all__ = ["Explanation", "KernelPlan", "explain"]
