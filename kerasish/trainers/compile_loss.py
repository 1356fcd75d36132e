"""The losses of all outputs as the one loss that training minimizes."""

from __future__ import annotations

from kerasish import metrics as metrics_module
from kerasish import ops, tree
from kerasish.losses.loss import Loss, as_tensor
from kerasish.metrics.metric import Metric
from kerasish.trainers.identifiers import check_label_shape, check_labels, get_loss


class _OutputLoss:
    """One loss of one output: where to find the output, and how much the loss counts."""

    __slots__ = ("loss", "name", "path", "weight")

    def __init__(self, path: tuple, loss: Loss, weight, name: str):
        self.path = path
        self.loss = loss
        self.weight = weight
        self.name = name


class _Weighted:
    """A leaf of the structure of losses: a loss identifier and its weight."""

    __slots__ = ("loss", "weight")

    def __init__(self, loss, weight):
        self.loss = loss
        self.weight = weight


class CompileLoss(Loss):
    """The weighted sum of the losses of all outputs.

    Example:

    >>> loss = CompileLoss({"a": "mse", "b": "mae"}, output_names=["a", "b"])
    >>> loss(y_true=[labels, labels], y_pred=[labels, labels + 1.0])
    <Tensor shape=(), dtype=float32, value=1>
    >>> [metric.name for metric in loss.metrics]
    ['a_loss', 'b_loss']

    Args:
        loss: a loss, function or name for all outputs, or a list, tuple or dict of these that follows the
            model's outputs or their names; None for an output without loss, a list for an output with
            several.
        loss_weights: a float, or floats in the structure of `loss`.
        reduction: unused by the sum itself; each loss has its own.
        output_names: names of the model's outputs, in order.

    Raises:
        ValueError: if `loss_weights` is of a wrong type or does not match `loss`.
    """

    _role_in_checks = None

    def __init__(
        self,
        loss,
        loss_weights=None,
        reduction: str | None = "sum_over_batch_size",
        output_names: list | None = None,
    ):
        if loss_weights and not isinstance(loss_weights, (list, tuple, dict, float)):
            raise ValueError(
                "Expected `loss_weights` argument to be a float (single output case) or a list, tuple, or "
                f"dict (multiple output case). Received instead: loss_weights={loss_weights} of type "
                f"{type(loss_weights)}"
            )
        super().__init__(name="compile_loss", reduction=reduction)
        self._user_loss = loss
        self._user_loss_weights = loss_weights
        self.output_names = output_names
        self.built = False
        self._losses: list[_OutputLoss] = []
        self._metrics: list[Metric] = []

    @property
    def metrics(self) -> list[Metric]:
        """Means of the unweighted losses, if there are several."""
        return self._metrics

    @property
    def variables(self) -> list:
        """The state of `metrics`."""
        return [variable for metric in self._metrics for variable in metric.variables]

    def build(self, y_true, y_pred) -> None:
        """Resolve the losses for targets and predictions of this structure; only shapes are looked at."""
        y_true = self._like_predictions(y_true, y_pred)
        loss, weights = self._user_loss, self._user_loss_weights
        if self.output_names and isinstance(loss, dict) and not isinstance(y_pred, dict):
            loss, weights = self._in_output_order(loss, weights)
        loss = _pair_with_weights(loss, weights)
        if not tree.is_nested(loss):
            shared = loss
            loss = tree.map_structure(lambda _: shared, y_pred)
        names = self.output_names
        if not names or len(names) != len(tree.flatten(y_pred)):
            names = [_symbolic_name(leaf) for leaf in tree.flatten(y_pred)]
        names = tree.pack_sequence_as(y_pred, list(names))
        self._losses, self._metrics = [], []
        self._build_nested(y_true, y_pred, loss, names, ())
        if not self._losses:
            raise ValueError(f"No loss to compute: argument `loss` of `compile` is {self._user_loss}.")
        if len(self._losses) > 1:
            self._metrics = [metrics_module.Mean(name=f"{entry.name}_loss") for entry in self._losses]
        self.built = True

    def _in_output_order(self, loss, weights):
        names = self.output_names
        if set(names) != set(loss):
            raise ValueError(f"Expected keys {names} in loss dict, but found loss.keys()={list(loss)}")
        if isinstance(weights, dict):
            if set(names) != set(weights):
                raise ValueError(
                    f"Expected keys {names} in `loss_weights`, but found loss_weights.keys()={list(weights)}"
                )
            weights = [weights[name] for name in names]
        return [loss[name] for name in names], weights

    def _build_nested(self, y_true, y_pred, loss, names, path) -> None:
        if isinstance(loss, (list, tuple)):
            flat = all(not tree.is_nested(leaf) for leaf in loss)
            if flat and len(loss) == len(tree.flatten(y_pred)):
                loss = tree.pack_sequence_as(y_pred, list(loss))
            elif not isinstance(y_pred, type(loss)):
                for leaf in loss:  # several losses for one output
                    self._build_nested(y_true, y_pred, leaf, names, path)
                return
        if not tree.is_nested(loss):
            if loss is not None and loss.loss is not None:
                self._add(y_true, y_pred, loss, names, path)
            return
        if not isinstance(loss, type(y_pred)):
            raise KeyError(
                f"The path: {path} in the `loss` argument, can't be found in the model's output (`y_pred`)."
            )
        for key, sub_loss in loss.items() if isinstance(loss, dict) else enumerate(loss):
            if sub_loss is None or (isinstance(sub_loss, _Weighted) and sub_loss.loss is None):
                continue
            if not (_has_key(y_true, key) and _has_key(y_pred, key)):
                raise KeyError(
                    f"The path: {(*path, key)} in the `loss` argument, can't be found in either the model's "
                    "output (`y_pred`) or in the labels (`y_true`)."
                )
            self._build_nested(y_true[key], y_pred[key], sub_loss, names[key], (*path, key))

    def _add(self, y_true, y_pred, weighted: _Weighted, names, path) -> None:
        loss = get_loss(weighted.loss, y_true, y_pred)
        name_path = path
        if not tree.is_nested(names):
            name = loss.name if names is None else names
            if not path:
                name_path = (name,)
            elif isinstance(path[-1], int):
                name_path = (*path[:-1], name)
        name = "/".join(map(str, name_path)) or "_".join(map(str, tree.flatten(names)))
        self._losses.append(_OutputLoss(path, loss, weighted.weight, name))

    def __call__(self, y_true, y_pred, sample_weight=None):
        return self.call(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred, sample_weight=None):
        """The total loss of a batch, a scalar tensor; `metrics` gather the losses it consists of.

        Args:
            y_true: targets, in the structure of `y_pred` or a list or dict (by output name) of the outputs'.
            y_pred: predictions.
            sample_weight: weights for all outputs, or a structure of weights like `y_true`.
        """
        if not self.built:
            self.build(y_true, y_pred)
        if len(self._losses) == 1 and not self._losses[0].path and not tree.is_nested(y_pred):
            entry = self._losses[0]
            y_true, sample_weight = _only_leaf(y_true), _only_leaf(sample_weight)
            return self._weighted(entry, entry.loss(y_true, y_pred, sample_weight))
        y_true = self._like_predictions(y_true, y_pred)
        if tree.is_nested(sample_weight):
            sample_weight = self._like_predictions(sample_weight, y_pred)
        total = None
        for i, entry in enumerate(self._losses):
            pred = _at(y_pred, entry.path)
            weight = _at(sample_weight, entry.path) if tree.is_nested(sample_weight) else sample_weight
            value = as_tensor(entry.loss(_at(y_true, entry.path), pred, weight), self._dtype)
            if self._metrics:
                self._metrics[i].update_state(value, sample_weight=tree.flatten(pred)[0].shape[0])
            value = self._weighted(entry, value)
            total = value if total is None else total + value
        return total

    def _weighted(self, entry: _OutputLoss, value):
        value = as_tensor(value, self._dtype)
        return value if entry.weight is None else ops.multiply(value, entry.weight)

    def _like_predictions(self, y_true, y_pred):
        """`y_true` in the structure of `y_pred`."""
        if not tree.is_nested(y_pred):
            return _only_leaf(y_true)
        if not tree.is_nested(y_true):
            leaves = tree.flatten(y_pred)
            if len(leaves) == 1:
                return tree.pack_sequence_as(y_pred, [y_true])
            wanted = self._outputs_with_loss(len(leaves))
            if len(wanted) == 1:
                return self._fill(wanted, [y_true], y_pred)
            return self._refuse(y_true, y_pred)
        if _same_layout(y_true, y_pred):
            return y_true
        if isinstance(y_true, dict) and isinstance(y_pred, (list, tuple)) and self.output_names:
            if set(y_true) == set(self.output_names):
                return type(y_pred)(y_true[name] for name in self.output_names)
            if set(y_true) < set(self.output_names):
                return type(y_pred)(y_true.get(name) for name in self.output_names)
        targets, predictions = tree.flatten(y_true), tree.flatten(y_pred)
        if isinstance(y_true, (list, tuple)) and len(targets) == len(predictions):
            return tree.pack_sequence_as(y_pred, targets)
        if isinstance(y_true, dict) and isinstance(y_pred, dict) and set(y_true) <= set(y_pred):
            return y_true
        wanted = self._outputs_with_loss(len(predictions))
        if isinstance(y_true, (list, tuple)) and len(targets) == len(wanted):
            return self._fill(wanted, targets, y_pred)
        return self._refuse(y_true, y_pred)

    def _outputs_with_loss(self, outputs: int) -> list[int]:
        """The indices of the outputs that a flat `loss` says are trained on."""
        loss = self._user_loss
        if isinstance(loss, dict) and self.output_names:
            loss = [loss.get(name) for name in self.output_names]
        flat = tree.flatten(loss) if tree.is_nested(loss) else [loss] * outputs
        return [i for i, leaf in enumerate(flat) if leaf is not None] if len(flat) == outputs else []

    @staticmethod
    def _fill(indices, targets, y_pred):
        filled = [None] * len(tree.flatten(y_pred))
        for index, target in zip(indices, targets, strict=True):
            filled[index] = target
        return tree.pack_sequence_as(y_pred, filled)

    @staticmethod
    def _refuse(y_true, y_pred):
        raise ValueError(
            "y_true and y_pred have different structures.\n"
            f"y_true: {tree.map_structure(lambda _: '*', y_true)}\n"
            f"y_pred: {tree.map_structure(lambda _: '*', y_pred)}\n"
        )

    def check_labels(self, y_true, y_pred, argument: str = "y") -> None:
        """Raise a ValueError if arrays of labels have one outside the classes, see `check_labels`.

        Args:
            y_true: NumPy arrays of all labels, in the structure that training gets.
            y_pred: predictions (or symbolic tensors) of the model; only shapes are looked at.
            argument: what the message calls the labels.
        """
        if not self.built:
            self.build(y_true, y_pred)
        y_true = self._like_predictions(y_true, y_pred)
        for entry in self._losses:
            pred, target = _at(y_pred, entry.path), _at(y_true, entry.path)
            if not tree.is_nested(pred) and not tree.is_nested(target) and hasattr(target, "dtype"):
                axis = getattr(entry.loss, "_fn_kwargs", {}).get("axis", -1)
                name = argument if not entry.path else f"{argument}[{entry.path[-1]!r}]"
                if axis in (-1, len(pred.shape) - 1):
                    check_label_shape(target, pred, entry.loss, name)
                check_labels(target, pred.shape[axis], entry.loss, name)

    def get_config(self) -> dict:
        raise NotImplementedError("A compiled loss is saved as the arguments of `compile`.")

    @classmethod
    def from_config(cls, config: dict) -> CompileLoss:
        raise NotImplementedError("A compiled loss is restored from the arguments of `compile`.")


