"""`saving.inspect` and `python -m kerasish`: what is told of a file, and files of old Keras made new."""

import json
import warnings
import zipfile

import attacks
import h5py
import numpy as np
import pytest

import kerasish
from kerasish.__main__ import main


@pytest.fixture(autouse=True)
def _legacy_warnings_are_expected():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        warnings.filterwarnings("ignore", message="No training configuration found")
        yield


@pytest.mark.parametrize(
    "ending, kind",
    [(".keras", "Keras model (.keras)"), (".h5", "Keras model (HDF5)"), (".weights.h5", "weights without")],
)
def test_what_is_told_of_a_file(tmp_path, capsys, ending, kind):
    at = attacks.place(tmp_path, ending)
    attacks.save(at.path)
    found = kerasish.saving.inspect(at.path)
    text = capsys.readouterr().out
    assert found.format.startswith(kind) and found.format in text and "Suspicious: nothing" in text
    assert sorted(weight.shape for weight in found.weights) == [(8,), (8, 8)]
    assert "72 values" in text and "float32" in text
    if ending != ".weights.h5":
        assert found.keras_version == "3.15.1"
        assert [(layer.name, layer.class_name) for layer in found.layers][1] == ("dense", "Dense")


def test_custom_classes_are_named_as_needed(tmp_path):
    at = attacks.place(tmp_path, ".keras")
    attacks.save(at.path, lambda config: attacks.add_layer(config, "Mine", {}, module="my_package"))
    found = kerasish.saving.inspect(at.path)
    assert found.suspicious == []
    assert found.needed == [
        "The class 'Mine' of module 'my_package' (layer 'evil'): pass `custom_objects={'Mine': ...}`."
    ]


# Building the others takes seconds, or there is nothing to be seen of them without building the model.
_UNSEEN = (
    "90 models",
    "graph that",
    "100,000 layers",
    "JSON that",
    "assets that",
    "many arrays",
    "layer of 10",
    "pickle",
)
SEEN = [
    case for case in attacks.CASES if not case[0].title.startswith(_UNSEEN) and "itself" not in case[0].title
]


@pytest.mark.parametrize("attack, ending", SEEN, ids=[f"{a.title} {e}" for a, e in SEEN])
def test_attacks_are_told_and_change_nothing(tmp_path, capsys, attack, ending):
    at = attacks.place(tmp_path, ending)
    attack.build(at)
    files = sorted(tmp_path.rglob("*"))
    status = main(["inspect", str(at.path)])
    assert sorted(tmp_path.rglob("*")) == files
    text = capsys.readouterr().out
    assert status == 1 and "Suspicious:" in text, text


def test_text_of_a_file_cannot_steer_the_terminal(tmp_path, capsys):
    at = attacks.place(tmp_path, ".keras")
    attacks.save(at.path, lambda c: c["config"]["layers"][1]["config"].update(name="a\x1b[2Jb"))
    kerasish.saving.inspect(at.path)
    text = capsys.readouterr().out
    assert "\x1b" not in text and "a\\x1b[2Jb" in text


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4", b"\x89HDF\r\n\x1a\n" + bytes(50)])
def test_damaged_and_foreign_files(tmp_path, capsys, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    assert main(["inspect", str(path)]) == 1
    assert "damaged" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="File not found"):
        kerasish.saving.inspect(tmp_path / "none.keras")
    assert main(["inspect", str(tmp_path / "none.keras")]) == 1


def test_an_old_file_becomes_one_that_keras_opens(oracle, tmp_path, capsys):
    old, new = tmp_path / "old.h5", tmp_path / "new.keras"
    layer = {"output_dim": 3, "init": "uniform", "activation": "tanh", "bias": True, "name": "dense_1"}
    config = {
        "class_name": "Sequential",
        "config": [{"class_name": "Dense", "config": {**layer, "batch_input_shape": [None, 4]}}],
    }
    kernel, bias = np.arange(12, dtype="f4").reshape(4, 3) / 10, np.ones(3, "f4")
    with h5py.File(old, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(config), "1.2.2"
        file.create_group("model_weights").attrs["layer_names"] = [b"dense_1"]
        group = file["model_weights"].create_group("dense_1")
        group.attrs["weight_names"] = [b"dense_1_W", b"dense_1_b"]
        group["dense_1_W"], group["dense_1_b"] = kernel, bias
    assert main(["convert", str(old), str(new)]) == 0
    assert "1 layers, 15 parameters" in capsys.readouterr().out
    x = np.ones((2, 4), "float32")
    predicted = oracle.models.load_model(new, compile=False).predict(x, verbose=0)
    np.testing.assert_allclose(predicted, np.tanh(x @ kernel + bias), atol=1e-6)


@pytest.mark.parametrize(
    "new, match", [("new.h5", "must end in `.keras`"), ("new.keras", "byte code|lambda")]
)
def test_what_cannot_be_converted_says_why(tmp_path, capsys, new, match):
    at = attacks.place(tmp_path, ".h5")
    attacks.lambda_code(at)
    assert main(["convert", str(at.path), str(tmp_path / new)]) == 1
    assert any(word in capsys.readouterr().err for word in match.split("|"))
    assert not (tmp_path / new).exists()


def test_unexpected_members_are_told(tmp_path):
    at = attacks.place(tmp_path, ".keras")
    attacks.save(at.path)
    with zipfile.ZipFile(at.path, "a") as file:
        file.writestr("run.sh", "rm -rf /")
    assert any("'run.sh'" in text for text in kerasish.saving.inspect(at.path).suspicious)
