"""What a GPU would do with a list of steps, on the CPU: kernels by `cuda_on_cpu`, products by NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cuda_on_cpu
import numpy as np

from kerasish.compiler.executors.cuda.code import PRELUDE
from kerasish.compiler.executors.cuda.steps import Launch, Matrix, Product
from kerasish.compiler.graph import Value


def one_source(sources: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the source of a module with all kernels, and the names that they have in it."""
    names = {source: f"kernel_{i}" for i, source in enumerate(dict.fromkeys(sources))}
    return PRELUDE + "\n".join(s.replace("NAME", name) for s, name in names.items()), names


class Module:
    """The kernels of many launches, compiled together: starting the compiler takes longer than one of them."""

    def __init__(self, sources: Iterable[str]):
        text, self._names = one_source(sources)
        self._kernels = cuda_on_cpu.compile_cuda(text)

    def run(self, steps: Sequence[Any], arrays: dict[Value, np.ndarray], reverse: bool = False) -> None:
        """Run steps; arrays that are missing are made, and hold NaNs (or what halves and integers show in their place)."""
        for step in steps:
            values = (
                step.arguments if isinstance(step, Launch) else [m.value for m in (step.out, step.x, step.y)]
            )
            for value in values:
                if value not in arrays:
                    fresh = np.frombuffer(bytearray(b"\xff" * value.nbytes), value.dtype).reshape(value.shape)
                    arrays[value] = value.data if value.kind == "constant" else fresh
            if isinstance(step, Launch):
                kernel = self._kernels[self._names[step.source]]
                given = [arrays[v].view() for v in step.arguments]
                for value, array in zip(step.arguments, given, strict=True):
                    array.flags.writeable = value in step.writes
                kernel(step.grid, step.block, given, reverse=reverse)
            else:
                multiply(step, arrays)


def multiply(step: Product, arrays: dict[Value, np.ndarray]) -> None:
    out = matrices(step.out, step.count, arrays)
    x, y = (matrices(m, step.count, arrays) for m in (step.x, step.y))
    wide = np.float64 if out.dtype == np.float64 else np.float32
    made = np.matmul(x.astype(wide), y.astype(wide))
    out[...] = (made + out.astype(wide) if step.accumulate else made).astype(out.dtype)


def matrices(m: Matrix, count: int, arrays: dict[Value, np.ndarray]) -> np.ndarray:
    """Return a stack of matrices as a view, within the bounds of the array."""
    flat = arrays[m.value].reshape(-1)
    last = m.offset + (count - 1) * m.step + (m.rows - 1) * m.stride + m.columns
    assert m.columns <= m.stride and last <= flat.size, "a matrix reaches beyond its array"
    strides = tuple(flat.itemsize * n for n in (m.step, m.stride, 1))
    view = np.lib.stride_tricks.as_strided(flat[m.offset :], (count, m.rows, m.columns), strides)
    return view.swapaxes(1, 2) if m.transposed else view
