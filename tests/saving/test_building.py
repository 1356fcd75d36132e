"""Loading draws no initial weights for what it loads, and the right ones for what it does not."""

import os
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.saving.building import Building

ROOT = pathlib.Path(__file__).resolve().parents[2]


def network():
    return kerasish.Sequential(
        [kerasish.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)]
    )


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_no_initial_weights_are_drawn_for_layers_that_are_loaded(tmp_path, monkeypatch, ending):
    model = network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / f"m{ending}")
    drawn = []
    monkeypatch.setattr(
        kerasish.initializers.GlorotUniform, "__call__", lambda self, shape, dtype=None: drawn.append(shape)
    )
    again = kerasish.models.load_model(tmp_path / f"m{ending}", compile=False)
    assert drawn == []
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises((TypeError, ValueError)):  # what it replaced was not called before
        network()


def test_what_nothing_was_loaded_into_has_its_initial_values():
    kerasish.utils.set_random_seed(7)
    expected = network().get_weights()
    kerasish.utils.set_random_seed(7)
    with Building(1 << 20, "a file", drawn=False):
        model = network()
        model.layers[2].kernel.assign(np.full((3, 2), 5.0))
    assert [w.tolist() for w in model.get_weights()[:2]] == [w.tolist() for w in expected[:2]]
    assert (model.layers[2].kernel.numpy() == 5).all()


def test_the_array_that_was_read_is_the_variables_memory():
    variable, array = kerasish.Variable(np.zeros((2, 3), "float32")), np.ones((2, 3), "float32")
    before = variable.numpy()
    variable.adopt(array)
    assert variable._array is array and (before == 0).all()
    for other in (np.ones((2, 3)), np.ones((4, 3), "float32")[::2], np.ones((3, 2), "float32").T):
        variable.adopt(other)
        assert variable._array is not other and variable.dtype == "float32"
    with pytest.raises(ValueError, match="shape"):
        variable.adopt(np.ones((3, 2), "float32"))


def test_a_short_run_of_the_fuzzer_finds_nothing():
    # In a process of its own, which forks: this one may have threads.
    tool = [sys.executable, str(ROOT / "tools" / "fuzz_files.py"), "--count", "150", "--seed", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(tool, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(
        f"{outcome} " in done.stdout for outcome in ("150 files:", "opened", "ValueError", "UnsafeFileError")
    )
