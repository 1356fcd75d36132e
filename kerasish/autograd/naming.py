"""Names: scopes that prefix variables' paths, and names made up for what has none."""

from __future__ import annotations

import re
import threading
from typing import Any


class _Names(threading.local):
    def __init__(self) -> None:
        self.scopes: list[name_scope] = []


_names = _Names()
_counts: dict[str, int] = {}


class name_scope:
    """Context that prefixes the paths of the variables made inside it.

    Example:

    >>> with kerasish.name_scope("encoder"):
    ...     kerasish.Variable(0.0, name="w").path
    'encoder/w'

    Args:
        name: The prefix; it cannot contain a slash.
        caller: The object that opens the scope; opening it again for the same object adds nothing.
    """

    def __init__(self, name: str, caller: Any = None, **kwargs: Any):
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}"
            )
        self.name = name
        self.caller = caller
        self._pushed: list[bool] = []

    def __enter__(self) -> name_scope:
        scopes = _names.scopes
        top = scopes[-1] if scopes else None
        push = not (
            self.caller is not None
            and top is not None
            and top.caller is self.caller
            and top.name == self.name
        )
        self._pushed.append(push)
        if push:
            scopes.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pushed.pop():
            _names.scopes.pop()


def current_path() -> str:
    """Return the names of the open scopes joined by slashes."""
    return "/".join(scope.name for scope in _names.scopes)


def to_snake_case(name: str) -> str:
    """Return `name` in snake case, as Keras derives layer names from class names."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def uniquify(name: str) -> str:
    """Return `name` the first time, then `name_1`, `name_2`, …"""
    count = _counts.get(name, 0)
    _counts[name] = count + 1
    return f"{name}_{count}" if count else name


def auto_name(prefix: str) -> str:
    """Return a name that no automatic name has had yet, made from `prefix` in snake case."""
    return uniquify(to_snake_case(prefix))


def reset_names() -> None:
    """Forget which automatic names were given (`clear_session`)."""
    _counts.clear()
