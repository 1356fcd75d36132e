"""Sharing a batch out among threads, with BLAS on one thread meanwhile.

NumPy lets other threads run while it copies, adds or multiplies, so parts of a batch can be worked on side by side,
packing and adding included. BLAS's own threads divide only the products, wait for each other at each of them, and go on
waiting busily for a while after the last; where they meet these threads, both lose. So BLAS gets one thread while a
batch is shared out. That needs OpenBLAS, which NumPy's wheels bring along; with another library everything stays on one
thread here, and the library shares out its products as it likes.

As many threads are used as BLAS has (`OPENBLAS_NUM_THREADS` limits both).
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

_LEAST_MICROSECONDS = 300.0
"""Less work than this is done faster than it is shared out."""

_SYMBOLS = (
    "scipy_openblas_{}_num_threads64_",
    "scipy_openblas_{}_num_threads",
    "openblas_{}_num_threads64_",
    "openblas_{}_num_threads",
)


class _Team:
    """The threads beside the calling one; made when they are first needed, and again in a forked process."""

    def __init__(self) -> None:
        self.busy = threading.Lock()
        self._control: tuple[Callable[[], int], Callable[[int], Any]] | None = None
        self._pool: Any = None
        self._pool_size = 0

    def size(self) -> int:
        """Return how many threads share the work, the calling one included."""
        if self._control is None:
            self._control = _blas_control() or (lambda: 1, lambda count: None)
        threads = self._control[0]()
        return min(threads, processors()) if threads > 1 else 1

    def run(self, work: Callable[[slice], None], parts: list[slice], size: int) -> None:
        """Work on all parts in so many threads, this one included; who is done with one takes the next.

        Threads that have not begun when the last part is taken are not waited for.
        """
        if self._pool_size < size - 1:
            from concurrent.futures import ThreadPoolExecutor

            self._pool_size = size - 1
            self._pool = ThreadPoolExecutor(self._pool_size, thread_name_prefix="kerasish")
        left = deque(parts)

        def take() -> None:
            while True:
                try:
                    part = left.popleft()
                except IndexError:
                    return
                work(part)

        ask, tell = self._control  # type: ignore[misc]
        before = ask()
        tell(1)
        try:
            others = [self._pool.submit(take) for _ in range(size - 1)]
            try:
                take()
            finally:
                for other in others:
                    if not other.cancel():
                        other.result()
        finally:
            tell(before)


_team = _Team()


def _new_team() -> None:
    global _team
    _team = _Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_team)


def processors() -> int:
    """Return on how many processors this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def team_size() -> int:
    """Return how many threads work is shared out among, the calling one included."""
    return _team.size()


def _blas_control() -> tuple[Callable[[], int], Callable[[int], Any]] | None:
    """Return OpenBLAS's functions that tell and set its number of threads; None where NumPy uses something else."""
    import ctypes
    from importlib import import_module

    try:
        # The extension that NumPy's products are in leads to the library that it is linked with.
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    for symbol in _SYMBOLS:
        ask, tell = (getattr(library, symbol.format(verb), None) for verb in ("get", "set"))
        if ask is not None and tell is not None:
            return ask, tell
    return None


def share_out(work: Callable[[slice], None], count: int, microseconds: float) -> None:
    """Call `work(slice)` for slices that together cover `range(count)`, side by side where that pays.

    Args:
        work: Does a part of the work; the parts must not depend on each other.
        count: How many items there are, for example images of a batch.
        microseconds: How long the whole takes one thread, roughly.
    """
    team = _team
    size = min(team.size(), count) if count > 1 and microseconds >= _LEAST_MICROSECONDS else 1
    if size < 2 or not team.busy.acquire(blocking=False):
        work(slice(0, count))
        return
    try:
        bounds = [count * i // size for i in range(size + 1)]
        team.run(work, [slice(a, b) for a, b in zip(bounds[:-1], bounds[1:], strict=True)], size)
    finally:
        team.busy.release()
