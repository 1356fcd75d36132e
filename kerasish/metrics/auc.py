"""Area under the ROC or precision-recall curve."""

from __future__ import annotations

from kerasish import config, ops
from kerasish.losses.loss import as_tensor
from kerasish.metrics.confusion import are_evenly_spaced, evenly_spaced, update_confusion
from kerasish.metrics.confusion_metrics import ConfusionCurve

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATION_METHODS = ("interpolation", "majoring", "minoring")


class AUC(ConfusionCurve):
    """Area under a curve of classification quality, approximated with a number of thresholds.

    The curve is drawn through the points of all thresholds: false-positive rate and recall (ROC), recall and
    precision (PR), or recall gain and precision gain (PRGAIN).

    Example:

    >>> m = metrics.AUC(num_thresholds=3)
    >>> m.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    >>> m.result()
    0.75

    Args:
        num_thresholds: how many thresholds; more are more exact. At least 2.
        curve: `"ROC"`, `"PR"` or `"PRGAIN"`.
        summation_method: the height of the area between two points: `"interpolation"` (for PR, the
            interpolation of Davis and Goadrich), `"minoring"` (the lower one) or `"majoring"` (the higher
            one).
        name: name of the metric.
        dtype: dtype of the computation, by default `config.floatx()`.
        thresholds: a list of thresholds in `[0, 1]` to use instead of `num_thresholds` evenly spaced ones.
        multi_label: whether the area is computed label by label and then averaged, instead of over all
            predictions.
        num_labels: how many labels, if known before the first batch; only with `multi_label`.
        label_weights: weights of the labels in the average, or of the predictions without `multi_label`.
        from_logits: whether predictions are logits instead of probabilities.

    Raises:
        ValueError: for a value that an argument cannot have.

    Reference:
        [Davis and Goadrich, 2006](https://www.biostat.wisc.edu/~page/rocpr.pdf)
    """

    thresholds: list[float]

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype=None,
        thresholds=None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights=None,
        from_logits: bool = False,
    ):
        super().__init__(name=name, dtype=dtype)
        self.curve = _choose("curve", curve, _CURVES)
        self.summation_method = _choose("summation_method", summation_method, _SUMMATION_METHODS)
        self._init_from_thresholds = thresholds is not None
        if thresholds is not None:
            inner = sorted(float(t) for t in thresholds)
        elif num_thresholds > 1:
            inner = evenly_spaced(num_thresholds)[1:-1]
        else:
            raise ValueError(
                f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={num_thresholds}"
            )
        # The outermost thresholds lie outside [0, 1], so that all predictions are above one and below the
        # other.
        self.thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        self.num_thresholds = len(self.thresholds)
        self._evenly = are_evenly_spaced([0.0, *inner, 1.0])
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        self.multi_label = multi_label
        self.num_labels = num_labels
        self._init_label_weights = label_weights
        self.label_weights = None if label_weights is None else as_tensor(label_weights, self.dtype)
        self._from_logits = from_logits
        self._built = False
        if not multi_label:
            self._build(None)
        elif num_labels:
            self._build((None, num_labels))

    def _build(self, shape) -> None:
        if self.multi_label and len(shape) != 2:
            raise ValueError(
                f"`y_pred` must have rank 2 when `multi_label=True`. Found rank {len(shape)}. Full shape "
                f"received for `y_pred`: {shape}"
            )
        self._add_counts((self.num_thresholds, shape[1]) if self.multi_label else (self.num_thresholds,))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch.

        Args:
            y_true: targets of 0 and 1.
            y_pred: predictions in `[0, 1]` (or logits), of the same shape.
            sample_weight: weights that broadcast with the predictions, or None.
        """
        y_pred = as_tensor(y_pred)
        if not self._built:
            self._build(y_pred.shape)
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        update_confusion(
            self._counts(),
            y_true,
            y_pred,
            self.thresholds,
            self._evenly,
            sample_weight=sample_weight,
            multi_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )

    def result(self):
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._total(self._interpolated_pr_areas())
        if self.curve == "ROC":
            # 1 - specificity would round differently.
            negatives = ops.add(self.false_positives, self.true_negatives)
            x, y = ops.divide_no_nan(self.false_positives, negatives), self._recall()
        elif self.curve == "PR":
            x, y = self._recall(), self._precision()
        else:
            x, y = self._gains()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == "minoring":
            heights = ops.minimum(y[:-1], y[1:])
        else:
            heights = ops.maximum(y[:-1], y[1:])
        return self._total((x[:-1] - x[1:]) * heights)

    def _gains(self):
        """Recall gain and precision gain, which rescale recall and precision by the share of positives."""
        positives = ops.add(self.true_positives, self.false_negatives)
        scale = ops.divide_no_nan(positives, ops.add(self.true_negatives, self.false_positives))
        recall = 1.0 - scale * ops.divide_no_nan(self.false_negatives, self.true_positives)
        precision = 1.0 - scale * ops.divide_no_nan(self.false_positives, self.true_positives)
        # Without true positives both gains diverge, and a recall worse than chance has a negative gain.
        nothing_found = ops.equal(self.true_positives, 0.0)
        recall = ops.maximum(ops.where(nothing_found, 0.0, recall), 0.0)
        return recall, ops.where(nothing_found, 1.0, precision)

    def _interpolated_pr_areas(self):
        """Areas under the curve between neighbouring thresholds, by the formula of Davis and Goadrich.

        Between two points, true positives are taken to grow linearly with all positive predictions `p`, and
        the precision `tp / p` is integrated exactly: `slope * (dtp + intercept * log(p_left / p_right)) /
        positives`.
        """
        tp = self.true_positives.value
        p = ops.add(tp, self.false_positives)
        true_step = tp[:-1] - tp[1:]
        slope = ops.divide_no_nan(true_step, ops.maximum(p[:-1] - p[1:], 0.0))
        intercept = tp[1:] - slope * p[1:]
        both_positive = ops.logical_and(ops.greater(p[:-1], 0.0), ops.greater(p[1:], 0.0))
        ratio = ops.where(both_positive, ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0.0)), 1.0)
        positives = ops.maximum(tp[1:] + self.false_negatives[1:], 0.0)
        return ops.divide_no_nan(slope * (true_step + intercept * ops.log(ratio)), positives)

    def _total(self, areas):
        """The sum of the areas; with several labels, the weighted mean of the labels' sums."""
        if not self.multi_label:
            return ops.sum(areas)
        by_label = ops.sum(areas, axis=0)
        if self.label_weights is None:
            return ops.mean(by_label)
        return ops.divide_no_nan(ops.sum(by_label * self.label_weights), ops.sum(self.label_weights))

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self._init_label_weights,
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self.thresholds[1:-1]
        return config


def _choose(argument: str, value, choices: tuple) -> str:
    for choice in choices:
        if value in (choice, choice.lower(), choice.capitalize()):
            return choice
    raise ValueError(f'Invalid AUC {argument} value: "{value}". Expected values are {list(choices)}')
