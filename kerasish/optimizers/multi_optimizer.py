"""Several optimizers behind one: each variable is updated by the one that is chosen for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from kerasish import serialization
from kerasish.autograd import no_grad
from kerasish.optimizers.loss_scale_optimizer import LossScaleOptimizer
from kerasish.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kerasish.autograd import Variable


class OptimizerMap(MutableMapping):
    """Optimizers by the paths of variables, with one for all other variables.

    A key is a path or a regular expression for whole paths.

    Example:

    >>> chosen = optimizers.OptimizerMap(optimizers.SGD(name="rest"))
    >>> chosen["encoder/.*"] = optimizers.Adam(name="encoder")
    >>> chosen["encoder/dense/kernel"].name, chosen["decoder/dense/kernel"].name
    ('encoder', 'rest')

    Args:
        default_optimizer: Optimizer of variables that the map does not name.
        optimizer_map: Optimizers by path, a dict.

    Raises:
        TypeError: If the default is no optimizer, or the map no dict.
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                f"default_optimizer must be a Keras Optimizer instance. Received: {default_optimizer}"
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map}")
        self._default_optimizer = default_optimizer
        self._optimizer_map = optimizer_map or {}

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of variables that the map does not name."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        """Return the optimizer of the path `key`: its own, that of the one expression for it, or the default.

        Raises:
            ValueError: If several expressions are for this path.
        """
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        matching = [pattern for pattern in self._optimizer_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"Multiple optimizers assigned to variable {key}: the keys {matching} are all for its path. Make "
                "each path match at most one key."
            )
        return self._optimizer_map[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value {self._optimizer_map[key]}. Please make "
                "sure to not use duplicated keys."
            )
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer}")
        for wrapper in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(optimizer, wrapper):
                raise ValueError(f"optimizer cannot be {wrapper.__name__}.")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __bool__(self) -> bool:
        return True  # it chooses an optimizer also while it names no path

    def __call__(self, variable: Variable) -> Optimizer:
        """Return the optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain values."""
        return {
            "default_optimizer": serialization.serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialization.serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> OptimizerMap:
        """Return the map that `get_config` described."""
        read = serialization.deserialize_keras_object
        return cls(
            read(config["default_optimizer"], custom_objects=custom_objects),
            read(config["optimizer_map"], custom_objects=custom_objects),
        )


class MultiOptimizer(Optimizer):
    """Updates each variable by the optimizer that is chosen for it.

    It has no learning rate of its own: those of its optimizers are reached through `optimizers`.

    Example:

    ```python
    chosen = optimizers.OptimizerMap(optimizers.SGD(0.01), {"encoder/.*": optimizers.Adam(1e-4)})
    model.compile(optimizers.MultiOptimizer(chosen), loss="mse")
    ```

    Args:
        optimizer_map: An `OptimizerMap`, or a function from a variable to its optimizer.
        loss_scale_factor: Replaces that of the optimizers.
        name: Name of the optimizer.

    Raises:
        ValueError: When it is built, if what is chosen for a variable is no optimizer, or is a wrapper.
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        self._inner_optimizers: list[Optimizer]
        self.__dict__["_inner_optimizers"] = []
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._optimizer_map.values(), optimizer_map.default_optimizer):
                self._place(optimizer)

    def _place(self, optimizer: Optimizer) -> int:
        """Return the place of an optimizer among those inside, where it is put if it is new."""
        for place, known in enumerate(self._inner_optimizers):
            if known is optimizer:
                return place
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner_optimizers.append(optimizer)
        return len(self._inner_optimizers) - 1

    def build(self, var_list: Sequence[Variable]) -> None:
        """Choose an optimizer for each variable, and build each for its own."""
        if self.built:
            return
        variables = list(var_list)
        chosen = [self._chosen(variable) for variable in variables]
        self._places = [self._place(optimizer) for optimizer in chosen]
        for place, optimizer in enumerate(self._inner_optimizers):
            own = [v for v, other in zip(variables, self._places, strict=True) if other == place]
            if own:
                optimizer.build(own)
        super().build(variables)

    def _chosen(self, variable: Variable) -> Optimizer:
        optimizer = self._optimizer_map(variable)
        if not isinstance(optimizer, Optimizer):
            raise ValueError(
                f"Optimizer for variable {variable} is not an Optimizer instance. Received: {optimizer} (of type "
                f"{type(optimizer)}). Let `optimizer_map` return an optimizer for every variable."
            )
        for wrapper in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(optimizer, wrapper):
                raise ValueError(f"{wrapper.__name__} cannot be used inside an MultiOptimizer.")
        return optimizer

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers inside: those of the map in order, the default one, then what a function chose."""
        return self._inner_optimizers

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of each optimizer inside."""
        return [*self._variables, *(v for optimizer in self._inner_optimizers for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """Not there: ask the optimizers inside.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on the individual "
            "sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the individual "
            "sub-optimizers instead."
        )

    @property
    def loss_scale_factor(self) -> float | None:
        """The factor of the loss; setting it sets that of the optimizers inside."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self._inner_optimizers:
            optimizer.loss_scale_factor = value

    @property
    def iterations(self) -> Any:
        """The number of steps so far, an int32 scalar."""
        return self._iterations

    def _step(self, grads: Sequence[Any], variables: Sequence[Variable]) -> None:
        for place, optimizer in enumerate(self._inner_optimizers):
            own = [
                (gradient, variable)
                for gradient, variable in zip(grads, variables, strict=True)
                if self._places[self._get_variable_index(variable)] == place
            ]
            if own:
                optimizer.apply([gradient for gradient, _ in own], [variable for _, variable in own])
        with no_grad():
            self._iterations.assign_add(1)

    def _are_usable(self, grads: Sequence[Any], variables: Sequence[Variable]) -> bool:
        return False  # the optimizers inside look at the gradients and compile their own steps

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Let each optimizer give its variables their final values."""
        for place, optimizer in enumerate(self._inner_optimizers):
            own = [v for v in var_list if self._places[self._get_variable_index(v)] == place]
            if own:
                optimizer.finalize_variable_values(own)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the optimizer's variables to `weights`, in the order of `variables`."""
        count = len(self._variables)
        super().set_weights(weights[:count])
        for optimizer in self._inner_optimizers:
            own = len(optimizer.variables)
            if optimizer.built:
                optimizer.set_weights(weights[count : count + own])
            count += own

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": serialization.serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> MultiOptimizer:
        """Return the optimizer that `get_config` described."""
        chosen = serialization.deserialize_keras_object(
            config["optimizer_map"], custom_objects=custom_objects
        )
        return cls(**{**config, "optimizer_map": chosen})
