"""Counting true and false positives and negatives at many thresholds at once."""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.loss import as_tensor, check_broadcast, squeeze_or_expand_to_same_rank

# Below every prediction: the scores that `top_k` leaves out, and the threshold that all others pass.
NEG_INF = -1e10


def parse_thresholds(thresholds, default: float) -> list:
    """Thresholds as a list, `[default]` for None.

    Raises:
        ValueError: if one is outside `[0, 1]`.
    """
    if thresholds is None:
        return [default]
    thresholds = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    invalid = [t for t in thresholds if t is None or t < 0 or t > 1]
    if invalid:
        raise ValueError(f"Argument `thresholds`: threshold values must be in [0, 1]. Received: {invalid}")
    return thresholds


def evenly_spaced(count: int) -> list:
    """`count` thresholds from 0 to 1; for 1, only 0.5."""
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]


def are_evenly_spaced(thresholds) -> bool:
    """Whether three or more thresholds divide `[0, 1]` evenly, up to `config.epsilon()`."""
    if len(thresholds) < 3:
        return False
    tolerance = config.epsilon()
    even = evenly_spaced(len(thresholds))
    # The small relative tolerance is for the rounding of numbers like 1/3.
    return all(abs(t - e) <= tolerance + 1e-5 * e for t, e in zip(thresholds, even, strict=True))


def update_confusion(
    counts: dict,
    y_true,
    y_pred,
    thresholds,
    evenly: bool = False,
    top_k: int | None = None,
    class_id: int | None = None,
    sample_weight=None,
    multi_label: bool = False,
    label_weights=None,
) -> None:
    """Add a batch to the counts.

    A prediction is positive at a threshold if it is greater. All thresholds are compared in one step and
    counted in one matrix product.

    Args:
        counts: variables of shape `(thresholds,)` (with `multi_label`, `(thresholds, labels)`), by which
            count they hold: `"tp"`, `"fp"`, `"tn"` or `"fn"`.
        y_true: targets of 0 and 1, of shape `(batch, ...)`.
        y_pred: predictions in `[0, 1]`, of the same shape.
        thresholds: list of thresholds, ascending.
        evenly: whether `are_evenly_spaced(thresholds)`.
        top_k: if given, only the `k` largest predictions along the last axis can be positive.
        class_id: if given, only this index of the last axis counts.
        sample_weight: one weight a sample, or weights of the shape of `y_pred`, or None.
        multi_label: whether each index of the last axis is counted for itself.
        label_weights: one weight for each index of the last axis, or None.
    """
    dtype = next(iter(counts.values())).dtype
    y_pred, y_true = squeeze_or_expand_to_same_rank(as_tensor(y_pred, dtype), as_tensor(y_true, dtype))
    check_broadcast(y_true, y_pred, "y_true", "y_pred")
    if sample_weight is not None:
        sample_weight = ops.expand_dims(as_tensor(sample_weight, dtype), axis=-1)
        _, sample_weight = squeeze_or_expand_to_same_rank(y_true, sample_weight, expand_rank_1=False)
    if top_k is not None:
        y_pred = _keep_top_k(y_pred, top_k)
    if class_id is not None:
        if len(y_pred.shape) == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), "
                f"found shape: {y_pred.shape}"
            )
        y_true, y_pred = y_true[..., class_id : class_id + 1], y_pred[..., class_id : class_id + 1]
    weights = _weights(sample_weight, label_weights, y_pred, dtype)
    label = ops.cast(ops.not_equal(y_true, 0.0), dtype)
    if multi_label:
        _count_by_label(counts, label, _is_above(ops.expand_dims(y_pred, 0), thresholds, evenly), weights)
    else:
        _count(counts, label, _is_above(ops.reshape(y_pred, (1, -1)), thresholds, evenly), weights)


def _weights(sample_weight, label_weights, y_pred, dtype):
    """The product of both kinds of weights, of the shape of `y_pred`; None if there are none."""
    weights = sample_weight
    if label_weights is not None:
        label_weights = as_tensor(label_weights, dtype)
        weights = label_weights if weights is None else weights * label_weights
    if weights is None:
        return None
    check_broadcast(weights, y_pred, "sample_weight", "y_pred")
    return ops.broadcast_to(weights, y_pred.shape)


def _count(counts, label, above, weights):
    label = ops.reshape(label, (-1,))
    true_weight, false_weight = label, 1.0 - label
    if weights is not None:
        weights = ops.reshape(weights, (-1,))
        true_weight, false_weight = true_weight * weights, false_weight * weights
    both = ops.matmul(above, ops.stack([true_weight, false_weight], axis=1))
    _add(counts, both[:, 0], both[:, 1], lambda: ops.sum(true_weight), lambda: ops.sum(false_weight))


def _count_by_label(counts, label, above, weights):
    true_weight, false_weight = label, 1.0 - label
    if weights is not None:
        true_weight, false_weight = true_weight * weights, false_weight * weights
    _add(
        counts,
        ops.sum(above * true_weight, axis=1),
        ops.sum(above * false_weight, axis=1),
        lambda: ops.sum(true_weight, axis=0),
        lambda: ops.sum(false_weight, axis=0),
    )


def _is_above(y_pred, thresholds, evenly):
    """1.0 where predictions (their first axis has length one) are above each threshold (first axis)."""
    dtype = y_pred.dtype
    shape = (len(thresholds), *[1] * (len(y_pred.shape) - 1))
    if evenly:
        # Rounded in this way, predictions that are multiples of the spacing are never above their own
        # threshold.
        steps = len(thresholds) - 1
        last_below = ops.ceil(ops.clip(y_pred, 0.0, 1.0) * float(steps)) - 1.0
        if thresholds[0] < 0.0:
            last_below = ops.maximum(last_below, 0.0)  # everything is above a threshold that is less than 0
        above = ops.greater_equal(last_below, ops.reshape(ops.arange(steps + 1, dtype=dtype), shape))
    else:
        above = ops.greater(y_pred, ops.reshape(ops.convert_to_tensor(thresholds, dtype=dtype), shape))
    return ops.cast(above, dtype)


def _add(counts, tp, fp, total_true, total_false):
    if "tp" in counts:
        counts["tp"].assign_add(tp)
    if "fp" in counts:
        counts["fp"].assign_add(fp)
    if "tn" in counts:
        counts["tn"].assign_add(total_false() - fp)
    if "fn" in counts:
        counts["fn"].assign_add(total_true() - tp)


def _keep_top_k(x, k):
    _, indices = ops.top_k(x, k)
    kept = ops.sum(ops.one_hot(indices, x.shape[-1], axis=-1, dtype=x.dtype), axis=-2)
    return x * kept + NEG_INF * (1.0 - kept)
