"""`keras.random`: random numbers that depend on a seed and a position only.

The bits come from one primitive; everything here is arithmetic on them, so the same seed gives the same numbers eager
or compiled, on a CPU or a GPU.
"""

from kerasish.random.distributions import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from kerasish.random.seed import SeedGenerator, draw_seed, global_seed_generator, make_default_seed  # noqa: F401

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
