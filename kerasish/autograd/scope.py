"""Scopes that stand between variables and their arrays: changes made inside are kept apart from the variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish.autograd import dtypes
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
        collect_losses: Whether what layers add by `add_loss` inside is gathered in `losses`.
        initialize_variables: Kept for Keras's signature; variables made inside have their values at once.

    Raises:
        ValueError: If a first of a pair is no variable, or a value has another shape than its variable.
    """

    def __init__(
        self,
        state_mapping: Sequence[tuple[Any, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self._values: dict[int, tuple[Any, Tensor]] = {}
        for variable, value in state_mapping or ():
            if not getattr(variable, "mutable", False):
                raise ValueError(
                    "Invalid reference variable in StatelessScope: all keys in argument `mapping` must be Variable "
                    f"instances. Received instead: {variable}"
                )
            tensor = as_tensor(value, variable.dtype)
            if tensor.shape != variable.shape:
                raise ValueError(
                    "Invalid variable value in StatelessScope: all values in argument `mapping` must be tensors with "
                    f"a shape that matches the corresponding variable shape. For variable {variable}, received "
                    f"invalid value {tensor} with shape {tensor.shape}."
                )
            # A variable stands for what it holds now.
            self._values[id(variable)] = (variable, tensor.value if tensor.mutable else tensor)
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

    def add_loss(self, loss: Any) -> None:
        """Add to `losses`."""
        self.losses.append(loss)

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
        if tensor.mutable:
            tensor = tensor.value  # what it holds now: it may be assigned to later
        self._values[id(variable)] = (variable, tensor)


class SymbolicScope(StatelessScope):
    """Context for trying out on symbolic tensors what a computation returns: no variable changes in it.

    Example:

    >>> with kerasish.SymbolicScope():
    ...     kerasish.layers.Dense(4)(kerasish.KerasTensor((2, 3))).shape
    (2, 4)
    """

    def __init__(self) -> None:
        super().__init__()


class AutocastScope:
    """Context in which float variables read as another float type: mixed precision.

    Variables made with `autocast=False` and integers read as they are. Gradients flow back through the casts, so they
    arrive in the variables' own types.

    Example:

    >>> v = kerasish.Variable(1.0)
    >>> with AutocastScope("float16"):
    ...     print((v * 2).dtype)
    float16

    Args:
        dtype: The type to read as; None for the variables' own, inside a scope that says otherwise.
    """

    def __init__(self, dtype: str | None):
        self.dtype = dtype
        self._target = None if dtype is None else dtypes.to_numpy_dtype(dtype)
        self._casts: dict[int, tuple[Any, int, Tensor]] = {}

    def __enter__(self) -> AutocastScope:
        self._around = state.overlay
        self._outer_dtype = state.autocast
        # A scope inside a scope replaces it.
        self.outer = self._around.outer if type(self._around) is AutocastScope else self._around
        state.overlay, state.autocast = self, self.dtype
        return self

    def __exit__(self, *exception: object) -> None:
        state.overlay, state.autocast = self._around, self._outer_dtype
        self._casts.clear()

    def read(self, variable: Any) -> Any:
        """Return the array that `variable` shows inside the scope."""
        current = self.current(variable)
        if current is variable:
            return variable._array
        return current._value

    def current(self, argument: Any) -> Any:
        """Return the tensor that an argument of an operation stands for."""
        outer = self.outer
        current = argument if outer is None else outer.current(argument)
        if self._target is None or not getattr(argument, "_autocast", False):
            return current
        own = argument._array.dtype
        if own == self._target or not dtypes.is_float(own):
            return current
        # One cast serves as long as the variable has the same value.
        stamp = argument._changed if current is argument else id(current)
        found = self._casts.get(id(argument))
        if found is None or found[1] != stamp:
            found = self._casts[id(argument)] = (argument, stamp, self._cast(current))
        return found[2]

    def _cast(self, tensor: Tensor) -> Tensor:
        from kerasish.autograd.primitive import cast

        overlay, state.overlay = state.overlay, self.outer
        try:
            return cast(tensor, self._target)
        finally:
            state.overlay = overlay

    def assign(self, variable: Any, value: Any) -> None:
        """Assign to the variable itself, or in the scope around this one."""
        self._casts.pop(id(variable), None)
        if self.outer is not None:
            self.outer.assign(variable, value)
            return
        overlay, state.overlay = state.overlay, None
        try:
            variable.assign(value)
        finally:
            state.overlay = overlay
