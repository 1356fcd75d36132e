"""Configs in the layout of `.h5` files, to and from today's.

Old configs name a class without its module (`{"class_name": "Dense", "config": {...}}`) and functions by
a bare string. Rewritten in today's layout, they are built by the same code and rules as all others.
"""

from __future__ import annotations

from typing import Any

from kerasish.saving.legacy import arguments, functions, graphs
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


def from_legacy(
    config: Any, custom_objects: dict[str, Any] | None = None, keras_version: str = "3"
) -> dict[str, Any]:
    """Rewrite the config of a model, as any release of Keras wrote it, in today's layout and today's names.

    Args:
        config: What the JSON text holds.
        custom_objects: The user's names, which come before built-in ones.
        keras_version: The release that wrote it.

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
    translation = _Translation(known_objects(custom_objects), is_old(keras_version))
    config = translation.layer(config)
    if config["class_name"] == "Sequential":
        config["config"].setdefault("name", "sequential")
    compile_config = config.get("compile_config")
    if isinstance(compile_config, dict) and is_old(keras_version):
        kept = {k: v for k, v in compile_config.items() if k in _COMPILE_ARGUMENTS and v is not None}
        config["compile_config"] = _modern_compile_config(kept)
    return config


def is_old(keras_version: str) -> bool:
    """Whether a file is of Keras 1 or 2; the first releases did not say."""
    return keras_version[:2] in ("", "1.", "2.", "1", "2")


class _Translation:
    """One pass over a model's config.

    Args:
        objects: The user's names.
        old: Whether Keras 1 or 2 wrote the config.
    """

    def __init__(self, objects: dict[str, Any], old: bool) -> None:
        self.objects, self.old = objects, old

    def layer(self, config: Any) -> dict[str, Any]:
        """Rewrite the config of a layer or model, and those of the layers in it."""
        if not isinstance(config, dict) or not {"class_name", "config"} <= config.keys():
            raise ValueError(
                "Expected the config of a layer, with the keys 'class_name' and 'config'. Received: "
                f"{str(config)[:300]}"
            )
        name, inner = config["class_name"], config["config"]
        if name == "Sequential" and isinstance(inner, list):  # Keras before 2.1: the layers themselves
            inner = {"name": "sequential", "layers": inner}
        if name == "Sequential" and isinstance(inner, dict) and _joins_models(inner.get("layers")):
            name, inner = "Model", _graph_of_merge(inner)
        if not isinstance(inner, dict):
            raise ValueError(
                f"Expected the config of '{name}' to be a dictionary, received {str(inner)[:300]}"
            )
        custom = name in self.objects or config.get("registered_name") in self.objects
        layers = _with_input_layer(name, inner.get("layers"))
        inner = {key: self.value(value) for key, value in inner.items()}
        if isinstance(layers, list):  # whatever stands there is a layer, its class known or not
            inner["layers"] = [self.layer(layer) for layer in layers]
        if not custom and isinstance(name, str):
            name, inner = self._arguments(name, inner)
        if isinstance(layers, list) and "output_layers" in inner:
            graphs.modern_graph(inner, functions.modern_operation)
        # What stands around the config, such as a functional model's `inbound_nodes`, stays.
        modern = {**config, "class_name": name, "config": inner}
        return modern if custom and "module" in config else self._located(modern, config["class_name"])

    def _arguments(self, name: str, inner: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        supplied = name == "Lambda" and inner.get("name") in self.objects
        if supplied:  # the user's function for this very layer
            inner["function"] = {"class_name": "function", "module": None, "config": inner["name"]}
        name, inner = arguments.layer(name, inner)
        if self.old and name == "Activation" and inner.get("activation") == "hard_sigmoid":
            return _OldHardSigmoid.layer(inner)
        return name, inner

    def _located(self, modern: dict[str, Any], old_name: str) -> dict[str, Any]:
        """Say in which of today's modules the class is."""
        name, module = modern["class_name"], modern.get("module")
        if name in self.objects:
            return {**modern, "module": None, "registered_name": name}
        if "module" in modern and not _of_keras(module):
            return modern
        if isinstance(name, str) and (name != old_name or not vocabulary.find_class(module, name)):
            module = "keras.models" if vocabulary.find_class("keras.models", name) else "keras.layers"
            return {**modern, "module": module, "registered_name": None}
        return modern

    def value(self, value: Any) -> Any:
        """Rewrite the layers in an argument's value."""
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("class_name") == "__tuple__":
            return [self.value(item) for item in value.get("items", ())]
        if "class_name" in value and "config" in value:
            if self._is_layer(value):
                return self.layer(value)
            if "module" not in value:
                value = {key: item for key, item in value.items() if key != "__passive_serialization__"}
                inner = value["config"]
                return {**value, "config": self.value(inner)} if isinstance(inner, dict) else value
        return {key: self.value(item) for key, item in value.items()}

    def _is_layer(self, config: dict[str, Any]) -> bool:
        name, module = config["class_name"], config.get("module")
        if not isinstance(name, str) or not isinstance(config["config"], (dict, list)):
            return False
        if module is not None and not (_of_keras(module) and any(part in module for part in _OF_LAYERS)):
            return False
        if name in self.objects:
            return isinstance(config["config"], dict)
        name = arguments.present_name(name)
        return bool(
            vocabulary.find_class("keras.layers", name) or vocabulary.find_class("keras.models", name)
        )


