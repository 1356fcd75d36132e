"""Numeric checks: while they are on, the first operation that makes a NaN or an infinity of finite numbers is an error.

Nothing asks at each operation whether they are on. Turning them on empties the tables of kernels, which are filled
again with kernels that look at what they return; turning them off empties the tables once more. Nodes note meanwhile
where they come from, so that gradients and traces, which run later, can be traced back to a layer and a line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FrameType
from typing import Any

import numpy as np

from kerasish import config, devices
from kerasish.autograd.tensor import Node, is_own_frame, line_of


class Place:
    """Where an operation comes from.

    Attributes:
        holder: The layer, loss, metric or optimizer that it is in, in words; empty outside of all.
        line: The innermost line of the user's, in words; empty where there is none.
        gradient_of: Where the operation comes from whose gradient this is a part of, and its name; else None.
    """

    __slots__ = ("gradient_of", "holder", "line")

    def __init__(self, holder: str, line: str, gradient_of: tuple[Place | None, str] | None):
        self.holder = holder
        self.line = line
        self.gradient_of = gradient_of

    def describe(self, name: str) -> str:
        """Return in words which operation `name` this is."""
        if self.gradient_of is not None:
            place, of = self.gradient_of
            return f"the gradient of {place.describe(of) if place else f'`{of}`'}, in `{name}`"
        return f"`{name}`{f' in {self.holder}' if self.holder else ''}{self.line}"


# Functions that apply recorded operations: the name of the local variable that holds the one that is applied, and
# whether it is its gradient that is computed.
_APPLY: dict[CodeType, tuple[str, bool]] = {}


def applies(function: Any, variable: str = "node", gradient: bool = False) -> None:
    """Say that `function` applies recorded operations, so that what it applies is where these come from.

    Args:
        function: The function.
        variable: Its local variable that holds the operation, which has a `place` and a `prim`.
        gradient: Whether it computes the operation's gradient.
    """
    _APPLY[function.__code__] = (variable, gradient)


def here() -> Place:
    """Return where the running operation comes from."""
    holders: list[str] = []
    gradient_of = None
    line = ""
    for frame in _frames():
        found = _APPLY.get(frame.f_code)
        if found is not None:
            recorded = frame.f_locals.get(found[0])
            if recorded is not None and not found[1]:
                place = getattr(recorded, "place", None)
                if place is not None:
                    return place
            elif recorded is not None and gradient_of is None:
                gradient_of = (getattr(recorded, "place", None), recorded.prim.name)
        code = frame.f_code
        if code.co_argcount and code.co_varnames[0] == "self":
            role = getattr(type(frame.f_locals["self"]), "_role_in_checks", None)
            if role is not None:
                text = _name(frame.f_locals["self"], role)
                if text not in holders:
                    holders.append(text)
        if not line and not is_own_frame(frame):
            line = line_of(frame)
    return Place(" of ".join(holders[:3]), line, gradient_of)


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _name(holder: Any, role: str) -> str:
    name = getattr(holder, "name", None)
    return f"the {role} {name!r} ({type(holder).__name__})"


def checking(primitive: Any, module: Any, kernel: Callable) -> Callable:
    """Return a kernel that does as `kernel`, and raises FloatingPointError for numbers that are not finite."""

    def run(*values: Any, **params: Any) -> Any:
        with np.errstate(all="ignore"):  # what NumPy would warn of is about to be an error
            out = kernel(*values, **params)
        for array in out if type(out) is tuple else (out,):
            if _is_float(array) and not all_finite(module, array):
                _judge(primitive, module, array, values, params)
        return out

    return run


def _is_float(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is not None and dtype.kind in "fcV" and getattr(value, "size", 0) > 0


def all_finite(module: Any, array: Any) -> bool:
    """Tell whether all numbers of an array are finite; only the answer comes from the device."""
    return bool(_on_host(module, module.all(module.isfinite(array))))


def _count(module: Any, test: str, array: Any) -> int:
    return int(_on_host(module, module.sum(getattr(module, test)(array))))


def _on_host(module: Any, number: Any) -> Any:
    return devices.to_numpy(module.asarray(number))[()]


def _judge(primitive: Any, module: Any, array: Any, values: Sequence[Any], params: dict[str, Any]) -> None:
    """Raise an error if what is not finite was made here: NaN where none came in, or an infinity likewise."""
    nans, infinities = _count(module, "isnan", array), _count(module, "isinf", array)
    came = [0, 0]
    for value in (*values, *_numbers(params.values())):
        if isinstance(value, float):
            came[0] += value != value
            came[1] += value in (float("inf"), float("-inf"))
        elif _is_float(value):
            came[0] += _count(module, "isnan", value)
            came[1] += _count(module, "isinf", value)
    if not (nans and not came[0]) and not (infinities and not came[1]):
        return
    place = here()
    if place.gradient_of is not None and array.dtype == np.float16:
        return  # gradients of 16 bits overflow now and then: scaling the loss looks after that
    what = "NaN" if nans and not came[0] else "infinity"
    count = nans if what == "NaN" else infinities
    inputs = "; ".join(_describe(module, v) for v in values if _is_float(v) or isinstance(v, (int, float)))
    raise FloatingPointError(
        f"The first {what} appeared in {place.describe(primitive.name)}: {count} of {array.size} values of the result, "
        f"{array.dtype} of shape {tuple(array.shape)}. It was computed from {inputs or 'nothing'}. (Numeric checks are "
        "on; `config.disable_numeric_checks()` turns them off.)"
    )


def _numbers(values: Any) -> Iterator[float]:
    """Return the floats among parameters, those in tuples and lists too."""
    for value in values:
        if isinstance(value, float):
            yield float(value)
        elif isinstance(value, (tuple, list)):
            yield from _numbers(value)


def _describe(module: Any, value: Any) -> str:
    if not hasattr(value, "dtype"):
        return repr(value)
    text = f"{value.dtype} of shape {tuple(value.shape)}"
    if value.dtype.kind == "c" or not all_finite(module, value):
        return text
    low, high = (float(_on_host(module, getattr(module, side)(value))) for side in ("min", "max"))
    return f"{text} from {low:.6g} to {high:.6g}"


def _toggle() -> None:
    """Let all tables of kernels be filled anew, and nodes note where they come from or not."""
    from kerasish.autograd.primitive import TABLE

    for primitive in TABLE.values():
        primitive.kernels.clear()
    Node.note_places(here if config.is_numeric_checks_enabled() else None)


config.call_when_numeric_checks_change(_toggle)
if config.is_numeric_checks_enabled():  # turned on before the first tensor was made
    Node.note_places(here)
