"""Primitives: names with rules, and how one is applied to tensors.

A primitive carries its rules side by side:

- `run(xp, *arrays, **params)` computes the result with the array module `xp` (or names one of its functions);
- `infer(*abstracts, **params)` gives the result's shape and dtype;
- `vjp` gives the gradient of each argument, `(g, out, *inputs, **params) -> gradient`, in primitives again.

Applying one looks up the kernel for its argument's array type: the `run` rule bound to that array's module, or, where
the "array" is an `Abstract`, the `infer` rule. So eager, symbolic and traced execution are one code path that differs
only in what the tensors hold. Where a gradient may be wanted, or the value is abstract, the application is recorded as
a `Node` behind the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish import config, devices
from kerasish.autograd import dtypes
from kerasish.autograd.abstract import Abstract, abstract, broadcast_shapes
from kerasish.autograd.state import clock, state
from kerasish.autograd.tensor import KerasTensor, Node, Tensor, as_tensor

TABLE: dict[str, Primitive] = {}
"""Every primitive by its name."""

_new = object.__new__


class _Kernels(dict):
    """The rule to call for each array type, bound when the type is first seen."""

    def __init__(self, primitive: Primitive):
        super().__init__()
        self._primitive = primitive

    def __missing__(self, array_type: type) -> Callable:
        primitive = self._primitive
        if array_type is Abstract:
            kernel = primitive.infer
        else:
            kernel = devices.kernel(array_type, primitive.run)
            if config.is_numeric_checks_enabled():
                from kerasish.autograd import checks

                kernel = checks.checking(primitive, devices.array_module(array_type), kernel)
        self[array_type] = kernel
        return kernel


class Primitive:
    """A computation with its rules. Calling it applies it to tensors.

    Args:
        name: Its name, unique in `TABLE`.
        run: `run(xp, *arrays, **params) -> array` or the name of a function of the array module.
        infer: `infer(*abstracts, **params) -> Abstract` (a tuple of them for several outputs).
        vjp: None (not differentiable), or one function per argument `(g, out, *inputs, **params) -> Tensor`
            (None for an argument that has no gradient).
        vjp_all: For primitives with any number of arguments, one function
            `(g, out, inputs, wanted, **params) -> list of gradients` instead of `vjp`.
        view: Whether the result may share memory with the first argument.
    """

    def __init__(
        self,
        name: str,
        run: Callable | str,
        infer: Callable,
        vjp: Sequence[Callable | None] | None = None,
        vjp_all: Callable | None = None,
        view: bool = False,
    ):
        if name in TABLE:
            raise ValueError(f"A primitive named {name!r} exists already.")
        self.name = name
        self.run = run
        self.infer = infer
        self.vjp = vjp
        self.vjp_all = vjp_all
        self.view = view
        self.broadcasts = False
        self.differentiable = vjp is not None or vjp_all is not None
        self.kernels = _Kernels(self)
        TABLE[name] = self

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Apply to tensors (or Python scalars); `params` are static."""
        kind: Any = None
        if len(args) == 1 and isinstance(x := args[0], Tensor):  # most calls: no loop for them
            value = x._value
            kind = type(value)
            out = self.kernels[kind](value, **params)
            if (
                type(out) is kind
                and not x._tracked
                and kind is not Abstract
                and not (self.view and x.mutable)
            ):
                result = _new(Tensor)
                result._value = out
                return result
            return self._finish(out, kind, args, params, x._tracked)
        values = []
        tracked = False
        for arg in args:
            if isinstance(arg, Tensor):
                value = arg._value
                if kind is None:
                    kind = type(value)
                elif type(value) is not kind:
                    kind = _common_kind(self, args)
                if arg._tracked:
                    tracked = True
                values.append(value)
            else:
                values.append(arg)
        if kind is Abstract:
            values = [abstract(a._value) if isinstance(a, Tensor) else a for a in args]
        elif kind is None:
            kind = np.ndarray
        return self._finish(self.kernels[kind](*values, **params), kind, args, params, tracked)

    def _finish(self, out: Any, kind: type, args: tuple, params: dict, tracked: bool) -> Any:
        """Turn what a kernel returned into a tensor (or several), recorded where that is wanted."""
        if type(out) is tuple:
            return _wrap_many(self, out, kind, args, params, tracked)
        result = _new(Tensor)
        result._value = out if type(out) is kind else _as_array(out, kind)
        if tracked or kind is Abstract:
            return record(self, result, args, params, tracked)
        if self.view and args[0].mutable:
            args[0].share()
        return result

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


