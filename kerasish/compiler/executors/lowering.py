"""How the NumPy executor runs each primitive: the Python text that writes its result into a given array.

A rule gets the names of the inputs (or the text of numbers) and the name of the output array, and returns statements.
Primitives without a rule are called as in eager execution and allocate their result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish.autograd.primitive import Binary, Unary
from kerasish.autograd.primitives.indexing import with_arrays
from kerasish.compiler.graph import Op, Value
from kerasish.devices.cpu import (
    check_classes,
    compares_columns,
    extremum_of_rows,
    index_add,
    row_of_ones,
    sums_by_product,
)
from kerasish.devices.cpu import max as cpu_max

Bind = Callable[[Any, str], str]
"""Gives an object (a function, an axis tuple) a name in the generated code."""

Rule = Callable[[Op, list[str], str, Bind], list[str]]


def number_text(x: Any) -> str:
    """Return the text of an input that is a number."""
    return repr(x) if not isinstance(x, float) or math.isfinite(x) else f"float({str(x)!r})"


def _ufunc(name: str) -> Callable | None:
    found = getattr(np, name, None)
    return found if isinstance(found, np.ufunc) else None


_OUT_BY_NAME = frozenset(("maximum", "minimum"))
"""Functions that take the array to write into by its name only; the others are quicker to call by position."""


def _invoke(function: str, inputs: Sequence[str], out: str, bind: Bind) -> str:
    """Return the call of a ufunc that writes into `out`."""
    name = "out=" if function in _OUT_BY_NAME else ""
    return f"{bind(getattr(np, function), function)}({', '.join(inputs)}, {name}{out})"


def _call(function: str) -> Rule:
    def rule(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
        both = zip(op.inputs, inputs, strict=True)
        return [_invoke(function, [_operand(x, text, op, bind) for x, text in both], out, bind)]

    return rule


def _operand(x: Any, text: str, op: Op, bind: Bind) -> str:
    """Return the text of an operand: for a number, of an array without axes, which NumPy takes in half the time."""
    dtype = next((v.dtype for v in op.values), None)
    if type(x) is Value or dtype is None:
        return text
    if dtype.char in "efd" or dtype.kind in "iu" and type(x) is int and _holds(dtype, x):
        return bind(np.array(x, dtype), "number")
    return text


def _holds(dtype: np.dtype, number: int) -> bool:
    limits = np.iinfo(dtype)
    return limits.min <= number <= limits.max


def _reduction(function: str) -> Rule:
    def rule(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
        axis, keepdims, dtype = op.params["axis"], op.params["keepdims"], op.output.dtype
        reduce = bind(getattr(np, function).reduce, f"{function}_reduce")
        wanted = "None" if op.inputs[0].dtype == dtype else bind(dtype, str(dtype))
        return [f"{reduce}({inputs[0]}, {axis!r}, {wanted}, {out}, {keepdims})"]

    return rule


def _extremum(function: str) -> Rule:
    along_any_axis = _reduction(function)

    def rule(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
        x = op.inputs[0]
        if op.params["axis"] == (x.ndim - 1,) and compares_columns(x):
            compare = bind(getattr(np, function), function)
            return [f"{bind(extremum_of_rows, 'extremum_of_rows')}({compare}, {inputs[0]}, {out})"]
        return along_any_axis(op, inputs, out, bind)

    return rule


def _sum(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    x = op.inputs[0]
    columns = x.ndim == 2 and op.params["axis"] == (0,) and not op.params["keepdims"]
    if columns and x.dtype.kind == "f" and x.dtype.itemsize >= 4 and x.shape[0] <= 4096:
        # The sum of the rows is a product with a row of ones, which BLAS does faster than a reduction.
        ones = bind(row_of_ones(x.shape[0], x.dtype, False), "ones")
        return [f"{bind(np.dot, 'dot')}({ones}, {inputs[0]}, {out})"]
    if op.params["axis"] == (x.ndim - 1,) and sums_by_product(x):
        rows, column = x.size // x.shape[-1], op.params["keepdims"]
        return [
            f"{bind(np.dot, 'dot')}({_reshaped(inputs[0], x.shape, (rows, x.shape[-1]))}, "
            f"{bind(row_of_ones(x.shape[-1], x.dtype, column), 'ones')}, "
            f"{_reshaped(out, op.output.shape, (rows, 1) if column else (rows,))})"
        ]
    return _reduction("add")(op, inputs, out, bind)


def _reshaped(text: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return text if shape == wanted else f"{text}.reshape({wanted!r})"


def _where(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    condition, x, y = inputs
    copyto = bind(np.copyto, "copyto")
    if _masks(op):
        # All bits of x where the condition holds and none elsewhere: four times as fast as a choice.
        bits, byte = (bind(np.dtype(f"i{n}"), f"i{n}") for n in (op.output.dtype.itemsize, 1))
        return [
            f"{bind(np.multiply, 'multiply')}({x}.view({bits}), {condition}.view({byte}), {out}.view({bits}))"
        ]
    return [f"{copyto}({out}, {y})", f"{copyto}({out}, {x}, where={condition})"]


def _masks(op: Op) -> bool:
    """Tell whether a `where` keeps or clears whole floats: no broadcasting, and zero as the other choice."""
    condition, x, y = op.inputs
    if type(x) is not Value or type(y) not in (int, float) or y != 0 or x.dtype != op.output.dtype:
        return False
    return (
        op.output.dtype.kind == "f" and condition.shape == x.shape == op.output.shape and op.output.ndim > 0
    )


def _cast(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    return [f"{bind(np.copyto, 'copyto')}({out}, {inputs[0]}, casting='unsafe')"]


def _sigmoid(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    multiply, add, tanh = (bind(getattr(np, n), n) for n in ("multiply", "add", "tanh"))
    half = bind(op.output.dtype.type(0.5), "half")
    return [
        f"{multiply}({inputs[0]}, {half}, {out})",
        f"{tanh}({out}, {out})",
        f"{multiply}({out}, {half}, {out})",
        f"{add}({out}, {half}, {out})",
    ]


def _with_number(function: str, number: float, first: bool = False) -> Rule:
    def rule(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
        other = _operand(number, str(number), op, bind)
        return [_invoke(function, (other, inputs[0]) if first else (inputs[0], other), out, bind)]

    return rule


def _softmax(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    x, axis = op.inputs[0], op.params["axis"]
    last = axis in (-1, x.ndim - 1)
    top = f"{bind(np.maximum.reduce, 'maximum_reduce')}({inputs[0]}, {axis}, None, None, True)"
    if last and compares_columns(x):
        top = f"{bind(cpu_max, 'max')}({inputs[0]}, -1, True)"
    subtract, exp, divide = (bind(getattr(np, n), n) for n in ("subtract", "exp", "divide"))
    total = f"{bind(np.add.reduce, 'add_reduce')}({out}, {axis}, None, None, True)"
    if last and sums_by_product(x):
        rows = _reshaped(out, x.shape, (x.size // x.shape[-1], x.shape[-1]))
        ones = bind(row_of_ones(x.shape[-1], x.dtype, True), "ones")
        product = f"{bind(np.dot, 'dot')}({rows}, {ones})"
        total = _reshaped(product, (x.size // x.shape[-1], 1), (*x.shape[:-1], 1))
    return [
        f"{subtract}({inputs[0]}, {top}, {out})",
        f"{exp}({out}, {out})",
        f"{divide}({out}, {total}, {out})",
    ]


def _matmul(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    names = []
    for name, value, flag in zip(inputs, op.inputs, ("transpose_x", "transpose_y"), strict=True):
        turned = f"{name}.T" if value.ndim == 2 else f"{name}.swapaxes(-1, -2)"
        names.append(turned if op.params.get(flag) else name)
    x, y = op.inputs
    if y.ndim > 2 or op.params.get("transpose_x") and x.ndim > 2:
        return [f"{bind(np.matmul, 'matmul')}({names[0]}, {names[1]}, {out})"]
    if x.ndim > 2:  # a stack of matrices times one matrix is a single product
        rows = math.prod(x.shape[:-1])
        names[0] = f"{names[0]}.reshape({(rows, x.shape[-1])!r})"
        out = f"{out}.reshape({(rows, op.output.shape[-1])!r})"
    return [f"{bind(np.dot, 'dot')}({names[0]}, {names[1]}, {out})"]


def _concatenate(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    return [f"{bind(np.concatenate, 'concatenate')}(({', '.join(inputs)},), {op.params['axis']}, {out})"]


def _scatter_add(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    x, values, *arrays = inputs
    index = f"{bind(with_arrays, 'with_arrays')}({bind(op.params['template'], 'template')}, ({', '.join(arrays)},))"
    return [f"{bind(index_add, 'index_add')}({x}, {index}, {values}, {out})"]


def _class_places(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    starts, target = inputs
    cast = ", casting='unsafe'" if op.inputs[1].dtype == np.uint64 else ""
    return [
        f"{bind(check_classes, 'check_classes')}({target}, {op.params['count']})",
        f"{bind(np.add, 'add')}({starts}, {target}, {out}{cast})",
    ]


def _at_places(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    # (Were the places checked, `take` would write to a copy of `out` first.)
    return [f"{inputs[0]}.reshape(-1).take({inputs[1]}, None, {out}, 'clip')"]


def _put_at_places(op: Op, inputs: list[str], out: str, bind: Bind) -> list[str]:
    copy = [] if inputs[0] == out else [f"{bind(np.copyto, 'copyto')}({out}, {inputs[0]})"]
    return [*copy, f"{out}.reshape(-1)[{inputs[1]}] = {inputs[2]}"]


_RULES: dict[str, Rule] = {
    "class_places": _class_places,
    "at_places": _at_places,
    "put_at_places": _put_at_places,
    "scatter_add": _scatter_add,
    "reduce_sum": _sum,
    "reduce_max": _extremum("maximum"),
    "reduce_min": _extremum("minimum"),
    "reduce_prod": _reduction("multiply"),
    "where": _where,
    "cast": _cast,
    "sigmoid": _sigmoid,
    "relu": _with_number("maximum", 0),
    "reciprocal": _with_number("divide", 1.0, first=True),
    "softplus": _with_number("logaddexp", 0.0),
    "softmax": _softmax,
    "matmul": _matmul,
    "concatenate": _concatenate,
}

_SAFE_IN_PLACE = frozenset(("put_at_places", "cast", "relu", "sigmoid", "reciprocal", "softplus"))


_FLOATS_ONLY = frozenset(("relu", "rint"))


def rule_for(op: Op) -> Rule | None:
    """Return the rule for an operation on NumPy arrays; None if it is to be called as in eager execution."""
    if op.prim.name in _FLOATS_ONLY and op.output.dtype.kind != "f":
        return None  # NumPy's functions would give another type
    rule = _RULES.get(op.prim.name)
    if rule is not None:
        return rule
    run = getattr(op.prim, "run", None)
    if isinstance(op.prim, (Unary, Binary)) and isinstance(run, str) and _ufunc(run) is not None:
        return _call(run)
    return None


def may_overwrite(op: Op, position: int) -> bool:
    """Tell whether an operation's result may be written into the memory of the input at `position`.

    Each element must be read before its place is written: true of elementwise work on inputs of the result's shape.
    """
    x = op.inputs[position]
    if type(x) is not Value or x.shape != op.output.shape or x.dtype.itemsize != op.output.dtype.itemsize:
        return False
    if op.prim.name in _SAFE_IN_PLACE:
        return x.dtype == op.output.dtype
    return isinstance(op.prim, (Unary, Binary)) and rule_for(op) is not None and op.prim.name not in _RULES


_COUNTING = frozenset(("add", "subtract"))
_OPERATORS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}


def scalar_text(op: Op, inputs: list[str], bind: Bind) -> str | None:
    """Return an expression for an operation on float scalars; None if it is not one.

    NumPy's scalars compute the same numbers as its arrays without axes, at a tenth of the cost.
    """
    kind = op.output.dtype.kind
    if op.output.shape or kind not in "fi" or any(x.shape or x.dtype.kind not in "fi" for x in op.values):
        return None
    if kind == "i" and op.prim.name not in _COUNTING:
        return None
    if op.prim.name == "cast":
        return f"{bind(op.output.dtype.type, str(op.output.dtype))}({inputs[0]})"
    if any(x.dtype != op.output.dtype for x in op.values):
        return None
    if op.prim.name in _OPERATORS:
        return f"({inputs[0]}) {_OPERATORS[op.prim.name]} {inputs[1]}"
    run = getattr(op.prim, "run", None)
    if isinstance(op.prim, (Unary, Binary)) and isinstance(run, str) and _ufunc(run) is not None:
        return f"{bind(getattr(np, run), run)}({', '.join(inputs)})"
    return None
