"""Pooling layers and functions agree with Keras: outputs, gradients at ties, shapes, configs, errors."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops
from kerasish.autograd import Tensor, gradients_of

LENGTHS = {1: (9,), 2: (8, 7), 3: (5, 6, 4)}


def small_integers(*shape):
    """Few different values, so that windows have ties."""
    return np.random.default_rng(sum(shape)).integers(0, 3, shape).astype("float32")


def numbers(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
@pytest.mark.parametrize(
    ("rank", "pool_size", "strides", "padding", "data_format"),
    [
        (1, 2, None, "valid", "channels_last"),
        (1, 3, 1, "same", "channels_first"),
        (2, 2, None, "valid", "channels_last"),
        (2, (3, 2), (2, 1), "same", "channels_last"),
        (2, 2, None, "SAME", "channels_first"),
        (2, 3, 2, "valid", "channels_last"),
        (3, 2, (1, 2, 3), "same", "channels_last"),
    ],
)
def test_functions(oracle, name, rank, pool_size, strides, padding, data_format):
    import jax

    x = small_integers(2, *LENGTHS[rank], 3)
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    arguments = (pool_size, strides, padding, data_format)
    # The oracle's function does not know None on JAX; its layers replace it.
    theirs = (pool_size, pool_size if strides is None else strides, padding, data_format)
    expected, pull_back = jax.vjp(lambda x: getattr(oracle.ops, name)(x, *theirs), x)
    leaf = Tensor(x, requires_grad=True)
    found = getattr(ops, name)(leaf, *arguments)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    g = numbers(*expected.shape)
    (slope,) = gradients_of([found], [leaf], [g])
    np.testing.assert_allclose(slope.numpy(), pull_back(g)[0], rtol=1e-5, atol=1e-6)


def comparable(config):
    return {
        k: list(v) if isinstance(v, tuple) else v for k, v in config.items() if k not in ("name", "dtype")
    }


LAYERS = [
    ("MaxPooling1D", {}, (5, 3)),
    ("MaxPooling2D", {"pool_size": (2, 3), "strides": 1, "padding": "same"}, (4, 5, 3)),
    ("MaxPooling3D", {"pool_size": 2, "data_format": "channels_first"}, (3, 4, 5, 4)),
    ("AveragePooling1D", {"pool_size": 2, "padding": "same"}, (5, 3)),
    ("AveragePooling2D", {"pool_size": 2, "strides": (1, 2)}, (4, 5, 3)),
    ("AveragePooling3D", {"pool_size": (1, 2, 2), "padding": "same"}, (3, 4, 5, 2)),
    ("GlobalMaxPooling1D", {}, (5, 3)),
    ("GlobalMaxPooling2D", {"data_format": "channels_first"}, (3, 4, 5)),
    ("GlobalMaxPooling3D", {"keepdims": True}, (4, 5, 3, 2)),
    ("GlobalAveragePooling1D", {"data_format": "channels_first", "keepdims": True}, (3, 5)),
    ("GlobalAveragePooling2D", {}, (4, 5, 3)),
    ("GlobalAveragePooling3D", {"data_format": "channels_first"}, (2, 4, 5, 3)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), LAYERS)
def test_layers(oracle, name, arguments, shape):
    x = numbers(2, *shape)
    theirs, ours = getattr(oracle.layers, name)(**arguments), getattr(layers, name)(**arguments)
    assert ours.built and not ours.weights
    found = ours(x)
    np.testing.assert_allclose(found.numpy(), np.asarray(theirs(x)), rtol=1e-5, atol=1e-6)
    assert comparable(ours.get_config()) == comparable(theirs.get_config())
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()
    for known in (x.shape, (None, *shape)):
        assert ours.compute_output_shape(known) == tuple(theirs.compute_output_shape(known))
    assert ours.compute_output_shape(x.shape) == found.shape == ours(kerasish.KerasTensor(x.shape)).shape
    assert layers.serialize(ours)["class_name"] == name
    assert type(layers.deserialize(layers.serialize(ours))) is type(ours)


@pytest.mark.parametrize("alias", ["MaxPool", "AvgPool", "GlobalMaxPool", "GlobalAvgPool"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_aliases(oracle, alias, rank):
    name = f"{alias}{rank}D"
    assert getattr(layers, name).__name__ == getattr(oracle.layers, name).__name__


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_masked_steps_take_no_part_in_a_mean(oracle, data_format, keepdims):
    x, mask = numbers(2, 4, 4), np.array([[1, 1, 0, 0], [0, 1, 1, 1]], bool)
    arguments = {"data_format": data_format, "keepdims": keepdims}
    expected = oracle.layers.GlobalAveragePooling1D(**arguments)(x, mask=mask)
    found = layers.GlobalAveragePooling1D(**arguments)(x, mask=mask)
    np.testing.assert_allclose(found.numpy(), np.asarray(expected), rtol=1e-5)


def test_integers():
    x = np.arange(6).reshape(1, 6, 1)
    assert ops.max_pool(x, 2).numpy().ravel().tolist() == [1, 3, 5]
    mean = ops.average_pool(x, 2)
    assert (mean.dtype, mean.numpy().ravel().tolist()) == ("float32", [0.5, 2.5, 4.5])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value):
    x = np.array([value, value, 1.0, 2.0], "float32").reshape(1, 4, 1)
    np.testing.assert_array_equal(ops.max_pool(x, 2).numpy().ravel(), [value, 2.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.MaxPooling2D(0), r"`pool_size` argument must be a tuple of 2 integers"),
        (lambda: layers.MaxPooling2D((2, 2, 2)), r"Received pool_size=\(2, 2, 2\)"),
        (lambda: layers.MaxPooling2D(2, padding="causal"), "`padding` argument must be one of"),
        (lambda: layers.AveragePooling1D(2, data_format="last"), "`data_format` argument must be one of"),
        (lambda: layers.MaxPooling2D(2)(numbers(2, 4, 3)), "expected ndim=4, found ndim=3"),
        (lambda: layers.MaxPooling2D(5)(numbers(2, 4, 4, 3)), "output size would be zero or negative"),
        (
            lambda: layers.MaxPooling2D(5).compute_output_shape((2, 4, 4, 3)),
            "output size would be zero or negative",
        ),
        (lambda: ops.max_pool(numbers(2, 4, 3), 2, padding="full"), "must be either 'valid' or 'same'"),
        (lambda: ops.max_pool(numbers(2, 4, 3), (2, 2)), "one for each of the 1 spatial axes"),
        (lambda: ops.average_pool(numbers(2, 4), 2), "takes inputs with a batch, spatial axes and channels"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
