"""The state that a process keeps beside models, and what tells a symbolic tensor."""

from __future__ import annotations

import gc
from typing import Any

from kerasish import dtype_policies
from kerasish.autograd.naming import reset_names
from kerasish.autograd.tensor import KerasTensor


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
