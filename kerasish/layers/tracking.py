"""Tracking: what is assigned to an attribute of a layer becomes part of its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kerasish import tree
from kerasish.autograd.tensor import NoValueError
from kerasish.utils.as_before import as_before

Track = Callable[[Any], None]


@tree.register_tree_node_class
class TrackedList(list):
    """A list that tracks what is put into it."""

    def __init__(self, values: Iterable = (), track: Track | None = None):
        super().__init__(values)
        self._track = track

    def append(self, value: Any) -> None:
        if self._track:
            self._track(value)
        super().append(value)

    def insert(self, index: Any, value: Any) -> None:
        if self._track:
            self._track(value)
        super().insert(index, value)

    def extend(self, values: Iterable) -> None:
        for value in values:
            self.append(value)

    def __iadd__(self, values: Iterable) -> TrackedList:  # type: ignore[misc]
        self.extend(values)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        if self._track:
            self._track(value)
        super().__setitem__(index, value)

    def __reduce__(self) -> tuple:
        return list, (list(self),)

    def tree_flatten(self) -> tuple:
        return list(self), None

    @classmethod
    def tree_unflatten(cls, metadata: Any, children: Iterable) -> TrackedList:
        return cls(children)


@tree.register_tree_node_class
class TrackedDict(dict):
    """A dict that tracks what is put into it."""

    def __init__(self, values: Any = (), track: Track | None = None):
        super().__init__(values)
        self._track = track

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._track:
            self._track(value)
        super().__setitem__(key, value)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)

    def tree_flatten(self) -> tuple:
        keys = sorted(self)
        return [self[key] for key in keys], keys, keys

    @classmethod
    def tree_unflatten(cls, keys: Any, children: Iterable) -> TrackedDict:
        return cls(zip(keys, children, strict=True))


@tree.register_tree_node_class
class TrackedSet(set):
    """A set that tracks what is put into it."""

    def __init__(self, values: Iterable = (), track: Track | None = None):
        super().__init__(values)
        self._track = track

    def add(self, value: Any) -> None:
        if self._track:
            self._track(value)
        super().add(value)

    def update(self, *others: Iterable) -> None:
        for values in others:
            for value in values:
                self.add(value)

    def __reduce__(self) -> tuple:
        return set, (set(self),)

    def tree_flatten(self) -> tuple:
        return list(self), None

    @classmethod
    def tree_unflatten(cls, metadata: Any, children: Iterable) -> TrackedSet:
        return cls(children)


def wrap(value: Any, track: Track) -> Any:
    """Track `value`, and what is or will be inside it if it is a container; return what to store."""
    kind = type(value)
    if kind is list:
        return TrackedList([wrap(v, track) for v in value], track)
    if kind is dict:
        return TrackedDict({k: wrap(v, track) for k, v in value.items()}, track)
    if kind is set:
        return TrackedSet({wrap(v, track) for v in value}, track)
    if isinstance(value, tuple):
        if hasattr(value, "_fields"):
            return kind(*(wrap(v, track) for v in value))
        return tuple(wrap(v, track) for v in value) if kind is tuple else value
    track(value)
    return value


class unbuilt_again(as_before):
    """Context around the first call of layers: after an error, those that were not built before are as they were.

    Args:
        layer: The layer; those inside it are included.
    """

    def __init__(self, layer: Any):
        super().__init__(each for each in layer._flatten_layers() if not each.built)

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is None or not issubclass(kind, NoValueError):  # then the call goes on with values
            super().__exit__(kind, error, traceback)
