"""Kernels: operations that an executor's own passes put into a graph in place of primitives."""

from __future__ import annotations

from typing import Any


class Kernel:
    """A computation that reads arrays and writes its results into given arrays.

    It stands in an `Op` where a primitive would. Whatever it was made from, an executor only plans its buffers and
    calls it.

    Attributes:
        name: What `explain` calls it.
    """

    name: str = "kernel"

    def __call__(self, *arrays: Any) -> None:
        """Compute: the inputs come first (arrays and Python numbers, as in the `Op`), then the output arrays."""
        raise NotImplementedError

    def may_overwrite(self, input_index: int, output_index: int) -> bool:
        """Tell whether an output may be written into the memory of an input of the same shape and dtype."""
        return False
