"""Copies of models with layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish import tree
from kerasish.autograd.tensor import KerasTensor
from kerasish.layers.input_layer import Input, InputLayer
from kerasish.layers.layer import Layer
from kerasish.models.functional import Functional
from kerasish.models.functional_config import takes_inputs_and_outputs
from kerasish.models.sequential import Sequential
from kerasish.ops.operation import Operation
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Return a model like `model` with new layers, and so with fresh weights.

    Example:

    ```python
    def without_dropout(layer):
        if isinstance(layer, keras.layers.Dropout):
            return keras.layers.Identity(name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    student = keras.models.clone_model(teacher, clone_function=without_dropout)
    ```

    Args:
        model: A Sequential or functional model, or one whose `get_config()` says how to make it.
        input_tensors: Symbolic tensors to build upon; new inputs by default.
        clone_function: Called with each layer, except inputs; returns the layer to take instead. By default a new layer
            of the same config.
        call_function: For functional models: `call_function(layer, *args, **kwargs)` calls each new layer, and may call
            others before and after it.
        recursive: Whether models inside the model are cloned in the same way, instead of by `clone_function`.

    Raises:
        ValueError: If an argument does not apply to this kind of model, or `input_tensors` do not fit it.
    """
    cache = kwargs.pop("cache", None)
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs)}")
    cloner = _Cloner(clone_function, call_function, recursive, {} if cache is None else cache)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(
                "`call_function` argument is not supported with Sequential models. In a Sequential model, layers "
                "aren't called at model-construction time (they're merely listed). Use `call_function` with Functional "
                f"models only. Received model of type '{type(model).__name__}', with call_function={call_function}"
            )
        return _clone_sequential(model, cloner, input_tensors)
    if isinstance(model, Functional):
        return _clone_functional(model, cloner, call_function, input_tensors)
    for name, value in (
        ("clone_function", clone_function),
        ("input_tensors", input_tensors),
        ("call_function", call_function),
    ):
        if value is not None:
            raise ValueError(
                f"Argument `{name}` is only supported for Sequential models or Functional models. Received model of "
                f"type '{type(model).__name__}', with {name}={value}"
            )
    config = serialize_keras_object(model)
    return deserialize_keras_object(config, custom_objects={type(model).__name__: type(model)})


class _Cloner:
    """Clones each layer once, so that layers that were shared are shared again."""

    def __init__(self, clone_function: Any, call_function: Any, recursive: bool, cache: dict[int, Any]):
        self._clone = clone_function or _same_config
        self._call_function = call_function
        self._recursive = recursive
        self._cache = cache

    def __call__(self, layer: Any) -> Any:
        found = self._cache.get(id(layer))
        if found is None:
            found = self._cache[id(layer)] = self._clone_of(layer)
        return found

    def _clone_of(self, layer: Any) -> Any:
        if self._recursive and isinstance(layer, (Sequential, Functional)):
            return clone_model(
                layer,
                clone_function=self._clone,
                call_function=None if isinstance(layer, Sequential) else self._call_function,
                recursive=True,
                cache=self._cache,
            )
        return self._clone(layer)


def _same_config(layer: Operation) -> Any:
    return type(layer).from_config(layer.get_config())


def _clone_sequential(model: Sequential, cloner: _Cloner, input_tensors: Any) -> Sequential:
    layers = [cloner(layer) for layer in model.layers]
    entry = model._layers[0] if model._layers and isinstance(model._layers[0], InputLayer) else None
    if input_tensors is not None:
        if isinstance(input_tensors, (list, tuple)):
            if len(input_tensors) != 1:
                raise ValueError("Argument `input_tensors` must contain a single tensor.")
            input_tensors = input_tensors[0]
        if not isinstance(input_tensors, KerasTensor):
            raise ValueError(
                "Argument `input_tensors` must be a KerasTensor. "
                f"Received invalid value: input_tensors={input_tensors}"
            )
        layers.insert(0, Input(tensor=input_tensors, name=None if entry is None else entry.name))
    elif entry is not None:
        layers.insert(0, Input(batch_shape=entry.batch_shape, dtype=entry.dtype, name=entry.name))
    return _compiled_like(model, Sequential(layers, name=model.name, trainable=model.trainable))


def _clone_functional(model: Functional, cloner: _Cloner, call_function: Any, input_tensors: Any) -> Any:
    if input_tensors is None:
        input_tensors = tree.map_structure(
            lambda x: Input(batch_shape=x.shape, dtype=x.dtype, name=x.name), model.input
        )
    else:
        _check_inputs(input_tensors, model)

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        clone = cloner(operation)
        return clone(*args, **kwargs) if call_function is None else call_function(clone, *args, **kwargs)

    outputs = model.replay(input_tensors, call)
    cls = type(model) if takes_inputs_and_outputs(type(model)) else Functional
    return _compiled_like(model, cls(input_tensors, outputs, name=model.name))


def _check_inputs(input_tensors: Any, model: Functional) -> None:
    if not all(isinstance(x, KerasTensor) for x in tree.flatten(input_tensors)):
        raise ValueError(
            "All entries in `input_tensors` must be KerasTensors. "
            f"Received invalid values: inputs_tensors={input_tensors}"
        )
    try:
        tree.assert_same_structure(input_tensors, model.input)
    except ValueError as error:
        raise ValueError(
            f"`input_tensors` must have the same structure as model.input\nReference structure: {model.input}\n"
            f"Received structure: {input_tensors}"
        ) from error


def _compiled_like(model: Any, clone: Any) -> Any:
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone
