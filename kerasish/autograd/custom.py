"""Functions with gradients of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasish import tree
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.primitive import Primitive
from kerasish.autograd.state import no_grad
from kerasish.autograd.tensor import Tensor, as_tensor


def _run(xp: Any, *inputs: Any, count: int, rule: Callable) -> tuple:
    return inputs[count:]


def _infer(*inputs: Abstract, count: int, rule: Callable) -> tuple:
    return inputs[count:]


def _vjp(g: Any, out: Any, inputs: Sequence[Any], wanted: Sequence[bool], count: int, rule: Callable) -> list:
    parts = rule(*(g if isinstance(g, list) else [g]))
    parts = list(parts) if isinstance(parts, (tuple, list)) else [parts]
    if len(parts) != count:
        raise ValueError(
            f"The gradient function of a custom gradient must return one gradient an argument ({count}). "
            f"Received: {len(parts)}"
        )
    return parts + [None] * (len(inputs) - count)


_custom = Primitive("custom_gradient", _run, _infer, vjp_all=_vjp)
"""Its last arguments, unchanged, with a gradient rule given by the user for its first `count`."""


def with_gradient(function: Callable, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Call `function`, which returns `(result, gradient function)`, and record that rule for its result."""
    with no_grad():
        result, rule = function(*args, **kwargs)
    tensors = [as_tensor(a) for a in args]
    results = [as_tensor(r) for r in tree.flatten(result)]
    return tree.pack_sequence_as(result, recorded(tensors, results, _either_way(rule)))


def recorded(inputs: Sequence[Tensor], results: Sequence[Tensor], rule: Callable) -> list[Tensor]:
    """Return `results` as computed from `inputs`, with `rule` for the gradients of these."""
    return list(_custom(*inputs, *results, count=len(inputs), rule=rule))


def _either_way(rule: Callable) -> Callable:
    """Call the user's rule with the upstream gradient by position, or by the name `upstream` that Keras uses."""

    def call(*upstream: Tensor) -> Any:
        try:
            return rule(*upstream)
        except TypeError:
            return rule(upstream=upstream[0] if len(upstream) == 1 else upstream)

    return call
