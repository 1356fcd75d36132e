"""Configs of functional models: layers, and for each the calls that make up the graph."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from kerasish import tree
from kerasish.autograd.tensor import KerasTensor
from kerasish.ops.operation import Call, Operation
from kerasish.serialization import deserialize_keras_object, serialize_keras_object

_KEYS = ("name", "layers", "input_layers", "output_layers")


def is_functional(config: dict[str, Any]) -> bool:
    """Tell whether a config is that of a graph."""
    return all(key in config for key in _KEYS)


def takes_inputs_and_outputs(cls: type) -> bool:
    """Tell whether a class is made by `cls(inputs, outputs, name=...)`, so that a graph's config is all it needs."""
    parameters = [*inspect.signature(cls.__init__).parameters.values()][1:]  # type: ignore[misc]
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.KEYWORD_ONLY)]
    if names == ["inputs", "outputs", "name"]:
        return True
    kinds = {p.kind for p in parameters}
    return {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds


def config_of(model: Any) -> dict[str, Any]:
    """Return the config of a functional model."""
    layers = []
    for operation in model.operations:
        layer_config = serialize_keras_object(operation)
        layer_config["name"] = operation.name
        layer_config["inbound_nodes"] = [
            _config_of_call(call, model) for call in _own_calls(model, operation) if not call.is_input
        ]
        layers.append(layer_config)
    return copy.deepcopy(
        {"name": model.name, "trainable": model.trainable, "layers": layers, **_ends_of(model)}
    )


def _own_calls(model: Any, operation: Operation) -> list[Call]:
    """Return the calls of an operation that belong to a model's graph."""
    return [call for call in operation._inbound_nodes if id(call) in model._own_calls]


def _number(model: Any, call: Call) -> int:
    """Return the number of a call among those of its operation in the model's graph."""
    return [id(own) for own in _own_calls(model, call.operation)].index(id(call))


def _ends_of(model: Any) -> dict[str, Any]:
    """Return where inputs and outputs are in the graph: `[layer name, number of the call, number of the tensor]`."""

    def place(x: KerasTensor) -> list[Any]:
        call: Any = x._node
        # Functional models count from one: Keras once gave them a first call of their own.
        offset = 1 if _is_functional_model(call.operation) else 0
        return [call.operation.name, _number(model, call) + offset, x._index]

    return {
        "input_layers": tree.map_structure(place, model._inputs_struct),
        "output_layers": tree.map_structure(place, model._outputs_struct),
    }


def _is_functional_model(operation: Any) -> bool:
    from kerasish.models.functional import Functional

    return isinstance(operation, Functional)


def _config_of_call(call: Call, model: Any) -> dict[str, Any]:
    def with_place(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        source: Any = x._node
        history = [source.operation.name, _number(model, source), x._index]
        inner = {"shape": tuple(x.shape), "dtype": x.dtype, "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": inner}

    # Configs of tensors stand in the arguments as they are: what is plain already stays so.
    args, kwargs = tree.map_structure(with_place, (call.args, call.kwargs))
    return {"args": _serialized(args), "kwargs": _serialized(kwargs)}


def _serialized(structure: Any) -> Any:
    return serialize_keras_object(structure)


# From a config to a model.


def from_config(cls: type, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the model of class `cls` that a config describes.

    Raises:
        ValueError: If the config is no graph: a call needs what no call gives, or refers to an unknown layer.
    """
    config = dict(config)
    layer_configs, ends = config.pop("layers"), (config.pop("input_layers"), config.pop("output_layers"))
    operations: dict[str, Operation] = {}
    for layer_config in layer_configs:
        operation = deserialize_keras_object(layer_config, custom_objects=custom_objects)
        if not isinstance(operation, Operation):
            raise ValueError(
                f"Unexpected object from deserialization, expected a layer or operation, got a {type(operation)}"
            )
        operations[layer_config["name"]] = operation
    nodes = {layer_config["name"]: list(layer_config["inbound_nodes"]) for layer_config in layer_configs}
    inputs, outputs = connect(operations, nodes, *ends)
    arguments = {"name": config.pop("name", None), "trainable": config.pop("trainable", None)}
    return cls(inputs=inputs, outputs=outputs, **arguments, **config)


def connect(
    operations: dict[str, Operation], nodes: dict[str, list], input_layers: Any, output_layers: Any
) -> tuple[Any, Any]:
    """Call operations on symbolic tensors as a config says.

    Args:
        operations: The operations by name.
        nodes: For each name, the configs of its calls.
        input_layers: Where the inputs are.
        output_layers: Where the outputs are.

    Returns:
        Symbolic inputs and outputs.
    """
    first = {name: len(operation._inbound_nodes) for name, operation in operations.items()}
    for name in operations:
        if not nodes[name]:
            first[name] = 0  # an input, which has been there since it was made

    def tensor(history: Any) -> KerasTensor:
        name, number, index = history[0], history[1], history[2]
        if name not in operations:
            raise ValueError(f"Unknown layer: {name}. Known layers: {list(operations)}")
        calls = operations[name]._inbound_nodes[first[name] :]
        if not isinstance(number, int) or not isinstance(index, int) or number < 0 or number >= len(calls):
            raise _NotYet
        return calls[number].output_tensors[index]

    waiting = {name: list(calls) for name, calls in nodes.items() if calls}
    while waiting:
        progress = False
        for name in list(waiting):
            calls = waiting[name]
            while calls:
                try:
                    args, kwargs = _arguments(calls[0], tensor)
                except _NotYet:
                    break
                operations[name](*args, **kwargs)
                calls.pop(0)
                progress = True
            if not calls:
                del waiting[name]
        if not progress:
            raise ValueError(
                "Invalid Functional model configuration. The graph of the Functional model either has loops or "
                f"disconnected nodes. The following nodes failed to be resolved: {waiting}"
            )

    def place(history: Any) -> KerasTensor:
        name, number, index = history
        operation = operations.get(name)
        return tensor((name, number - 1 if _is_functional_model(operation) else number, index))

    try:
        return _mapped(input_layers, place), _mapped(output_layers, place)
    except _NotYet:
        raise ValueError(
            f"Invalid Functional model configuration: there are no such inputs or outputs. Received: input_layers="
            f"{input_layers}, output_layers={output_layers}"
        ) from None


class _NotYet(Exception):
    """A tensor that is needed has not been computed yet."""


def _mapped(ends: Any, place: Any) -> Any:
    if isinstance(ends, dict):
        return {key: _mapped(value, place) for key, value in ends.items()}
    if isinstance(ends, (list, tuple)):
        if len(ends) == 3 and isinstance(ends[0], str):
            return place(ends)
        parts = [_mapped(part, place) for part in ends]
        return tuple(parts) if isinstance(ends, tuple) else parts
    raise ValueError(f"Invalid Functional model configuration: {ends!r} is no place of a tensor.")


def _arguments(node: Any, tensor: Any) -> tuple[list, dict[str, Any]]:
    """Return the arguments of a call from its config, in today's layout or that of Keras 2."""
    if isinstance(node, list):  # Keras 2: [name, number, index, keyword arguments] for each tensor
        if node and isinstance(node[0], str):
            node = [node]
        tensors = [tensor(entry) for entry in node]
        kwargs = node[0][3] if node and len(node[0]) > 3 else {}
        kwargs = {k: tensor(v) if _is_place(v) else v for k, v in kwargs.items()}
        return [tensors[0] if len(tensors) == 1 else tensors], kwargs
    if not isinstance(node, dict) or not {"args", "kwargs"} <= node.keys():
        raise ValueError(f"Invalid Functional model configuration: {str(node)[:300]} is no call of a layer.")
    revived = deserialize_keras_object({"args": node["args"], "kwargs": node["kwargs"]})

    def resolve(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        history = getattr(x, "_pre_serialization_keras_history", None)
        return x if history is None else tensor(history)

    args, kwargs = tree.map_structure(resolve, (revived["args"], revived["kwargs"]))
    return args, kwargs


def _is_place(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


# Copies.


def pickled(model: Any) -> tuple:
    """Return what a copy of a functional model is made from: its operations themselves, and how they are connected."""
    operations = {operation.name: operation for operation in model.operations}
    nodes = {
        name: [_config_of_call(c, model) for c in _own_calls(model, operation) if not c.is_input]
        for name, operation in operations.items()
    }
    inputs = {name: operation.get_config() for name, operation in operations.items() if not nodes[name]}
    kept = {name: operation for name, operation in operations.items() if nodes[name]}
    state = {name: value for name, value in model.__getstate__().items() if name not in _REMADE}
    return _unpickled, (type(model), list(operations), kept, inputs, nodes, _ends_of(model), state)


_REMADE = frozenset(
    "_inputs_struct _outputs_struct _inputs _outputs _nodes_by_depth _operations _own_calls _plan _layers "
    "_output_symbols".split()
)


def _unpickled(
    cls: type, names: list, kept: dict, inputs: dict, nodes: dict, ends: dict[str, Any], state: dict[str, Any]
) -> Any:
    from kerasish.layers.input_layer import InputLayer

    operations = {name: kept[name] if name in kept else InputLayer(**inputs[name]) for name in names}
    symbols = connect(operations, nodes, **ends)
    model = cls.__new__(cls)
    for name, value in state.items():
        object.__setattr__(model, name, value)
    object.__setattr__(model, "_layers", [])
    model._connect(*symbols)
    locked = model._locked
    object.__setattr__(model, "_locked", False)
    for layer in model.layers:
        model._track(layer)
    object.__setattr__(model, "_locked", locked)
    return model
