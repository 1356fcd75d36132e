"""`torch.nn.functional`."""

from __future__ import annotations

from kerasish import ops
from kerasish import random as _random
from kerasish.autograd import Tensor
from kerasish.autograd.primitives import linalg
from kerasish.autograd.primitives.elementwise import square

relu, sigmoid, tanh, elu, gelu, silu, softplus = (
    ops.relu,
    ops.sigmoid,
    ops.tanh,
    ops.elu,
    ops.gelu,
    ops.silu,
    ops.softplus,
)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `input @ weight.T + bias`.

    Args:
        input: Of shape (..., in_features).
        weight: Of shape (out_features, in_features).
        bias: Of shape (out_features,), or None.

    Raises:
        RuntimeError: If `input` has another number of features.
    """
    shape = input.shape
    if not shape or shape[-1] != weight.shape[1]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied: the input has shape {tuple(shape)} and its last axis should "
            f"be {weight.shape[1]}, the number of input features of the weight of shape {tuple(weight.shape)}."
        )
    if len(shape) == 1:
        product = ops.matmul(input, weight.T)
    else:
        product = linalg.matmul(input, weight, transpose_y=True)
    return product if bias is None else product + bias


def softmax(input: Tensor, dim: int = -1) -> Tensor:
    """Return exponentials along an axis, divided by their sum."""
    return ops.softmax(input, axis=dim)


def log_softmax(input: Tensor, dim: int = -1) -> Tensor:
    """Return the logarithm of `softmax`, computed without overflow."""
    return ops.log_softmax(input, axis=dim)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return `input` where it is positive, else `negative_slope * input`."""
    return ops.leaky_relu(input, negative_slope)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Set each value to 0 with probability `p` and divide the others by 1 - `p`, in training only."""
    return _random.dropout(input, p) if training and p else input


def one_hot(tensor: Tensor, num_classes: int) -> Tensor:
    """Return rows with a 1 at each class number."""
    return ops.one_hot(tensor, num_classes, dtype="int64")


def _reduced(values: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return ops.mean(values)
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "none":
        return values
    raise ValueError(f"{reduction} is not a valid value for reduction: use 'mean', 'sum' or 'none'.")


def _check_same_shape(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        raise ValueError(
            f"The input's shape {tuple(input.shape)} and the target's {tuple(target.shape)} differ, so the loss would "
            "compare each value with all others. Reshape one of them."
        )


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean of (input - target)².

    Raises:
        ValueError: If the shapes differ (PyTorch only warns).
    """
    _check_same_shape(input, target)
    return _reduced(square(input - target), reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean of |input - target|."""
    _check_same_shape(input, target)
    return _reduced(ops.absolute(input - target), reduction)


def cross_entropy(
    input: Tensor, target: Tensor, reduction: str = "mean", label_smoothing: float = 0.0
) -> Tensor:
    """Return the mean cross-entropy of classes and the softmax of logits.

    Args:
        input: Logits of shape (classes,), (batch, classes) or (batch, classes, ...).
        target: Class numbers of the shape of `input` without the classes, or probabilities of its shape.
        reduction: `"mean"`, `"sum"` or `"none"`.
        label_smoothing: Share of each target that is spread over all classes.
    """
    axis = 1 if input.ndim > 1 else 0
    log_probabilities = ops.log_softmax(input, axis=axis)
    if target.dtype.startswith(("int", "uint")):
        target = ops.one_hot(target, input.shape[axis], axis=axis, dtype=input.dtype)
    if label_smoothing:
        target = target * (1.0 - label_smoothing) + label_smoothing / input.shape[axis]
    return _reduced(-ops.sum(target * log_probabilities, axis=axis), reduction)


def nll_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean of minus the log-probability (`input`) of each class number."""
    axis = 1 if input.ndim > 1 else 0
    chosen = ops.one_hot(target, input.shape[axis], axis=axis, dtype=input.dtype)
    return _reduced(-ops.sum(chosen * input, axis=axis), reduction)


def binary_cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean binary cross-entropy of probabilities."""
    _check_same_shape(input, target)
    return _reduced(ops.binary_crossentropy(target, input), reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the mean binary cross-entropy of the sigmoid of logits."""
    _check_same_shape(input, target)
    return _reduced(ops.binary_crossentropy(target, input, from_logits=True), reduction)
