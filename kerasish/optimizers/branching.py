"""Branches that assign variables, chosen by a value that a trace does not know yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasish import ops
from kerasish.autograd import KerasTensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kerasish.autograd import Tensor, Variable


def assign_either(
    predicate: Tensor,
    if_true: Callable[[], None],
    if_false: Callable[[], None],
    variables: Sequence[Variable],
) -> None:
    """Run one of two functions for what they assign.

    Where the predicate has a value, only the function that it chooses runs. In a trace both are recorded, each from
    the same start, and every variable takes the value that it has after the chosen one.

    Args:
        predicate: A boolean scalar.
        if_true: Runs where it is true.
        if_false: Runs where it is false.
        variables: All variables that either function may assign.
    """
    if not isinstance(predicate, KerasTensor):
        (if_true if predicate else if_false)()
        return
    before = [variable.value for variable in variables]
    if_true()
    chosen = [variable.value for variable in variables]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    if_false()
    for variable, value in zip(variables, chosen, strict=True):
        other = variable.value
        if value is not other:
            variable.assign(ops.where(predicate, value, other))
