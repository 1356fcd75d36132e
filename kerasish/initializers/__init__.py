"""Initializers of variables, and how names, configs and arrays stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasish import ops
from kerasish.autograd import dtypes
from kerasish.initializers.base import Initializer
from kerasish.initializers.constants import STFT, Constant, Identity, Ones, Zeros
from kerasish.initializers.distributions import RandomNormal, RandomUniform, TruncatedNormal
from kerasish.initializers.orthogonality import Orthogonal
from kerasish.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from kerasish.serialization import deserialize_keras_object, resolve, serialize_keras_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from kerasish.autograd import Tensor

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_PUBLIC = {
    "Constant": Constant,
    "GlorotNormal": GlorotNormal,
    "GlorotUniform": GlorotUniform,
    "HeNormal": HeNormal,
    "HeUniform": HeUniform,
    "Identity": Identity,
    "IdentityInitializer": Identity,
    "Initializer": Initializer,
    "LecunNormal": LecunNormal,
    "LecunUniform": LecunUniform,
    "Ones": Ones,
    "Orthogonal": Orthogonal,
    "OrthogonalInitializer": Orthogonal,
    "RandomNormal": RandomNormal,
    "RandomUniform": RandomUniform,
    "STFT": STFT,
    "STFTInitializer": STFT,
    "TruncatedNormal": TruncatedNormal,
    "VarianceScaling": VarianceScaling,
    "Zeros": Zeros,
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "identity": Identity,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "stft": STFT,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "zeros": Zeros,
}

# Names that configs and strings may use although the namespace does not have them.
_BY_NAME = {
    **_PUBLIC,
    "initializer": Initializer,
    "normal": RandomNormal,
    "one": Ones,
    "uniform": RandomUniform,
    "zero": Zeros,
}

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFT",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


def get(
    identifier: str | dict | type | Callable | Tensor | np.ndarray | None,
) -> Initializer | Callable | None:
    """The initializer that a name, config, class, callable or array stands for.

    Example:

    >>> kerasish.initializers.get("glorot_uniform")
    >>> kerasish.initializers.get({"class_name": "Constant", "config": {"value": 3.0}})
    >>> kerasish.initializers.get(np.eye(3))(shape=(3, 3))   # the array, as a tensor

    Args:
        identifier: Name such as `"glorot_uniform"` or `"GlorotUniform"`, config made by `serialize`, class,
            callable that takes `shape` and `dtype`, array or tensor of the very values, or `None`.

    Returns:
        A callable that takes `shape` and `dtype`; `None` for `None`.

    Raises:
        ValueError: If nothing is known under `identifier`; the message lists the closest names.
    """
    if ops.is_tensor(identifier) or isinstance(identifier, np.ndarray | np.generic):
        return _initializer_of_values(identifier)
    return resolve(identifier, "initializer", _BY_NAME, base=Initializer)


def _initializer_of_values(values: Any) -> Callable:
    """A function in the form of an initializer that returns `values`, for their own shape only."""

    def initialize(shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        if tuple(shape) != tuple(values.shape):
            raise ValueError(
                f"Expected `shape` to be {tuple(values.shape)} for direct tensor as initializer. "
                f"Received shape={shape}"
            )
        return ops.cast(values, dtypes.standardize_dtype(dtype))

    return initialize


def serialize(initializer: Initializer) -> dict[str, Any]:
    """The config of an initializer, as a JSON-serializable dict.

    Args:
        initializer: Initializer instance.

    Returns:
        A dict that `deserialize` and `get` take.
    """
    return serialize_keras_object(initializer)


def deserialize(config: dict[str, Any] | str, custom_objects: dict[str, Any] | None = None) -> Initializer:
    """The initializer that `serialize` made `config` from.

    Args:
        config: Dict, or the name of an initializer with default arguments.
        custom_objects: Names of custom classes, and the classes.

    Returns:
        An initializer instance.
    """
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_BY_NAME)
