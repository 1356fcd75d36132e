"""Adadelta: steps scaled by running means of squared gradients and squared steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Adadelta(Optimizer):
    """Adadelta: steps in units of the weights, from running means of squared gradients and of squared steps.

    - `v = rho * v + (1 - rho) * g ** 2`
    - `step = g * sqrt(u + epsilon) / sqrt(v + epsilon)`
    - `u = rho * u + (1 - rho) * step ** 2`
    - `w = w - learning_rate * step`

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Adadelta(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        rho: Share of the old means that each step keeps.
        epsilon: Small number that keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Reference: [Zeiler, 2012](https://arxiv.org/abs/1212.5701).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            var_list, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(self, grad: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        v, u = self._accumulated_grads[index], self._accumulated_delta_vars[index]
        v.assign_add((ops.square(grad) - v) * (1 - self.rho))
        step = ops.sqrt(u + self.epsilon) * grad / ops.sqrt(v + self.epsilon)
        u.assign_add((ops.square(step) - u) * (1 - self.rho))
        variable.assign_sub(step * self.factors(variable, learning_rate))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "epsilon": self.epsilon,
        }
