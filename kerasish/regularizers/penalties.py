"""Regularizers: penalties on weights or activities, added to the loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kerasish import ops

if TYPE_CHECKING:
    from kerasish.autograd import Tensor


class Regularizer:
    """Base of the regularizers: maps a tensor to a scalar penalty.

    Layers take one as `kernel_regularizer`, `bias_regularizer` or `activity_regularizer`. Any callable that
    maps a tensor to a scalar does as well; subclass for one that can be saved, with a `get_config` that
    returns the constructor's arguments.

    Example:

    ```python
    class Cubed(kerasish.Regularizer):
        def __init__(self, factor=0.1):
            self.factor = factor

        def __call__(self, x):
            return self.factor * kerasish.ops.sum(kerasish.ops.abs(x) ** 3)

        def get_config(self):
            return {"factor": self.factor}
    ```
    """

    def __call__(self, x: Tensor) -> Tensor | float:
        """Returns the penalty.

        Args:
            x: Tensor to penalize.

        Returns:
            A scalar tensor of the dtype of `x`.
        """
        return 0.0

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """Returns a regularizer made from the result of `get_config`."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as a JSON-serializable dict."""
        raise NotImplementedError(f"{self} does not implement get_config()")


class L1(Regularizer):
    """L1 penalty: `l1 * sum(abs(x))`. It drives weights to exactly zero.

    Example:

    >>> kerasish.regularizers.L1(0.5)(kerasish.ops.ones((2, 2)))   # 2.0

    Args:
        l1: Non-negative factor; `None` for the default.

    Raises:
        ValueError: If `l1` is not a finite non-negative number.
    """

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _round_to_floatx(validate_float_arg(0.01 if l1 is None else l1, name="l1"))

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * ops.sum(ops.absolute(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """L2 penalty: `l2 * sum(x**2)`. It keeps weights small.

    Example:

    >>> kerasish.regularizers.L2(0.5)(kerasish.ops.ones((2, 2)))   # 2.0

    Args:
        l2: Non-negative factor; `None` for the default.

    Raises:
        ValueError: If `l2` is not a finite non-negative number.
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = validate_float_arg(0.01 if l2 is None else l2, name="l2")

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class L1L2(Regularizer):
    """Sum of an L1 and an L2 penalty: `l1 * sum(abs(x)) + l2 * sum(x**2)`.

    Example:

    >>> kerasish.regularizers.L1L2(l1=0.5, l2=0.25)(kerasish.ops.ones((2, 2)))   # 3.0

    Args:
        l1: Non-negative factor of the L1 penalty.
        l2: Non-negative factor of the L2 penalty.

    Raises:
        ValueError: If a factor is not a finite non-negative number.
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = validate_float_arg(0.0 if l1 is None else l1, name="l1")
        self.l2 = validate_float_arg(0.0 if l2 is None else l2, name="l2")

    def __call__(self, x: Tensor) -> Tensor:
        if not self.l2:
            return self.l1 * ops.sum(ops.absolute(x)) if self.l1 else ops.zeros((), dtype=x.dtype)
        squares = self.l2 * ops.sum(ops.square(x))
        return self.l1 * ops.sum(ops.absolute(x)) + squares if self.l1 else squares

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """Penalty on the cosines between the rows (or columns) of a matrix: it drives them to orthogonality.

    `factor` times the mean, over all pairs of distinct rows, of the absolute cosine of their angle.

    Example:

    >>> regularizer = kerasish.regularizers.OrthogonalRegularizer(factor=0.1, mode="columns")
    >>> layer = kerasish.layers.Dense(4, kernel_regularizer=regularizer)

    Args:
        factor: Non-negative factor.
        mode: `"rows"` or `"columns"`. For a `Dense` kernel of shape `(inputs, units)`, `"columns"` makes the
            weight vectors of the units orthogonal.

    Raises:
        ValueError: If `factor` is not a finite non-negative number, `mode` is neither of the two, or the
            tensor penalized is not a matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = _round_to_floatx(validate_float_arg(factor, name="factor"))
        if mode not in ("rows", "columns"):
            raise ValueError(
                'Invalid value for argument `mode`. Expected one of {"rows", "columns"}. '
                f"Received: mode={mode}"
            )
        self.mode = mode

    def __call__(self, inputs: Tensor) -> Tensor:
        if len(inputs.shape) != 2:
            raise ValueError(
                f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={inputs.shape}"
            )
        if self.mode == "rows":
            vectors = ops.normalize(inputs, axis=1)
            cosines = ops.matmul(vectors, ops.transpose(vectors))
        else:
            vectors = ops.normalize(inputs, axis=0)
            cosines = ops.matmul(ops.transpose(vectors), vectors)
        size = cosines.shape[0]
        off_diagonal = cosines * (1.0 - ops.eye(size, dtype=cosines.dtype))
        num_pairs = size * (size - 1.0) / 2.0
        # Every pair stands in the matrix twice.
        return self.factor * 0.5 * ops.sum(ops.absolute(off_diagonal)) / num_pairs

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def validate_float_arg(value: float, name: str) -> float:
    """`value` as a float, after a check that it is a finite non-negative number.

    Args:
        value: Python number.
        name: Name of the argument, for the message.

    Returns:
        The number as a float.

    Raises:
        ValueError: If `value` is not such a number.
    """
    if not isinstance(value, float | int) or not math.isfinite(value) or value < 0:
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={value}"
        )
    return float(value)


def _round_to_floatx(value: float) -> float:
    """`value` in the precision of the default float dtype, which is how saved configs hold it."""
    return float(ops.convert_to_tensor(value).item())