# What the modules of layers and models are called in files.
_OF_LAYERS = ("layers", "models", "engine", "sequential", "functional")


def _of_keras(module: Any) -> bool:
    return module is None or (
        isinstance(module, str) and module.split(".")[0] in ("keras", "tf_keras", "kerasish", "tensorflow")
    )


class _OldHardSigmoid:
    """`hard_sigmoid` of Keras 1 and 2 is `clip(0.2 x + 0.5)`; today's is `clip(x / 6 + 0.5)`, so of `1.2 x` the same.

    Where weights come before it, they are scaled (`layouts.py`); a layer of its own becomes two.
    """

    @staticmethod
    def layer(inner: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        name = inner.get("name", "activation")
        parts = {
            "Rescaling": {"name": f"{name}_scale", "scale": 1.2, "offset": 0.0},
            "Activation": {"name": f"{name}_hard_sigmoid", "activation": "hard_sigmoid"},
        }
        layers = [
            {"module": "keras.layers", "class_name": kind, "config": part, "registered_name": None}
            for kind, part in parts.items()
        ]
        return "Sequential", {"name": name, "layers": layers}


def _modern_compile_config(config: Any) -> Any:
    """Bring what Keras 2 wrote of `compile`'s arguments into `.keras` files to today's names."""
    if isinstance(config, list):
        return [_modern_compile_config(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {key: _modern_compile_config(value) for key, value in config.items()}
    module, inner = config.get("module"), config.get("config")
    if isinstance(inner, dict) and isinstance(module, str):
        if module.startswith("keras.optimizers") and "schedules" not in module:
            config["config"] = _modern_optimizer(config)["config"]
        elif inner.get("reduction") == "auto":
            inner["reduction"] = "sum_over_batch_size"
    return config


def _with_input_layer(name: Any, layers: Any) -> Any:
    """Give a Sequential model, whose first layer may have said the input's shape, an input layer that says it."""
    if name != "Sequential" or not isinstance(layers, list) or not layers or not isinstance(layers[0], dict):
        return layers
    if layers[0].get("class_name") == "InputLayer" or not isinstance(layers[0].get("config"), (dict, list)):
        return layers
    shape, dtype = arguments.input_shape(layers[0])
    if shape is None:
        return layers
    first = layers[0]["config"]
    first_name = first.get("name", "sequential") if isinstance(first, dict) else "sequential"
    entry = {"batch_shape": shape, "name": f"{first_name}_input"}
    if dtype is not None:
        entry["dtype"] = dtype
    module = {"module": "keras.layers", "registered_name": None}
    return [{**module, "class_name": "InputLayer", "config": entry}, *layers]


def _joins_models(layers: Any) -> bool:
    """Whether the first of a Sequential model's layers is a Merge of models, which Keras 1 had."""
    first = layers[0] if isinstance(layers, list) and layers else None
    if (
        not isinstance(first, dict)
        or first.get("class_name") != "Merge"
        or not isinstance(first.get("config"), dict)
    ):
        return False
    return bool(first["config"].get("layers"))


def _graph_of_merge(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a Sequential model that starts by joining others as that of a graph of all their layers."""
    layers: list[dict[str, Any]] = []
    inputs: list[list] = []

    def add(layer: Any, sources: list[str]) -> str:
        if not isinstance(layer, dict) or not isinstance(layer.get("config"), dict):
            raise ValueError(f"Expected the config of a layer. Received: {str(layer)[:300]}")
        name = str(layer["config"].get("name") or f"layer_{len(layers)}")
        inner = {**layer["config"], "name": name}
        places = [[[source, 0, 0] for source in sources]] if sources else []
        layers.append({**layer, "config": inner, "name": name, "inbound_nodes": places})
        return name

    def branch(model: Any, found: Any) -> str:
        if not isinstance(found, list) or not found:
            raise ValueError(
                f"A 'Merge' layer joins something else than Sequential models: {str(model)[:200]}. Build the model in "
                "Python, and load the file's weights into it with `load_weights`."
            )
        if _joins_models(found):
            joined = found[0]["config"]["layers"]
            ends = [branch(one, _layers_of(one)) for one in joined]
            kept = {key: value for key, value in found[0]["config"].items() if key != "layers"}
            last = add({**found[0], "config": kept}, ends)
        else:
            found = _with_input_layer("Sequential", found)
            last = add(found[0], [])
            inputs.append([last, 0, 0])
        for layer in found[1:]:
            last = add(layer, [last])
        return last

    end = branch(config, config["layers"])
    name = config.get("name", "merged")
    return {"name": name, "layers": layers, "input_layers": inputs, "output_layers": [[end, 0, 0]]}


def _layers_of(model: Any) -> Any:
    inner = (
        model.get("config") if isinstance(model, dict) and model.get("class_name") == "Sequential" else None
    )
    return inner.get("layers") if isinstance(inner, dict) else inner


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
