"""Tensors: an array, and how it was computed where a gradient may be wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasish import config, devices
from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract


class Node:
    """One recorded application of a primitive.

    Attributes:
        prim: The primitive.
        inputs: The arguments it was applied to: tensors and Python scalars.
        params: Its static parameters.
        outputs: The arrays of its results (one, for most primitives).
        time: When it was recorded, by the clock that also stamps in-place changes.
        place: Where it was recorded (see `checks.Place`), only while numeric checks are on.
    """

    __slots__ = ("__weakref__", "inputs", "outputs", "params", "place", "prim", "time")

    def __init__(self, prim: Any, inputs: Sequence[Any], params: dict[str, Any], outputs: tuple, time: int):
        self.prim = prim
        self.inputs = inputs
        self.params = params
        self.outputs = outputs
        self.time = time

    @classmethod
    def note_places(cls, place: Callable[[], Any] | None) -> None:
        """Have new nodes note what `place` returns, or nothing: then making one asks no question."""
        plain = _plain_node

        def init(self: Node, *args: Any) -> None:
            plain(self, *args)
            self.place = place()  # type: ignore[attr-defined, misc]

        cls.__init__ = plain if place is None else init  # type: ignore[method-assign]


_plain_node = Node.__init__


class Tensor:
    """An n-dimensional array that can remember how it was computed.

    Tensors are immutable. Operations follow Keras 3's broadcasting and type promotion; `backward()` fills in `.grad`
    of the tensors that were made with `requires_grad=True` and of trainable variables.

    Example:

    >>> x = kerasish.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x**2).mean().backward()
    >>> x.grad
    <Tensor shape=(3,), dtype=float32, value=[0.6667 1.3333 2.    ]>

    Args:
        value: A number, a nested list, an array or a tensor.
        dtype: Its type; by default that of arrays and tensors, the default float type for Python floats, `"int32"`
            for Python ints.
        requires_grad: Whether `backward()` computes a gradient for it.
        name: A name for pictures of the graph.
    """

    # Class attributes are the state of an ordinary tensor, so that making one only sets `_value`.
    _value: Any
    _node: Node | None = None
    _index: int = 0
    _tracked: bool = False
    _changed: int = 0
    _requires_grad: bool = False
    grad: Tensor | None = None
    name: str | None = None
    mutable: bool = False

    __array_priority__ = 100.0  # ndarray <op> Tensor is the tensor's business

    def __init__(self, value: Any, dtype: Any = None, requires_grad: bool = False, name: str | None = None):
        array = to_array(value, dtype)
        # An array may be written to by whoever made it: a tensor keeps a copy of its own.
        self._value = array if isinstance(value, (Tensor, list, tuple, int, float)) else devices.copied(array)
        if requires_grad:
            self.requires_grad = True
        if name is not None:
            self.name = name

    @property
    def requires_grad(self) -> bool:
        """Whether `backward()` computes a gradient for it, or through it."""
        return self._requires_grad or (self._node is not None and self._tracked)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._node is not None:
            raise RuntimeError(
                "`requires_grad` can be set on tensors that were not computed from others. Use `x.detach()` to cut a "
                "result off, and set it on that."
            )
        if value and self._value.dtype.kind not in "fcV":
            raise ValueError(
                f"Only floating-point tensors can require gradients. Received: dtype={self.dtype}. Pass "
                '`dtype="float32"` or write the values as floats.'
            )
        self._requires_grad = self._tracked = bool(value)

    @property
    def shape(self) -> tuple:
        """The length of each axis."""
        return self._value.shape

    @property
    def dtype(self) -> str:
        """The name of the element type, such as `"float32"`."""
        return dtypes.name(self._value.dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._value.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size

    @property
    def device(self) -> str:
        """Where the values are: `"cpu"`, `"gpu:0"`, or `"none"` for a symbolic tensor."""
        return "none" if type(self._value) is Abstract else devices.device_name(self._value)

    def numpy(self) -> np.ndarray:
        """Return the values as a NumPy array.

        It is a copy for variables and for tensors that gradients are recorded through, so that writing into it changes
        neither; other tensors give the memory that they hold.

        Raises:
            TypeError: If the tensor is symbolic and has no values.
        """
        value = self._value
        if type(value) is Abstract:
            raise no_value(self, "converted to NumPy")
        array = devices.to_numpy(value)
        return array.copy() if array is value and (self._tracked or self.mutable) else array

    def item(self) -> Any:
        """Return the single element as a Python number.

        Raises:
            ValueError: If there is not exactly one element.
        """
        if self.size != 1 and type(self._value) is not Abstract:
            raise ValueError(
                f"Only a tensor of one element can become a Python number. Received: shape={self.shape}."
            )
        value = self._value
        return value.item() if type(value) is np.ndarray else self.numpy().item()

    def tolist(self) -> Any:
        """Return the values as nested Python lists."""
        return self.numpy().tolist()

    def detach(self) -> Tensor:
        """Return a tensor with the same values that no gradient flows through."""
        result = object.__new__(Tensor)
        result._value = self._value
        return result

    def share(self) -> None:
        """Say that something else may now read this tensor's memory (only variables ever write to theirs)."""

    def to(self, device: str) -> Tensor:
        """Return the tensor on `device` (itself where it is there already).

        Example:

        >>> kerasish.Tensor([1.0, 2.0]).to("cpu").device
        'cpu'

        Args:
            device: `"cpu"`, `"gpu"` (the first GPU) or `"gpu:1"`.

        Raises:
            DeviceError: If there is no such device.
            ValueError: If that is no device's name, or a gradient would have to flow between devices.
        """
        value = self._value
        if type(value) is Abstract:
            raise no_value(self, "moved to a device")
        moved = devices.moved(value, device)
        if moved is value:
            return self
        if self._tracked:
            raise ValueError("Gradients do not flow from one device to another. Move `x.detach()`.")
        result = object.__new__(Tensor)
        result._value = moved
        return result

    def backward(self, gradient: Any = None, retain_graph: bool = True) -> None:
        """Compute the gradients of this tensor and add each to `.grad` of the leaf that it belongs to.

        Args:
            gradient: The gradient of whatever is wanted with respect to this tensor; 1 by default, which only a
                tensor of one element may leave out.
            retain_graph: Accepted for PyTorch's sake; the graph is kept as long as a tensor refers to it.

        Raises:
            RuntimeError: If nothing was recorded, or a recorded value was changed in place since.
        """
        from kerasish.autograd.backward import backward

        backward(self, gradient)

    # Conversions that need the values.

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        value = self.numpy()
        if dtype is not None and value.dtype != dtype:
            return value.astype(dtype)
        return value.copy() if copy else value

    def __bool__(self) -> bool:
        if type(self._value) is Abstract:
            raise no_value(self, "used as a Python bool (in an `if`, `while`, `and` or `or`)")
        return bool(self._value)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype not in dtypes.INTS or self.ndim:
            raise TypeError(f"Only a scalar integer tensor can be an index. Received: {self!r}")
        return int(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("A tensor without axes has no length.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else format(str(self), spec)

    __hash__ = object.__hash__

    def __copy__(self) -> Tensor:
        return self.detach()

    def __deepcopy__(self, memo: dict) -> Tensor:
        return Tensor(self.numpy().copy(), requires_grad=self.requires_grad, name=self.name)

    def __reduce__(self) -> tuple:
        return Tensor, (self.numpy(), None, self.requires_grad, self.name)

    def __repr__(self) -> str:
        wants = ", requires_grad=True" if self.requires_grad else ""
        named = f" name={self.name}," if self.name else ""
        return f"<Tensor{named} shape={self.shape}, dtype={self.dtype}{wants}, value={_brief(self.numpy())}>"

    if TYPE_CHECKING:  # what operators.py gives the class, for type checkers

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __lshift__(self, other: Any) -> Tensor: ...
        def __rlshift__(self, other: Any) -> Tensor: ...
        def __rshift__(self, other: Any) -> Tensor: ...
        def __rrshift__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Any: ...
        def __ne__(self, other: Any) -> Any: ...
        def __neg__(self) -> Tensor: ...
        def __pos__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...


class KerasTensor(Tensor):
    """A symbolic tensor: a shape and a dtype without values, as `Input` makes them and tracing uses them.

    Example:

    >>> kerasish.KerasTensor((None, 3)) * 2
    <KerasTensor shape=(None, 3), dtype=float32>

    Args:
        shape: Tuple of ints; None for a dimension that is not known yet.
        dtype: The element type.
        sparse: Accepted for Keras's sake; tensors are dense.
        ragged: Accepted for Keras's sake; tensors are dense.
        record_history: Accepted for Keras's sake.
        name: An optional name.
    """

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **ignored: Any,
    ):
        self._value = Abstract(tuple(shape), dtypes.to_numpy_dtype(dtype))
        if name is not None:
            self.name = name

    sparse = property(lambda self: False, doc="False: tensors are dense.")
    ragged = property(lambda self: False, doc="False: tensors are dense.")
    ragged_rank = property(lambda self: None, doc="None: tensors are dense.")
    row_splits_dtype = property(lambda self: None, doc="None: tensors are dense.")

    def detach(self) -> Tensor:
        from kerasish.autograd.primitives.shapes import stop_gradient_p

        return stop_gradient_p(self)  # the symbol must stay linked to what it stands for

    def __repr__(self) -> str:
        named = f", name={self.name}" if self.name else ""
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}{named}>"

    def __deepcopy__(self, memo: dict) -> KerasTensor:
        return KerasTensor(self.shape, self.dtype, name=self.name)

    def __reduce__(self) -> tuple:
        return KerasTensor, (self.shape, self.dtype, False, False, True, self.name)


