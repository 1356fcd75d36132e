"""Schedule-free AdamW: averaging in place of a learning rate schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.optimizer import Optimizer, as_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class ScheduleFreeAdamW(Optimizer):
    """Schedule-free AdamW: interpolation and averaging in place of a learning rate schedule.

    `z` follows the gradients, `x` averages `z`, and the weights `y`, at which gradients are taken, lie
    between them. With
    `t` counting steps from 1 and the learning rate multiplied by `min(1, t / warmup_steps)`:

    - `v = beta_2 * v + (1 - beta_2) * g ** 2`
    - `z = z - learning_rate * g / (sqrt(v / (1 - beta_2 ** t)) + epsilon)`
    - `x = (1 - 1 / t) * x + z / t`
    - `y = (1 - beta_1) * z + beta_1 * x`

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.ScheduleFreeAdamW(learning_rate=0.0025), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        beta_1: Share of the average in the weights.
        beta_2: Share of the old mean of squared gradients that each step keeps.
        epsilon: Small number that keeps the division finite.
        warmup_steps: Number of steps in which the learning rate rises from 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Reference: [Defazio et al., 2024](https://arxiv.org/abs/2405.15682).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.warmup_steps = warmup_steps

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        for z, variable in zip(self._momentums, var_list, strict=True):
            if z is not None:
                z.assign(variable)

    def step_factors(self, learning_rate: Scalar, dtype: str) -> Any:
        step = ops.cast(self.iterations + 1, dtype)
        rate = as_scalar(learning_rate, dtype)
        if self.warmup_steps > 0:
            rate = ops.minimum(step / self.warmup_steps, 1.0) * rate
        return rate, 1 - ops.power(self.beta_2, step), 1 / step

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        z, v = self._momentums[index], self._velocities[index]
        rate, v_divisor, weight = self.factors(variable, learning_rate)
        x = (variable - z * (1 - self.beta_1)) / self.beta_1
        v.assign_add((ops.square(gradient) - v) * (1 - self.beta_2))
        z.assign_sub(gradient * rate / (ops.sqrt(v / v_divisor) + self.epsilon))
        x = x * (1 - weight) + z * weight
        variable.assign(z * (1 - self.beta_1) + x * self.beta_1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "warmup_steps": self.warmup_steps,
        }
