"""Configs in the layout of `.h5` files, to and from today's.

Old configs name a class without its module (`{"class_name": "Dense", "config": {...}}`) and functions by
a bare string. Rewritten in today's layout, they are built by the same code and rules as all others.
"""

from __future__ import annotations

from typing import Any

from kerasish.saving.errors import UnsafeFileError
from kerasish.serialization import vocabulary
from kerasish.serialization.registration import known_objects

_METRIC_WRAPPERS = ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper")
_COMPILE_ARGUMENTS = (
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
)
# Metric names that `compile` resolves by the loss and the shapes.
_DEFERRED_METRICS = ("accuracy", "acc", "crossentropy", "ce")


def to_legacy(config: Any) -> Any:
    """Rewrite a model's config for `model_config`: layers without module and build config."""
    if not isinstance(config, dict):
        return config
    config = dict(config)
    if isinstance(config.get("layers"), (list, tuple)):
        config["layers"] = [_legacy_layer(layer) for layer in config["layers"]]
    return config


def _legacy_layer(layer: Any) -> Any:
    if not isinstance(layer, dict) or "class_name" not in layer:
        return layer
    dropped = ("module", "registered_name", "build_config", "compile_config", "shared_object_id")
    kept = {key: value for key, value in layer.items() if key not in dropped}
    kept["class_name"] = layer.get("registered_name") or layer["class_name"]
    kept["config"] = to_legacy(layer.get("config"))
    return kept


def training_to_legacy(compile_config: dict[str, Any]) -> dict[str, Any]:
    """Rewrite what `get_compile_config` returned for `training_config`."""
    training = {key: _legacy_object(value) for key, value in compile_config.items() if key != "optimizer"}
    training["optimizer_config"] = _legacy_object(compile_config["optimizer"])
    return training


