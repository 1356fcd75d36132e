"""Views: values that are other values' memory looked at in another order, and so cost nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kerasish.compiler.graph import Op, Value

VIEWS = frozenset(("reshape", "transpose", "slice", "broadcast_to", "flip"))
"""Primitives whose result is a view of their first input."""


class View(NamedTuple):
    """Where the elements of a value lie in the memory of another: in elements, from its first."""

    root: Value
    offset: int
    strides: tuple[int, ...]


def contiguous_strides(shape: Sequence[int]) -> list[int]:
    """Return how far apart neighbors along each axis of a contiguous array are, in elements."""
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= n
    return steps[::-1]


def place_of(value: Value, views: Mapping[Value, View]) -> View:
    """Return where the elements of a value lie."""
    return views.get(value) or View(value, 0, tuple(contiguous_strides(value.shape)))


def view_of(op: Op, x: Value, views: Mapping[Value, View]) -> View | None:
    """Return where the result of an operation among `VIEWS` on `x` lies; None if it has to be copied to be seen so."""
    root, offset, strides = place_of(x, views)
    name = op.prim.name
    if name == "transpose":
        return View(root, offset, tuple(strides[a] for a in op.params["axes"]))
    if name == "broadcast_to":
        shape = op.output.shape
        lead = len(shape) - x.ndim
        steps = [
            0 if n == 1 and m != 1 else s for n, m, s in zip(x.shape, shape[lead:], strides, strict=True)
        ]
        return View(root, offset, (*[0] * lead, *steps))
    if name == "flip":
        axes = {a % x.ndim for a in op.params["axis"]}
        offset += sum((x.shape[a] - 1) * strides[a] for a in axes)
        return View(root, offset, tuple(-s if a in axes else s for a, s in enumerate(strides)))
    if name == "slice":
        return _sliced(root, offset, strides, x.shape, op.params["index"])
    steps_ = reshaped_strides(x.shape, strides, op.output.shape)
    return None if steps_ is None else View(root, offset, steps_)


def _sliced(
    root: Value, offset: int, strides: Sequence[int], shape: Sequence[int], index: Sequence[Any]
) -> View:
    steps: list[int] = []
    axis = 0
    for part in index:
        if part is None:
            steps.append(0)
            continue
        if isinstance(part, slice):
            start, _, step = part.indices(shape[axis])
            offset += start * strides[axis]
            steps.append(step * strides[axis])
        else:
            offset += part % shape[axis] * strides[axis]
        axis += 1
    return View(root, offset, (*steps, *strides[axis:]))


def reshaped_strides(
    shape: Sequence[int], strides: Sequence[int], new: Sequence[int]
) -> tuple[int, ...] | None:
    """Return the strides of a reshaped view, None where the elements do not lie so that there is one."""
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    blocks: list[list[int]] = []  # stretches of axes that are one axis in memory: size, step of its elements
    for n, s in old:
        if blocks and blocks[-1][1] == n * s:
            blocks[-1] = [blocks[-1][0] * n, s]
        else:
            blocks.append([n, s])
    result: list[int] = []
    rest = list(reversed(blocks))
    for dim in reversed(new):
        if dim == 1:
            result.append(0)
            continue
        if not rest:
            return None
        size, step = rest[0]
        if size % dim:
            return None
        result.append(step)
        if size == dim:
            rest.pop(0)
        else:
            rest[0] = [size // dim, step * dim]
    return None if rest else tuple(reversed(result))
