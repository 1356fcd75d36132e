"""Normalization by norms, and by means and variances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import config
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives.shapes import normalize_axes, reshape
from kerasish.autograd.tensor import Tensor, as_tensor
from kerasish.ops.arithmetic import clip
from kerasish.ops.common import Axis, as_float
from kerasish.ops.linalg import norm
from kerasish.ops.reductions import mean, sum, var
from kerasish.ops.shapes import squeeze


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """Return `x` divided by its norm of `order` along `axis`, which counts as at least `epsilon`."""
    x = as_float(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        square_sum = sum(e.square(x), axis, keepdims=True)
        return x * e.reciprocal(e.sqrt(e.maximum(square_sum, epsilon**2)))
    return x / e.maximum(norm(x, order, axis, keepdims=True), epsilon)


def moments(
    x: Any, axes: Sequence[int], keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance over `axes`; those of half-precision tensors are computed in float32.

    Example:

    >>> mean, variance = kerasish.ops.moments(kerasish.ops.array([[0.0, 2.0], [4.0, 6.0]]), axes=[0])
    >>> mean.tolist(), variance.tolist()
    ([2.0, 4.0], [4.0, 4.0])

    Args:
        x: The tensor.
        axes: The axes to reduce.
        keepdims: Whether they stay with length one.
        synchronized: Whether several devices share their statistics; only False is possible.

    Raises:
        NotImplementedError: If `synchronized`.
    """
    if synchronized:
        raise NotImplementedError("`moments` computes on one device. Received: synchronized=True")
    x = as_tensor(x)
    half = x.dtype in ("float16", "bfloat16")
    wide = cast(x, "float32") if half else x
    center = mean(wide, axes, keepdims=True)
    variance = mean(e.square(wide - center), axes, keepdims)
    center = center if keepdims else squeeze(center, axes)
    if not half:
        return center, variance
    largest = 65504.0
    return cast(clip(center, -largest, largest), x.dtype), cast(clip(variance, -largest, largest), x.dtype)


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Return `scale * (x - mean) / sqrt(variance + epsilon) + offset`, with a value of each for each slice of `axis`.

    Example:

    >>> x = kerasish.ops.array([[0.0, 2.0], [4.0, 6.0]])
    >>> kerasish.ops.batch_normalization(x, mean=[2.0, 4.0], variance=[4.0, 4.0], axis=-1, epsilon=0.0).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]

    Args:
        x: The tensor.
        mean: Vector as long as `axis`.
        variance: Vector as long as `axis`.
        axis: The axis that keeps its statistics apart, usually the channels.
        offset: Vector as long as `axis` (beta), or None for zeros.
        scale: Vector as long as `axis` (gamma), or None for ones.
        epsilon: What is added to the variance so that it is never zero.

    Returns:
        Tensor of the shape of `x`.

    Raises:
        ValueError: If a vector is not as long as `axis`.
    """
    x = as_float(x)
    shape = [1] * x.ndim
    shape[axis] = -1
    parts = []
    for name, part in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        vector = None if part is None else as_tensor(part)
        if vector is not None and (
            vector.ndim != 1 or None is not x.shape[axis] not in (vector.shape[0], None)
        ):
            raise ValueError(
                f"`batch_normalization` needs a `{name}` of one value for each of the {x.shape[axis]} slices of axis "
                f"{axis}. Received: {name}.shape={vector.shape}, x.shape={x.shape}"
            )
        parts.append(vector if vector is None or axis in (-1, x.ndim - 1) else reshape(vector, shape))
    center, spread, shift, factor = parts
    inverse = e.reciprocal(e.sqrt(spread + epsilon))
    if factor is not None:
        inverse = inverse * factor
    rest = -center * inverse
    return x * inverse + (rest if shift is None else rest + shift)


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: Axis = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    """Return `x` with mean 0 and variance 1 over `axis`, times `gamma` plus `beta` (Ba et al., 2016).

    Example:

    >>> kerasish.ops.layer_normalization(kerasish.ops.array([[1.0, 3.0]]), epsilon=0.0).tolist()
    [[-1.0, 1.0]]

    Args:
        x: The tensor; half precision is computed in float32.
        gamma: Factors, of the shape of `x` along `axis`.
        beta: Summands, of the shape of `x` along `axis`.
        axis: The axis or axes to normalize over.
        epsilon: What is added to the variance; `keras.config.epsilon()` by default.
        kwargs: `rms_scaling`: Keras's deprecated division by the standard deviation alone.

    Returns:
        Tensor of the shape and dtype of `x`.
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"`layer_normalization` got unknown arguments: {', '.join(kwargs)}")
    epsilon = config.epsilon() if epsilon is None else epsilon
    x = as_tensor(x)
    dtype = x.dtype
    x = cast(x, dtypes.result_type(dtype, "float32"))
    axes = sorted(normalize_axes(axis, x.ndim))
    gamma, beta = (_along(v, x, axes) for v in (gamma, beta))
    if rms_scaling:
        out = x * e.reciprocal(e.sqrt(var(x, axes, keepdims=True) + epsilon))
        return cast(out if gamma is None else out * gamma, dtype)
    center = x - mean(x, axes, keepdims=True)
    out = center * e.reciprocal(e.sqrt(mean(e.square(center), axes, keepdims=True) + epsilon))
    out = out if gamma is None else out * gamma
    return cast(out if beta is None else out + beta, dtype)


def _along(values: Any, x: Tensor, axes: Sequence[int]) -> Tensor | None:
    """Return parameters of the normalized axes in a shape that broadcasts to `x`."""
    if values is None:
        return None
    values = as_tensor(values, x.dtype)
    if values.ndim == x.ndim or list(axes) == [x.ndim - 1]:
        return values
    return reshape(values, [x.shape[a] if a in axes else 1 for a in range(x.ndim)])


def rms_normalization(x: Any, scale: Any = None, axis: Axis = -1, epsilon: float | None = None) -> Tensor:
    """Return `x` divided by its root mean square over `axis`, times `scale` (Zhang and Sennrich, 2019).

    Example:

    >>> kerasish.ops.rms_normalization(kerasish.ops.array([[1.0, -1.0]]), epsilon=0.0).tolist()
    [[1.0, -1.0]]

    Args:
        x: The tensor; half precision is computed in float32.
        scale: Factors that broadcast to `x`.
        axis: The axis or axes to normalize over.
        epsilon: What is added to the mean square; `keras.config.epsilon()` by default.

    Returns:
        Tensor of the shape and dtype of `x`.
    """
    epsilon = config.epsilon() if epsilon is None else epsilon
    x = as_tensor(x)
    dtype = x.dtype
    x = cast(x, dtypes.result_type(dtype, "float32"))
    axes = tuple(axis) if isinstance(axis, list) else axis
    out = x * e.reciprocal(e.sqrt(mean(e.square(x), axes, keepdims=True) + epsilon))
    return cast(out if scale is None else out * as_tensor(scale, x.dtype), dtype)
