"""Objects to plain config dicts that JSON can hold, and back."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

from kerasish import ops
from kerasish.autograd import KerasTensor, is_tensor
from kerasish.serialization import vocabulary
from kerasish.serialization.registration import CustomObjectScope, get_registered_name, known_objects
from kerasish.serialization.scopes import get_shared_object, record_built, record_written

_PLAIN = (str, int, float, bool)


def serialize_keras_object(obj: Any) -> Any:
    """Turn an object into a config: plain values that JSON can hold.

    Handles None, plain values, lists, tuples, dicts, bytes, slices, Ellipsis, NumPy arrays, scalars and
    dtypes, tensors, symbolic tensors, named functions, and every object with `get_config()`.

    Example:

    ```python
    kerasish.saving.serialize_keras_object(kerasish.regularizers.L2(0.1))
    # {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.1}, "registered_name": None}
    ```

    Args:
        obj: The object.

    Returns:
        The config; `deserialize_keras_object` reverses it.

    Raises:
        TypeError: if the object has no config, such as a lambda or an instance without `get_config()`.
    """
    if obj is None or type(obj) in _PLAIN:
        return obj
    if isinstance(obj, list):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, tuple):
        return tuple(serialize_keras_object(item) for item in obj)
    if isinstance(obj, dict):
        return serialize_dict(obj)
    if isinstance(obj, types.FunctionType):
        return _serialize_function(obj)
    special = _serialize_value(obj)
    if special is not _NOT_A_VALUE:
        return special
    return _serialize_instance(obj)


def serialize_dict(obj: dict[str, Any]) -> dict[str, Any]:
    """Turn the values of a dict into configs."""
    return {key: serialize_keras_object(value) for key, value in obj.items()}


_NOT_A_VALUE = object()


def _serialize_value(obj: Any) -> Any:
    """Config of an object that is a value rather than a configurable thing; `_NOT_A_VALUE` for others."""
    if isinstance(obj, _PLAIN):  # a subclass, such as an enum's str
        return obj
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        ends = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": serialize_dict(ends)}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, KerasTensor):  # a symbolic tensor: where it comes from, not what it holds
        history = list(getattr(obj, "_keras_history", None) or ()) or None
        if history:
            history[0] = history[0].name
        config = {"shape": tuple(obj.shape), "dtype": obj.dtype, "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}
    if is_tensor(obj):
        return {"class_name": "__tensor__", "config": {"value": obj.numpy().tolist(), "dtype": obj.dtype}}
    if isinstance(obj, np.ndarray) and obj.ndim > 0:
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if isinstance(obj, (np.generic, np.ndarray)):
        return obj.item()
    if isinstance(obj, np.dtype):
        return obj.name
    return _NOT_A_VALUE


def _serialize_function(function: types.FunctionType) -> dict[str, Any]:
    if function.__name__ == "<lambda>":
        raise TypeError(
            f"Cannot serialize a lambda (defined in {function.__code__.co_filename}, line "
            f"{function.__code__.co_firstlineno}): files hold names, never code. Write it as a named "
            "function and decorate that with `@kerasish.saving.register_keras_serializable()`."
        )
    name = get_registered_name(function)
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def _serialize_instance(obj: Any) -> dict[str, Any]:
    if isinstance(obj, type) or not hasattr(obj, "get_config"):
        raise TypeError(
            f"Cannot serialize object {obj!r} of type {type(obj)}. To be serializable, a class must "
            "implement the `get_config()` method, and what is serialized must be an instance of it."
        )
    inner = obj.get_config()
    if not isinstance(inner, dict):
        raise TypeError(f"The `get_config()` method of {obj!r} should return a dict. It returned: {inner!r}")
    cls = type(obj)
    module = vocabulary.public_module(cls)
    if module is None:
        name: str | None = get_registered_name(cls)
        module = cls.__module__ if cls.__module__ != "__main__" else None
    else:
        name = cls.__name__ if vocabulary.is_unexported(cls) else None
    config: dict[str, Any] = {
        "module": module,
        "class_name": vocabulary.public_name(cls),
        "config": serialize_dict(inner),
        "registered_name": name,
    }
    for key in ("build_config", "compile_config"):
        getter = getattr(obj, f"get_{key}", None)
        extra = None if getter is None else getter()
        if extra is not None:
            config[key] = serialize_dict(extra)
    record_written(obj, config)
    return config


def deserialize_keras_object(
    config: Any,
    custom_objects: dict[str, Any] | None = None,
    safe_mode: bool = True,
    module_objects: dict[str, Any] | None = None,
) -> Any:
    """Build the object that a config describes.

    Only kerasish's own classes and functions, registered ones and those of `custom_objects` are ever used.
    Code in a config (a saved lambda) is refused whatever `safe_mode` says.

    Example:

    ```python
    config = {"module": "keras.optimizers", "class_name": "Adam", "config": {"learning_rate": 0.01}}
    adam = kerasish.saving.deserialize_keras_object(config)
    ```

    Args:
        config: What `serialize_keras_object` returned (or Keras's function of that name).
        custom_objects: Names and the classes or functions they stand for.
        safe_mode: Accepted for compatibility; loading is always safe.
        module_objects: Names and built-in objects of one namespace. With it, a string or a dict without
            module is looked up there.

    Returns:
        The object.

    Raises:
        TypeError: if the config cannot be read or names an unknown class or function.
        ValueError: if the config holds code.
    """
    objects = known_objects(custom_objects)
    if module_objects is not None:
        return _build_from_table(config, objects, module_objects)
    return _build(config, objects)


def _build(config: Any, objects: dict[str, Any]) -> Any:
    if config is None:
        return None
    if isinstance(config, str):
        # Older layouts name a plain function by a bare string.
        custom = objects.get(config)
        return config if custom is None else custom
    if isinstance(config, _PLAIN):
        return config
    if isinstance(config, (list, tuple)):
        return [_build(item, objects) for item in config]
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {_short(config)}")
    if "class_name" not in config or "config" not in config:
        return {key: _build(value, objects) for key, value in config.items()}
    name = config["class_name"]
    if not isinstance(name, str):
        raise TypeError(
            f"Expected `class_name` to be a string, received {name!r}. Full config: {_short(config)}"
        )
    if name in _SPECIAL:
        return _SPECIAL[name](config["config"] or {}, objects)
    if name == "function":
        return _find_function(config, objects)
    return _build_instance(config, _find_class(config, objects), objects)


def _build_from_table(config: Any, objects: dict[str, Any], table: dict[str, Any]) -> Any:
    """Build from a string or dict that belongs to one namespace, whose names `table` holds."""
    if isinstance(config, str):
        obj = objects.get(config, table.get(config))
        if obj is None:
            raise ValueError(f"Unknown identifier {config!r}.{vocabulary.close_names(config, table)}")
        return obj() if isinstance(obj, type) else obj
    if not isinstance(config, dict):
        return _build(config, objects)
    if not isinstance(config.get("class_name"), str):
        raise ValueError(f"Expected a config dict with a `class_name`. Received: config={_short(config)}")
    name, inner = config["class_name"], config.get("config")
    if name == "function" or name in _SPECIAL:
        return _build({"config": None, **config}, objects)
    for key in (config.get("registered_name"), name):
        if isinstance(key, str) and key in objects:
            return _build_instance(config, objects[key], objects)
    obj = table.get(name)
    if obj is None:
        obj = _find_class(config, objects) if config.get("module") else None
    if obj is None:
        raise TypeError(
            f"Could not locate class '{name}'.{vocabulary.close_names(name, table)} If it is a custom "
            "class, register it with `@kerasish.saving.register_keras_serializable()` or pass it in "
            "`custom_objects`."
        )
    return _build_instance({**config, "config": inner}, obj, objects)


def _build_instance(config: dict[str, Any], cls: Any, objects: dict[str, Any]) -> Any:
    inner = {} if config["config"] is None else config["config"]
    if isinstance(cls, types.FunctionType):
        return cls
    if not isinstance(inner, dict):
        raise TypeError(
            f"Expected 'config' to be a dict for {config['class_name']}, instead got {type(inner)}. "
            f"Full config: {_short(config)}"
        )
    shared_id = config.get("shared_object_id")
    if shared_id is not None:
        shared = get_shared_object(shared_id)
        if shared is not None:
            return shared
    if not hasattr(cls, "from_config"):
        raise TypeError(
            f"Unable to reconstruct an instance of '{config['class_name']}' because the class is missing a "
            f"`from_config()` method. Full object config: {_short(config)}"
        )
    with CustomObjectScope(objects):
        try:
            instance = cls.from_config(dict(inner))
        except (TypeError, KeyError) as error:
            raise TypeError(
                f"{cls} could not be deserialized properly. Please ensure that components that are Python "
                "object instances (layers, models, etc.) returned by `get_config()` are explicitly "
                f"deserialized in the model's `from_config()` method.\n\nconfig={_short(config)}.\n\n"
                f"Exception encountered: {error}"
            ) from error
        build_config = config.get("build_config")
        if build_config and not getattr(instance, "built", True):
            instance.build_from_config(build_config)
            instance.built = True
        compile_config = config.get("compile_config")
        if compile_config and hasattr(instance, "compile_from_config"):
            instance.compile_from_config(compile_config)
            instance.compiled = True
    if shared_id is not None:
        record_built(instance, shared_id)
    return instance


def _find_class(config: dict[str, Any], objects: dict[str, Any]) -> Any:
    name, module = config["class_name"], config.get("module")
    registered_name = config.get("registered_name", name)
    for key in (registered_name, name):
        # A user's object stands in for a built-in only under the registered name, as in Keras.
        if isinstance(key, str) and key in objects and (key == registered_name or module is None):
            return objects[key]
    found = vocabulary.find_class(module, name)
    if found is not None:
        if registered_name not in (None, "", name):
            raise ValueError(
                f"`registered_name={registered_name!r}` was provided in the config, but '{module}.{name}' is "
                f"a built-in, which has no registered name. Full object config: {_short(config)}"
            )
        return found
    raise TypeError(
        _not_found(
            "class",
            name,
            module,
            vocabulary.public_names(module if isinstance(module, str) else None),
            config.get("config"),
        )
    )


def _find_function(config: dict[str, Any], objects: dict[str, Any]) -> Any:
    name = config["config"]
    if not isinstance(name, str):
        raise TypeError(
            f"Expected 'config' to be the name of a function, instead got {type(name)}. "
            f"Full config: {_short(config)}"
        )
    if name in objects:
        return objects[name]
    module = config.get("module")
    root = module.split(".")[0] if isinstance(module, str) else None
    found = vocabulary.find_function(name) if root in ("builtins", "keras", "kerasish") else None
    if found is None and ">" not in name:
        # Keras up to 3.6 wrote "name" for a function registered as "package>name".
        found = next((obj for key, obj in objects.items() if key.endswith(f">{name}")), None)
    if found is None:
        raise TypeError(_not_found("function", name, module, ()))
    return found


def _not_found(kind: str, name: str, module: Any, names: Any, inner: Any = None) -> str:
    origin = f" of module {module!r}" if module else ""
    if isinstance(inner, dict) and isinstance(inner.get("name"), str):
        origin += f", which layer {inner['name'][:80]!r} is"
    return (
        f"Could not locate {kind} '{name}'{origin}.{vocabulary.close_names(name, names)} Modules named in a "
        "config are never imported: built-ins are looked up in kerasish's own namespaces, and custom classes "
        f"and functions must be known before loading. Decorate the {kind} with "
        f"`@kerasish.saving.register_keras_serializable()`, or pass it: `custom_objects={{{name!r}: ...}}`."
    )


def _short(config: Any) -> str:
    text = repr(config)
    return text if len(text) <= 600 else f"{text[:600]}... ({len(text)} characters)"


# Configs of values.


def _build_keras_tensor(inner: dict[str, Any], objects: dict[str, Any]) -> Any:
    tensor = KerasTensor(tuple(inner["shape"]), dtype=inner["dtype"])
    tensor._pre_serialization_keras_history = inner["keras_history"]  # type: ignore[attr-defined]
    return tensor


def _build_tensor(inner: dict[str, Any], objects: dict[str, Any]) -> Any:
    return ops.convert_to_tensor(inner["value"], dtype=inner["dtype"])


def _build_numpy(inner: dict[str, Any], objects: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(inner["dtype"])
    if dtype.hasobject:
        raise ValueError(f"Not allowed: a config with a NumPy array of dtype {inner['dtype']!r}.")
    return np.array(inner["value"], dtype=dtype)


def _build_slice(inner: dict[str, Any], objects: dict[str, Any]) -> slice:
    return slice(*(_build(inner[end], objects) for end in ("start", "stop", "step")))


def _refuse_lambda(inner: Any, objects: dict[str, Any]) -> Any:
    raise ValueError(
        "Requested the deserialization of a Python lambda: the config holds compiled code (`__lambda__`). "
        "This is disallowed, because running code from a file would let the file do anything on this "
        "machine; kerasish has no setting that allows it. Write the lambda as a named function, pass it in "
        "`custom_objects` or register it, and save the model with that function."
    )


def _refuse_typespec(inner: Any, objects: dict[str, Any]) -> Any:
    raise TypeError(
        "The config holds a TensorFlow TypeSpec (`__typespec__`), which kerasish cannot represent."
    )


_SPECIAL: dict[str, Any] = {
    "__keras_tensor__": _build_keras_tensor,
    "__tensor__": _build_tensor,
    "__numpy__": _build_numpy,
    "__bytes__": lambda inner, objects: inner["value"].encode("utf-8"),
    "__ellipsis__": lambda inner, objects: Ellipsis,
    "__slice__": _build_slice,
    "__lambda__": _refuse_lambda,
    "__typespec__": _refuse_typespec,
}
