"""Compiled functions: traced once per signature, then run without Python between the operations."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from kerasish import config, devices, tree
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.state import making, state
from kerasish.autograd.tensor import Tensor
from kerasish.compiler import passes
from kerasish.compiler.blocks import put_side_by_side
from kerasish.compiler.caches import TraceCache
from kerasish.compiler.executors import compiles_for, jit, runtime_for
from kerasish.compiler.executors.checked import CheckedExecutable
from kerasish.compiler.executors.numpy import NumpyExecutable
from kerasish.compiler.executors.pieces import in_pieces
from kerasish.compiler.graph import Graph
from kerasish.compiler.loops import compile_loops
from kerasish.compiler.trace import Literal, trace

Signature = tuple


class Compiled:
    """One trace of a function, ready to run on the device of its variables.

    Attributes:
        graph: The optimized graph; while numeric checks are on, the graph as it was traced.
        executable: What runs it.

    Args:
        function: Takes as many tensors as there are `arguments`.
        arguments: Shape and dtype of each.
        arrays: What it will be called with first: the device of a function without variables is theirs.
    """

    graph: Graph

    executable: Any

    def __init__(self, function: Callable, arguments: list[Abstract], arrays: Sequence[Any] = ()):
        if config.is_numeric_checks_enabled():
            self.graph, self._structure = trace(function, arguments, loops_as_graphs=False)
            self.executable = CheckedExecutable(self.graph, _home(self.graph, arrays))
            return
        graph, self._structure = trace(function, arguments)
        self.graph = passes.optimize(graph)
        runtime = runtime_for(_home(self.graph, arrays))
        if runtime is not None:
            from kerasish.compiler.executors.cuda import CudaExecutable  # what a CPU does not need

            self.executable = CudaExecutable(self.graph, runtime)
            self.graph = self.executable.graph
            return
        native = native_kernels() and _is_worth_machine_code(self.graph)
        self.graph = compile_loops(self.graph, native)
        if native:
            from kerasish.compiler.fusion import fuse  # a few modules that nothing else needs

            self.graph = fuse(self.graph)
        else:
            if self.graph.updates:
                # (Predictions do not need it.)
                from kerasish.compiler.class_indices import share_crossentropies

                self.graph = share_crossentropies(self.graph)
            self.graph = in_pieces(put_side_by_side(self.graph))
        self.executable = NumpyExecutable(self.graph)

    def __call__(self, arrays: list[Any]) -> Any:
        """Run on arrays of the traced shapes and dtypes; return what the function returns, with new tensors."""
        return self.pack(self.executable(arrays))

    def pack(self, results: tuple) -> Any:
        """Return the arrays of a run in the structure that the function returns."""
        return tree.map_structure(lambda leaf: _result(leaf, results), self._structure)


def _home(graph: Graph, arrays: Sequence[Any]) -> Any:
    """Return an array of the device that a graph runs on: its variables' and its arguments', or else the default one.

    Raises:
        ValueError: If they are on several devices. Arrays of the host are moved to where the others are.
    """
    found: dict[str, Any] = {}
    for value in graph.states:
        found.setdefault(devices.device_name(value.data._array), value.data._array)
    for array in arrays:
        if type(array) is not np.ndarray:
            found.setdefault(devices.device_name(array), array)
    if len(found) > 1:
        raise ValueError(
            f"A compiled function got variables and tensors on different devices: {', '.join(sorted(found))}. Move "
            'them to one device first, for example with `x.to("cpu")`.'
        )
    return next(iter(found.values())) if found else devices.place(np.zeros(1, np.float32))


def _result(leaf: Any, results: tuple) -> Any:
    if type(leaf) is Literal:
        return leaf.value
    tensor = object.__new__(Tensor)
    tensor._value = results[leaf]
    return tensor


def native_kernels() -> bool:
    """Tell whether graphs are fused into machine code: where the extra `jit` is installed, unless `KERASISH_JIT=0`."""
    return os.environ.get("KERASISH_JIT") != "0" and jit.available()


_LARGE = 2**16
"""Elements in all results of a graph that changes no state, from which on it is worth loading LLVM for."""


def _is_worth_machine_code(graph: Graph) -> bool:
    """Tell whether a graph runs often (a training step) or on much data; a small prediction starts faster without."""
    return bool(graph.updates) or sum(v.size for op in graph.ops for v in op.outputs) >= _LARGE


class Function:
    """A callable that compiles `function` for every signature that it meets (see `kerasish.function`).

    Attributes:
        traces: The compiled traces by signature.
    """

    def __init__(self, function: Callable):
        self._function = function
        self.traces: dict[Signature, Compiled] = TraceCache()
        update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Inside another trace it is part of that one; where gradients are recorded, they go through each operation.
        if state.overlay is not None or state.tapes:
            return self._function(*args, **kwargs)
        if len(args) == 1 and not kwargs and type(args[0]) is np.ndarray:  # the serving case, without detours
            array = args[0]
            compiled = self.traces.get((array.shape, array.dtype))
            if compiled is not None:
                return compiled([array])
        flat = tree.flatten((args, kwargs))
        if any(map(_must_run_op_by_op, flat)):
            return self._function(*args, **kwargs)
        compiled = self.trace(*args, **kwargs)
        return compiled([a for a in map(_array, flat) if a is not None])

    def trace(self, *args: Any, **kwargs: Any) -> Compiled:
        """Return the compiled trace for arguments like these, making it if it is new."""
        flat = tree.flatten((args, kwargs))
        arrays = [_array(leaf) for leaf in flat]
        if len(args) == 1 and not kwargs and args[0] is flat[0] and type(arrays[0]) is np.ndarray:
            key: Any = (arrays[0].shape, arrays[0].dtype)
        else:
            key = (
                _structure_key((args, kwargs)),
                tuple(
                    _static_key(leaf) if a is None else (a.shape, a.dtype, type(a))
                    for leaf, a in zip(flat, arrays, strict=True)
                ),
            )
        compiled = self.traces.get(key)
        if compiled is None:
            with making:
                compiled = self.traces.get(key)
                if compiled is None:
                    compiled = self.traces[key] = self._compile(args, kwargs, flat, arrays)
        return compiled

    def _compile(self, args: tuple, kwargs: dict[str, Any], flat: list, arrays: list) -> Compiled:
        dynamic = [i for i, array in enumerate(arrays) if array is not None]

        def on_symbols(*symbols: Tensor) -> Any:
            leaves = list(flat)
            for i, symbol in zip(dynamic, symbols, strict=True):
                leaves[i] = symbol
            inner_args, inner_kwargs = tree.pack_sequence_as((args, kwargs), leaves)
            return self._function(*inner_args, **inner_kwargs)

        given = [arrays[i] for i in dynamic]
        return Compiled(on_symbols, [Abstract(tuple(a.shape), a.dtype) for a in given], given)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind as a method: each instance compiles for itself, and keeps what is compiled as long as it lives."""
        if instance is None:
            return self
        name = f"_compiled_{id(self)}"
        bound = instance.__dict__.get(name)
        if bound is None or bound._function.__self__ is not instance:  # (a copy has what the original had)
            bound = Function(self._function.__get__(instance, owner))
            instance.__dict__[name] = bound
        return bound

    def __reduce__(self) -> tuple:
        return Function, (self._function,)


