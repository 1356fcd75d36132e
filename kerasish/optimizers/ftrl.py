"""FTRL: follow the regularized leader, for sparse linear models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import initializers, ops
from kerasish.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Ftrl(Optimizer):
    """FTRL ("follow the regularized leader"): for shallow models on large sparse features.

    With `n` starting at `initial_accumulator_value` and `p = -learning_rate_power`:

    - `g' = g + 2 * l2_shrinkage * w`, `n' = n + g ** 2`
    - `z = z + g' - (n' ** p - n ** p) / learning_rate * w`
    - `w = (clip(z, -l1, l1) - z) / (n' ** p / learning_rate + 2 * l2 + beta / learning_rate)`

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Ftrl(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        learning_rate_power: Exponent with which steps shrink, not positive; 0 for a fixed rate.
        initial_accumulator_value: First value of the accumulators, not negative.
        l1_regularization_strength: `l1` above, not negative.
        l2_regularization_strength: `l2` above, not negative: a stabilization penalty.
        l2_shrinkage_regularization_strength: `l2_shrinkage` above, not negative: a penalty on magnitudes.
        beta: `beta` of the paper.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Raises:
        ValueError: If an argument has the wrong sign.

    Reference: [McMahan et al., 2013](https://research.google.com/pubs/archive/41159.pdf).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        if initial_accumulator_value < 0.0:
            raise ValueError(
                "`initial_accumulator_value` needs to be positive or zero. Received: "
                f"initial_accumulator_value={initial_accumulator_value}."
            )
        if learning_rate_power > 0.0:
            raise ValueError(
                "`learning_rate_power` needs to be negative or zero. "
                f"Received: learning_rate_power={learning_rate_power}."
            )
        strengths = {
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }
        for argument, value in strengths.items():
            if value < 0.0:
                raise ValueError(f"`{argument}` needs to be positive or zero. Received: {argument}={value}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        start = initializers.Constant(self.initial_accumulator_value)
        self._accumulators, self._linears = self.add_optimizer_variables(
            var_list, ["accumulator", "linear"], [start, "zeros"]
        )

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        accumulator, linear = self._accumulators[index], self._linears[index]
        rate = self.factors(variable, learning_rate)
        power = -self.learning_rate_power
        shrunk = gradient
        if self.l2_shrinkage_regularization_strength:
            shrunk = gradient + variable * (2 * self.l2_shrinkage_regularization_strength)
        total = accumulator + ops.square(gradient)
        scale = ops.power(total, power)
        linear.assign_add(shrunk - (scale - ops.power(accumulator, power)) / rate * variable)
        quadratic = scale / rate + 2 * (self.l2_regularization_strength + self.beta / (2.0 * rate))
        limit = self.l1_regularization_strength
        variable.assign((ops.clip(linear, -limit, limit) - linear) / quadratic)
        accumulator.assign(total)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
