"""Models that are a graph of layers between given inputs and outputs."""

from __future__ import annotations

import warnings
from typing import Any

from kerasish import ops, tree
from kerasish.autograd.tensor import KerasTensor, Tensor, as_tensor
from kerasish.layers.input_layer import Input, InputLayer
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.models import functional_config
from kerasish.models.model import Model
from kerasish.ops.function import Function, come_from_operations
from kerasish.ops.operation import record


class Functional(Function, Model):
    """A model given by its inputs and outputs: `keras.Model(inputs, outputs)` makes one.

    Example:

    ```python
    left, right = keras.Input((8,)), keras.Input((8,))
    encoder = keras.layers.Dense(4, activation="relu")
    merged = keras.layers.Concatenate()([encoder(left), encoder(right)])
    model = keras.Model([left, right], keras.layers.Dense(1)(merged))
    ```

    Inputs and outputs may be nested lists, tuples and dicts of symbolic tensors, and results of other layers as well as
    `Input`s: a model of a part shares the layers of the whole.

    Args:
        inputs: Symbolic tensors in any structure.
        outputs: Symbolic tensors in any structure.
        name: The model's name.
        trainable: Whether the model's variables are trained.

    Raises:
        ValueError: If something else than symbolic tensors is given, an output depends on anything but the inputs, or
            two layers have the same name.
    """

    _casts_inputs = False  # each has a type of its own

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        _check_symbols("inputs", inputs)
        _check_symbols("outputs", outputs)
        _warn_of_keys(inputs)
        trainable = kwargs.pop("trainable", None)
        Layer.__init__(self, name=name, **kwargs)
        if not all(x._node.is_input for x in tree.flatten(inputs)):
            inputs, outputs = _with_inputs_of_its_own(inputs, outputs)
        self._connect(inputs, outputs)
        if trainable is not None:
            self.trainable = trainable  # the model's own: each layer has been told whether it is
        for layer in self.layers:
            self._track(layer)
        self.built = True
        self._build_shapes_dict = {"input_shape": None}  # the config of each layer has its own
        self._settled = all(layer._settled for layer in self._layers)
        self._allow_non_tensor_positional_args = True
        self.output_names = [x._keras_history.operation.name for x in self._outputs]
        self.input_spec = self._make_input_spec()

    @property
    def layers(self) -> list[Layer]:
        """The layers from inputs to outputs."""
        return [operation for operation in self._operations if isinstance(operation, Layer)]

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    # Calling

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: the layers were built when they were called on symbolic tensors."""
        self.built = True

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        values = self._standardized(inputs)
        if mask is not None:
            for x, own in zip(values, tree.flatten(mask), strict=False):
                if own is not None and x is not None:
                    x._keras_mask = own
        outputs = self._plan.run(values, training)
        return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shapes of the outputs for shapes of the inputs."""
        symbols = tree.map_shape_structure(lambda shape: KerasTensor(shape), input_shape)
        flat = [
            KerasTensor(x.shape, own.dtype)
            for x, own in zip(tree.flatten(symbols), self._inputs, strict=True)
        ]
        outputs = self.compute_output_spec(tree.pack_sequence_as(symbols, flat))
        return tree.map_structure(lambda x: x.shape, outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs in their structure."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs in their structure."""
        return self._outputs_struct

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [str(x.name) for x in self._inputs]

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs: one, or a list of them."""
        return _only([x.shape for x in self._inputs])

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs: one, or a list of them."""
        return _only([x.shape for x in self._outputs])

    def _make_input_spec(self) -> Any:
        struct = self._inputs_struct
        if isinstance(struct, dict):
            if not all(isinstance(x, KerasTensor) for x in struct.values()):
                return None
            return [_spec(struct[name], name) for name in sorted(struct)]
        specs = [_spec(x, x._keras_history.operation.name) for x in self._inputs]
        return specs[0] if isinstance(struct, KerasTensor) else specs

    def _convert(self, value: Any) -> Any:
        """Return arrays as tensors of their own types."""
        return tree.map_structure(_as_tensor, value)

    # Inputs

    def _standardized(self, inputs: Any) -> list[Any]:
        """Return inputs as a flat list of tensors of the types and ranks that the model expects."""
        if isinstance(inputs, Tensor) and len(self._inputs) == 1:
            x, own = inputs, self._inputs[0]
            if x._value.dtype == own._value.dtype and len(x.shape) == len(own.shape):
                return [x]
        flat = tree.flatten(self._in_own_structure(inputs))
        return [
            self._standardized_one(x, own, index)
            for index, (x, own) in enumerate(zip(flat, self._inputs, strict=False))
        ]

    def _in_own_structure(self, inputs: Any) -> Any:
        """Return inputs by name as a list where the model has a list, and refuse or warn of other structures."""
        struct = self._inputs_struct
        reconcilable = True
        if isinstance(struct, list) and len(struct) == 1 and isinstance(inputs, Tensor):
            return [inputs]
        if isinstance(inputs, dict) and not isinstance(struct, dict):
            known = [struct] if isinstance(struct, KerasTensor) else struct
            flat = isinstance(known, (list, tuple)) and all(isinstance(x, KerasTensor) for x in known)
            if flat and {x.name for x in known} <= set(inputs):
                inputs = [inputs[x.name] for x in known]
                if isinstance(struct, KerasTensor):
                    return inputs
            else:
                reconcilable = False
        if isinstance(struct, dict) and not isinstance(inputs, dict) and list(struct) != sorted(struct):
            reconcilable = False
        try:
            tree.assert_same_structure(tree.lists_to_tuples(inputs), tree.lists_to_tuples(struct))
        except (ValueError, TypeError):
            message = (
                "The structure of `inputs` doesn't match the expected structure.\n"
                f"Expected: {tree.map_structure(lambda x: x.name, struct)}\n"
                f"Received: inputs={tree.map_structure(_brief, inputs)}"
            )
            if not reconcilable or len(tree.flatten(inputs)) != len(self._inputs):
                raise ValueError(message) from None
            warnings.warn(message, stacklevel=6)
        return inputs

    def _standardized_one(self, x: Any, own: KerasTensor, index: int) -> Any:
        if x is None:
            entry = own._keras_history.operation
            if isinstance(entry, InputLayer) and not entry.optional:
                raise ValueError(
                    f"The input '{own.name}' is not optional, but None was passed. Please provide a valid tensor."
                )
            return None
        mask = getattr(x, "_keras_mask", None)
        x = as_tensor(x, own.dtype)
        rank, expected = len(x.shape), len(own.shape)
        if rank == expected + 1 and x.shape[-1] == 1:
            x = ops.squeeze(x, axis=-1)
        elif rank == expected - 1 and own.shape[-1] == 1:
            x = ops.expand_dims(x, axis=-1)
        elif rank != expected:
            path = ".".join(str(part) for part in tree.flatten_with_path(self._inputs_struct)[index][0])
            raise ValueError(
                f"Invalid input shape for input {x} with name '{own.name}' and path '{path}'. Expected shape "
                f"{own.shape}, but input has incompatible shape {x.shape}"
            )
        if mask is not None:
            x._keras_mask = mask
        return x

    # Config

    def get_config(self) -> dict[str, Any]:
        if not functional_config.takes_inputs_and_outputs(type(self)):
            return Model.get_config(self)
        return functional_config.config_of(self)

    def __reduce__(self) -> tuple:
        return functional_config.pickled(self)

    def __deepcopy__(self, memo: dict) -> Any:
        import copy

        rebuild, arguments = functional_config.pickled(self)
        copied = memo[id(self)] = rebuild(*copy.deepcopy(arguments, memo))
        return copied


def _only(shapes: list) -> Any:
    return shapes[0] if len(shapes) == 1 else shapes


def _as_tensor(value: Any) -> Any:
    is_text = getattr(getattr(value, "dtype", None), "kind", "") in ("O", "S", "U")
    return value if value is None or isinstance(value, Tensor) or is_text else as_tensor(value)


def _brief(x: Any) -> str:
    return f"Tensor(shape={tuple(x.shape)})" if hasattr(x, "shape") else repr(x)


def _spec(x: KerasTensor, name: str) -> InputSpec:
    """Return what is expected of an input: any batch size, and a last axis of length one may be missing."""
    shape = (None, *x.shape[1:]) if x.shape else ()
    entry = x._keras_history.operation
    optional = isinstance(entry, InputLayer) and entry.optional
    return InputSpec(shape=shape, allow_last_axis_squeeze=True, name=name, optional=optional)


def _check_symbols(what: str, structure: Any) -> None:
    for x in tree.flatten(structure):
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"All `{what}` values must be KerasTensors. Received: {what}={structure} including invalid value {x} "
                f"of type {type(x)}"
            )
        if not come_from_operations([x]):
            raise ValueError(
                f"All `{what}` values must come from `Input`, a layer or a function of `ops`. Received: {what}="
                f"{structure} including {x}, which none of them returned. Start from `Input(...)` instead of a "
                "KerasTensor made by hand, and wrap computations of your own in a layer."
            )


