"""Cross-entropies between targets and predicted distributions.

They are written per element (no reduction over the batch): the classes in `kerasish.losses` and
`kerasish.metrics` weight and reduce them.
"""

from __future__ import annotations

import numpy as np

from kerasish import config
from kerasish.autograd.abstract import Abstract
from kerasish.autograd.dtypes import FLOATS, INTS
from kerasish.autograd.primitive import Primitive
from kerasish.devices import cpu
from kerasish.ops.activations import log_softmax, softmax, softplus
from kerasish.ops.arithmetic import clip
from kerasish.ops.core import cast, convert_to_tensor
from kerasish.ops.elementwise import greater, less, log, logical_and, negative
from kerasish.ops.encoding import one_hot
from kerasish.ops.positions import take_along_axis, where
from kerasish.ops.reductions import sum
from kerasish.ops.shapes import expand_dims, moveaxis, squeeze


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

    `loss = -log(output[target])`, after the probabilities are rescaled to sum to one along `axis` and clipped to
    `[epsilon, 1 - epsilon]`.

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
        ValueError: if the shapes don't fit together, `output` is a scalar, or an index is outside the classes.
    """
    target, output = convert_to_tensor(target), convert_to_tensor(output)
    rank = len(output.shape)
    if rank < 1:
        raise ValueError(f"Argument `output` must be at least rank 1. Received: output.shape={output.shape}")
    if axis not in (-1, rank - 1):
        output, target = _classes_last(target, output, axis)
    target = _as_class_index(target, output)
    if output.dtype not in FLOATS:
        output = cast(output, config.floatx())
    if from_logits:
        return _sparse_from_logits(output, target)
    epsilon = config.epsilon()
    return _sparse_from_probabilities(output, target, low=epsilon, high=1.0 - epsilon)


# The sparse cross-entropies are primitives of their own, because they are on the way of every training step of a
# classifier: as compositions of a dozen smaller ones they took longer than the layers.


def _rows(xp, output, target):
    """`output` as a matrix with one row a sample, and the places of the true classes in it, counted along its rows."""
    matrix, classes = output.reshape(-1, output.shape[-1]), target.reshape(-1)
    rows, count = matrix.shape
    if classes.dtype == np.uint64:  # with signed integers these would make floats
        classes = classes.astype(np.int64)
    return matrix, xp.arange(0, rows * count, count) + classes if count else classes


def _pick(xp, output, target):
    """What `_rows` returns, and the entries of the true classes."""
    matrix, places = _rows(xp, output, target)
    # (Where a device would have to be waited for, it does not tell: a compiled `fit` looks at the labels beforehand.)
    if xp is cpu:
        cpu.check_classes(target, matrix.shape[1])
    return matrix, places, matrix.reshape(-1)[places]


def _probabilities_run(xp, output, target, low, high):
    matrix, _, picked = _pick(xp, output, target)
    picked /= xp.sum(matrix, 1)
    xp.maximum(picked, low, out=picked)
    xp.minimum(picked, high, out=picked)
    return -xp.log(picked).reshape(target.shape)


def _probabilities_grad_run(xp, g, output, target, low, high):
    # d/dx_j of -log(p), where p = x_t / sum(x), is (1 - (j == t) / p) / sum(x) where nothing is clipped, else 0.
    matrix, places = _rows(xp, output, target)
    total = xp.sum(matrix, 1)
    probability = matrix.reshape(-1)[places] / total
    share = g.reshape(-1) * ((probability > low) & (probability < high)) / total
    out = xp.empty(output.shape, output.dtype)
    out.reshape(matrix.shape)[:] = share[:, None]
    out.reshape(-1)[places] = share - share / xp.minimum(xp.maximum(probability, low), high)
    return out


def _probabilities_grad_vjp_g(gg, out, g, output, target, low, high):
    picked, total, inside = _parts(output, target, low, high)
    at_target = take_along_axis(gg, expand_dims(target, -1), axis=-1)
    return squeeze(inside * (sum(gg, axis=-1, keepdims=True) / total - at_target / picked), -1)


def _probabilities_grad_vjp_output(gg, out, g, output, target, low, high):
    picked, total, inside = _parts(output, target, low, high)
    g = expand_dims(g, -1) * inside
    at_target = one_hot(target, output.shape[-1], dtype=output.dtype)
    through_total = g * sum(gg, axis=-1, keepdims=True) / (total * total)
    return at_target * (g * gg / (picked * picked)) - through_total


def _parts(output, target, low, high):
    """The entry of the true class (1 where it is clipped), the sum of all, and 1 where nothing is clipped."""
    picked = take_along_axis(output, expand_dims(target, -1), axis=-1)
    total = sum(output, axis=-1, keepdims=True)
    probability = picked / total
    inside = logical_and(greater(probability, low), less(probability, high))
    return where(inside, picked, 1.0), total, cast(inside, output.dtype)


_probabilities_grad = Primitive(
    "sparse_crossentropy_of_probabilities_grad",
    _probabilities_grad_run,
    lambda g, output, target, low, high: Abstract(output.shape, output.dtype),
    (_probabilities_grad_vjp_g, _probabilities_grad_vjp_output, None),
)
_sparse_from_probabilities = Primitive(
    "sparse_crossentropy_of_probabilities",
    _probabilities_run,
    lambda output, target, low, high: Abstract(target.shape, output.dtype),
    (
        lambda g, out, output, target, low, high: _probabilities_grad(g, output, target, low=low, high=high),
        None,
    ),
)


def _logits_run(xp, output, target):
    matrix, _, picked = _pick(xp, output, target)
    top = xp.max(matrix, 1, keepdims=True)
    total = xp.sum(xp.exp(matrix - top), 1)
    return (xp.log(total) - (picked - top[:, 0])).reshape(target.shape)


def _logits_grad_run(xp, g, output, target):
    # d/dx_j of logsumexp(x) - x_t is softmax(x)_j - (j == t).
    matrix, places = _rows(xp, output, target)
    out = xp.empty(output.shape, output.dtype)
    rows = out.reshape(matrix.shape)
    xp.exp(matrix - xp.max(matrix, 1, keepdims=True), out=rows)
    rows /= xp.sum(rows, 1, keepdims=True)
    out.reshape(-1)[places] -= 1
    rows *= g.reshape(-1, 1)
    return out


def _logits_grad_vjp_g(gg, out, g, output, target):
    picked = take_along_axis(gg, expand_dims(target, -1), axis=-1)
    return sum(gg * softmax(output), axis=-1) - squeeze(picked, -1)


def _logits_grad_vjp_output(gg, out, g, output, target):
    probability = softmax(output)
    weighted = probability * gg * expand_dims(g, -1)
    return weighted - probability * sum(weighted, axis=-1, keepdims=True)


_logits_grad = Primitive(
    "sparse_crossentropy_of_logits_grad",
    _logits_grad_run,
    lambda g, output, target: Abstract(output.shape, output.dtype),
    (_logits_grad_vjp_g, _logits_grad_vjp_output, None),
)
_sparse_from_logits = Primitive(
    "sparse_crossentropy_of_logits",
    _logits_run,
    lambda output, target: Abstract(target.shape, output.dtype),
    (lambda g, out, output, target: _logits_grad(g, output, target), None),
)


def _log_of_probabilities(probabilities):
    epsilon = config.epsilon()
    return log(clip(probabilities, epsilon, 1.0 - epsilon))


def _classes_last(target, output, axis):
    """`output`, and `target` if it has that axis too, with `axis` moved to the end."""
    same_rank = len(target.shape) == len(output.shape)
    return moveaxis(output, axis, -1), moveaxis(target, axis, -1) if same_rank else target


def _as_class_index(target, output):
    """Integer `target` of the shape of `output` without its last axis."""
    if target.dtype not in INTS:
        target = cast(target, "int32")
    expected = tuple(output.shape[:-1])
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = squeeze(target, axis=-1)
    if target.shape != expected and not _shapes_agree(target.shape, expected):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={target.shape}, output.shape={output.shape}. Expected one class index for each of "
            f"the {expected} predictions over {output.shape[-1]} classes."
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
