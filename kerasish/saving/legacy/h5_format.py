"""Whole models and weights in HDF5, in the layout that Keras 1 to 3 share.

The root's attributes hold the configs as JSON text; `model_weights` has a group for each layer, whose
attribute `weight_names` lists its arrays in order; `optimizer_weights` has the optimizer's.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

from kerasish.saving import json_text
from kerasish.saving.atomic import replacing
from kerasish.saving.building import Building, building_errors, count_objects
from kerasish.saving.h5_output import h5_output
from kerasish.saving.hdf5 import H5Reader, open_h5
from kerasish.saving.legacy import configs, layouts
from kerasish.saving.legacy.layouts import Origin, Stored
from kerasish.saving.stores import refuse_nan
from kerasish.serialization import deserialize_keras_object, get_registered_name, serialize_dict
from kerasish.serialization.registration import known_objects

# HDF5 keeps all attributes of an object in a header of at most 64 KiB.
_ATTRIBUTE_LIMIT = 64512
_KERAS_VERSION = "3.15.1"
_BACKEND = "numpy"


def save_model(model: Any, filepath: str | os.PathLike, include_optimizer: bool = True) -> None:
    """Write a whole model to an `.h5` file, atomically."""
    import json

    name = get_registered_name(type(model))
    model_config = {"class_name": name, "config": configs.to_legacy(serialize_dict(model.get_config()))}
    optimizer = getattr(model, "optimizer", None) if include_optimizer else None
    with replacing(filepath) as temporary, h5_output(temporary) as file:
        file.attrs["keras_version"] = _KERAS_VERSION
        file.attrs["backend"] = _BACKEND
        file.attrs["model_config"] = json.dumps(model_config)
        if optimizer is not None and model.compiled:
            training = configs.training_to_legacy(model.get_compile_config())
            file.attrs["training_config"] = json.dumps(training)
        write_weights(file.create_group("model_weights"), model)
        if optimizer is not None and optimizer.variables:
            _write_arrays(file.create_group("optimizer_weights"), optimizer.variables)


def write_weights(group: Any, model: Any) -> None:
    """Write the weights of all layers below an HDF5 group."""
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs["backend"] = _BACKEND
    group.attrs["keras_version"] = _KERAS_VERSION
    # In order of names, so that no layer's group is made after one below it ("a" after "a/b").
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        _write_arrays(group.create_group(layer.name), _layer_weights(layer))
    _write_arrays(group.create_group("top_level_model_weights"), _top_level_weights(model))


def _write_arrays(group: Any, variables: list[Any]) -> None:
    names: list[str] = []
    for variable in variables:
        name, number = str(variable.path), 0
        while name in names:
            number += 1
            name = f"{variable.path}_{number}"
        names.append(name)
    _write_names(group, "weight_names", names)
    for name, variable in zip(names, variables, strict=True):
        group.create_dataset(name, data=variable.numpy())


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    """Write a list of names as an attribute, or as several, numbered, where it is too long for one."""
    encoded = [name.encode("utf-8") for name in names]
    longest = max(map(len, encoded), default=0)
    if longest > _ATTRIBUTE_LIMIT:
        raise RuntimeError(
            f"The name {max(names, key=len)[:80]!r}... has {longest} bytes; an HDF5 attribute holds at most "
            f"{_ATTRIBUTE_LIMIT}."
        )
    per_chunk = max(1, _ATTRIBUTE_LIMIT // max(longest, 1))
    if len(encoded) <= per_chunk:
        group.attrs[attribute] = encoded
        return
    for number, start in enumerate(range(0, len(encoded), per_chunk)):
        group.attrs[f"{attribute}{number}"] = encoded[start : start + per_chunk]


def _layer_weights(layer: Any) -> list[Any]:
    """A layer's weights in the order of these files: the trainable ones first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _top_level_weights(model: Any) -> list[Any]:
    mine = {id(variable) for variable in model.weights}
    return [v for v in (*model._trainable_variables, *model._non_trainable_variables) if id(v) in mine]


def load_model(
    filepath: str | os.PathLike,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    allow_nan: bool = False,
) -> Any:
    """Build the model of an `.h5` file."""
    with open_h5(filepath) as reader:
        config = read_json(reader, "model_config", allow_nan)
        if config is None:
            raise ValueError(
                f"No model config found in {reader.label}, so it describes no model. {_what_is_there(reader)} Build "
                "the model in Python, as it was when the weights were saved, and use `model.load_weights`; "
                "`kerasish.saving.inspect` shows the shapes of the weights."
            )
        training = read_json(reader, "training_config", allow_nan) if compile else None
        names = count_objects(config, reader.label)
        drawn = not names.isdisjoint(known_objects(custom_objects))
        with Building(reader.size, reader.label, drawn), building_errors(reader.label):
            modern = configs.from_legacy(config, custom_objects, keras_version(reader))
            model = deserialize_keras_object(modern, custom_objects)
            pairs = _pair_in_order(
                reader, reader.group(reader.file, "model_weights"), model, False, named=True
            )
            _assign(pairs, allow_nan)
            if training is not None:
                # The layers of a Sequential model that became a graph may have another order, and so have the slots.
                same_order = config["class_name"] != "Sequential" or modern["class_name"] == "Sequential"
                _compile(model, training, reader, custom_objects, allow_nan, same_order)
        if compile and training is None:
            warnings.warn(
                "No training configuration found in the save file, so the model was *not* compiled. Compile "
                "it manually.",
                stacklevel=3,
            )
    return model


