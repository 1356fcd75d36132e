"""What the table of layers cannot say: random layers, masks, state over many calls, errors."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
IMAGES = np.random.default_rng(1).normal(size=(2, 6, 5, 4)).astype("float32")
ONES = np.ones((100, 20, 50), "float32")

# Layer, inputs, and the mean and standard deviation that they have in training.
NOISES = {
    "gaussian noise": (lambda: layers.GaussianNoise(0.5, seed=1), 1.0, 0.5),
    "gaussian dropout": (lambda: layers.GaussianDropout(0.2, seed=1), 1.0, 0.5),
    "spatial dropout": (lambda: layers.SpatialDropout1D(0.2, seed=1), 1.0, 0.5),
}


@pytest.mark.parametrize("case", NOISES)
def test_noise_is_as_strong_as_it_says_and_repeatable(case):
    make, mean, deviation = NOISES[case]
    layer = make()
    y = layer(ONES, training=True).numpy()
    assert abs(y.mean() - mean) < 0.02 and abs(y.std() - deviation) < 0.02
    assert (layer(ONES, training=True).numpy() != y).any()
    np.testing.assert_array_equal(make()(ONES, training=True).numpy(), y)
    assert layer(ONES).numpy() is not None and (layer(ONES).numpy() == 1).all()


def test_spatial_dropout_drops_whole_channels():
    dropped = layers.SpatialDropout1D(0.5, seed=1)(ONES, training=True).numpy()
    assert (dropped == dropped[:, :1]).all() and set(np.unique(dropped).tolist()) == {0.0, 2.0}
    first = layers.SpatialDropout2D(0.5, data_format="channels_first", seed=1)
    images = first(np.ones((20, 30, 4, 5), "float32"), training=True).numpy()
    assert (images == images[:, :, :1, :1]).all() and 0 < (images == 0).mean() < 1


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).standard_normal((200, 500)).astype("float32")
    y = layers.AlphaDropout(0.3, seed=1)(x, training=True).numpy()
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02
    rows = layers.AlphaDropout(0.5, noise_shape=(None, 1), seed=1)(np.ones_like(x), training=True).numpy()
    assert (rows == rows[:, :1]).all()


def test_batch_normalization_follows_the_data_compiled_as_eagerly(oracle):
    mine, theirs = (k.layers.BatchNormalization(momentum=0.5) for k in (kerasish, oracle))
    compiled_layer = layers.BatchNormalization(momentum=0.5)
    compiled_layer.build(X.shape)
    compiled = kerasish.function(lambda x: compiled_layer(x, training=True))
    for scale in (1.0, 2.0, 3.0):
        y, z, expected = mine(X * scale, training=True), compiled(X * scale), theirs(X * scale, training=True)
        np.testing.assert_allclose(y.numpy(), np.asarray(expected), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(z.numpy(), y.numpy(), rtol=1e-5, atol=1e-6)
    for one, two, three in zip(
        mine.get_weights(), compiled_layer.get_weights(), theirs.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, three, rtol=1e-5)
        np.testing.assert_allclose(two, three, rtol=1e-5)


def test_a_frozen_batch_normalization_keeps_its_statistics():
    layer = layers.BatchNormalization()
    layer.build(X.shape)
    layer.trainable = False
    y = layer(X, training=True).numpy()
    np.testing.assert_allclose(y, X / np.sqrt(1.001), rtol=1e-5)
    assert not layer.moving_mean.numpy().any() and not layer.trainable_weights
    # Files of older versions hold the axis in a list.
    assert layers.BatchNormalization(axis=[3]).axis == 3


def test_spectral_normalization_brings_the_largest_singular_value_to_one():
    inner = layers.Dense(4, use_bias=False)
    layer = layers.SpectralNormalization(inner, power_iterations=30)
    layer.build((None, 6))
    inner.kernel.assign(5 * np.random.default_rng(0).normal(size=(6, 4)))
    layer(np.ones((2, 6), "float32"), training=True)
    assert abs(np.linalg.norm(inner.kernel.numpy(), 2) - 1) < 1e-3
    inner.kernel.assign(np.zeros((6, 4)))
    before = layer.vector_u.numpy().copy()
    assert not layer(np.ones((2, 6), "float32"), training=True).numpy().any()
    np.testing.assert_array_equal(layer.vector_u.numpy(), before)
    embedding = layers.SpectralNormalization(layers.Embedding(5, 3))
    assert embedding(np.array([[1, 2]]), training=True).shape == (1, 2, 3)


def test_embedding_masks_zeros_and_starts_with_given_weights():
    table = np.arange(12.0).reshape(4, 3)
    layer = layers.Embedding(4, 3, mask_zero=True, weights=[table])
    y = layer(np.array([[1, 0, 3]]))
    assert y._keras_mask.numpy().tolist() == [[True, False, True]]
    np.testing.assert_array_equal(y.numpy()[0], table[[1, 0, 3]])
    attended = layers.MultiHeadAttention(2, 3)(y, y)
    assert attended._keras_mask.numpy().tolist() == [[True, False, True]]


def test_attention_sees_nothing_behind_a_mask():
    layer = layers.MultiHeadAttention(2, 3)
    mask = np.array([[True, True, False, True, True]] * 3)
    changed = X.copy()
    changed[:, 2] += 100.0
    one = layer(X, X, value_mask=mask).numpy()
    np.testing.assert_allclose(layer(X, changed, value_mask=mask).numpy(), one, rtol=1e-5, atol=1e-6)
    later = X.copy()
    later[:, 3:] += 100.0
    causal = layer(X, X, use_causal_mask=True).numpy()
    np.testing.assert_allclose(layer(X, later, use_causal_mask=True).numpy()[:, :3], causal[:, :3], rtol=1e-5)
    _, scores = layer(X, X, attention_mask=np.zeros((3, 5, 5), bool), return_attention_scores=True)
    assert not scores.numpy().any()


def test_attention_may_be_overridden():
    class Last(layers.MultiHeadAttention):
        def _compute_attention(self, query, key, value, attention_mask=None, *args, **kwargs):
            return ops.broadcast_to(value[:, -1:], query.shape), attention_mask

    y = Last(2, 4)(X, X).numpy()
    np.testing.assert_allclose(y, np.broadcast_to(y[:, :1], y.shape), rtol=1e-6)


def test_deprecated_arguments_warn():
    with pytest.warns(UserWarning, match="Use `negative_slope` instead"):
        assert layers.LeakyReLU(alpha=0.1).negative_slope == 0.1
    with pytest.warns(UserWarning, match="`input_length` is deprecated"):
        layers.Embedding(3, 2, input_length=5)
    with pytest.warns(UserWarning, match="RMSNormalization"):
        layer = layers.LayerNormalization(rms_scaling=True)
    np.testing.assert_allclose(layer(X).numpy(), X / np.sqrt(X.var(-1, keepdims=True) + 1e-3), rtol=1e-4)
    assert [w.name for w in layer.weights] == ["gamma"]


def refused(make, message, kind=ValueError):
    return pytest.param(make, message, kind, id=message)


@pytest.mark.parametrize(
    ("make", "message", "kind"),
    [
        refused(lambda: layers.BatchNormalization(synchronized=True), "needs several replicas"),
        refused(lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"r": 1}), "invalid keys for `renorm_clipping`"),
        refused(lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 1, "rmin": 2}), "rmax=1, rmin=2"),
        refused(lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"dmax": -1}), "Received: dmax=-1"),
        refused(lambda: layers.BatchNormalization()(X, mask=np.ones(3, bool)), "mask.shape=(3,), inputs.shape=(3, 5, 4)"),
        refused(lambda: layers.BatchNormalization(axis=3).compute_output_shape((2, 3)), "Axis 3 is out of bounds for input shape (2, 3)"),
        refused(lambda: layers.LayerNormalization(axis="last"), "received: axis='last'", TypeError),
        refused(lambda: layers.UnitNormalization(axis="last"), "Received: axis=last", TypeError),
        refused(lambda: layers.GroupNormalization(0), "Received: groups=0"),
        refused(lambda: layers.GroupNormalization(8)(X), "(8) cannot be more than the number of channels (4)"),
        refused(lambda: layers.GroupNormalization(3)(X), "(3) must be a divisor of the number of channels (4)"),
        refused(lambda: layers.GroupNormalization(2).build((2, None)), "should have a defined dimension"),
        refused(lambda: layers.SpectralNormalization(layers.Dense(2), power_iterations=0), "`power_iterations=0`"),
        refused(lambda: layers.SpectralNormalization(layers.ReLU())(X), "ReLU object has no attribute 'kernel'"),
        refused(lambda: layers.GaussianNoise(2.0), "`stddev`. Expected a float value between 0 and 1. Received: stddev=2.0"),
        refused(lambda: layers.AlphaDropout(-1), "`rate`. Expected a float value between 0 and 1. Received: rate=-1"),
        refused(lambda: layers.SpatialDropout1D(0.5)(IMAGES), "expected ndim=3, found ndim=4"),
        refused(lambda: layers.Permute((0, 1)), "start from 1. Received dims=(0, 1)"),
        refused(lambda: layers.RepeatVector(2.0), "Received: n=2.0", TypeError),
        refused(lambda: layers.RepeatVector(0), "Received: n=0"),
        refused(lambda: layers.UpSampling1D(True), "Expected an integer value for `size`", TypeError),
        refused(lambda: layers.UpSampling2D((2, 0)), "Received size=(2, 0)"),
        refused(lambda: layers.Cropping1D((1, -1)), "Received cropping=(1, -1)"),
        refused(lambda: layers.Cropping1D((2, 3))(X), "input_shape=(3, 5, 4), cropping=(2, 3)"),
        refused(lambda: layers.Cropping2D(-1), "cannot be negative. Received: cropping=-1"),
        refused(lambda: layers.Cropping2D((1, 2, 3)), "should have two elements. Received: cropping=(1, 2, 3)"),
        refused(lambda: layers.Cropping3D(1.5), "either an int, a tuple of 3 ints"),
        refused(lambda: layers.Cropping2D(3)(IMAGES), "should be smaller than the corresponding spatial dimension"),
        refused(lambda: layers.ZeroPadding3D((1, 2)), "should have 3 elements. Received: padding=(1, 2)"),
        refused(lambda: layers.ZeroPadding2D(((1, 2, 3), 1)), "1st entry of padding"),
        refused(lambda: layers.ReLU(max_value=-1), "Received: max_value=-1"),
        refused(lambda: layers.ReLU(threshold=None), "Received: threshold=None"),
        refused(lambda: layers.LeakyReLU(-1), "Received: negative_slope=-1"),
        refused(lambda: layers.Softmax()(X, mask=np.ones((1, 3, 5, 4), bool)), "must not have more dimensions"),
        refused(lambda: layers.Softmax()(X, mask=np.ones((2,), bool)), "must be 1 or match"),
        refused(lambda: layers.Embedding(0, 3), "`input_dim` must be a positive integer. Received: input_dim=0"),
        refused(lambda: layers.Embedding(3, 2.0), "output_dim=2.0 (of type float)"),
        refused(lambda: layers.Embedding(3, 2, lora_rank=1), "`Embedding` has no low-rank adaptation"),
        refused(lambda: layers.Embedding(3, 2).embeddings, "You must build the layer", AttributeError),
        refused(lambda: layers.EinsumDense("ab->ac", 3)(X), "Invalid einsum equation 'ab->ac'"),
        refused(lambda: layers.EinsumDense("abc,cd->abd", (4, 3))(X), "at shared dimension 'b'. Input shape is 5, and output shape is 4"),
        refused(lambda: layers.EinsumDense("abc,cd->abe", (None, 3))(X), "'e' was specified in the output 'abe'"),
        refused(lambda: layers.EinsumDense("abc,ce->ab", (None,))(X), "Weight dimension 'e' did not have a match"),
        refused(lambda: layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="c")(X), "Bias dimension 'c' was requested"),
        refused(lambda: layers.Attention(score_mode="sum"), "Received: score_mode=sum"),
        refused(lambda: layers.Attention()(X), "must be called on a list of inputs"),
        refused(lambda: layers.Attention()([X]), "Received length: 1"),
        refused(lambda: layers.Attention()([X, X], mask=np.ones((3, 5), bool)), "mask must be a list"),
        refused(lambda: layers.Attention()([X, X], mask=[None]), "mask list of length 2 or 3"),
        refused(lambda: layers.MultiHeadAttention(0, 3), "`num_heads`, expected a positive integer. Received: num_heads=0"),
        refused(lambda: layers.MultiHeadAttention(2, 3, value_dim=-1), "Received: value_dim=-1"),
        refused(lambda: layers.MultiHeadAttention(2, 3, attention_axes="1"), "Received: attention_axes=1"),
        refused(lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "Received: sliding_window=0"),
        refused(lambda: layers.MultiHeadAttention(2, 3, flash_attention=True, dropout=0.5), "set dropout to 0.0"),
        refused(lambda: layers.MultiHeadAttention(2, 3, flash_attention=True)(X, X, return_attention_scores=True), "disable flash attention"),
        refused(lambda: layers.MultiHeadAttention(2, 3)(X, X, X[:, :3]), "value_shape=(3, 5, 4) and key_shape=(3, 3, 4)"),
        refused(lambda: layers.GroupQueryAttention(2, 3, 2), "num_query_heads=3, num_key_value_heads=2"),
        refused(lambda: layers.GroupQueryAttention(2, 2, 1).compute_output_shape((2, 3, 4), (2, 3, 5)), "must be equal, but are 4, 5"),
        refused(lambda: layers.AdaptiveMaxPooling2D((2, 2, 2)), "must have length 2. Received: (2, 2, 2)"),
        refused(lambda: layers.AdaptiveMaxPooling2D(2.0), "integer or tuple of 2 integers. Received: 2.0", TypeError),
    ],
)  # fmt: skip
def test_errors_say_what_came(make, message, kind):
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value)
