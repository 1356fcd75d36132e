"""Running a step function over a sequence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish import ops, tree
from kerasish.autograd.tensor import Tensor


def time_first(x: Tensor) -> Tensor:
    """Exchange the first two axes."""
    return ops.transpose(x, (1, 0, *range(2, x.ndim)))


def recur(
    step: Callable[[Any, list], tuple[Tensor, list]],
    sequences: Tensor,
    states: list,
    mask: Tensor | None = None,
    go_backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
    keep_all: bool = True,
    output_is_state: bool = False,
) -> tuple[Tensor, list]:
    """Carry states through a sequence.

    Args:
        step: `step(inputs, states) -> (output, new states)`.
        sequences: The inputs of all timesteps, stacked along the first axis.
        states: The states before the first timestep.
        mask: Booleans of shape `(batch, time)`: where one is False, the states stay as they are.
        go_backwards: Whether to begin with the last timestep. The outputs are in the order in which they are made.
        unroll: Whether the steps of a traced function are recorded one by one.
        zero_output_for_mask: Whether masked timesteps give zeros, and not the state before.
        keep_all: Whether the outputs of all timesteps are wanted, and not only the last.
        output_is_state: Whether a step's output is its first new state.

    Returns:
        The outputs stacked along the first axis, or the last one, and the last states.
    """
    xs = (sequences,) if mask is None else (sequences, time_first(ops.cast(mask, "bool")))
    from_state = output_is_state and not (mask is not None and zero_output_for_mask)

    def body(states: list, inputs: tuple) -> tuple[list, Tensor | None]:
        output, new = step(inputs[0], states)
        if mask is not None:
            counts = inputs[1]
            before = ops.zeros_like(output) if zero_output_for_mask else _first(states)
            output = _choose(counts, output, before)
            new = tree.map_structure(lambda now, old: _choose(counts, now, old), new, states)
        return new, output if keep_all or not from_state else None

    scan: Callable = _unrolled if unroll else ops.scan
    last, outputs = scan(body, states, xs, reverse=go_backwards)
    if not keep_all:
        if from_state:
            return _first(last), last
        return outputs[0 if go_backwards else -1], last
    return ops.flip(outputs, axis=0) if go_backwards else outputs, last


def _first(states: list) -> Tensor:
    """Return the state that is repeated for masked timesteps: the first of the last cell."""
    return states[-1][0] if tree.is_nested(states[0]) else states[0]


def _choose(counts: Tensor, now: Tensor, before: Tensor) -> Tensor:
    return ops.where(ops.reshape(counts, (-1, *(1,) * (now.ndim - 1))), now, before)


def _unrolled(body: Callable, states: list, xs: tuple, reverse: bool) -> tuple[list, Tensor | None]:
    steps, outputs = list(range(xs[0].shape[0])), []
    for i in reversed(steps) if reverse else steps:
        states, output = body(states, tuple(x[i] for x in xs))
        outputs.append(output)
    if outputs[0] is None:
        return states, None
    return states, ops.stack(outputs[::-1] if reverse else outputs)
