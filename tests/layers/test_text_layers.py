"""Layers of strings and vocabularies. The oracle's need TensorFlow; expected values are those that Keras documents."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kerasish
from kerasish import layers
from kerasish.layers.preprocessing.fingerprints import fingerprint64, siphash24

VOCABULARY = ["a", "b", "c", "d"]
ROWS = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
TEXTS = ["foo bar", "bar baz", "baz bada boom"]


def listed(y):
    return (y.numpy() if hasattr(y, "numpy") else y).tolist()


# Hashes

# FarmHash's own library on the bytes 0, 1, 2, … (modulo 251), of lengths on all sides of its branches.
FINGERPRINTS = {
    0: 11160318154034397263, 3: 10709908609026466970, 7: 11736591675260184225, 16: 1080060857502750420,
    31: 18147624886685624641, 64: 17691551913807367243, 65: 14313328211205373374, 200: 525935771297148851,
}  # fmt: skip


@pytest.mark.parametrize("length", FINGERPRINTS)
def test_fingerprints_are_farmhashs(length):
    assert fingerprint64(bytes(i % 251 for i in range(length))) == FINGERPRINTS[length]


def test_siphash_gives_its_papers_values():
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    assert siphash24(bytes(range(15)), key) == 0xA129CA6149BE45E5
    assert siphash24(b"", key) == 0x726FDB47DD0E0E31


LETTERS = [["A"], ["B"], ["C"], ["D"], ["E"]]


@pytest.mark.parametrize(
    ("arguments", "data", "expected"),
    [
        ({}, LETTERS, [[1], [0], [1], [1], [2]]),
        ({"mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [[1], [1], [0], [2], [2]]),
        ({"salt": [133, 137]}, LETTERS, [[1], [2], [1], [0], [2]]),
        ({"salt": 133}, LETTERS, [[0], [0], [2], [1], [0]]),
        ({"output_mode": "one_hot"}, ["A", "B"], [[0, 1, 0], [1, 0, 0]]),
        ({"output_mode": "count"}, [["A", "B", "C"]], [[1, 2, 0]]),
        ({"output_mode": "multi_hot"}, [["A", "B", "C"]], [[1, 1, 0]]),
    ],
)
def test_hashing(arguments, data, expected):
    layer = layers.Hashing(num_bins=3, **arguments)
    for given in (data, np.array(data), np.char.encode(np.array(data))):
        assert listed(layer(given)) == expected
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    assert listed(again(data)) == expected
    assert layer.compute_output_shape(np.shape(data)) == np.shape(expected) or arguments.get("output_mode")


def test_numbers_are_hashed_by_their_digits():
    layer = layers.Hashing(num_bins=97)
    assert (
        listed(layer(np.array([7, 12]))) == listed(layer(["7", "12"])) == listed(layer(np.array([7.9, 12.1])))
    )
    assert layer(np.array([7])).dtype == "int64"


def test_hashed_crossing():
    pair = (np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102]))
    assert listed(layers.HashedCrossing(num_bins=5)(pair)) == [1, 4, 1, 1, 3]
    hot = layers.HashedCrossing(num_bins=5, output_mode="one_hot")
    assert listed(hot(pair)) == np.eye(5)[[1, 4, 1, 1, 3]].tolist()
    column = layers.HashedCrossing(num_bins=5)(tuple(x[:, None] for x in pair))
    assert listed(column) == [[1], [4], [1], [1], [3]]


# Lookups

LOOKUPS = [
    (dict(vocabulary=VOCABULARY), [["a", "c", "d"], ["d", "z", "b"]], [[1, 3, 4], [4, 0, 2]]),
    (dict(vocabulary=VOCABULARY, num_oov_indices=2), [["a", "c", "d"], ["m", "z", "b"]], [[2, 4, 5], [0, 1, 3]]),
    (dict(vocabulary=VOCABULARY, mask_token=""), [["a", ""], ["z", "d"]], [[2, 0], [1, 5]]),
    (dict(vocabulary=["[UNK]", *VOCABULARY]), [["a", "z"]], [[1, 0]]),
    (dict(vocabulary=VOCABULARY, output_mode="one_hot"), ["a", "d", "z"], [[0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]]),
    (dict(vocabulary=VOCABULARY, output_mode="multi_hot"), ROWS, [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]]),
    (dict(vocabulary=VOCABULARY, output_mode="binary", mask_token="c"), [["a", "c"]], None),
    (dict(vocabulary=VOCABULARY, output_mode="count"), ROWS, [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]]),
    (dict(vocabulary=VOCABULARY, output_mode="count", max_tokens=6, pad_to_max_tokens=True), ROWS, [[0, 1, 0, 1, 2, 0], [2, 0, 1, 0, 1, 0]]),
    (dict(vocabulary=VOCABULARY, output_mode="tf_idf", idf_weights=[0.25, 0.75, 0.6, 0.4]), ROWS, [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]]),
    (dict(vocabulary=["[UNK]", *VOCABULARY], output_mode="tf-idf", idf_weights=[0.9, 0.25, 0.75, 0.6, 0.4]), ROWS, [[0, 0.25, 0, 0.6, 0.8], [1.8, 0, 0.75, 0, 0.4]]),
    (dict(vocabulary=VOCABULARY, invert=True), [[1, 3, 4], [4, 0, 2]], [["a", "c", "d"], ["d", "[UNK]", "b"]]),
    (dict(vocabulary=VOCABULARY, invert=True, mask_token=""), [[2, 0], [1, 5]], [["a", ""], ["[UNK]", "d"]]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "data", "expected"), LOOKUPS)
def test_string_lookup(arguments, data, expected):
    if expected is None:
        with pytest.raises(ValueError, match="reserved mask token at unexpected location"):
            layers.StringLookup(**arguments)
        return
    layer = layers.StringLookup(**arguments, name="l")
    saved = json.loads(json.dumps(layers.serialize(layer)))
    for each in (layer, layers.deserialize(saved)):
        y = each(data)
        if isinstance(expected[0][0], str):
            assert listed(y) == expected
        else:
            np.testing.assert_allclose(y.numpy(), expected, rtol=1e-6)
            assert each.compute_output_shape(np.shape(data)) == y.shape
    assert saved["module"] == "keras.layers" and saved["config"]["encoding"] == "utf-8"
    # What Keras makes of it is not to be had without TensorFlow; its config's keys are known.
    assert "vocabulary_dtype" not in saved["config"]


def test_string_lookup_adapts():
    layer = layers.StringLookup()
    layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert listed(layer([["a", "c", "d"], ["d", "z", "b"]])) == [[5, 3, 1], [1, 2, 4]]
    assert layer.get_vocabulary(include_special_tokens=False) == ["d", "z", "c", "b", "a"]
    layer.adapt(iter([["x"], ["y", "x"]]))
    assert layer.get_vocabulary() == ["[UNK]", "x", "y"] and layer.vocabulary_size() == 3
    layer.adapt(iter([["x"], ["y", "y"]]), steps=1)
    assert layer.get_vocabulary() == ["[UNK]", "x"]
    short = layers.StringLookup(max_tokens=3)
    short.adapt(np.array(["a", "b", "b", "c", "c", "c"]))
    assert short.get_vocabulary() == ["[UNK]", "c", "b"]


def test_tf_idf_weights_are_learned():
    layer = layers.StringLookup(output_mode="tf_idf", max_tokens=5, pad_to_max_tokens=True)
    layer.adapt([["a", "b"], ["a", "a"]])
    weights = np.log(1 + 2 / (1 + np.array([2, 1])))  # a is in both documents, b in one
    np.testing.assert_allclose(layer.idf_weights, [weights.mean(), *weights, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(
        layer([["a", "a", "z"]]).numpy(), [[weights.mean(), 2 * weights[0], 0, 0, 0]], rtol=1e-6
    )


def test_integer_lookup():
    layer = layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
    assert listed(layer([[12, 1138, 42], [42, 1000, 36]])) == [[1, 3, 4], [4, 0, 2]]
    two = layers.IntegerLookup(vocabulary=np.array([12, 36, 1138, 42]), num_oov_indices=2)
    assert listed(two(kerasish.ops.array([[12, 1138, 42], [37, 1000, 36]]))) == [[2, 4, 5], [1, 0, 3]]
    back = layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], invert=True)
    assert listed(back([[1, 3, 4], [4, 0, 2]])) == [[12, 1138, 42], [42, -1, 36]]
    adapted = layers.IntegerLookup(mask_token=0)
    adapted.adapt([[12, 0, 42], [42, 0, 36]])
    assert adapted.get_vocabulary() == [0, -1, 42, 36, 12]
    hashed = layers.IntegerLookup(vocabulary=[1], num_oov_indices=4, oov_method="farmhash")
    assert listed(hashed([5])) == [fingerprint64(b"5") % 4]
    config = json.loads(json.dumps(layer.get_config()))
    assert config["vocabulary"] == [12, 36, 1138, 42] and config["vocabulary_dtype"] == "int64"


# Text

VECTORS = [
    (dict(vocabulary=["earth", "wind", "and", "fire"]), [["earth wind and fire"], ["fire water"]], [[2, 3, 4, 5], [5, 1, 0, 0]]),
    (dict(vocabulary=["earth", "wind", "fire"], output_sequence_length=2), ["Earth, wind & fire!"], [[2, 3]]),
    (dict(vocabulary=["a", "b"], split="character", output_sequence_length=4), ["ab z"], [[2, 3, 1, 1]]),
    (dict(vocabulary=["A", "a"], standardize=None), ["A a, b"], [[2, 1, 1]]),
    (dict(vocabulary=["A", "a"], standardize="strip_punctuation"), ["A a, b"], [[2, 3, 1]]),
    (dict(vocabulary=["a,"], standardize="lower"), ["A, b"], [[2, 1]]),
    (dict(vocabulary=["a", "a b", "b"], ngrams=2), ["a b"], [[2, 4, 3]]),
    (dict(vocabulary=["a", "a b", "b"], ngrams=(2,)), ["a b"], [[3]]),
    (dict(vocabulary=["foo", "bar"], split=None), [["foo", "bar", "x"]], [[2, 3, 1]]),
    (dict(vocabulary=["foo", "bar"], output_mode="multi_hot"), ["foo foo x", ""], [[1, 1, 0], [0, 0, 0]]),
    (dict(vocabulary=["foo", "bar"], output_mode="count", max_tokens=5, pad_to_max_tokens=True), ["foo foo x"], [[1, 2, 0, 0, 0]]),
    (dict(vocabulary=["foo", "bar"], output_mode="tf_idf", idf_weights=[0.5, 1.0]), ["foo foo x"], [[0.75, 1.0, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "data", "expected"), VECTORS)
def test_text_vectorization(arguments, data, expected):
    layer = layers.TextVectorization(**arguments)
    again = layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    for each in (layer, again):
        for given in (data, np.array(data)):
            np.testing.assert_allclose(each(given).numpy(), expected, rtol=1e-6)
    assert listed(layer(data[0] if isinstance(data[0], str) else data[0][0])) == listed(layer(data[:1]))[
        0
    ] or not isinstance(data[0], str)


def test_text_vectorization_adapts():
    layer = layers.TextVectorization(max_tokens=5)
    layer.adapt(TEXTS)
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo"]
    assert listed(layer(["foo qux bar"])) == [[4, 1, 3]]
    layer.adapt(iter([["x y"], np.array(["y"])]))
    assert layer.get_vocabulary(include_special_tokens=False) == ["y", "x"]


def test_functions_that_standardize_and_split():
    layer = layers.TextVectorization(
        standardize=lambda x: np.char.replace(x, "-", " "),
        split=lambda x: np.char.split(x, " "),
        vocabulary=["a", "b"],
    )
    assert listed(layer(["a-b"])) == [[2, 3]]


@pytest.mark.parametrize("arguments", [{}, {"output_mode": "tf_idf"}])
def test_adapted_vocabularies_go_through_files(tmp_path, arguments):
    holder = kerasish.Sequential([layers.TextVectorization(**arguments, name="t")])
    holder.layers[0].adapt(TEXTS)
    holder.built = True
    holder.save(tmp_path / "m.keras")
    again = kerasish.saving.load_model(tmp_path / "m.keras").layers[0]
    assert again.get_vocabulary() == holder.layers[0].get_vocabulary()
    np.testing.assert_array_equal(again(TEXTS).numpy(), holder.layers[0](TEXTS).numpy())


def test_vocabulary_files_are_read_for_the_user_and_never_for_a_config(tmp_path):
    path = tmp_path / "vocabulary.txt"
    path.write_text("a\nb\nc\n", encoding="utf-8")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b", "c"] and layer.get_config()["vocabulary"] is None
    assert layers.IntegerLookup(vocabulary=None).get_vocabulary() == [-1]
    for name in ("StringLookup", "IntegerLookup", "TextVectorization"):
        config = {"module": "keras.layers", "class_name": name, "registered_name": None}
        config["config"] = {**getattr(layers, name)().get_config(), "vocabulary": str(path)}
        for safe_mode in (True, False):
            with pytest.raises((ValueError, TypeError), match="names the vocabulary file"):
                kerasish.saving.deserialize_keras_object(config, safe_mode=safe_mode)
    with pytest.raises(ValueError, match="does not exist"):
        layers.StringLookup(vocabulary=str(tmp_path / "none.txt"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Hashing(0), "Received: num_bins=0"),
        (lambda: layers.Hashing(3, output_mode="tf_idf"), "output_mode=tf_idf"),
        (lambda: layers.Hashing(3, dtype="float32"), "should be an integer type"),
        (lambda: layers.Hashing(3, salt="x"), "Received: salt=x"),
        (lambda: layers.Hashing(3, sparse=True, output_mode="count"), "no sparse tensors"),
        (lambda: layers.HashedCrossing(3, output_mode="count"), "output_mode=count"),
        (lambda: layers.HashedCrossing(3)(["a"]), "at least two inputs"),
        (lambda: layers.HashedCrossing(3)([["a", "b"], [1]]), r"shapes \[\(2,\), \(1,\)\]"),
        (lambda: layers.StringLookup()(["a"]), "has no vocabulary. Call `adapt"),
        (lambda: layers.StringLookup(max_tokens=1), "max_tokens=1"),
        (lambda: layers.StringLookup(pad_to_max_tokens=True), "must set `max_tokens`"),
        (lambda: layers.StringLookup(num_oov_indices=-1), "num_oov_indices=-1"),
        (lambda: layers.StringLookup(output_mode="some"), "output_mode='some', expected one of"),
        (lambda: layers.StringLookup(invert=True, output_mode="count"), "must be `'int'` when `invert` is true"),
        (lambda: layers.StringLookup(colour=1), r"Unrecognized keyword argument\(s\): {'colour': 1}"),
        (lambda: layers.StringLookup(vocabulary=[]), "Cannot set an empty vocabulary"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), r"repeated terms are: \['a'\]"),
        (lambda: layers.StringLookup(vocabulary=["a", "b"], max_tokens=2), "vocabulary size is 3; `max_tokens` is 2"),
        (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "`idf_weights` argument must also be provided"),
        (lambda: layers.StringLookup(vocabulary=["a"], idf_weights=[1.0]), "should only be set if `output_mode`"),
        (lambda: layers.StringLookup(vocabulary=["a"], idf_weights=[1.0, 2.0], output_mode="tf_idf"), "same length as vocabulary"),
        (lambda: layers.StringLookup(output_mode="tf_idf").set_vocabulary(["a"]), "`idf_weights` must be set"),
        (lambda: layers.StringLookup(vocabulary=["[UNK]", "a", "[UNK]"], invert=True), "reserved OOV token"),
        (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["z"]), "found OOV value 'z'"),
        (lambda: layers.StringLookup(vocabulary=["a"]).adapt(["b"]), "Cannot adapt layer"),
        (lambda: layers.StringLookup(vocabulary=["a"])([["a"], ["a", "b"]]), "of the same length"),
        (lambda: layers.IntegerLookup(vocabulary_dtype="int32"), "vocabulary_dtype=int32"),
        (lambda: layers.IntegerLookup(salt=1), "oov_method=floormod"),
        (lambda: layers.IntegerLookup(oov_method="other"), "oov_method='other'"),
        (lambda: layers.TextVectorization(standardize="upper"), "standardize='upper', expected one of"),
        (lambda: layers.TextVectorization(split="words"), "split='words'"),
        (lambda: layers.TextVectorization(ngrams="2"), "ngrams=2"),
        (lambda: layers.TextVectorization(ragged=True), "no ragged tensors"),
        (lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3), "None if `output_mode` is not 'int'"),
        (lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]), r"inputs.shape=\(1, 2\) with rank=2"),
    ],
)  # fmt: skip
def test_errors_say_what_came(make, message):
    with pytest.raises(ValueError, match=message):
        make()