def _array(leaf: Any) -> Any:
    """Return the array of an argument that may change from call to call; None for what is static."""
    if isinstance(leaf, Tensor):
        return None if leaf.mutable else leaf._value
    if devices.is_array_type(type(leaf)) and leaf.dtype.kind not in "OSU":
        return leaf
    if isinstance(leaf, np.generic) and leaf.dtype.kind not in "OSU":
        return np.asarray(leaf)
    return None


def _must_run_op_by_op(leaf: Any) -> bool:
    """Tell whether an argument is symbolic, has a gradient recorded through it, or is where nothing is compiled."""
    if not isinstance(leaf, Tensor) or leaf.mutable:
        return False
    kind = type(leaf._value)
    return kind is Abstract or (leaf._tracked and state.recording) or not compiles_for(kind)


def _static_key(leaf: Any) -> Any:
    if isinstance(leaf, float):
        return (type(leaf), repr(leaf))  # 0.0 and -0.0 are equal, and nan is not equal to itself
    try:
        hash(leaf)
    except TypeError:
        return ("id", id(leaf))
    return (type(leaf), leaf)


def _structure_key(structure: Any) -> Any:
    if isinstance(structure, dict):
        return ("dict", tuple((k, _structure_key(structure[k])) for k in sorted(structure)))
    if isinstance(structure, (list, tuple)):
        return (type(structure), tuple(_structure_key(s) for s in structure))
    return None


def function(f: Callable) -> Function:
    """Compile a function of tensors: traced once for each signature, then run as one planned graph.

    Whatever the function reads and assigns of variables happens at every call; everything else that its Python does,
    prints included, happens once, while it is traced. A new shape, dtype, structure or non-tensor argument is traced
    anew.

    Gradients belong inside: a function that takes them (by a `GradientTape` or `value_and_grad`) compiles as a whole.
    Called under a tape, or with a tensor that requires a gradient, a compiled function runs op by op, so that the
    gradient finds its way through.

    Example:

    >>> predict = kerasish.function(model)
    >>> predict(x).numpy()

    Args:
        f: A function or a model that takes tensors or arrays in any structure.

    Returns:
        A callable with the same arguments.

    Raises:
        NoValueError: At a call, if the function's Python needs the value of a tensor (an `if` on it, `float` of it).
    """
    return Function(f)
