"""Tensors as PyTorch prints them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

PRECISION = 4
LINE_WIDTH = 80
THRESHOLD = 1000
EDGE_ITEMS = 3

_GRADIENT_NAMES = {
    "divide": "Div",
    "matmul": "Mm",
    "multiply": "Mul",
    "negative": "Neg",
    "power": "Pow",
    "reduce_max": "Max",
    "reduce_min": "Min",
    "reduce_prod": "Prod",
    "reduce_sum": "Sum",
    "reshape": "View",
    "subtract": "Sub",
}


class _Format:
    """How the numbers of one tensor are written: whole, with four decimals or scientific, all of one width."""

    def __init__(self, values: np.ndarray):
        self._form: Callable[[Any], str] = str
        if values.dtype.kind == "f":
            # Like PyTorch, measure what is finite and not zero; the rest may stand out.
            values = values[np.isfinite(values) & (values != 0)]
            sizes = np.abs(values).astype(np.float64)
            self._form = self._float_form(sizes, bool(np.all(sizes == np.ceil(sizes))))
        self.width = max((len(self._form(v)) for v in values.ravel().tolist()), default=1)

    @staticmethod
    def _float_form(sizes: np.ndarray, whole: bool) -> Callable[[float], str]:
        largest, smallest = (sizes.max(), sizes.min()) if sizes.size else (0.0, 1.0)
        wide = largest / smallest > 1000.0 or largest > 1e8
        if wide or (not whole and smallest < 1e-4):
            return lambda v: f"{v:.{PRECISION}e}"
        if whole:
            return lambda v: f"{v:.0f}." if math.isfinite(v) else f"{v:.0f}"
        return lambda v: f"{v:.{PRECISION}f}"

    def __call__(self, value: Any) -> str:
        return self._form(value).rjust(self.width)


def _shown(values: np.ndarray) -> np.ndarray:
    """Return the numbers that an abbreviated picture shows, which decide the format of all."""
    for axis in range(values.ndim):
        length = values.shape[axis]
        if length > 2 * EDGE_ITEMS:
            ends = [*range(EDGE_ITEMS), *range(length - EDGE_ITEMS, length)]
            values = np.take(values, ends, axis=axis)
    return values


def _vector(values: np.ndarray, indent: int, form: _Format, brief: bool) -> str:
    if brief and len(values) > 2 * EDGE_ITEMS:
        items = [form(v) for v in values[:EDGE_ITEMS].tolist()]
        items += [" ..."] + [form(v) for v in values[-EDGE_ITEMS:].tolist()]
    else:
        items = [form(v) for v in values.tolist()]
    per_line = max(1, (LINE_WIDTH - indent) // (form.width + 2))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(values: np.ndarray, indent: int, form: _Format, brief: bool) -> str:
    if values.ndim == 0:
        return form(values.item())
    if values.ndim == 1:
        return _vector(values, indent, form, brief)
    if brief and len(values) > 2 * EDGE_ITEMS:
        parts = [_nested(v, indent + 1, form, brief) for v in values[:EDGE_ITEMS]]
        parts += ["..."] + [_nested(v, indent + 1, form, brief) for v in values[-EDGE_ITEMS:]]
    else:
        parts = [_nested(v, indent + 1, form, brief) for v in values]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def gradient_name(primitive: str) -> str:
    """Return what PyTorch calls the gradient of a primitive, such as `PowBackward0`."""
    name = _GRADIENT_NAMES.get(primitive) or "".join(part.capitalize() for part in primitive.split("_"))
    return f"{name}Backward0"


def tensor_repr(tensor: Any) -> str:
    """Return `tensor` as PyTorch prints it, such as `tensor([0.6667, 1.3333, 2.0000])`."""
    values = tensor.numpy()
    prefix = "tensor("
    notes = [] if tensor.device == "cpu" else [f"device='{tensor.device.replace('gpu', 'cuda')}'"]
    default = tensor.dtype == "float32" or (values.size and tensor.dtype in ("int64", "bool"))
    if not values.size and values.ndim != 1:
        notes.append(f"size={values.shape}")
    if not default:
        notes.append(f"dtype=torch.{tensor.dtype}")
    if tensor._node is not None:
        if tensor._tracked:
            notes.append(f"grad_fn=<{gradient_name(tensor._node.prim.name)}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    if not values.size:
        text = prefix + "[]"
    else:
        if values.dtype.kind == "V":  # bfloat16 and its kin, which NumPy knows by their bytes only
            values = values.astype(np.float32)
        brief = values.size > THRESHOLD
        form = _Format(_shown(values) if brief else values)
        text = prefix + _nested(values, len(prefix), form, brief)
    column = len(text) - text.rfind("\n") + 1
    for note in notes:
        if column + len(note) + 2 > LINE_WIDTH:
            text += ",\n" + " " * len(prefix) + note
            column = len(prefix) + len(note)
        else:
            text += ", " + note
            column += len(note) + 2
    return text + ")"
