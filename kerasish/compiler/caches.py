"""Caches of traces, which can be emptied all at once when something changes that traces depend on."""

from __future__ import annotations

import weakref
from typing import Any

from kerasish import config


class TraceCache(dict[Any, Any]):
    """A dict of traces by signature. Turning numeric checks on or off empties it."""

    __slots__ = ("__weakref__",)

    def __init__(self) -> None:
        super().__init__()
        _all[id(self)] = self


_all: weakref.WeakValueDictionary[int, TraceCache] = weakref.WeakValueDictionary()


def _clear() -> None:
    for cache in list(_all.values()):
        cache.clear()


config.call_when_numeric_checks_change(_clear)