def _as_array(out: Any, kind: type) -> Any:
    """Turn what a kernel returned instead of an array (NumPy's scalars) into one."""
    if kind is np.ndarray:
        return np.asarray(out)
    if devices.is_array_type(type(out)) or kind is Abstract:
        return out
    return devices.array_module(kind).asarray(out)


def _common_kind(primitive: Primitive, args: Sequence[Any]) -> type:
    """Return the array type to compute in for arguments of several; only an abstract one may meet others."""
    kinds = {type(a._value) for a in args if isinstance(a, Tensor)}
    if Abstract in kinds:
        return Abstract
    if len(kinds) > 1:
        listing = ", ".join(sorted({a.device for a in args if isinstance(a, Tensor)}))
        raise ValueError(
            f"`{primitive.name}` got tensors on different devices: {listing}. Move them to one device first, "
            'for example with `x.to("cpu")`.'
        )
    return kinds.pop()


def record(primitive: Primitive, result: Tensor, args: Sequence[Any], params: dict, tracked: bool) -> Tensor:
    """Put a `Node` behind `result` if gradients are recorded or its value is abstract."""
    tracked = tracked and state.recording
    if type(result._value) is Abstract:
        symbolic = _new(KerasTensor)
        symbolic._value = result._value
        symbolic._node = Node(primitive, _current(args), params, (result._value,), clock())
        symbolic._tracked = tracked and primitive.differentiable
        return symbolic
    if tracked and primitive.differentiable:
        result._node = Node(primitive, _current(args), params, (result._value,), clock())
        result._tracked = True
    if primitive.view and args[0].mutable:
        args[0].share()
    return result


def _wrap_many(
    primitive: Primitive, outs: tuple, kind: type, args: Sequence, params: dict, tracked: bool
) -> tuple:
    tracked = tracked and state.recording and primitive.differentiable
    arrays = tuple(out if type(out) is kind else _as_array(out, kind) for out in outs)
    node = None
    if tracked or kind is Abstract:
        node = Node(primitive, _current(args), params, arrays, clock())
    results = []
    for index, array in enumerate(arrays):
        result = _new(KerasTensor if kind is Abstract else Tensor)
        result._value = array
        if node is not None:
            result._node, result._index, result._tracked = node, index, tracked
        results.append(result)
    return tuple(results)


def _current(args: Sequence[Any]) -> Sequence[Any]:
    """Replace variables by what they hold now in the scope that stands before them (a trace), if one does."""
    overlay = state.overlay
    return args if overlay is None else tuple(overlay.current(arg) for arg in args)


def _kinds_to_cast(floating: bool, counting: bool) -> str:
    """Return NumPy's kind codes of the types that a primitive first casts to another."""
    return "biu" if floating else "b" if counting else ""


class Piece(Primitive):
    """Several primitives that run in one piece where they run at once.

    Each application costs a few microseconds, so the ones on the way of every training step are worth joining. Traces
    hold the parts, which the compiler joins in its own ways, and so does what is recorded where the piece itself has no
    gradient rule.

    Args:
        parts: The same computation in other primitives.
    """

    def __init__(
        self, name: str, run: Callable | str, parts: Callable, vjp: Sequence[Callable | None] | None = None
    ):
        super().__init__(name, run, parts, vjp)
        self._parts = parts

    def __call__(self, *args: Any, **params: Any) -> Any:
        recording = state.recording and not self.differentiable
        for x in args:
            if isinstance(x, Tensor) and (type(x._value) is Abstract or (recording and x._tracked)):
                return self._parts(*args, **params)
        return super().__call__(*args, **params)


