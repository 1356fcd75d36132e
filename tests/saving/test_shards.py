"""Weights in several files."""

import json
import pathlib

import numpy as np
import pytest

import kerasish
from kerasish.saving import atomic, shards
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


def test_weights_are_written_in_several_files(oracle, tmp_path):
    mine, path = model(), tmp_path / "w.weights.json"
    mine.compile("adam", "mse")
    mine.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    with pytest.warns(UserWarning, match="in place of"):
        mine.save_weights(tmp_path / "w.weights.h5", max_shard_size=60 / 1024**3)
    content, files = json.loads(path.read_text()), sorted(p.name for p in tmp_path.glob("*.h5"))
    assert (
        len(files) > 4
        and files[0] == "w_00000.weights.h5"
        and len(list(tmp_path.iterdir())) == len(files) + 1
    )
    layers = oracle.layers
    theirs = oracle.Sequential(
        [oracle.Input((3,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")], name=mine.name
    )
    theirs.compile("adam", "mse")
    theirs.build((None, 3))
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.save_weights(tmp_path / "theirs.weights.json", max_shard_size=60 / 1024**3)
    expected = json.loads((tmp_path / "theirs.weights.json").read_text().replace("theirs_", "w_"))
    assert content["metadata"] == expected["metadata"]
    for place, names in expected["weight_map"].items():  # Keras lists the one file of several weights too
        own = content["weight_map"].pop(place)
        assert (own if isinstance(own, list) else [own]) == (names if isinstance(names, list) else [names])
    assert not content["weight_map"]
    other = model()
    for loaded in (theirs, other):
        loaded.load_weights(path)
        for a, b in zip(loaded.get_weights(), mine.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_save_that_fails_leaves_the_files_before_it(tmp_path):
    path, mine = tmp_path / "w.weights.json", model()
    mine.save_weights(path, max_shard_size=1e-6)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    mine.set_weights([w + 1 for w in mine.get_weights()])
    with pytest.raises(ValueError, match="has 48 bytes, more than the 40"):
        mine.save_weights(path, max_shard_size=40.1 / 1024**3)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    for bad, size, message in (
        ("w.h5", 1, "must end in `.weights.json`"),
        ("w.weights.json", 0, "number of GB"),
    ):
        with pytest.raises(ValueError, match=message):
            mine.save_weights(tmp_path / bad, max_shard_size=size)


def test_a_save_that_ends_at_any_moment_leaves_the_old_weights_or_the_new_ones(oracle, tmp_path, monkeypatch):
    path, mine, size = tmp_path / "w.weights.json", model(), 60 / 1024**3
    mine.save_weights(path, max_shard_size=size)
    old = mine.get_weights()
    mine.set_weights([w + 1 for w in old])
    move, allowed = atomic.move_into_place, []

    def interrupted(source, target):
        if not allowed:
            raise KeyboardInterrupt
        allowed.pop()
        move(source, target)

    monkeypatch.setattr(atomic, "move_into_place", interrupted)
    for most in range(3):
        allowed[:] = range(most)
        with pytest.raises(KeyboardInterrupt):
            mine.save_weights(path, max_shard_size=size)
        other = model()
        other.load_weights(path)
        for a, b in zip(other.get_weights(), old, strict=True):
            np.testing.assert_array_equal(a, b)
    monkeypatch.undo()
    layers = oracle.layers
    theirs = oracle.Sequential(
        [oracle.Input((3,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")], name=mine.name
    )
    for _ in range(3):  # the numbers of the files take turns, and nothing piles up
        mine.set_weights([w + 1 for w in mine.get_weights()])
        mine.save_weights(path, max_shard_size=size)
        for loaded in (model(), theirs):
            loaded.load_weights(path)
            for a, b in zip(loaded.get_weights(), mine.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
    named = {p.name for p in map(pathlib.Path, shards.shard_paths(str(path)))}
    assert {p.name for p in tmp_path.glob("*.h5")} <= named | {"w_00000.weights.h5"}


@pytest.mark.parametrize("name", ["../w_00000.weights.h5", "/etc/passwd", "other_00000.weights.h5", 7])
def test_shards_elsewhere_are_refused(tmp_path, name):
    (tmp_path / "w.weights.json").write_text(json.dumps({"weight_map": {"/layers/dense/vars": name}}))
    with pytest.raises(UnsafeFileError, match="refers to"):
        model().load_weights(tmp_path / "w.weights.json")
