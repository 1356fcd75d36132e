"""Schedules that fall along half a cosine: once, after a warmup or not, or again and again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.schedules.learning_rate_schedule import (
    LearningRateSchedule,
    as_float,
    check_positive,
)

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class CosineDecay(LearningRateSchedule):
    """Cosine decay, after a linear warmup if `warmup_target` is given.

    The warmup goes in `warmup_steps` from `initial_learning_rate` to `warmup_target`; then the rate goes in
    `decay_steps` from there (without a warmup, from `initial_learning_rate`) to its `alpha`-th part:

    `peak * ((1 - alpha) * 0.5 * (1 + cos(pi * step / decay_steps)) + alpha)`

    Example:

    >>> schedule = schedules.CosineDecay(0.0, decay_steps=900, warmup_target=0.1, warmup_steps=100)

    Args:
        initial_learning_rate: Learning rate at step 0.
        decay_steps: Number of steps of the decay; positive.
        alpha: The last learning rate, as a fraction of that at which the decay starts.
        name: Name of the schedule.
        warmup_target: Learning rate at the end of the warmup; None for no warmup.
        warmup_steps: Number of steps of the warmup.

    Raises:
        ValueError: If `decay_steps` is not positive.

    Reference: [Loshchilov & Hutter, 2017](https://arxiv.org/abs/1608.03983), and for the warmup
    [Goyal et al., 2017](https://arxiv.org/abs/1706.02677).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Tensor:
        step = as_float(step)
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        decayed = self._decayed(step - self.warmup_steps, self.warmup_target)
        if not self.warmup_steps:
            return decayed
        span = self.warmup_target - self.initial_learning_rate
        warming = step / self.warmup_steps * span + self.initial_learning_rate
        return ops.where(step < self.warmup_steps, warming, decayed)

    def _decayed(self, step: Tensor, peak: float) -> Tensor:
        done = ops.minimum(step, float(self.decay_steps)) / self.decay_steps
        return ((ops.cos(done * math.pi) + 1) * (0.5 * (1 - self.alpha)) + self.alpha) * peak

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay with warm restarts: each period starts high again, longer and lower than the one before.

    Period `i` has `first_decay_steps * t_mul ** i` steps, in which the rate goes from
    `initial_learning_rate * m_mul ** i` to its `alpha`-th part along half a cosine.

    Example:

    >>> schedule = schedules.CosineDecayRestarts(0.1, first_decay_steps=1000)

    Args:
        initial_learning_rate: Learning rate at step 0.
        first_decay_steps: Number of steps of the first period; positive.
        t_mul: How many times longer each period is than the one before.
        m_mul: How many times higher its first learning rate is.
        alpha: The lowest learning rate, as a fraction of `initial_learning_rate`.
        name: Name of the schedule.

    Raises:
        ValueError: If `first_decay_steps` is not positive.

    Reference: [Loshchilov & Hutter, 2017](https://arxiv.org/abs/1608.03983).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        check_positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Tensor:
        period, done = self._period(as_float(step) / self.first_decay_steps)
        cosine = (ops.cos(done * math.pi) + 1) * 0.5
        if self._m_mul != 1:
            cosine = cosine * ops.power(self._m_mul, period)
        return (cosine * (1 - self.alpha) + self.alpha) * self.initial_learning_rate

    def _period(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return which period `time`, counted in first periods, falls in, and the fraction of it done."""
        growth = self._t_mul
        if growth == 1:
            period = ops.floor(time)
            return period, time - period
        # The first n periods take the geometric sum 1 + growth + ... = (1 - growth ** n) / (1 - growth).
        period = ops.floor(ops.log(1 - time * (1 - growth)) / math.log(growth))
        length = ops.power(growth, period)
        start = (1 - length) / (1 - growth)
        return period, (time - start) / length

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