class Unary(Primitive):
    """An elementwise primitive of one argument.

    Args:
        floating: Whether integers are first cast to the default float type, as Keras does for `exp` and its like.
        counting: Whether booleans are first cast to `int32`.
        dtype: The result's dtype where it is not the argument's (`bool` for predicates).
    """

    def __init__(
        self,
        name: str,
        run: Callable | str,
        vjp: Callable | None = None,
        floating: bool = False,
        dtype: Any = None,
        counting: bool = False,
    ):
        result = None if dtype is None else np.dtype(dtype)
        super().__init__(
            name, run, lambda x: Abstract(x.shape, result or x.dtype), None if vjp is None else (vjp,)
        )
        self._casts = _kinds_to_cast(floating, counting)

    def __call__(self, x: Any) -> Tensor:
        try:
            value = x._value
        except AttributeError:
            x = as_tensor(x)
            value = x._value
        if self._casts and value.dtype.kind in self._casts:
            x = cast(x, "int32" if self._casts == "b" else config.floatx())
            value = x._value
        kind = type(value)
        out = self.kernels[kind](value)
        result = _new(Tensor)
        result._value = out if type(out) is kind else _as_array(out, kind)
        if x._tracked or kind is Abstract:
            return record(self, result, (x,), {}, x._tracked)
        return result


