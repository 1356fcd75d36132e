"""How batches are run: compiled where that is possible, op by op otherwise."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish import devices, tree
from kerasish.autograd.abstract import abstract
from kerasish.autograd.checks import all_finite
from kerasish.autograd.state import no_grad, state
from kerasish.autograd.tensor import NoValueError, Tensor, as_tensor
from kerasish.autograd.variable import Variable
from kerasish.compiler.caches import TraceCache
from kerasish.compiler.executors import compiles_for
from kerasish.compiler.function import Compiled, Function
from kerasish.devices.rows import Rows, are_rows_of


class Step:
    """What runs a batch.

    Attributes:
        joins: Whether some batches may run faster together than one by one.
    """

    joins = False

    def __call__(self, data: tuple) -> Any:
        """Run a batch and return its logs."""
        raise NotImplementedError

    def run(self, batches: Sequence[tuple]) -> Any:
        """Run batches one after another and return the logs of the last."""
        logs = None
        for batch in batches:
            logs = self(batch)
        return logs


class EagerStep(Step):
    """Run a function of a batch op by op.

    Args:
        function: Takes a batch as a tuple of tensors.
    """

    def __init__(self, function: Callable[[tuple], Any]):
        self._function = function

    def __call__(self, data: tuple) -> Any:
        return self._function(tensors(data))


class CompiledStep(Step):
    """Run a function of a batch as a static graph, traced once for each signature of a batch.

    A function that cannot be traced, because its Python needs the values of tensors, runs op by op after one warning;
    where compilation is `required`, that is an error.

    Args:
        model: The model that the function belongs to; the losses that a trace leaves in it are cleared.
        function: Takes a batch as a tuple of tensors.
        variables: The model's.
        required: Whether the user asked for compilation.

    Attributes:
        variables: The variables that the traces are made for.
    """

    def __init__(
        self, model: Any, function: Callable[[tuple], Any], variables: list[Variable], required: bool
    ):
        self._model = model
        self.variables = variables
        self._function = function
        self._required = required
        self._compiled = Function(lambda *data: function(data))
        self._ready: dict[Any, Any] = TraceCache()
        self._eager = False
        self._array_type = type(variables[0]._array) if variables else np.ndarray
        self._most = 1
        self.joins = self._array_type is not np.ndarray

    def __call__(self, data: tuple) -> Any:
        key, arrays = _key(data)
        compiled = self._ready.get(key)
        if compiled is not None:
            return compiled(arrays)
        if self._eager or any(_is_text(leaf) for leaf in tree.flatten(data)):
            return self._function(tensors(data))
        try:
            compiled = self._trace(tree.map_structure(_without_values, data))
        except NoValueError as error:
            if self._required:
                raise
            self._fall_back(error)
            return self._function(tensors(data))
        if key is not None:
            self._ready[key] = compiled
            self._most = max(self._most, compiled.executable.batches_at_once)
            self.joins = self._most > 1
            return compiled(arrays)
        return compiled([_without_tensor(leaf) for leaf in tree.flatten(data) if leaf is not None])

    def at_once(self, batch: tuple) -> int:
        """Return how many batches that follow each other are worth being run at once, if this is the first."""
        if np.ndarray in map(type, batch):  # (which a generator may have made)
            return 1
        key, arrays = _key(batch)
        compiled = self._ready.get(key)
        if compiled is None or not are_rows_of(self._array_type, arrays):
            return 1
        return compiled.executable.batches_at_once

    def run(self, batches: Sequence[tuple]) -> Any:
        """Run batches one after another, or at once where that is faster, and return the logs of the last."""
        if not self.joins:
            return super().run(batches)
        logs, first = None, 0
        while first < len(batches):
            most = min(self.at_once(batches[first]), len(batches) - first)
            times = 1
            while times < most and _follows(batches[first + times], batches[first + times - 1]):
                times += 1
            if times == 1:
                logs = self(batches[first])
            else:
                key, arrays = _key(batches[first])
                compiled = self._ready[key]
                logs = compiled.pack(compiled.executable(arrays, times))
            first += times
        return logs

    def traced(self, data: tuple) -> tuple[Compiled, list[Any]]:
        """Return the trace for a batch like this one, making it if it is new, and the arrays to run it on.

        Raises:
            NoValueError: If the function cannot be traced.
        """
        return self._trace(data), [_array(leaf) for leaf in tree.flatten(data) if leaf is not None]

    def trace_if_possible(self, data: tuple) -> bool:
        """Make the trace for a batch like this one, and tell whether there is one."""
        if self._eager or any(_is_text(leaf) for leaf in tree.flatten(data)):
            return False
        try:
            self._trace(data)
        except NoValueError:
            return False
        return True

    def _trace(self, data: tuple) -> Any:
        try:
            return self._compiled.trace(*data)
        finally:
            self._model._clear_losses()

    def _fall_back(self, error: NoValueError) -> None:
        self._eager = True
        if self._model._warned_of_eager_steps:  # what keeps training from being compiled keeps evaluation too
            return
        self._model._warned_of_eager_steps = True
        warnings.warn(
            f"The model '{self._model.name}' cannot be compiled and runs op by op: {error} "
            "(`compile(..., run_eagerly=True)` says so from the start; `jit_compile=True` makes this an error.)",
            stacklevel=_frames_of_this_package(),
        )


class CheckedStep(Step):
    """Run a step while numeric checks are on, and look for NaN that no operation made: it came in from outside.

    Args:
        model: The model.
        step: What runs a batch.
    """

    def __init__(self, model: Any, step: Callable[[tuple], Any]):
        self._model = model
        self._step = step

    def __call__(self, data: tuple) -> Any:
        sources = [*self._in_data(data), *self._in_variables(self._model.variables)]
        result = self._step(data)
        if sources:
            outputs = [t for t in tree.flatten(result) if isinstance(t, Tensor)]
            spoilt = self._in_variables(self._model.trainable_variables)
            if spoilt or not all(_is_finite(t) for t in outputs):
                raise FloatingPointError(
                    "A batch came out with values that are no finite numbers, and no operation made them: there are "
                    f"such in {', '.join(sources[:4])}. (Numeric checks are on; `config.disable_numeric_checks()` "
                    "turns them off.)"
                )
        return result

    @staticmethod
    def _in_data(data: tuple) -> list[str]:
        leaves = [
            (name, leaf)
            for name, part in zip(("x", "y", "sample_weight"), data, strict=False)
            for leaf in tree.flatten(part)
        ]
        return [f"the data ({name})" for name, leaf in leaves if not _is_finite(leaf)]

    @staticmethod
    def _in_variables(variables: Any) -> list[str]:
        return [f"the variable '{variable.path}'" for variable in variables if not _is_finite(variable)]


def _is_finite(value: Any) -> bool:
    array = _array(value)
    dtype = getattr(array, "dtype", None)
    if getattr(dtype, "kind", "") not in "fcV" or not array.size:
        return True
    return all_finite(devices.array_module(type(array)), array)


class MetricsStep:
    """The update of the loss tracker and the metrics by one batch, as a compiled graph where they are the package's.

    In a step that runs op by op they would take a fifth of the time, and hold nothing to step through. A metric of the
    user's runs op by op.

    Args:
        model: The compiled model.
    """

    def __init__(self, model: Any):
        self._tracker = model._loss_tracker
        self._metrics = model._compile_metrics
        self._traces: dict[Any, Compiled] = TraceCache()

    def __call__(self, size: int, loss: Tensor, y: Any, y_pred: Any, sample_weight: Any) -> None:
        inputs = [loss, y, y_pred, sample_weight]
        if state.overlay is None and all(t is None or type(t) is Tensor for t in inputs):
            arrays = [t._value for t in inputs if t is not None]
            kinds = {type(a) for a in arrays}
            if len(kinds) == 1 and compiles_for(*kinds) and self._known():
                key = (size, *[None if t is None else (t._value.shape, t._value.dtype) for t in inputs])
                compiled = self._traces.get(key)
                if compiled is None:
                    compiled = self._traces[key] = self._compile(size, inputs)
                compiled.executable(arrays)
                return
        self._update(size, loss, y, y_pred, sample_weight)

    def _update(self, size: int, loss: Tensor, y: Any, y_pred: Any, sample_weight: Any) -> None:
        with no_grad():
            self._tracker.update_state(loss, sample_weight=size)
            if self._metrics is not None:
                self._metrics.update_state(y, y_pred, sample_weight)

    def _compile(self, size: int, inputs: list) -> Compiled:
        def update(*symbols: Tensor) -> None:
            rest = iter(symbols)
            self._update(size, *[None if t is None else next(rest) for t in inputs])

        arrays = [t._value for t in inputs if t is not None]
        return Compiled(update, [abstract(a) for a in arrays], arrays)

    def _known(self) -> bool:
        """Tell whether all metrics are the package's own; those named in `compile` are known after the first batch."""
        if self._metrics is None:
            return True
        if not self._metrics.built:
            return False
        return all(
            type(m).__module__.startswith("kerasish.metrics.")
            and getattr(getattr(m, "_fn", None), "__module__", "kerasish.").startswith("kerasish.")
            for m in self._metrics.metrics
        )


