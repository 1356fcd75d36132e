"""Nadam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.autograd import Variable
from kerasish.optimizers.optimizer import Optimizer, as_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Nadam(Optimizer):
    """Nadam: Adam with Nesterov momentum.

    With `t` counting steps from 1 and `u(t) = beta_1 * (1 - 0.5 * 0.96 ** t)`, whose product up to `t` is
    `U(t)`:

    - `m = beta_1 * m + (1 - beta_1) * g`
    - `v = beta_2 * v + (1 - beta_2) * g ** 2`
    - `m_hat = u(t + 1) * m / (1 - U(t + 1)) + (1 - u(t)) * g / (1 - U(t))`
    - `w = w - learning_rate * m_hat / (sqrt(v / (1 - beta_2 ** t)) + epsilon)`

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Nadam(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        beta_1: Share of the old mean of gradients that each step keeps.
        beta_2: Share of the old mean of squared gradients that each step keeps.
        epsilon: Small number that keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Reference: [Dozat, 2015](http://cs229.stanford.edu/proj2015/054_report.pdf).
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
        self._u_product = Variable(1.0, dtype=var_list[0].dtype if var_list else None)

    def _update_variables(
        self, grads: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Scalar
    ) -> None:
        product = self._u_product
        product.assign(product * self._u(ops.cast(self.iterations + 1, product.dtype)))
        super()._update_variables(grads, variables, learning_rate)

    def _u(self, step: Tensor) -> Tensor:
        return (1 - ops.power(0.96, step) * 0.5) * self.beta_1

    def step_factors(self, learning_rate: Scalar, dtype: str) -> Any:
        step = ops.cast(self.iterations + 1, dtype)
        u, next_u = self._u(step), self._u(step + 1)
        product = as_scalar(self._u_product, dtype)
        rate = as_scalar(learning_rate, dtype)
        m_factor = next_u / (1 - product * next_u)
        gradient_factor = (1 - u) / (1 - product)
        return rate, m_factor, gradient_factor, 1 - ops.power(self.beta_2, step)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        rate, m_factor, gradient_factor, v_divisor = self.factors(variable, learning_rate)
        m.assign_add((gradient - m) * (1 - self.beta_1))
        v.assign_add((ops.square(gradient) - v) * (1 - self.beta_2))
        m_hat = m * m_factor + gradient * gradient_factor
        variable.assign_sub(m_hat * rate / (ops.sqrt(v / v_divisor) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
