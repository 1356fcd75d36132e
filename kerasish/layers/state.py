"""What layers remember: tracked attributes, and the variables among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import constraints, initializers, regularizers
from kerasish.autograd import dtypes
from kerasish.autograd.naming import name_scope
from kerasish.autograd.tensor import as_tensor
from kerasish.autograd.variable import Variable, load_variable
from kerasish.layers.tracking import wrap
from kerasish.metrics import Metric
from kerasish.ops.operation import Operation
from kerasish.random import SeedGenerator

_UNTRACKED = frozenset(
    (
        "_build_shapes_dict",
        "_building",
        "_compile_loss",
        "_compile_metrics",
        "_compiled_steps",
        "_fitting",
        "_inbound_nodes",
        "_init_arguments",
        "_input_shape_arg",
        "_loss_tracker",
        "_metrics_step",
        "_output_symbols",
        "_position",
        "_settled",
        "_trained",
        "built",
        "input_spec",
    )
)


class LayerState(Operation):
    """The state of a layer: what its attributes hold, its weights, and how they are read, set and stored."""

    # Tracking

    def _prepare_tracking(self) -> None:
        fresh = {
            "_trainable_variables": [],
            "_non_trainable_variables": [],
            "_layers": [],
            "_metrics": [],
            "_seed_generators": [],
            "_locked": False,
        }
        for attribute, value in fresh.items():
            if attribute not in self.__dict__:
                object.__setattr__(self, attribute, value)

    def _track(self, value: Any) -> None:
        if isinstance(value, Variable):
            self._track_variable(value)
        elif isinstance(value, LayerState):
            self._add_tracked(self._layers, value)
        elif isinstance(value, Metric):
            self._add_tracked(self._metrics, value)
        elif isinstance(value, SeedGenerator):
            self._add_tracked(self._seed_generators, value)

    def _track_variable(self, variable: Variable) -> None:
        known = [*self._trainable_variables, *self._non_trainable_variables]
        if any(v is variable for v in known):
            return
        home = self._trainable_variables if variable.trainable else self._non_trainable_variables
        self._add_tracked(home, variable)

    def _add_tracked(self, home: list, value: Any) -> None:
        if any(v is value for v in home):
            return
        if self._locked:
            raise ValueError(
                "You cannot add new elements of state (variables or sub-layers) to a layer that is already built. All "
                "state must be created in the `__init__()` method or in the `build()` method. "
                f"Received: {value!r} for layer '{self.name}'."
            )
        home.append(value)
        if self.__dict__.get("_settled"):
            self._settled = False

    def _untrack(self, value: Any) -> None:
        for home in (
            self._trainable_variables,
            self._non_trainable_variables,
            self._layers,
            self._metrics,
            self._seed_generators,
        ):
            home[:] = [v for v in home if v is not value]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _UNTRACKED:
            object.__setattr__(self, name, value)
            return
        if isinstance(value, (Variable, LayerState, Metric, SeedGenerator, list, tuple, dict, set)):
            self._prepare_tracking()
            value = wrap(value, self._track)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        value = self.__dict__.get(name)
        if isinstance(value, (Variable, LayerState, Metric, SeedGenerator)):
            self._untrack(value)
        super().__delattr__(name)

    def _check_super_called(self) -> None:
        if "_dtype_policy" not in self.__dict__:
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the first statement "
                "in the `__init__()` method. Go add it!"
            )

    # State

    def add_weight(
        self,
        shape: Sequence[int] | int | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a weight of the layer.

        Args:
            shape: Its shape, `()` by default.
            initializer: Initial value: an initializer, its name, or a callable; by default `"glorot_uniform"` for
                floats and zeros for other types.
            dtype: Element type, by default the policy's variable dtype.
            trainable: Whether it is trained.
            autocast: Whether mixed precision may read it in a narrower type.
            regularizer: Penalty on its value, added to the loss.
            constraint: Map to allowed values, applied after each update.
            aggregation: How replicas would be combined.
            overwrite_with_gradient: Whether an optimizer replaces the value by its gradient.
            name: Its name.

        Returns:
            The variable.
        """
        self._check_super_called()
        shape = () if shape is None else shape
        dtype = self.variable_dtype if dtype is None else dtypes.standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if "float" in dtype else "zeros"
        with name_scope(self.name, caller=self):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        self._track_variable(variable)
        variable.trainable = variable.trainable and self._trainable
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        return variable

    def add_variable(self, *args: Any, **kwargs: Any) -> Variable:
        """Make a weight of the layer (see `add_weight`)."""
        return self.add_weight(*args, **kwargs)

    @property
    def path(self) -> str | None:
        """The names of the layers around it and its own, joined by slashes; None before it is built."""
        return self._path

    @property
    def trainable(self) -> bool:
        """Whether the layer's variables are trained. Setting it sets it for all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        for variable in self._trainable_variables:
            variable.trainable = value
        for layer in self._layers:
            layer.trainable = value

    @property
    def variables(self) -> list[Variable]:
        """All variables: weights, seeds and those of sublayers."""
        return list(self._gather({}, seeds=True).values())

    @property
    def weights(self) -> list[Variable]:
        """The weights of the layer and its sublayers, without seeds and metrics."""
        return list(self._gather({}, seeds=False).values())

    def _gather(self, found: dict[int, Variable], seeds: bool) -> dict[int, Variable]:
        """Add the variables that are not there yet, and return all."""
        for variable in self._trainable_variables:
            found.setdefault(id(variable), variable)
        for variable in self._non_trainable_variables:
            found.setdefault(id(variable), variable)
        if seeds:
            for generator in self._seed_generators:
                found.setdefault(id(generator.state), generator.state)
        plain = LayerState.variables if seeds else LayerState.weights
        for layer in self._layers:
            if (type(layer).variables if seeds else type(layer).weights) is plain:
                layer._gather(found, seeds)
            else:  # a subclass may say itself what its variables are
                for variable in layer.variables if seeds else layer.weights:
                    found.setdefault(id(variable), variable)
        return found

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone, seeds included."""
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of the layer and its sublayers."""
        return [*self._metrics, *(m for layer in self._layers for m in layer.metrics)]

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of all metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def get_weights(self) -> list[Any]:
        """Return the values of all weights as a list of NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights, in the order of `get_weights()`; nothing changes if one does not fit.

        Raises:
            ValueError: If there are more or fewer arrays than weights, or a shape differs.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length "
                f"{len(weights)}, but the layer was expecting {len(own)} weights."
            )
        for variable, value in zip(own, weights, strict=True):
            shape = tuple(getattr(value, "shape", None) or as_tensor(value).shape)
            if shape != variable.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with provided weight shape "
                    f"{shape} (weight '{variable.path}')."
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """Return the number of values in all weights.

        Raises:
            ValueError: If the layer is not built.
        """
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You can build "
                f"it manually via: `layer.build(input_shape)`."
            )
        return sum(v.size for v in self.weights)

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own weights into `store`, a mapping from names to arrays."""
        for i, variable in enumerate([*self._trainable_variables, *self._non_trainable_variables]):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own weights from `store`.

        Raises:
            ValueError: If there are more or fewer than the layer has.
        """
        own = [*self._trainable_variables, *self._non_trainable_variables]
        if len(store.keys()) != len(own):
            if not own and not self.built:
                raise ValueError(
                    f"Layer '{self.name}' was never built and thus it doesn't have any variables. However the weights "
                    f"file lists {len(store.keys())} variables for this layer. Call the layer on data, or `build` it, "
                    "before loading; the `build()` of a layer around it must build it too."
                )
            raise ValueError(
                f"Layer '{self.name}' expected {len(own)} variables, but received {len(store.keys())} variables "
                f"during loading. Expected: {[v.name for v in own]}"
            )
        for i, variable in enumerate(own):
            load_variable(variable, store, str(i))
