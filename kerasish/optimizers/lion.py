"""Lion: steps of one size, in the direction of the momentum's sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Lion(Optimizer):
    """Lion: every weight moves by the learning rate, in the direction of a momentum's sign.

    `w = w - learning_rate * sign(beta_1 * m + (1 - beta_1) * g)`, then `m = beta_2 * m + (1 - beta_2) * g`.

    Its steps are larger than Adam's: learning rates 3 to 10 times smaller, and weight decays as many times
    larger, suit it.

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Lion(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        beta_1: Share of the momentum in the step, above 0 and at most 1.
        beta_2: Share of the old momentum that each step keeps.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Raises:
        ValueError: If `beta_1` is not above 0 and at most 1.

    Reference: [Chen et al., 2023](https://arxiv.org/abs/2302.06675).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if not 0 < beta_1 <= 1:
            raise ValueError(
                "Argument `beta_1` must be in the [0, 1] range. Otherwise, the optimizer degenerates to "
                f"SignSGD. Received: beta_1={beta_1}."
            )
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._momentums = self.add_optimizer_variables(var_list, "momentum")

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        m = self._momentums[self._get_variable_index(variable)]
        direction = ops.sign(m * self.beta_1 + gradient * (1 - self.beta_1))
        variable.assign_sub(direction * self.factors(variable, learning_rate))
        m.assign_add((gradient - m) * (1 - self.beta_2))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
        }
