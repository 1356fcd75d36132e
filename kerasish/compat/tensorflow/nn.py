"""`tf.nn`."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish import random as _random
from kerasish.compat.tensorflow._naming import named, named_functions

_SAME = (
    "elu gelu in_top_k leaky_relu log_softmax moments relu relu6 selu sigmoid silu softmax softplus softsign swish "
    "tanh top_k"
).split()

globals().update(named_functions(ops, {name: name for name in _SAME}))


@named
def bias_add(value: Any, bias: Any) -> Any:
    """Return `value + bias`, the bias along the last axis."""
    return ops.add(value, bias)


@named
def dropout(x: Any, rate: float, seed: Any = None) -> Any:
    """Set each value to 0 with probability `rate` and divide the others by 1 - `rate`."""
    return _random.dropout(x, rate, seed=seed)


@named
def l2_loss(t: Any) -> Any:
    """Return half the sum of the squares."""
    return ops.sum(ops.square(t)) / 2


@named
def sigmoid_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """Return the binary cross-entropy of each label and the sigmoid of its logit."""
    return ops.binary_crossentropy(labels, logits, from_logits=True)


@named
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1) -> Any:
    """Return the cross-entropy of each row of class probabilities and the softmax of its logits."""
    return ops.categorical_crossentropy(labels, logits, from_logits=True, axis=axis)


@named
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any) -> Any:
    """Return the cross-entropy of each class number and the softmax of its row of logits."""
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
