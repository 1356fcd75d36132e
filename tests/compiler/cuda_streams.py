"""A stand-in for a GPU whose streams work as late as they may, or as early, so that a wait that is missing shows.

What is launched only joins the end of its stream's queue. It is done when somebody has to wait for it: the host for a
result or an event, a stream for an event. Between two waits a GPU may do things in any order of the streams; the two
extremes are a second stream that does its work as late as possible (what needs its copy and does not wait finds old
numbers, and a buffer of the host that is filled again too early is copied with the new ones) and one that does it at
once (a buffer of the device that is still needed is written over). Memory that is given back while a copy is on its way
is noticed too.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from cuda_stand_in import Memory, StandInRuntime
from strict_device import StrictArray

_host = StrictArray.host  # the slot, behind what `watched` puts in its place


class Event:
    """A place in a stream's queue: who waits for it waits for all that is in front."""

    def __init__(self) -> None:
        self.place: tuple[Stream, int] | None = None

    def synchronize(self) -> None:
        if self.place is not None:
            self.place[0].run(self.place[1])


class Stream:
    """A queue of work.

    Args:
        side: Whether it is another than that of the steps.
        early: Whether it does its work at once.

    Attributes:
        launched: How much was ever put into it.
        done: How much of it is done.
    """

    def __init__(self, side: bool = False, early: bool = False):
        self.side = side
        self.early = early
        self.launched = self.done = 0
        self._queue: deque[Callable[[], None]] = deque()

    def add(self, work: Callable[[], None]) -> None:
        self._queue.append(work)
        self.launched += 1
        if self.early:
            self.run(self.launched)

    def run(self, end: int) -> None:
        while self.done < end:
            work = self._queue.popleft()
            self.done += 1
            work()

    def record(self, event: Event) -> None:
        event.place = (self, self.launched)

    def wait_event(self, event: Event) -> None:
        if (place := event.place) is not None:  # (where it is now: it may be recorded again)
            self.add(lambda: place[0].run(place[1]))

    def synchronize(self) -> None:
        self.run(self.launched)


class StreamRuntime(StandInRuntime):
    """A device with streams; its arrays are the strict device's.

    Args:
        early: Whether side streams do their work at once.

    Attributes:
        steps: The stream of the steps.
        sides: The other streams.
        copies: How many copies were put on those.
        waits: How often the host waited for the steps.
    """

    def __init__(self, early: bool = False):
        super().__init__(StrictArray)
        self.early = early
        self.steps = Stream()
        self.sides: list[Stream] = []
        self.copies = self.waits = 0
        self._kept: list[
            np.ndarray
        ] = []  # memory outlives its owner here: what comes too late is noticed, not fatal
        self._capturing: list[Callable[[], None]] | None = None

    def _do(self, work: Callable[[], None]) -> None:
        if self._capturing is not None:
            self._capturing.append(work)
        else:
            self.steps.add(work)

    # Memory

    def memory(self, nbytes: int) -> Memory:
        memory = super().memory(nbytes)
        self._kept.append(memory.owner)
        return Memory(memory.ptr, memory.owner[:])

    def page_locked(self, nbytes: int) -> np.ndarray:
        memory = super().page_locked(nbytes)
        self._kept.append(memory)
        return memory[:]

    def _host(self, array: Any) -> np.ndarray:
        host = array if type(array) is np.ndarray else _host.__get__(array)
        self._kept.append(host)
        return host

    def fresh(self, array: Any) -> Any:
        source, out = self._host(array), np.full_like(self._host(array), 0, order="C")
        self._do(lambda: np.copyto(out, source))
        return StrictArray(out)

    def asarray(self, array: np.ndarray) -> StrictArray:
        return StrictArray(array.copy())

    def put(self, array: Any, location: Memory) -> None:
        host = self._host(array)
        if type(array) is np.ndarray:  # pageable memory, which is free again when this returns
            host = host.copy()
        self._do(lambda: StandInRuntime.put(self, host, location))

    # Steps

    def launch(self, *arguments: Any) -> None:
        self._do(lambda: StandInRuntime.launch(self, *arguments))

    def product(self, *arguments: Any) -> None:
        self._do(lambda: StandInRuntime.product(self, *arguments))

    def synchronize(self) -> None:
        assert self._capturing is None, "a stream that records is waited for"
        self.waits += self.steps.done < self.steps.launched
        self.steps.synchronize()

    def record(self, run: Callable[[], None]) -> Callable[[], None]:
        self._capturing = works = []
        try:
            run()
        finally:
            self._capturing = None
        return lambda: [self.steps.add(work) for work in works]  # type: ignore[func-returns-value]

    # Transfers

    def stream(self) -> Stream:
        return self.steps

    def side_stream(self) -> Stream:
        self.sides.append(Stream(True, self.early))
        return self.sides[-1]

    def event(self) -> Event:
        return Event()

    def copy(self, source: Any, target: Memory, nbytes: int, stream: Stream) -> None:
        assert self._capturing is None, "a copy of one batch is recorded for all"
        place = source.ctypes.data if type(source) is np.ndarray else source.ptr
        owners = [
            weakref.ref(source if type(source) is np.ndarray else source.owner),
            weakref.ref(target.owner),
        ]
        side = stream is not self.steps
        self.copies += side

        def work() -> None:
            # The pool gives memory of the steps' stream to what comes later on that stream: only other streams matter.
            assert not side or all(owner() is not None for owner in owners), (
                "memory is gone while it is copied"
            )
            ctypes.memmove(target.ptr, place, nbytes)

        stream.add(work)


_SHAPES = "shape dtype ndim size nbytes itemsize strides flags".split()


def watched(monkeypatch: Any, runtime: StreamRuntime) -> None:
    """Let the host see arrays of the strict device only when the steps' stream is done: what needs values waits."""

    def read(array: StrictArray) -> np.ndarray:
        if runtime._capturing is None:
            runtime.synchronize()
        return _host.__get__(array)

    monkeypatch.setattr(StrictArray, "host", property(read, lambda array, value: _host.__set__(array, value)))
    for name in _SHAPES:
        value = property(lambda array, name=name: getattr(_host.__get__(array), name))
        monkeypatch.setattr(StrictArray, name, value)
