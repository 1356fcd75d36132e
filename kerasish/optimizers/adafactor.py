"""Adafactor: second moments kept as row and column means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.optimizer import Optimizer, as_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Adafactor(Optimizer):
    """Adafactor: the mean square of a matrix's gradient, kept as its rows' and columns' means only.

    With `t` counting steps from 1, `beta_2(t) = 1 - t ** beta_2_decay` and `q = g ** 2 + epsilon_1`:

    - `r` and `c`, running means (with `beta_2`) of `q` over the last axis and over the one before
    - `v = r / mean(r) * c`; for vectors and scalars the running mean of `q`
    - `u = g / sqrt(v)`, divided by `max(1, rms(u) / clip_threshold)`
    - `w = w - max(epsilon_2, rms(w)) * min(learning_rate, 1 / sqrt(t)) * u`

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Adafactor(learning_rate=0.001), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        beta_2_decay: Exponent with which `beta_2` approaches 1.
        epsilon_1: Small number that keeps the division finite.
        epsilon_2: Smallest root mean square that weights are taken to have.
        clip_threshold: Root mean square above which `u` is scaled down.
        relative_step: Kept for Keras's signature; the learning rate never exceeds `1 / sqrt(t)`.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: As for every `Optimizer`.

    Reference: [Shazeer & Stern, 2018](https://arxiv.org/abs/1804.04235).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self._r: list[Variable | None] = []
        self._c: list[Variable | None] = []
        self._v: list[Variable | None] = []
        for variable in var_list:
            rows, columns = self._add_factors(variable)
            self._r.append(rows)
            self._c.append(columns)
            overwritten = variable.overwrite_with_gradient
            self._v.append(None if overwritten else self.add_variable_from_reference(variable, "velocity"))

    def _add_factors(self, variable: Variable) -> tuple[Variable | None, Variable | None]:
        shape = variable.shape
        if len(shape) < 2:
            # Nothing to factor; files have a placeholder for each.
            return self._new_variable(0, name=variable.name), self._new_variable(0, name=variable.name)
        if variable.overwrite_with_gradient:
            return None, None
        return (
            self.add_variable(shape[:-1], dtype=variable.dtype, name=variable.name),
            self.add_variable(shape[:-2] + shape[-1:], dtype=variable.dtype, name=variable.name),
        )

    def step_factors(self, learning_rate: Scalar, dtype: str) -> Any:
        step = ops.cast(self.iterations + 1, dtype)
        rate = ops.minimum(as_scalar(learning_rate, dtype), 1 / ops.sqrt(step))
        return rate, 1 - ops.power(step, self.beta_2_decay)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        rate, beta_2 = self.factors(variable, learning_rate)
        square = ops.square(gradient) + self.epsilon_1
        v = self._v[index]
        if len(variable.shape) < 2:
            v.assign_add((square - v) * (1 - beta_2))
        else:
            r, c = self._r[index], self._c[index]
            r.assign_add((ops.mean(square, axis=-1) - r) * (1 - beta_2))
            c.assign_add((ops.mean(square, axis=-2) - c) * (1 - beta_2))
            rows = r / ops.mean(r, axis=-1, keepdims=True)
            v.assign(ops.expand_dims(rows, -1) * ops.expand_dims(c, -2))
        direction = gradient / ops.sqrt(v)
        excess = ops.maximum(_rms(direction) / self.clip_threshold, 1.0)
        variable.assign_sub(direction * (ops.maximum(_rms(variable), self.epsilon_2) * rate / excess))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "relative_step": self.relative_step,
        }


def _rms(x: Tensor) -> Tensor:
    return ops.sqrt(ops.mean(ops.square(x)))
