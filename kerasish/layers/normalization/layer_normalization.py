"""Layer normalization."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.normalization.base_normalization import (
    BaseNormalization,
    at_least_float32,
    normalized,
)


class LayerNormalization(BaseNormalization):
    """Bring each sample to mean 0 and variance 1 over some of its axes.

    `gamma * (x - mean(x)) / sqrt(var(x) + epsilon) + beta` (Ba et al., "Layer normalization", 2016).

    Example:

    >>> kerasish.layers.LayerNormalization(epsilon=0.0)([[0.0, 10.0], [20.0, 30.0]]).numpy()
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)

    Args:
        axis: The axis or axes that are normalized over.
        epsilon: Small number added to variances, so that none is zero.
        center: Whether there is an offset `beta`.
        scale: Whether there is a factor `gamma`.
        beta_initializer: Initial values of `beta`, of the lengths of the axes.
        gamma_initializer: Initial values of `gamma`, of the lengths of the axes.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Map to allowed values of `beta`, applied after each update.
        gamma_constraint: Map to allowed values of `gamma`, applied after each update.

    Raises:
        TypeError: If `axis` is no integer or list of integers.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        rms_scaling = kwargs.pop("rms_scaling", False)
        if rms_scaling:
            warnings.warn(
                "You passed `rms_scaling=True`, which is deprecated: it divides by the standard deviation, not by the "
                "root mean square. Use `keras.layers.RMSNormalization` instead.",
                stacklevel=2,
            )
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(
                "Expected an int or a list/tuple of ints for the argument 'axis', but received: "
                f"axis={axis!r}"
            )
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.rms_scaling = rms_scaling
        self.autocast = False

    def build(self, input_shape: tuple) -> None:
        self.axis = [self.axis] if isinstance(self.axis, int) else sorted(self.axis)
        lengths = tuple(input_shape[axis] for axis in self.axis)
        self._add_gamma_and_beta(
            lengths, self.scale or self.rms_scaling, self.center and not self.rms_scaling
        )
        self._axes = tuple(axis % len(input_shape) for axis in self.axis)
        first = min(self._axes)
        # Leading axes of length one need not be spelled out to broadcast.
        self._broadcast_shape = tuple(
            input_shape[axis] if axis in self._axes else 1 for axis in range(first, len(input_shape))
        )

    def call(self, inputs: Tensor) -> Tensor:
        x = at_least_float32(inputs)
        gamma, beta = self._gamma_and_beta(self._broadcast_shape, x.dtype)
        if self.rms_scaling:
            outputs = x * ops.rsqrt(ops.var(x, self._axes, keepdims=True) + self.epsilon) * gamma
        else:
            outputs = normalized(x, self._axes, self.epsilon, gamma, beta)[0]
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "rms_scaling": self.rms_scaling,
            **self._affine_config(),
        }