def tensors(data: tuple) -> tuple:
    """Return a batch of arrays as one of tensors."""
    return tuple(
        [as_batch_tensor(d) if hasattr(d, "shape") else tree.map_structure(as_batch_tensor, d) for d in data]
    )


def as_batch_tensor(value: Any) -> Any:
    """Return an array as a tensor; text and None stay as they are."""
    if value is None or isinstance(value, Tensor) or _is_text(value):
        return value
    return as_tensor(_gathered(value))


_ARRAYS = frozenset((np.ndarray, Rows))
"""What a batch is usually made of."""


class _OtherLeaf(Exception):
    """A batch has something in it that is no array of the host."""


def _key(data: tuple) -> tuple[Any, list[Any]]:
    """Return the signature of a batch, None if it has none, and its arrays."""
    arrays: list[Any] = []
    try:
        return _signature(data, arrays), arrays
    except _OtherLeaf:
        return None, arrays


def _signature(data: Any, arrays: list[Any]) -> Any:
    """Return what a batch's trace depends on, and append its arrays in the order of the trace's arguments.

    Raises:
        _OtherLeaf: If there is something else in it than arrays, tuples, lists, dicts and None.
    """
    kind = type(data)
    if kind is dict:
        return kind, *[(name, _signature((data[name],), arrays)) for name in sorted(data)]
    if kind is not tuple and kind is not list:
        raise _OtherLeaf
    found: list[Any] = [kind]
    for each in data:
        if type(each) in _ARRAYS:
            arrays.append(each)
            found.append((each.shape, each.dtype))
        else:
            found.append(None if each is None else _signature(each, arrays))
    return tuple(found)


def _follows(part: Any, before: Any) -> bool:
    """Tell whether a batch, or a part of one, is of `Rows` that follow those of another."""
    kind = type(part)
    if kind is not type(before):
        return False
    if kind is Rows:
        return part.follows(before)
    if kind is dict:
        return part.keys() == before.keys() and all(_follows(part[name], before[name]) for name in part)
    if kind is tuple or kind is list:
        return len(part) == len(before) and all(map(_follows, part, before))
    return part is None


def _gathered(value: Any) -> Any:
    return value.take() if type(value) is Rows else value


def _without_values(value: Any) -> Any:
    """Return an array to trace by in place of `Rows`: only its shape and dtype matter, and it takes no memory."""
    return np.broadcast_to(np.zeros((), value.dtype), value.shape) if type(value) is Rows else value


def _without_tensor(value: Any) -> Any:
    return value._value if isinstance(value, Tensor) else value


def _array(value: Any) -> Any:
    return _gathered(_without_tensor(value))


def _frames_of_this_package() -> int:
    """Return how many calls up the first one is that is not from this package, counted from the caller of this."""
    count, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("kerasish."):
        count, frame = count + 1, frame.f_back
    return count


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "OSU"
