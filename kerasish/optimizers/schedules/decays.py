"""Schedules that fall along a simple curve: exponential, inverse time, polynomial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.schedules.learning_rate_schedule import (
    LearningRateSchedule,
    as_float,
    check_positive,
)

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class ExponentialDecay(LearningRateSchedule):
    """Exponential decay: `initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Example, 4 % less every 1000 steps:

    >>> schedule = schedules.ExponentialDecay(0.1, decay_steps=1000, decay_rate=0.96, staircase=True)
    >>> optimizer = optimizers.SGD(learning_rate=schedule)

    Args:
        initial_learning_rate: Learning rate at step 0.
        decay_steps: Number of steps in which the rate falls by the factor `decay_rate`; positive.
        decay_rate: That factor.
        staircase: Whether `step / decay_steps` is rounded down, so that the rate falls in jumps.
        name: Name of the schedule.

    Raises:
        ValueError: If `decay_steps` is not positive.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Tensor:
        periods = as_float(step) / self.decay_steps
        if self.staircase:
            periods = ops.floor(periods)
        return ops.power(self.decay_rate, periods) * self.initial_learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """Inverse time decay: `initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Example:

    >>> optimizer = optimizers.SGD(schedules.InverseTimeDecay(0.1, decay_steps=1.0, decay_rate=0.5))

    Args:
        initial_learning_rate: Learning rate at step 0.
        decay_steps: Number of steps that count as one unit of time; positive.
        decay_rate: How much the denominator grows in one unit of time.
        staircase: Whether `step / decay_steps` is rounded down, so that the rate falls in jumps.
        name: Name of the schedule.

    Raises:
        ValueError: If `decay_steps` is not positive.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Tensor:
        periods = as_float(step) / self.decay_steps
        if self.staircase:
            periods = ops.floor(periods)
        return self.initial_learning_rate / (1 + periods * self.decay_rate)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay from one rate to another:

    `(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate`

    After `decay_steps` the rate stays at its end; or, if it cycles, `decay_steps` is at each step replaced by
    its first multiple that is not below the step.

    Example, from 0.1 to 0.01 along a square root:

    >>> schedule = schedules.PolynomialDecay(0.1, decay_steps=10000, end_learning_rate=0.01, power=0.5)

    Args:
        initial_learning_rate: Learning rate at step 0.
        decay_steps: Number of steps from there to the end; positive.
        end_learning_rate: Learning rate at the end.
        power: Exponent of the polynomial.
        cycle: Whether the decay starts again, from a lower rate each time, when it has reached its end.
        name: Name of the schedule.

    Raises:
        ValueError: If `decay_steps` is not positive.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Tensor:
        step = as_float(step)
        if self.cycle:
            cycles = ops.maximum(ops.ceil(step / self.decay_steps), 1.0)
            done = step / (cycles * self.decay_steps)
        else:
            done = ops.minimum(step, float(self.decay_steps)) / self.decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return ops.power(1 - done, self.power) * span + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }
