"""Weights of samples: from weights of classes, and one for each output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasish import config, tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def class_to_sample_weights(y: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    """The weight of each sample's class.

    Args:
        y: Class numbers of shape `(samples,)` or `(samples, 1)`, or one-hot rows `(samples, classes)`.
        class_weight: Maps class numbers to weights; classes that are not in it weigh 1.

    Returns:
        An array of shape `(samples,)` of the default float type.

    Raises:
        ValueError: If `y` is not a single array of rank 1 or 2, or `class_weight` not a dict of numbers.
    """
    _check_class_weight(class_weight)
    if y is None:
        raise ValueError("`class_weight` needs targets: `y` is None.")
    if tree.is_nested(y):
        raise ValueError(
            "`class_weight` is only supported for models with a single output. Received: `y` as a "
            f"{type(y).__name__}. Pass a `sample_weight` for each output instead."
        )
    classes = y
    if classes.ndim > 1:
        classes = classes[..., 0] if classes.shape[-1] == 1 else np.argmax(classes, axis=-1)
    if classes.ndim != 1:
        raise ValueError(
            "`class_weight` needs one class for each sample: `y` of shape (samples,), (samples, 1) or "
            f"(samples, classes). Received: `y` of shape {y.shape}. Pass `sample_weight` instead."
        )
    present, positions = np.unique(np.round(classes).astype("int64"), return_inverse=True)
    weights = np.array([class_weight.get(int(number), 1.0) for number in present], dtype=config.floatx())
    return weights[positions]


def weights_for_outputs(sample_weight: Any, y: Any) -> Any:
    """Sample weights in the structure of the targets: one array is used for every output."""
    if not tree.is_nested(y):
        return sample_weight
    if isinstance(sample_weight, (list, tuple, dict)):
        try:
            tree.assert_same_structure(y, sample_weight)
        except ValueError as error:
            raise ValueError(
                "You should provide one `sample_weight` array per output in `y`, in the same structure. "
                + str(error)
            ) from None
        return sample_weight
    shape = sample_weight.shape
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        return tree.map_structure(lambda _: sample_weight, y)
    raise ValueError(
        "For a model with several outputs a single `sample_weight` array must have one weight per sample, "
        f"shape (samples,). Received: shape {tuple(shape)}. Pass one array per output instead."
    )


def _check_class_weight(class_weight: Any) -> None:
    if not hasattr(class_weight, "get"):
        raise ValueError(
            "`class_weight` must be a dict that maps class numbers to weights, such as {0: 1.0, 1: 5.0}. "
            f"Received: {class_weight!r} (of type {type(class_weight).__name__})."
        )
    for number, weight in class_weight.items():
        whole = isinstance(number, (int, np.integer)) or (isinstance(number, float) and number.is_integer())
        if not whole or not isinstance(weight, (int, float, np.number)):
            raise ValueError(
                "`class_weight` must map integer class numbers to numbers. "
                f"Received the entry {number!r}: {weight!r}."
            )
