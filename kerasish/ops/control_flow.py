"""Choices and loops of `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract
from kerasish.autograd.loops import AssignmentScope, loop
from kerasish.autograd.primitive import cast as _cast
from kerasish.autograd.primitives.elementwise import where
from kerasish.autograd.primitives.shapes import stack
from kerasish.autograd.state import state
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.autograd.while_loops import recorded_loop, run_while, steps_of


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
    """Repeat `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` holds.

    In a compiled function the loop is one operation: `cond` and `body` are traced once. It has gradients there only if
    the number of steps can be found out while tracing; else use `scan`, or `fori_loop` with known bounds.

    Example:

    >>> i, x = ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1.0))
    >>> i.item(), x.item()
    (3, 8.0)

    Args:
        cond: Takes the loop's variables and returns a scalar bool.
        body: Takes the loop's variables and returns new ones of the same structure, shapes and dtypes.
        loop_vars: What to begin with: tensors, or a tuple or list of tensors or structures of them.
        maximum_iterations: The most steps that there are.

    Returns:
        The loop's variables after the last step.

    Raises:
        ValueError: In a compiled function, if a step changes the shape or dtype of a variable.
    """
    from kerasish import tree

    single = not isinstance(loop_vars, (tuple, list))
    values = (loop_vars,) if single else tuple(loop_vars)
    if _is_traced(tree.flatten(values)):
        values = _traced_while(cond, body, values, maximum_iterations)
        return values[0] if single else values
    values = _tensors(values)
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and cond(*values):
        result = body(*values)
        values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        count += 1
    return values[0] if single else values


def _traced_while(cond: Callable, body: Callable, values: tuple, limit: int | None) -> tuple:
    """Record a loop as one operation. Variables that a step assigns are carried from step to step."""
    from kerasish import tree

    start = [as_tensor(x) for x in tree.flatten(values) if x is not None]
    assigned: list[Any] = []

    def structured(carried: Sequence[Tensor]) -> tuple:
        leaves = iter(carried)
        return tree.map_structure(lambda x: None if x is None else next(leaves), values)

    def inside(function: Callable, carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        states = list(zip(assigned, carried[len(start) :], strict=True))
        with AssignmentScope(states) as scope:
            result = function(*structured(carried))
        found = [variable for variable, _ in scope.values.values()]
        if len(found) > len(assigned):
            assigned[:] = found
            raise _Assigned
        results = [as_tensor(x) for x in tree.flatten(result) if x is not None]
        return results, [scope.values[id(v)][1] for v in assigned]

    def condition(carried: list[Tensor]) -> list[Tensor]:
        return [_cast(as_tensor(x), "bool") for x in inside(cond, carried)[0]]

    def step(carried: list[Tensor]) -> list[Tensor]:
        own, states = inside(body, carried)
        if len(own) != len(start):
            raise ValueError(
                f"`body` must return as many tensors as there are in `loop_vars`, {len(start)}. Received: {len(own)}"
            )
        return [*own, *states]

    while True:
        carried = [*start, *(variable.value for variable in assigned)]
        try:
            test, repeated = recorded_loop(condition, step, carried)
        except _Assigned:  # once more, with what is assigned carried along
            continue
        break
    count = steps_of(test, repeated, carried, limit)
    if count is None:
        last = run_while(test, repeated, carried, limit)
    elif count == 0:
        last = carried
    else:
        last, _ = loop(lambda own, _: (step(own), []), carried, [], count)
    for variable, value in zip(assigned, last[len(start) :], strict=True):
        variable.assign(value)
    return structured(last)


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """Return the result of `val = body_fun(i, val)` for `i` from `lower` up to but not including `upper`.

    In a compiled function the loop is one operation: `body_fun` is traced once. It has gradients there if the bounds
    are known while tracing.

    Example:

    >>> ops.fori_loop(0, 4, lambda i, total: total + i, 0).item()
    6

    Args:
        lower: The first `i`.
        upper: The `i` that ends the loop.
        body_fun: Takes `i`, a Python integer, or a scalar of type int32 in a compiled function, and the value; returns
            the next value.
        init_val: The value to begin with: tensors in any structure.
    """
    from kerasish import tree

    bounds = (lower, upper)
    if any(isinstance(b, Tensor) and type(b._value) is Abstract for b in bounds):
        first, end = (_cast(as_tensor(b), "int32") for b in bounds)
        return while_loop(
            lambda i, value: i < end, lambda i, value: (i + 1, body_fun(i, value)), (first, init_val)
        )[1]
    lower, upper = int(lower), int(upper)
    if upper > lower and _is_traced(tree.flatten(init_val)):
        numbers = as_tensor(np.arange(lower, upper, dtype="int32"))
        return _traced_scan(
            lambda value, i: (body_fun(i, value), None), init_val, numbers, [numbers], upper - lower, False
        )[0]
    value = _tensors(init_val)
    for i in range(lower, upper):
        value = body_fun(i, value)
    return value


def _tensors(values: Any) -> Any:
    """Return a structure with what is in it as tensors."""
    from kerasish import tree

    return tree.map_structure(lambda x: None if x is None else as_tensor(x), values)


def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: Any = 1
) -> tuple[Any, Any]:
    """Carry a state along the leading axis: `carry, y = f(carry, x)` for each slice; return it and the stacked ys.

    In a compiled function the loop is one operation: `f` is traced once, however many slices there are.

    Example:

    >>> total, sums = ops.scan(lambda carry, x: (carry + x, carry + x), 0, ops.arange(4))
    >>> sums.numpy()
    array([0, 1, 3, 6], dtype=int32)

    Args:
        f: Takes what is carried and one slice, and returns what is carried on and a result: tensors in any structure,
            or None.
        init: What is carried to the first step.
        xs: What is sliced: tensors in any structure; None for nothing.
        length: The number of steps, where `xs` does not say it.
        reverse: Whether to begin with the last slice.
        unroll: Accepted for Keras's sake.

    Raises:
        ValueError: If there is neither `xs` nor `length`, or slices differ in number.
    """
    from kerasish import tree

    flat = [] if xs is None else [as_tensor(x) for x in tree.flatten(xs)]
    if not flat and length is None:
        raise ValueError("`scan` needs `xs` or `length`. Received neither.")
    lengths = {x.shape[0] for x in flat} | ({length} if length is not None else set())
    if len(lengths - {None}) > 1:
        raise ValueError(
            f"`scan` needs slices of one number. Received: leading axes {[x.shape[0] for x in flat]}, "
            f"length={length}. Cut the longer ones, or leave `length` out."
        )
    steps = next(iter(lengths - {None}), None)
    if _is_traced([*tree.flatten(init), *flat]):
        return _traced_scan(f, init, xs, flat, steps, reverse)
    carry, outputs = init, []
    for i in reversed(range(steps)) if reverse else range(steps):  # type: ignore[arg-type]
        x = None if xs is None else tree.pack_sequence_as(xs, [t[i] for t in flat])
        carry, y = f(carry, x)
        outputs.append(y)
    if reverse:
        outputs.reverse()
    if not outputs or outputs[0] is None:
        return carry, None
    return carry, tree.map_structure(lambda *ys: stack(ys), *outputs)


def _is_traced(values: Sequence[Any]) -> bool:
    """Tell whether a loop belongs into a graph: its tensors are symbols, or variables stand for symbols."""
    if any(isinstance(v, Tensor) and type(v._value) is Abstract for v in values):
        return True
    overlay = state.overlay
    while overlay is not None:
        if getattr(overlay, "symbolic", False):
            return True
        overlay = getattr(overlay, "outer", None)
    return False


def _traced_scan(
    f: Callable, init: Any, xs: Any, slices: list[Tensor], length: int | None, reverse: bool
) -> tuple[Any, Any]:
    """Record a loop as one operation. Variables that a step assigns are carried from step to step."""
    from kerasish import tree

    start = [as_tensor(c) for c in tree.flatten(init) if c is not None]
    shape: list[Any] = []  # the structure of a step's results
    assigned: list[Any] = []

    def step(carried: list[Tensor], x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        own, states = carried[: len(start)], carried[len(start) :]
        leaves = iter(own)
        carry = tree.map_structure(lambda c: None if c is None else next(leaves), init)
        with AssignmentScope(list(zip(assigned, states, strict=True))) as scope:
            carry, y = f(carry, None if xs is None else tree.pack_sequence_as(xs, x))
        new = [as_tensor(c) for c in tree.flatten(carry) if c is not None]
        shape[:] = [y]
        results = [as_tensor(leaf) for leaf in tree.flatten(y) if leaf is not None]
        found = [variable for variable, _ in scope.values.values()]
        if len(found) > len(assigned):
            assigned[:] = found
            raise _Assigned
        return [*new, *(scope.values[id(v)][1] for v in assigned)], results

    while True:
        try:
            states = [variable.value for variable in assigned]
            last, stacked = loop(step, [*start, *states], slices, length, reverse)
        except _Assigned:  # once more, with what is assigned carried along
            continue
        break
    for variable, value in zip(assigned, last[len(start) :], strict=True):
        variable.assign(value)
    leaves, results = iter(last), iter(stacked)
    carry = tree.map_structure(lambda c: None if c is None else next(leaves), init)
    return carry, tree.map_structure(lambda y: None if y is None else next(results), shape[0])


class _Assigned(Exception):
    """A loop's step assigned to a variable that is not yet carried along."""


