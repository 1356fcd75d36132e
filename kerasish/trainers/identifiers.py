"""What the losses and metrics that `compile` is told of mean for given targets and predictions.

Names like "accuracy" mean different things for different shapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import losses as losses_module
from kerasish import metrics as metrics_module
from kerasish.autograd import Tensor
from kerasish.autograd.naming import to_snake_case
from kerasish.losses.loss import Loss
from kerasish.losses.loss_function_wrapper import LossFunctionWrapper
from kerasish.metrics.metric import Metric


def object_name(obj) -> str:
    """The name that results of a loss or metric object are reported under."""
    if hasattr(obj, "name"):
        return obj.name
    return to_snake_case(getattr(obj, "__name__", obj.__class__.__name__))


def kind_of_targets(y_true, y_pred) -> str:
    """`"binary"`, `"sparse"` (class indices) or `"categorical"` (one-hot), told from the shapes."""
    true_shape, pred_shape = y_true.shape, y_pred.shape
    if not pred_shape or pred_shape[-1] == 1:
        return "binary"
    if len(true_shape) < len(pred_shape) or true_shape[-1] == 1:
        return "sparse"
    return "categorical"


_ACCURACIES = {
    "binary": metrics_module.BinaryAccuracy,
    "sparse": metrics_module.SparseCategoricalAccuracy,
    "categorical": metrics_module.CategoricalAccuracy,
}
_CROSSENTROPIES = {
    "binary": losses_module.binary_crossentropy,
    "sparse": losses_module.sparse_categorical_crossentropy,
    "categorical": losses_module.categorical_crossentropy,
}


def get_metric(identifier, y_true, y_pred) -> Metric:
    """The metric that `identifier` means for these targets and predictions.

    Args:
        identifier: a metric, a function, a name, or `"accuracy"`/`"acc"`, which is told from the shapes.
        y_true: targets of one output; only the shape is looked at.
        y_pred: predictions of that output; only the shape is looked at.

    Raises:
        ValueError: if there is no such metric.
    """
    if identifier is None:
        raise ValueError("Expected metric, received `None`")
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        metric = _ACCURACIES[kind_of_targets(y_true, y_pred)]()
    else:
        metric = metrics_module.get(identifier)
    name = identifier if isinstance(identifier, str) else object_name(metric)
    if not isinstance(metric, Metric):
        metric = metrics_module.MeanMetricWrapper(metric)
    metric.name = name
    return metric


def get_loss(identifier, y_true, y_pred) -> Any:
    """The loss that `identifier` means for these targets and predictions; None for None.

    Args:
        identifier: a loss, a function, a name, or `"crossentropy"`/`"ce"`, which is told from the shapes.
        y_true: targets of one output; only the shape is looked at.
        y_pred: predictions of that output; only the shape is looked at.

    Raises:
        ValueError: if there is no such loss.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        loss = _CROSSENTROPIES[kind_of_targets(y_true, y_pred)]
    else:
        loss = losses_module.get(identifier)
    if isinstance(loss, Loss):
        return loss
    return LossFunctionWrapper(loss, name=identifier if isinstance(identifier, str) else object_name(loss))


def check_label_shape(y_true, y_pred, loss, argument: str = "y") -> None:
    """Raise a ValueError if a sparse categorical cross-entropy would get anything but one index a prediction.

    Args:
        y_true: array of all labels.
        y_pred: predictions (or symbolic tensor) of the model, the classes along the last axis.
        loss: a `Loss`.
        argument: what the message calls the labels.
    """
    if getattr(loss, "fn", loss) is not losses_module.sparse_categorical_crossentropy:
        return
    shape, outputs = tuple(y_true.shape), tuple(y_pred.shape)
    indices = shape[:-1] if len(shape) == len(outputs) and shape[-1] == 1 else shape
    pairs = zip(indices[1:], outputs[1:-1], strict=False)
    if len(indices) != len(outputs) - 1 or any(None not in (a, b) and a != b for a, b in pairs):
        raise ValueError(
            f"Argument `{argument}` and the model's output must have the same shape up until the last dimension. "
            f"Received: {argument}.shape={shape}, output.shape={outputs}. The loss `{object_name(loss)}` expects one "
            "class index for each prediction; one-hot labels go with `categorical_crossentropy`."
        )


def check_labels(y_true, num_classes: int, loss, argument: str = "y") -> None:
    """Raise a ValueError if an array of labels has one outside the classes.

    Class indices must lie in `[0, num_classes)` for a sparse categorical cross-entropy (or be its
    `ignore_class`), and integer labels must be 0 or 1 for a binary one. For other losses nothing is checked.

    Args:
        y_true: array or tensor of all labels.
        num_classes: how many classes the model predicts, the length of its last axis.
        loss: a `Loss`, a loss function or its name.
        argument: what the message calls the labels.
    """
    if isinstance(loss, str):
        loss = losses_module.get(loss)
    fn = getattr(loss, "fn", loss)
    y_true = y_true.numpy() if isinstance(y_true, Tensor) else np.asarray(y_true)
    if not y_true.size or y_true.dtype.kind not in "biuf":
        return
    if fn is losses_module.sparse_categorical_crossentropy:
        lowest, highest = 0, num_classes - 1
    elif fn is losses_module.binary_crossentropy and y_true.dtype.kind in "iu":
        lowest, highest = 0, 1
    else:
        return
    smallest, largest = y_true.min(), y_true.max()
    if smallest >= lowest and largest <= highest:  # NaN is neither
        return
    ignored = getattr(loss, "_fn_kwargs", {}).get("ignore_class")
    wrong = ~((y_true >= lowest) & (y_true <= highest))
    if ignored is not None:
        wrong &= y_true != ignored
    if not wrong.any():
        return
    values = ", ".join(str(value) for value in sorted(set(y_true[wrong].ravel()[:1000].tolist()))[:5])
    if fn is losses_module.binary_crossentropy:
        expected, advice = "labels of 0 and 1", "Map the labels to 0 and 1"
    else:
        expected = f"class indices from 0 to {highest}, because the model predicts {num_classes} classes"
        advice = "Renumber the labels from 0, or give the last layer one unit for each class"
    raise ValueError(
        f"Argument `{argument}` holds labels outside the classes: {int(wrong.sum())} of {y_true.size} (such "
        f"as {values}). The loss `{object_name(loss)}` expects {expected}. {advice}."
    )