def _legacy_object(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_legacy_object(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _legacy_object(item) for key, item in value.items()}
    if value["class_name"] == "function":
        return value["config"]
    return {"class_name": value.get("registered_name") or value["class_name"], "config": value["config"]}


def from_legacy(config: Any, custom_objects: dict[str, Any] | None = None) -> dict[str, Any]:
    """Rewrite the `model_config` of an `.h5` file in today's layout.

    Args:
        config: What the JSON text holds.
        custom_objects: The user's names, which come before built-in ones.

    Raises:
        TypeError: if it is a list.
        ValueError: if it is no config, or holds code (`UnsafeFileError`).
    """
    if isinstance(config, list):
        raise TypeError(f"A model config is a dictionary, not a list. Received: config={str(config)[:300]}")
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise ValueError(
            "The provided configuration is not a valid Keras configuration. Expected a dictionary with the "
            f"keys 'class_name' and 'config'. Received: config={str(config)[:300]}"
        )
    objects = known_objects(custom_objects)
    config = _modern_layer(config, objects)
    inner = config["config"]
    if config["class_name"] == "Sequential" and "name" not in inner:
        inner["name"] = "sequential"
    return config


def _modern_layer(config: dict[str, Any], objects: dict[str, Any]) -> dict[str, Any]:
    """Rewrite the config of a layer or model, and those of the layers in it."""
    if not isinstance(config, dict) or not {"class_name", "config"} <= config.keys():
        raise ValueError(
            "Expected the config of a layer, with the keys 'class_name' and 'config'. Received: "
            f"{str(config)[:300]}"
        )
    if "module" in config:
        return config
    name, inner = config["class_name"], config["config"]
    if name == "Sequential" and isinstance(inner, list):  # Keras before 2.1: the layers themselves
        inner = {"name": "sequential", "layers": inner}
    if not isinstance(inner, dict):
        raise ValueError(f"Expected the config of '{name}' to be a dictionary, received {str(inner)[:300]}")
    if name == "Model":
        name = "Functional"
    layers = _with_input_layer(name, inner.get("layers"))
    inner = {key: _modern_value(value, objects) for key, value in inner.items()}
    if isinstance(layers, list):  # whatever stands there is a layer, its class known or not
        inner["layers"] = [_modern_layer(layer, objects) for layer in layers]
    _rename_arguments(name, inner)
    # What stands around the config, such as a functional model's `inbound_nodes`, stays.
    modern = {**config, "class_name": name, "config": inner, "module": None, "registered_name": name}
    if name not in objects:
        module = "keras.models" if vocabulary.find_class("keras.models", name) else "keras.layers"
        modern.update(module=module, registered_name=None)
    return modern


def _modern_value(value: Any, objects: dict[str, Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_modern_value(item, objects) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__tuple__":
        return [_modern_value(item, objects) for item in value.get("items", ())]
    if "class_name" in value and "config" in value and "module" not in value:
        if _is_layer(value["class_name"], objects):
            return _modern_layer(value, objects)
        return {key: item for key, item in value.items() if key != "__passive_serialization__"}
    return {key: _modern_value(item, objects) for key, item in value.items()}


def from_keras_2(config: Any) -> Any:
    """Bring the arguments in the config of a Keras 2 `.keras` file, which has today's layout, to today's names."""
    if isinstance(config, list):
        return [from_keras_2(item) for item in config]
    if not isinstance(config, dict):
        return config
    config, inner = dict(config), config.get("config")
    if isinstance(inner, dict) and "layers" in inner:
        layers = _with_input_layer(config.get("class_name"), inner["layers"])
        config["config"] = {**inner, "layers": layers}
    config = {key: from_keras_2(value) for key, value in config.items()}
    if isinstance(config.get("compile_config"), dict):
        arguments = config["compile_config"].items()
        config["compile_config"] = {k: v for k, v in arguments if k in _COMPILE_ARGUMENTS and v is not None}
    module, inner = config.get("module"), config.get("config")
    if isinstance(inner, dict) and isinstance(module, str):
        if module.startswith("keras.layers"):
            _rename_arguments(str(config.get("class_name")), inner)
        elif module.startswith("keras.optimizers") and "schedules" not in module:
            config["config"] = _modern_optimizer(config)["config"]
        elif inner.get("reduction") == "auto":
            inner["reduction"] = "sum_over_batch_size"
    return config


def _is_layer(name: Any, objects: dict[str, Any]) -> bool:
    if not isinstance(name, str):
        return False
    if name in objects or name == "Model":
        return True
    return bool(vocabulary.find_class("keras.layers", name) or vocabulary.find_class("keras.models", name))


def _with_input_layer(name: Any, layers: Any) -> Any:
    """Give a Sequential model, whose first layer may have said the input's shape, an input layer that says it."""
    if name != "Sequential" or not isinstance(layers, list) or not layers or not isinstance(layers[0], dict):
        return layers
    first = layers[0].get("config")
    if not isinstance(first, dict):
        return layers
    shape = first.get("batch_input_shape")
    if shape is None or layers[0].get("class_name") == "InputLayer":
        return layers
    entry = {"batch_shape": shape, "name": f"{first.get('name', 'sequential')}_input"}
    if isinstance(first.get("dtype"), str):
        entry["dtype"] = first["dtype"]
    module = {"module": "keras.layers", "registered_name": None}
    return [{**module, "class_name": "InputLayer", "config": entry}, *layers]


def _rename_arguments(name: str, inner: dict[str, Any]) -> None:
    """Bring the constructor arguments of older releases to today's names."""
    shape = inner.pop("batch_input_shape", None)
    if shape is not None and name == "InputLayer":
        inner["batch_shape"] = shape
    axis = inner.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        inner["axis"] = int(axis[0])
    dtype = inner.get("dtype")
    if isinstance(dtype, dict) and dtype.get("class_name") in ("Policy", "PolicyV1"):
        inner["dtype"] = dtype["config"]["name"]
    if name == "Lambda" and isinstance(inner.get("function"), (list, tuple)):
        raise UnsafeFileError(
            f"Not allowed: the layer {inner.get('name')!r} is a Lambda layer whose function is stored as "
            "Python byte code, which would have to be run. Build the model in Python with a named function "
            "instead, and load the file's weights into it with `load_weights`."
        )


def training_from_legacy(training: dict[str, Any]) -> dict[str, Any]:
    """Rewrite a `training_config` as what `compile_from_config` takes."""
    optimizer = training.get("optimizer_config") if isinstance(training, dict) else None
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("class_name"), str):
        raise ValueError(f"The training configuration names no optimizer. Received: {str(training)[:300]}")
    metrics = _modern_metrics(training.get("metrics"))
    if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list):
        metrics = metrics[0]  # one output's, written by Keras 2 as a list of lists
    return {
        "optimizer": _modern_optimizer(optimizer),
        "loss": _modern_object(training.get("loss"), "keras.losses"),
        "loss_weights": training.get("loss_weights"),
        "metrics": metrics,
        "weighted_metrics": _modern_metrics(training.get("weighted_metrics")),
    }


def _modern_object(value: Any, module: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [_modern_object(item, module) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _modern_object(item, module) for key, item in value.items()}
    name, inner = value["class_name"], dict(value.get("config") or {})
    if inner.get("reduction") == "auto":
        inner["reduction"] = "sum_over_batch_size"
    if "module" in value:
        return {**value, "config": inner}
    if name in known_objects():
        return {"module": None, "class_name": name, "config": inner, "registered_name": name}
    return {"module": module, "class_name": name.rpartition(">")[2], "config": inner, "registered_name": None}


def _modern_metrics(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_modern_metrics(item) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _modern_metrics(item) for key, item in value.items()}
    if isinstance(value, dict) and value["class_name"] in _METRIC_WRAPPERS:
        inner = value.get("config") or {}
        if inner.get("name") in _DEFERRED_METRICS:
            return inner["name"]
        function = inner.get("fn")
        return function if isinstance(function, str) else inner.get("name")
    return _modern_object(value, "keras.metrics")


def _modern_optimizer(config: dict[str, Any]) -> dict[str, Any]:
    modern = _modern_object(config, "keras.optimizers")
    inner = modern["config"]
    if "lr" in inner:
        inner.setdefault("learning_rate", inner.pop("lr"))
    rate = inner.get("learning_rate")
    if isinstance(rate, dict):
        inner["learning_rate"] = _modern_object(rate, "keras.optimizers.schedules")
    cls = known_objects().get(modern["class_name"]) or vocabulary.find_class(
        "keras.optimizers", modern["class_name"]
    )
    if cls is not None:
        import inspect

        # Arguments that optimizers no longer have: `decay`, `jit_compile`, `is_legacy_optimizer`, ...
        accepted = inspect.signature(cls.__init__).parameters
        base = inspect.signature(cls.__mro__[1].__init__).parameters if len(cls.__mro__) > 1 else {}
        modern["config"] = {key: value for key, value in inner.items() if key in accepted or key in base}
    return modern
