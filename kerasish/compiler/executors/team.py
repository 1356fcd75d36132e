"""A team of threads for kernels in machine code, with one wake-up for a whole step.

A kernel hands out its work in parts: `share` calls a function for each part, in the calling thread and in those of
the team. Every thread has its own stretch of parts, always the same one, so that what it wrote before lies in its own
cache; who is done takes parts of the others. Nobody waits for a thread that has not begun, so a thread that gets no
processor (because another process has it) costs nothing, and one that lost its processor in the middle of a part makes
the team rest for some times as long as it was waited for.

Between two calls the threads look out for work for some hundred microseconds and then go to sleep. On Linux they do so
by a futex, and who shares work out wakes them: no Python is run for it, so that nobody waits for the interpreter's
lock. Elsewhere they sleep in Python.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache

import numpy as np

from kerasish.compiler.executors.team_code import MOST, NEXT, SHARE, THREADS, text
from kerasish.devices.cpu_threads import team_size


class _Worker:
    """One thread of the team.

    Attributes:
        asleep: Whether it has to be woken, in Python, before it can help.
    """

    def __init__(self, number: int, work: Callable[[int], None]):
        self.asleep = False
        self._number, self._work = number, work
        self._woken = threading.Event()
        threading.Thread(target=self._live, name=f"kerasish-{number}", daemon=True).start()

    def wake(self) -> None:
        self.asleep = False
        self._woken.set()

    def _live(self) -> None:
        while True:
            self._work(self._number)
            self._woken.clear()
            self.asleep = True
            self._woken.wait()


class Team:
    """The threads, and the functions that use them.

    Attributes:
        run_all: Takes the address of a table of functions and their arguments that ends with a zero, and calls them.
        run_loop: Takes the address of: how many rounds to do; how many words the arguments of a round have; the tables
            of functions of the rounds with even and with odd numbers; the arguments of both kinds; what to add to
            them after a round; what they are at the start; and the tables of functions to run before and after all.
        run_slices: Takes the address of a description of work to share out (see `SLICES`).
        copy_rows: Takes the address of a number of arrays, and for each: where its rows lie, one behind the other;
            where the first is to go; how many rows there are; how many bytes a row has; and how far apart they are to
            be.
    """

    def __init__(self) -> None:
        import ctypes

        import llvmlite.binding as llvm

        from kerasish.compiler.executors.jit import compile_module

        names = ["run_all", "run_loop", "run_slices", "copy_rows", "work", "set_memory", "share"]
        functions, self._keep = compile_module(text(), names, finished=True)
        self.run_all, self.run_loop, self.run_slices, self.copy_rows, *rest = functions
        self._work, set_memory, share = rest
        llvm.add_symbol(SHARE, ctypes.cast(share, ctypes.c_void_p).value)
        memory = np.zeros(NEXT + 8 * MOST + 8, np.int64)
        self._memory = memory[-memory.ctypes.data % 64 // 8 :]
        set_memory(self._memory.ctypes.data)
        self._workers: list[_Worker] = []
        self._size: int | None = None
        self.forget_threads()

    def wake(self) -> None:
        """Have the threads look out for work; to be called before functions that share theirs out."""
        if self._size is None:
            self.use(team_size())
        for worker in self._workers[: self._size - 1]:
            if worker.asleep:
                worker.wake()

    def use(self, size: int) -> None:
        """Use so many threads, the calling one included; those that there are beyond take no part."""
        with self._lock:
            while len(self._workers) + 1 < min(size, MOST):
                self._workers.append(_Worker(len(self._workers) + 1, self._work))
            self._size = self._memory[THREADS] = max(1, min(size, MOST))

    def forget_threads(self) -> None:
        """Be without threads, as at the start and in a forked process, which has none of its parent's."""
        self._memory[:] = 0
        self._memory[THREADS] = 1
        self._lock = threading.Lock()
        self._workers = []
        self._size = None


_made: list[Team] = []


@cache
def team() -> Team:
    """Return the process's team, which has as many threads as BLAS, if there are so many processors."""
    made = Team()
    _made.append(made)
    return made


def _after_fork() -> None:
    for made in _made:
        made.forget_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
