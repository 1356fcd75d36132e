"""The registry of custom classes and functions that configs and files may name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_OBJECTS: dict[str, Any] = {}
_NAMES: dict[Any, str] = {}
_scopes = threading.local()


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Register a class or function so that saved configs can name it.

    Example:

    ```python
    @kerasish.saving.register_keras_serializable("my_package")
    class Scale(kerasish.layers.Layer):
        ...
    # saved as "my_package>Scale", found again by that name
    ```

    Args:
        package: First half of the key `"package>name"`.
        name: Second half of the key; the object's own name by default.

    Returns:
        A decorator that registers its argument and returns it unchanged.

    Raises:
        ValueError: if the argument is a class without `get_config()`.
    """

    def decorator(obj: Any) -> Any:
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(
                f"Cannot register a class that does not have a get_config() method. Received: {obj.__name__}."
                " Add get_config(), which returns the constructor's arguments as a dict."
            )
        registered_name = f"{package}>{obj.__name__ if name is None else name}"
        _OBJECTS[registered_name] = obj
        _NAMES[obj] = registered_name
        return obj

    return decorator


def get_custom_objects() -> dict[str, Any]:
    """Return the live global dictionary of registered objects (those of scopes are not in it).

    Example: `kerasish.saving.get_custom_objects()["swish2"] = swish2`.
    """
    return _OBJECTS


def get_registered_name(obj: Any) -> str:
    """Return the name `obj` is registered under, or its Python name.

    Args:
        obj: A class or function.

    Returns:
        `"package>name"` if registered, else `obj.__name__`.
    """
    try:
        registered = _NAMES.get(obj)
    except TypeError:  # unhashable, hence never registered
        registered = None
    return obj.__name__ if registered is None else registered


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """Return the class or function known as `name`, or None.

    The current `CustomObjectScope` is asked first, then the global registry, `custom_objects` and
    `module_objects`, in this order.

    Args:
        name: The name to look up.
        custom_objects: Names and objects given by the user.
        module_objects: Names and objects of a built-in namespace.

    Returns:
        The object, or None if nobody knows the name.
    """
    for table in (scope_objects(), _OBJECTS, custom_objects, module_objects):
        if table and name in table:
            return table[name]
    return None


class CustomObjectScope:
    """Make custom classes and functions known, by name, within a `with` block of this thread.

    Example:

    ```python
    with kerasish.saving.custom_object_scope({"Scale": Scale}):
        layer = kerasish.layers.deserialize(config)
    ```

    Args:
        custom_objects: Names and objects; None for none.
    """

    def __init__(self, custom_objects: dict[str, Any] | None) -> None:
        self.custom_objects = custom_objects or {}
        self.backup: dict[str, Any] = {}

    def __enter__(self) -> CustomObjectScope:
        self.backup = scope_objects()
        _scopes.objects = dict(self.custom_objects)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _scopes.objects = self.backup


custom_object_scope = CustomObjectScope


def scope_objects() -> dict[str, Any]:
    """Return the objects of this thread's innermost `CustomObjectScope`."""
    return getattr(_scopes, "objects", {})


def known_objects(custom_objects: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return every custom object in force: the argument's, overridden by the scope's and the registered."""
    scoped = scope_objects()
    if not custom_objects and not scoped:
        return _OBJECTS
    return {**(custom_objects or {}), **scoped, **_OBJECTS}
