"""Objects that are as they were before an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any


class as_before:
    """Context: after an error, objects have the attributes that they had, and their lists and dicts what was in them.

    Args:
        objects: The objects.
    """

    def __init__(self, objects: Iterable[Any]):
        self._objects = list(objects)

    def __enter__(self) -> None:
        self._attributes = [dict(each.__dict__) for each in self._objects]
        self._contents = [
            (value, list(value) if isinstance(value, list) else dict(value))
            for attributes in self._attributes
            for value in attributes.values()
            if isinstance(value, (list, dict))
        ]

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is None:
            return
        for each, attributes in zip(self._objects, self._attributes, strict=True):
            each.__dict__.clear()
            each.__dict__.update(attributes)
        for container, content in self._contents:
            if isinstance(container, list):
                list.__setitem__(container, slice(None), content)
            else:
                dict.clear(container)
                dict.update(container, content)


def all_or_nothing(method: Callable) -> Callable:
    """Return a method that leaves its object as it was where it fails."""

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        with as_before([self]):
            return method(self, *args, **kwargs)

    return wrapper