class NoValueError(TypeError):
    """Python needed the value of a symbolic tensor, which has none."""


def no_value(tensor: Tensor, use: str) -> NoValueError:
    """Return the error for a symbolic tensor that was `use`d in a way that needs its values."""
    return NoValueError(
        f"A symbolic tensor (shape={tensor.shape}, dtype={tensor.dtype}) has no values yet and cannot be {use}"
        f"{_users_line()}. Use `ops.where` or `ops.cond` for choices that depend on values, or run eagerly "
        "(`run_eagerly=True`)."
    )


def _users_line() -> str:
    """Return where the running code was called from: the innermost line outside of this package and of NumPy."""
    frame: Any = sys._getframe(1)
    while frame is not None and is_own_frame(frame):
        frame = frame.f_back
    return "" if frame is None else line_of(frame)


_OWN_FILES = (
    *(os.path.dirname(path) + os.sep for path in (config.__file__, np.__file__)),
    "<__array_function__",
    "<compiled graph",
)


def is_own_frame(frame: FrameType) -> bool:
    """Tell whether a frame is one of this package or of NumPy."""
    return frame.f_code.co_filename.startswith(_OWN_FILES)


def line_of(frame: FrameType) -> str:
    """Return in words at which line of which file a frame is."""
    import linecache

    file, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, line, frame.f_globals).strip()
    return f' at "{file}", line {line}' + (f" (`{text}`)" if text else "")


