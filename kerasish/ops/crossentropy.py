"""Cross-entropies between targets and predicted distributions, as compositions of simpler ops.

They are written per element (no reduction over the batch): the classes in `kerasish.losses` and
`kerasish.metrics` weight and reduce them.
"""

from __future__ import annotations

from kerasish import config
from kerasish.ops.core import cast, convert_to_tensor
from kerasish.ops.elementwise import log, negative
from kerasish.ops.nn import log_softmax, softplus
from kerasish.ops.numpy import clip, expand_dims, squeeze, sum, take_along_axis


def binary_crossentropy(target, output, from_logits: bool = False):
    """Cross-entropy of independent yes/no predictions, element by element.

    `loss = -target * log(output) - (1 - target) * log(1 - output)`, with `output` clipped to
    `[epsilon, 1 - epsilon]`; with `from_logits`, `output` is first passed through a sigmoid (computed
    without overflow as `target * softplus(-output) + (1 - target) * softplus(output)`).

    Example:

    >>> ops.binary_crossentropy([0.0, 1.0, 1.0, 0.0], [0.1, 0.9, 0.8, 0.2])
    array([0.10536054 0.10536054 0.22314355 0.22314355], shape=(4,), dtype=float32)

    Args:
        target: tensor of targets in `[0, 1]`, any shape.
        output: tensor of probabilities (or logits), the shape of `target`.
        from_logits: whether `output` holds logits instead of probabilities.

    Returns:
        Tensor of the inputs' shape.

    Raises:
        ValueError: if the shapes differ.
    """
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    _check_same_shape(target, output)
    target = _match_dtype(target, output)
    if from_logits:
        return target * softplus(-output) + (1.0 - target) * softplus(output)
    epsilon = config.epsilon()
    output = clip(output, epsilon, 1.0 - epsilon)
    return negative(target * log(output) + (1.0 - target) * log(1.0 - output))


def categorical_crossentropy(target, output, from_logits: bool = False, axis: int = -1):
    """Cross-entropy between two distributions over classes: `loss = -sum(target * log(output))`.

    Probabilities are rescaled to sum to one along `axis` and clipped to `[epsilon, 1 - epsilon]`.

    Example:

    >>> ops.categorical_crossentropy([[0.0, 1.0, 0.0]], [[0.05, 0.9, 0.05]])
    array([0.10536052], shape=(1,), dtype=float32)

    Args:
        target: tensor of target distributions, usually one-hot rows.
        output: tensor of probabilities (or logits), the shape of `target`.
        from_logits: whether `output` holds logits instead of probabilities.
        axis: the axis of the classes.

    Returns:
        Tensor of the inputs' shape without `axis`.

    Raises:
        ValueError: if the shapes differ or the inputs are scalars.
    """
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    _check_same_shape(target, output)
    if len(target.shape) < 1:
        raise ValueError(
            "Arguments `target` and `output` must be at least rank 1. "
            f"Received: target.shape={target.shape}, output.shape={output.shape}"
        )
    if from_logits:
        log_prob = log_softmax(output, axis=axis)
    else:
        log_prob = _log_of_probabilities(output / sum(output, axis=axis, keepdims=True))
    return negative(sum(_match_dtype(target, output) * log_prob, axis=axis))


def sparse_categorical_crossentropy(target, output, from_logits: bool = False, axis: int = -1):
    """Cross-entropy between integer class indices and a distribution over classes.

    `loss = -log(output[target])`: only the entry of the true class is ever divided, clipped and logged,
    so that nothing of the size of `output` is made but the sum that rescales the probabilities.

    Example:

    >>> ops.sparse_categorical_crossentropy([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    array([0.10536054 1.609438  ], shape=(2,), dtype=float32)

    Args:
        target: tensor of class indices in `[0, num_classes)`; the shape of `output` without `axis`, or with
            a length of one there.
        output: tensor of probabilities (or logits).
        from_logits: whether `output` holds logits instead of probabilities.
        axis: the axis of the classes.

    Returns:
        Tensor of the shape of `output` without `axis`.

    Raises:
        ValueError: if the shapes don't fit together or `output` is a scalar.
    """
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    rank = len(output.shape)
    if rank < 1:
        raise ValueError(f"Argument `output` must be at least rank 1. Received: output.shape={output.shape}")
    class_axis = axis + rank if axis < 0 else axis
    target = _as_class_index(target, output, class_axis)
    if from_logits:
        true_class = take_along_axis(log_softmax(output, axis=axis), target, axis=class_axis)
    else:
        true_class = take_along_axis(output, target, axis=class_axis) / sum(
            output, axis=class_axis, keepdims=True
        )
        true_class = _log_of_probabilities(true_class)
    return negative(squeeze(true_class, axis=class_axis))


def _log_of_probabilities(probabilities):
    epsilon = config.epsilon()
    return log(clip(probabilities, epsilon, 1.0 - epsilon))


def _as_class_index(target, output, class_axis):
    """Integer `target` with a length-one axis where `output` has its classes, ready to index it."""
    shape = list(output.shape)
    num_classes, shape[class_axis] = shape[class_axis], 1
    if target.dtype not in ("int32", "int64"):
        target = cast(target, "int32")
    if len(target.shape) == len(shape) - 1:
        target = expand_dims(target, class_axis)
    if not _shapes_agree(target.shape, shape):
        expected = tuple(shape[:class_axis] + shape[class_axis + 1 :])
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={target.shape}, output.shape={output.shape}. Expected one class index for each of "
            f"the {expected} predictions over {num_classes} classes."
        )
    return target


def _check_same_shape(target, output):
    if target.shape != output.shape and not _shapes_agree(target.shape, output.shape):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. "
            f"Received: target.shape={target.shape}, output.shape={output.shape}"
        )


def _shapes_agree(a, b):
    # Unknown dimensions (None) of symbolic tensors agree with everything.
    return len(a) == len(b) and all(i == j or i is None or j is None for i, j in zip(a, b, strict=True))


def _match_dtype(target, output):
    return target if target.dtype == output.dtype else cast(target, output.dtype)
