"""Initializers whose variance follows the number of inputs and outputs of the weight tensor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kerasish import random
from kerasish.initializers.distributions import RandomInitializer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kerasish.autograd import Tensor
    from kerasish.random import SeedGenerator

    Seed = int | SeedGenerator | dict | None

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

# Standard deviation of the unit normal distribution cut off at -2 and 2.
_TRUNCATED_STDDEV = 0.87962566103423978


class VarianceScaling(RandomInitializer):
    """Draws with a variance of `scale / n`, where `n` follows from the shape.

    `n` is the number of input units (`mode="fan_in"`), of output units (`"fan_out"`) or their average
    (`"fan_avg"`), at least 1. The distribution is centered on 0: normal, normal cut off at two standard
    deviations, or uniform within `sqrt(3 * scale / n)`.

    Example:

    >>> initializer = kerasish.initializers.VarianceScaling(scale=2.0, mode="fan_out", seed=1)
    >>> kernel = initializer(shape=(3, 3, 16, 32))   # variance 2 / (3 * 3 * 32)

    Args:
        scale: Positive factor of the variance.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` (also called `"normal"`), `"untruncated_normal"` or `"uniform"`.
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
        input_axes: Axes that count as inputs, where the usual layout does not hold; with `output_axes`.
        output_axes: Axes that count as outputs; with `input_axes`.

    Raises:
        ValueError: If `scale` is not positive, or `mode` or `distribution` is unknown.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in _MODES:
            raise ValueError(f"Invalid `mode` argument: {mode}. Please use one of {_MODES}")
        distribution = distribution.lower()
        if distribution == "normal":
            distribution = "truncated_normal"
        if distribution not in _DISTRIBUTIONS:
            raise ValueError(
                f"Invalid `distribution` argument: {distribution}. Please use one of {_DISTRIBUTIONS}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed=seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        variance = self.scale / max(1.0, self._units(shape))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, minval=-limit, maxval=limit, dtype=dtype, seed=self.seed)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, mean=0.0, stddev=stddev, dtype=dtype, seed=self.seed)
        return random.truncated_normal(
            shape, mean=0.0, stddev=stddev / _TRUNCATED_STDDEV, dtype=dtype, seed=self.seed
        )

    def _units(self, shape: tuple[int, ...]) -> float:
        """The number of units that the variance is divided by."""
        fan_in, fan_out = compute_fans(shape, input_axes=self.input_axes, output_axes=self.output_axes)
        if self.mode == "fan_in":
            return fan_in
        if self.mode == "fan_out":
            return fan_out
        return (fan_in + fan_out) / 2.0

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _NamedScaling(VarianceScaling):
    """A variance scaling with scale, mode and distribution fixed by its class."""

    _scale: float
    _mode: str
    _distribution: str

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        super().__init__(
            scale=self._scale,
            mode=self._mode,
            distribution=self._distribution,
            seed=seed,
            input_axes=input_axes,
            output_axes=output_axes,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {key: config[key] for key in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_NamedScaling):
    """Glorot (Xavier) uniform: uniform within `sqrt(6 / (fan_in + fan_out))`.

    Example:

    >>> kernel = kerasish.initializers.GlorotUniform(seed=1)(shape=(784, 128))

    Args:
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
        input_axes: Axes that count as inputs; see `VarianceScaling`.
        output_axes: Axes that count as outputs; see `VarianceScaling`.

    Reference:
        [Glorot & Bengio, 2010](https://proceedings.mlr.press/v9/glorot10a.html)
    """

    _scale, _mode, _distribution = 1.0, "fan_avg", "uniform"


class GlorotNormal(_NamedScaling):
    """Glorot (Xavier) normal: truncated normal of standard deviation `sqrt(2 / (fan_in + fan_out))`.

    Example:

    >>> kernel = kerasish.initializers.GlorotNormal(seed=1)(shape=(784, 128))

    Args:
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
        input_axes: Axes that count as inputs; see `VarianceScaling`.
        output_axes: Axes that count as outputs; see `VarianceScaling`.

    Reference:
        [Glorot & Bengio, 2010](https://proceedings.mlr.press/v9/glorot10a.html)
    """

    _scale, _mode, _distribution = 1.0, "fan_avg", "truncated_normal"


class LecunUniform(_NamedScaling):
    """LeCun uniform: uniform within `sqrt(3 / fan_in)`.

    Example:

    >>> kernel = kerasish.initializers.LecunUniform(seed=1)(shape=(784, 128))

    Args:
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
        input_axes: Axes that count as inputs; see `VarianceScaling`.
        output_axes: Axes that count as outputs; see `VarianceScaling`.

    Reference:
        [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515)
    """

    _scale, _mode, _distribution = 1.0, "fan_in", "uniform"


class LecunNormal(_NamedScaling):
    """LeCun normal: truncated normal of standard deviation `sqrt(1 / fan_in)`.

    Example:

    >>> kernel = kerasish.initializers.LecunNormal(seed=1)(shape=(784, 128))

    Args:
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
        input_axes: Axes that count as inputs; see `VarianceScaling`.
        output_axes: Axes that count as outputs; see `VarianceScaling`.

    Reference:
        [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515)
    """

    _scale, _mode, _distribution = 1.0, "fan_in", "truncated_normal"


class HeUniform(_NamedScaling):
    """He uniform: uniform within `sqrt(6 / fan_in)`.

    Example:

    >>> kernel = kerasish.initializers.HeUniform(seed=1)(shape=(784, 128))

    Args:
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
        input_axes: Axes that count as inputs; see `VarianceScaling`.
        output_axes: Axes that count as outputs; see `VarianceScaling`.

    Reference:
        [He et al., 2015](https://arxiv.org/abs/1502.01852)
    """

    _scale, _mode, _distribution = 2.0, "fan_in", "uniform"


class HeNormal(_NamedScaling):
    """He normal: truncated normal of standard deviation `sqrt(2 / fan_in)`.

    Example:

    >>> kernel = kerasish.initializers.HeNormal(seed=1)(shape=(784, 128))

    Args:
        seed: Integer or `None` for the same values on every call, `SeedGenerator` for new ones.
        input_axes: Axes that count as inputs; see `VarianceScaling`.
        output_axes: Axes that count as outputs; see `VarianceScaling`.

    Reference:
        [He et al., 2015](https://arxiv.org/abs/1502.01852)
    """

    _scale, _mode, _distribution = 2.0, "fan_in", "truncated_normal"


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """The numbers of input and output units of a weight tensor.

    Without axes, the last two axes are inputs and outputs, and the axes before them the receptive field of
    a convolution kernel, which counts for both. A vector has its length for both, a scalar 1.

    Args:
        shape: Shape of the weight tensor.
        input_axes: Axes whose product is the number of inputs; only with `output_axes`.
        output_axes: Axes whose product is the number of outputs; only with `input_axes`.

    Returns:
        `(fan_in, fan_out)`.
    """
    if input_axes is not None and output_axes is not None:
        fan_in = math.prod(shape[axis] for axis in input_axes)
        fan_out = math.prod(shape[axis] for axis in output_axes)
    elif len(shape) < 2:
        fan_in = fan_out = math.prod(shape)
    else:
        receptive_field = math.prod(shape[:-2])
        fan_in = shape[-2] * receptive_field
        fan_out = shape[-1] * receptive_field
    return int(fan_in), int(fan_out)
