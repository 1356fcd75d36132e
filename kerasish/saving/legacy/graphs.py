"""The graphs of functional models, as Keras 1 and 2 wrote them: lists of places instead of calls with arguments.

A place is `[layer, number of the call, number of the tensor]`. A call is the places of its first argument, with the
other arguments in a dict behind each: `[["a", 0, 0, {"mask": ["b", 0, 0]}]]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_MODELS = ("Functional", "Sequential")
_RECURRENT = frozenset("LSTM GRU SimpleRNN RNN ConvLSTM1D ConvLSTM2D ConvLSTM3D Bidirectional".split())
_CONSTANT = "_CONSTANT_VALUE"


def modern_graph(
    config: dict[str, Any], modern_operation: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Rewrite the calls and the ends of a functional model's config in today's form, in place.

    Args:
        config: The model's config, whose `layers` have today's class names.
        modern_operation: Rewrites a layer that stands for a TensorFlow function, its calls included.
    """
    layers = [layer for layer in config["layers"] if isinstance(layer, dict)]
    if not any(_is_old(node) for layer in layers for node in layer.get("inbound_nodes") or ()):
        return
    kinds = {_name(layer): layer.get("class_name") for layer in layers}
    first = _first_calls(config, layers, kinds)
    for layer in layers:
        kind = str(layer.get("class_name"))
        calls = [_call(kind, node, first, layer) for node in layer.get("inbound_nodes") or ()]
        layer["inbound_nodes"] = calls
        if calls:  # which build the layer
            layer.pop("build_config", None)
    config["layers"] = [modern_operation(layer) for layer in layers]

    def end(place: list) -> list:
        # Today's functional models count their calls from one where they are an end.
        number = place[1] - first.get(place[0], 0) + (kinds.get(place[0]) == "Functional")
        return [place[0], number, place[2]]

    for ends in ("input_layers", "output_layers"):
        if ends in config:
            config[ends] = _mapped(config[ends], end)


def _is_old(node: Any) -> bool:
    return isinstance(node, list) or (isinstance(node, dict) and "args" not in node)


def _name(layer: dict[str, Any]) -> str:
    name = layer.get("name")
    if name is None and isinstance(layer.get("config"), dict):
        name = layer["config"].get("name")
    layer["name"] = str(name)
    return layer["name"]


def _first_calls(config: dict[str, Any], layers: list, kinds: dict[str, Any]) -> dict[str, int]:
    """Return the number of the first call of each nested model: 1 where it counted the model itself as a call."""
    first: dict[str, int] = {}
    everything = [[layer.get("inbound_nodes") for layer in layers], config.get("output_layers")]
    for name, number in _places(everything):
        if kinds.get(name) in _MODELS:
            first[name] = min(number, first.get(name, number))
    return first


def _places(value: Any) -> Iterator[tuple[str, int]]:
    if is_place(value):
        yield value[0], value[1]
        value = value[3:]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _places(item)


def is_place(value: Any) -> bool:
    """Tell whether a value is the place of a tensor, with or without further arguments."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and type(value[1]) is int
        and (type(value[2]) is int or value[0] == _CONSTANT)
    )


def _mapped(value: Any, place: Callable[[list], Any]) -> Any:
    if is_place(value):
        return place(value)
    if isinstance(value, dict):
        return {key: _mapped(item, place) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(item, place) for item in value]
    return value


def _call(kind: str, node: Any, first: dict[str, int], layer: dict[str, Any]) -> dict[str, Any]:
    if not _is_old(node):
        return node
    arguments: dict[str, Any] = {}

    def tensor(place: list) -> Any:
        if len(place) == 4 and isinstance(place[3], dict):
            arguments.update(place[3])
        if place[0] == _CONSTANT:
            return place[2]
        history = [place[0], place[1] - first.get(place[0], 0), place[2]]
        inner = {"shape": [], "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": inner}

    inputs = _mapped(node, tensor)
    if isinstance(inputs, list) and len(inputs) == 1 and not is_place(node):
        inputs = inputs[0]
    keywords = {key: _mapped(value, tensor) for key, value in arguments.items() if value is not None}
    if kind in _RECURRENT and isinstance(inputs, list) and len(inputs) > 1:
        inputs, states = inputs[0], inputs[1:]
        keywords["initial_state"] = states
    return {"args": [inputs], "kwargs": keywords}
