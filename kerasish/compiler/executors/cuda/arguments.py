"""How a step gets its arguments.

- Rows of arrays on the GPU are gathered by what is launched (`feed.py`).
- Batches of the host come while the step before runs (`transfer.py`), from the second on: what is called once needs no
  buffers.
- All else is copied when the step is called; or it is read where it lies, where copies would take too long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.compiler.executors.cuda.feed import Feed
from kerasish.compiler.executors.cuda.program import Program
from kerasish.compiler.executors.cuda.transfer import Transfer, side_by_side
from kerasish.compiler.graph import Value
from kerasish.devices.memory import OutOfMemoryError
from kerasish.devices.rows import Rows, are_rows_of

_SMALL = 1 << 16
"""Bytes that CUDA takes over at once wherever they are: nothing is gained by a transfer of them."""


class Arguments:
    """The arguments of a program, for one set of buffers.

    Args:
        program: The program.
        runtime: What runs it.

    Attributes:
        places: Where the arguments are, and other values that are given at each run.
        feed: What gathers the arguments, if it has to be launched in front of the program.
    """

    def __init__(self, program: Program, runtime: Any):
        self._program = program
        self._runtime = runtime
        self._values = program.graph.arguments
        offsets, self._size = side_by_side(self._values)
        self._offsets = dict(zip(self._values, offsets, strict=True))
        self._memory: Any = None
        self._transfer: Transfer | None = None
        self._batches = 0  # of the host
        self._shown: list[Any] = []
        self.feed: Feed | None = None
        self.places: dict[Value, Any] = {}
        if not program.in_place:
            self._use_own_memory()

    def _use_own_memory(self) -> None:
        """Have the arguments in memory of their own, side by side."""
        if self._memory is None:
            self._memory = self._runtime.memory(self._size)
        self.places.update((value, self._memory + offset) for value, offset in self._offsets.items())

    def bring(self, arguments: Sequence[Any], times: int) -> None:
        """See to it that what is launched next finds these arguments.

        Args:
            arguments: Arrays or `Rows`.
            times: How often it is launched: each time on the rows behind those of the time before.
        """
        if self._program.in_place:
            if not self._transferred(arguments):
                self._show(arguments)
        elif are_rows_of(self._runtime.array_type, arguments):
            self._follow(arguments, times)
        else:
            self.feed = None
            if not self._transferred(arguments):
                self._put(arguments)

    def let_go(self) -> None:
        """Forget arrays that were only shown."""
        self._shown.clear()

    def _is_of_host(self, argument: Any) -> bool:
        source = argument.source if type(argument) is Rows else argument
        return type(source) is not self._runtime.array_type

    def _put(self, arguments: Sequence[Any]) -> None:
        for value, array in zip(self._values, arguments, strict=True):
            self._runtime.put(array.take() if type(array) is Rows else array, self.places[value])

    def _show(self, arguments: Sequence[Any]) -> None:
        """Have arguments where they lie, if kernels can work on them there."""
        runtime = self._runtime
        for value, array in zip(self._values, arguments, strict=True):
            array = array.take() if type(array) is Rows else array
            if type(array) is not runtime.array_type:
                array = runtime.asarray(array)
            self._shown.append(array if runtime.fits(array) else runtime.fresh(array))
            self.places[value] = runtime.location(self._shown[-1])

    def _follow(self, batch: Sequence[Rows], times: int) -> None:
        """See to it that the feed gathers this batch and those that follow it."""
        if self.feed is None or not self.feed.fits(batch):
            self.feed = Feed(self._values, batch, self._runtime.memory(Feed.counter_bytes))
        begin = self.feed.go_to(batch[0], times)
        if begin is not None:
            self._runtime.put(begin, self.feed.counter)

    def _transferred(self, arguments: Sequence[Any]) -> bool:
        """Bring a batch by the transfer, and tell whether that was done."""
        if self._size <= _SMALL or not all(map(self._is_of_host, arguments)):
            return False
        self._batches += 1
        if self._batches == 2:
            self._transfer = self._open_transfer()
        if self._transfer is None:
            return False
        self._use_own_memory()
        self._transfer.bring(arguments)
        return True

    def _open_transfer(self) -> Transfer | None:
        """Return a transfer to the arguments' own memory; None where there is no room for it on the GPU."""
        try:
            with self._runtime.use():
                self._use_own_memory()
                return Transfer(self._runtime, self._values, self._memory)
        except OutOfMemoryError:
            if self._program.in_place:  # which then reads them where they lie
                self._memory = None
            return None
