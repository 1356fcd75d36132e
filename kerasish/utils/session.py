"""The state that a process keeps beside models, and what symbolic tensors are and come from."""

from __future__ import annotations

import gc
from typing import Any

from kerasish import dtype_policies
from kerasish.autograd.naming import reset_names
from kerasish.autograd.tensor import KerasTensor
from kerasish.ops.operation import comes_from_operation


def clear_session(free_memory: bool = True) -> None:
    """Start the numbering of automatic names and the dtype policy afresh, and free what is not used any more.

    Example:

    >>> kerasish.utils.clear_session()
    >>> kerasish.layers.Dense(10).name
    'dense'

    Args:
        free_memory: Whether to collect garbage at once. Models hold memory in cycles, which is otherwise freed when
            Python sees fit.
    """
    reset_names()
    dtype_policies.set_dtype_policy(None)
    if free_memory:
        gc.collect()


def is_keras_tensor(x: Any) -> bool:
    """Return whether `x` is a symbolic tensor, which has a shape and a dtype but no values.

    Example:

    >>> kerasish.utils.is_keras_tensor(kerasish.Input((3,)))
    True
    >>> kerasish.utils.is_keras_tensor(kerasish.ops.ones(3))
    False
    """
    return isinstance(x, KerasTensor)


def get_source_inputs(tensor: Any) -> Any:
    """Return the `Input` tensors that a symbolic tensor is computed from, as a list, each of them once.

    Example:

    >>> x = kerasish.Input((3,))
    >>> kerasish.utils.get_source_inputs(kerasish.layers.Dense(2)(x)) == [x]
    True

    Args:
        tensor: The symbolic tensor; whatever else is returned as it is.
    """
    if not comes_from_operation(tensor):
        return tensor
    sources: dict[int, Any] = {}
    seen: set[int] = set()
    waiting = [tensor._node]
    while waiting:
        call = waiting.pop()
        if id(call) in seen:
            continue
        seen.add(id(call))
        if call.is_input:
            sources.update((id(x), x) for x in call.output_tensors)
        # The first input's sources come first.
        waiting.extend(reversed(call.parents))
    return list(sources.values())
