"""Distributions, each a short composition over uniform random bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import ops
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import Piece, cast
from kerasish.autograd.primitives import elementwise as e
from kerasish.autograd.primitives.random import random_bits
from kerasish.autograd.tensor import KerasTensor, Tensor, as_tensor
from kerasish.random.seed import draw_seed

Shape = Sequence[int]


def _bits(shape: Shape, seed: Any) -> Tensor:
    shape = tuple(shape)
    if None in shape:  # symbolic: there is a shape to infer and nothing to draw
        return KerasTensor(shape, "uint32")
    return random_bits(draw_seed(seed), shape=shape)


def _unit(shape: Shape, dtype: str, seed: Any) -> Tensor:
    """Return uniform numbers in [0, 1) with as many random bits as `dtype` holds: more would round up to 1."""
    if dtype != "float64":
        held = {"float32": 24, "float16": 11, "bfloat16": 8}[dtype]
        high = e.right_shift(_bits(shape, seed), 32 - held)
        return cast(cast(high, "float32") * 2.0**-held, dtype)
    words = _bits((*shape, 2), seed)
    high, low = (
        cast(e.right_shift(words[..., 0], 5), "float64"),
        cast(e.right_shift(words[..., 1], 6), "float64"),
    )
    return (high * 2.0**26 + low) * 2.0**-53


def _float_dtype(dtype: Any, what: str) -> str:
    dtype = dtypes.standardize_dtype(dtype)
    if dtype not in dtypes.FLOATS:
        raise ValueError(f"`keras.random.{what}` requires a floating point `dtype`. Received: dtype={dtype}")
    return dtype


def uniform(
    shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw numbers evenly from `minval` up to but not including `maxval`.

    Example:

    >>> kerasish.random.uniform((2, 3), -1.0, 1.0, seed=1)

    Args:
        shape: Shape of the result.
        minval: Lower bound, included.
        maxval: Upper bound, excluded.
        dtype: A float type, the default one by default.
        seed: An int (the same numbers each time), a `SeedGenerator` (the next of its stream) or None (the next of the
            global stream).
    """
    dtype = _float_dtype(dtype, "uniform")
    unit = _unit(shape, dtype, seed)
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)):
        if (minval, maxval) == (0, 1):
            return unit
        return unit * (maxval - minval) + minval
    return unit * (as_tensor(maxval, dtype) - as_tensor(minval, dtype)) + as_tensor(minval, dtype)


def normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw numbers from the normal distribution (by Box and Muller's transform).

    Args:
        shape: Shape of the result.
        mean: Mean of the distribution.
        stddev: Standard deviation.
        dtype: A float type, the default one by default.
        seed: An int, a `SeedGenerator` or None, as for `uniform`.
    """
    dtype = _float_dtype(dtype, "normal")
    wide = "float64" if dtype == "float64" else "float32"
    unit = _unit((2, *shape), wide, seed)
    radius = e.sqrt(e.log(1.0 - unit[0]) * -2.0)  # 1 - u is in (0, 1], so the logarithm is finite
    return cast(radius * e.cos(unit[1] * (2 * math.pi)) * stddev + mean, dtype)


def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw numbers from the normal distribution cut off at two standard deviations (by the inverse of its CDF)."""
    dtype = _float_dtype(dtype, "truncated_normal")
    wide = "float64" if dtype == "float64" else "float32"
    edge = math.erf(math.sqrt(2.0))
    spread = e.erfinv(_unit(shape, wide, seed) * (2 * edge) - edge) * math.sqrt(2.0)
    return cast(ops.clip(spread, -2.0, 2.0) * stddev + mean, dtype)


def randint(shape: Shape, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw integers evenly from `minval` up to but not including `maxval`.

    Raises:
        ValueError: If `dtype` is no integer type.
    """
    dtype = dtypes.standardize_dtype(dtype)
    if dtype not in dtypes.INTS:
        raise ValueError(f"`keras.random.randint` requires an integer `dtype`. Received: dtype={dtype}")
    unit = _unit(shape, "float64", seed)
    return cast(e.floor(unit * (maxval - minval)) + minval, dtype)


def dropout(
    inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None
) -> Tensor:
    """Set each value to 0 with probability `rate` and divide the others by 1 - `rate`.

    Args:
        inputs: The tensor.
        rate: Probability of dropping, from 0 up to 1.
        noise_shape: Shape of the random choice, broadcast to the inputs; None for a dimension of the inputs.
        seed: An int, a `SeedGenerator` or None, as for `uniform`.
    """
    inputs = as_tensor(inputs)
    shape = inputs.shape if noise_shape is None else _noise_shape(inputs, noise_shape)
    if rate >= 1:
        return ops.zeros_like(inputs)
    # A value is dropped where its 32 random bits, as a fraction of 2^32, are below the rate.
    least = min(round(rate * 2**32), 2**32 - 1)
    return inputs * _factors(_bits(shape, seed), least=least, factor=1.0 / (1.0 - rate), dtype=inputs.dtype)


def _factors_run(xp: Any, bits: Any, least: int, factor: float, dtype: str) -> Any:
    factors = (bits >= least).astype(dtypes.to_numpy_dtype(dtype))
    factors *= factors.dtype.type(factor)
    return factors


_factors = Piece(
    "dropout_factors",
    _factors_run,
    lambda bits, least, factor, dtype: cast(e.greater_equal(bits, least), dtype) * factor,
)
"""`factor` where random bits, as a number, are at least `least`, and 0 elsewhere."""


def _noise_shape(inputs: Tensor, noise_shape: Sequence[int | None]) -> tuple:
    if len(noise_shape) != inputs.ndim:
        raise ValueError(
            "Argument `noise_shape` must have one entry for each axis of the inputs. "
            f"Received: noise_shape={tuple(noise_shape)}, inputs.shape={inputs.shape}"
        )
    return tuple(d if n is None else n for n, d in zip(noise_shape, inputs.shape, strict=True))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw `num_samples` class numbers for each row of unnormalized log-probabilities (by Gumbel's trick)."""
    logits = as_tensor(logits)
    if logits.ndim != 2:
        raise ValueError(
            f"`logits` should be a 2-D tensor of shape [batch, classes]. Received: shape={logits.shape}"
        )
    wide = "float64" if logits.dtype == "float64" else "float32"
    unit = _unit((logits.shape[0], num_samples, logits.shape[1]), wide, seed)
    gumbel = -e.log(-e.log(unit * (1 - 2.0**-23) + 2.0**-24))
    return cast(ops.argmax(ops.expand_dims(logits, 1) + gumbel, -1), dtype)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """Return `x` with its slices along `axis` in random order."""
    x = as_tensor(x)
    order = ops.argsort(_unit((x.shape[axis],), "float64", seed))
    return ops.take(x, order, axis)


def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from gamma distributions of shape parameter `alpha` and scale 1.

    Marsaglia and Tsang's method (2000) with a fixed number of candidates, of which the first accepted one is taken:
    each is accepted with probability above 0.95, and sixteen all fail less often than once in 10^20.
    """
    dtype = _float_dtype(dtype, "gamma")
    wide = "float64" if dtype == "float64" else "float32"
    shape, tries = tuple(shape), 16
    seed = draw_seed(seed)
    alpha = ops.broadcast_to(as_tensor(alpha, wide), shape)
    words = _unit((3, tries, *shape), wide, seed)
    boosted = e.where(alpha < 1.0, alpha + 1.0, alpha)
    d = boosted - 1.0 / 3.0
    c = e.reciprocal(e.sqrt(d * 9.0))
    normal = e.sqrt(e.log(1.0 - words[0]) * -2.0) * e.cos(words[1] * (2 * math.pi))
    cube = normal * c + 1.0
    v = cube * cube * cube
    safe = e.where(v > 0, v, 1.0)
    accept = e.logical_and(
        v > 0, e.log(1.0 - words[2]) < 0.5 * e.square(normal) + d * (1.0 - safe + e.log(safe))
    )
    first = ops.expand_dims(ops.argmax(cast(accept, "int32"), 0), 0)
    drawn = d * ops.squeeze(ops.take_along_axis(safe, first, 0), 0)
    boost = e.power(1.0 - _unit(shape, wide, _derived(seed, 0x9E3779B9)), e.reciprocal(alpha))
    return cast(e.where(alpha < 1.0, drawn * boost, drawn), dtype)


def _derived(seed: Tensor, number: int) -> Tensor:
    """Return another seed for the same call, which `number` tells from the others."""
    return e.bitwise_xor(seed, as_tensor(np.array([number, 0], dtype=np.uint32)))


def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw from beta distributions: x / (x + y) of two gamma draws."""
    dtype = _float_dtype(dtype, "beta")
    seed = draw_seed(seed)
    x = gamma(shape, alpha, dtype, seed)
    y = gamma(shape, beta, dtype, _derived(seed, 0x5BD1E995))
    return x / (x + y)


def binomial(shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw the number of successes in `counts` trials of the given `probabilities`.

    Each trial is drawn, so time and memory grow with the largest count.
    """
    dtype = _float_dtype(dtype, "binomial")
    shape = tuple(shape)
    largest = (
        counts if isinstance(counts, (int, float)) else ops.max(counts).item() if ops.size(counts) else 0
    )
    counts = ops.broadcast_to(as_tensor(counts, "float32"), shape)
    probabilities = ops.broadcast_to(as_tensor(probabilities, "float32"), shape)
    trials = int(largest)
    hits = e.less(_unit((trials, *shape), "float32", seed), probabilities)
    index = ops.reshape(ops.arange(trials, dtype="float32"), (trials,) + (1,) * len(shape))
    return ops.sum(cast(e.logical_and(hits, index < counts), dtype), axis=0)
