"""What operations cost: floating-point operations by primitive, and bytes moved.

An addition, a multiplication, a comparison or a function of one element counts one, so a product of matrices counts two
for each term. Work on integers and booleans, and moving elements around, counts nothing. Padding counts as if it were
multiplied.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kerasish.autograd.primitive import Binary, Unary
from kerasish.compiler.graph import Graph, Op, Value
from kerasish.compiler.kernel import Kernel
from kerasish.compiler.views import VIEWS


def _each(count: int) -> Callable[[Op], int]:
    """So many for each element of the result."""
    return lambda op: count * op.output.size


def _reduced(op: Op) -> int:
    return op.inputs[0].size - op.output.size if op.inputs[0].size else 0


def _matmul(op: Op) -> int:
    x = op.inputs[0]
    return 2 * op.output.size * x.shape[-2 if op.params.get("transpose_x") and x.ndim > 1 else -1]


def _window(op: Op) -> int:
    return math.prod(op.params["window"])


def _square_matrices(op: Op) -> tuple[int, int]:
    """Return how many matrices there are and how many rows each has."""
    shape = op.inputs[0].shape
    return math.prod(shape[:-2]), shape[-1]


def _factorization(thirds: int) -> Callable[[Op], int]:
    """So many thirds of n^3 for a matrix of n rows."""

    def count(op: Op) -> int:
        matrices, n = _square_matrices(op)
        return matrices * thirds * n**3 // 3

    return count


def _solve(op: Op) -> int:
    matrices, n = _square_matrices(op)
    return matrices * 2 * n**3 // 3 + 2 * n * op.output.size


FLOPS: dict[str, Callable[[Op], int]] = {
    # products
    "matmul": _matmul,
    "conv": lambda op: 2 * op.output.size * math.prod(op.inputs[1].shape[:-1]),
    "conv_transpose": lambda op: 2 * op.inputs[0].size * math.prod(op.inputs[1].shape[:-1]),
    "conv_kernel_gradient": lambda op: 2 * op.inputs[1].size * math.prod(op.output.shape[:-1]),
    # windows
    "max_pool": lambda op: op.output.size * _window(op),
    "max_pool_route": lambda op: op.inputs[0].size * _window(op),
    "max_pool_pick": lambda op: op.output.size * _window(op),
    "average_pool": lambda op: op.output.size * _window(op),
    "average_pool_transpose": lambda op: op.inputs[0].size * _window(op),
    # reductions and scans
    "reduce_sum": _reduced,
    "reduce_prod": _reduced,
    "reduce_max": _reduced,
    "reduce_min": _reduced,
    "reduce_mean": lambda op: op.inputs[0].size,
    "cumsum": _each(1),
    "argmax": _reduced,
    "argmin": _reduced,
    # several operations in one
    "sigmoid": _each(4),
    "softplus": _each(3),
    "softmax": _each(5),
    "softmax_gradient": _each(4),
    "relu_gradient": _each(1),
    "where": _each(1),
    "scatter_add": lambda op: op.inputs[-1].size if type(op.inputs[-1]) is Value else op.output.size,
    "put_along_axis_add": lambda op: op.inputs[-1].size if type(op.inputs[-1]) is Value else op.output.size,
    # linear algebra, by the usual counts of its algorithms
    "cholesky": _factorization(1),
    "lu": _factorization(2),
    "det": _factorization(2),
    "slogdet": _factorization(2),
    "inv": _factorization(6),
    "solve": _solve,
}
"""FLOPs by primitive. Other elementwise ones count one an element; those that only move elements count nothing."""

_MOVES = frozenset(
    (
        *VIEWS,
        "cast",
        "concatenate",
        "copy",
        "exchange_rows",
        "gather",
        "identity",
        "iota",
        "pad",
        "random_bits",
    )
) | frozenset(("scatter_set", "segments", "stop_gradient", "take_along_axis", "unslice", "argsort"))

_PICKS = frozenset(("gather", "take_along_axis"))
"""Primitives that read no more of their first input than their result holds."""


def flops(op: Op) -> int | None:
    """Return the floating-point operations of one operation; None where they are not known.

    A fused kernel counts what it is made of; a loop its step, as often as that runs.
    """
    if isinstance(op.prim, Kernel):
        inside, times = contents(op.prim)
        return None if inside is None else _sum([flops(part) for part in inside], times)
    name = op.prim.name
    if not any(v.dtype.kind in "fc" for v in (*op.values, *op.outputs)) or name in _MOVES:
        return 0
    if name in FLOPS:
        return FLOPS[name](op)
    return op.output.size if isinstance(op.prim, (Unary, Binary)) else None


def contents(kernel: Kernel) -> tuple[tuple[Op, ...] | None, int]:
    """Return the operations that a kernel is made of, None if it does not say, and how often they run."""
    step: Any = getattr(kernel, "step", None)
    if isinstance(step, Graph):
        return step.ops, getattr(kernel, "length", 1)
    inside = getattr(kernel, "ops", None)
    return (None if inside is None else tuple(inside)), 1


def primitives(op: Op) -> list[str]:
    """Return the names of the primitives in a kernel, each once, in the order in which they come."""
    inside = contents(op.prim)[0] if isinstance(op.prim, Kernel) else None
    names: dict[str, None] = {}
    for part in inside or ():
        names.update(dict.fromkeys(primitives(part) if isinstance(part.prim, Kernel) else [part.prim.name]))
    return list(names)


def bytes_moved(op: Op) -> tuple[int, int]:
    """Return how many bytes an operation reads and writes: each of its arrays once. A view moves nothing."""
    if op.prim.name in VIEWS:
        return 0, 0
    written = sum(v.nbytes for v in op.outputs)
    values = list(dict.fromkeys(op.values))
    if op.prim.name in _PICKS and values:
        return sum(v.nbytes for v in values[1:]) + min(values[0].nbytes, written), written
    return sum(v.nbytes for v in values), written


def _sum(counts: list[int | None], times: int) -> int | None:
    known = [count for count in counts if count is not None]
    return times * sum(known) if len(known) == len(counts) else None