def map(f: Callable, xs: Any) -> Any:
    """Return `f` of each slice along the leading axis, stacked."""
    return scan(lambda carry, x: (carry, f(x)), None, xs)[1]


def vectorized_map(function: Callable, elements: Any) -> Any:
    """Return `function` of each slice along the leading axis, stacked."""
    return map(function, elements)


def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """Return `branches[index](*operands)`, `index` clipped to the branches there are."""
    return branches[max(0, min(int(index), len(branches) - 1))](*operands)


def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return the running combination of slices by an associative function, in logarithmically many steps.

    Example:

    >>> kerasish.ops.associative_scan(lambda a, b: a + b, kerasish.ops.arange(5)).numpy()
    array([ 0,  1,  3,  6, 10], dtype=int32)

    Args:
        f: Combines two nests of tensors, many slices at once; `f(a, f(b, c)) == f(f(a, b), c)`.
        elems: A tensor or a nest of them, all of one length along `axis`.
        reverse: Whether to start from the end.
        axis: The axis.

    Raises:
        ValueError: If the tensors are of several lengths.
    """
    from kerasish import tree
    from kerasish.autograd.primitives import shapes

    parts = [as_tensor(x) for x in tree.flatten(elems)]
    axes = [shapes.normalize_axis(axis, x.ndim) for x in parts]
    lengths = {x.shape[a] for x, a in zip(parts, axes, strict=True)}
    if len(lengths) != 1 or None in lengths:
        raise ValueError(
            "Array inputs to associative_scan must have the same, known length. "
            f"Received shapes: {[x.shape for x in parts]}"
        )
    (length,) = lengths

    def turned(tensors: list) -> list:
        if not reverse:
            return tensors
        return [shapes.flip_axes(x, axis=(a,)) for x, a in zip(tensors, axes, strict=True)]

    def taken(start: int | None, stop: int | None) -> Any:
        found = [x[(slice(None),) * a + (slice(start, stop),)] for x, a in zip(parts, axes, strict=True)]
        return tree.pack_sequence_as(elems, found)

    parts = turned(parts)
    reach = 1  # how many slices each result combines by now
    while reach < length:
        joined = tree.flatten(f(taken(None, -reach), taken(reach, None)))
        first = tree.flatten(taken(None, reach))
        parts = [shapes.concatenate(pair, a) for *pair, a in zip(first, joined, axes, strict=True)]
        reach *= 2
    return tree.pack_sequence_as(elems, turned(parts))


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """Return a function that applies `pyfunc` to each number of its arguments, which broadcast.

    Example:

    >>> add = kerasish.ops.vectorize(lambda a, b: a + b)
    >>> add(kerasish.ops.ones((3, 1)), kerasish.ops.ones((2,))).shape
    (3, 2)

    Args:
        pyfunc: Takes tensors and returns a tensor or a tuple of them.
        excluded: Positions and names of arguments that are handed on as they are.
        signature: How many axes `pyfunc` itself takes of each argument, as in `"(n),(n)->()"`; none by default.

    Raises:
        ValueError: If the signature does not fit the arguments.
    """
    left_out = set(excluded or ())
    ranks = None if signature is None else [_core_rank(p) for p in _core_parts(signature.partition("->")[0])]

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from kerasish.autograd.abstract import broadcast_shapes
        from kerasish.autograd.primitives import shapes

        places = [i for i in range(len(args)) if i not in left_out]
        tensors = [as_tensor(args[i]) for i in places]
        own = [0] * len(tensors) if ranks is None else ranks
        if len(own) != len(tensors) or any(t.ndim < r for t, r in zip(tensors, own, strict=True)):
            raise ValueError(
                f"Arguments do not fit signature={signature!r}. Received shapes: {[t.shape for t in tensors]}"
            )
        cores = [t.shape[t.ndim - r :] for t, r in zip(tensors, own, strict=True)]
        outer = broadcast_shapes(*(t.shape[: t.ndim - r] for t, r in zip(tensors, own, strict=True)))
        size = 1
        for length in outer:
            size *= length  # type: ignore[operator]
        rows = [
            shapes.reshape(shapes.broadcast_to(t, (*outer, *core)), (size, *core))
            for t, core in zip(tensors, cores, strict=True)
        ]
        results = []
        for i in range(size):
            own_args = list(args)
            for place, row in zip(places, rows, strict=True):
                own_args[place] = row[i]
            results.append(pyfunc(*own_args, **kwargs))
        if results and isinstance(results[0], (tuple, list)):
            columns = [shapes.stack(list(column)) for column in zip(*results, strict=True)]
            return tuple(shapes.reshape(c, (*outer, *c.shape[1:])) for c in columns)
        column = shapes.stack(results)
        return shapes.reshape(column, (*outer, *column.shape[1:]))

    return wrapped


def _core_parts(text: str) -> list[str]:
    return [part.strip(" ()") for part in text.split("),")]


def _core_rank(part: str) -> int:
    return len([name for name in part.split(",") if name.strip()])
