"""Constraints on weights, and how names and configs stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish.constraints.projections import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from kerasish.serialization import deserialize_keras_object, resolve, serialize_keras_object

if TYPE_CHECKING:
    from collections.abc import Callable

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_PUBLIC = {
    "Constraint": Constraint,
    "MaxNorm": MaxNorm,
    "MinMaxNorm": MinMaxNorm,
    "NonNeg": NonNeg,
    "UnitNorm": UnitNorm,
    "max_norm": MaxNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
    "unit_norm": UnitNorm,
}

# Names that configs and strings may use although the namespace does not have them.
_BY_NAME = {**_PUBLIC, "constraint": Constraint}

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


def get(identifier: str | dict | type | Callable | None) -> Constraint | Callable | None:
    """The constraint that a name, config, class or callable stands for.

    Example:

    >>> kerasish.constraints.get("unit_norm")   # UnitNorm()

    Args:
        identifier: Name such as `"unit_norm"` or `"UnitNorm"`, config made by `serialize`, class, callable
            that maps a weight to its projection, or `None`.

    Returns:
        A callable that maps a weight to its projection; `None` for `None`.

    Raises:
        ValueError: If nothing is known under `identifier`; the message lists the closest names.
    """
    return resolve(identifier, "constraint", _BY_NAME, base=Constraint)


def serialize(constraint: Constraint) -> dict[str, Any]:
    """The config of a constraint, as a JSON-serializable dict.

    Args:
        constraint: Constraint instance.

    Returns:
        A dict that `deserialize` and `get` take.
    """
    return serialize_keras_object(constraint)


def deserialize(config: dict[str, Any] | str, custom_objects: dict[str, Any] | None = None) -> Constraint:
    """The constraint that `serialize` made `config` from.

    Args:
        config: Dict, or the name of a constraint with default arguments.
        custom_objects: Names of custom classes, and the classes.

    Returns:
        A constraint instance.
    """
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=_BY_NAME)
