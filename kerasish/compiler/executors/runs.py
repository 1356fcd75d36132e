"""Runs of native kernels: neighbors that need no Python between them are one call.

Every native kernel has a function `void (ptr table)`. What a table holds is the kernel's own business; it is made once
for the arrays that stay where they are, and brought up to date where an array came anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import is_
from typing import Any

import numpy as np

from kerasish.compiler.kernel import Kernel


class Table:
    """What a native kernel's function is called with.

    Attributes:
        words: Its memory.
        address: Where that is.
        settled: Whether it stays valid as long as the arrays are the same.
    """

    def __init__(self, count: int):
        self.words = np.zeros(count, np.int64)
        self.address: int = self.words.ctypes.data
        self.settled = True

    def point_to(self, arrays: Sequence[Any]) -> None:
        """Take the arrays to compute on: inputs, then outputs."""
        raise NotImplementedError

    def word_of(self, position: int) -> int | None:
        """Return the word that holds the address of the array at `position` and is all that depends on it, as long as
        the array's layout is the same; None if there is no such word."""
        return None


class Addresses(Table):
    """The addresses of a kernel's arrays.

    Args:
        count: How many arrays there are.
        strides: How far apart the elements are, in bytes, of the arrays that are not contiguous, by their numbers.
        first: Words in front of the addresses, which hold something else.
    """

    def __init__(self, count: int, strides: Mapping[int, tuple[int, ...]], first: int = 0):
        super().__init__(first + count)
        self._first = first
        self._strides = strides

    def point_to(self, arrays: Sequence[Any]) -> None:
        """Fill the table. An input that is not contiguous is copied, at every call."""
        self._copies = []
        for i, array in enumerate(arrays):
            strides = self._strides.get(i)
            fits = array.flags.c_contiguous if strides is None else array.strides == strides
            if not fits:
                array = np.ascontiguousarray(array) if strides is None else _with_strides(array, strides)
                self._copies.append(array)
            self.words[self._first + i] = address_of_array(array)
        self.settled = not self._copies

    def word_of(self, position: int) -> int | None:
        return self._first + position


def _with_strides(array: np.ndarray, strides: tuple[int, ...]) -> np.ndarray:
    """Return a copy whose elements are as far apart in memory as `strides` says, in bytes."""
    span = sum((n - 1) * step for n, step in zip(array.shape, strides, strict=True)) // array.itemsize + 1
    copy = np.lib.stride_tricks.as_strided(np.empty(span, array.dtype), array.shape, strides)
    copy[...] = array
    return copy


class TableKernel(Kernel):
    """A kernel in machine code, which may be run without Python between it and its neighbors."""

    @property
    def function(self) -> Callable[[int], None]:
        """The compiled function, which takes the address of a table."""
        raise NotImplementedError

    def table(self) -> Table:
        """Return a new table for the arrays of one place in the graph."""
        raise NotImplementedError

    def __call__(self, *arrays: Any) -> None:
        from kerasish.compiler.executors.team import team

        table = self.table()
        table.point_to(arrays)
        team().wake()
        self.function(table.address)


class NativeRun:
    """Calls kernels one after the other.

    Args:
        pieces: Each kernel with its arrays, None for those that every call brings.
        places: What a call's arrays are: the number of the piece, of the array in it, and of the argument.
    """

    def __init__(self, pieces: Sequence[tuple[Any, tuple]], places: Sequence[tuple[int, int, int]]):
        from kerasish.compiler.executors.team import team

        self._run_all, self._wake = team().run_all, team().wake
        self._tables = [kernel.table() for kernel, _ in pieces]
        self._functions = [address_of(kernel.function) for kernel, _ in pieces]
        self._arrays = [list(arrays) for _, arrays in pieces]
        self._places = places
        self._changing = sorted({piece for piece, _, _ in places})
        self._given: tuple = (None,) * len({argument for _, _, argument in places})
        self._words: list[list[tuple[np.ndarray, int]]] | None = None
        for i, table in enumerate(self._tables):
            if i not in self._changing:
                table.point_to(self._arrays[i])
        self._calls = np.zeros(3 * len(pieces) + 1, np.int64)
        if not places:
            self._divide()

    def __call__(self, *given: Any) -> None:
        if not all(map(is_, given, self._given)):
            if not self._follow(given):
                self._point_to(given)
            self._given = given
        self._wake()
        for piece, address in self._parts:
            if piece is not None:
                self._tables[piece].point_to(self._arrays[piece])
            self._run_all(address)

    def _point_to(self, given: tuple) -> None:
        """Bring the tables up to date for arrays of any layout."""
        for piece, position, argument in self._places:
            self._arrays[piece][position] = given[argument]
        for piece in self._changing:
            self._tables[piece].point_to(self._arrays[piece])
        self._divide()
        self._layouts = [array.strides for array in given]
        self._addresses = [address_of_array(array) for array in given]
        self._words = [[] for _ in given]
        for piece, position, argument in self._places:
            table = self._tables[piece]
            word = table.word_of(position)
            if word is None or not table.settled:
                self._words = None
                return
            self._words[argument].append((table.words, word))
        for piece, position, _ in self._places:  # what comes next is followed by its address alone
            self._arrays[piece][position] = None

    def _follow(self, given: tuple) -> bool:
        """Change nothing but addresses, and tell whether that is enough: where the arrays lie as the last ones did."""
        if self._words is None or [array.strides for array in given] != self._layouts:
            return False
        for argument, (array, places) in enumerate(zip(given, self._words, strict=True)):
            address = address_of_array(array)
            distance = address - self._addresses[argument]
            if distance:
                self._addresses[argument] = address
                for words, word in places:
                    words[word] += distance
        return True

    @property
    def is_one_call(self) -> bool:
        """Tell whether it needs no Python between its kernels, and no arrays."""
        return not self._places and len(self._parts) == 1

    def _divide(self) -> None:
        """Write the calls down, in parts: before each but the first, a kernel copies what it cannot read in place."""
        calls: list[int] = []
        start = self._calls.ctypes.data
        self._parts: list[tuple[int | None, int]] = [(None, start)]
        for i, (function, table) in enumerate(zip(self._functions, self._tables, strict=True)):
            if not table.settled:
                calls.append(0)
                self._parts.append((i, start + 8 * len(calls)))
            calls += [function, table.address]
        self._calls[: len(calls) + 1] = [*calls, 0]


