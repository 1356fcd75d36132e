"""Muon: matrices move along orthogonalized momentum, everything else by AdamW."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.optimizers.adam import bias_corrected
from kerasish.optimizers.clipping import norm
from kerasish.optimizers.optimizer import Optimizer, as_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable
    from kerasish.optimizers.optimizer import LearningRate, Scalar


class Muon(Optimizer):
    """Muon: matrices move along their momentum, orthogonalized; everything else moves by AdamW.

    For a matrix of shape `(n, k)`:

    - `m = momentum * m + g`, and with `nesterov` `g + momentum * m` in the place of `m` below
    - `w = w - learning_rate * sqrt(max(n, k)) * rms_rate * orthogonalize(m)`

    where `orthogonalize` takes all singular values close to 1 by a few Newton-Schulz iterations. Embeddings
    and the
    output layer are better left to AdamW: name the latter in `exclude_layers`.

    Example:

    >>> model.compile(optimizer=kerasish.optimizers.Muon(exclude_layers=["logits"]), loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        adam_beta_1, adam_beta_2, epsilon: As in `Adam`, for what AdamW updates.
        adam_weight_decay: Weight decay of what AdamW updates; None for none.
        weight_decay: Weight decay of the matrices; None for none.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor,
            gradient_accumulation_steps, name: As for every `Optimizer`.
        exclude_layers: Regular expressions; variables in whose paths one is found are left to AdamW.
        exclude_embeddings: Whether variables with "embedding" in their path are left to AdamW.
        muon_a, muon_b, muon_c: Coefficients of the Newton-Schulz polynomial.
        adam_lr_ratio: Learning rate of AdamW as a multiple of the other.
        momentum: Share of the old momentum that each step keeps.
        ns_steps: Number of Newton-Schulz iterations.
        nesterov: Whether to look ahead along the momentum.
        rms_rate: Root mean square that the steps of matrices have in learning rates; None for no rescaling.

    References: [Jordan, 2024](https://github.com/KellerJordan/Muon),
    [Liu et al., 2025](https://arxiv.org/abs/2502.16982).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: list[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
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
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = exclude_layers or []
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _should_use_adamw(self, variable: Variable) -> bool:
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(var_list)
        self.momentums: list[Variable | None] = [None] * len(var_list)
        self.adam_velocities: list[Variable | None] = [None] * len(var_list)
        for index, variable in enumerate(var_list):
            if not variable.overwrite_with_gradient:
                self.momentums[index] = self.add_variable_from_reference(variable, "momentum")
                if self._should_use_adamw(variable):
                    self.adam_velocities[index] = self.add_variable_from_reference(variable, "velocity")

    def step_factors(self, learning_rate: Scalar, dtype: str) -> Any:
        rate = as_scalar(learning_rate, dtype)
        adam_rate = rate * self.adam_lr_ratio
        return rate, bias_corrected(self.iterations, adam_rate, self.adam_beta_1, self.adam_beta_2, dtype)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        index = self._get_variable_index(variable)
        m, v = self.momentums[index], self.adam_velocities[index]
        rate, alpha = self.factors(variable, learning_rate)
        if v is not None:
            m.assign_add((gradient - m) * (1 - self.adam_beta_1))
            v.assign_add((ops.square(gradient) - v) * (1 - self.adam_beta_2))
            variable.assign_sub(m * alpha / (ops.sqrt(v) + self.epsilon))
            return
        m.assign_add(gradient + m * (self.momentum - 1))
        direction = gradient + m * self.momentum if self.nesterov else m
        size = 1.0 if self.rms_rate is None else math.sqrt(max(variable.shape)) * self.rms_rate
        variable.assign_sub(self._orthogonalized(direction) * (rate * size))

    def _orthogonalized(self, x: Tensor) -> Tensor:
        """Return a matrix with the singular vectors of `x` and singular values near 1.

        A quintic polynomial with a steep slope at 0 is applied a few times: it does not converge to exactly
            1, which
        the step does not need, but it gets close in few products.
        """
        tall = x.shape[0] > x.shape[1]
        if tall:
            x = ops.transpose(x)
        x = x / (norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            gram = ops.matmul(x, ops.transpose(x))
            polynomial = gram * self.muon_b + ops.matmul(gram * self.muon_c, gram)
            x = x * self.muon_a + ops.matmul(polynomial, x)
        return ops.transpose(x) if tall else x

    def _apply_weight_decay(self, variables: Sequence[Variable], learning_rate: Scalar) -> None:
        for variable in variables:
            decay = self.adam_weight_decay if self._should_use_adamw(variable) else self.weight_decay
            if decay and self._use_weight_decay(variable):
                variable.assign_sub(variable * (as_scalar(learning_rate, variable.dtype) * decay))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "adam_beta_1": self.adam_beta_1,
            "adam_beta_2": self.adam_beta_2,
            "epsilon": self.epsilon,
            "exclude_layers": self.exclude_layers,
            "muon_a": self.muon_a,
            "muon_b": self.muon_b,
            "muon_c": self.muon_c,
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "exclude_embeddings": self.exclude_embeddings,
            "adam_weight_decay": self.adam_weight_decay,
            "rms_rate": self.rms_rate,
        }
