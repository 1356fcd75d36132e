"""TensorFlow's `name=` argument for functions that do not take one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


def named(function: Callable) -> Callable:
    """Return `function` with an argument `name`, which the result shows in pictures of the graph.

    A named result remembers how it was computed, as everything in a TensorFlow graph does; one without a name is an
    ordinary tensor.
    """

    @wraps(function)
    def wrapper(*args: Any, name: str | None = None, **kwargs: Any) -> Any:
        if name is None:
            return function(*args, **kwargs)
        from kerasish.utils.drawing import remember

        result = remember(function, *args, **kwargs)
        result.name = name
        return result

    return wrapper


def named_functions(module: Any, table: dict[str, str]) -> dict[str, Callable]:
    """Return the functions of `module` under their TensorFlow names.

    Args:
        module: Where the functions are.
        table: The function's name there for each TensorFlow name.
    """
    return {theirs: named(getattr(module, ours)) for theirs, ours in table.items()}
