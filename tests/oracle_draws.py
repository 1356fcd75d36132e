"""Initial weights of the oracle drawn by NumPy: JAX compiles the drawing of each new shape anew, which takes longer
than most tests, none of which but those of initializers asks how the numbers came about."""

from __future__ import annotations

import numpy as np


class NumpyDraws:
    """What Keras's initializers know as `random`, with distributions drawn by NumPy from seeds that are integers.

    Attributes:
        itself: The module in whose place it stands.
    """

    def __init__(self, itself):
        self.itself = itself

    def __getattr__(self, name):
        return getattr(self.itself, name)

    def _draw(self, distribution, shape, low, high, dtype, seed):
        if not isinstance(seed, int):
            return getattr(self.itself, distribution)(shape, low, high, dtype=dtype, seed=seed)
        from keras.src.backend import convert_to_tensor, floatx

        rng = np.random.default_rng(seed % 2**64)
        if distribution == "uniform":
            values = rng.uniform(low, high, shape)
        else:
            values = rng.standard_normal(shape)
            while distribution == "truncated_normal" and (outside := abs(values) > 2).any():
                values[outside] = rng.standard_normal(outside.sum())
            values = low + high * values
        return convert_to_tensor(values.astype("float32"), dtype or floatx())

    def uniform(self, shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
        return self._draw("uniform", shape, minval, maxval, dtype, seed)

    def normal(self, shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
        return self._draw("normal", shape, mean, stddev, dtype, seed)

    def truncated_normal(self, shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
        return self._draw("truncated_normal", shape, mean, stddev, dtype, seed)


def orthogonal(self, shape, dtype=None):
    """Stand in for `Orthogonal.__call__`, whose factorization is compiled for each shape too."""
    from keras.src.backend import convert_to_tensor, floatx

    rows = int(np.prod(shape[:-1]))
    matrix = np.random.default_rng(self.seed % 2**64).standard_normal(sorted((rows, shape[-1]), reverse=True))
    q, r = np.linalg.qr(matrix)
    q = q * np.sign(np.diag(r))
    q = q.T if rows < shape[-1] else q
    return convert_to_tensor((self.gain * q.reshape(shape)).astype("float32"), dtype or floatx())


def replace_draws(patch):
    """Let the oracle's initializers draw by NumPy until `patch`, a `pytest.MonkeyPatch`, is undone."""
    from keras.src.initializers import random_initializers

    patch.setattr(random_initializers, "random", NumpyDraws(random_initializers.random))
    itself = random_initializers.Orthogonal.__call__

    def call(self, shape, dtype=None):
        drawn_here = (
            isinstance(self.seed, int)
            and len(shape) > 1
            and isinstance(random_initializers.random, NumpyDraws)
        )
        return (orthogonal if drawn_here else itself)(self, shape, dtype)

    patch.setattr(random_initializers.Orthogonal, "__call__", call)


def draw_as_keras_does(patch):
    """Give initializers back what `replace_draws` replaced, until `patch` is undone."""
    from keras.src.initializers import random_initializers

    patch.setattr(random_initializers, "random", random_initializers.random.itself)
