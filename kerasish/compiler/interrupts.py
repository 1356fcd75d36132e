"""Ctrl-C waits for the end of a compiled step: variables have the values from before it or those from after it.

A compiled step writes its variables' arrays one after the other, in place. While `fit` runs, SIGINT therefore
goes to a handler that knows whether a step is under way: if so, `KeyboardInterrupt` is raised when it has ended.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class _Steps:
    """Which thread's steps are to be whole (0 for none's), whether it is inside one, and was interrupted there."""

    thread: int | None = 0
    inside = False
    interrupted = False


_steps = _Steps()


class _Whole:
    """Context of one step."""

    __slots__ = ("_outermost",)

    def __enter__(self) -> None:
        # Signals are handled by the main thread; what others do is not interrupted.
        self._outermost = threading.get_ident() == _steps.thread and not _steps.inside
        if self._outermost:
            _steps.inside = True

    def __exit__(self, *exception: object) -> None:
        if self._outermost:
            _steps.inside = False
            if _steps.interrupted:
                _steps.interrupted = False
                raise KeyboardInterrupt


def whole() -> _Whole:
    """Return a context inside which the main thread is not interrupted, where `deferred` is in force."""
    return _Whole()


@contextmanager
def deferred() -> Iterator[None]:
    """Context in which Ctrl-C waits for the step that it comes in, if Python's own handler is what it would go to.

    Elsewhere than in the main thread, and where a program handles SIGINT itself, nothing changes.
    """
    ours = (signal.default_int_handler, _handle)
    here = threading.get_ident()
    if here != threading.main_thread().ident or _steps.thread or signal.getsignal(signal.SIGINT) not in ours:
        yield
        return
    signal.signal(signal.SIGINT, _handle)
    _steps.thread = here
    try:
        yield
    finally:
        _steps.thread = 0
        if signal.getsignal(signal.SIGINT) is _handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _handle(number: int, frame: FrameType | None) -> Any:
    if _steps.inside:
        _steps.interrupted = True
    else:
        signal.default_int_handler(number, frame)
