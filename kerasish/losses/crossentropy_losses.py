"""Cross-entropies as losses: with label smoothing, ignored classes and a reduction."""

from __future__ import annotations

from kerasish import ops
from kerasish.losses.loss import as_tensor
from kerasish.losses.loss_function_wrapper import BuiltinLoss


def binary_crossentropy(
    y_true, y_pred, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
):
    """Cross-entropy of independent yes/no predictions, averaged over `axis`.

    `mean(-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred), axis)`

    Example:

    >>> losses.binary_crossentropy([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    array([0.9162907  0.71355817], shape=(2,), dtype=float32)

    Args:
        y_true: targets in `[0, 1]`, of shape `(batch, d0, ..., dN)`.
        y_pred: probabilities (or logits) of the same shape.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how far the targets are moved towards 0.5, in `[0, 1]`.
        axis: the axis of the mean.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes differ.
    """
    y_pred = as_tensor(y_pred)
    y_true = smooth_binary(as_tensor(y_true, y_pred.dtype), label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true, y_pred, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
):
    """Cross-entropy between distributions over classes: `-sum(y_true * log(y_pred), axis)`.

    Example:

    >>> losses.categorical_crossentropy([[0, 1, 0]], [[0.05, 0.95, 0]])
    array([0.05129331], shape=(1,), dtype=float32)

    Args:
        y_true: target distributions (usually one-hot), of shape `(batch, ..., classes)`.
        y_pred: probabilities (or logits) of the same shape.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how much of each target is spread evenly over the classes, in `[0, 1]`.
        axis: the axis of the classes.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes differ.
    """
    y_true, y_pred = prepare_categorical(y_true, y_pred, label_smoothing, axis, "categorical_crossentropy")
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true, y_pred, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
):
    """Cross-entropy between class indices and distributions over classes: `-log(y_pred[y_true])`.

    Example:

    >>> losses.sparse_categorical_crossentropy([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])
    array([0.05129344 2.3025851 ], shape=(2,), dtype=float32)

    Args:
        y_true: class indices, of the shape of `y_pred` without `axis` (or with a length of one there).
        y_pred: probabilities (or logits) of shape `(batch, ..., classes)`.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        ignore_class: an index whose samples count neither in the loss nor in its mean, for example -1.
        axis: the axis of the classes.

    Returns:
        Tensor of the shape of `y_pred` without `axis`.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    y_pred = as_tensor(y_pred)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    y_true = as_tensor(y_true, "int32")
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis=axis)
    valid = ops.not_equal(y_true, ignore_class)
    # Ignored predictions are replaced, so that a NaN among them reaches neither the loss nor a gradient.
    y_pred = ops.where(ops.expand_dims(valid, axis), y_pred, 1.0)
    values = ops.sparse_categorical_crossentropy(
        ops.where(valid, y_true, 0), y_pred, from_logits=from_logits, axis=axis
    )
    values = ops.where(valid, values, 0.0)
    values._keras_mask = valid
    return values


# Loss classes hand class indices over as they are instead of as floats.
sparse_categorical_crossentropy.integer_targets = True  # type: ignore[attr-defined]


def smooth_binary(y_true, label_smoothing: float):
    """Binary targets moved towards 0.5 by `label_smoothing`."""
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def prepare_categorical(y_true, y_pred, label_smoothing: float, axis: int, name: str):
    """Tensors of one dtype, the targets smoothed, after the checks that categorical losses share."""
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}")
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, y_pred.dtype)
    if y_pred.shape and y_pred.shape[-1] == 1:
        import warnings

        warnings.warn(
            f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with num_classes > 1. "
            f"Received: y_pred.shape={y_pred.shape}. Consider using 'binary_crossentropy' if you only have 2 "
            "classes.",
            SyntaxWarning,
            stacklevel=3,
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
    return y_true, y_pred


class BinaryCrossentropy(BuiltinLoss):
    """Cross-entropy of independent yes/no predictions, see `losses.binary_crossentropy`.

    Example:

    >>> losses.BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
    0.81492424

    Args:
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how far the targets are moved towards 0.5, in `[0, 1]`.
        axis: the axis of the mean.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name="binary_crossentropy",
        dtype=None,
    ):
        super().__init__(
            binary_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(BuiltinLoss):
    """Cross-entropy between distributions over classes, see `losses.categorical_crossentropy`.

    Example:

    >>> losses.CategoricalCrossentropy()([[0, 1, 0]], [[0.05, 0.95, 0]])
    0.05129331

    Args:
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: how much of each target is spread evenly over the classes, in `[0, 1]`.
        axis: the axis of the classes.
        reduction: how the values of a batch become one, see `Loss`.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name="categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(
            categorical_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(BuiltinLoss):
    """Cross-entropy between class indices and distributions, see `losses.sparse_categorical_crossentropy`.

    Example:

    >>> losses.SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])
    1.1769392

    Args:
        from_logits: whether `y_pred` holds logits instead of probabilities.
        ignore_class: an index whose samples count neither in the loss nor in its mean, for example -1.
        reduction: how the values of a batch become one, see `Loss`.
        axis: the axis of the classes.
        name: name of the loss.
        dtype: dtype of the computation, by default `config.floatx()`.
    """

    _config_keys = ("from_logits", "ignore_class")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name="sparse_categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
