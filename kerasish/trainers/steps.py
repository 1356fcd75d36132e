"""How one batch is run: compiled where that is possible, op by op otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasish import tree
from kerasish.autograd.tensor import NoValueError, Tensor, as_tensor
from kerasish.compiler.function import Function


class EagerStep:
    """Run a function of a batch op by op.

    Args:
        function: Takes a batch as a tuple of tensors.
    """

    def __init__(self, function: Callable[[tuple], Any]):
        self._function = function

    def __call__(self, data: tuple) -> Any:
        return self._function(tensors(data))


class CompiledStep:
    """Run a function of a batch as a static graph, traced once for each signature of a batch.

    A function that cannot be traced, because its Python needs the values of tensors, runs op by op after one warning;
    where compilation is `required`, that is an error.

    Args:
        model: The model that the function belongs to; the losses that a trace leaves in it are cleared.
        function: Takes a batch as a tuple of tensors.
        required: Whether the user asked for compilation.
    """

    def __init__(self, model: Any, function: Callable[[tuple], Any], required: bool):
        self._model = model
        self._function = function
        self._required = required
        self._compiled = Function(lambda *data: function(data))
        self._ready: dict[Any, Any] = {}
        self._eager = False

    def __call__(self, data: tuple) -> Any:
        # Most batches are flat tuples of arrays and of a signature that is known.
        key = tuple([(a.shape, a.dtype) if type(a) is np.ndarray else None for a in data])
        compiled = self._ready.get(key)
        if compiled is not None:
            return compiled(data)
        if self._eager or any(_is_text(leaf) for leaf in tree.flatten(data)):
            return self._function(tensors(data))
        try:
            compiled = self._trace(data)
        except NoValueError as error:
            if self._required:
                raise
            self._fall_back(error)
            return self._function(tensors(data))
        if None not in key:
            self._ready[key] = compiled
            return compiled(data)
        return compiled([_array(leaf) for leaf in tree.flatten(data) if leaf is not None])

    def _trace(self, data: tuple) -> Any:
        try:
            return self._compiled.trace(*data)
        finally:
            self._model._clear_losses()

    def _fall_back(self, error: NoValueError) -> None:
        self._eager = True
        warnings.warn(
            f"The model '{self._model.name}' cannot be compiled and runs op by op: {error} "
            "(`compile(..., run_eagerly=True)` says so from the start; `jit_compile=True` makes this an error.)",
            stacklevel=6,
        )


def tensors(data: tuple) -> tuple:
    """Return a batch of arrays as one of tensors."""
    return tuple([as_batch_tensor(d) if hasattr(d, "shape") else tree.map_structure(as_batch_tensor, d) for d in data])


def as_batch_tensor(value: Any) -> Any:
    """Return an array as a tensor; text and None stay as they are."""
    if value is None or isinstance(value, Tensor) or _is_text(value):
        return value
    return as_tensor(value)


def _array(value: Any) -> Any:
    return value._value if isinstance(value, Tensor) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "OSU"
