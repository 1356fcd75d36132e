"""Models that are a stack of layers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import KerasTensor, NoValueError, Tensor
from kerasish.layers.input_layer import InputLayer
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer
from kerasish.layers.tracking import unbuilt_again
from kerasish.models.model import Model
from kerasish.ops.operation import comes_from_operation
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


class Sequential(Model):
    """A stack of layers, each fed the output of the one before.

    Example:

    ```python
    model = keras.Sequential([
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    ```

    Without an `Input`, weights are made when the model first sees data, or by `build(input_shape)`.

    Args:
        layers: The layers, in order.
        trainable: Whether the model's variables are trained.
        name: The model's name.
    """

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name)
        self._output: KerasTensor | None = None
        if layers:
            for layer in layers:
                self.add(layer, rebuild=False)
            self._maybe_build_from_input()

    # The stack

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the input layer."""
        layers = self._layers
        return list(layers[1:] if layers and isinstance(layers[0], InputLayer) else layers)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError(
            "`Sequential.layers` attribute is reserved and should not be used. Use `add()` and `pop()` to change the "
            "layers in this model."
        )

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack.

        Args:
            layer: The layer, or an `Input`.
            rebuild: Whether to build what can be built at once.

        Raises:
            ValueError: If it is no layer, its name is taken, or it is a second input.
        """
        if comes_from_operation(layer) and isinstance(layer._keras_history.operation, InputLayer):
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            hint = f" Did you mean `{layer.__name__}(...)`?" if isinstance(layer, type) else ""
            raise ValueError(
                "Only instances of `keras.Layer` can be added to a Sequential model. "
                f"Received: {layer} (of type {type(layer)}).{hint}"
            )
        if not self._layers and getattr(layer, "_input_shape_arg", None) is not None:
            self._layers.append(InputLayer(shape=layer._input_shape_arg))
        if any(layer.name == other.name and layer is not other for other in self._layers):
            raise ValueError(
                f"All layers added to a Sequential model should have unique names. Name '{layer.name}' is already the "
                "name of a layer in this model. Update the `name` argument to pass a unique name."
            )
        if isinstance(layer, InputLayer) and self._layers:
            raise ValueError(
                f"An Input comes first in a Sequential model; '{self.name}' has {len(self._layers)} layers already"
                + (
                    f", and is configured to use input shape {self._layers[0].batch_shape}."
                    if isinstance(self._layers[0], InputLayer)
                    else "."
                )
            )
        before = list(self._layers), self.built, self._settled, self._output, self.input_spec
        self._layers.append(layer)
        self._forget_build()
        if not rebuild:
            return
        try:
            self._maybe_build_from_input()
        except Exception:
            self._layers[:], self.built, self._settled, self._output, self.input_spec = before
            raise

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off the stack and return it."""
        if not self.layers:
            raise ValueError(f"There are no layers to pop in the model '{self.name}'.")
        layer = self._layers.pop()
        self._forget_build()
        if rebuild and self._layers:
            self._maybe_build_from_input()
        return layer

    def _forget_build(self) -> None:
        self.built = False
        self._settled = False
        self._output = None
        self.input_spec = None

    def _maybe_build_from_input(self) -> None:
        if isinstance(self._layers[0], InputLayer) and len(self._layers) > 1:
            self.build(self._layers[0].batch_shape)

    # Building and calling

    def build(self, input_shape: Any = None) -> None:
        """Make the weights of all layers.

        Args:
            input_shape: Shape of the input with the batch, such as `(None, 784)`.

        Raises:
            ValueError: If there are no layers, or the model has another input shape.
        """
        if not self._layers:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`."
            )
        if input_shape is None or isinstance(input_shape, (list, tuple, dict)) and not _is_shape(input_shape):
            return
        if not _is_shape(input_shape):
            raise ValueError(
                "`input_shape` must be a tuple of integers and None that starts with the batch, such as (None, 784). "
                f"Received: input_shape={input_shape!r}"
            )
        shape = tuple(input_shape)
        entry = self._layers[0]
        if isinstance(entry, InputLayer) and entry.batch_shape != shape:
            raise ValueError(
                f"Sequential model '{self.name}' has already been configured to use input shape {entry.batch_shape}. "
                f"You cannot build it with input_shape {shape}"
            )
        with unbuilt_again(self):
            self._build_layers(shape)
        self._build_shapes_dict = {"input_shape": shape}
        self.input_spec = InputSpec(shape=(None, *shape[1:]), allow_last_axis_squeeze=True)

    def _build_layers(self, shape: tuple) -> None:
        if not isinstance(self._layers[0], InputLayer):
            self._layers.insert(0, InputLayer(batch_shape=shape, dtype=self._layers[0].compute_dtype))
        x: Any = self._layers[0].output  # type: ignore[attr-defined]
        try:
            for layer in self._layers[1:]:
                x = layer(x)
            self._output = x
        except NoValueError:
            pass  # a layer's Python looks at values: the rest is built when there are some

    def _maybe_build(self, args: tuple, kwargs: dict[str, Any]) -> None:
        inputs = _only_one(args[0]) if args else None
        if not self.built and isinstance(inputs, Tensor):
            # The batch of the first data says nothing about later batches.
            self.build((None, *inputs.shape[1:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        layers = self._layers
        if layers and isinstance(layers[0], InputLayer):
            inputs = self._standardized(_only_one(inputs), layers[0])
            layers = layers[1:]
        for layer in layers:
            inputs = layer(inputs)
        return inputs

    @staticmethod
    def _standardized(inputs: Any, entry: Any) -> Any:
        """Bring the inputs to the entry's dtype, and to its rank where only a last axis of length one differs."""
        if not isinstance(inputs, Tensor):
            return inputs
        if inputs.dtype != entry.dtype:
            inputs = ops.cast(inputs, entry.dtype)
        expected, rank = entry.batch_shape, inputs.ndim
        if rank == len(expected) - 1 and expected[-1] == 1:
            return ops.expand_dims(inputs, -1)
        if rank == len(expected) + 1 and inputs.shape[-1] == 1:
            return ops.squeeze(inputs, -1)
        return inputs

    # Shapes

    def _require_built(self, what: str) -> Any:
        if self._output is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")
        return self._layers[0]

    @property
    def input_shape(self) -> tuple:
        """Shape of the input with the batch."""
        return self._require_built("input shape").batch_shape

    @property
    def output_shape(self) -> tuple:
        """Shape of the output with the batch."""
        self._require_built("output shape")
        return self._output.shape  # type: ignore[union-attr]

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input, in a list."""
        return [self._require_built("inputs").output]

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic output, in a list."""
        self._require_built("outputs")
        return [self._output]  # type: ignore[list-item]

    @property
    def input_dtype(self) -> str:
        """Type of the input."""
        layers = self._layers
        return layers[0].dtype if layers and isinstance(layers[0], InputLayer) else super().input_dtype

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    # Config

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["layers"] = [copy.deepcopy(serialize_keras_object(layer)) for layer in self._layers]
        if self._output is not None:
            config["build_input_shape"] = self._layers[0].batch_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Sequential:
        if "name" not in config or "layers" not in config:
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the 'name' and 'layers' keys. "
                f"Received: config={config}"
            )
        model = cls(name=config["name"])
        for layer_config in config["layers"]:
            model.add(deserialize_keras_object(layer_config, custom_objects=custom_objects), rebuild=False)
        if model._layers:
            model._maybe_build_from_input()
        shape = config.get("build_input_shape")
        if model._output is None and _is_shape(shape):
            model.build(tuple(shape))
        return model


def _only_one(inputs: Any) -> Any:
    """Return the input that a list, tuple or dict of one holds."""
    if isinstance(inputs, (list, tuple, dict)) and len(inputs) == 1:
        return next(iter(inputs.values() if isinstance(inputs, dict) else inputs))
    return inputs


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, (list, tuple)) and all(d is None or isinstance(d, int) for d in shape)
