"""Lamb: Adam's steps, rescaled layer by layer for large batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.clipping import norm
from kerasish.optimizers.optimizer import Optimizer, as_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Lamb(Optimizer):
    """Lamb: Adam's step, scaled for each variable by the ratio of the weights' norm to the step's.

    - `m` and `v` as in Adam, `step = m / (1 - beta_1 ** t) / (sqrt(v / (1 - beta_2 ** t)) + epsilon)`
    - `w = w - learning_rate * norm(w) / norm(step) * step` (the ratio is 1 where a norm is 0)

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Lamb(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        beta_1: Share of the old mean of gradients that each step keeps.
        beta_2: Share of the old mean of squared gradients that each step keeps.
        epsilon: Small number that keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Reference: [You et al., 2020](https://arxiv.org/abs/1904.00962).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])

    def step_factors(self, learning_rate: Scalar, dtype: str) -> Any:
        step = ops.cast(self.iterations + 1, dtype)
        rate = as_scalar(learning_rate, dtype)
        return rate, 1 - ops.power(self.beta_1, step), 1 - ops.power(self.beta_2, step)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        rate, m_divisor, v_divisor = self.factors(variable, learning_rate)
        m.assign_add((gradient - m) * (1 - self.beta_1))
        v.assign_add((ops.square(gradient) - v) * (1 - self.beta_2))
        step = m / m_divisor / (ops.sqrt(v / v_divisor) + self.epsilon)
        weight_norm, step_norm = norm(variable), norm(step)
        scalable = ops.logical_and(weight_norm > 0, step_norm > 0)
        ratio = ops.where(scalable, weight_norm / ops.where(scalable, step_norm, 1.0), 1.0)
        variable.assign_sub(step * (ratio * rate))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
