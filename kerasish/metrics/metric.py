"""The base class of metrics: variables that gather what batches tell, and a result computed from them."""

from __future__ import annotations

from kerasish import initializers, ops, tree
from kerasish.autograd import Variable
from kerasish.autograd.naming import auto_name, name_scope
from kerasish.losses.loss import compute_dtype


class Metric:
    """Base class of metrics: subclass it, make variables in `__init__`, change them in `update_state`.

    Example:

    ```python
    class TruePositives(Metric):
        def __init__(self, name="true_positives", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_variable(shape=(), initializer="zeros", name="count")

        def update_state(self, y_true, y_pred, sample_weight=None):
            hits = ops.logical_and(ops.cast(y_true, "bool"), ops.cast(y_pred, "bool"))
            self.count.assign_add(ops.sum(ops.cast(hits, self.dtype)))

        def result(self):
            return self.count.value
    ```

    Args:
        dtype: dtype of the computation, a name or a policy; by default `config.floatx()`.
        name: name of the metric; by default the class name in snake case, made unique.
    """

    _role_in_checks = "metric"

    # Whether training should make the metric larger ("up") or smaller ("down"); None when unknown.
    _direction: str | None = None

    def __init__(self, dtype=None, name: str | None = None):
        self.name = name or auto_name(self.__class__.__name__)
        self._dtype = compute_dtype(dtype)
        self._metrics: list[Metric] = []
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """Dtype of the metric's computation."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The metric's state: its own variables, then those of metrics that are its attributes."""
        variables = list(self._variables)
        for metric in self._metrics:
            variables.extend(metric.variables)
        return variables

    def add_variable(
        self, shape, initializer, dtype=None, aggregation="sum", name: str | None = None
    ) -> Variable:
        """Make a variable of the metric's state.

        Args:
            shape: shape of the variable.
            initializer: an initializer or its name.
            dtype: dtype of the variable, by default `config.floatx()`.
            aggregation: how replicas' values become one, see `Variable`.
            name: name of the variable.
        """
        self._check_super_called()
        with name_scope(self.name.replace("/", ">"), caller=self):
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape),
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                synchronization="on_read",
                name=name,
            )
        self._track(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name: str | None = None) -> Variable:
        """Make a variable of the metric's state, zero by default; see `add_variable`."""
        return self.add_variable(
            shape, "zeros" if initializer is None else initializer, dtype=dtype, name=name
        )

    def update_state(self, *args, **kwargs):
        """Gather what a batch tells: `update_state(y_true, y_pred, sample_weight=None)` for most metrics."""
        raise NotImplementedError(f"Metric {self.__class__.__name__} must implement `update_state`.")

    def result(self):
        """The metric over all batches since `reset_state`: a tensor, or a dict of tensors."""
        raise NotImplementedError(f"Metric {self.__class__.__name__} must implement `result`.")

    def reset_state(self) -> None:
        """Set all variables of the state to zero."""
        for variable in self.variables:
            variable.assign(ops.zeros(variable.shape, dtype=variable.dtype))

    def __call__(self, *args, **kwargs):
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables, *args, **kwargs) -> list:
        """`update_state` as a function: takes the values of `variables` and returns the new ones.

        Args:
            metric_variables: one tensor for each of `variables`.
            *args: passed on to `update_state`.
            **kwargs: passed on to `update_state`.
        """
        return self._on_values(metric_variables, lambda: self.update_state(*args, **kwargs))[1]

    def stateless_result(self, metric_variables):
        """`result` as a function of the values of `variables`."""
        return self._on_values(metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list:
        """The values of `variables` after `reset_state`, which leaves the variables as they are."""
        return self._on_values(self.variables, self.reset_state)[1]

    def _on_values(self, values, function) -> tuple:
        """What `function` returns and leaves in the variables if they hold `values`; then restores them."""
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                "Argument `metric_variables` must be a list of tensors corresponding 1:1 to "
                f"{self.__class__.__name__}().variables. Received list with length {len(values)}, but "
                f"expected {len(variables)} variables."
            )
        before = [variable.value for variable in variables]
        try:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            result = function()
            return result, [variable.value for variable in self.variables]
        finally:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)

    def get_config(self) -> dict:
        """The arguments that make an equal metric, as plain values."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict) -> Metric:
        """The metric that `get_config` described."""
        return cls(**config)

    def __setattr__(self, name: str, value) -> None:
        super().__setattr__(name, value)
        if isinstance(value, (Variable, Metric, list, tuple, dict)) and name not in (
            "_variables",
            "_metrics",
        ):
            self._track(value)

    def _track(self, value) -> None:
        if "_variables" not in self.__dict__:
            return
        for leaf in tree.flatten(value):
            if isinstance(leaf, Variable) and not any(leaf is known for known in self._variables):
                self._variables.append(leaf)
            elif isinstance(leaf, Metric) and not any(leaf is known for known in self._metrics):
                self._metrics.append(leaf)

    def _check_super_called(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"In the metric {self.__class__.__name__}, you forgot to call `super().__init__()` in the "
                "`__init__()` method. Go add it!"
            )

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} name={self.name}>"
