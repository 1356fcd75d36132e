"""What a thread is doing: recording gradients or not, and which values its variables show."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any


class ThreadState(threading.local):
    """Per-thread switches; the class attributes are each new thread's defaults.

    Attributes:
        recording: Whether operations on tensors that want gradients are recorded.
        overlay: The scope that stands between variables and their arrays (a trace, a stateless call), or None.
        tapes: How many gradient computations are open that may themselves be differentiated.
        autocast: The float type that variables are read as (mixed precision), or None.
        remat_scopes: The scopes that say which layers are computed again for their gradients, outermost first.
        allocator: Called with (variable, initializer, shape, dtype) before a variable's value is drawn, or None; if it
            returns an array, the variable has that to begin with.
    """

    recording: bool = True
    overlay: Any = None
    autocast: Any = None
    tapes: int = 0
    remat_scopes: tuple = ()
    allocator: Any = None


state = ThreadState()

# Numbers recorded operations and in-place changes in the order in which they happen.
clock = itertools.count(1).__next__

making = threading.RLock()
"""Held while something is made that is made once for all threads: weights by a first call, a trace.

A process that is forked meanwhile would never see it released, so forking waits for it.
"""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=making.acquire, after_in_parent=making.release, after_in_child=making.release)


class Recording:
    """Context manager and decorator that switches recording on or off for the current thread."""

    def __init__(self, enabled: bool):
        self._enabled = enabled
        self._outer: list[bool] = []

    def __enter__(self) -> Recording:
        self._outer.append(state.recording)
        state.recording = self._enabled
        return self

    def __exit__(self, *exception: object) -> None:
        state.recording = self._outer.pop()

    def __call__(self, function: Callable) -> Callable:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with Recording(self._enabled):
                return function(*args, **kwargs)

        return wrapper


def no_grad() -> Recording:
    """Return a context (or decorator) in which nothing is recorded for gradients.

    Example:

    >>> with kerasish.no_grad():
    ...     y = model(x)
    """
    return Recording(False)


def enable_grad() -> Recording:
    """Return a context (or decorator) in which operations are recorded for gradients again.

    Example:

    >>> with kerasish.no_grad(), kerasish.enable_grad():
    ...     y = model(x)
    """
    return Recording(True)
