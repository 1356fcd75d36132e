"""The variables of an optimizer: made beside the model's, kept in order, saved and restored."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from kerasish import initializers
from kerasish.autograd import Variable, name_scope
from kerasish.autograd.variable import load_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class OptimizerVariables:
    """What an optimizer does with its variables; `Optimizer` adds what it does with gradients.

    The order in which variables are created is the order in which files store them.
    """

    name: str
    built: bool
    _variables: list[Variable]
    _trainable_variables: list[Variable]
    _trainable_variables_indices: dict[int, int]
    apply: Callable[..., None]

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "_variables" and name != "_trainable_variables":
            self._check_super_called()
            for variable in value if isinstance(value, list | tuple) else (value,):
                if isinstance(variable, Variable):
                    self._track_variable(variable)
        super().__setattr__(name, value)

    def _check_super_called(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"In optimizer '{type(self).__name__}', you forgot to call `super().__init__()` as the first "
                "statement in the `__init__()` method. Go add it!"
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # Variables are known by identity, and a copy has identities of its own.
        known = enumerate(self._trainable_variables)
        self.__dict__["_trainable_variables_indices"] = {id(variable): index for index, variable in known}

    @property
    def variables(self) -> list[Variable]:
        """All state of the optimizer: `iteration`, `learning_rate`, then the slots in order of creation."""
        return self._variables[:]

    def _track_variable(self, variable: Variable) -> None:
        if not any(known is variable for known in self._variables):
            self._variables.append(variable)

    def _untrack_variable(self, variable: Variable) -> None:
        self._variables[:] = [known for known in self._variables if known is not variable]

    def _new_variable(self, initializer: Any, **options: Any) -> Variable:
        with name_scope(self.name, caller=self):
            variable = Variable(initializer, trainable=False, **options)
        self._track_variable(variable)
        return variable

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Create a variable that belongs to the optimizer.

        Example:

        >>> optimizer = kerasish.optimizers.SGD()
        >>> scale = optimizer.add_variable((), initializer="ones", name="scale")

        Args:
            shape: Shape, without unknown dimensions.
            initializer: Name of an initializer, or the initializer itself.
            dtype: Data type; `config.floatx()` by default.
            aggregation: How replicas of the variable would be combined; kept for Keras's signature.
            layout: Sharding over devices; kept for Keras's signature, must be None.
            name: Name of the variable. Its path is `{optimizer name}/{name}`.

        Returns:
            A non-trainable `Variable`.
        """
        self._check_super_called()
        if layout is not None:
            raise ValueError(
                f"`layout` is not supported: variables are not sharded. Received: layout={layout}"
            )
        return self._new_variable(
            initializers.get(initializer), shape=tuple(shape), dtype=dtype, aggregation=aggregation, name=name
        )

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Create an optimizer variable of the shape and dtype of a model's variable.

        Example:

        >>> kernel = kerasish.Variable("zeros", (3, 2), name="kernel")
        >>> optimizer = kerasish.optimizers.SGD(name="sgd")
        >>> momentum = optimizer.add_variable_from_reference(kernel, name="momentum")
        >>> momentum.path
        'sgd/kernel_momentum'

        Args:
            reference_variable: The model's variable.
            name: What the variable is to the other; its name becomes `{path of the other, with _ for
                /}_{name}`.
            initializer: Name of an initializer, or the initializer itself.

        Returns:
            A non-trainable `Variable`.
        """
        return self.add_variable(
            shape=reference_variable.shape,
            initializer=initializer,
            dtype=reference_variable.dtype,
            name=f"{reference_variable.path.replace('/', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> list[Variable | None] | tuple[list[Variable | None], ...]:
        """Create one variable, or several, for each of the model's.

        Example:

        >>> names = ["momentum", "velocity"]
        >>> momentums, velocities = optimizer.add_optimizer_variables(model.trainable_variables, names)

        Args:
            trainable_variables: The model's variables.
            name: What the new variables are to the model's, such as `"momentum"`; or a list of such names.
            initializer: An initializer, or a list with one for each name.

        Returns:
            A list with one variable for each of the model's (None where its gradient overwrites it); for a
            list of names, a tuple of such lists.

        Raises:
            ValueError: If there are as many initializers as names neither in number nor in kind.
        """
        names = [name] if isinstance(name, str) else list(name)
        starts = list(initializer) if isinstance(initializer, list | tuple) else [initializer] * len(names)
        if len(names) != len(starts):
            raise ValueError(
                "The number of provided names must match the number of provided initializers. "
                f"Received name={name!r}, initializer={initializer!r}"
            )
        slots: tuple[list[Variable | None], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            # Slots of one variable stand together: files carry them in this order.
            for slot, slot_name, start in zip(slots, names, starts, strict=True):
                overwritten = variable.overwrite_with_gradient
                slot.append(
                    None if overwritten else self.add_variable_from_reference(variable, slot_name, start)
                )
        return slots[0] if isinstance(name, str) else slots

    def _get_variable_index(self, variable: Variable) -> int:
        return self._trainable_variables_indices[id(variable)]

    def _check_variables_are_known(self, variables: Iterable[Variable]) -> None:
        known = self._trainable_variables_indices
        for variable in variables:
            if id(variable) not in known:
                raise ValueError(
                    f"Unknown variable: {variable}. This optimizer can only be called for the variables it "
                    "was originally built with. When working with a new set of variables, you should "
                    "recreate a new optimizer instance."
                )

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the optimizer's variables to `weights`, in the order of `variables`.

        Args:
            weights: Arrays or tensors of the variables' shapes.

        Raises:
            ValueError: If the optimizer is not built, or a shape differs; nothing is changed then.
        """
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. Please call "
                "`optimizer.build(trainable_variables)` to create the optimizer weights before calling "
                "`set_weights()`."
            )
        pairs = list(zip(self._variables, weights, strict=False))
        for variable, weight in pairs:
            if variable.shape != tuple(weight.shape):
                raise ValueError(
                    f"Optimizer variable {variable.path} has shape {variable.shape} not compatible with "
                    f"provided weight shape {tuple(weight.shape)}."
                )
        for variable, weight in pairs:
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Write the variables' values to `store`, a mapping, under "0", "1", ... in order."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the variables' values from `store`, as `save_own_variables` wrote them.

        If the numbers of variables differ nothing is read, with a warning: the optimizer starts afresh.
        """
        variables = self.variables
        found = len(store.keys())
        if found != len(variables):
            warnings.warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has {len(variables)} "
                f"variables whereas the saved optimizer has {found} variables. ",
                stacklevel=2,
            )
            return
        for index, variable in enumerate(variables):
            load_variable(variable, store, str(index))

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Do what `apply` does, on values that are passed and returned instead of on variables.

        Args:
            optimizer_variables: Values for `optimizer.variables`, in order.
            grads: Gradients, one for each variable that the optimizer was built with.
            trainable_variables: Values for those variables.

        Returns:
            The updated trainable variables and the updated optimizer variables, two lists of tensors.

        Raises:
            ValueError: If the optimizer is not built, or a list has another length than it should.
        """
        self._check_super_called()
        name = type(self).__name__
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {name} must be built (i.e. its variables must have been "
                "created). You can build it via `optimizer.build(trainable_variables)`."
            )
        for argument, values, variables in (
            ("optimizer_variables", optimizer_variables, self.variables),
            ("trainable_variables", trainable_variables, self._trainable_variables),
        ):
            if len(values) != len(variables):
                raise ValueError(
                    f"Argument `{argument}` must be a list of tensors corresponding 1:1 to the "
                    f"{len(variables)} variables that {name} was built with. Received list with length "
                    f"{len(values)}."
                )
        variables = self._trainable_variables + self.variables
        before = [variable.value for variable in variables]
        try:
            for variable, value in zip(variables, [*trainable_variables, *optimizer_variables], strict=True):
                variable.assign(value)
            self.apply(grads)
            after = [variable.value for variable in variables]
        finally:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
        count = len(self._trainable_variables)
        return after[:count], after[count:]
