"""AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish.optimizers.adam import Adam

if TYPE_CHECKING:
    from kerasish.optimizers.optimizer import LearningRate


class AdamW(Adam):
    """AdamW: Adam, whose weights first decay by `weight_decay` times the learning rate.

    Unlike a penalty in the loss, the decay is not scaled by Adam's running means.

    Example:

    >>> optimizer = kerasish.optimizers.AdamW(learning_rate=0.001, weight_decay=0.01)
    >>> optimizer.exclude_from_weight_decay(var_names=["bias"])
    >>> model.compile(optimizer=optimizer, loss="mse")

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        weight_decay: Fraction of each weight, times the learning rate, that is taken off at each step.
        beta_1: Share of the old mean of gradients that each step keeps.
        beta_2: Share of the old mean of squared gradients that each step keeps.
        epsilon: Small number that keeps the division finite ("epsilon hat" in the paper).
        amsgrad: Whether to divide by the largest `v` so far instead of the present one.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor,
            gradient_accumulation_steps, name: As for every `Optimizer`.

    Raises:
        ValueError: If `weight_decay` is None.

    References: [Loshchilov & Hutter, 2019](https://arxiv.org/abs/1711.05101),
    [Kingma & Ba, 2015](https://arxiv.org/abs/1412.6980), and for `amsgrad`
    [Reddi et al., 2018](https://openreview.net/pdf?id=ryQu7f-RZ).
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            amsgrad=amsgrad,
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
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
