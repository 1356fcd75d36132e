"""Variables: tensors that can be assigned, and the only state there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish import devices
from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.naming import auto_name, current_path
from kerasish.autograd.state import clock, state
from kerasish.autograd.tensor import Tensor, _brief, to_array

_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")
_SYNCHRONIZATIONS = (None, "none", "on_read", "on_write", "auto")


class Variable(Tensor):
    """A tensor whose value can be changed: weights, optimizer slots, metric totals, seeds.

    Reading is copy-free: what shares a variable's memory (a view, `numpy()`) is noted, and the next change then goes to
    fresh memory, so that no tensor ever changes under its reader.

    Example:

    >>> v = kerasish.Variable([1.0, 2.0], name="v")
    >>> v.assign_add([1.0, 1.0])
    >>> v.numpy()
    array([2., 3.], dtype=float32)

    Args:
        initializer: The initial value, or a callable `(shape, dtype) -> tensor`, or an initializer's name.
        shape: Shape, needed where `initializer` is callable.
        dtype: Element type; by default the value's own, or the default float type for callables.
        trainable: Whether gradients are wanted.
        autocast: Whether mixed precision may read it in a narrower type.
        aggregation: How replicas would be combined: `"none"`, `"mean"`, `"sum"` or `"only_first_replica"`.
        synchronization: When replicas would be combined: `"auto"`, `"none"`, `"on_read"` or `"on_write"`.
        name: Its name, without slashes; made up where None.
        layout: Accepted for Keras's sake; variables are not sharded.

    Raises:
        ValueError: If an argument is none of the above, or a callable comes without a shape.
    """

    mutable = True
    any_regularizer = False
    """Whether any variable ever had a regularizer: while none has, losses need not look for them."""

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ):
        name = name or auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}"
            )
        if aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"Invalid value for argument `aggregation`. Expected one of {_AGGREGATIONS}. "
                f"Received: aggregation={aggregation}"
            )
        if synchronization not in _SYNCHRONIZATIONS:
            raise ValueError(
                f"Invalid value for argument `synchronization`. Expected one of {_SYNCHRONIZATIONS}. "
                f"Received: synchronization={synchronization}"
            )
        self.name = name
        prefix = current_path()
        self._path = f"{prefix}/{name}" if prefix else name
        self.aggregation = aggregation or "none"
        self.synchronization = synchronization or "none"
        self._autocast = bool(autocast)
        self._regularizer: Callable | None = None
        self._constraint: Callable | None = None
        self._overwrite_with_gradient = False
        self._shared = False
        self._array = self._initial(initializer, shape, dtype)
        self.trainable = bool(trainable)

    def _initial(self, initializer: Any, shape: Sequence[int] | None, dtype: Any) -> Any:
        if isinstance(initializer, str):
            from kerasish import initializers  # the one look upwards: names of initializers

            initializer = initializers.get(initializer)
        if not callable(initializer):
            array = to_array(initializer, dtype)
            return array if isinstance(initializer, (int, float, list, tuple)) else devices.copied(array)
        if shape is None:
            raise ValueError(
                "When creating a Variable from an initializer, the `shape` argument should be specified. "
                f"Received: initializer={initializer} and shape={shape}"
            )
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if None in shape:
            raise ValueError(
                "Shapes used to initialize variables must be fully-defined (no `None` dimensions). "
                f"Received: shape={shape} for variable path='{self._path}'"
            )
        dtype = dtypes.standardize_dtype(dtype)
        if state.allocator is not None:
            array = state.allocator(self, initializer, shape, dtype)
            if array is not None:
                return array
        return self._drawn(initializer, shape, dtype)

    def _drawn(self, initializer: Callable, shape: tuple[int, ...], dtype: str) -> Any:
        # Initial values are drawn for real even while a trace is open.
        overlay, state.overlay = state.overlay, None
        try:
            value = initializer(shape, dtype=dtype)
        finally:
            state.overlay = overlay
        array = to_array(value, dtype)
        if not isinstance(value, Tensor) or not array.flags.owndata or not array.flags.c_contiguous:
            array = devices.copied(array)
        return array

    # The value, seen through the scope that may stand before it.

    @property
    def _value(self) -> Any:
        overlay = state.overlay
        return self._array if overlay is None else overlay.read(self)

    @_value.setter
    def _value(self, array: Any) -> None:
        self._array = array

    @property
    def value(self) -> Tensor:
        """The present value as an immutable tensor."""
        overlay = state.overlay
        if overlay is not None:
            current = overlay.current(self)
            if current is not self:
                return current
        return self.detach()

    @property
    def shape(self) -> tuple:
        return self._array.shape

    @property
    def path(self) -> str:
        """The names of the scopes around the variable and its own, joined by slashes."""
        return self._path

    @property
    def trainable(self) -> bool:
        """Whether gradients are wanted for this variable."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        self.requires_grad = self._tracked = self._trainable and self._array.dtype.kind in "fcV"

    @property
    def regularizer(self) -> Callable | None:
        """A callable that gives a penalty on the value, or None."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Callable | None) -> None:
        self._regularizer = _callable_or_none("regularizer", value)
        if value is not None:
            Variable.any_regularizer = True

    @property
    def constraint(self) -> Callable | None:
        """A callable that maps the value to an allowed one after each update, or None."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Callable | None) -> None:
        self._constraint = _callable_or_none("constraint", value)

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether an optimizer replaces the value by the gradient instead of descending along it."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"`overwrite_with_gradient` must be a boolean. Received: {value}")
        self._overwrite_with_gradient = value

    def share(self) -> None:
        self._shared = True

    def detach(self) -> Tensor:
        self._shared = True
        return super().detach()

    # Changes.

    def assign(self, value: Any) -> Variable:
        """Set the value.

        Args:
            value: Of the variable's shape; it is cast to the variable's dtype.

        Returns:
            The variable.

        Raises:
            ValueError: If the shapes differ.
        """
        overlay = state.overlay
        if overlay is not None:
            overlay.assign(self, value)
            return self
        if isinstance(value, Tensor) and type(value._value) is Abstract:
            raise ValueError(
                f"A symbolic tensor cannot be assigned to the variable {self._path!r}: it has no value."
            )
        array = to_array(value, self._array.dtype)
        self.check_shape(array.shape)
        # A tensor's array may be someone else's (NumPy's border is copy-free): keep a value of our own. Where nothing
        # reads the old one it is overwritten, so that compiled steps keep the memory that they were made for.
        if self._shared or type(array) is not type(self._array):
            self._array = devices.copied(array)
            self._shared = False
        else:
            self._array[...] = array
        self._changed = clock()
        return self

    def adopt(self, array: np.ndarray) -> None:
        """Set the value to an array that nothing else refers to: it becomes the variable's memory where it can.

        Raises:
            ValueError: If the shapes differ.
        """
        mine = self._array
        fits = (
            array.dtype == mine.dtype
            and array.flags.owndata
            and array.flags.c_contiguous
            and array.flags.writeable
        )
        if state.overlay is not None or type(mine) is not np.ndarray or not fits:
            self.assign(array)
            return
        self.check_shape(array.shape)
        self._array = array
        self._shared = False
        self._changed = clock()

    def settle(self) -> None:
        """Bring the value to the default device, where a variable made now would be."""
        self._array = devices.to_default(self._array)

    def draw(self, initializer: Callable, shape: tuple[int, ...], dtype: str) -> None:
        """Set the value to what an initializer gives, as at the variable's making."""
        self._array = self._drawn(initializer, shape, dtype)
        self._shared = False

    @property
    def changed(self) -> bool:
        """Whether the value has been set since the variable was made."""
        return self._changed != 0

    def assign_add(self, value: Any) -> Variable:
        """Add `value` to the variable, in place where nothing else reads its memory."""
        return self._assign_by("add", value)

    def assign_sub(self, value: Any) -> Variable:
        """Subtract `value` from the variable, in place where nothing else reads its memory."""
        return self._assign_by("subtract", value)

    def _assign_by(self, operation: str, value: Any) -> Variable:
        overlay = state.overlay
        if overlay is not None:
            overlay.assign(self, self + value if operation == "add" else self - value)
            return self
        delta = value._value if isinstance(value, Tensor) else value
        array = self._array
        kind = type(array)
        if type(delta) is not kind:
            if type(delta) is Abstract:
                raise ValueError(
                    f"A symbolic tensor cannot be assigned to the variable {self._path!r}: it has no value."
                )
            if type(delta) not in (int, float):
                delta = to_array(delta)
        before = self._changed
        target = self.writable()
        try:
            devices.kernel(kind, operation)(target, delta, out=target, casting="unsafe")
        except ValueError:
            self._changed = before
            self.check_shape(getattr(delta, "shape", ()))
            raise
        return self

    def writable(self) -> Any:
        """Return the array for writing in place: a copy first where something else reads its memory.

        Recorded computations that used the old value will refuse to run backward.
        """
        if self._shared:
            self._array = devices.copied(self._array)
            self._shared = False
        self._changed = clock()
        return self._array

    def check_shape(self, shape: tuple) -> None:
        """Raise ValueError unless a value of `shape` fits."""
        if tuple(shape) != self.shape:
            raise ValueError(
                "The shape of the target variable and the shape of the target value in `variable.assign(value)` must "
                f"match. variable.shape={self.shape}, Received: value.shape={tuple(shape)}. Target variable: {self}"
            )

    def __deepcopy__(self, memo: dict) -> Variable:
        return self._clone()

    def __copy__(self) -> Variable:
        return self._clone()

    def _clone(self) -> Variable:
        clone = object.__new__(type(self))
        clone.__dict__.update(self.__dict__)
        clone._array = devices.copied(self._array)
        clone._shared = False
        clone.grad = None
        return clone

    def __reduce__(self) -> tuple:
        return _restore, (
            devices.to_numpy(self._array),
            self._trainable,
            self._autocast,
            self.name,
            self._path,
        )

    def __repr__(self) -> str:
        value = "" if type(self._value) is Abstract else f", value={_brief(devices.to_numpy(self._value))}"
        return f"<Variable path={self._path}, shape={self.shape}, dtype={self.dtype}{value}>"


def load_variable(variable: Variable, store: Any, key: str) -> None:
    """Set a variable to what a store has under a key: stores of files give their arrays away, others keep them."""
    take = getattr(store, "take", None)
    if take is None:
        variable.assign(store[key])
    else:
        variable.adopt(take(key))


def _callable_or_none(attribute: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise ValueError(
            f"Invalid value for attribute `{attribute}`. Expected a callable (such as an instance of "
            f"`kerasish.{attribute}s.{attribute.capitalize()}`) or `None`. Received: {attribute}={value}"
        )
    return value


def _restore(array: np.ndarray, trainable: bool, autocast: bool, name: str, path: str) -> Variable:
    variable = Variable(array, trainable=trainable, autocast=autocast, name=name)
    variable._path = path
    return variable
