"""Sums of products by names of axes: `einsum` and `rearrange`.

A contraction becomes transposes, reshapes and one matrix product for each pair of operands, which are differentiable,
traceable, and as quick as the matrix products that they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives import linalg
from kerasish.autograd.primitives import shapes as s
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.positions import diagonal

Labels = tuple[str, ...]


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Tensor:
    """Return the sum of products that names of axes describe (Einstein's summation).

    Axes with the same name are multiplied together; those that the result does not name are summed over. `...` stands
    for any further axes, which broadcast.

    Example:

    >>> kerasish.ops.einsum("bij,bjk->bik", kerasish.ops.ones((2, 3, 4)), kerasish.ops.ones((2, 4, 5))).shape
    (2, 3, 5)

    Args:
        subscripts: A letter for each axis of each operand, operands separated by commas, and the result's after `->`
            (without it, the letters that occur once, in alphabetical order).
        operands: The tensors.
        kwargs: `optimize`: the order of three operands or more, as `numpy.einsum_path` takes it.

    Returns:
        A tensor of the operands' common dtype (`int32` for `int8`).

    Raises:
        ValueError: If the subscripts do not fit the operands.
    """
    tensors = _of_one_type([as_tensor(x) for x in operands])
    ins, out = _parse(subscripts, tuple(t.ndim for t in tensors))
    _check_lengths(subscripts, ins, tensors)
    parts = list(zip(ins, tensors, strict=True))
    path = [(0, 1)] if len(parts) == 2 else _path(ins, out, tensors, kwargs.get("optimize", True))
    for positions in path:
        chosen = [parts.pop(i) for i in sorted(positions, reverse=True)][::-1]
        while len(chosen) > 1:
            left, right = chosen.pop(0), chosen.pop(0)
            others = [label for labels, _ in (*parts, *chosen) for label in labels]
            chosen.insert(0, _contract(left, right, {*out, *others}, out))
        parts.append(chosen[0])
    labels, result = _reduced(*parts[0], set(out))
    return _arranged(cast(result, tensors[0].dtype), labels, out)  # sums of small integers are wider


def _of_one_type(tensors: list[Tensor]) -> list[Tensor]:
    found = {t.dtype for t in tensors}
    if len(found) == 1 and found != {"int8"}:
        return tensors
    common = "int32" if found == {"int8"} else dtypes.result_type(*found)
    return [cast(t, common) for t in tensors]


@lru_cache(maxsize=512)
def _parse(subscripts: str, ranks: tuple[int, ...]) -> tuple[tuple[Labels, ...], Labels]:
    """Return the name of each axis of each operand and of the result; axes under `...` are named by numbers."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(
            f"`einsum` needs as many operands as its subscripts name. Received: subscripts={subscripts!r} and "
            f"{len(ranks)} operands."
        )
    ins = tuple(_labels(term, rank, subscripts) for term, rank in zip(terms, ranks, strict=True))
    every = [label for labels in ins for label in labels]
    hidden = sorted({label for label in every if label.isdigit()}, key=int, reverse=True)
    if not arrow:
        return ins, (*hidden, *sorted(x for x in set(every) if not x.isdigit() and every.count(x) == 1))
    out = tuple(x for part in right.replace("...", ".") for x in (hidden if part == "." else [part]))
    if len(set(out)) != len(out) or not {*hidden} <= {*out} <= {*every}:
        raise ValueError(
            "The result of `einsum` names each of its axes once, and only axes that an operand has. "
            f"Received: subscripts={subscripts!r}"
        )
    return ins, out


def _labels(term: str, rank: int, subscripts: str) -> Labels:
    """Return the names of one operand's axes; those under `...` count from the last: "0", "1", …"""
    before, dots, after = term.partition("...")
    named = len(before) + len(after)
    if (
        (named != rank and not dots)
        or named > rank
        or not (before + after).replace(".", "0").isalpha()
        and named
    ):
        raise ValueError(
            f"The term {term!r} of `einsum` does not fit an operand of {rank} axes. Write a letter for each axis, and "
            f"`...` for any number of them. Received: subscripts={subscripts!r}"
        )
    return (*before, *(str(i) for i in range(rank - named - 1, -1, -1)), *after)


def _check_lengths(subscripts: str, ins: Sequence[Labels], tensors: Sequence[Tensor]) -> None:
    seen: dict[str, int] = {}
    for labels, tensor in zip(ins, tensors, strict=True):
        for label, length in zip(labels, tensor.shape, strict=True):
            if length in (None, 1):
                continue
            if seen.setdefault(label, length) != length:
                raise ValueError(
                    f"`einsum` got axes of different lengths under one name: {label!r} is {seen[label]} and {length}. "
                    f"Received: subscripts={subscripts!r} for shapes {[t.shape for t in tensors]}"
                )


