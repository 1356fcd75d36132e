"""What normalization layers share: a scale, an offset, and the normalization itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasish import constraints, initializers, ops, regularizers
from kerasish.autograd import dtypes
from kerasish.autograd.tensor import Tensor
from kerasish.layers.layer import Layer


class BaseNormalization(Layer):
    """A layer that multiplies what it has normalized by `gamma` and adds `beta`.

    Args:
        epsilon: Small number added to variances, so that none is zero.
        center: Whether there is an offset `beta`.
        scale: Whether there is a factor `gamma`.
        beta_initializer: Initial values of `beta`.
        gamma_initializer: Initial values of `gamma`.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Map to allowed values of `beta`, applied after each update.
        gamma_constraint: Map to allowed values of `gamma`, applied after each update.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None
        self.supports_masking = True

    def _add_gamma_and_beta(self, shape: Sequence[int], gamma: bool, beta: bool) -> None:
        if gamma:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if beta:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
            )

    def _gamma_and_beta(self, shape: Sequence[int], dtype: str) -> tuple[Tensor | None, Tensor | None]:
        """Return `gamma` and `beta` in a shape that broadcasts against the inputs, and in their dtype."""
        return tuple(  # type: ignore[return-value]
            None if weight is None else ops.cast(_reshaped(weight, shape), dtype)
            for weight in (self.gamma, self.beta)
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        check_axes(self.axis, input_shape)
        return input_shape

    def _affine_config(self) -> dict[str, Any]:
        return {
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


def normalized(
    x: Tensor, axes: Sequence[int], epsilon: float, gamma: Tensor | None, beta: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `x` with mean 0 and variance 1 over `axes`, times `gamma`, plus `beta`; and that mean and variance."""
    mean = ops.mean(x, axes, keepdims=True)
    centered = x - mean
    variance = ops.mean(ops.square(centered), axes, keepdims=True)
    return scaled(centered, variance, epsilon, gamma, beta), mean, variance


def scaled(
    centered: Tensor, variance: Tensor, epsilon: float, gamma: Tensor | None, beta: Tensor | None
) -> Tensor:
    """Return `centered / sqrt(variance + epsilon) * gamma + beta`, the factors of the smallest shapes first."""
    inverse = ops.rsqrt(variance + epsilon)
    if gamma is None:
        outputs = centered * inverse
    elif variance.shape == gamma.shape:
        outputs = centered * (inverse * gamma)
    else:
        outputs = centered * inverse * gamma
    return outputs if beta is None else outputs + beta


def at_least_float32(x: Tensor) -> Tensor:
    """Return `x` in float32 if it is narrower: squares of 16-bit numbers overflow."""
    return ops.cast(x, dtypes.result_type(x.dtype, "float32"))


def check_axes(axis: int | Sequence[int], input_shape: tuple) -> None:
    """Raise ValueError unless the axes are of the input."""
    for one in (axis,) if isinstance(axis, int) else axis:
        if not -len(input_shape) <= one < len(input_shape):
            raise ValueError(
                f"Axis {one} is out of bounds for input shape {input_shape}. Received: axis={axis}"
            )


def _reshaped(x: Tensor, shape: Sequence[int]) -> Tensor:
    return x if x.shape == tuple(shape) else ops.reshape(x, shape)