def keras_version(reader: H5Reader) -> str:
    """Return the release of Keras that wrote a file; empty if it does not say, as the first ones."""
    version = reader.text(reader.file, "keras_version")
    if version is None and reader.has(reader.file, "model_weights"):
        version = reader.text(reader.group(reader.file, "model_weights"), "keras_version")
    return version or ""


def _origin(reader: H5Reader, group: Any) -> Origin:
    backend = reader.text(reader.file, "backend") or reader.text(group, "backend") or ""
    version = keras_version(reader) or reader.text(group, "keras_version") or ""
    return Origin(version, backend)


def _stored(reader: H5Reader, group: Any, names: list[str]) -> list[Stored]:
    """Return the arrays of these names, to be read later."""

    def one(name: str) -> Stored:
        where = f"{group.name}/{name} of {reader.label}"
        return Stored(where, reader.dataset(group, name).shape, lambda: reader.array(group, name))

    return [one(name) for name in names]


def _weight_names(reader: H5Reader, group: Any) -> list[str]:
    """Return the names of a layer's weights: not those of random states, which Keras 2 kept among them."""
    return [name for name in reader.texts(group, "weight_names") if not name.endswith("StateVar:0")]


def _compile(
    model: Any, training: Any, reader: H5Reader, custom_objects: Any, allow_nan: bool, with_state: bool
) -> None:
    from kerasish.serialization import CustomObjectScope

    with CustomObjectScope(known_objects(custom_objects)):
        model.compile_from_config(configs.training_from_legacy(training))
    if not with_state or not reader.has(reader.file, "optimizer_weights"):
        return
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    group = reader.group(reader.file, "optimizer_weights")
    stored = _stored(reader, group, reader.texts(group, "weight_names"))
    variables = optimizer.variables
    shapes = [array.shape for array in stored]
    order = layouts.optimizer_order(shapes, variables, len(model.trainable_variables))
    if order is None:
        warnings.warn(
            f"Error in loading the saved optimizer state: '{optimizer.name}' has {len(variables)} "
            f"variables, {reader.label} holds {len(stored)}, or their shapes differ. As a result, your model "
            "is starting with a freshly initialized optimizer.",
            stacklevel=4,
        )
        return
    pairs = [(v, stored[number]) for v, number in zip(variables, order, strict=True) if number >= 0]
    _assign(pairs, allow_nan)


def load_weights(
    model: Any,
    filepath: str | os.PathLike,
    skip_mismatch: bool = False,
    by_name: bool = False,
    allow_nan: bool = False,
) -> None:
    """Load the weights of an `.h5` file (whole model or weights only); all of them, or none and an error."""
    with open_h5(filepath) as reader:
        group = reader.file
        if not reader.texts(group, "layer_names") and reader.has(group, "model_weights"):
            group = reader.group(group, "model_weights")
        pair = _pair_by_name if by_name else _pair_in_order
        _assign(pair(reader, group, model, skip_mismatch), allow_nan)


_Pairs = list[tuple[Any, Stored]]


def _assign(pairs: _Pairs, allow_nan: bool) -> None:
    """Read every array, then assign them: an unreadable one leaves all variables as they were."""
    arrays = []
    for variable, stored in pairs:
        array = stored.read()
        variable.check_shape(array.shape)
        if not allow_nan:
            refuse_nan(array, f"variable '{variable.path}' ({stored.where})")
        arrays.append(array)
    for (variable, _), array in zip(pairs, arrays, strict=True):
        variable.adopt(array)


