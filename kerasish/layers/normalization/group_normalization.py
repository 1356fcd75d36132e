"""Group normalization."""

from __future__ import annotations

from typing import Any

from kerasish import ops
from kerasish.autograd.tensor import Tensor
from kerasish.layers.input_spec import InputSpec
from kerasish.layers.normalization.base_normalization import (
    BaseNormalization,
    at_least_float32,
    normalized,
)


class GroupNormalization(BaseNormalization):
    """Bring each group of channels of each sample to mean 0 and variance 1.

    One group is layer normalization over all axes but the first, as many groups as channels is instance normalization
    (Wu and He, "Group normalization", 2018).

    Example:

    >>> kerasish.layers.GroupNormalization(groups=2)(kerasish.ops.ones((2, 3, 4))).shape
    (2, 3, 4)

    Args:
        groups: Number of groups, a divisor of the number of channels; -1 for one a channel.
        axis: The axis of the channels.
        epsilon: Small number added to variances, so that none is zero.
        center: Whether there is an offset `beta`.
        scale: Whether there is a factor `gamma`.
        beta_initializer: Initial values of `beta`, one a channel.
        gamma_initializer: Initial values of `gamma`, one a channel.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Map to allowed values of `beta`, applied after each update.
        gamma_constraint: Map to allowed values of `gamma`, applied after each update.

    Raises:
        ValueError: If `groups` is no positive integer or -1, or does not divide the number of channels.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive integer (or `-1` for instance "
                f"normalization). Received: groups={groups}"
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
        self.groups = groups
        self.axis = axis
        self.autocast = False

    def build(self, input_shape: tuple) -> None:
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"Axis {self.axis} of input tensor should have a defined dimension but the layer received an input "
                f"with shape {input_shape}."
            )
        if self.groups == -1:
            self.groups = channels
        if channels < self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) cannot be more than the number of channels ({channels})."
            )
        if channels % self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) must be a divisor of the number of channels ({channels})."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_gamma_and_beta((channels,), self.scale, self.center)
        axis = self._group_axis = self.axis % len(input_shape)
        self._axes = tuple(a for a in range(1, len(input_shape) + 1) if a != axis)
        self._broadcast_shape = (
            *(1,) * axis,
            self.groups,
            channels // self.groups,
            *(1,) * (len(input_shape) - axis - 1),
        )

    def call(self, inputs: Tensor) -> Tensor:
        shape, axis = inputs.shape, self._group_axis
        grouped = (*shape[:axis], self.groups, shape[axis] // self.groups, *shape[axis + 1 :])
        x = at_least_float32(ops.reshape(inputs, grouped))
        gamma, beta = self._gamma_and_beta(self._broadcast_shape, x.dtype)
        outputs = normalized(x, self._axes, self.epsilon, gamma, beta)[0]
        # Keras rounds to the inputs' type before the layer's own.
        outputs = ops.cast(ops.reshape(outputs, shape), inputs.dtype)
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **self._affine_config(),
        }
