"""`import kerasish` loads NumPy and itself, and little else: heavy modules wait for their first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "absl",
    "cupy",
    "dataclasses",
    "h5py",
    "http",
    "jax",
    "keras",
    "matplotlib",
    "multiprocessing",
    "numba",
    "pandas",
    "scipy",
    "tarfile",
    "torch",
    "tqdm",
    "unittest",
    "urllib.request",
    "zipfile",
)


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    # -S keeps out what site-packages' .pth files import; the path is handed over by hand.
    paths = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {paths!r}\n{code}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def added():
    """What `import kerasish` loads beyond what `import numpy` has already loaded."""
    return modules_after("import numpy, kerasish") - modules_after("import numpy")


def test_no_heavy_module_is_loaded(added):
    assert not added.intersection(HEAVY)


def test_nothing_outside_the_standard_library_is_loaded(added):
    roots = {name.partition(".")[0] for name in added}
    assert roots - set(sys.stdlib_module_names) == {"kerasish"}


def test_front_doors_load_no_heavy_module_either():
    loaded = modules_after("import kerasish.compat.tensorflow, kerasish.compat.torch")
    assert not (loaded - modules_after("import numpy")).intersection(HEAVY)
