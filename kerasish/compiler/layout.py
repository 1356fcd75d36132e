"""How the axes of a loop nest become loops, and where the elements of arrays lie."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from kerasish.compiler.nests import Axes, Nest
from kerasish.compiler.scalar import BOOL


class Layout:
    """How the axes of a nest become loops: neighbors that every access runs along together become one.

    Attributes:
        dims: The loops' lengths.
        split: How many of them are outer ones.
    """

    def __init__(self, nest: Nest, maps: set[Axes], alone: set[int], apart: set[tuple[int, int]]):
        long_axes = [a for a, n in enumerate(nest.dims) if n != 1]
        groups: list[list[int]] = []
        for a in long_axes:
            last = groups[-1][-1] if groups else None
            joined = (
                last is not None
                and a != nest.split
                and not (nest.split is not None and last < nest.split <= a)
                and not {a, last} & alone
                and (last, a) not in apart
                and all((a in m) == (last in m) for m in maps)
            )
            if joined:
                groups[-1].append(a)
            else:
                groups.append([a])
        self.groups = groups
        self.dims = [int(np.prod([nest.dims[a] for a in g])) for g in groups]
        if nest.split is None:
            self.split = len(groups) - 1
        else:
            self.split = sum(g[0] < nest.split for g in groups)

    def along(self, axes: Axes) -> Layout:
        """Return a layout of those of the loops that run along any of some axes."""
        found = copy(self)
        kept = [i for i, g in enumerate(self.groups) if set(g) & set(axes)]
        found.groups, found.dims = [self.groups[i] for i in kept], [self.dims[i] for i in kept]
        found.split = max(len(kept) - 1, 0)
        return found

    def strides(self, axes: Axes, strides: Sequence[int]) -> list[int]:
        """Return how far apart neighbors along each loop are in an array whose neighbors along its axes are so far."""
        own = {a: step for a, step in zip(axes, strides, strict=True) if a >= 0}
        return [own.get(g[-1], 0) for g in self.groups]

    def is_inner(self, axes: Axes) -> bool:
        """Tell whether something that runs along `axes` changes within a row."""
        return any(a in axes for g in self.groups[self.split :] for a in g)

    @property
    def rows(self) -> int:
        return int(np.prod(self.dims[: self.split], dtype=int))

    @property
    def columns(self) -> int:
        return int(np.prod(self.dims[self.split :], dtype=int))


def identity(name: str, dtype: np.dtype) -> Any:
    """Return what a reduction starts from."""
    if name in ("reduce_max", "reduce_min"):
        sign = -1 if name == "reduce_max" else 1
        if dtype.kind == "f":
            return sign * np.inf
        if dtype == BOOL:
            return sign == 1
        return np.iinfo(dtype).min if sign == -1 else np.iinfo(dtype).max
    return {"reduce_sum": 0, "reduce_prod": 1, "reduce_all": True, "reduce_any": False}[name]
