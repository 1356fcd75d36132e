"""Pictures of models: a box for each layer, in the order in which data flows."""

from __future__ import annotations

from typing import Any

from kerasish import tree
from kerasish.utils.drawing.graph import Graph

SPLINES = ("ortho", "curved", "polyline", "spline", "line")


class _Options:
    """What the boxes show."""

    def __init__(
        self, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool, nested: bool
    ):
        self.shapes = shapes
        self.dtype = dtype
        self.names = names
        self.activations = activations
        self.trainable = trainable
        self.nested = nested


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Graph:
    """Return a model's layers and connections as a graph.

    Example:

    >>> graph = kerasish.utils.model_to_dot(model, show_shapes=True)
    >>> print(graph)  # DOT text
    >>> graph.save("model.svg")

    Args:
        model: A built model.
        show_shapes: Whether to show each layer's input and output shape.
        show_dtype: Whether to show the type of each layer's output.
        show_layer_names: Whether to show the layers' names beside their classes.
        rankdir: `"TB"` draws from top to bottom, `"LR"` from left to right (also `"BT"`, `"RL"`).
        expand_nested: Whether to show the layers of models inside the model, in a frame.
        dpi: Dots per inch of PNG pictures.
        subgraph: Accepted as in Keras: puts the whole model into a frame with its name.
        show_layer_activations: Whether to show the activation of layers that have one.
        show_trainable: Whether to show which layers are trained.
        splines: Accepted as in Keras (`"ortho"`, `"curved"`, `"polyline"`, `"spline"` or `"line"`).

    Returns:
        A `Graph`: `str(graph)` is its DOT text, `graph.to_svg()` a picture, `graph.save(path)` a file.

    Raises:
        ValueError: If the model is not built, or an argument is unknown.
    """
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by calling the model on "
            "a batch of data."
        )
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
    if splines not in SPLINES:
        raise ValueError(f"Argument `splines` must be one of {', '.join(SPLINES)}. Received: {splines!r}")
    graph = Graph(rankdir=rankdir, dpi=dpi)
    options = _Options(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, expand_nested
    )
    group = (model.name,) if subgraph else ()
    _add_model(graph, model, options, group)
    return graph


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Graph:
    """Draw a model's layers and connections into a file.

    Example:

    >>> kerasish.utils.plot_model(model, "model.svg", show_shapes=True)

    Args:
        model: A built model.
        to_file: Where to write the picture; the name's ending decides the format: `.svg` and `.dot` need no extra
            package, `.png` and `.pdf` need matplotlib (the `viz` extra).
        show_shapes: Whether to show each layer's input and output shape.
        show_dtype: Whether to show the type of each layer's output.
        show_layer_names: Whether to show the layers' names beside their classes.
        rankdir: `"TB"` draws from top to bottom, `"LR"` from left to right (also `"BT"`, `"RL"`).
        expand_nested: Whether to show the layers of models inside the model, in a frame.
        dpi: Dots per inch of PNG pictures.
        show_layer_activations: Whether to show the activation of layers that have one.
        show_trainable: Whether to show which layers are trained.
        splines: Accepted as in Keras.

    Returns:
        The `Graph`, which a notebook shows.

    Raises:
        ValueError: If the model is not built, or an argument or the file's format is unknown.
        ImportError: If the format needs matplotlib and that is not installed.
    """
    graph = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
    if to_file is not None:
        graph.save(to_file)
    return graph


def _is_sequential(model: Any) -> bool:
    # Models live on a floor above this one: they are known by their class's name.
    return any(cls.__name__ == "Sequential" for cls in type(model).__mro__)


def _is_functional(model: Any) -> bool:
    return any(cls.__name__ == "Functional" for cls in type(model).__mro__)


Ends = tuple[list, list]
"""The keys of the boxes that a part's inputs go into, and of those that its outputs come from."""


def _add_model(graph: Graph, model: Any, options: _Options, group: tuple[str, ...]) -> Ends:
    """Add the boxes of a model and the arrows between them."""
    if _is_sequential(model):
        return _add_chain(graph, model, options, group)
    if _is_functional(model):
        return _add_operations(graph, model, options, group)
    key = (*group, id(model))
    graph.add_node(key, *_label(model, options), group=group)
    return [key], [key]