class Binary(Primitive):
    """An elementwise primitive of two broadcast arguments, promoted to one dtype; Python numbers stay weak.

    Args:
        vjp: The gradients for the two arguments, before they are summed back over broadcast axes.
        floating: Whether integers are first cast to the default float type (true division).
        counting: Whether two booleans are first cast to `int32`.
        dtype: The result's dtype where it is not the promoted one (`bool` for comparisons).
    """

    def __init__(
        self,
        name: str,
        run: Callable | str,
        vjp: Sequence[Callable | None] | None = None,
        floating: bool = False,
        dtype: Any = None,
        counting: bool = False,
    ):
        self._result_dtype = None if dtype is None else np.dtype(dtype)
        super().__init__(name, run, self._infer, vjp)
        self._casts = _kinds_to_cast(floating, counting)
        self.broadcasts = True

    def _infer(self, x: Any, y: Any) -> Abstract:
        shapes, found = [], None
        for operand in (x, y):
            if type(operand) is Abstract:
                shapes.append(operand.shape)
                found = operand.dtype if found is None else dtypes.promote_pair(found, operand.dtype)
        return Abstract(broadcast_shapes(*shapes), self._result_dtype or found)

    def __call__(self, x: Any, y: Any) -> Tensor:
        try:
            xv = x._value
            yv = y._value
        except AttributeError:
            return self._mixed(x, y)
        dtype = xv.dtype
        kind = type(xv)
        if kind is not type(yv) or (dtype is not yv.dtype and dtype != yv.dtype):
            return self._promoted(x, y)
        if self._casts and dtype.kind in self._casts:
            return self._converted(x, y)
        try:
            out = self.kernels[kind](xv, yv)
        except ValueError as error:
            raise self._explained(error, x, y) from None
        result = _new(Tensor)
        result._value = out if type(out) is kind else _as_array(out, kind)
        tracked = x._tracked or y._tracked
        if tracked or kind is Abstract:
            return record(self, result, (x, y), {}, tracked)
        return result

    def _converted(self, x: Tensor, y: Tensor) -> Tensor:
        """Apply to two tensors of a type that is first cast to another."""
        dtype = "int32" if self._casts == "b" else config.floatx()
        return self(cast(x, dtype), cast(y, dtype))

    def _apply(self, x: Any, y: Any, kind: type) -> Tensor:
        """Apply to operands that need no more conversion: one of them may be a Python number or a narrower type."""
        xv = x._value if isinstance(x, Tensor) else x
        yv = y._value if isinstance(y, Tensor) else y
        if kind is Abstract:
            xv = abstract(xv) if isinstance(x, Tensor) else xv
            yv = abstract(yv) if isinstance(y, Tensor) else yv
        try:
            out = self.kernels[kind](xv, yv)
        except ValueError as error:
            raise self._explained(error, x, y) from None
        result = _new(Tensor)
        result._value = out if type(out) is kind else _as_array(out, kind)
        tracked = getattr(x, "_tracked", False) or getattr(y, "_tracked", False)
        if tracked or kind is Abstract:
            return record(self, result, (x, y), {}, tracked)
        return result

    def _mixed(self, x: Any, y: Any) -> Tensor:
        """Apply where at least one operand is no tensor: a Python number stays as it is, the rest is converted."""
        if not isinstance(x, Tensor):
            if not isinstance(y, Tensor):
                if type(x) in (int, float):
                    return self(x if type(y) not in (int, float) else as_tensor(x), as_tensor(y))
                return self(as_tensor(x), y if type(y) in (int, float) else as_tensor(y))
            tensor, other, swapped = y, x, True
        else:
            tensor, other, swapped = x, y, False
        if isinstance(other, float):  # np.float64 scalars too
            if tensor._value.dtype.kind not in "fcV":
                tensor = cast(tensor, config.floatx())
            other = float(other)
        elif isinstance(other, int) and not isinstance(other, bool):
            code = tensor._value.dtype.kind
            if code in self._casts and self._casts != "b":
                tensor = cast(tensor, config.floatx())
            elif code == "b":
                tensor = cast(tensor, dtypes.result_type("bool", int))
        else:
            other = as_tensor(other)
            return self(other, tensor) if swapped else self(tensor, other)
        if tensor._value.dtype.kind == "V":  # NumPy knows no weak numbers beside bfloat16
            other = as_tensor(other, tensor.dtype)
        kind = type(tensor._value)
        return self._apply(other, tensor, kind) if swapped else self._apply(tensor, other, kind)

    def _promoted(self, x: Tensor, y: Tensor) -> Tensor:
        """Apply to tensors of two dtypes, or of which one is abstract."""
        kind = type(x._value)
        if kind is not type(y._value):
            kind = _common_kind(self, (x, y))
        xd, yd = x._value.dtype, y._value.dtype
        if xd == yd:
            if self._casts and xd.kind in self._casts:
                return self._converted(x, y)
            return self._apply(x, y, kind)
        common = dtypes.promote_pair(xd, yd)
        if common.kind in self._casts and self._casts != "b":
            common = np.dtype(config.floatx())
        if xd != common:
            x = cast(x, common)
        if yd != common:
            y = cast(y, common)
        return self._apply(x, y, kind)

    def _explained(self, error: ValueError, x: Any, y: Any) -> ValueError:
        """Return an error that names the shapes where they are what is wrong, else `error` itself."""
        shapes = [tuple(getattr(operand, "shape", ())) for operand in (x, y)]
        try:
            broadcast_shapes(*shapes)
        except ValueError:
            return ValueError(
                f"`{self.name}` got operands whose shapes do not broadcast: {shapes[0]} and {shapes[1]}. From the "
                "last axis backwards, dimensions must be equal, or one of them 1."
            )
        return error


def _cast_run(xp: Any, x: Any, dtype: np.dtype) -> Any:
    return x.astype(dtype)


cast_p = Primitive(
    "cast",
    _cast_run,
    lambda x, dtype: Abstract(x.shape, dtype),
    (lambda g, out, x, dtype: cast(g, x._value.dtype),),
)


def cast(x: Any, dtype: Any) -> Tensor:
    """Return `x` as `dtype`: itself where it has that dtype, and no gradient flows through integers."""
    x = x if isinstance(x, Tensor) else as_tensor(x)
    target = dtype if isinstance(dtype, np.dtype) else dtypes.to_numpy_dtype(dtype)
    if x._value.dtype == target:
        return x
    if x._tracked and (target.kind not in "fcV" or x._value.dtype.kind not in "fcV"):
        x = x.detach()
    return cast_p(x, dtype=target)
