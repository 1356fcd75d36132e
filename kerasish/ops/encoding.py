"""Integers as indicator vectors."""

from __future__ import annotations

from typing import Any

from kerasish import config
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives.shapes import expand_dims, normalize_axis
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.creation import arange
from kerasish.ops.reductions import max
from kerasish.ops.shapes import reshape


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """Return 1 at the position that each integer names along a new axis of length `num_classes`, and 0 elsewhere."""
    x = as_tensor(x)
    axis = normalize_axis(axis, x.ndim + 1)
    shape = [1] * (x.ndim + 1)
    shape[axis] = num_classes
    classes = reshape(arange(num_classes, dtype=x.dtype if x.dtype != "bool" else "int32"), shape)
    return cast(e.equal(expand_dims(x, axis), classes), dtype or config.floatx())


def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """Return 1 at each position that the integers of a sample name, and 0 elsewhere.

    The classes of each integer are along `axis` of a tensor of one axis more, and the largest values are taken over its
    second axis (the first for a vector), as Keras does: `(batch, integers)` becomes `(batch, num_classes)`.
    """
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if num_classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    inputs = as_tensor(inputs)
    return max(one_hot(inputs, num_classes, axis, dtype), 1 if inputs.ndim > 1 else 0)
