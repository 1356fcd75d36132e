"""Spectrograms are what they say, of signals of any length, and refuse what makes no sense."""

from __future__ import annotations

import numpy as np
import pytest

import kerasish
from kerasish import layers, ops

TIMES = np.arange(4000) / 8000
SOUND = (np.sin(2 * np.pi * 500 * TIMES) + 0.1 * np.sin(2 * np.pi * 2000 * TIMES)).astype("float32")


@pytest.mark.parametrize("mode", ["magnitude", "log", "angle", "stft"])
def test_stft_starts_as_the_transform(mode):
    x = np.random.default_rng(0).standard_normal((2, 100, 1)).astype("float32")
    options = dict(frame_length=16, frame_step=4, window="hann", periodic=True)
    result = layers.STFTSpectrogram(mode, scaling=None, **options)(x).numpy()
    real, imag = (part.numpy() for part in ops.stft(x[..., 0], 16, 4, 16, "hann", center=False))
    magnitude = np.maximum(np.hypot(real, imag), 1e-7**0.5)
    wanted = {
        "magnitude": magnitude,
        "log": np.log(magnitude),
        "angle": np.arctan2(imag, real),
        "stft": np.concatenate([real, imag], -1),
    }[mode]
    if mode == "angle":  # that of 0 is anything, and -pi is pi
        result, wanted = result[..., 1:-1], wanted[..., 1:-1]
        result, wanted = np.exp(1j * result), np.exp(1j * wanted)
    np.testing.assert_allclose(result, wanted, rtol=1e-3, atol=1e-3)


def test_mel_bands_show_where_a_tone_is():
    layer = layers.MelSpectrogram(512, 128, sampling_rate=8000, num_mel_bins=20)
    one, several = layer(SOUND).numpy(), layer(np.stack([SOUND, SOUND])).numpy()
    np.testing.assert_allclose(several[1], one, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape((None,)) == (20, None)
    assert layer.compute_output_shape((2, 4000)) == several.shape
    bands = layer.linear_to_mel_weight_matrix(20, 257, 8000, 20.0, 4000.0).numpy()
    assert (
        one[:, 16].argmax() == bands[32].argmax()
    ) and bands.max() <= 1  # 500 is the 32nd of 257 frequencies
    assert one.max() - one.min() <= 80 + 1e-4


def test_signals_of_unknown_length():
    inputs = kerasish.Input((None, 2))
    model = kerasish.Model(inputs, layers.STFTSpectrogram(frame_length=8, expand_dims=True)(inputs))
    assert model.output_shape == (None, None, 5, 2)
    assert model.predict(np.ones((3, 20, 2), "float32"), verbose=0).shape == (3, 4, 5, 2)


def test_a_reversible_embedding_masks_only_forward():
    layer = layers.ReversibleEmbedding(5, 3, mask_zero=True)
    hidden = layer(np.array([[1, 0, 2]]))
    assert hidden._keras_mask.numpy().tolist() == [[True, False, True]]
    logits = layer(ops.convert_to_tensor(hidden.numpy()), reverse=True)
    assert getattr(logits, "_keras_mask", None) is None
    np.testing.assert_allclose(logits.numpy(), hidden.numpy() @ layer.embeddings.numpy().T, rtol=1e-5)
    assert len(layer.weights) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(mode="power"), "Output mode is invalid"),
        (dict(frame_length=8, frame_step=9), "`frame_step` should be a positive integer"),
        (dict(frame_length=8, fft_length=4), "`fft_length` should be not less"),
        (dict(scaling="both"), "Scaling is invalid"),
        (dict(padding="causal"), "Padding is invalid"),
        (dict(window="no such window"), "window"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.STFTSpectrogram(**arguments)


def test_other_refusals():
    with pytest.warns(UserWarning, match="power of two"):
        layers.STFTSpectrogram(frame_length=8, fft_length=12)
    with pytest.raises(TypeError, match="Expected `float16`, `float32` or `float64`"):
        layers.STFTSpectrogram(frame_length=4, dtype="bfloat16")(np.ones((1, 8, 1)))
    with pytest.raises(ValueError, match="`fft_length` must be greater"):
        layers.MelSpectrogram(fft_length=8, sequence_length=16)
