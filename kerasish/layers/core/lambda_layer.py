"""A function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kerasish import tree
from kerasish.layers.layer import Layer
from kerasish.serialization import deserialize_keras_object, serialize_keras_object


class Lambda(Layer):
    """Call a function of yours on the inputs.

    Files hold names, never code: a model with a lambda in it works, but only one with a named function that is
    registered (or passed in `custom_objects` when loading) can be saved and loaded. A saved lambda, which Keras writes
    as byte code, is always refused.

    Example:

    >>> kerasish.layers.Lambda(lambda x: x**2)(kerasish.ops.convert_to_tensor([3.0])).numpy()
    array([9.], dtype=float32)

    Args:
        function: Takes the inputs, and `mask` and `training` where it has parameters of these names.
        output_shape: Shape of the output without the batch, or a function from the input's shape to the output's; by
            default it is inferred.
        mask: The output's mask, or a function `(inputs, mask)` that returns it.
        arguments: Keyword arguments for the function.
    """

    def __init__(
        self,
        function: Callable,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.arguments = arguments or {}
        self.function = function
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        names = inspect.signature(function).parameters
        self._takes_training = "training" in names
        self._takes_mask = "mask" in names

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        kwargs = dict(self.arguments)
        if self._takes_mask:
            kwargs["mask"] = mask
        if self._takes_training:
            kwargs["training"] = training
        return self.function(inputs, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = tree.flatten(input_shape)[0]
        return tree.map_shape_structure(lambda shape: (batch, *shape), self._output_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the output's mask as `mask` says."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        config = {"function": _config_of(self.function)}
        if self._output_shape is not None:
            config["output_shape"] = _config_of(self._output_shape)
        if self.mask is not None:
            config["mask"] = _config_of(self.mask)
        config["arguments"] = serialize_keras_object(dict(self.arguments))
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        config = dict(config)
        for name in ("function", "output_shape", "mask", "arguments"):
            if not callable(config.get(name)) and name in config:
                config[name] = deserialize_keras_object(config[name], custom_objects=custom_objects)
        shape = config.get("output_shape")
        if isinstance(shape, list) and all(d is None or isinstance(d, int) for d in shape):
            config["output_shape"] = tuple(shape)
        return cls(**config)


def _config_of(value: Any) -> Any:
    """Return the config of a value; a lambda, which has none, stays itself: it can be copied, but not saved."""
    if getattr(value, "__name__", "") == "<lambda>":
        return value
    return value if isinstance(value, tuple) else serialize_keras_object(value)
