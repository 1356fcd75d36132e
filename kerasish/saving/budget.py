"""A limit on what a config may make a model allocate.

A few bytes of JSON can ask for a layer with a trillion weights. While a file's model is being built, the
sizes of its variables are added up and compared with the size of the weights that the file has for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from kerasish.autograd.state import state
from kerasish.saving.errors import UnsafeFileError, readable_size

# Room for what files do not hold: optimizer slots (two or three a weight), metric totals, seeds.
_FREE_BYTES = 256 << 20
_FACTOR = 8


@contextmanager
def variable_budget(stored: int, label: str) -> Iterator[None]:
    """Refuse variables that together need far more than `stored` bytes, before they are allocated.

    Args:
        stored: Bytes of the weights that the file holds.
        label: What the error message calls the file.

    Raises:
        UnsafeFileError: from the creation of the variable that exceeds the budget.
    """
    budget = _FREE_BYTES + _FACTOR * stored
    spent = 0

    def check(path: str, shape: tuple[int, ...], dtype: str) -> None:
        nonlocal spent
        itemsize = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
        spent += math.prod(shape) * itemsize
        if spent > budget:
            raise UnsafeFileError(
                f"Not allowed: the config of {label} declares variables of {readable_size(spent)} up to "
                f"'{path}' of shape {shape}, but the file stores {readable_size(stored)} of weights."
            )

    outer, state.before_allocation = state.before_allocation, check
    try:
        yield
    finally:
        state.before_allocation = outer
