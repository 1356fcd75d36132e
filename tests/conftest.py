"""Fixtures shared by all tests: the oracle (real Keras on JAX) and a fresh random seed for each test."""

import os
import sys
from pathlib import Path

import pytest

# Tables of one folder's tests are also run by others.
for _folder in ("engine", "layers", "vocabulary"):
    sys.path.append(str(Path(__file__).parent / _folder))

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERASISH_DEVICE", "cpu")  # tests of GPUs, in tests/gpu, say so


@pytest.fixture(scope="session")
def oracle():
    """Real Keras 3.15 on JAX, the specification that results are compared with."""
    return pytest.importorskip("keras", reason="the oracle needs the `test` extra")


@pytest.fixture(autouse=True)
def _same_seed_for_every_test():
    import kerasish

    kerasish.utils.set_random_seed(1234)
