"""Learning rate schedules: the learning rate as a function of the step."""

from __future__ import annotations

from typing import Any

from kerasish import serialization
from kerasish.optimizers.schedules.cosine_decays import CosineDecay, CosineDecayRestarts
from kerasish.optimizers.schedules.decays import ExponentialDecay, InverseTimeDecay, PolynomialDecay
from kerasish.optimizers.schedules.learning_rate_schedule import LearningRateSchedule
from kerasish.optimizers.schedules.piecewise_constant_decay import PiecewiseConstantDecay

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return the config of a schedule, as plain values that `deserialize` understands.

    Example:

    >>> schedules.serialize(schedules.CosineDecay(0.1, 1000))["class_name"]
    'CosineDecay'
    """
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LearningRateSchedule:
    """Return the schedule that `serialize` described.

    Example:

    >>> config = {"initial_learning_rate": 0.1, "decay_steps": 9}
    >>> schedule = schedules.deserialize({"class_name": "CosineDecay", "config": config})

    Args:
        config: The config, with the keys `class_name` and `config`.
        custom_objects: Classes and functions by the names that the config uses for them.
    """
    known = {name: value for name, value in globals().items() if isinstance(value, type)}
    return serialization.deserialize_keras_object(config, module_objects=known, custom_objects=custom_objects)
