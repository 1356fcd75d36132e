"""Normalization by the mean and variance of a data set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.config import epsilon
from kerasish.layers.layer import Layer
from kerasish.layers.preprocessing.batches import batches_of


class Normalization(Layer):
    """Bring features to mean 0 and variance 1: `(inputs - mean) / sqrt(variance)` of a data set.

    Mean and variance are given, or found out by `adapt`, and do not change in training.

    Example:

    >>> layer = kerasish.layers.Normalization()
    >>> layer.adapt(np.array([[0.0], [2.0], [4.0]], "float32"))
    >>> layer(np.array([[2.0]], "float32")).numpy()
    array([[0.]], dtype=float32)

    Args:
        axis: The axis or axes whose positions have a mean and variance each; None for one of all.
        mean: The mean: a number, or one for each position.
        variance: The variance: a number, or one for each position.
        invert: Whether to do the reverse: `inputs * sqrt(variance) + mean`.

    Raises:
        ValueError: If only one of mean and variance is given, or they do not fit each other or the axes.
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        _check_given(mean, variance, self.axis)

    def build(self, input_shape: tuple | None = None) -> None:
        if input_shape is None:
            return
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(
                f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={rank}, while "
                f"axis={self.axis}"
            )
        kept = self._kept = tuple(sorted(a % rank for a in self.axis))
        for axis in kept:
            if input_shape[axis] is None:
                raise ValueError(
                    f"All `axis` values to be kept must have a known shape. Received axis={self.axis}, "
                    f"inputs.shape={input_shape}, with unknown axis at index {axis}"
                )
        self._built_for = tuple(input_shape)
        self._reduced = tuple(a for a in range(rank) if a not in kept)
        self._broadcast_shape = tuple(input_shape[a] if a in kept else 1 for a in range(rank))
        shape = tuple(input_shape[a] for a in kept)
        if self.input_mean is not None:
            return
        self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.adapt_variance = self.add_weight(
            name="variance", shape=shape, initializer="ones", trainable=False
        )
        # Without a meaning any more: files of older versions have it.
        self.count = self.add_weight(
            name="count", shape=(), dtype="int32", initializer="zeros", trainable=False
        )

    @property
    def mean(self) -> Tensor | None:
        """The mean in a shape that broadcasts against the inputs; None before the layer is built."""
        return self._statistic(self.input_mean, "adapt_mean")

    def finalize_state(self) -> None:
        """Do nothing: `mean` and `variance` always are those of the last `adapt`. Called by programs for Keras."""

    @property
    def variance(self) -> Tensor | None:
        """The variance in a shape that broadcasts against the inputs; None before the layer is built."""
        return self._statistic(self.input_variance, "adapt_variance")

    def _statistic(self, given: Any, adapted: str) -> Tensor | None:
        if "_broadcast_shape" not in self.__dict__:
            return None
        if given is None:
            return ops.cast(ops.reshape(getattr(self, adapted), self._broadcast_shape), self.compute_dtype)
        value = ops.convert_to_tensor(given)
        shape = [1] * len(self._broadcast_shape)
        for axis, length in zip(reversed(self._kept), reversed(value.shape), strict=False):
            shape[axis] = length
        value = ops.cast(ops.reshape(value, shape), self.compute_dtype)
        return ops.broadcast_to(value, self._broadcast_shape)

    def adapt(self, data: Any) -> None:
        """Find out mean and variance of a data set, in place of those that were found out before.

        Args:
            data: An array, a tensor, a `PyDataset`, or an iterable of batches.

        Raises:
            ValueError: If there is no batch, or its shape does not fit what the layer was built for.
            TypeError: If `data` is none of these.
        """
        total: Any = None
        for batch in batches_of(data):
            self._check_batch(batch)
            wide = batch.astype(np.float64)
            count = math.prod(batch.shape[a] for a in self._reduced)
            total = _merged(total, (count, wide.mean(self._reduced), wide.var(self._reduced)))
        if total is None:
            raise ValueError(
                "adapt() received an empty iterable (no batches). Expected at least one batch. Pass a non-empty "
                "iterable of arrays or tensors, e.g. layer.adapt([x])."
            )
        self.adapt_mean.assign(total[1])
        self.adapt_variance.assign(total[2])

    def _check_batch(self, batch: np.ndarray) -> None:
        if self.input_mean is not None:
            raise ValueError(
                "A `Normalization` layer that was given `mean` and `variance` cannot adapt. Leave them out."
            )
        if not self.built:
            self.build(batch.shape)
        known = self._built_for
        if batch.ndim != len(known) or any(batch.shape[a] != known[a] for a in self._kept):
            raise ValueError(
                f"The layer was built with input_shape={known}, but adapt() is being called with data with an "
                f"incompatible shape, data.shape={batch.shape}"
            )

    def call(self, inputs: Tensor) -> Tensor:
        inputs = ops.cast(inputs, self.compute_dtype)
        deviation = ops.maximum(ops.sqrt(self.variance), epsilon())
        return inputs * deviation + self.mean if self.invert else (inputs - self.mean) / deviation

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }


def _check_given(mean: Any, variance: Any, axis: tuple) -> None:
    if (mean is None) != (variance is None):
        raise ValueError(
            "When setting values directly, both `mean` and `variance` must be set. Received: "
            f"mean={mean} and variance={variance}"
        )
    if np.shape(mean) != np.shape(variance):
        raise ValueError(
            "When setting values directly, `mean` and `variance` must have the same shape. Received: mean shape "
            f"{np.shape(mean)} and variance shape {np.shape(variance)}"
        )
    if mean is not None and len(np.shape(mean)) > len(axis):
        raise ValueError(
            f"The rank of `mean` must be less than or equal to the number of axes ({len(axis)}). Received: mean shape "
            f"{np.shape(mean)} for axis {axis}"
        )


def _merged(one: tuple | None, two: tuple) -> tuple:
    """Return count, mean and variance of two sets of numbers together (Chan et al., 1979)."""
    if one is None:
        return two
    count = one[0] + two[0]
    weight = two[0] / count
    step = two[1] - one[1]
    variance = one[2] * (1 - weight) + two[2] * weight + np.square(step) * weight * (1 - weight)
    return count, one[1] + step * weight, variance
