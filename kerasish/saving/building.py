"""Building the model of a file: what it may allocate, and no initial weights for what is about to be loaded.

A few bytes of JSON can ask for a layer with a trillion weights. While a file's model is being built, the sizes of its
variables are added up and compared with the size of the weights that the file has for them. Their initial values are
drawn when loading is over, and only for those that the file had nothing for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from kerasish.autograd import dtypes
from kerasish.autograd.state import state
from kerasish.saving.errors import UnsafeFileError, readable_size

# Room for what files do not hold: optimizer slots (two or three a weight), metric totals, seeds.
_FREE_BYTES = 256 << 20
_FACTOR = 8
# Far more layers, losses, metrics and parts of them than any model has, each of which costs part of a millisecond.
_MAX_OBJECTS = 50_000


class Building:
    """Context in which the model of a file is built and its weights are loaded.

    Args:
        stored: Bytes of the weights that the file holds.
        label: What error messages call the file.
        drawn: Whether initial weights are drawn at once. Code outside of kerasish may look at them while building.
    """

    def __init__(self, stored: int, label: str, drawn: bool) -> None:
        self._stored, self._label, self._drawn = stored, label, drawn
        self._spent = 0
        self._waiting: list[tuple[Any, Any, tuple[int, ...], str]] = []

    def __enter__(self) -> Building:
        self._outer, state.allocator = state.allocator, self.allocate
        return self

    def __exit__(self, kind: Any, *rest: object) -> None:
        state.allocator = self._outer
        if kind is None:
            self._draw()

    def allocate(
        self, variable: Any, initializer: Any, shape: tuple[int, ...], dtype: str
    ) -> np.ndarray | None:
        """Return an array of zeros that takes no memory, to be replaced; None to draw the value at once.

        Raises:
            UnsafeFileError: if the variables together need far more than the file has weights.
        """
        kind = dtypes.to_numpy_dtype(dtype)
        self._spent += math.prod(shape) * kind.itemsize
        if self._spent > _FREE_BYTES + _FACTOR * self._stored:
            raise UnsafeFileError(
                f"Not allowed: the config of {self._label} declares variables of {readable_size(self._spent)} up to "
                f"'{variable.path}' of shape {shape}, but the file stores {readable_size(self._stored)} of weights."
            )
        if self._drawn:
            return None
        self._waiting.append((variable, initializer, shape, dtype))
        variable.share()  # so that nothing is written into what all elements share
        return np.broadcast_to(np.zeros((), kind), shape)

    def _draw(self) -> None:
        """Give their initial values to the variables that nothing was loaded into."""
        for variable, initializer, shape, dtype in self._waiting:
            if variable.changed:
                variable.settle()
            else:
                variable.draw(initializer, shape, dtype)


@contextmanager
def building_errors(label: str) -> Iterator[None]:
    """Turn whatever a config makes layers raise into the errors that loading is documented to raise.

    Raises:
        ValueError: for exceptions that say that a value is not what it should be.
        UnsafeFileError: for those that say that there is too much of it.
    """
    try:
        yield
    except (RecursionError, MemoryError) as error:
        what = (
            "is nested too deeply"
            if isinstance(error, RecursionError)
            else "asks for more memory than there is"
        )
        raise UnsafeFileError(f"Not allowed: the config of {label} {what}.") from error
    except (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError) as error:
        raise ValueError(
            f"The config of {label} describes no model that can be built: {type(error).__name__}: {error}"
        ) from error


def count_objects(config: Any, label: str) -> set[str]:
    """Return the names of the classes in a config.

    Raises:
        UnsafeFileError: if there are more objects in it than in any model.
    """
    names: set[str] = set()
    left, count = [config], 0
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                count += 1
                names.update(str(value.get(key)) for key in ("class_name", "registered_name"))
                names.add(str(value.get("config")) if value["class_name"] == "function" else "")
            left.extend(value.values())
        elif isinstance(value, (list, tuple)):
            left.extend(value)
    if count > _MAX_OBJECTS:
        raise UnsafeFileError(
            f"Not allowed: the config of {label} describes {count:,} layers and other objects; {_MAX_OBJECTS:,} "
            "are the most that are built. If it is meant to, build the model in Python and use `load_weights`."
        )
    return names