def _warn_of_keys(inputs: Any) -> None:
    if isinstance(inputs, dict):
        for key, x in inputs.items():
            if isinstance(x, KerasTensor) and key != x.name:
                warnings.warn(
                    "When providing `inputs` as a dict, all keys in the dict must match the names of the corresponding "
                    f"tensors. Received key '{key}' mapping to value {x} which has name '{x.name}'. Change the tensor "
                    f"name to '{key}' (via `Input(..., name='{key}')`)",
                    stacklevel=3,
                )


def _with_inputs_of_its_own(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Return inputs and outputs of a part of a graph as a graph of its own, with an `Input` for each input."""
    whole = Function.__new__(Function)
    whole._connect(inputs, outputs)
    flat = tree.flatten(inputs)
    entries = [
        x if x._node.is_input else Input(batch_shape=x.shape, dtype=x.dtype, name=f"{x.name}CLONE")
        for x in flat
    ]

    def same_again(operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Record the call once more, on other symbols, without running anything."""
        call = next(calls)
        results = [KerasTensor(x.shape, x.dtype, name=f"{x.name}_clone") for x in call.output_tensors]
        record(operation, args, kwargs, results)
        return results

    calls = iter(whole._plan.calls)
    results = whole.replay(entries, same_again)
    return tree.pack_sequence_as(inputs, entries), results
