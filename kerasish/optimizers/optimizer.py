"""The base class of optimizers: everything that is not an update rule."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from kerasish import config, ops, serialization
from kerasish.autograd import Tensor, Variable, is_tensor, no_grad
from kerasish.autograd.naming import auto_name
from kerasish.optimizers import clipping
from kerasish.optimizers.branching import assign_either
from kerasish.optimizers.compilation import CompiledStep
from kerasish.optimizers.schedules.learning_rate_schedule import LearningRateSchedule
from kerasish.optimizers.variables import OptimizerVariables
from kerasish.utils.as_before import all_or_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Scalar = float | Tensor
    LearningRate = float | LearningRateSchedule | Callable[[], Scalar]


class Optimizer(OptimizerVariables):
    """Base class of optimizers: subclass it, create slots in `build`, write the rule in `update_step`.

    One step (`apply`) unscales the gradients, adds them to the accumulators if there are any, clips them,
    decays the weights, lets `update_step` change each variable, updates the moving averages, and applies the
    constraints.

    Example:

    ```python
    class SignSGD(kerasish.optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            variable.assign_sub(ops.sign(gradient) * self.factors(variable, learning_rate))

    optimizer = SignSGD(learning_rate=0.01)
    optimizer.apply(gradients, model.trainable_variables)
    ```

    Args:
        learning_rate: A float, a `schedules.LearningRateSchedule`, or a callable without arguments.
        weight_decay: Each step first shrinks each variable by this fraction times the learning rate. None for
            no decay.
        clipnorm: Largest norm that each gradient may have; longer ones are scaled down.
        clipvalue: Largest absolute value that each element of a gradient may have; others are clipped.
        global_clipnorm: Largest norm that all gradients together may have. At most one of the three can be
            given.
        use_ema: Whether to keep an exponential moving average of each variable:
            `average = ema_momentum * average + (1 - ema_momentum) * variable`.
        ema_momentum: Share of the old average that each step keeps, from 0 to 1.
        ema_overwrite_frequency: Number of steps after which variables are overwritten by their averages. None
            for only at the end of `fit` (`finalize_variable_values`).
        loss_scale_factor: Factor by which `scale_loss` multiplies the loss, and by which gradients are
            divided, so that small half-precision gradients do not underflow. None for 1.
        gradient_accumulation_steps: Number of steps whose gradients are averaged before the variables change,
            at least 2. `iterations` then counts the changes; schedules and `apply` count the steps. None for
            1.
        name: Name, which prefixes the paths of the optimizer's variables; made from the class name by
            default.

    Raises:
        ValueError: If an argument is not among these, or has a value it cannot have.
    """

    _role_in_checks = "optimizer"

    _compiled: CompiledStep | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = all_or_nothing(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        learning_rate: LearningRate,
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
        self._variables = []
        self._trainable_variables = []
        self._trainable_variables_indices = {}
        if kwargs.pop("decay", None) is not None:
            warnings.warn("Argument `decay` is no longer supported and will be ignored.", stacklevel=2)
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        _check_options(
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            gradient_accumulation_steps,
        )
        self.name = auto_name(type(self).__name__) if name is None else name
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._not_decayed: set[int] = set()
        self._not_decayed_names: re.Pattern[str] | None = None
        self._dtypes: list[str] = []
        self._step_factors: list[Any] = []
        self._iterations = self._new_variable(
            0, dtype="int32", name="iteration", aggregation="only_first_replica"
        )
        self._learning_rate = self._make_learning_rate(learning_rate)

    # The learning rate.

    def _make_learning_rate(self, learning_rate: LearningRate) -> Variable | LearningRateSchedule | Callable:
        if callable(learning_rate):
            return learning_rate
        if not isinstance(learning_rate, float):
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a "
                "callable (that takes in the current iteration value and returns the corresponding learning "
                f"rate value). Received instead: learning_rate={learning_rate}"
            )
        return self._new_variable(
            learning_rate, dtype=config.floatx(), name="learning_rate", aggregation="only_first_replica"
        )

    @property
    def learning_rate(self) -> Any:
        """The present learning rate: a `Variable`, or what the schedule or callable gives; settable."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate
        return rate(self._iterations) if isinstance(rate, LearningRateSchedule) else rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: LearningRate) -> None:
        current = self._learning_rate
        if callable(learning_rate):
            self._learning_rate = learning_rate
            if isinstance(current, Variable):
                self._untrack_variable(current)
        elif isinstance(current, Variable):
            current.assign(learning_rate)
        else:
            kind = (
                "`LearningRateSchedule` object" if isinstance(current, LearningRateSchedule) else "callable"
            )
            raise TypeError(
                f"This optimizer was created with a {kind} as its `learning_rate` constructor argument, "
                "hence its learning rate is not settable. If you need the learning rate to be settable, you "
                "should instantiate the optimizer with a float `learning_rate` argument."
            )

    @property
    def iterations(self) -> Tensor:
        """The number of updates so far, an int32 scalar."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    # What subclasses write.

    @all_or_nothing
    def build(self, variables: Sequence[Variable]) -> None:
        """Create the optimizer's variables; subclasses add their slots to the shared ones.

        Args:
            variables: The model's variables that will be updated.
        """
        variables = list(variables)
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(variable, "gradient_accumulator") for variable in variables
            ]
        self._trainable_variables = variables
        self._dtypes = list(dict.fromkeys(variable.dtype for variable in variables))
        self._trainable_variables_indices = {id(variable): index for index, variable in enumerate(variables)}
        self.built = True

    def step_factors(self, learning_rate: Scalar, dtype: str) -> Any:
        """Compute the scalars that one step uses for every variable; `factors` hands them to `update_step`.

        Args:
            learning_rate: This step's learning rate.
            dtype: Dtype of the variables that the scalars are for.

        Returns:
            Anything; in the base class, the learning rate in that dtype.
        """
        return as_scalar(learning_rate, dtype)

    def factors(self, variable: Variable, learning_rate: Scalar) -> Any:
        """Return `step_factors` for a variable: computed once a step, however many variables there are."""
        found = self._step_factors
        if found and found[0] is learning_rate:
            return found[1]
        return self.step_factors(learning_rate, variable.dtype)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Scalar) -> None:
        """Update one variable: the rule that makes the optimizer.

        Args:
            gradient: Gradient, of the variable's shape and dtype.
            variable: The variable to change.
            learning_rate: This step's learning rate, a scalar.
        """
        raise NotImplementedError(
            f"Optimizer '{type(self).__name__}' must override `update_step(self, gradient, variable, "
            "learning_rate)`."
        )

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable of the model or of the optimizer."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable of the model or of the optimizer."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable of the model or of the optimizer."""
        variable.assign_sub(value)

    # The step.

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Do one step on pairs of a gradient and its variable.

        Example:

        >>> optimizer.apply_gradients(zip(gradients, model.trainable_variables))

        Returns:
            The variable that counts the steps.
        """
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(grads, variables)
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Do one step: update the variables from their gradients.

        Example:

        >>> optimizer.apply(gradients, model.trainable_variables)

        Args:
            grads: Gradients, one for each variable and of its shape; None for a variable that has none.
            trainable_variables: The variables. The first call builds the optimizer for them; later calls may
                leave them out, or give some of them. By default all that the optimizer was built with.

        Raises:
            ValueError: If the gradients do not match the variables in number or shape, all of them are None,
                or a variable is not one that the optimizer was built with. No variable is changed then.
        """
        if len(grads) == 0:
            return
        if trainable_variables is None:
            variables = self._built_variables(grads)
        else:
            variables = list(trainable_variables)
            if len(grads) != len(variables):
                raise ValueError(
                    "`grads` and `trainable_variables` must match one to one. "
                    f"Received a list of {len(grads)} gradients and a list of {len(variables)} variables."
                )
            if not self.built:
                self.build(variables)
                self.built = True
            self._check_variables_are_known(variables)
        if self._are_usable(grads, variables):
            if self._compiled is None:
                self._compiled = CompiledStep(self)
            if self._compiled.run(grads, variables):
                return
        self._step(grads, variables)

    def _step(self, grads: Sequence[Any], variables: Sequence[Variable]) -> None:
        """Update the variables and count the step; everything that a step does to any state is in here."""
        with no_grad():
            if not self._are_usable(grads, variables):
                grads, variables = self._usable_gradients(grads, variables)
            if grads:
                if self.loss_scale_factor is not None:
                    grads = [gradient / self.loss_scale_factor for gradient in grads]
                if self.gradient_accumulation_steps:
                    self._accumulate(grads, variables)
                else:
                    self._update(grads, variables)
                if self.use_ema:
                    self._update_averages()
                for variable in variables:
                    if variable.constraint is not None:
                        variable.assign(variable.constraint(variable))
            self._iterations.assign_add(1)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_compiled"}

    def _built_variables(self, grads: Sequence[Any]) -> list[Variable]:
        if not self.built:
            raise ValueError(
                "When passing `grads` without `variables`, the optimizer must already be built on a list of "
                "variables. Call `optimizer.build(trainable_variables)` first. "
            )
        if len(grads) != len(self._trainable_variables):
            raise ValueError(
                "When passing `grads` as a list of gradient tensors, the gradients must match "
                f"`optimizer.variables` one-to-one. Received a list of {len(grads)} gradients, but the "
                f"optimizer is tracking {len(self._trainable_variables)} trainable variables."
            )
        return self._trainable_variables

    def _are_usable(self, grads: Sequence[Any], variables: Sequence[Variable]) -> bool:
        """Whether all gradients can be used as they are: the common case, found out quickly."""
        if len(self._dtypes) != 1:
            return False
        for gradient, variable in zip(grads, variables, strict=True):
            if type(gradient) is not Tensor or variable.overwrite_with_gradient:
                return False
            value = gradient._value
            if value.shape != variable._array.shape or value.dtype != variable._array.dtype:
                return False
        return True

    def _usable_gradients(
        self, grads: Sequence[Any], variables: Sequence[Variable]
    ) -> tuple[list[Tensor], list[Variable]]:
        """Check and convert gradients, drop variables that have none, set those that theirs overwrite."""
        usable, updated, overwritten = [], [], []
        for gradient, variable in zip(grads, variables, strict=True):
            if gradient is None:
                continue
            if not is_tensor(gradient):
                gradient = ops.convert_to_tensor(gradient)
            if gradient.shape != variable.shape:
                raise ValueError(
                    f"The gradient of variable '{variable.path}' must have the variable's shape "
                    f"{variable.shape}. Received a gradient of shape {gradient.shape}."
                )
            if gradient.dtype != variable.dtype:
                gradient = ops.cast(gradient, variable.dtype)
            if variable.overwrite_with_gradient:
                overwritten.append((gradient, variable))
            else:
                usable.append(gradient)
                updated.append(variable)
        missing = len(variables) - len(usable) - len(overwritten)
        if missing == len(variables):
            raise ValueError("No gradients provided for any variable.")
        if missing:
            names = [
                variable.path for gradient, variable in zip(grads, variables, strict=True) if gradient is None
            ]
            warnings.warn(
                f"Gradients do not exist for variables {names} when minimizing the loss. If using "
                "`model.compile()`, did you forget to provide a `loss` argument?",
                stacklevel=4,
            )
        for gradient, variable in overwritten:
            self._overwrite(gradient, variable)
        return usable, updated

    def _update(self, grads: Sequence[Tensor], variables: Sequence[Variable]) -> None:
        grads = self._clip_gradients(grads)
        learning_rate = self.learning_rate
        self._apply_weight_decay(variables, learning_rate)
        self._update_variables(grads, variables, learning_rate)

    def _update_variables(
        self, grads: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Scalar
    ) -> None:
        """Call `update_step` for each variable, with this step's factors for its dtype at hand."""
        factors = self._step_factors
        several = len(self._dtypes) > 1
        try:
            for dtype in self._dtypes:
                factors[:] = learning_rate, self.step_factors(learning_rate, dtype)
                for gradient, variable in zip(grads, variables, strict=True):
                    if not several or variable.dtype == dtype:
                        self.update_step(gradient, variable, learning_rate)
        finally:
            factors.clear()

    def _clip_gradients(self, grads: Sequence[Tensor]) -> Sequence[Tensor]:
        if self.clipnorm and self.clipnorm > 0:
            return [clipping.clip_by_norm(gradient, self.clipnorm) for gradient in grads]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clipping.clip_by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue and self.clipvalue > 0:
            return [clipping.clip_by_value(gradient, self.clipvalue) for gradient in grads]
        return grads

    # Weight decay.

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Name variables that do not decay; each call replaces what an earlier one named.

        Example:

        >>> optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])

        Args:
            var_list: Variables.
            var_names: Regular expressions; variables in whose names one is found do not decay.
        """
        names = list(var_names or ())
        self._not_decayed = {id(variable) for variable in var_list or ()}
        self._not_decayed_names = re.compile("|".join(names)) if names else None

    def _use_weight_decay(self, variable: Variable) -> bool:
        if id(variable) in self._not_decayed:
            return False
        return self._not_decayed_names is None or self._not_decayed_names.search(variable.name) is None

    def _apply_weight_decay(self, variables: Sequence[Variable], learning_rate: Scalar) -> None:
        if not self.weight_decay:
            return
        decays: dict[str, Scalar] = {}
        for variable in variables:
            if self._use_weight_decay(variable):
                dtype = variable.dtype
                if dtype not in decays:
                    decays[dtype] = as_scalar(learning_rate, dtype) * self.weight_decay
                variable.assign_sub(variable * decays[dtype])

    # Accumulated gradients.

    def _is_update_step(self) -> Tensor:
        steps = self.gradient_accumulation_steps
        return ops.equal(ops.mod(self._iterations + 1, steps), 0)

    def _accumulate(self, grads: Sequence[Tensor], variables: Sequence[Variable]) -> None:
        """Add the gradients to their sums; a cycle's last step updates from the means and starts again."""
        sums = [self._accumulated_gradients[self._get_variable_index(variable)] for variable in variables]

        def add() -> None:
            for total, gradient in zip(sums, grads, strict=True):
                total.assign_add(gradient)

        def add_and_update() -> None:
            steps = self.gradient_accumulation_steps
            self._update([(g + total) / steps for g, total in zip(grads, sums, strict=True)], variables)
            for total in sums:
                total.assign(ops.zeros_like(total))

        assign_either(self._is_update_step(), add_and_update, add, [*variables, *self._variables])

    def _overwrite(self, gradient: Tensor, variable: Variable) -> None:
        """Replace a variable by its gradient, or by the largest of a cycle's where gradients accumulate."""
        if not self.gradient_accumulation_steps:
            variable.assign(gradient)
            return
        largest = self._accumulated_gradients[self._get_variable_index(variable)]
        is_update_step = self._is_update_step()
        gradient = ops.maximum(gradient, largest)
        variable.assign(ops.where(is_update_step, gradient, variable))
        largest.assign(ops.where(is_update_step, ops.zeros_like(gradient), gradient))

    # Moving averages.

    def _update_averages(self) -> None:
        """Move the averages towards the variables; at each `ema_overwrite_frequency`-th step, set these."""
        iterations = self.iterations
        momentum = ops.cast(ops.not_equal(iterations, 0), config.floatx()) * self.ema_momentum
        for variable, average in self._averaged():
            kept = as_scalar(momentum, variable.dtype)
            average.assign(average * kept + variable * (1 - kept))
        if self.ema_overwrite_frequency:
            is_overwrite_step = ops.equal(ops.mod(iterations + 1, self.ema_overwrite_frequency), 0)
            for variable, average in self._averaged():
                variable.assign(ops.where(is_overwrite_step, average, variable))

    def _averaged(self) -> list[tuple[Variable, Variable]]:
        averages = self._model_variables_moving_average
        return [pair for pair in zip(self._trainable_variables, averages, strict=True) if pair[1] is not None]

    def _overwrite_model_variables_with_average_value(self, trainable_variables: Sequence[Variable]) -> None:
        averages = self._model_variables_moving_average
        if len(trainable_variables) != len(averages):
            raise ValueError(
                f"The length of model variables ({len(trainable_variables)}) to override does not match the "
                f"length of model variables stored in the optimizer ({len(averages)}). Please check if the "
                "optimizer was called on your model."
            )
        for variable, average in zip(trainable_variables, averages, strict=True):
            if average is not None:
                variable.assign(average)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give the model's variables their final values: with `use_ema`, their moving averages.

        Args:
            var_list: The model's variables, in the order in which the optimizer was built with them.
        """
        if self.use_ema:
            self._overwrite_model_variables_with_average_value(var_list)

    # The rest.

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times `loss_scale_factor`: what gradients are to be computed of."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer (without its state), as plain values."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": (
                float(rate.numpy())
                if isinstance(rate, Variable)
                else serialization.serialize_keras_object(rate)
            ),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
        """Return the optimizer that `get_config` described.

        Args:
            config: What `get_config` returned.
            custom_objects: Classes and functions by the names that the config uses for them.
        """
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = serialization.deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def as_scalar(value: Scalar, dtype: str) -> Scalar:
    """Return a scalar in `dtype`; Python numbers take the dtype of what they meet and stay as they are."""
    if isinstance(value, float | int) or value.dtype == dtype:
        return value
    return ops.cast(value, dtype)


def _check_options(
    clipnorm: float | None,
    clipvalue: float | None,
    global_clipnorm: float | None,
    use_ema: bool,
    ema_momentum: float,
    ema_overwrite_frequency: int | None,
    gradient_accumulation_steps: int | None,
) -> None:
    if gradient_accumulation_steps and gradient_accumulation_steps < 2:
        raise ValueError(
            "`gradient_accumulation_steps` must be an integer >= 2. "
            f"Received: gradient_accumulation_steps={gradient_accumulation_steps}"
        )
    if use_ema and not 0 <= ema_momentum <= 1:
        raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
    frequency = ema_overwrite_frequency if use_ema else None
    if frequency and not (isinstance(frequency, int) and frequency >= 1):
        raise ValueError(
            "`ema_overwrite_frequency` must be an integer >= 1 or None. "
            f"Received: ema_overwrite_frequency={ema_overwrite_frequency}"
        )
    if sum(option is not None for option in (clipnorm, clipvalue, global_clipnorm)) > 1:
        raise ValueError(
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
            f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
        )
