"""Activation functions, and how names and configs stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish.activations.elementary import exponential, linear
from kerasish.activations.gates import gelu, glu, hard_silu, mish, silu
from kerasish.activations.rectifiers import (
    celu,
    elu,
    leaky_relu,
    relu,
    relu6,
    selu,
    softplus,
    sparse_plus,
    squareplus,
    threshold,
)
from kerasish.activations.shrinkage import hard_shrink, soft_shrink, tanh_shrink
from kerasish.activations.sigmoids import (
    hard_sigmoid,
    hard_tanh,
    log_sigmoid,
    sigmoid,
    softsign,
    sparse_sigmoid,
    tanh,
)
from kerasish.activations.simplex import log_softmax, softmax, sparsemax
from kerasish.serialization import deserialize_keras_object, resolve, serialize_keras_object

if TYPE_CHECKING:
    from collections.abc import Callable

swish = silu
hard_swish = hard_silu

_BY_NAME = {
    "celu": celu,
    "elu": elu,
    "exponential": exponential,
    "gelu": gelu,
    "glu": glu,
    "hard_shrink": hard_shrink,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": hard_tanh,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "log_sigmoid": log_sigmoid,
    "log_softmax": log_softmax,
    "mish": mish,
    "relu": relu,
    "relu6": relu6,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "soft_shrink": soft_shrink,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": softsign,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "sparsemax": sparsemax,
    "squareplus": squareplus,
    "swish": silu,
    "tanh": tanh,
    "tanh_shrink": tanh_shrink,
    "threshold": threshold,
}

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


def get(identifier: str | dict | Callable | None) -> Callable:
    """The activation that a name, config or callable stands for.

    Example:

    >>> kerasish.activations.get("relu")   # the function relu
    >>> kerasish.activations.get(None)     # the function linear

    Args:
        identifier: Name such as `"relu"`, config made by `serialize`, callable, or `None`.

    Returns:
        A callable that takes a tensor; `linear` for `None`.

    Raises:
        ValueError: If nothing is known under `identifier`; the message lists the closest names.
    """
    if identifier is None:
        return linear
    return resolve(identifier, "activation function", _BY_NAME)


def serialize(activation: Callable) -> str | dict[str, Any]:
    """The name of a built-in activation, or the config of a custom one.

    Args:
        activation: Activation function, or an object with `get_config`.

    Returns:
        A string such as `"relu"`, or a JSON-serializable dict.
    """
    name = getattr(activation, "__name__", None)
    if name is not None and _BY_NAME.get(name) is activation:
        return name
    return serialize_keras_object(activation)


def deserialize(config: str | dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Callable:
    """The activation that `serialize` made `config` from.

    Args:
        config: Name or dict.
        custom_objects: Names of custom functions and classes, and what they stand for.

    Returns:
        A callable that takes a tensor.
    """
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_BY_NAME)
