"""The functions of `keras.utils` give what Keras gives."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasish
from kerasish import utils
from kerasish.autograd import Tensor


@pytest.mark.parametrize(
    ("x", "num_classes"),
    [
        ([0, 1, 2], None),
        ([[0], [3]], 4),
        (np.array([[0, 1], [1, 2]]), None),
        (2, 3),
        ([1.0, 0.0], 2),
        ([], 3),
    ],
)
def test_to_categorical(oracle, x, num_classes):
    ours, theirs = utils.to_categorical(x, num_classes), oracle.utils.to_categorical(x, num_classes)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_to_categorical_of_a_tensor():
    ours = utils.to_categorical(Tensor(np.array([[0], [2]])), 3)
    assert isinstance(ours, Tensor)
    np.testing.assert_array_equal(ours.numpy(), [[1, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("x", [[0, 3], [-1, 0]])
def test_to_categorical_refuses_what_is_no_class(x):
    with pytest.raises(IndexError, match=f"values from {min(x)} to {max(x)}"):
        utils.to_categorical(x, 3)


@pytest.mark.parametrize("order", [1, 2, np.inf])
@pytest.mark.parametrize("axis", [-1, 1])
def test_normalize(oracle, order, axis):
    x = np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 1.0]])
    np.testing.assert_allclose(utils.normalize(x, axis, order), oracle.utils.normalize(x, axis, order))


def test_normalize_other_axes_and_tensors():
    x = np.array([[3.0, 0.0], [4.0, 2.0]], dtype="float32")
    np.testing.assert_allclose(utils.normalize(x, axis=0), [[0.6, 0], [0.8, 1]], rtol=1e-6)
    tensor = utils.normalize(Tensor(x), axis=0)
    assert isinstance(tensor, Tensor)
    np.testing.assert_allclose(tensor.numpy(), [[0.6, 0], [0.8, 1]], rtol=1e-6)


@settings(deadline=None, max_examples=50)
@given(
    sequences=st.lists(st.lists(st.integers(-9, 9), max_size=6), min_size=1, max_size=5),
    maxlen=st.one_of(st.none(), st.integers(1, 8)),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
    value=st.integers(-3, 3),
)
def test_pad_sequences(sequences, maxlen, padding, truncating, value):
    keras = pytest.importorskip("keras")
    arguments = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": value}
    ours, theirs = (
        utils.pad_sequences(sequences, **arguments),
        keras.utils.pad_sequences(sequences, **arguments),
    )
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_array_equal(ours, theirs)


def test_pad_sequences_of_vectors_and_strings():
    vectors = utils.pad_sequences([np.ones((1, 2)), np.ones((3, 2))], dtype="float32", padding="post")
    assert vectors.shape == (2, 3, 2) and vectors[0, 1:].sum() == 0
    words = utils.pad_sequences([["a"], ["b", "cd"]], dtype=object, value="")
    assert words.tolist() == [["", "a"], ["b", "cd"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequences": 5}, "must be a list of sequences"),
        ({"sequences": [[1], 2]}, "Found non-iterable: 2"),
        (
            {"sequences": [[1]], "padding": "left"},
            "`padding` must be 'pre' or 'post'. Received: padding='left'",
        ),
        ({"sequences": [[1]], "truncating": "x"}, "`truncating` must be"),
        ({"sequences": [[1]], "value": "a"}, "not compatible with `value`"),
        (
            {"sequences": [np.ones((1, 2)), np.ones((1, 3))]},
            r"Shape of sample \(3,\) of sequence at position 1",
        ),
    ],
)
def test_pad_sequences_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        utils.pad_sequences(**arguments)


def test_set_random_seed_repeats_every_source():
    def draw():
        ours = kerasish.random.normal((3,)).numpy().tolist()
        return random.random(), np.random.rand(), ours

    utils.set_random_seed(11)
    first, second = draw(), draw()
    utils.set_random_seed(11)
    assert (draw(), draw()) == (first, second)
    assert first != second


@pytest.mark.parametrize("seed", ["1", 1.5, None, True, -1, 2**32])
def test_set_random_seed_refuses(seed):
    state = np.random.get_state()[1].tolist()
    with pytest.raises(ValueError, match="`seed`"):
        utils.set_random_seed(seed)
    assert np.random.get_state()[1].tolist() == state


def test_interactive_logging_switches():
    assert utils.is_interactive_logging_enabled()
    utils.disable_interactive_logging()
    assert not utils.is_interactive_logging_enabled()
    utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()


def test_names():
    assert set(utils.__all__) <= set(dir(utils))
    assert callable(utils.get_file) and callable(utils.Progbar) and callable(utils.print_summary)
    assert utils.standardize_dtype("int") == "int32"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = utils.nothing


def test_named_values_are_attributes_and_items(oracle):
    ours, theirs = utils.Config(rate=0.1, steps=3), oracle.utils.Config(rate=0.1, steps=3)
    for config in (ours, theirs):
        config.name = "run"
        config["seed"] = 7
        assert (config.rate, config["steps"], config.get("none", 1)) == (0.1, 3, 1)
        del config["steps"]
        config.update({"rate": 0.2})
        assert config.pop("seed") == 7 and "seed" not in config
    assert ours.as_dict() == theirs.as_dict() and ours.to_json() == theirs.to_json()
    assert list(ours) == list(theirs) and len(ours) == len(theirs) and repr(ours) == repr(theirs)
    ours.freeze()
    for change in (lambda: setattr(ours, "rate", 1), lambda: ours.pop("rate"), lambda: ours.update(rate=1)):
        with pytest.raises(ValueError, match="config is frozen"):
            change()
    assert ours.frozen and ours.rate == 0.2
    ours.unfreeze()
    ours.rate = 1
    with pytest.raises(AttributeError, match=r"Unknown attribute: 'ratr'. Did you mean 'rate'\?"):
        _ = ours.ratr


def test_clear_session_starts_names_afresh():
    kerasish.config.set_dtype_policy("float16")
    kerasish.layers.Dense(1)
    utils.clear_session()
    assert kerasish.layers.Dense(1).name == "dense" and kerasish.config.dtype_policy().name == "float32"
    utils.clear_session(free_memory=False)
    assert kerasish.layers.Dense(1).name == "dense"


def test_symbolic_tensors_are_told_apart():
    assert utils.is_keras_tensor(kerasish.Input((3,)))
    assert not utils.is_keras_tensor(kerasish.ops.ones(3)) and not utils.is_keras_tensor(np.ones(3))