def _pair_with_weights(loss, weights):
    """The structure of losses, each leaf a `_Weighted` or None."""

    def pair(leaf, weight=None):
        return None if leaf is None else _Weighted(leaf, weight)

    if weights is None:
        return tree.map_structure(pair, loss)
    try:
        tree.assert_same_structure(loss, weights)
    except ValueError:
        flat_loss, flat_weights = tree.flatten(loss), tree.flatten(weights)
        if len(flat_loss) != len(flat_weights):
            raise ValueError(
                f"`loss_weights` must match the number of losses, got {len(flat_loss)} losses and "
                f"{len(flat_weights)} weights."
            ) from None
        weights = tree.pack_sequence_as(loss, flat_weights)
    return tree.map_structure(pair, loss, weights)


def _symbolic_name(tensor):
    """The name of the layer that made a symbolic tensor, or None for any other tensor."""
    history = getattr(tensor, "_keras_history", None)
    return None if history is None else history.operation.name


def _has_key(structure, key) -> bool:
    if isinstance(structure, dict):
        return key in structure
    return isinstance(structure, (list, tuple)) and isinstance(key, int) and key < len(structure)


def _at(structure, path):
    for key in path:
        structure = structure[key]
    return structure


def _only_leaf(structure):
    """The leaf of a structure that holds one, anything else as it is."""
    if isinstance(structure, (list, tuple, dict)):
        leaves = tree.flatten(structure)
        if len(leaves) == 1:
            return leaves[0]
    return structure


def _same_layout(a, b) -> bool:
    """Whether two structures have the same keys and lengths, lists and tuples being the same."""
    if isinstance(a, dict) or isinstance(b, dict):
        return (
            isinstance(a, dict)
            and isinstance(b, dict)
            and set(a) == set(b)
            and all(_same_layout(a[k], b[k]) for k in a)
        )
    if not isinstance(a, (list, tuple)) or not isinstance(b, (list, tuple)):
        return not isinstance(a, (list, tuple)) and not isinstance(b, (list, tuple))
    return len(a) == len(b) and all(map(_same_layout, a, b))
