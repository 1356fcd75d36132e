"""The editor of weights files, beside Keras's own."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.saving import KerasFileEditor


def model(units=3):
    return kerasish.Sequential([layers.Input((4,)), layers.Dense(5, name="one"), layers.Dense(units)])


def flat(weights, path=""):
    for name, value in weights.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}/{name}")
        else:
            yield f"{path}/{name}", np.asarray(value).tolist()


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_it_reads_and_compares_as_keras(oracle, tmp_path, suffix, capsys):
    path = str(tmp_path / f"model{suffix}")
    saved = model()
    saved.compile("adam", "mse")
    saved.train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
    (saved.save if suffix == ".keras" else saved.save_weights)(path)
    theirs, ours = oracle.saving.KerasFileEditor(path), KerasFileEditor(path)
    assert dict(flat(ours.weights_dict)) == dict(flat(theirs.weights_dict))
    assert (ours.config is None) == (theirs.config is None) == (suffix != ".keras")
    ours.summary()
    assert "dense_1 (" in capsys.readouterr().out
    assert ours.compare(saved)["status"] == "success"

    reference = oracle.Sequential([oracle.Input((4,)), oracle.layers.Dense(5), oracle.layers.Dense(2)])
    found = KerasFileEditor(path).compare(model(2))
    expected = theirs.compare(reference)  # which counts what is nested more than once
    assert found["match_count"] == 2
    assert [found[k] for k in ("status", "error_count")] == [expected[k] for k in ("status", "error_count")]


def test_edited_weights_load_here_and_in_keras(oracle, tmp_path):
    old, new = str(tmp_path / "old.weights.h5"), str(tmp_path / "new.weights.h5")
    saved = model()
    saved.save_weights(old)
    editor = KerasFileEditor(old)
    editor.rename_object("layers/dense", "spare")
    editor.delete_object("spare")
    editor.add_object("layers/dense", {"0": np.ones((4, 5)), "1": np.zeros(5), "2": np.zeros(1)})
    editor.delete_weight("layers/dense", "2")
    editor.add_weights("dense", {"1": np.full(5, 2.0)})
    editor.save(new)
    loaded = model()
    loaded.load_weights(new)
    np.testing.assert_array_equal(loaded.layers[0].kernel.numpy(), np.ones((4, 5)))
    np.testing.assert_array_equal(loaded.layers[0].bias.numpy(), np.full(5, 2.0))
    np.testing.assert_array_equal(loaded.layers[1].kernel.numpy(), saved.layers[1].kernel.numpy())
    theirs = oracle.Sequential([oracle.Input((4,)), oracle.layers.Dense(5), oracle.layers.Dense(3)])
    theirs.load_weights(new)
    np.testing.assert_array_equal(theirs.get_weights()[3], loaded.get_weights()[3])


def test_errors(tmp_path):
    path = str(tmp_path / "m.weights.h5")
    model().save_weights(path)
    editor = KerasFileEditor(path)
    editor.add_object("other", {"dense": {"0": np.ones(1)}})
    for action, message in (
        (lambda: KerasFileEditor("weights.npz"), "Invalid filename"),
        (lambda: editor.delete_object("dense"), "occurs more than once"),
        (lambda: editor.delete_object("nothing"), "does not appear"),
        (lambda: editor.delete_object("layers/nothing"), "Path 'layers/nothing' not found"),
        (lambda: editor.rename_object("layers/dense", "a/b"), "leaf name"),
        (lambda: editor.add_object("nowhere/x", {}), "Path 'nowhere' not found"),
        (lambda: editor.add_weights("layers/dense", [1]), "should be a dict"),
        (lambda: editor.delete_weight("layers/dense", "9"), "Weights found: ['0', '1']"),
        (lambda: editor.save("x.h5"), "expected a `.weights.h5`"),
    ):
        with pytest.raises(ValueError) as raised:
            action()
        assert message in str(raised.value)
