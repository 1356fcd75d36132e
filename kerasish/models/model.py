"""The base class of models: a layer that can be trained, summarized and saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasish.layers.layer import Layer
from kerasish.models import state_trees
from kerasish.trainers.trainer import Trainer


class Model(Trainer, Layer):
    """A layer with a training loop, a summary and files.

    Subclass it: make layers in `__init__`, write the computation in `call`.

    Example:

    ```python
    class Classifier(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(32, activation="relu")
            self.outputs = keras.layers.Dense(10, activation="softmax")

        def call(self, inputs):
            return self.outputs(self.hidden(inputs))
    ```

    Or give it symbolic inputs and outputs, and it is the graph between them:

    ```python
    inputs = keras.Input((28, 28))
    x = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10)(x))
    ```

    Args:
        inputs: Symbolic inputs in any structure, for a model of a graph.
        outputs: Symbolic outputs in any structure, for a model of a graph.
        trainable: Whether the model's variables are trained.
        dtype: Float type or dtype policy.
        name: The model's name; made from the class name where None.
    """

    _role_in_checks = "model"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _are_inputs_and_outputs(args, kwargs):
            from kerasish.models.functional import Functional

            return Functional.__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if _are_inputs_and_outputs(args, kwargs):
            from kerasish.models.functional import Functional

            _make_functional(type(self), Functional)
            Functional.__init__(self, *args, **kwargs)
            return
        if args:
            raise TypeError(
                "A model takes `inputs` and `outputs`, or neither of them and a `call` of its own. "
                f"Received: args={args}, kwargs={list(kwargs)}"
            )
        super().__init__(**kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside the model."""
        return list(self._layers)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its place.

        Args:
            name: The layer's name.
            index: Its place in `layers`.

        Raises:
            ValueError: If there is no such layer, or neither or both arguments are given.
        """
        if (index is None) == (name is None):
            raise ValueError(
                f"Provide either a layer name or layer index, one of the two. Received: name={name}, index={index}"
            )
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has {len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in layers]}.")

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers, their output shapes and their parameters.

        Args:
            line_length: Width of the table in characters.
            positions: Where each column ends, as fractions of the width.
            print_fn: Called with the text instead of printing it.
            expand_nested: Whether to list the layers of models inside.
            show_trainable: Whether to say which layers are trained.
            layer_range: Names (or patterns) of the first and the last layer to list.
        """
        from kerasish.utils.summary_utils import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    # Files

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Save the model: architecture, weights, compile arguments and optimizer state.

        Args:
            filepath: A path ending in `.keras` (or `.h5`, the legacy format).
            overwrite: Whether to replace an existing file without asking.
            zipped: Whether `.keras` is an archive, which it is by default.
            **kwargs: Arguments of the format (see `kerasish.saving.save_model`).
        """
        from kerasish.saving import save_model

        if zipped is not None:
            kwargs["zipped"] = zipped
        save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any
    ) -> None:
        """Save all weights to a path ending in `.weights.h5`, or in several files.

        Args:
            filepath: The path. With `max_shard_size` it ends in `.weights.json`, and the weights are in files
                beside it.
            overwrite: Whether to replace an existing file without asking.
            max_shard_size: How many GB of weights go into one file at most; None for one file of any size.
        """
        from kerasish.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load all weights from a file that `save_weights` or `save` wrote, here or in Keras.

        Args:
            filepath: A `.weights.h5`, `.weights.json`, `.keras` or legacy `.h5` file.
            skip_mismatch: Whether to leave out what does not fit, with a warning, instead of failing.
        """
        from kerasish.saving import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Return the values of all variables in nested dicts, by kind and by the parts of their paths.

        Example:

        >>> inputs = kerasish.Input((3,))
        >>> model = kerasish.Model(inputs, kerasish.layers.Dense(2, name="scores")(inputs))
        >>> weights = model.get_state_tree()["trainable_variables"]
        >>> list(weights), list(weights["scores"])
        (['scores'], ['kernel', 'bias'])

        Args:
            value_format: `"backend_tensor"` for tensors or `"numpy_array"` for arrays.

        Returns:
            Dicts under `"trainable_variables"`, `"non_trainable_variables"`, `"optimizer_variables"` and
            `"metrics_variables"`.

        Raises:
            ValueError: If there is no such format, or two variables have one path.
        """
        return state_trees.of_model(self, value_format)

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Give variables the values of `get_state_tree`'s result, or of a part of it.

        Args:
            state_tree: Values in nested dicts.

        Raises:
            ValueError: If there is no such kind of variables.
        """
        state_trees.set_on_model(self, state_tree)

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture as JSON; `kerasish.models.model_from_json` makes the model again."""
        import json

        from kerasish.serialization import serialize_keras_object

        return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Model:
        """Return a model made from `get_config`'s result."""
        from kerasish.models import functional_config

        if functional_config.is_functional(config) and functional_config.takes_inputs_and_outputs(cls):
            return functional_config.from_config(cls, config, custom_objects)
        if custom_objects:
            from kerasish.serialization import custom_object_scope

            with custom_object_scope(custom_objects):
                return super().from_config(config)
        return super().from_config(config)


def _are_inputs_and_outputs(args: tuple, kwargs: dict[str, Any]) -> bool:
    """Tell whether arguments of a constructor are those of a model of a graph."""
    given = len(args) + ("inputs" in kwargs) + ("outputs" in kwargs)
    return len(args) <= 3 and given >= 2


def _make_functional(cls: type, functional: type) -> None:
    """Let a subclass of `Model` that is made of inputs and outputs derive from the class of such models."""
    if cls is Model or cls is object or issubclass(cls, functional):
        return
    cls.__bases__ = tuple(functional if base is Model else base for base in cls.__bases__)
    for base in cls.__bases__:
        if issubclass(base, Model):
            _make_functional(base, functional)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Model:
    """Return the model that `Model.to_json()` described, with fresh weights.

    Args:
        json_string: The JSON.
        custom_objects: Classes and functions of your own by name.
    """
    import json

    from kerasish.serialization import deserialize_keras_object

    return deserialize_keras_object(json.loads(json_string), custom_objects=custom_objects)
