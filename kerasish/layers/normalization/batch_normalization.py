"""Batch normalization."""

from __future__ import annotations

from typing import Any

from kerasish import initializers, ops
from kerasish.autograd import no_grad
from kerasish.autograd.tensor import Tensor
from kerasish.config import epsilon as fuzz
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.normalization.base_normalization import (
    BaseNormalization,
    at_least_float32,
    normalized,
    scaled,
)


class BatchNormalization(BaseNormalization):
    """Bring each channel to mean 0 and variance 1: of the batch in training, of all batches seen in inference.

    In training: `gamma * (batch - mean(batch)) / sqrt(var(batch) + epsilon) + beta`, and the moving statistics follow
    by `moving = moving * momentum + batch's * (1 - momentum)`. In inference, and where the layer is not trainable, they
    take the place of the batch's. With `renorm` the inference statistics correct those of the batch in training too
    (Ioffe, "Batch renormalization", 2017).

    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    2015.

    Example:

    >>> kerasish.layers.BatchNormalization()(kerasish.ops.ones((2, 3)), training=True).numpy()
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)

    Args:
        axis: The axis of the channels.
        momentum: How slowly the moving statistics follow, from 0 to 1.
        epsilon: Small number added to variances, so that none is zero.
        center: Whether there is an offset `beta`.
        scale: Whether there is a factor `gamma`.
        beta_initializer: Initial values of `beta`.
        gamma_initializer: Initial values of `gamma`.
        moving_mean_initializer: Initial values of the moving mean.
        moving_variance_initializer: Initial values of the moving variance.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Map to allowed values of `beta`, applied after each update.
        gamma_constraint: Map to allowed values of `gamma`, applied after each update.
        renorm: Whether to correct batch statistics by moving ones in training.
        renorm_clipping: Dict of the limits `"rmax"`, `"rmin"` and `"dmax"` of the corrections.
        renorm_momentum: How slowly the statistics of the corrections follow.
        synchronized: Whether statistics are of all replicas; there is one.

    Call arguments:
        inputs: Tensor of any rank.
        training: Whether the batch's own statistics are used, and the moving ones updated.
        mask: Bool tensor of the inputs' shape without the last axis, that tells which positions count.

    Raises:
        ValueError: If `synchronized`, if `renorm_clipping` has other keys or contradicts itself, or a mask is not one
            axis shorter than the inputs.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            epsilon=float(epsilon),
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
        if synchronized:
            raise ValueError(
                "Argument `synchronized=True` needs several replicas, and there is one. Leave it out. "
                f"Received: synchronized={synchronized}"
            )
        # Files of older versions hold a list of one axis.
        self.axis = int(axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis)
        self.synchronized = synchronized
        self.momentum = float(momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = _checked_clipping(renorm_clipping) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum

    def build(self, input_shape: tuple) -> None:
        length = input_shape[self.axis]
        self._add_gamma_and_beta((length,), self.scale, self.center)
        self.moving_mean = self._add_statistic("moving_mean", length, self.moving_mean_initializer)
        self.moving_variance = self._add_statistic(
            "moving_variance", length, self.moving_variance_initializer
        )
        if self.renorm:
            deviation = _square_root_of(self.moving_variance_initializer)
            self.moving_stddev = self._add_statistic("moving_stddev", length, deviation)
            self.renorm_mean = self._add_statistic("renorm_mean", length, self.moving_mean_initializer)
            self.renorm_stddev = self._add_statistic("renorm_stddev", length, deviation)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: length})
        axis = self.axis % len(input_shape)
        self._axes = tuple(a for a in range(len(input_shape)) if a != axis)
        self._broadcast_shape = tuple(length if a == axis else 1 for a in range(len(input_shape)))

    def _add_statistic(self, name: str, length: int, initializer: Any) -> Any:
        return self.add_weight(
            name=name, shape=(length,), initializer=initializer, trainable=False, autocast=False
        )

    def call(self, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Tensor:
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. Received: "
                f"mask.shape={mask.shape}, inputs.shape={inputs.shape}"
            )
        x = at_least_float32(inputs)
        gamma, beta = self._gamma_and_beta(self._broadcast_shape, x.dtype)
        if training and self.trainable:
            outputs = self._normalize_by_batch(x, gamma, beta, mask)
        else:
            outputs = self._normalize_by_moving(x, gamma, beta)
        return ops.cast(outputs, self.compute_dtype)

    def _normalize_by_moving(self, x: Tensor, gamma: Tensor | None, beta: Tensor | None) -> Tensor:
        mean = ops.reshape(ops.cast(self.moving_mean, x.dtype), self._broadcast_shape)
        variance = ops.reshape(ops.cast(self.moving_variance, x.dtype), self._broadcast_shape)
        factor = ops.rsqrt(variance + self.epsilon)
        if gamma is not None:
            factor = factor * gamma
        offset = -mean * factor
        return x * factor + (offset if beta is None else offset + beta)

    def _normalize_by_batch(self, x: Tensor, gamma: Any, beta: Any, mask: Any) -> Tensor:
        if mask is None and not self.renorm:
            outputs, mean, variance = normalized(x, self._axes, self.epsilon, gamma, beta)
            self._follow(mean, variance)
            return outputs
        mean, variance = self._masked_moments(x, mask) if mask is not None else self._moments(x)
        if self.renorm:
            gamma, beta = self._corrected(mean, variance, gamma, beta)
            self._follow_renorm(mean, variance)
        else:
            self._follow(mean, variance)
        return scaled(x - mean, variance, self.epsilon, gamma, beta)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return ops.moments(x, self._axes, keepdims=True)

    def _masked_moments(self, x: Tensor, mask: Any) -> tuple[Tensor, Tensor]:
        counts = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), x.shape)
        number = ops.sum(ops.cast(counts, x.dtype), self._axes, keepdims=True) + fuzz()
        mean = ops.sum(ops.where(counts, x, 0), self._axes, keepdims=True) / number
        squares = ops.square(ops.where(counts, x - mean, 0))
        return mean, ops.sum(squares, self._axes, keepdims=True) / number

    # Moving statistics: they are state, and no gradient flows through them.

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        with no_grad():
            self._move(self.moving_mean, mean, self.momentum)
            self._move(self.moving_variance, variance, self.momentum)

    def _move(self, variable: Any, value: Tensor, momentum: float) -> None:
        value = ops.reshape(value, variable.shape)
        variable.assign(ops.cast(variable, value.dtype) * momentum + value * (1.0 - momentum))

    def _corrected(self, mean: Tensor, variance: Tensor, gamma: Any, beta: Any) -> tuple[Tensor, Tensor]:
        """Return `gamma` and `beta` such that they correct the batch's statistics as the paper's r and d do."""
        with no_grad():
            shape, dtype = self._broadcast_shape, mean.dtype
            moving_mean = ops.reshape(ops.cast(self.renorm_mean, dtype), shape)
            moving_stddev = ops.reshape(ops.cast(self.renorm_stddev, dtype), shape)
            moving_stddev = ops.maximum(moving_stddev, self.epsilon**0.5)
            r = ops.sqrt(variance + self.epsilon) / moving_stddev
            d = (mean - moving_mean) / moving_stddev
            limits = self.renorm_clipping or {}
            if limits.get("rmin") is not None:
                r = ops.maximum(r, limits["rmin"])
            if limits.get("rmax") is not None:
                r = ops.minimum(r, limits["rmax"])
            if limits.get("dmax") is not None:
                d = ops.clip(d, -limits["dmax"], limits["dmax"])
        factor, offset = (r, d) if gamma is None else (r * gamma, d * gamma)
        return factor, offset if beta is None else offset + beta

    def _follow_renorm(self, mean: Tensor, variance: Tensor) -> None:
        with no_grad():
            stddev = ops.sqrt(variance + self.epsilon)
            self._move(self.renorm_mean, mean, self.renorm_momentum)
            self._move(self.renorm_stddev, stddev, self.renorm_momentum)
            self._move(self.moving_mean, mean, self.momentum)
            self._move(self.moving_stddev, stddev, self.momentum)
            self.moving_variance.assign(ops.relu(ops.square(self.moving_stddev) - self.epsilon))

    def get_config(self) -> dict[str, Any]:
        affine = self._affine_config()
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": affine.pop("beta_initializer"),
            "gamma_initializer": affine.pop("gamma_initializer"),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            **affine,
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def _checked_clipping(clipping: dict[str, float] | None) -> dict[str, float]:
    clipping = clipping or {}
    known = ["rmax", "rmin", "dmax"]
    if set(clipping) - set(known):
        raise ValueError(
            f"Received invalid keys for `renorm_clipping` argument: {clipping}. Supported values: {known}."
        )
    largest, least, shift = (clipping.get(key) for key in known)
    if largest is not None and least is not None and largest < least:
        raise ValueError(
            "rmax should be greater than rmin in the `renorm_clipping` argument. "
            f"Received: rmax={largest}, rmin={least}."
        )
    if shift is not None and shift < 0:
        raise ValueError(
            f"dmax should be non-negative in the `renorm_clipping` argument. Received: dmax={shift}."
        )
    return clipping


def _square_root_of(initializer: Any) -> Any:
    """Return an initializer of standard deviations for one of variances."""
    return lambda shape, dtype=None: ops.sqrt(initializer(shape, dtype=dtype))
