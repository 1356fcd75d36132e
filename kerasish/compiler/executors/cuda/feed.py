"""Feeding a recorded step: it gathers its batch itself, from where a counter on the GPU stands."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from kerasish.compiler.executors.cuda.steps import Launch
from kerasish.compiler.graph import Value
from kerasish.devices.rows import Rows

_THREADS = 256
_INT64 = np.dtype(np.int64)


class Feed:
    """The launch that gathers a batch and moves the counter on.

    Attributes:
        sources: The values of the arrays that rows are taken from, and of the order if there is one.
        cursor: The value of the counter, the place of the batch's first row, and of the number of blocks that are done.
        gather: The launch.

    Args:
        arguments: The values that the step takes.
        batch: Its first batch.
    """

    def __init__(self, arguments: Sequence[Value], batch: Sequence[Rows]):
        self._batch = [(rows.source, rows.order) for rows in batch]
        self.cursor = Value((2,), _INT64)
        values = [Value(rows.source.shape, rows.source.dtype) for rows in batch]
        orders: dict[int, tuple[Value, object]] = {}
        for rows in batch:
            if rows.order is not None:
                orders.setdefault(id(rows.order), (Value(rows.order.shape, _INT64), rows.order))
        self.sources = [*zip(values, [rows.source for rows in batch], strict=True), *orders.values()]
        given = [None if rows.order is None else orders[id(rows.order)][0] for rows in batch]
        self.gather = _gather(list(zip(arguments, values, given, strict=True)), self.cursor)

    def fits(self, batch: Sequence[Rows]) -> bool:
        """Tell whether a batch is of the same arrays."""
        return all(
            rows.source is source and rows.order is order
            for rows, (source, order) in zip(batch, self._batch, strict=True)
        )


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
