"""What a running save or load knows, per thread: the objects it has already seen."""

from __future__ import annotations

import threading
from typing import Any

_state = threading.local()


class SerializableDict:
    """Keyword arguments kept as objects, to be serialised when asked for (`compile`'s arguments)."""

    def __init__(self, **config: Any) -> None:
        self.config = config

    def serialize(self) -> dict[str, Any]:
        """Return the arguments as configs."""
        from kerasish.serialization.objects import serialize_keras_object

        return serialize_keras_object(self.config)


class ObjectSharingScope:
    """Within it, an object met twice is written and built once (`shared_object_id` in the configs)."""

    def __enter__(self) -> ObjectSharingScope:
        self._backup = (getattr(_state, "built", None), getattr(_state, "written", None))
        _state.built, _state.written = {}, {}
        return self

    def __exit__(self, *exc_info: object) -> None:
        _state.built, _state.written = self._backup


def get_shared_object(shared_id: Any) -> Any:
    """Return the object that this scope has built for `shared_id`, or None."""
    built = getattr(_state, "built", None)
    return None if built is None or not isinstance(shared_id, (int, str)) else built.get(shared_id)


def record_built(obj: Any, shared_id: Any) -> None:
    """Remember the object built for `shared_id`."""
    built = getattr(_state, "built", None)
    if built is not None and isinstance(shared_id, (int, str)):
        built[shared_id] = obj


def record_written(obj: Any, config: dict[str, Any]) -> None:
    """Mark `config` and the first config written for the same object as one shared object."""
    written = getattr(_state, "written", None)
    if written is None:
        return
    if id(obj) not in written:
        # The object is kept too: its id may not be given to another one while the scope lasts.
        written[id(obj)] = (len(written) + 1, obj, config)
        return
    number, _, first = written[id(obj)]
    config["shared_object_id"] = first["shared_object_id"] = number
