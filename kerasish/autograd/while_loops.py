"""Loops that go on while a condition holds, as one primitive.

Condition and step are `Body`s, as the step of a `scan` is: traced, the loop is one node. Where the number of steps
depends on nothing that is unknown while tracing, it is found out (`steps_of`), and the loop is a `scan` of so many
steps. Otherwise nothing bounds what a gradient would have to keep, and there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasish.autograd.abstract import Abstract, abstract
from kerasish.autograd.loops import Body, _check_carried, _is_constant, _recorded, key
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.tensor import Node, NoValueError, Tensor

Carry = Callable[[list[Tensor]], Sequence[Tensor]]
"""`carried tensors -> carried tensors`."""


def recorded_loop(condition: Carry, step: Carry, carried: Sequence[Tensor]) -> tuple[Body, Body]:
    """Run condition and step once, on symbols.

    Args:
        condition: Returns a list of one bool tensor.
        step: Returns tensors of the same shapes and types.
        carried: What the first step is given.

    Raises:
        ValueError: If the condition is no scalar, or a step carries on tensors of other shapes or types.
    """
    likes = [abstract(c._value) for c in carried]
    tested = _recorded(condition, likes)
    (holds,) = tested.results
    if holds.shape != ():
        raise ValueError(
            f"The condition of `while_loop` must be a scalar. Received: shape={holds.shape}. Reduce it, for example "
            "with `ops.any` or `ops.all`."
        )

    def checked(symbols: list[Tensor]) -> Sequence[Tensor]:
        new = step(symbols)
        for old, now in zip(symbols, new, strict=True):
            _check_carried(old, now)
        return new

    return tested, _recorded(checked, likes)


def run_while(condition: Body, body: Body, carried: Sequence[Tensor], limit: int | None) -> list[Tensor]:
    """Return what the last step carried on: there are steps while the condition holds, `limit` at most."""
    params = {"condition": condition, "body": body, "carried": len(carried), "limit": limit}
    outs = while_p(*carried, *condition.captured, *body.captured, **params)
    return list(outs) if isinstance(outs, tuple) else [outs]


def steps_of(condition: Body, body: Body, carried: Sequence[Tensor], limit: int | None) -> int | None:
    """Return the number of steps if all that it depends on has a value already; else None."""
    places = _needed(condition, {0})
    while places is not None:
        more = _needed(body, places)
        if more is not None and more <= places:
            break
        places = None if more is None else places | more
    if not places or not all(_is_constant(carried[i]) for i in places):
        return None
    order = sorted(places)
    test = _part(condition, order, [0])
    step = _part(body, order, order)
    now, count = [carried[i] for i in order], 0
    while (limit is None or count < limit) and test.replay(now)[0][0].item():
        now = step.replay(now)[0]
        count += 1
    return count


def _nodes_of(body: Body, results: Sequence[int]) -> tuple[list[Node], set]:
    """Return the nodes behind some results, in order, and the keys of all tensors that these are computed from."""
    keys = {key(body.results[i]) for i in results}
    nodes = []
    for node in reversed(body.nodes):
        if any((id(node), i) in keys for i in range(len(node.outputs))):
            nodes.append(node)
            keys.update(key(x) for x in node.inputs if isinstance(x, Tensor))
    return nodes[::-1], keys


def _needed(body: Body, results: set[int]) -> set[int] | None:
    """Return the numbers of the arguments that some results depend on; None if on something from outside too."""
    _, keys = _nodes_of(body, sorted(results))
    if any(key(x) in keys for x in body.captured):
        return None
    return {i for i, x in enumerate(body.arguments) if key(x) in keys}


def _part(body: Body, arguments: Sequence[int], results: Sequence[int]) -> Body:
    """Return the part of a body that computes some results from some arguments."""
    nodes, _ = _nodes_of(body, results)
    return Body([body.arguments[i] for i in arguments], (), [body.results[i] for i in results], nodes)


def _holds(condition: Body, arrays: Sequence[Any]) -> bool:
    (result,) = condition.compute(arrays)
    return bool(result.item())


def _run(
    xp: Any, *arrays: Any, condition: Body, body: Body, carried: int, limit: int | None
) -> tuple[Any, ...]:
    split = carried + len(condition.captured)
    now, count = list(arrays[:carried]), 0
    while (limit is None or count < limit) and _holds(condition, [*now, *arrays[carried:split]]):
        now = [xp.asarray(a) for a in body.compute([*now, *arrays[split:]])]
        count += 1
    return tuple(now)


def _infer(*inputs: Abstract, carried: int, **params: Any) -> tuple[Abstract, ...]:
    return tuple(inputs[:carried])


def _vjp(*args: Any, **params: Any) -> list[Tensor | None]:
    raise NoValueError(  # so that `fit` goes on step by step, as where Python needs a value
        "There is no gradient of a `while_loop`, or of a `fori_loop` whose bounds are not known while tracing: the "
        "number of steps, and so what the gradient needs of each, depends on values. Use `fori_loop` with bounds that "
        "are Python integers, or `scan`; `ops.stop_gradient` where no gradient is wanted; or run eagerly."
    )


while_p = Primitive("while_loop", _run, _infer, vjp_all=_vjp)