def _brief(array: np.ndarray) -> str:
    """Return a readable picture of `array`: four digits, long axes abbreviated."""
    return np.array2string(array, precision=4, threshold=100, edgeitems=3, separator=" ", prefix=" " * 8)


def to_array(value: Any, dtype: Any = None) -> Any:
    """Return `value` as an array: Python floats get the default float type, Python ints `int32`.

    Raises:
        ValueError: If `value` is ragged, or of a kind that no tensor holds.
    """
    target = None if dtype is None else dtypes.to_numpy_dtype(dtype)
    if isinstance(value, Tensor):
        array = value._value
        if value.mutable:
            value.share()
    elif devices.is_array_type(type(value)):
        array = value
    else:
        array = _from_python(value, target)
    if target is not None and array.dtype != target:
        array = devices.copied(array, target)
    return devices.place(array) if type(array) is np.ndarray else array


def _from_python(value: Any, target: np.dtype | None) -> np.ndarray:
    if isinstance(value, (list, tuple)) and any(isinstance(leaf, Tensor) for leaf in value):
        value = [np.asarray(leaf) for leaf in value]
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"Cannot make a tensor of {_shorten(value)}: {error}") from None
    if array.dtype.kind == "O" and target != np.dtype(object):
        raise ValueError(
            f"Cannot make a tensor of {_shorten(value)} (type {type(value).__name__}): tensors hold numbers, booleans "
            "or strings in a regular shape."
        )
    if target is None and not isinstance(value, np.generic) and not hasattr(value, "__array__"):
        array = _python_numbers(array, value)
    return array


def _python_numbers(array: np.ndarray, value: Any) -> np.ndarray:
    """Give numbers that came from Python (not from NumPy) the types that Keras gives them."""
    leaf = value
    while isinstance(leaf, (list, tuple)) and leaf:
        leaf = leaf[0]
    if isinstance(leaf, (np.generic, np.ndarray)):
        return array
    if array.dtype.kind == "f":
        return array.astype(dtypes.to_numpy_dtype(config.floatx()))
    if array.dtype.kind == "i" and (not array.size or -(2**31) <= array.min() <= array.max() < 2**31):
        return array.astype(np.int32)
    return array.astype(np.complex64) if array.dtype.kind == "c" else array


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def as_tensor(value: Any, dtype: Any = None) -> Tensor:
    """Return `value` as a tensor, itself where it is one of that dtype already.

    Args:
        value: A tensor, an array, a number or a nested list of these.
        dtype: The wanted type, or None to keep the value's own.
    """
    if isinstance(value, Tensor):
        if dtype is None or value.dtype == dtypes.standardize_dtype(dtype):
            return value
        from kerasish.autograd.primitive import cast

        return cast(value, dtype)
    if isinstance(value, (list, tuple)) and _needs_stack(value):
        from kerasish.autograd.primitives.shapes import stack

        return as_tensor(stack([as_tensor(item) for item in value]), dtype)
    result = object.__new__(Tensor)
    result._value = to_array(value, dtype)
    return result


def _needs_stack(values: Sequence[Any]) -> bool:
    """Tell whether a nested list holds tensors whose history or symbol a plain copy would lose."""
    for value in values:
        if isinstance(value, Tensor):
            if value._tracked or type(value._value) is not np.ndarray:
                return True
        elif isinstance(value, (list, tuple)) and _needs_stack(value):
            return True
    return False


def is_tensor(value: Any) -> bool:
    """Tell whether `value` is a tensor (variables and symbolic tensors are)."""
    return isinstance(value, Tensor)