def _nests(layer: Any, options: _Options) -> bool:
    """Tell whether a layer is drawn as a frame with boxes of its own."""
    return options.nested and (_is_functional(layer) or _is_sequential(layer) and bool(layer.layers))


def _add_chain(graph: Graph, model: Any, options: _Options, group: tuple[str, ...]) -> Ends:
    """Add a Sequential model's layers, each linked to the next."""
    shape = (model.get_build_config() or {}).get("input_shape")
    parts: list[Ends] = []
    for position, layer in enumerate(model.layers):
        after = _output_shape(layer, shape)
        if _nests(layer, options):
            part = _add_model(graph, layer, options, (*group, layer.name))
        else:
            key = (*group, position, layer.name)
            graph.add_node(key, *_label(layer, options, shape, after), group=group)
            part = [key], [key]
        if parts:
            graph.add_edge(parts[-1][1][0], part[0][0])
        parts.append(part)
        shape = after
    return (parts[0][0], parts[-1][1]) if parts else ([], [])


def _add_operations(graph: Graph, model: Any, options: _Options, group: tuple[str, ...]) -> Ends:
    """Add the operations of a functional model, linked by its calls."""
    parts: dict[int, Ends] = {}
    for operation in model.operations:
        if _nests(operation, options):
            parts[id(operation)] = _add_model(graph, operation, options, (*group, operation.name))
            continue
        key = (*group, operation.name)
        call = next(call for call in operation._inbound_nodes if id(call) in model._own_calls)
        before, after = (
            _only([x.shape for x in tensors]) for tensors in (call.input_tensors, call.output_tensors)
        )
        dtype = ", ".join(dict.fromkeys(x.dtype for x in call.output_tensors))
        graph.add_node(key, *_label(operation, options, before, after, dtype), group=group)
        parts[id(operation)] = [key], [key]
    for operation in model.operations:
        entries = parts[id(operation)][0]
        for call in operation._inbound_nodes:
            if id(call) not in model._own_calls:
                continue
            for index, x in enumerate(call.input_tensors):
                source, _, output = x._keras_history
                edge = _at(parts[id(source)][1], output), _at(entries, index)
                if edge not in graph.edges:
                    graph.add_edge(*edge)
    exits = [_at(parts[id(x._keras_history[0])][1], x._index) for x in model.outputs]
    return [(*group, x._keras_history[0].name) for x in model.inputs], exits


def _at(keys: list, index: int) -> Any:
    """Return the key for a tensor: a part has one box for all, or one for each."""
    return keys[index] if index < len(keys) else keys[0]


def _only(shapes: list) -> Any:
    return shapes[0] if len(shapes) == 1 else shapes


def _output_shape(layer: Any, shape: Any) -> Any:
    """Return the shape of a layer's output for inputs of `shape`, None where either is not known."""
    if shape is None:
        return None
    try:
        return layer.compute_output_shape(shape)
    except (
        Exception
    ):  # a layer of the user's own may fail in any way without data; the picture is still wanted
        return None


def _label(
    layer: Any, options: _Options, before: Any = None, after: Any = None, dtype: str | None = None
) -> tuple[str, list[str], str]:
    """Return the title, lines and kind of the box of a layer between tensors of two shapes."""
    class_name = type(layer).__name__
    title = f"{layer.name} ({class_name})" if options.names else class_name
    lines = []
    activation = getattr(layer, "activation", None)
    if options.activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", None) or str(activation)
        lines.append(f"Activation: {name}")
    if options.shapes:
        if class_name != "InputLayer":
            lines.append(f"Input shape: {_text(before)}")
        lines.append(f"Output shape: {_text(after)}")
    if options.dtype:
        lines.append(f"Output dtype: {dtype or getattr(layer, 'compute_dtype', '?')}")
    if options.trainable and getattr(layer, "weights", None):
        lines.append("Trainable" if layer.trainable else "Non-trainable")
    return title, lines, "input" if class_name == "InputLayer" else "operation"


def _text(shape: Any) -> str:
    """Return a shape, or a structure of shapes, as text."""
    if shape is None:
        return "?"
    texts = tree.flatten(tree.map_shape_structure(lambda found: f"({', '.join(map(str, found))})", shape))
    return ", ".join(texts)
