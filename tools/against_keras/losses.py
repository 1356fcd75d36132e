"""Random calls of losses, with odd shapes, types, weights, masks and reductions."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import Case, Draw, set_mask

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
SHAPES = ((4, 3), (4,), (4, 1), (2, 4, 3), (1, 3), (4, 2, 2, 1))
REAL = {
    "MeanSquaredError": {},
    "MeanAbsoluteError": {},
    "MeanAbsolutePercentageError": {},
    "MeanSquaredLogarithmicError": {},
    "CosineSimilarity": {"axis": (-1, -1, 0)},
    "Huber": {"delta": (1.0, 0.3)},
    "LogCosh": {},
    "Poisson": {},
    "KLDivergence": {},
    "Hinge": {},
    "SquaredHinge": {},
    "CategoricalHinge": {},
    "Dice": {"axis": (None, -1)},
    "Tversky": {"alpha": (0.5, 0.2), "axis": (None, -1)},
    "BinaryCrossentropy": {"from_logits": (False, True), "label_smoothing": (0.0, 0.2), "axis": (-1, -1, 0)},
    "BinaryFocalCrossentropy": {
        "from_logits": (False, True),
        "gamma": (2.0, 1.0),
        "apply_class_balancing": (False, True),
    },
}
CATEGORICAL = {
    "CategoricalCrossentropy": {"from_logits": (False, True), "label_smoothing": (0.0, 0.1)},
    "CategoricalFocalCrossentropy": {"from_logits": (False, True), "alpha": (0.25, 0.5)},
    "SparseCategoricalCrossentropy": {"from_logits": (False, True), "ignore_class": (None, 1)},
    "CategoricalGeneralizedCrossEntropy": {"q": (0.5, 0.9)},
}
METRICS_REAL = {
    "MeanSquaredError": {},
    "RootMeanSquaredError": {},
    "MeanAbsoluteError": {},
    "MeanAbsolutePercentageError": {},
    "MeanSquaredLogarithmicError": {},
    "CosineSimilarity": {"axis": (-1,)},
    "LogCoshError": {},
    "Poisson": {},
    "KLDivergence": {},
    "Hinge": {},
    "SquaredHinge": {},
    "CategoricalHinge": {},
    "R2Score": {"class_aggregation": ("uniform_average", None, "variance_weighted_average")},
    "BinaryCrossentropy": {"from_logits": (False, True), "label_smoothing": (0, 0.2)},
    "BinaryAccuracy": {"threshold": (0.5, 0.2)},
    "Accuracy": {},
    "CategoricalAccuracy": {},
    "Precision": {
        "thresholds": (None, 0.3, [0.2, 0.6]),
        "top_k": (None, None, 2),
        "class_id": (None, None, 0),
    },
    "Recall": {"thresholds": (None, 0.3, [0.2, 0.6]), "top_k": (None, None, 2)},
    "AUC": {
        "num_thresholds": (200, 5),
        "curve": ("ROC", "PR"),
        "summation_method": ("interpolation", "minoring", "majoring"),
    },
    "FalsePositives": {"thresholds": (None, 0.3, [0.2, 0.6])},
    "TruePositives": {"thresholds": (None, [0.2, 0.6])},
    "TrueNegatives": {},
    "FalseNegatives": {},
    "F1Score": {"average": (None, "micro", "macro", "weighted"), "threshold": (None, 0.5)},
    "TopKCategoricalAccuracy": {"k": (1, 2, 5)},
    "PearsonCorrelation": {},
    "ConcordanceCorrelation": {},
    "SensitivityAtSpecificity": {"specificity": (0.5,), "num_thresholds": (200, 4)},
    "PrecisionAtRecall": {"recall": (0.5,)},
    "BinaryIoU": {"threshold": (0.5, 0.2)},
}
METRICS_SPARSE = {
    "SparseCategoricalAccuracy": {},
    "SparseTopKCategoricalAccuracy": {"k": (1, 2)},
    "SparseCategoricalCrossentropy": {"from_logits": (False, True)},
}


def options(d: Draw, table: dict[str, Any]) -> dict[str, Any]:
    return {k: d.of(*values) for k, values in table.items() if d.chance(0.6)}


def data(d: Draw, sparse: bool) -> tuple[Any, Any]:
    """Labels and predictions."""
    if sparse:
        labels, shape = d.of(
            ((4,), (4, 3)), ((4, 1), (4, 3)), ((2, 4), (2, 4, 3)), ((2, 4, 1), (2, 4, 3)), ((1,), (1, 3))
        )
        y = d.values(labels, d.of("int32", "uint8", "float32"), 0, 2.9)
        y = np.floor(y).astype(y.dtype)
        return y, d.array(shape, ("float32", "float32", "float16"), 0.01, 1)
    shape = d.of(*SHAPES)
    other = shape
    if d.chance(0.15):
        other = d.of((*shape, 1), shape[:-1] if shape[-1] == 1 else shape, shape[:-1])
    y = d.array(shape, ("float32", "int32", "float16", "bool"), 0, 1)
    x = d.array(other, ("float32", "float32", "float16", "bfloat16"), 0.01, 1)
    if d.chance(0.1):
        return y.tolist(), x
    return y, x


def weights(d: Draw, shape: tuple[int, ...]) -> Any:
    return d.of(
        None,
        None,
        d.array(shape[:1], ("float32", "int32"), 0, 2),
        d.array(shape[:-1], ("float32",), 0, 2),
        d.array((*shape[:-1], 1), ("float32",), 0, 2),
        d.array(shape, ("float32", "bool"), 0, 2),
        0.5,
        np.float32(2),
    )


def case(d: Draw) -> Case:
    """Losses."""
    name = d.of(*REAL, *CATEGORICAL)
    kwargs = options(d, {**REAL, **CATEGORICAL}[name])
    sparse = name in ("SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy")
    y, x = data(d, sparse)
    if name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy"):
        y = np.eye(3, dtype="float32")[d.rng.integers(0, 3, np.shape(x)[:-1] if np.ndim(x) else ())]
        x = d.array((*y.shape[:-1], 3), ("float32", "float16"), 0.01, 1)
    kwargs["reduction"] = d.of(*REDUCTIONS)
    if d.chance(0.15):
        kwargs["dtype"] = d.of("float16", "bfloat16", "mixed_float16", "float32")
    weight = weights(d, np.shape(x)) if np.ndim(x) else None
    mask = (
        d.array(np.shape(x)[: d.integer(1, max(np.ndim(x) - 1, 1))], ("bool",))
        if d.chance(0.25) and np.ndim(x)
        else None
    )

    def call(keras: Any, args: Any, kwargs: Any) -> Any:
        y, x, weight = args
        x = keras.ops.convert_to_tensor(x)
        if mask is not None:
            set_mask(x, keras.ops.convert_to_tensor(mask))
        return getattr(keras.losses, name)(**kwargs)(y, x, sample_weight=weight)

    found = Case(name, [y, x, weight], kwargs, call, 1e-4)
    if mask is not None:
        found.name += "(masked)"
    return found
