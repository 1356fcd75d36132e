"""The source of all random numbers: bits that depend on a seed and a position, and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.autograd.abstract import Abstract, Shape, known_size
from kerasish.autograd.primitive import Primitive


def _run(xp: Any, seed: Any, shape: Shape) -> Any:
    return xp.random_bits(seed, known_size(shape)).reshape(shape)


random_bits = Primitive("random_bits", _run, lambda seed, shape: Abstract(shape, np.dtype(np.uint32)))
"""Uniform uint32 numbers of `shape`, keyed by a `seed` tensor of two integers (see `devices.cpu.random_bits`)."""
