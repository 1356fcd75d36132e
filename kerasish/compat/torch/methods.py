"""PyTorch's method names and printing for kerasish's tensors, and tensors that change in place.

Results of operations are ordinary tensors whatever they are computed from, so PyTorch's names are given to `Tensor`
itself while this front door is open: methods that it has none of, the keywords `dim` and `keepdim` for its reductions,
and `repr`. Nothing that worked before works differently.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from kerasish import ops
from kerasish.autograd import Tensor, Variable, cast
from kerasish.autograd.state import clock, state
from kerasish.compat.torch.printing import gradient_name, tensor_repr


class ValuesIndices(NamedTuple):
    """What `max(dim=...)` and `min(dim=...)` return."""

    values: Tensor
    indices: Tensor


class LeafTensor(Variable):
    """A tensor made with `requires_grad=True`: it can be changed in place under `no_grad()`."""

    def __init__(self, value: Any, dtype: Any = None, requires_grad: bool = True):
        super().__init__(value, dtype=dtype, trainable=requires_grad)

    def _check_writable(self) -> None:
        if self._tracked and state.recording:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation. Do it under "
                "`torch.no_grad()`."
            )

    def _in_place(self, value: Tensor) -> LeafTensor:
        self._check_writable()
        return self.assign(value)  # type: ignore[return-value]

    def __iadd__(self, other: Any) -> LeafTensor:
        return self._in_place(self + other)

    def __isub__(self, other: Any) -> LeafTensor:
        return self._in_place(self - other)

    def __imul__(self, other: Any) -> LeafTensor:
        return self._in_place(self * other)

    def __itruediv__(self, other: Any) -> LeafTensor:
        return self._in_place(self / other)

    def copy_(self, value: Any) -> LeafTensor:
        """Set the values."""
        return self._in_place(value)

    def zero_(self) -> LeafTensor:
        """Set every value to zero."""
        return self._in_place(ops.zeros_like(self))

    @property
    def data(self) -> Tensor:
        """The values without their history; assign to it to set them."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        self.assign(value)

    def __repr__(self) -> str:
        return tensor_repr(self)


class Parameter(LeafTensor):
    """A tensor that a module trains.

    Args:
        data: The initial values.
        requires_grad: Whether it is trained.
    """

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data, requires_grad=requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + tensor_repr(self)


def _zero(self: Tensor) -> Tensor:
    """Set every value to zero; recorded computations that used the old ones refuse to run backward."""
    if self._node is not None and self._tracked:
        raise RuntimeError("A tensor with a history cannot be zeroed in place. Use `torch.zeros_like`.")
    self._value = ops.zeros_like(self)._value
    self._changed = clock()
    return self


def _requires_grad(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Ask for this tensor's gradient (or no more)."""
    self.requires_grad = requires_grad
    return self


def _flatten(self: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the axes from `start_dim` to `end_dim`."""
    start, end = start_dim % max(self.ndim, 1), end_dim % max(self.ndim, 1)
    return ops.reshape(self, (*self.shape[:start], -1, *self.shape[end + 1 :]))


def _permute(self: Tensor, *dims: Any) -> Tensor:
    """Return the tensor with its axes in the given order."""
    return ops.transpose(self, dims[0] if isinstance(dims[0], (tuple, list)) else dims)


def _gradient_function(self: Tensor) -> Any:
    return f"<{gradient_name(self._node.prim.name)}>" if self._tracked and self._node is not None else None


_UNARY = "abs ceil cos exp floor log relu round sigmoid sign sin sqrt square tan tanh".split()
_BINARY = {
    "add": "add",
    "div": "divide",
    "eq": "equal",
    "ge": "greater_equal",
    "gt": "greater",
    "le": "less_equal",
}
_BINARY |= {
    "lt": "less",
    "matmul": "matmul",
    "mm": "matmul",
    "mul": "multiply",
    "ne": "not_equal",
    "pow": "power",
}
_BINARY |= {"sub": "subtract", "dot": "dot"}
_CASTS = {
    "float": "float32",
    "double": "float64",
    "long": "int64",
    "int": "int32",
    "half": "float16",
    "bool": "bool",
}


def _function_method(name: str) -> Callable:
    function = getattr(ops, name)

    def method(self: Tensor, *args: Any) -> Tensor:
        return function(self, *args)

    method.__doc__ = f"Return `kerasish.ops.{name}` of the tensor."
    return method


def _cast_method(dtype: str) -> Callable:
    def method(self: Tensor) -> Tensor:
        return cast(self, dtype)

    method.__doc__ = f"Return the tensor as {dtype}."
    return method


_METHODS: dict[str, Any] = {
    **{name: _function_method(name) for name in _UNARY},
    **{theirs: _function_method(ours) for theirs, ours in _BINARY.items()},
    **{name: _cast_method(dtype) for name, dtype in _CASTS.items()},
    "clamp": lambda self, min=None, max=None: clamp(self, min, max),
    "clone": lambda self: ops.copy(self),
    "cpu": lambda self: self.to("cpu"),
    "data": property(Tensor.detach),
    "dim": lambda self: self.ndim,
    "flatten": _flatten,
    "grad_fn": property(_gradient_function),
    "is_leaf": property(lambda self: self._node is None),
    "numel": lambda self: self.size,
    "permute": _permute,
    "requires_grad_": _requires_grad,
    "softmax": lambda self, dim=-1: ops.softmax(self, axis=dim),
    "squeeze": lambda self, dim=None: ops.squeeze(self, axis=dim),
    "t": lambda self: ops.transpose(self),
    "unsqueeze": lambda self, dim: ops.expand_dims(self, axis=dim),
    "view": lambda self, *shape: self.reshape(*shape),
    "zero_": _zero,
}
_REDUCTIONS = ("all", "any", "argmax", "argmin", "max", "mean", "min", "prod", "std", "sum", "var")
_replaced: dict[str, Any] = {}


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """Return `input` with values below `min` or above `max` set to these."""
    if min is not None:
        input = ops.maximum(input, min)
    return input if max is None else ops.minimum(input, max)


def with_dim(reduction: Callable) -> Callable:
    """Return `reduction` with PyTorch's keywords `dim` and `keepdim` beside NumPy's."""
    extremum = {"max": "argmax", "min": "argmin"}.get(reduction.__name__)

    @wraps(reduction)
    def method(
        self: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None, keepdim: bool = False
    ) -> Any:
        if dim is None:
            return reduction(self, axis, keepdims or keepdim)
        values = reduction(self, dim, keepdim)
        if extremum is None:
            return values
        return ValuesIndices(values, cast(getattr(ops, extremum)(self, axis=dim, keepdims=keepdim), "int64"))

    return method


def install() -> None:
    """Give `Tensor` PyTorch's names and printing."""
    if _replaced:
        return
    added = {name: method for name, method in _METHODS.items() if not hasattr(Tensor, name)}
    changed: dict[str, Any] = {name: with_dim(getattr(Tensor, name)) for name in _REDUCTIONS}
    changed["__repr__"] = tensor_repr
    for name, method in (added | changed).items():
        _replaced[name] = Tensor.__dict__.get(name)
        setattr(Tensor, name, method)


def uninstall() -> None:
    """Take them away again."""
    for name, before in _replaced.items():
        if before is None:
            delattr(Tensor, name)
        else:
            setattr(Tensor, name, before)
    _replaced.clear()
