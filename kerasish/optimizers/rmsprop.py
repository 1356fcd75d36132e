"""RMSprop: steps scaled by a running mean of squared gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class RMSprop(Optimizer):
    """RMSprop: steps divided by the root of a running mean of squared gradients.

    - `v = rho * v + (1 - rho) * g ** 2`
    - `step = learning_rate * g / sqrt(v + epsilon)`, with `centered` the running mean's square subtracted
      from `v`
    - `w = w - step`, or with momentum `m = momentum * m + step` and `w = w - m`

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.RMSprop(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        rho: Share of the old mean that each step keeps.
        momentum: Share of the old step that each step keeps; 0 for no momentum.
        epsilon: Small number that keeps the division finite.
        centered: Whether to divide by the root of the estimated variance instead of the mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Reference: [Hinton, 2012](http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._velocities = self.add_optimizer_variables(var_list, "velocity")
        self._momentums = self.add_optimizer_variables(var_list, "momentum") if self.momentum > 0 else []
        self._average_gradients = []
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(var_list, "average_gradient")

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        velocity = self._velocities[index]
        velocity.assign_add((ops.square(gradient) - velocity) * (1 - self.rho))
        if self.centered:
            average = self._average_gradients[index]
            average.assign_add((gradient - average) * (1 - self.rho))
            variance = velocity - ops.square(average) + self.epsilon
        else:
            variance = velocity + self.epsilon
        step = gradient * self.factors(variable, learning_rate) / ops.sqrt(variance)
        if self.momentum > 0:
            momentum = self._momentums[index]
            momentum.assign(momentum * self.momentum + step)
            step = momentum
        variable.assign_sub(step)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
