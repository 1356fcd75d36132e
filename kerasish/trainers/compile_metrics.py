"""The metrics of all outputs as one metric."""

from __future__ import annotations

from collections import OrderedDict

from kerasish import tree
from kerasish.metrics.metric import Metric
from kerasish.trainers.identifiers import get_metric


class _OutputMetrics:
    """The metrics of one output, and the name that precedes theirs in results."""

    __slots__ = ("metrics", "output_name")

    def __init__(self, metrics: list[Metric], output_name: str | None):
        self.metrics = metrics
        self.output_name = output_name


def _output_metrics(metrics, y_true, y_pred, output_name=None) -> _OutputMetrics | None:
    if metrics is None:
        return None
    if not isinstance(metrics, (list, tuple)):
        metrics = [metrics]
    return _OutputMetrics([get_metric(metric, y_true, y_pred) for metric in metrics], output_name)


class CompileMetrics(Metric):
    """All metrics of all outputs as one.

    Example:

    >>> metrics = CompileMetrics(["accuracy"], None)
    >>> metrics.update_state(ops.array([1, 0]), ops.array([[0.2, 0.8], [0.3, 0.7]]))
    >>> metrics.result()
    {'accuracy': 0.5}

    Args:
        metrics: a list of metrics, functions or names for a model with one output; for several outputs a
            list or dict of these, which follows the outputs or their names.
        weighted_metrics: the same for metrics that sample weights apply to.
        name: unused; the name is always `"compile_metrics"`.
        output_names: names of the model's outputs, in order.

    Raises:
        ValueError: if `metrics` or `weighted_metrics` is no list, tuple or dict.
    """

    _role_in_checks = None

    def __init__(
        self, metrics, weighted_metrics, name: str = "compile_metrics", output_names: list | None = None
    ):
        super().__init__(name="compile_metrics")
        for argument, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    f"Expected `{argument}` argument to be a list, tuple, or dict. Received instead: "
                    f"{argument}={value} of type {type(value)}"
                )
        self._user_metrics = metrics
        self._user_weighted_metrics = weighted_metrics
        self.output_names = output_names
        self.built = False
        self._flat_metrics: list = []
        self._flat_weighted_metrics: list = []
        self._key_order: list | None = None

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, those without weights first; none before `build`."""
        entries = [*self._flat_metrics, *self._flat_weighted_metrics]
        return [metric for entry in entries if entry is not None for metric in entry.metrics]

    @property
    def variables(self) -> list:
        return [variable for metric in self.metrics for variable in metric.variables]

    def build(self, y_true, y_pred) -> None:
        """Resolve the metrics for targets and predictions of this structure; only shapes are looked at."""
        outputs = len(tree.flatten(y_pred))
        flat = tree.is_nested(y_pred) and not any(map(tree.is_nested, _children(y_pred)))
        names = self.output_names
        if flat and isinstance(y_pred, dict) and not (names and set(y_pred) == set(names)):
            names = list(y_pred) if isinstance(y_pred, OrderedDict) else sorted(y_pred)
        # Dicts of targets and predictions are read in this order; one output needs none.
        self._key_order = names if outputs > 1 and flat else None
        args = (outputs, names, y_true, y_pred, flat)
        self._flat_metrics = self._resolve("metrics", self._user_metrics, *args)
        self._flat_weighted_metrics = self._resolve("weighted_metrics", self._user_weighted_metrics, *args)
        self.built = True

    def _resolve(self, argument, metrics, outputs, names, y_true, y_pred, flat) -> list:
        """An `_OutputMetrics` or None for each output."""
        if not metrics:
            return [None] * outputs
        if outputs == 1:
            return [_output_metrics(tree.flatten(metrics), tree.flatten(y_true)[0], tree.flatten(y_pred)[0])]
        by_output = None
        if flat and isinstance(metrics, (list, tuple)) and len(metrics) == outputs:
            by_output = metrics
        elif flat and names and isinstance(metrics, dict) and set(metrics) <= set(names):
            by_output = [metrics.get(name) for name in names]
        names = names or [None] * outputs
        try:
            if by_output is not None:
                return [
                    _output_metrics(*entry)
                    for entry in zip(
                        by_output, self._flatten(y_true), self._flatten(y_pred), names, strict=False
                    )
                ]
            # Nested outputs: `metrics` has their structure, lists and tuples being the same.
            structure = tree.lists_to_tuples(y_pred)
            return tree.flatten(
                tree.map_structure_up_to(
                    structure,
                    _output_metrics,
                    tree.lists_to_tuples(metrics),
                    tree.lists_to_tuples(y_true),
                    structure,
                    tree.pack_sequence_as(structure, list(names)),
                )
            )
        except (ValueError, TypeError) as error:
            expected = f"match the output structure of the model: {tree.map_structure(lambda _: 'X', y_pred)}"
            if self.output_names:
                expected = (
                    "either be a dict or a list matching the output names of the functional model "
                    f"{self.output_names} or {expected}"
                )
            raise ValueError(
                f"{error}\nInvalid `{argument}`. `{argument}` should contain metrics objects and "
                f"{expected}.\nReceived: {argument}={metrics}"
            ) from error

    def _flatten(self, y) -> list:
        if isinstance(y, dict) and self._key_order is not None:
            return [y[name] for name in self._key_order]
        return tree.flatten(y)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch to all metrics.

        Args:
            y_true: targets, in the structure of `y_pred`.
            y_pred: predictions.
            sample_weight: weights for all outputs, or one for each; only weighted metrics use them.
        """
        if not self.built:
            self.build(y_true, y_pred)
        y_true, y_pred = self._flatten(y_true), self._flatten(y_pred)
        for entry, target, pred in zip(self._flat_metrics, y_true, y_pred, strict=False):
            if entry is not None:
                for metric in entry.metrics:
                    metric.update_state(target, pred)
        if not self._user_weighted_metrics:
            return
        weights = [None] * len(y_pred) if sample_weight is None else self._flatten(sample_weight)
        if len(weights) < len(y_pred):
            weights = [weights[0]] * len(y_pred)
        for entry, target, pred, weight in zip(
            self._flat_weighted_metrics, y_true, y_pred, weights, strict=False
        ):
            if entry is not None:
                for metric in entry.metrics:
                    metric.update_state(target, pred, sample_weight=weight)

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict:
        """The results of all metrics by name; the output's name precedes where there are several outputs."""
        if not self.built:
            raise ValueError("Cannot get result() since the metric has not yet been built.")
        results: dict = {}
        seen: dict = {}
        for entry, metric in self._entries(self._flat_metrics):
            name = _join(entry.output_name, metric.name)
            results[_unique(name, seen)] = metric.result()
        for entry, metric in self._entries(self._flat_weighted_metrics):
            name = _join(entry.output_name, metric.name)
            if name in seen:
                name = _join(entry.output_name, f"weighted_{metric.name}")
            results[_unique(name, seen)] = metric.result()
        return results

    @staticmethod
    def _entries(flat):
        return [(entry, metric) for entry in flat if entry is not None for metric in entry.metrics]

    def get_config(self) -> dict:
        raise NotImplementedError("Compiled metrics are saved as the arguments of `compile`.")

    @classmethod
    def from_config(cls, config: dict) -> CompileMetrics:
        raise NotImplementedError("Compiled metrics are restored from the arguments of `compile`.")


def _join(output_name, name: str) -> str:
    return f"{output_name}_{name}" if output_name else name


def _unique(name: str, seen: dict) -> str:
    """`name` the first time, then `name_1`, `name_2`, ..."""
    count = seen.get(name, 0)
    seen[name] = count + 1
    return f"{name}_{count}" if count else name


def _children(structure):
    return structure.values() if isinstance(structure, dict) else structure
