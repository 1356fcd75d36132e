"""The table of layers: each row is a layer, its arguments and its inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Row:
    """A layer, its arguments and its inputs.

    Attributes:
        name: Class name.
        arguments: Constructor arguments; callables make them of a library.
        inputs: Arrays.
        call: Keyword arguments of the call.
        as_list: Whether the inputs are passed as one list; `"rest"`: all but the first.
        random: Whether the outputs in training are drawn at random.
        gradients: Whether gradients are to be compared.
        tolerance: Largest difference from the oracle.
        tag: What tells the row from others of the layer.
    """

    name: str
    arguments: dict[str, Any]
    inputs: list[np.ndarray]
    call: dict[str, Any] = field(default_factory=dict)
    as_list: bool | str = False
    random: bool = False
    gradients: bool = True
    tolerance: float = 1e-5
    tag: str = ""

    def make(self, keras: Any) -> Any:
        arguments = {k: v(keras) if callable(v) else v for k, v in self.arguments.items()}
        return getattr(keras.layers, self.name)(**arguments, name="l")

    def pass_to(self, layer: Any, inputs: Any, **more: Any) -> Any:
        if self.as_list:
            first = [inputs[0]] if self.as_list == "rest" else []
            inputs = [*first, list(inputs[len(first) :])]
        return layer(*inputs, **self.call, **more)

    @property
    def id(self) -> str:
        return " ".join(
            [self.name, *(f"{k}={v}" for k, v in self.arguments.items() if not callable(v)), self.tag]
        ).strip()


ROWS: list[Row] = []


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


def integers(limit: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(limit).integers(0, limit, shape).astype("int32")


def flags(*shape: int) -> np.ndarray:
    """A mask that leaves the first of each row."""
    mask = np.random.default_rng(7).random(shape) < 0.6
    mask[..., 0] = True
    return mask


def row(
    name: str,
    *inputs: Any,
    call: Any = None,
    as_list: bool | str = False,
    random: bool = False,
    gradients: bool = True,
    tolerance: float = 1e-5,
    tag: str = "",
    **arguments: Any,
) -> None:
    """Add a row; inputs are arrays or shapes of random ones."""
    arrays = [numbers(*x) if isinstance(x, tuple) else x for x in inputs]
    ROWS.append(Row(name, arguments, arrays, call or {}, as_list, random, gradients, tolerance, tag))


# fmt: off
# One shape each for vectors, sequences, images and volumes, so that the oracle compiles little.
V, S, P, D = ((4, 6), (3, 5, 4), (2, 6, 5, 4), (2, 4, 5, 3, 2))
FIRST = dict(data_format="channels_first")
ALL = dict(kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="max_norm", bias_constraint="non_neg", bias_initializer="ones")

# Core
row("Dense", V, units=3, activation="relu", **ALL)
row("Dense", S, units=2, use_bias=False)
row("Dense", V, units=3, dtype="mixed_float16", tolerance=0.002)
row("Embedding", integers(7, 3, 5), input_dim=7, output_dim=4)
row("Embedding", integers(7, 3, 5), input_dim=7, output_dim=4, mask_zero=True, embeddings_regularizer="l2", embeddings_constraint="unit_norm")
row("Embedding", integers(7, 3, 5).astype("float32"), input_dim=7, output_dim=4, dtype="mixed_bfloat16", tolerance=0.02)
row("ReversibleEmbedding", integers(7, 3, 5), input_dim=7, output_dim=4, mask_zero=True, embeddings_regularizer="l2")
row("ReversibleEmbedding", S, input_dim=7, output_dim=4, logit_soft_cap=2.0, call=dict(reverse=True), tag="reverse")
row("ReversibleEmbedding", S, input_dim=7, output_dim=4, tie_weights=False, reverse_dtype="float32", call=dict(reverse=True), tag="reverse")

row("EinsumDense", S, equation="abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de", activation="relu", **ALL)
row("EinsumDense", S, equation="...x,xy->...y", output_shape=3, bias_axes="y")
row("EinsumDense", S, equation="ab...,bc->ac...", output_shape=3, bias_axes="c")
row("EinsumDense", S, equation="abc,cb->ab", output_shape=(5,))

# Attention
Q, VALUE, MASK = (2, 3, 4), (2, 5, 4), flags(2, 5)
row("Attention", Q, VALUE, as_list=True)
row("Attention", Q, VALUE, VALUE, as_list=True, use_scale=True, call=dict(return_attention_scores=True, use_causal_mask=True), tag="causal")
row("Attention", Q, VALUE, as_list=True, score_mode="concat", use_scale=True, call=dict(mask=[flags(2, 3), MASK]), tag="masks")
row("Attention", Q, VALUE, as_list=True, dropout=0.5, seed=1, random=True, call=dict(mask=[None, MASK], use_causal_mask=True), tag="dropout")
row("AdditiveAttention", Q, VALUE, as_list=True)
row("AdditiveAttention", Q, VALUE, as_list=True, use_scale=False, call=dict(mask=[None, MASK]), tag="mask")
row("MultiHeadAttention", Q, VALUE, num_heads=2, key_dim=3)
row("MultiHeadAttention", Q, VALUE, VALUE, num_heads=2, key_dim=3, value_dim=2, output_shape=6, use_bias=False, call=dict(use_causal_mask=True, return_attention_scores=True), tag="causal, scores")
row("MultiHeadAttention", Q, VALUE, num_heads=2, key_dim=3, call=dict(use_causal_mask=True), tag="causal")
row("MultiHeadAttention", Q, VALUE, num_heads=2, key_dim=3, use_gate=True, call=dict(return_attention_scores=True, value_mask=MASK, use_causal_mask=True), tag="scores, mask", **{k: v for k, v in ALL.items() if "constraint" not in k})
row("MultiHeadAttention", Q, VALUE, num_heads=2, key_dim=3, sliding_window=2, call=dict(attention_mask=flags(2, 3, 5), key_mask=MASK), tag="masks")
row("MultiHeadAttention", P, P, num_heads=2, key_dim=3, attention_axes=(1, 2))
row("MultiHeadAttention", P, P, num_heads=2, key_dim=3, attention_axes=2, call=dict(return_attention_scores=True), tag="one axis")
row("MultiHeadAttention", Q, VALUE, num_heads=2, key_dim=3, dropout=0.5, seed=1, random=True, call=dict(use_causal_mask=True), tag="dropout")
row("MultiHeadAttention", Q, VALUE, num_heads=2, key_dim=3, dtype="mixed_bfloat16", tolerance=5e-2)
row("GroupQueryAttention", Q, VALUE, head_dim=3, num_query_heads=4, num_key_value_heads=2)
row("GroupQueryAttention", Q, VALUE, head_dim=3, num_query_heads=2, num_key_value_heads=1, use_gate=True, sliding_window=3, call=dict(return_attention_scores=True, query_mask=flags(2, 3), use_causal_mask=True), tag="scores, mask")

# Activations
row("Activation", V, activation="tanh")
row("ReLU", S)
row("ReLU", S, max_value=1.0, negative_slope=0.25, threshold=0.5)
row("LeakyReLU", S)
row("LeakyReLU", S, negative_slope=0.125, dtype="mixed_float16", tolerance=0.002)
row("ELU", S, alpha=0.5)
row("PReLU", P, shared_axes=[1, 2], alpha_regularizer="l2", alpha_constraint="non_neg")
row("PReLU", S, alpha_initializer="ones")
row("Softmax", S)
row("Softmax", S, axis=1, call=dict(mask=flags(3, 5, 4)), tag="mask")
row("Softmax", S, axis=[1, 2], call=dict(mask=flags(3, 5, 1).astype("float32")), tag="float mask")

# Normalization
row("BatchNormalization", V)
row("BatchNormalization", P, momentum=0.75, epsilon=0.01, gamma_initializer="uniform", beta_regularizer="l2", gamma_constraint="non_neg")
row("BatchNormalization", P, axis=1, center=False)
row("BatchNormalization", S, scale=False, call=dict(mask=flags(3, 5)), tag="mask")
row("BatchNormalization", S, trainable=False)
row("BatchNormalization", S, renorm=True, renorm_clipping=dict(rmax=1.5, rmin=0.5, dmax=0.25), renorm_momentum=0.75)
row("BatchNormalization", S, renorm=True, scale=False, center=False)
row("BatchNormalization", P, dtype="mixed_float16", tolerance=0.01)
row("LayerNormalization", S)
row("LayerNormalization", P, axis=[2, 1], epsilon=0.01, gamma_regularizer="l1")
row("LayerNormalization", S, axis=(1, 2), center=False)
row("LayerNormalization", S, scale=False, beta_initializer="ones")
row("LayerNormalization", S, dtype="mixed_bfloat16", tolerance=0.02)
row("GroupNormalization", P, groups=2)
row("GroupNormalization", P, groups=-1, axis=1, center=False)
row("GroupNormalization", S, groups=1, scale=False, epsilon=0.1)
row("GroupNormalization", S, groups=2, dtype="mixed_float16", tolerance=0.01)
row("RMSNormalization", S)
row("RMSNormalization", S, axis=(1, 2), epsilon=0.01)
row("RMSNormalization", S, dtype="mixed_bfloat16", tolerance=0.05)
row("UnitNormalization", S)
row("UnitNormalization", S, axis=[1, 2])

row("SpectralNormalization", V, layer=lambda k: k.layers.Dense(3, name="d"), gradients=False)
row("SpectralNormalization", P, layer=lambda k: k.layers.Conv2D(3, 2, name="d"), power_iterations=3, gradients=False)

# Preprocessing
row("Rescaling", P, scale=0.5, offset=-1)
row("Rescaling", integers(7, 3, 4), scale=[1.0, 2.0, 3.0, 4.0])
row("Normalization", S)
row("Normalization", S, axis=(1, 2))
row("Normalization", S, axis=None, invert=True)
row("Normalization", S, mean=[1.0, 2.0, 3.0, 4.0], variance=[0.5, 1.0, 1.5, 2.0], axis=(1, 2))
row("Normalization", S, mean=1.0, variance=2.0, dtype="mixed_bfloat16", tolerance=2e-2)
row("Discretization", S, bin_boundaries=[-0.5, 0.0, 1.0])
row("Discretization", S, bin_boundaries=[-0.5, 0.0, 1.0], output_mode="one_hot")
row("Discretization", V, bin_boundaries=[-0.5, 0.0, 1.0], output_mode="multi_hot")
row("Discretization", V, bin_boundaries=[-0.5, 0.0, 1.0], output_mode="count")
row("CategoryEncoding", integers(7, 3, 5), num_tokens=7)
row("CategoryEncoding", integers(7, 3, 5), num_tokens=7, output_mode="one_hot")
row("CategoryEncoding", integers(7, 3, 1), num_tokens=7, output_mode="one_hot")
row("CategoryEncoding", integers(7, 3, 5), num_tokens=8, output_mode="count", call=dict(count_weights=numbers(3, 5)), tag="weights")

# Images
PIXELS = np.random.default_rng(5).uniform(0, 255, (2, 9, 8, 3)).astype("float32")
CHANNELS = np.ascontiguousarray(np.moveaxis(PIXELS, 3, 1))
row("Resizing", PIXELS, height=5, width=12)
row("Resizing", PIXELS, height=5, width=6, interpolation="bicubic", antialias=True, tolerance=1e-4)
row("Resizing", CHANNELS, height=6, width=12, crop_to_aspect_ratio=True, interpolation="nearest", **FIRST)
row("Resizing", PIXELS, height=6, width=12, pad_to_aspect_ratio=True, fill_value=3.0)
row("CenterCrop", PIXELS, height=5, width=4)
row("CenterCrop", CHANNELS, height=12, width=6, **FIRST)
row("RandomCrop", PIXELS, height=9, width=8, seed=1)
row("RandomFlip", PIXELS, mode="horizontal", seed=1, random=True)
row("RandomFlip", CHANNELS, random=True, **FIRST)
row("RandomRotation", PIXELS, factor=0.25, seed=1, random=True)
row("RandomRotation", PIXELS, factor=(-0.25, 0.5), fill_mode="constant", interpolation="nearest", fill_value=2.0, random=True)
row("RandomZoom", PIXELS, height_factor=0.25, seed=1, random=True)
row("RandomZoom", PIXELS, height_factor=(-0.25, 0.5), width_factor=0.5, fill_mode="wrap", random=True)
row("RandomTranslation", PIXELS, height_factor=0.25, width_factor=(0.0, 0.5), seed=1, fill_mode="nearest", random=True)
row("RandomContrast", PIXELS, factor=0.25, seed=1, random=True)
row("RandomBrightness", PIXELS, factor=(-0.25, 0.5), seed=1, random=True)
row("RandomShear", PIXELS, x_factor=(0.0, 0.25), y_factor=(0.0, 0.5), random=True)
row("RandomSaturation", PIXELS, factor=(0.25, 0.5), value_range=(0, 200), random=True)
row("RandomHue", PIXELS, factor=0.5, random=True)
row("RandomColorDegeneration", PIXELS, factor=0.5, random=True)
row("RandomGrayscale", PIXELS, factor=0.25, random=True)
row("RandomColorJitter", PIXELS, brightness_factor=0.25, contrast_factor=(0.25, 0.5), hue_factor=0.25, seed=1, random=True)
row("RandomPerspective", PIXELS, scale=0.25, random=True)
row("RandomElasticTransform", PIXELS, factor=(0.25, 0.5), scale=0.5, fill_mode="mirror", random=True)
row("RandomSharpness", PIXELS, factor=0.25, random=True)
row("RandomGaussianBlur", PIXELS, kernel_size=(3, 5), sigma=(0.25, 0.5), random=True)
row("RandomErasing", PIXELS, scale=0.25, fill_value=[1.0, 2.0, 3.0], random=True)
row("RandomPosterization", PIXELS, factor=3, random=True)
row("RandomInvert", PIXELS, factor=0.25, random=True)
row("Solarization", PIXELS, addition_factor=0.25, threshold_factor=(0.25, 0.5), random=True)
row("ContrastLimitedAdaptiveHistogramEqualization", PIXELS, tile_grid_size=(2, 3), gradients=False)
row("AutoContrast", PIXELS, gradients=False)
row("CutMix", PIXELS, factor=(0.25, 0.5), random=True)
row("MixUp", PIXELS, alpha=0.5, random=True)
row("RandAugment", PIXELS, num_ops=1, factor=(0.25, 0.5), random=True)
row("AugMix", PIXELS, num_chains=1, chain_depth=1, seed=1, random=True)
row("MaxNumBoundingBoxes", PIXELS, max_number=3, bounding_box_format="xyxy")
row("Pipeline", PIXELS, layers=lambda k: [k.layers.Rescaling(2.0, name="r"), k.layers.Resizing(4, 5, name="s")])

# Sound
SOUND = (2, 20, 3)
row("STFTSpectrogram", SOUND, frame_length=6, tolerance=1e-4)
row("STFTSpectrogram", SOUND, frame_length=6, frame_step=2, fft_length=16, mode="psd", padding="same", window="hamming", scaling=None)
row("STFTSpectrogram", SOUND, frame_length=8, mode="magnitude", expand_dims=True, periodic=True, scaling="spectrum")
row("STFTSpectrogram", (2, 3, 20), frame_length=8, mode="stft", **FIRST)
row("STFTSpectrogram", (2, 3, 20), frame_length=8, mode="imag", expand_dims=True, window=None, **FIRST)
row("STFTSpectrogram", SOUND, frame_length=8, mode="real", dtype="mixed_float16", tolerance=0.01)
row("MelSpectrogram", (2, 80), fft_length=32, sequence_stride=8, num_mel_bins=6, sampling_rate=800, tolerance=1e-4)
row("MelSpectrogram", (2, 80), fft_length=32, sequence_stride=16, sequence_length=24, window="hamming", num_mel_bins=5, power_to_db=False, max_freq=6000, mag_exp=1.0)

# Regularization
row("Dropout", V, rate=0.5, noise_shape=(None, 1), seed=3, random=True)
row("SpatialDropout1D", S, rate=0.5, seed=1, random=True)
row("SpatialDropout2D", P, rate=0.5, **FIRST, random=True)
row("SpatialDropout3D", D, rate=0.25, random=True)
row("SpatialDropout1D", S, rate=0)
row("GaussianNoise", S, stddev=0.5, seed=2, random=True)
row("GaussianNoise", S, stddev=0)
row("GaussianDropout", S, rate=0.25, random=True)
row("AlphaDropout", S, rate=0.25, random=True)
row("AlphaDropout", S, rate=0.25, noise_shape=(None, 1, None), random=True)
row("ActivityRegularization", S, l1=0.25, l2=0.5)

# Reshaping
row("Flatten", P)
row("Flatten", P, **FIRST)
row("Reshape", V, target_shape=(3, -1))
row("Permute", P, dims=(3, 1, 2))
row("RepeatVector", V, n=3)
row("Cropping1D", S)
row("Cropping1D", S, cropping=(0, 2))
row("Cropping2D", P, cropping=((1, 0), (0, 2)))
row("Cropping2D", P, cropping=1, **FIRST)
row("Cropping2D", P)
row("Cropping3D", D)
row("Cropping3D", D, cropping=(0, 1, (1, 0)), **FIRST)
row("ZeroPadding1D", S, padding=2)
row("ZeroPadding1D", S, padding=(0, 2), **FIRST)
row("ZeroPadding2D", P)
row("ZeroPadding2D", P, padding=((1, 0), (0, 2)), **FIRST)
row("ZeroPadding3D", D)
row("ZeroPadding3D", D, padding=(1, 0, (2, 1)), **FIRST)
row("UpSampling1D", S, size=3)
row("UpSampling2D", P)
row("UpSampling2D", P, size=(1, 3), **FIRST)
row("UpSampling3D", D)
row("UpSampling3D", D, size=(1, 3, 2), **FIRST)

# Convolutions
row("Conv1D", S, filters=3, kernel_size=3, padding="causal", dilation_rate=2, activation="relu")
row("Conv2D", P, filters=4, kernel_size=3, strides=2, padding="same", groups=2, **ALL)
row("Conv3D", D, filters=3, kernel_size=2, use_bias=False)
row("DepthwiseConv1D", S, kernel_size=2, depth_multiplier=2)
row("DepthwiseConv2D", P, kernel_size=(3, 2), padding="same", depthwise_regularizer="l2", activation="tanh")
row("SeparableConv1D", S, filters=3, kernel_size=2, depth_multiplier=2)
row("SeparableConv2D", P, filters=3, kernel_size=3, padding="same", pointwise_constraint="unit_norm")
row("Conv1DTranspose", S, filters=3, kernel_size=3, strides=2, output_padding=1)
row("Conv2DTranspose", P, filters=3, kernel_size=(3, 2), strides=2, padding="same")
row("Conv3DTranspose", D, filters=2, kernel_size=2, strides=2)
row("Conv2D", P, filters=3, kernel_size=2, dtype="mixed_float16", tolerance=0.01)

# Pooling
row("AdaptiveAveragePooling1D", S, output_size=2)
row("AdaptiveAveragePooling2D", P, output_size=(4, 3))
row("AdaptiveAveragePooling3D", D, output_size=2, **FIRST)
row("AdaptiveMaxPooling1D", S, output_size=(3,), **FIRST)
row("AdaptiveMaxPooling2D", P, output_size=3)
row("AdaptiveMaxPooling3D", D, output_size=(2, 3, 1))
row("MaxPooling1D", S)
row("MaxPooling2D", P, pool_size=(2, 3), strides=1, padding="same")
row("MaxPooling3D", D, pool_size=2, **FIRST)
row("AveragePooling1D", S, pool_size=2, padding="same")
row("AveragePooling2D", P, pool_size=2, strides=(1, 2))
row("AveragePooling3D", D, pool_size=(1, 2, 2), padding="same")
row("GlobalMaxPooling1D", S)
row("GlobalMaxPooling2D", P, keepdims=True)
row("GlobalMaxPooling3D", D, **FIRST)
row("GlobalAveragePooling1D", S, call=dict(mask=flags(3, 5)), tag="mask")
row("GlobalAveragePooling2D", P, **FIRST)
row("GlobalAveragePooling3D", D, keepdims=True)

# Recurrent layers
STATES = dict(return_sequences=True, return_state=True)
MASK = dict(call=dict(mask=flags(3, 5)), tag="mask")
IMAGES = numbers(2, 3, 5, 4, 2)


def cells(k):
    return [k.layers.GRUCell(3, name="g"), k.layers.LSTMCell(2, name="m"), k.layers.SimpleRNNCell(4, name="s")]


row("SimpleRNN", S, units=3, activation="relu", kernel_regularizer="l2", bias_constraint="unit_norm")
row("SimpleRNN", S, units=3, go_backwards=True, use_bias=False, **STATES)
row("GRU", S, units=3, **MASK)
row("GRU", S, units=3, reset_after=False, recurrent_activation="hard_sigmoid", **STATES)
row("GRU", S, units=3, go_backwards=True, unroll=True, return_sequences=True)
row("LSTM", S, units=3, recurrent_regularizer="l1", activity_regularizer="l2")
row("LSTM", S, units=3, go_backwards=True, **STATES, **MASK)
row("LSTM", S, units=3, zero_output_for_mask=True, return_sequences=True, unit_forget_bias=False, **MASK)
row("LSTM", S, units=3, dropout=0.25, recurrent_dropout=0.25, seed=3, random=True)
row("GRU", S, units=3, dropout=0.25, reset_after=False, return_sequences=True, random=True)
row("LSTM", S, units=3, dtype="mixed_float16", tolerance=0.01)
row("RNN", S, cell=lambda k: k.layers.StackedRNNCells(cells(k), name="t"), **STATES)
row("RNN", S, cell=lambda k: k.layers.GRUCell(3, dropout=0.5, name="c"), random=True)
row("Bidirectional", S, layer=lambda k: k.layers.LSTM(3, return_sequences=True, name="r"), **MASK)
row("Bidirectional", S, layer=lambda k: k.layers.GRU(3, **STATES, name="r"), merge_mode="ave")
row("Bidirectional", S, layer=lambda k: k.layers.SimpleRNN(3, name="r"), merge_mode=None)
row("TimeDistributed", IMAGES, layer=lambda k: k.layers.Conv2D(3, 2, name="c"))
row("TimeDistributed", S, layer=lambda k: k.layers.BatchNormalization(name="n"))
row("ConvLSTM1D", numbers(2, 3, 6, 2), filters=3, kernel_size=2, padding="same", strides=2)
row("ConvLSTM2D", IMAGES, filters=2, kernel_size=(2, 3), return_sequences=True)
row("ConvLSTM3D", numbers(2, 2, 2, 4, 4, 3), filters=2, kernel_size=2, use_bias=False, **FIRST)
row("ConvLSTM2D", IMAGES, filters=2, kernel_size=2, recurrent_dropout=0.5, random=True)

# Cells, which take their states beside the inputs and give them back
row("SimpleRNNCell", V, (4, 3), as_list="rest", units=3, activation="relu", recurrent_regularizer="l2")
row("GRUCell", V, (4, 3), as_list="rest", units=3, use_bias=False)
row("GRUCell", V, (4, 3), as_list="rest", units=3, reset_after=False, bias_constraint="non_neg")
row("LSTMCell", V, (4, 3), (4, 3), as_list="rest", units=3, recurrent_activation="hard_sigmoid")
row("StackedRNNCells", V, (4, 3), (4, 2), as_list="rest", cells=lambda k: [k.layers.GRUCell(3, name="g"), k.layers.SimpleRNNCell(2, name="s")])

# Sixteen bits in stacks of matrices
row("Dense", S, units=3, activation="gelu", dtype="mixed_bfloat16", tolerance=0.05)
row("Dense", V, units=3, dtype="bfloat16", tolerance=0.05)
row("EinsumDense", S, equation="abc,bcd->abd", output_shape=(5, 3), dtype="mixed_bfloat16", tolerance=0.05)
row("Attention", Q, VALUE, as_list=True, dtype="mixed_bfloat16", tolerance=0.05)
row("AdditiveAttention", Q, VALUE, as_list=True, dtype="mixed_float16", tolerance=0.01)
row("Dot", S, S, as_list=True, axes=2, normalize=True, dtype="mixed_bfloat16", tolerance=0.05)
row("GRU", S, units=3, return_sequences=True, dtype="mixed_bfloat16", tolerance=0.05)
row("Conv2D", P, filters=3, kernel_size=2, dtype="mixed_bfloat16", tolerance=0.05)
row("BatchNormalization", P, dtype="mixed_bfloat16", tolerance=0.05)
row("Embedding", integers(7, 3, 5), input_dim=7, output_dim=4, dtype="float16", tolerance=0.002)

# What passes on its inputs
row("Identity", S)
row("Masking", np.round(numbers(3, 5, 4)), mask_value=0.0)
