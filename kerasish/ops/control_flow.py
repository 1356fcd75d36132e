"""Choices and loops of `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import cast as _cast
from kerasish.autograd.primitives.elementwise import where
from kerasish.autograd.tensor import Tensor, as_tensor


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """Return `true_fn()` if `pred` holds, else `false_fn()`.

    Where `pred` has no value yet (a symbolic tensor), both are computed and the results chosen between.
    """
    from kerasish import tree

    if isinstance(pred, Tensor) and type(pred._value) is Abstract:
        pred = _cast(pred, "bool")
        return tree.map_structure(
            lambda a, b: None if a is None else where(pred, a, b), true_fn(), false_fn()
        )
    return true_fn() if pred else false_fn()


def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Repeat `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` holds."""
    single = not isinstance(loop_vars, (tuple, list))
    values = (loop_vars,) if single else tuple(loop_vars)
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and cond(*values):
        result = body(*values)
        values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        count += 1
    return values[0] if single else values


def fori_loop(lower: int, upper: int, body_fun: Callable, init_val: Any) -> Any:
    """Return the result of `val = body_fun(i, val)` for `i` from `lower` up to but not including `upper`."""
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int = 1
) -> tuple[Any, Any]:
    """Carry a state along the leading axis: `carry, y = f(carry, x)` for each slice; return it and the stacked ys."""
    from kerasish import tree
    from kerasish.autograd.primitives.shapes import stack

    flat = [] if xs is None else [as_tensor(x) for x in tree.flatten(xs)]
    if not flat and length is None:
        raise ValueError("`scan` needs `xs` or `length`. Received neither.")
    steps = flat[0].shape[0] if flat else int(length)  # type: ignore[arg-type]
    carry, outputs = init, []
    for i in reversed(range(steps)) if reverse else range(steps):
        x = None if xs is None else tree.pack_sequence_as(xs, [t[i] for t in flat])
        carry, y = f(carry, x)
        outputs.append(y)
    if reverse:
        outputs.reverse()
    if not outputs or outputs[0] is None:
        return carry, None
    return carry, tree.map_structure(lambda *ys: stack(ys), *outputs)


def map(f: Callable, xs: Any) -> Any:
    """Return `f` of each slice along the leading axis, stacked."""
    return scan(lambda carry, x: (carry, f(x)), None, xs)[1]


def vectorized_map(function: Callable, elements: Any) -> Any:
    """Return `function` of each slice along the leading axis, stacked."""
    return map(function, elements)


def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """Return `branches[index](*operands)`, `index` clipped to the branches there are."""
    return branches[max(0, min(int(index), len(branches) - 1))](*operands)
