"""Scopes that stand between variables and their arrays: changes made inside are kept apart from the variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.autograd.state import state
from kerasish.autograd.tensor import Tensor, as_tensor


class StatelessScope:
    """Context in which variables read as given values, and assignments change only what is read here.

    Example:

    >>> v = kerasish.Variable(1.0)
    >>> with kerasish.StatelessScope([(v, 5.0)]) as scope:
    ...     v.assign_add(1.0)
    >>> v.numpy(), scope.get_current_value(v).numpy()
    (array(1., dtype=float32), array(6., dtype=float32))

    Args:
        state_mapping: Pairs of a variable and the value that it shall have inside.
    """

    def __init__(self, state_mapping: Sequence[tuple[Any, Any]] = (), **kwargs: Any):
        self._values: dict[int, tuple[Any, Tensor]] = {}
        for variable, value in state_mapping or ():
            self._values[id(variable)] = (variable, as_tensor(value, variable.dtype))
        self._outer: list[Any] = []

    def __enter__(self) -> StatelessScope:
        self._outer.append(state.overlay)
        state.overlay = self
        return self

    def __exit__(self, *exception: object) -> None:
        state.overlay = self._outer.pop()

    def get_current_value(self, variable: Any) -> Tensor | None:
        """Return what `variable` was given or assigned here, or None."""
        found = self._values.get(id(variable))
        return None if found is None else found[1]

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Assign the second of a pair to the variable that is the first."""
        self.assign(*update)

    def read(self, variable: Any) -> Any:
        """Return the array that `variable` shows inside the scope."""
        found = self._values.get(id(variable))
        return variable._array if found is None else found[1]._value

    def current(self, argument: Any) -> Any:
        """Return the tensor that an argument of an operation stands for: a variable's value of now."""
        found = self._values.get(id(argument))
        return argument if found is None else found[1]

    def assign(self, variable: Any, value: Any) -> None:
        """Give `variable` a new value inside the scope."""
        tensor = as_tensor(value, variable.dtype)
        variable.check_shape(tensor.shape)
        self._values[id(variable)] = (variable, tensor)
