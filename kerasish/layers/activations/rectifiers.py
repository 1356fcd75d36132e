"""Rectifiers as layers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from kerasish import activations, constraints, initializers, regularizers
from kerasish.autograd.tensor import Tensor
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.layer import Layer


class _Elementwise(Layer):
    """A layer that keeps the shape of its inputs, and their mask."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape


class ReLU(_Elementwise):
    """Rectified linear unit: `max(x, 0)`, with an optional slope, cap and threshold.

    `f(x) = max_value` for `x >= max_value`, `x` for `threshold <= x < max_value`, and
    `negative_slope * (x - threshold)` otherwise.

    Example:

    >>> kerasish.layers.ReLU(max_value=2.0)([-3.0, 1.0, 4.0]).numpy()
    array([0., 1., 2.], dtype=float32)

    Args:
        max_value: The largest value returned, at least 0; None for no limit.
        negative_slope: Slope below the threshold, at least 0.
        threshold: Inputs below this value are damped, at least 0.

    Raises:
        ValueError: If an argument is negative.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0.0:
            raise ValueError(
                f"max_value of a ReLU layer cannot be a negative value. Received: max_value={max_value}"
            )
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0.0:
                raise ValueError(
                    f"{name} of a ReLU layer cannot be None or a negative value. Received: {name}={value}"
                )
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Tensor) -> Tensor:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(_Elementwise):
    """Leaky rectified linear unit: `x` where it is positive, `negative_slope * x` elsewhere.

    Example:

    >>> kerasish.layers.LeakyReLU(0.5)([-10.0, 5.0]).numpy()
    array([-5.,  5.], dtype=float32)

    Args:
        negative_slope: Slope of the negative part, at least 0.

    Raises:
        ValueError: If the slope is negative or None.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn("Argument `alpha` is deprecated. Use `negative_slope` instead.", stacklevel=2)
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. Expected a float. "
                f"Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope

    def call(self, inputs: Tensor) -> Tensor:
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(_Elementwise):
    """Exponential linear unit: `x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Example:

    >>> kerasish.layers.ELU()([0.0, 5.0]).numpy()
    array([0., 5.], dtype=float32)

    Args:
        alpha: Minus the limit at minus infinity.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Tensor) -> Tensor:
        return activations.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class PReLU(Layer):
    """Leaky rectified linear unit whose slopes are learned: `x` where it is positive, `alpha * x` elsewhere.

    He et al., "Delving deep into rectifiers: surpassing human-level performance on ImageNet classification", 2015.

    Example:

    >>> kerasish.layers.PReLU(alpha_initializer="ones")([[-1.0, 2.0]]).numpy()
    array([[-1.,  2.]], dtype=float32)

    Args:
        alpha_initializer: Initial values of the slopes.
        alpha_regularizer: Penalty on the slopes.
        alpha_constraint: Map to allowed slopes, applied after each update.
        shared_axes: Axes along which slopes are shared, counted from 1: `[1, 2]` for one slope a channel of images.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None:
            shared_axes = [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)
        self.shared_axes = shared_axes

    def build(self, input_shape: tuple) -> None:
        shared = self.shared_axes or []
        shape = [1 if axis in shared else n for axis, n in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            name="alpha",
            shape=shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        axes = {a: n for a, n in enumerate(input_shape) if a and a not in shared} if shared else {}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Tensor) -> Tensor:
        return activations.relu(inputs) - self.alpha * activations.relu(-inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