def _pair_in_order(
    reader: H5Reader, group: Any, model: Any, skip_mismatch: bool, named: bool = False
) -> _Pairs:
    """Match the file's layers that have weights with the model's, in order.

    With `named`, the model was built from the same file: where its layers have the names of the file's, they count.
    """
    layers = [layer for layer in model.layers if _layer_weights(layer)]
    saved = []
    for name in reader.texts(group, "layer_names"):
        layer_group = reader.group(group, name)
        names = _weight_names(reader, layer_group)
        if names:
            saved.append((name, layer_group, names))
    if len(saved) != len(layers):
        raise ValueError(
            f"Layer count mismatch when loading weights from file. Model expected {len(layers)} layers "
            f"({[layer.name for layer in layers]}), found {len(saved)} saved layers "
            f"({[name for name, *_ in saved]}) in {reader.label}."
        )
    order = {layer.name: number for number, layer in enumerate(layers)}
    if named and order.keys() == {name for name, *_ in saved}:
        saved.sort(key=lambda entry: order[entry[0]])
    pairs: _Pairs = []
    origin = _origin(reader, group)
    for number, (layer, (name, layer_group, names)) in enumerate(zip(layers, saved, strict=True)):
        variables = _layer_weights(layer)
        stored = layouts.modern(layer, variables, _stored(reader, layer_group, names), origin)
        if len(stored) != len(variables):
            raise ValueError(
                f"Weight count mismatch for layer #{number} (named {layer.name} in the current model, "
                f"{name} in the save file). Layer expects {len(variables)} weight(s). Received {len(names)} "
                "saved weight(s)"
            )
        pairs += _fitting(variables, stored, f"layer #{number} (named {layer.name})", skip_mismatch)
    return pairs + _pair_top_level(
        reader, group, model, _top_level_weights(model), skip_mismatch, lenient=False
    )


def _pair_by_name(reader: H5Reader, group: Any, model: Any, skip_mismatch: bool) -> _Pairs:
    """Match the file's layers with the model's layers of the same names; others are left alone."""
    by_name: dict[str, list[Any]] = {}
    for layer in model.layers:
        by_name.setdefault(layer.name, []).append(layer)
    pairs: _Pairs = []
    origin = _origin(reader, group)
    for number, name in enumerate(reader.texts(group, "layer_names")):
        layer_group = reader.group(group, name)
        names = _weight_names(reader, layer_group)
        for layer in by_name.get(name, ()):
            variables = _layer_weights(layer)
            stored = layouts.modern(layer, variables, _stored(reader, layer_group, names), origin)
            where = f"layer #{number} (named {layer.name})"
            if len(stored) == len(variables):
                pairs += _fitting(variables, stored, where, skip_mismatch)
                continue
            _mismatch(
                f"Weight count mismatch for {where}. Layer expects {len(variables)} weight(s). Received "
                f"{len(names)} saved weight(s)",
                skip_mismatch,
            )
    top_level = [*model._trainable_variables, *model._non_trainable_variables]
    return pairs + _pair_top_level(reader, group, model, top_level, skip_mismatch, lenient=True)


def _pair_top_level(
    reader: H5Reader, group: Any, model: Any, variables: list[Any], skip_mismatch: bool, lenient: bool
) -> _Pairs:
    if not reader.has(group, "top_level_model_weights"):
        return []
    top_level = reader.group(group, "top_level_model_weights")
    names = reader.texts(top_level, "weight_names")
    if len(names) != len(variables):
        _mismatch(
            f"Weight count mismatch for top-level weights when loading weights from file. Model expects "
            f"{len(variables)} top-level weight(s). Received {len(names)} saved top-level weight(s)",
            skip_mismatch and lenient,
        )
        return []
    stored = _stored(reader, top_level, names)
    return _fitting(variables, stored, f"top-level model '{model.name}'", skip_mismatch)


def _fitting(variables: list[Any], stored: list[Stored], where: str, skip_mismatch: bool) -> _Pairs:
    pairs = []
    for variable, array in zip(variables, stored, strict=True):
        if array.shape == tuple(variable.shape):
            pairs.append((variable, array))
            continue
        _mismatch(
            f"Shape mismatch in {where} for weight {variable.path}. Weight expects shape "
            f"{tuple(variable.shape)}. Received saved weight with shape {array.shape}",
            skip_mismatch,
        )
    return pairs


def _mismatch(message: str, skip: bool) -> None:
    if not skip:
        raise ValueError(message)
    warnings.warn(f"Skipping loading of weights. {message}", stacklevel=6)


def _what_is_there(reader: H5Reader) -> str:
    names = reader.texts(reader.file, "layer_names")
    if not names:
        folder = next(
            (name for name in ("layers", "_layer_checkpoint_dependencies") if reader.has(reader.file, name)),
            "",
        )
        names = reader.names(reader.group(reader.file, folder)) if folder else []
    if not names:
        return f"It holds {reader.names(reader.file)[:8]}."
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"It holds only weights, those of {len(names)} layers: {', '.join(names[:8])}{more}."


def read_json(reader: H5Reader, attribute: str, allow_nan: bool = False) -> Any:
    """Return what the root's attribute holds as JSON text; None if there is no such attribute."""
    text = reader.text(reader.file, attribute)
    if text is None:
        return None
    return json_text.parse(text, f"the attribute {attribute!r} of {reader.label}", allow_nan)
