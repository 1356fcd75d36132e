"""Adam: steps scaled by running means of gradients and of their squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.optimizer import Optimizer, as_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    With `t` counting steps from 1:

    - `m = beta_1 * m + (1 - beta_1) * g`
    - `v = beta_2 * v + (1 - beta_2) * g ** 2`
    - `alpha = learning_rate * sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)`
    - `w = w - alpha * m / (sqrt(v) + epsilon)`

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Adam(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        beta_1: Share of the old mean of gradients that each step keeps.
        beta_2: Share of the old mean of squared gradients that each step keeps.
        epsilon: Small number that keeps the division finite ("epsilon hat" in the paper).
        amsgrad: Whether to divide by the largest `v` so far instead of the present one.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    References: [Kingma & Ba, 2015](https://arxiv.org/abs/1412.6980), and for `amsgrad`
    [Reddi et al., 2018](https://openreview.net/pdf?id=ryQu7f-RZ).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(var_list, "velocity_hat")

    def step_factors(self, learning_rate: Scalar, dtype: str) -> Any:
        return bias_corrected(self.iterations, learning_rate, self.beta_1, self.beta_2, dtype)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        m.assign_add((gradient - m) * (1 - self.beta_1))
        v.assign_add((ops.square(gradient) - v) * (1 - self.beta_2))
        if self.amsgrad:
            largest = self._velocity_hats[index]
            largest.assign(ops.maximum(largest, v))
            v = largest
        alpha = self.factors(variable, learning_rate)
        variable.assign_sub(m / (ops.sqrt(v) + self.epsilon) * alpha)  # in this order in one buffer

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "amsgrad": self.amsgrad,
        }


def bias_corrected(
    iterations: Tensor, learning_rate: Scalar, beta_1: float, beta_2: float, dtype: str
) -> Tensor:
    """Return `alpha`: the learning rate, corrected for running means that started at zero."""
    step = ops.cast(iterations + 1, dtype)
    correction = ops.sqrt(1 - ops.power(beta_2, step)) / (1 - ops.power(beta_1, step))
    return correction * as_scalar(learning_rate, dtype)
