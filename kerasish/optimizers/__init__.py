"""Optimizers: how variables follow their gradients."""

from __future__ import annotations

from typing import Any

from kerasish import serialization
from kerasish.optimizers import schedules
from kerasish.optimizers.adadelta import Adadelta
from kerasish.optimizers.adafactor import Adafactor
from kerasish.optimizers.adagrad import Adagrad
from kerasish.optimizers.adam import Adam
from kerasish.optimizers.adamax import Adamax
from kerasish.optimizers.adamw import AdamW
from kerasish.optimizers.ftrl import Ftrl
from kerasish.optimizers.lamb import Lamb
from kerasish.optimizers.lion import Lion
from kerasish.optimizers.loss_scale_optimizer import LossScaleOptimizer
from kerasish.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from kerasish.optimizers.muon import Muon
from kerasish.optimizers.nadam import Nadam
from kerasish.optimizers.optimizer import Optimizer
from kerasish.optimizers.rmsprop import RMSprop
from kerasish.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from kerasish.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

# The names that `get` understands, in lower case as files of older Keras versions have them.
_TABLE = {
    name.lower(): value
    for name, value in globals().copy().items()
    if isinstance(value, type) and issubclass(value, Optimizer)
}


def get(identifier: str | dict[str, Any] | Optimizer | None) -> Optimizer | None:
    """Return the optimizer that `identifier` means.

    Example:

    >>> optimizers.get("adam").beta_1
    0.9

    Args:
        identifier: A name, in upper or lower case; a config made by `serialize`; an optimizer; or None.

    Returns:
        An `Optimizer`, or None for None.

    Raises:
        ValueError: If there is no such optimizer; the message tells the closest names.
    """
    return serialization.resolve(identifier, "optimizer", _TABLE, base=Optimizer)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return the config of an optimizer, as plain values that `deserialize` understands.

    Example:

    >>> optimizers.serialize(optimizers.SGD(0.1))["class_name"]
    'SGD'
    """
    return serialization.serialize_keras_object(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """Return the optimizer that `serialize` described, without its state.

    Example:

    >>> optimizers.deserialize({"class_name": "SGD", "config": {"learning_rate": 0.1}})

    Args:
        config: The config, with the keys `class_name` (in upper or lower case) and `config`.
        custom_objects: Classes and functions by the names that the config uses for them.
    """
    name = config["class_name"]
    if name.lower() in _TABLE:
        config = {**config, "class_name": name.lower()}
    return serialization.deserialize_keras_object(
        config, module_objects=_TABLE, custom_objects=custom_objects
    )
