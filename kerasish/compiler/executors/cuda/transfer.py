"""Batches of the host on their way to a GPU: through page-locked memory, on a stream beside that of the steps.

While the GPU works on a step, the host gathers the next batch, and that is copied:

    host      gather 1   gather 2   gather 3   gather 4
    copies               copy 1     copy 2     copy 3
    steps                           step 1     step 2

There are two page-locked buffers on the host, which take turns, and one on the GPU. From there the stream of the steps
moves a batch to where its step takes its arguments from, which is the same memory each time, as a recorded step needs
it; that takes a small part of the time that the batch took to come, and frees the buffer before the step begins.

Three waits keep this in order, and nobody waits for anything else:

- the host, before it gathers into a buffer, for the copy out of it;
- the copies' stream, before it copies into the GPU's buffer, until the batch before was moved out of it;
- the steps' stream, before it moves a batch, for its copy.

Wherever an exception (Ctrl-C too) cuts this off, the next batch can follow: what was on its way is not used.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.compiler.graph import Value
from kerasish.devices.cpu_threads import share_out
from kerasish.devices.rows import Rows

_ALIGNMENT = 256


def side_by_side(values: Sequence[Value]) -> tuple[list[int], int]:
    """Return where each value begins in one piece of memory that holds them all, and how many bytes that has."""
    offsets, size = [], 0
    for value in values:
        offsets.append(size)
        size += -(-value.nbytes // _ALIGNMENT) * _ALIGNMENT
    return offsets, max(size, 1)


class _Buffer:
    """Page-locked memory for one batch.

    Attributes:
        memory: All of it.
        arrays: The parts of it that arrays are gathered into.
        copied: The event of its last copy.
    """

    def __init__(self, runtime: Any, values: Sequence[Value]):
        offsets, size = side_by_side(values)
        self.memory: np.ndarray = runtime.page_locked(size)
        self.arrays = [
            self.memory[offset : offset + v.nbytes].view(v.dtype).reshape(v.shape)
            for v, offset in zip(values, offsets, strict=True)
        ]
        self.copied = runtime.event()


class Transfer:
    """Brings batches of the host to the memory of a step's arguments.

    Args:
        runtime: What runs the step.
        values: The arguments.
        target: Their memory, where they lie `side_by_side`.
    """

    def __init__(self, runtime: Any, values: Sequence[Value], target: Any):
        self._runtime = runtime
        self._target = target
        self._size = side_by_side(values)[1]
        self._buffers = [_Buffer(runtime, values) for _ in range(2)]
        self._landing = runtime.memory(self._size)
        # The memory may have been another's, whose work is still under way.
        self._moved = runtime.event()
        runtime.stream().record(self._moved)
        self._side = runtime.side_stream()
        # No copy is under way when the memory goes back to where it came from.
        weakref.finalize(self, self._side.synchronize).atexit = False

    def bring(self, batch: Sequence[Any]) -> None:
        """Have the work that is launched next find this batch.

        Args:
            batch: Arrays of the host, or `Rows` of such; they may change afterwards.
        """
        runtime, side, buffer = self._runtime, self._side, self._buffers[0]
        buffer.copied.synchronize()
        for array, memory in zip(batch, buffer.arrays, strict=True):
            gather(array, memory)
        steps = runtime.stream()
        side.wait_event(self._moved)
        runtime.copy(buffer.memory, self._landing, self._size, side)
        side.record(buffer.copied)
        steps.wait_event(buffer.copied)
        runtime.copy(self._landing, self._target, self._size, steps)
        steps.record(self._moved)
        self._buffers.reverse()


def gather(array: Any, memory: np.ndarray) -> None:
    """Put an array, or the rows that `Rows` name, into memory of their shape and dtype; many by several threads."""
    if not memory.ndim:
        np.copyto(memory, array)
        return

    def some(span: slice) -> None:
        part = memory[span]
        if type(array) is Rows:
            rows = Rows(array.source, array.order, array.begin + span.start, len(part)).take(part)
        else:
            rows = array[span]
        if rows is not part:
            np.copyto(part, rows)

    share_out(some, len(memory), memory.nbytes / _BYTES_IN_A_MICROSECOND)


_BYTES_IN_A_MICROSECOND = 5000
"""What one thread copies, roughly."""