def _path(ins: Sequence[Labels], out: Labels, tensors: Sequence[Tensor], optimize: Any) -> list[tuple]:
    """Return which operands to contract next, step by step, as positions in the shrinking list of them."""
    if len(ins) == 1:
        return []
    letters: dict[str, str] = {}
    for labels in ins:
        for label in labels:
            letters.setdefault(label, chr(ord("A") + len(letters) + (6 if len(letters) > 25 else 0)))
    terms = ",".join("".join(letters[x] for x in labels) for labels in ins)
    text = f"{terms}->{''.join(letters[x] for x in out)}"
    lengths = {  # an axis of length one may meet a longer one of its name
        label: max(
            (
                n or 64
                for labels, t in zip(ins, tensors, strict=True)
                for x, n in zip(labels, t.shape, strict=True)
                if x == label
            )
        )
        for label in letters
    }
    stand_ins = [np.broadcast_to(np.float32(0), tuple(lengths[x] for x in labels)) for labels in ins]
    return np.einsum_path(text, *stand_ins, optimize=optimize)[0][1:]  # type: ignore[return-value]


def _reduced(labels: Labels, x: Tensor, kept: set[str]) -> tuple[Labels, Tensor]:
    """Return an operand without repeated names (their diagonal) and summed over axes that nobody else has."""
    while len(set(labels)) < len(labels):
        name = next(label for label in labels if labels.count(label) > 1)
        first = labels.index(name)
        second = labels.index(name, first + 1)
        x = diagonal(x, 0, first, second)
        labels = (*(label for i, label in enumerate(labels) if i not in (first, second)), name)
    lone = tuple(i for i, label in enumerate(labels) if label not in kept)
    if lone:
        x = s.reduce_sum(x, axis=lone, keepdims=False)
        labels = tuple(label for label in labels if label in kept)
    return labels, x


def _contract(
    left: tuple[Labels, Tensor], right: tuple[Labels, Tensor], kept: set[str], out: Labels
) -> tuple[Labels, Tensor]:
    """Return the product of two operands, summed over the names that only they have."""
    x_labels, x = _reduced(*left, kept | set(right[0]))
    y_labels, y = _reduced(*right, kept | set(left[0]))
    x_labels, x = _without_ones(x_labels, x, y_labels, y)
    y_labels, y = _without_ones(y_labels, y, x_labels, x)
    # A name that only the dropped axis of length one shared may have become nobody's.
    x_labels, x = _reduced(x_labels, x, kept | set(y_labels))
    y_labels, y = _reduced(y_labels, y, kept | set(x_labels))
    plan = _plan(x_labels, y_labels, frozenset(kept), out)
    if plan.swapped:
        x_labels, x, y_labels, y = y_labels, y, x_labels, x
    if not plan.inner:
        return _outer(x_labels, x, y_labels, y)
    lengths = dict(zip(y_labels, y.shape, strict=True))
    for label, length in zip(x_labels, x.shape, strict=True):
        lengths[label] = lengths.get(label) if length is None else length
    x = _as_matrices(x, x_labels, plan.batch, plan.rows, plan.inner, plan.transpose_x)
    y = _as_matrices(y, y_labels, plan.batch, plan.inner, plan.columns, plan.transpose_y)
    product = linalg.matmul(x, y, transpose_x=plan.transpose_x, transpose_y=plan.transpose_y)
    labels = (*plan.batch, *plan.rows, *plan.columns)
    if len(plan.rows) != 1 or len(plan.columns) != 1:
        product = s.reshape(product, tuple(lengths[label] for label in labels))
    return labels, product


def _without_ones(labels: Labels, x: Tensor, others: Labels, y: Tensor) -> tuple[Labels, Tensor]:
    """Return an operand without its axes of length one that meet longer ones."""
    drop = tuple(
        i
        for i, label in enumerate(labels)
        if x.shape[i] == 1 and label in others and y.shape[others.index(label)] != 1
    )
    if not drop:
        return labels, x
    return tuple(label for i, label in enumerate(labels) if i not in drop), s.squeeze(x, drop)


class _Plan:
    """How two operands become matrices: the names of their axes by what they are for.

    Attributes:
        swapped: Whether the second operand is the left matrix.
        batch: Names that both have and the result keeps.
        rows: Names of the left matrix alone.
        inner: Names to sum over.
        columns: Names of the right matrix alone.
        transpose_x: Whether the left matrix lies transposed in memory.
        transpose_y: Whether the right one does.
    """

    __slots__ = ("batch", "columns", "inner", "rows", "swapped", "transpose_x", "transpose_y")

    swapped: bool
    batch: Labels
    rows: Labels
    inner: Labels
    columns: Labels
    transpose_x: bool
    transpose_y: bool


