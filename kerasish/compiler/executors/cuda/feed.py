"""Feeding a recorded step: it gathers its batch itself, from where a counter on the GPU stands."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from kerasish.compiler.executors.cuda.steps import Launch
from kerasish.compiler.graph import Value
from kerasish.devices.rows import Rows

_THREADS = 256
_INT64 = np.dtype(np.int64)


class Feed:
    """The launch that gathers a batch and moves the counter on.

    It does not keep the data: a model outlives them.

    Attributes:
        counter: Memory of the place of the batch's first row, and of the number of blocks that are done.
        gather: The launch.

    Args:
        arguments: The values that the step takes.
        batch: Its first batch.
        counter: Memory of `counter_bytes`.
    """

    counter_bytes = 16

    def __init__(self, arguments: Sequence[Value], batch: Sequence[Rows], counter: Any):
        self.counter = counter
        self._cursor = Value((2,), _INT64)
        self._next = -1
        arrays = {id(a): a for rows in batch for a in (rows.source, rows.order) if a is not None}
        values = {key: Value(a.shape, a.dtype) for key, a in arrays.items()}
        self._sources = [(value, weakref.ref(arrays[key])) for key, value in values.items()]
        self._batch = [[None if a is None else weakref.ref(a) for a in (r.source, r.order)] for r in batch]
        given = [(values[id(r.source)], None if r.order is None else values[id(r.order)]) for r in batch]
        self.gather = _gather([(a, *g) for a, g in zip(arguments, given, strict=True)], self._cursor)

    def fits(self, batch: Sequence[Rows]) -> bool:
        """Tell whether a batch is of the same arrays."""
        return all(
            rows.source is source() and (rows.order is None if order is None else rows.order is order())
            for rows, (source, order) in zip(batch, self._batch, strict=True)
        )

    def go_to(self, rows: Rows, times: int) -> np.ndarray | None:
        """Return what the counter has to be set to for a batch and those that follow it, `times` in all.

        None where it stands there.
        """
        before, self._next = self._next, rows.begin + times * rows.count
        return None if rows.begin == before else np.array([rows.begin, 0])

    def places(self, locate: Callable[[Any], Any]) -> dict[Value, Any]:
        """Return where the arrays and the counter are."""
        return {self._cursor: self.counter, **{value: locate(array()) for value, array in self._sources}}


def _gather(parts: Sequence[tuple[Value, Value, Value | None]], cursor: Value) -> Launch:
    """Return the launch that fills arguments with rows of arrays."""
    names: dict[Value, str] = {cursor: "a0"}
    body, first = [], 0
    for target, source, order in parts:
        width = prod(target.shape[1:]) * target.dtype.itemsize
        pack = next(n for n in (16, 8, 4, 2, 1) if width % n == 0) if width else 1
        kind = {16: "Pack<u64, 2>", 8: "u64", 4: "u32", 2: "u16", 1: "u8"}[pack]
        packs, count = width // pack, target.shape[0]
        a, b = (names.setdefault(v, f"a{len(names)}") for v in (target, source))
        blocks = max(1, min(-(-count * packs // _THREADS), 1024))
        row = "begin + r"
        if order is not None:
            row = f"((const i64*){names.setdefault(order, f'a{len(names)}')})[begin + r]"
        above = f"blockIdx.x >= {first}u && " if first else ""
        body += [
            f"if ({above}blockIdx.x < {first + blocks}u)",
            f"for (i64 i = (i64)(blockIdx.x - {first}u) * {_THREADS} + threadIdx.x; i < {count * packs}; "
            f"i += {blocks * _THREADS}) {{",
            f"const i64 r = i / {max(packs, 1)}, c = i - r * {max(packs, 1)};",
            f"(({kind}*){a})[i] = ((const {kind}*){b})[({row}) * {packs} + c];",
            "}",
        ]
        first += blocks
    targets = {target for target, _, _ in parts}
    parameters = ", ".join(
        f"{'' if v in targets or v is cursor else 'const '}{'i64' if v is cursor else 'void'}* {name}"
        for v, name in names.items()
    )
    head = f'extern "C" __global__ void __launch_bounds__({_THREADS}) NAME({parameters}) {{'
    last = [
        "__syncthreads();",
        "if (threadIdx.x == 0) {",
        "__threadfence();",
        f"if (atomicAdd((u64*)a0 + 1, 1ull) == {first - 1}ull) {{",  # all blocks have read the counter
        f"a0[1] = 0; a0[0] = begin + {parts[0][0].shape[0]};",
        "}",
        "}",
    ]
    text = "\n".join([head, "const i64 begin = *(volatile i64*)a0;", *body, *last, "}"])
    return Launch(text, first, _THREADS, list(names), [*targets, cursor], "gather_batch")
