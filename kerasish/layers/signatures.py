"""What a layer's `call`, `build` and `__init__` take, found out once for each class."""

from __future__ import annotations

import inspect
from typing import Any

from kerasish import tree
from kerasish.autograd.tensor import Tensor

_PLAIN = (str, int, float, bool, type(None))


class CallSignature:
    """The parts of a `call` signature that matter around a call.

    Attributes:
        names: Names of the parameters, without `self`.
        takes_training: Whether there is a `training` parameter.
        takes_mask: Whether there is a `mask` parameter.
        takes_any: Whether unknown keywords are accepted.
        default_training: The default of `training`.
    """

    __slots__ = ("names", "takes_training", "takes_mask", "takes_any", "default_training", "signature")

    def __init__(self, call: Any):
        self.signature = inspect.signature(call)
        parameters = list(self.signature.parameters.values())[1:]
        self.names = [p.name for p in parameters]
        self.takes_training = "training" in self.names
        self.takes_mask = "mask" in self.names
        self.takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        default = self.signature.parameters["training"].default if self.takes_training else None
        self.default_training = None if default is inspect.Parameter.empty else default


def of_call(cls: type) -> CallSignature:
    """Return the signature of a layer class's `call`."""
    cls._signature = CallSignature(cls.call)  # type: ignore[attr-defined]
    return cls._signature  # type: ignore[attr-defined]


def parameters(function: Any) -> list[str]:
    """Return the names of a method's parameters, without `self`."""
    return [
        p.name
        for p in list(inspect.signature(function).parameters.values())[1:]
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]


def _shape_of(value: Any) -> Any:
    return tree.map_structure(lambda t: tuple(t.shape) if isinstance(t, Tensor) else None, value)


def _has_tensor(value: Any) -> bool:
    return any(isinstance(leaf, Tensor) for leaf in tree.flatten(value))


def input_shapes(layer: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the shapes of the tensor arguments of a call by the names that `build` knows them by: `<name>_shape`."""
    signature = type(layer)._signature or of_call(type(layer))
    named = dict(zip(signature.names, args, strict=False))
    extra = args[len(signature.names) :]
    named.update((f"argument_{i}", value) for i, value in enumerate(extra))
    named.update((k, v) for k, v in kwargs.items() if k not in ("training", "mask"))
    return {f"{name}_shape": _shape_of(value) for name, value in named.items() if _has_tensor(value)}


def named_shapes(build: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the shapes that a `build` was called with by its parameters' names."""
    return {**dict(zip(parameters(build), args, strict=False)), **kwargs}


def own_arguments(layer: Any) -> dict[str, Any]:
    """Return the constructor arguments of a layer class that writes no `get_config`.

    Raises:
        NotImplementedError: If one of them is no plain value.
    """
    args, kwargs = layer._init_arguments
    try:
        bound = inspect.signature(type(layer).__init__).bind(layer, *args, **kwargs).arguments
    except (TypeError, ValueError):
        return {}
    given = dict(list(bound.items())[1:])
    signature = inspect.signature(type(layer).__init__).parameters
    config: dict[str, Any] = {}
    for name, value in given.items():
        kind = signature[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            config.update(value)
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            config[name] = None if value else ()
        else:
            config[name] = value
    own = {k: v for k, v in config.items() if k not in _BASE_ARGUMENTS}
    odd = [k for k, v in own.items() if not all(isinstance(leaf, _PLAIN) for leaf in tree.flatten(v))]
    if odd:
        raise NotImplementedError(
            f"Object {type(layer).__name__} was created by passing non-serializable argument values in `__init__()` "
            f"({', '.join(odd)}), and therefore the object must override `get_config()` in order to be serializable. "
            "Please implement `get_config()`."
        )
    return own


_BASE_ARGUMENTS = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
