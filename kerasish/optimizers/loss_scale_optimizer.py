"""Dynamic loss scaling: small half-precision gradients are kept from underflowing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import initializers, ops, serialization
from kerasish.autograd import no_grad
from kerasish.optimizers.branching import assign_either
from kerasish.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor, Variable

# Options that older files carry for this optimizer, though only the inner one has them.
_INNER_OPTIONS = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Wraps an optimizer and scales the loss by a factor that adapts itself.

    Gradients in float16 underflow easily. So the loss is multiplied by a large factor before the gradients
    are computed, and they are divided by it afterwards. A step with a gradient that is not finite is skipped
    and the factor halved; after `dynamic_growth_steps` steps without one the factor doubles.

    Example:

    >>> optimizer = optimizers.LossScaleOptimizer(optimizers.Adam())
    >>> loss = optimizer.scale_loss(loss)

    Args:
        inner_optimizer: The optimizer that updates the variables.
        initial_scale: First factor. Too high is better than too low: it falls faster than it rises.
        dynamic_growth_steps: Number of steps in a row with finite gradients after which the factor doubles.
        name: Name of the optimizer.

    Raises:
        ValueError: If an option is given that belongs to `inner_optimizer`.
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set "
                "`loss_scale_factor` directly on the `inner_optimizer`."
            )
        for option, default in _INNER_OPTIONS.items():
            if kwargs.pop(option, default) != default:
                raise ValueError(
                    f"LossScaleOptimizer does not support `{option}`. Instead, set `{option}` on the "
                    "`inner_optimizer`."
                )
        if kwargs:
            raise ValueError(f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        # Otherwise gradients would be scaled twice.
        self.inner_optimizer.loss_scale_factor = None

    def build(self, var_list: Sequence[Variable]) -> None:
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), dtype="float32", initializer=initializers.Constant(self.initial_scale), name="dynamic_scale"
        )
        self.inner_optimizer.build(var_list)
        super().build(var_list)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of the inner optimizer."""
        return self._variables + self.inner_optimizer.variables

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> Tensor:
        """The inner optimizer's number of updates."""
        return self.inner_optimizer.iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Do one step on gradients of the scaled loss, or skip it if one of them is not finite.

        Args:
            grads: Gradients, one for each variable; None for a variable that has none.
            trainable_variables: The variables; by default all that the optimizer was built with.
        """
        if not self.built:
            if trainable_variables is None:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be built on a list "
                    "of variables. Call `optimizer.build(trainable_variables)` first. "
                )
            self.build(list(trainable_variables))
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        with no_grad():
            state = [*variables, *self.variables]
            assign_either(self.check_finite(grads), lambda: self._step(grads, variables), self._skip, state)

    def check_finite(self, grads: Sequence[Any]) -> Tensor:
        """Return whether all elements of all gradients are finite, a boolean scalar."""
        finite = [ops.all(ops.isfinite(gradient)) for gradient in grads if gradient is not None]
        return ops.all(ops.stack(finite))

    def _step(self, grads: Sequence[Any], variables: Sequence[Variable]) -> None:
        scale = self.dynamic_scale
        unscaled = [
            gradient if gradient is None or variable.overwrite_with_gradient else ops.divide(gradient, scale)
            for gradient, variable in zip(grads, variables, strict=True)
        ]
        self.inner_optimizer.apply(unscaled, variables)
        grow = ops.equal(self.step_counter, self.dynamic_growth_steps - 1)
        scale.assign(ops.where(grow, scale * 2.0, scale))
        self.step_counter.assign(ops.where(grow, 0, self.step_counter + 1))

    def _skip(self) -> None:
        self.step_counter.assign(0)
        self.dynamic_scale.assign(self.dynamic_scale * 0.5)

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times the present factor: what gradients are to be computed of."""
        return ops.multiply(loss, self.dynamic_scale if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Let the inner optimizer give the model's variables their final values."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": serialization.serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> LossScaleOptimizer:
        """Return the optimizer that `get_config` described."""
        config = dict(config)
        inner = serialization.deserialize_keras_object(
            config.pop("inner_optimizer"), custom_objects=custom_objects
        )
        return cls(inner, **config)
