"""Convolution layers and functions agree with Keras: outputs, gradients, shapes, configs, errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops
from kerasish.autograd import Tensor, gradients_of

LENGTHS = {1: (9,), 2: (8, 7), 3: (5, 6, 4)}
WINDOWS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}


def numbers(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


def inputs(rank, channels, data_format, batch=2):
    lengths = LENGTHS[rank]
    return (
        numbers(batch, *lengths, channels)
        if data_format == "channels_last"
        else numbers(batch, channels, *lengths)
    )


def assert_same_function(oracle, name, arrays, **arguments):
    """Compare values and all gradients of a function of `ops`."""
    import jax

    expected, pull_back = jax.vjp(lambda *a: getattr(oracle.ops, name)(*a, **arguments), *arrays)
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    found = getattr(ops, name)(*leaves, **arguments)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4)
    g = numbers(*expected.shape)
    for leaf, slope in zip(gradients_of([found], leaves, [g]), pull_back(g), strict=True):
        np.testing.assert_allclose(leaf.numpy(), slope, rtol=1e-4, atol=1e-3)


CASES = [
    # rank, padding, strides, dilation, groups, data format
    (1, "valid", 1, 1, 1, "channels_last"),
    (1, "same", 2, 1, 2, "channels_first"),
    (1, "same", 1, 3, 1, "channels_last"),
    (1, "valid", 3, 1, 4, "channels_last"),
    (2, "valid", 1, 1, 1, "channels_last"),
    (2, "same", (2, 3), 1, 1, "channels_last"),
    (2, "same", 1, (1, 2), 2, "channels_first"),
    (2, "valid", 2, 1, 4, "channels_last"),
    (2, "SAME", 1, 1, 1, "channels_first"),
    (3, "same", 2, 1, 1, "channels_last"),
    (3, "valid", 1, (1, 2, 1), 2, "channels_first"),
]


@pytest.mark.parametrize(("rank", "padding", "strides", "dilation", "groups", "data_format"), CASES)
def test_conv(oracle, rank, padding, strides, dilation, groups, data_format):
    x, kernel = inputs(rank, 4, data_format), numbers(*WINDOWS[rank], 4 // groups, 8)
    arguments = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation,
        "data_format": data_format,
    }
    assert_same_function(oracle, "conv", [x, kernel], **arguments)


@pytest.mark.parametrize(("rank", "padding", "strides", "dilation", "groups", "data_format"), CASES[:9:2])
def test_depthwise_and_separable_conv(oracle, rank, padding, strides, dilation, groups, data_format):
    x, depthwise = inputs(rank, 4, data_format), numbers(*WINDOWS[rank], 4, groups)
    pointwise = numbers(*(1,) * rank, 4 * groups, 3)
    arguments = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation,
        "data_format": data_format,
    }
    if isinstance(strides, tuple):
        arguments["strides"] = strides[0]
    assert_same_function(oracle, "depthwise_conv", [x, depthwise], **arguments)
    assert_same_function(oracle, "separable_conv", [x, depthwise, pointwise], **arguments)


@pytest.mark.parametrize(
    ("rank", "padding", "strides", "output_padding", "dilation", "data_format"),
    [
        (1, "valid", 1, None, 1, "channels_last"),
        (1, "same", 3, None, 1, "channels_first"),
        (1, "same", 1, None, 2, "channels_last"),
        (2, "valid", 4, None, 1, "channels_last"),
        (2, "same", 2, 1, 1, "channels_last"),
        (2, "same", (2, 3), (0, 2), 1, "channels_first"),
        (2, "valid", 2, 1, 1, "channels_last"),
        (3, "same", 2, None, 1, "channels_last"),
    ],
)
def test_conv_transpose(oracle, rank, padding, strides, output_padding, dilation, data_format):
    x, kernel = inputs(rank, 4, data_format), numbers(*WINDOWS[rank], 3, 4)
    arguments = {
        "strides": strides,
        "padding": padding,
        "output_padding": output_padding,
        "dilation_rate": dilation,
        "data_format": data_format,
    }
    assert_same_function(oracle, "conv_transpose", [x, kernel], **arguments)


def test_all_combinations_agree_with_the_definition():
    """Every padding, stride, dilation, grouping and layout against sums written out by NumPy."""
    combinations = itertools.product(
        (1, 2, 3), ("valid", "same"), (1, 2, 3), (1, 2), (1, 2, 4), ("channels_last", "channels_first")
    )
    for rank, padding, stride, dilation, groups, data_format in combinations:
        x, kernel = inputs(rank, 4, data_format), numbers(*WINDOWS[rank], 4 // groups, 8)
        found = ops.conv(x, kernel, stride, padding, data_format, dilation).numpy()
        last = x if data_format == "channels_last" else np.moveaxis(x, 1, -1)
        expected = definition(last, kernel, stride, padding, dilation, groups)
        if data_format == "channels_first":
            expected = np.moveaxis(expected, -1, 1)
        label = (
            f"{rank} axes, {padding}, stride {stride}, dilation {dilation}, {groups} groups, {data_format}"
        )
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=label)


def definition(x, kernel, stride, padding, dilation, groups):
    window = kernel.shape[:-2]
    extents = [(w - 1) * dilation + 1 for w in window]
    if padding == "same":
        made = [-(-n // stride) for n in x.shape[1:-1]]
        total = [
            max((o - 1) * stride + e - n, 0) for o, e, n in zip(made, extents, x.shape[1:-1], strict=True)
        ]
        x = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)])
    views = np.lib.stride_tricks.sliding_window_view(x, extents, axis=tuple(range(1, x.ndim - 1)))
    rank = len(window)
    views = views[(slice(None), *[slice(None, None, stride)] * rank)]
    views = views[(..., *[slice(None, None, dilation)] * rank)]
    per_group, filters = kernel.shape[-2], kernel.shape[-1] // groups
    parts = []
    for group in range(groups):
        seen = views[(slice(None),) * (rank + 1) + (slice(group * per_group, (group + 1) * per_group),)]
        weights = np.moveaxis(kernel[..., group * filters : (group + 1) * filters], -2, 0)
        parts.append(np.tensordot(seen.astype("float64"), weights, axes=rank + 1))
    return np.concatenate(parts, axis=-1)


LAYERS = [
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (8, 4)),
    (
        "Conv1D",
        {"filters": 4, "kernel_size": 3, "padding": "causal", "strides": 2, "data_format": "channels_first"},
        (4, 7),
    ),
    (
        "Conv2D",
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "SAME", "groups": 2, "activation": "relu"},
        (8, 9, 4),
    ),
    (
        "Conv2D",
        {
            "filters": 3,
            "kernel_size": (2, 3),
            "use_bias": False,
            "kernel_regularizer": "l2",
            "activity_regularizer": "l1",
        },
        (6, 5, 2),
    ),
    (
        "Conv3D",
        {"filters": 2, "kernel_size": 2, "data_format": "channels_first", "kernel_constraint": "max_norm"},
        (2, 4, 5, 6),
    ),
    (
        "Conv1DTranspose",
        {"filters": 4, "kernel_size": 2, "strides": 3, "data_format": "channels_first"},
        (4, 5),
    ),
    (
        "Conv2DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 1, "padding": "same"},
        (4, 5, 3),
    ),
    (
        "Conv3DTranspose",
        {"filters": 4, "kernel_size": 3, "strides": 2, "bias_initializer": "ones"},
        (4, 5, 3, 2),
    ),
    ("DepthwiseConv1D", {"kernel_size": 3, "data_format": "channels_first"}, (4, 5)),
    (
        "DepthwiseConv2D",
        {"kernel_size": 3, "depth_multiplier": 2, "padding": "same", "activation": "tanh"},
        (4, 5, 3),
    ),
    ("SeparableConv1D", {"filters": 5, "kernel_size": 3, "strides": 2}, (7, 3)),
    (
        "SeparableConv2D",
        {"filters": 5, "kernel_size": 3, "depth_multiplier": 2, "data_format": "channels_first"},
        (3, 6, 5),
    ),
]


def comparable(config):
    return {
        k: list(v) if isinstance(v, tuple) else v for k, v in config.items() if k not in ("name", "dtype")
    }


@pytest.mark.parametrize(("name", "arguments", "shape"), LAYERS)
def test_layers(oracle, name, arguments, shape):
    x = numbers(2, *shape)
    theirs, ours = getattr(oracle.layers, name)(**arguments), getattr(layers, name)(**arguments)
    theirs.build(x.shape)
    ours.build(x.shape)
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    weights = [numbers(*w.shape) for w in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    expected = np.asarray(theirs(x))
    found = ours(x)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4)
    assert comparable(ours.get_config()) == comparable(theirs.get_config())
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()
    for known in (x.shape, (None, *shape)):
        assert ours.compute_output_shape(known) == tuple(theirs.compute_output_shape(known))
    assert ours.compute_output_shape(x.shape) == found.shape == ours(kerasish.KerasTensor(x.shape)).shape
    again = layers.deserialize(layers.serialize(ours))
    again.set_weights(weights)
    np.testing.assert_array_equal(again(x).numpy(), found.numpy())


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_unknown_lengths(padding):
    layer = layers.Conv2D(4, 3, strides=2, padding=padding)
    symbol = kerasish.KerasTensor((None, None, 8, 3))
    made = 4 if padding == "same" else 3
    assert layer(symbol).shape == layer.compute_output_shape(symbol.shape) == (None, None, made, 4)


def test_positional_arguments_are_those_of_keras():
    layer = layers.Conv3DTranspose(4, 3, 2, "same", "channels_last", 1)
    assert (layer.data_format, layer.output_padding) == ("channels_last", (1, 1, 1))
    layer = layers.Conv2DTranspose(4, 3, 2, "same", 1, "channels_first")
    assert (layer.data_format, layer.output_padding) == ("channels_first", (1, 1))
    assert layers.DepthwiseConv2D(3, 1, "valid", 2).depth_multiplier == 2


@pytest.mark.parametrize(
    "alias",
    ["Convolution1D", "Convolution2D", "Convolution3D", "Convolution2DTranspose", "SeparableConvolution2D"],
)
def test_aliases(oracle, alias):
    assert getattr(layers, alias).__name__ == getattr(oracle.layers, alias).__name__


CONV = {"filters": 4, "kernel_size": 3}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Conv2D", {**CONV, "filters": 0}, "strictly positive value. Received filters=0"),
        ("Conv2D", {**CONV, "groups": 0}, "positive integer. Received: groups=0"),
        ("Conv2D", {**CONV, "groups": 3}, "groups=3, filters=4"),
        ("Conv2D", {**CONV, "kernel_size": (3, 0)}, r"Received kernel_size=\(3, 0\), including values \{0\}"),
        (
            "Conv2D",
            {**CONV, "kernel_size": (3, 3, 3)},
            "`kernel_size` argument must be a tuple of 2 integers",
        ),
        ("Conv2D", {**CONV, "kernel_size": "ab"}, "including element a of type"),
        ("Conv2D", {**CONV, "strides": None}, "`strides` argument must be a tuple of 2 integers"),
        ("Conv2D", {**CONV, "strides": 2, "dilation_rate": 2}, "not supported in conjunction"),
        ("Conv2D", {**CONV, "padding": "causal"}, "`padding` argument must be one of"),
        ("Conv2D", {**CONV, "data_format": "last"}, "`data_format` argument must be one of"),
        ("Conv2D", {**CONV, "lora_rank": 2}, "low-rank adaptation"),
        (
            "Conv2DTranspose",
            {**CONV, "strides": 2, "output_padding": 2},
            "At dimension 0, `output_padding` is 2",
        ),
        ("Conv2DTranspose", {**CONV, "filters": -1}, "Received filters=-1"),
        ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 0}, "Received depth_multiplier=0"),
        ("SeparableConv2D", {**CONV, "depth_multiplier": -1}, "Received depth_multiplier=-1"),
    ],
)
def test_errors_of_layers(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(layers, name)(**arguments)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.Conv2D(4, 3, groups=2), (2, 8, 8, 3), "groups=2, but the input has 3 channels"),
        (layers.Conv2D(4, 3), (2, 2, 8, 3), "output size would be zero or negative"),
        (layers.Conv2D(4, 3), (None, 8, 8, None), "must have a known length"),
        (layers.DepthwiseConv2D(9), (2, 8, 8, 3), "output size would be zero or negative"),
    ],
)
def test_errors_of_building(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.build(shape)


def test_wrong_inputs_of_a_built_layer():
    layer = layers.Conv2D(4, 3)
    layer(numbers(1, 5, 5, 2))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 2"):
        layer(numbers(1, 5, 5, 3))
    with pytest.raises(ValueError, match="expected min_ndim=4, found ndim=3"):
        layer(numbers(5, 5, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, k: ops.conv(x, k[:, :, :1].repeat(3, 2)), "must be evenly divisible"),
        (lambda x, k: ops.conv(x[:, :2], k), "resulted in an empty output"),
        (lambda x, k: ops.conv(x, k, padding="full"), "must be either 'valid' or 'same'"),
        (lambda x, k: ops.conv(x, k, strides=(1, 2, 3)), "one for each of the 2 spatial axes"),
        (lambda x, k: ops.conv(x[0], k), "a kernel of as many axes"),
        (lambda x, k: ops.depthwise_conv(x[..., :1], k), "input channels=1, kernel input channels=2"),
        (lambda x, k: ops.conv_transpose(x, k), "input channels=2, kernel input channels=4"),
        (lambda x, k: ops.conv_transpose(x, k.swapaxes(-1, -2), padding="full"), "one of 'valid', 'same'"),
    ],
)
def test_errors_of_functions(call, message):
    with pytest.raises(ValueError, match=message):
        call(numbers(1, 5, 5, 2), numbers(3, 3, 2, 4))


def test_a_model_learns_and_its_file_goes_both_ways(oracle, tmp_path):
    def build(keras):
        return keras.Sequential(
            [
                keras.layers.Input((8, 8, 2)),
                keras.layers.Conv2D(4, 3, activation="relu", name="a"),
                keras.layers.MaxPooling2D(2, name="b"),
                keras.layers.SeparableConv2D(3, 2, name="c"),
                keras.layers.GlobalAveragePooling2D(name="d"),
            ]
        )

    x = numbers(6, 8, 8, 2)
    ours, theirs = build(kerasish), build(oracle)
    ours.save(tmp_path / "ours.keras")
    np.testing.assert_allclose(
        np.asarray(oracle.saving.load_model(tmp_path / "ours.keras")(x)),
        ours(x).numpy(),
        rtol=1e-4,
        atol=1e-5,
    )
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    np.testing.assert_allclose(ours(x).numpy(), np.asarray(theirs(x)), rtol=1e-4, atol=1e-5)
    target = numbers(6, 3)
    for model, keras in ((ours, kerasish), (theirs, oracle)):
        model.compile(keras.optimizers.SGD(0.1), "mse")
    losses = [
        model.fit(x, target, batch_size=3, epochs=3, shuffle=False, verbose=0).history["loss"]
        for model in (ours, theirs)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
