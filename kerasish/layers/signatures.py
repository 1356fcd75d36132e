"""What a layer's `call`, `build` and `__init__` take, found out once for each class."""

from __future__ import annotations

import inspect
from typing import Any

from kerasish import tree
from kerasish.autograd.tensor import Tensor


class CallSignature:
    """The parts of a `call` signature that matter around a call.

    Attributes:
        names: Names of the parameters, without `self`.
        takes_training: Whether there is a `training` parameter.
        mask_names: Names of the parameters that take masks: `mask`, or `<name>_mask` for each of several inputs.
        takes_any: Whether unknown keywords are accepted.
        default_training: The default of `training`.
    """

    __slots__ = ("default_training", "mask_names", "names", "signature", "takes_any", "takes_training")

    def __init__(self, call: Any):
        self.signature = inspect.signature(call)
        parameters = list(self.signature.parameters.values())[1:]
        self.names = [p.name for p in parameters]
        self.takes_training = "training" in self.names
        self.mask_names = [name for name in self.names if name == "mask" or name.endswith("_mask")]
        self.takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        default = self.signature.parameters["training"].default if self.takes_training else None
        self.default_training = None if default is inspect.Parameter.empty else default

    def first_argument(self, layer: Any, kwargs: dict[str, Any]) -> Any:
        """Return the first input of a call that has only keyword arguments.

        Raises:
            TypeError: If an input is missing.
        """
        for name in self.names:
            if name in kwargs and name != "training" and name not in self.mask_names:
                return kwargs[name]
        self.signature.bind(layer, **kwargs)
        return None

    def fill_masks(self, args: tuple, kwargs: dict[str, Any], mask: Any, mask_of: Any) -> Any:
        """Put the masks that inputs carry into the mask arguments of a call that were not given.

        Args:
            args: Positional arguments of the call.
            kwargs: Keyword arguments of the call, which masks are added to.
            mask: The mask of the first input.
            mask_of: Returns the mask of a tensor or of a structure of tensors.

        Returns:
            The mask of the call: the given one, or that of the first input.
        """
        given = {**dict(zip(self.names, args, strict=False)), **kwargs}
        inputs = [n for n in given if n not in self.mask_names and n != "training" and _has_tensor(given[n])]
        if len(inputs) == 1 and mask is not None and "mask" in self.mask_names and given.get("mask") is None:
            kwargs["mask"] = mask
        elif len(inputs) > 1:
            for name in inputs:
                if f"{name}_mask" in self.mask_names and given.get(f"{name}_mask") is None:
                    kwargs[f"{name}_mask"] = mask_of(given[name])
        explicit = kwargs.get("mask", given.get("mask"))
        return mask if explicit is None else explicit


def of_call(cls: type) -> CallSignature:
    """Return the signature of a layer class's `call`."""
    cls._signature = CallSignature(cls.call)  # type: ignore[attr-defined]
    return cls._signature  # type: ignore[attr-defined]


def parameters(function: Any, optional: bool = True) -> list[str]:
    """Return the names of a method's parameters, without `self`, and on request without those that have defaults."""
    return [
        p.name
        for p in list(inspect.signature(function).parameters.values())[1:]
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        and (optional or p.default is p.empty)
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


def brief(inputs: Any) -> str:
    """Return inputs in a few words: tensors as their shapes and dtypes."""
    text = str(
        tree.map_structure(lambda v: f"{v.dtype}{list(v.shape)}" if isinstance(v, Tensor) else v, inputs)
    )
    return text if len(text) <= 200 else f"{text[:197]}..."


def accepted(layer: Any, config: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a config that the constructor of a layer takes."""
    takes = inspect.signature(type(layer).__init__).parameters
    if any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        return config
    return {name: value for name, value in config.items() if name in takes}


BASE_ARGUMENTS = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
