"""Layers that adapt to data find out what Keras's do, from arrays and from batches."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kerasish
from kerasish import layers

DATA = np.random.default_rng(0).normal(2.0, 3.0, (40, 3, 4)).astype("float32")


class Batches(kerasish.utils.PyDataset):
    num_batches = 4

    def __getitem__(self, index):
        return DATA[10 * index : 10 * index + 10], np.zeros(10)


KINDS = {
    "array": lambda: DATA,
    "tensor": lambda: kerasish.ops.convert_to_tensor(DATA),
    "list of batches": lambda: [DATA[:7], DATA[7:]],
    "generator of pairs": lambda: ((x, None) for x in (DATA[:30], DATA[30:])),
    "data set": Batches,
}


@pytest.mark.parametrize("axis", [-1, (1, 2), None])
@pytest.mark.parametrize("kind", KINDS)
def test_normalization_adapts(oracle, kind, axis):
    mine, theirs = layers.Normalization(axis=axis), oracle.layers.Normalization(axis=axis)
    mine.adapt(KINDS[kind]())
    theirs.adapt(DATA)
    np.testing.assert_allclose(mine.mean.numpy(), np.asarray(theirs.mean), rtol=1e-5)
    np.testing.assert_allclose(mine.variance.numpy(), np.asarray(theirs.variance), rtol=1e-5)
    np.testing.assert_allclose(mine(DATA).numpy(), np.asarray(theirs(DATA)), rtol=1e-5, atol=1e-5)


def test_a_compiled_call_sees_what_the_layer_adapts_to_later():
    layer = layers.Normalization(axis=None)
    layer.adapt(DATA)
    compiled = kerasish.function(layer)
    compiled(DATA)
    layer.adapt(DATA * 2)
    np.testing.assert_allclose(compiled(DATA).numpy(), layer(DATA).numpy(), rtol=1e-6)


def test_adapted_normalization_goes_through_files(oracle, tmp_path):
    model = kerasish.Sequential([kerasish.Input((3, 4)), layers.Normalization()])
    model.layers[-1].adapt(DATA)
    model.save(tmp_path / "m.keras")
    theirs = oracle.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(np.asarray(theirs(DATA)), model(DATA).numpy(), rtol=1e-5, atol=1e-5)
    theirs.save(tmp_path / "t.keras")
    again = kerasish.saving.load_model(tmp_path / "t.keras")
    np.testing.assert_array_equal(again(DATA).numpy(), model(DATA).numpy())


@pytest.mark.parametrize(("num_bins", "epsilon"), [(4, 0.01), (3, 0.1), (10, 0.01)])
@pytest.mark.parametrize("kind", ["array", "list of batches"])
def test_discretization_adapts(oracle, kind, num_bins, epsilon):
    found = []
    for keras in (kerasish, oracle):
        layer = keras.layers.Discretization(num_bins=num_bins, epsilon=epsilon, name="d")
        if keras is kerasish:
            layer.adapt(KINDS[kind]())
        else:  # what the oracle's `adapt` does, which needs TensorFlow to look at its argument
            for batch in [DATA] if kind == "array" else KINDS[kind]():
                layer.update_state(batch)
            layer.finalize_state()
        found.append((layer.bin_boundaries, np.asarray(layer(DATA)).tolist(), layer.get_config()))
        again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
        assert again.bin_boundaries == layer.bin_boundaries
    assert found[0] == found[1]


def test_discretization_takes_so_many_steps():
    layer = layers.Discretization(num_bins=2)
    layer.adapt([DATA[:10], DATA[10:] + 100.0], steps=1)
    assert layer.bin_boundaries[0] < 10.0


def test_category_encoding_takes_lists():
    layer = layers.CategoryEncoding(3)
    assert layer([[0, 2]]).numpy().tolist() == [[1.0, 0.0, 1.0]]
    assert layer(1).numpy().tolist() == [0.0, 1.0, 0.0]
    assert layers.CategoryEncoding(3, output_mode="binary").output_mode == "multi_hot"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), "both `mean` and `variance` must be set. Received: mean=1.0"),
        (lambda: layers.Normalization(mean=1.0, variance=[1.0]), r"same shape. Received: mean shape \(\)"),
        (lambda: layers.Normalization(axis=None, mean=[1.0], variance=[1.0]), r"number of axes \(0\)"),
        (lambda: layers.Normalization(axis=3)(DATA), r"range \[-ndim, ndim\). Received inputs with ndim=3"),
        (lambda: layers.Normalization().build((None, None)), "must have a known shape"),
        (lambda: layers.Normalization().adapt([]), "empty iterable"),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(DATA), "cannot adapt. Leave them out"),
        (lambda: layers.Normalization().adapt([DATA, DATA[..., :2]]), r"incompatible shape, data.shape=\(40, 3, 2\)"),
        (lambda: layers.Discretization(), "need to set either `num_bins` or `bin_boundaries`"),
        (lambda: layers.Discretization([1.0], num_bins=2), "Both `num_bins` and `bin_boundaries` should not be set"),
        (lambda: layers.Discretization(num_bins=-1), "greater than or equal to 0. Received: `num_bins=-1`"),
        (lambda: layers.Discretization([1.0], output_mode="tf_idf"), "output_mode='tf_idf', expected one of"),
        (lambda: layers.Discretization([1.0], sparse=True), "no sparse tensors here"),
        (lambda: layers.Discretization([1.0]).adapt(DATA), "use `num_bins` instead"),
        (lambda: layers.Discretization(num_bins=2)(DATA), "call `adapt"),
        (lambda: layers.CategoryEncoding(), "num_tokens must be set to use this layer"),
        (lambda: layers.CategoryEncoding(0), "`num_tokens` must be >= 1. Received: num_tokens=0"),
        (lambda: layers.CategoryEncoding(3, output_mode="tf_idf"), "Unknown arg for output_mode: tf_idf"),
        (lambda: layers.CategoryEncoding(3, sparse=True), "no sparse tensors here"),
        (lambda: layers.CategoryEncoding(3)([1], count_weights=[1.0]), "`count_weights` is not used"),
    ],
)  # fmt: skip
def test_errors_say_what_came(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_data_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="Unsupported data type: <class 'int'>"):
        layers.Normalization().adapt(3)
