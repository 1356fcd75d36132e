"""Initializers without randomness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kerasish import ops
from kerasish.autograd import dtypes
from kerasish.initializers.base import Initializer
from kerasish.serialization import deserialize_keras_object, serialize_keras_object

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class Constant(Initializer):
    """Sets all elements to one value.

    Example:

    >>> kerasish.initializers.Constant(3.0)(shape=(2, 2))   # [[3., 3.], [3., 3.]]

    Args:
        value: A scalar, or an array that broadcasts to the shape asked for.
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        dtype = dtypes.standardize_dtype(dtype)
        return ops.multiply(ops.cast(self.value, dtype), ops.ones(shape, dtype=dtype))

    def get_config(self) -> dict[str, Any]:
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        return cls(**{key: deserialize_keras_object(value) for key, value in config.items()})


class Zeros(Initializer):
    """Sets all elements to 0.

    Example:

    >>> kerasish.initializers.Zeros()(shape=(2,))   # [0., 0.]
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return ops.zeros(shape, dtype=dtypes.standardize_dtype(dtype))


class Ones(Initializer):
    """Sets all elements to 1.

    Example:

    >>> kerasish.initializers.Ones()(shape=(2,))   # [1., 1.]
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        return ops.ones(shape, dtype=dtypes.standardize_dtype(dtype))


class Identity(Initializer):
    """Makes a multiple of the identity matrix; only for matrices.

    Example:

    >>> kerasish.initializers.Identity(gain=2.0)(shape=(2, 2))   # [[2., 0.], [0., 2.]]

    Args:
        gain: Factor of the identity matrix.
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        return self.gain * ops.eye(*shape, dtype=dtypes.standardize_dtype(dtype))
