"""Python's operators on tensors, and the methods that NumPy users look for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish.autograd.primitive import Binary, cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives.indexing import getitem
from kerasish.autograd.primitives.shapes import identity_p, reshape, transpose
from kerasish.autograd.tensor import Tensor


def _forward(primitive: Binary) -> Callable:
    # A plain function, not the primitive itself: only functions bind as methods.
    def operator(self: Tensor, other: Any) -> Tensor:
        return primitive(self, other)

    return operator


def _reflected(primitive: Binary) -> Callable:
    def operator(self: Tensor, other: Any) -> Tensor:
        return primitive(other, self)

    return operator


_BINARY = {
    "add": e.add,
    "sub": e.subtract,
    "mul": e.multiply,
    "truediv": e.divide,
    "floordiv": e.floor_divide,
    "mod": e.remainder,
    "pow": e.power,
    "and": e.bitwise_and,
    "or": e.bitwise_or,
    "xor": e.bitwise_xor,
    "lshift": e.left_shift,
    "rshift": e.right_shift,
}
_COMPARISONS = {
    "lt": e.less,
    "le": e.less_equal,
    "gt": e.greater,
    "ge": e.greater_equal,
}


def _equal(self: Tensor, other: Any) -> Any:
    return NotImplemented if _incomparable(other) else e.equal(self, other)


def _not_equal(self: Tensor, other: Any) -> Any:
    return NotImplemented if _incomparable(other) else e.not_equal(self, other)


def _incomparable(other: Any) -> bool:
    return other is None or isinstance(other, str)


def _matmul(self: Tensor, other: Any) -> Tensor:
    from kerasish.ops import matmul

    return matmul(self, other)


def _rmatmul(self: Tensor, other: Any) -> Tensor:
    from kerasish.ops import matmul

    return matmul(other, self)


def _reduction(name: str) -> Callable:
    def method(
        self: Tensor,
        axis: Any = None,
        keepdims: bool = False,
        dtype: Any = None,
        out: None = None,
        ddof: int = 0,
    ) -> Tensor:
        from kerasish import ops

        # `np.sum(tensor)` and its like come here, with NumPy's arguments.
        if out is not None:
            raise TypeError(f"Tensors are immutable: `{name}` cannot write its result into `out`.")
        if ddof:
            raise TypeError(f"`{name}` divides by the number of elements. Received: ddof={ddof}")
        return getattr(ops, name)(self if dtype is None else cast(self, dtype), axis=axis, keepdims=keepdims)

    method.__name__ = name
    method.__doc__ = f"Return `kerasish.ops.{name}` of the tensor."
    return method


def _reshape(self: Tensor, *shape: Any) -> Tensor:
    """Return the values in the same order under another shape."""
    return reshape(self, shape[0] if len(shape) == 1 else shape)


def _transpose(self: Tensor, *axes: Any) -> Tensor:
    """Return the tensor with its axes in another order, reversed by default."""
    if not axes:
        return transpose(self)
    return transpose(self, axes[0] if isinstance(axes[0], (tuple, list)) else axes)


def _squeeze(self: Tensor, axis: Any = None) -> Tensor:
    """Return the tensor without axes of length one: all of them, or those given."""
    from kerasish import ops

    return ops.squeeze(self, axis)


def _astype(self: Tensor, dtype: Any) -> Tensor:
    """Return the tensor cast to `dtype`."""
    return cast(self, dtype)


def install() -> None:
    """Give `Tensor` its operators (the primitives need `Tensor`, so this comes after both)."""
    for name, primitive in _BINARY.items():
        setattr(Tensor, f"__{name}__", _forward(primitive))
        setattr(Tensor, f"__r{name}__", _reflected(primitive))
    for name, primitive in _COMPARISONS.items():
        setattr(Tensor, f"__{name}__", _forward(primitive))
    for name in ("sum", "mean", "max", "min", "prod", "std", "var", "all", "any", "argmax", "argmin"):
        setattr(Tensor, name, _reduction(name))
    methods: dict[str, Any] = {
        "__eq__": _equal,
        "__ne__": _not_equal,
        "__neg__": lambda self: e.negative(self),
        "__pos__": lambda self: identity_p(self),
        "__abs__": lambda self: e.absolute(self),
        "__invert__": lambda self: e.logical_not(self) if self.dtype == "bool" else e.bitwise_not(self),
        "__matmul__": _matmul,
        "__rmatmul__": _rmatmul,
        "__getitem__": getitem,
        "reshape": _reshape,
        "squeeze": _squeeze,
        "transpose": _transpose,
        "T": property(transpose),
        "astype": _astype,
    }
    for name, method in methods.items():
        setattr(Tensor, name, method)


install()
