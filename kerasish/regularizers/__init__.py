"""Regularizers of weights and activities, and how names and configs stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish.regularizers.penalties import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
from kerasish.serialization import deserialize_keras_object, resolve, serialize_keras_object

if TYPE_CHECKING:
    from collections.abc import Callable

l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

_PUBLIC = {
    "L1": L1,
    "L1L2": L1L2,
    "L2": L2,
    "OrthogonalRegularizer": OrthogonalRegularizer,
    "Regularizer": Regularizer,
    "l1": L1,
    "l1_l2": L1L2,
    "l2": L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}

# Names that configs and strings may use although the namespace does not have them.
_BY_NAME = {**_PUBLIC, "l1l2": L1L2, "regularizer": Regularizer}

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


def get(identifier: str | dict | type | Callable | None) -> Regularizer | Callable | None:
    """The regularizer that a name, config, class or callable stands for.

    Example:

    >>> kerasish.regularizers.get("l2")   # L2(0.01)

    Args:
        identifier: Name such as `"l2"` or `"L2"`, config made by `serialize`, class, callable that maps a
            tensor to a scalar, or `None`.

    Returns:
        A callable that maps a tensor to a scalar; `None` for `None`.

    Raises:
        ValueError: If nothing is known under `identifier`; the message lists the closest names.
    """
    return resolve(identifier, "regularizer", _BY_NAME, base=Regularizer)


def serialize(regularizer: Regularizer) -> dict[str, Any]:
    """The config of a regularizer, as a JSON-serializable dict.

    Args:
        regularizer: Regularizer instance.

    Returns:
        A dict that `deserialize` and `get` take.
    """
    return serialize_keras_object(regularizer)


def deserialize(config: dict[str, Any] | str, custom_objects: dict[str, Any] | None = None) -> Regularizer:
    """The regularizer that `serialize` made `config` from.

    Args:
        config: Dict, or the name of a regularizer with default arguments.
        custom_objects: Names of custom classes, and the classes.

    Returns:
        A regularizer instance.
    """
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_BY_NAME)