@lru_cache(maxsize=1024)
def _plan(x: Labels, y: Labels, kept: frozenset[str], out: Labels) -> _Plan:
    plan = _Plan()
    shared = [label for label in x if label in y]
    order = {label: i for i, label in enumerate(out)}
    plan.batch = tuple(
        sorted((label for label in shared if label in kept), key=lambda label: order.get(label, len(order)))
    )
    own = [tuple(label for label in labels if label not in shared) for labels in (x, y)]
    # The operand whose axes come first in the result is the left one, which saves moving them afterwards.
    first = [min((order.get(label, len(order)) for label in labels), default=-1) for labels in own]
    plan.swapped = first[0] > first[1] >= 0
    if plan.swapped:
        x, y, own = y, x, own[::-1]
    plan.rows, plan.columns = own
    summed = [label for label in shared if label not in kept]
    plan.inner = tuple(label for label in x if label in summed)
    lies = lambda labels, wanted: tuple(label for label in labels if label in wanted) == tuple(wanted)  # noqa: E731
    plan.transpose_x = lies(x, plan.inner + plan.rows) and not lies(x, plan.rows + plan.inner)
    plan.transpose_y = lies(y, plan.columns + plan.inner) and not lies(y, plan.inner + plan.columns)
    return plan


def _as_matrices(
    x: Tensor, labels: Labels, batch: Labels, rows: Labels, columns: Labels, transposed: bool
) -> Tensor:
    """Return an operand as a stack of matrices: rows by columns, or the other way if they lie so."""
    if transposed:
        rows, columns = columns, rows
    x = _arranged(x, labels, (*batch, *rows, *columns))
    if len(rows) == len(columns) == 1:
        return x
    split = len(batch) + len(rows)
    lead, first, second = x.shape[: len(batch)], x.shape[len(batch) : split], x.shape[split:]
    return s.reshape(x, (*lead, _product(first), _product(second)))


def _product(lengths: Sequence[int | None]) -> int | None:
    return None if None in lengths else math.prod(lengths)  # type: ignore[arg-type]


def _outer(x_labels: Labels, x: Tensor, y_labels: Labels, y: Tensor) -> tuple[Labels, Tensor]:
    """Return the product of two operands that share no name to sum over, by broadcasting."""
    labels = (*x_labels, *(label for label in y_labels if label not in x_labels))
    return labels, e.multiply(_spread(x, x_labels, labels), _spread(y, y_labels, labels))


def _spread(x: Tensor, labels: Labels, target: Labels) -> Tensor:
    x = _arranged(x, labels, tuple(label for label in target if label in labels))
    return s.expand_dims(x, tuple(i for i, label in enumerate(target) if label not in labels))


def _arranged(x: Tensor, labels: Labels, target: Labels) -> Tensor:
    """Return `x` with its axes in the order of `target`."""
    return x if labels == target else s.transpose(x, [labels.index(label) for label in target])


# Rearrangement


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Tensor:
    """Return a tensor with its axes split, moved and merged as a pattern of names says (einops' notation).

    Example:

    >>> kerasish.ops.rearrange(kerasish.ops.ones((2, 6, 4)), "b (h w) c -> b c h w", h=2).shape
    (2, 4, 2, 3)

    Args:
        tensor: The tensor.
        pattern: Names of its axes, `->`, and those of the result's; axes in parentheses are one axis made of several.
        axes_lengths: Lengths of axes in parentheses; all but one of each group are needed.

    Raises:
        ValueError: If the two sides do not name the same axes, or a length is missing.
    """
    x = as_tensor(tensor)
    left, arrow, right = pattern.partition("->")
    before, after = _groups(left), _groups(right)
    names = [name for group in before for name in group]
    if (
        not arrow
        or sorted(names) != sorted(name for group in after for name in group)
        or len(before) != x.ndim
    ):
        raise ValueError(
            "The pattern of `rearrange` names each axis of the tensor, then the same names for the result. "
            f"Received: pattern={pattern!r} for a tensor of shape {x.shape}"
        )
    lengths: dict[str, int | None] = dict(axes_lengths)
    for group, length in zip(before, x.shape, strict=True):
        unknown = [name for name in group if name not in lengths]
        if len(unknown) > 1:
            raise ValueError(
                f"All but one length of the group {' '.join(group)!r} are needed. Received: pattern={pattern!r}, "
                f"axes_lengths={axes_lengths}"
            )
        for name in unknown:
            lengths[name] = (
                None if length is None else length // math.prod(lengths[n] for n in group if n != name)
            )
    x = s.reshape(x, [lengths[name] for name in names])
    order = [name for group in after for name in group]
    x = s.transpose(x, [names.index(name) for name in order])
    return s.reshape(x, [_product([lengths[name] for name in group]) for group in after])


def _groups(side: str) -> list[list[str]]:
    """Return the axes of one side of a pattern, each as the names that it is made of."""
    groups: list[list[str]] = []
    inside = False
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word in "()":
            inside = word == "("
            if inside:
                groups.append([])
        elif inside:
            groups[-1].append(word)
        else:
            groups.append([word])
    return groups