class NativeLoop:
    """Calls the same kernels again and again, on arrays that move on by the same distances each time, in turn.

    Args:
        first: What is done before, if anything.
        rounds: The first four rounds.
        last: What is done afterwards, if anything.
        count: How many rounds there are. The third follows from the first as the fifth from the third, and so on.
    """

    def __init__(
        self, first: NativeRun | None, rounds: Sequence[NativeRun], last: NativeRun | None, count: int
    ):
        from kerasish.compiler.executors.team import team

        self._run_loop, self._wake = team().run_loop, team().wake
        self._keep = first, rounds, last
        words = [np.concatenate([table.words for table in run._tables]) for run in rounds]
        self._start = np.concatenate(words[:2])
        self._now = self._start.copy()
        self._apart = np.concatenate([words[2] - words[0], words[3] - words[1]])
        address = self._now.ctypes.data
        calls: list[int] = []
        places = []
        for run in rounds[:2]:
            places.append(8 * len(calls))
            for function, table in zip(run._functions, run._tables, strict=True):
                calls += [function, address]
                address += 8 * len(table.words)
            calls.append(0)
        self._calls = np.array(calls, np.int64)
        nothing = self._calls[-1:]
        ends = [nothing if run is None else run._calls for run in (first, last)]
        arrays = self._now, self._apart, self._start, *ends
        self._job = np.array(
            [
                count,
                len(words[0]),
                *(self._calls.ctypes.data + place for place in places),
                *(array.ctypes.data for array in arrays),
            ],
            np.int64,
        )
        self._address = self._job.ctypes.data

    def __call__(self) -> None:
        self._wake()
        self._run_loop(self._address)


class Call:
    """A native kernel's place in the code.

    Attributes:
        kernel: The kernel's name.
        arrays: The names of its arrays.
        changing: Those of them that each call of the graph brings or makes anew.
    """

    def __init__(self, kernel: str, arrays: Sequence[str], changes: Sequence[bool]):
        self.kernel = kernel
        self.arrays = tuple(arrays)
        self.changing = [name for name, new in zip(arrays, changes, strict=True) if new]


def with_runs(body: Sequence[str | Call], bind: Callable[[Any, str], str]) -> tuple[list[str], list[str]]:
    """Return the statements that prepare runs of native kernels, and the body with calls of them.

    Args:
        body: Statements, and native kernels among them.
        bind: Gives an object a name in the generated code.
    """
    setup: list[str] = []
    lines: list[str] = []
    for is_run, group in groupby(body, lambda line: type(line) is Call):
        if not is_run:
            lines += group  # type: ignore[arg-type]
            continue
        calls: list[Any] = list(group)
        given = list(dict.fromkeys(name for call in calls for name in call.changing))
        pieces = ", ".join(
            f"({c.kernel}, ({''.join('None, ' if n in c.changing else f'{n}, ' for n in c.arrays)}))"
            for c in calls
        )
        places = [
            (i, j, given.index(name))
            for i, c in enumerate(calls)
            for j, name in enumerate(c.arrays)
            if name in c.changing
        ]
        setup.append(f"run{len(setup)} = {bind(NativeRun, 'native_run')}([{pieces}], {places})")
        lines.append(f"run{len(setup) - 1}({', '.join(given)})")
    return setup, lines


def address_of_array(array: np.ndarray) -> int:
    """Return where the first element of an array is."""
    return array.__array_interface__["data"][0]


def address_of(function: Callable) -> int:
    """Return where a compiled function is."""
    import ctypes

    return ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type, return-value]
