"""Weights in several files."""

import json

import numpy as np
import pytest

import kerasish
from kerasish.saving.errors import UnsafeFileError


def model():
    layers = kerasish.layers
    return kerasish.Sequential([kerasish.Input((3,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")])


def test_weights_in_several_files_load(oracle, tmp_path):
    layers = oracle.layers
    theirs = oracle.Sequential([oracle.Input((3,)), layers.Dense(4), layers.Dense(2)])
    theirs.save_weights(tmp_path / "w.weights.json", max_shard_size=60 / 1024**3)
    mine = model()
    mine.load_weights(tmp_path / "w.weights.json")
    for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="describes no model"):
        kerasish.models.load_model(tmp_path / "w.weights.json")


@pytest.mark.parametrize("name", ["../w_00000.weights.h5", "/etc/passwd", "other_00000.weights.h5", 7])
def test_shards_elsewhere_are_refused(tmp_path, name):
    (tmp_path / "w.weights.json").write_text(json.dumps({"weight_map": {"/layers/dense/vars": name}}))
    with pytest.raises(UnsafeFileError, match="refers to"):
        model().load_weights(tmp_path / "w.weights.json")
