"""From what a user may pass (a string, a config, a class, an instance) to the object meant."""

from __future__ import annotations

from typing import Any

from kerasish.serialization import vocabulary
from kerasish.serialization.objects import deserialize_keras_object
from kerasish.serialization.registration import known_objects


def resolve(identifier: Any, kind: str, table: dict[str, Any], base: type | None = None) -> Any:
    """Return the object an identifier stands for: what every namespace's `get()` does.

    Example: `resolve("mse", "loss", {"mse": mean_squared_error}, Loss)` returns the function.

    Args:
        identifier: None, a name, a config dict, a class, an instance, or a callable.
        kind: What is looked for, for error messages: `"loss"`, `"optimizer"`, ...
        table: Names (aliases too) and the classes or functions they stand for.
        base: Class that instances have. If its instances are not callable, other callables are refused.

    Returns:
        None for None, a function for a function's name, an instance in all other cases.

    Raises:
        ValueError: if the identifier is unknown or of another kind; names the closest known names.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return _by_name(identifier, kind, table)
    if isinstance(identifier, dict):
        obj = _by_config(identifier, kind, table)
    else:
        obj = identifier() if isinstance(identifier, type) else identifier
    if base is not None and isinstance(obj, base):
        return obj
    if callable(obj) and (base is None or "__call__" in dir(base)):
        return obj
    raise ValueError(f"Could not interpret {kind} identifier: {identifier!r} (of type {type(identifier)}).")


def _by_name(name: str, kind: str, table: dict[str, Any]) -> Any:
    obj = known_objects().get(name)
    if obj is None:
        obj = table.get(name)
    if obj is None and kind == "optimizer":
        obj = table.get(name.lower())
    if obj is None:
        hint = vocabulary.close_names(name, table)
        if not hint:
            hint = f" Known names: {', '.join(sorted(map(str, table)))}."
        raise ValueError(
            f"Could not interpret {kind} identifier: {name!r}.{hint} A custom {kind} is found by name once "
            "it is registered with `@kerasish.saving.register_keras_serializable()`."
        )
    return obj() if isinstance(obj, type) else obj


def _by_config(config: dict[str, Any], kind: str, table: dict[str, Any]) -> Any:
    name = config.get("class_name")
    if kind == "optimizer" and isinstance(name, str) and name not in table and name.lower() in table:
        config = {**config, "class_name": name.lower()}
    if not isinstance(name, str):
        raise ValueError(
            f"Could not interpret {kind} identifier: {config!r}. A config dict has the keys "
            "`class_name` and `config`."
        )
    return deserialize_keras_object(config, module_objects=table)
