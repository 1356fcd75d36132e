"""Layers: functions on tensors with state, the parts of models.

`HOMES` says which file of this folder each layer is in; a file is loaded when a layer in it is first used.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from kerasish.serialization import deserialize_keras_object as deserialize  # noqa: F401
from kerasish.serialization import serialize_keras_object as _serialize

HOMES = {
    "activations.activation": "Activation",
    "activations.rectifiers": "ELU LeakyReLU PReLU ReLU",
    "activations.softmax": "Softmax",
    "attention.attention": "AdditiveAttention Attention",
    "attention.grouped_query_attention": "GroupedQueryAttention",
    "attention.multi_head_attention": "MultiHeadAttention",
    "convolutional.convolution": "Conv1D Conv2D Conv3D",
    "convolutional.depthwise_convolution": "DepthwiseConv1D DepthwiseConv2D",
    "convolutional.separable_convolution": "SeparableConv1D SeparableConv2D",
    "convolutional.transposed_convolution": "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    "core.dense": "Dense",
    "core.einsum_dense": "EinsumDense",
    "core.embedding": "Embedding",
    "core.identity": "Identity",
    "core.lambda_layer": "Lambda",
    "core.masking": "Masking",
    "core.reversible_embedding": "ReversibleEmbedding",
    "core.wrapper": "Wrapper",
    "input_layer": "Input InputLayer",
    "input_spec": "InputSpec",
    "layer": "Layer",
    "merging.concatenate": "Concatenate concatenate",
    "merging.dot": "Dot dot",
    "merging.elementwise": (
        "Add Average Maximum Minimum Multiply Subtract add average maximum minimum multiply subtract"
    ),
    "normalization.batch_normalization": "BatchNormalization",
    "normalization.group_normalization": "GroupNormalization",
    "normalization.layer_normalization": "LayerNormalization",
    "normalization.rms_normalization": "RMSNormalization",
    "normalization.spectral_normalization": "SpectralNormalization",
    "normalization.unit_normalization": "UnitNormalization",
    "pooling.adaptive_pooling": (
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D "
        "AdaptiveMaxPooling2D AdaptiveMaxPooling3D"
    ),
    "pooling.global_pooling": (
        "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D "
        "GlobalMaxPooling2D GlobalMaxPooling3D"
    ),
    "pooling.pooling": (
        "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D"
    ),
    "preprocessing.adaptive_equalization": "ContrastLimitedAdaptiveHistogramEqualization",
    "preprocessing.augmentation": "AugMix RandAugment",
    "preprocessing.box_limit": "MaxNumBoundingBoxes",
    "preprocessing.category_encoding": "CategoryEncoding",
    "preprocessing.discretization": "Discretization",
    "preprocessing.hashing": "HashedCrossing Hashing",
    "preprocessing.lookups": "IntegerLookup StringLookup",
    "preprocessing.mel_spectrogram": "MelSpectrogram",
    "preprocessing.mixing": "CutMix MixUp",
    "preprocessing.normalization": "Normalization",
    "preprocessing.pipeline": "Pipeline",
    "preprocessing.random_affine": "RandomRotation RandomShear RandomTranslation RandomZoom",
    "preprocessing.random_color": (
        "RandomBrightness RandomColorDegeneration RandomColorJitter "
        "RandomContrast RandomGrayscale RandomHue RandomSaturation"
    ),
    "preprocessing.random_crop": "RandomCrop",
    "preprocessing.random_distortion": "RandomElasticTransform RandomPerspective",
    "preprocessing.random_filter": "RandomErasing RandomGaussianBlur RandomSharpness",
    "preprocessing.random_flip": "RandomFlip",
    "preprocessing.rescaling": "Rescaling",
    "preprocessing.resizing": "CenterCrop Resizing",
    "preprocessing.stft_spectrogram": "STFTSpectrogram",
    "preprocessing.text_vectorization": "TextVectorization",
    "preprocessing.tones": ("AutoContrast Equalization RandomInvert RandomPosterization Solarization"),
    "regularization.activity_regularization": "ActivityRegularization",
    "regularization.dropout": "Dropout",
    "regularization.noise": "AlphaDropout GaussianDropout GaussianNoise",
    "regularization.spatial_dropout": "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
    "reshaping.cropping": "Cropping1D Cropping2D Cropping3D",
    "reshaping.flatten": "Flatten",
    "reshaping.permute": "Permute",
    "reshaping.repeat_vector": "RepeatVector",
    "reshaping.reshape": "Reshape",
    "reshaping.up_sampling": "UpSampling1D UpSampling2D UpSampling3D",
    "reshaping.zero_padding": "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    "rnn.bidirectional": "Bidirectional",
    "rnn.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "rnn.gru": "GRU GRUCell",
    "rnn.lstm": "LSTM LSTMCell",
    "rnn.rnn": "RNN",
    "rnn.simple_rnn": "SimpleRNN SimpleRNNCell",
    "rnn.stacked_rnn_cells": "StackedRNNCells",
    "rnn.time_distributed": "TimeDistributed",
}
# Keras's other names.
ALIASES = {
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "Convolution1D": "Conv1D",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3D": "Conv3D",
    "Convolution3DTranspose": "Conv3DTranspose",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "GroupQueryAttention": "GroupedQueryAttention",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
}
_FILE_OF = {name: file for file, names in HOMES.items() for name in names.split()}
__all__ = sorted((*_FILE_OF, *ALIASES, "deserialize", "serialize"))


def __getattr__(name: str) -> _Any:
    original = ALIASES.get(name, name)
    file = _FILE_OF.get(original)
    if file is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_import_module(f"{__name__}.{file}"), original)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


# What `__getattr__` finds, for type checkers and editors.
# ruff: noqa: F403
if TYPE_CHECKING:
    from kerasish.layers.activations.activation import *
    from kerasish.layers.activations.rectifiers import *
    from kerasish.layers.activations.softmax import *
    from kerasish.layers.attention.attention import *
    from kerasish.layers.attention.grouped_query_attention import *
    from kerasish.layers.attention.multi_head_attention import *
    from kerasish.layers.convolutional.convolution import *
    from kerasish.layers.convolutional.depthwise_convolution import *
    from kerasish.layers.convolutional.separable_convolution import *
    from kerasish.layers.convolutional.transposed_convolution import *
    from kerasish.layers.core.dense import *
    from kerasish.layers.core.einsum_dense import *
    from kerasish.layers.core.embedding import *
    from kerasish.layers.core.identity import *
    from kerasish.layers.core.lambda_layer import *
    from kerasish.layers.core.masking import *
    from kerasish.layers.core.reversible_embedding import *
    from kerasish.layers.core.wrapper import *
    from kerasish.layers.input_layer import *
    from kerasish.layers.input_spec import *
    from kerasish.layers.layer import *
    from kerasish.layers.merging.concatenate import *
    from kerasish.layers.merging.dot import *
    from kerasish.layers.merging.elementwise import *
    from kerasish.layers.normalization.batch_normalization import *
    from kerasish.layers.normalization.group_normalization import *
    from kerasish.layers.normalization.layer_normalization import *
    from kerasish.layers.normalization.rms_normalization import *
    from kerasish.layers.normalization.spectral_normalization import *
    from kerasish.layers.normalization.unit_normalization import *
    from kerasish.layers.pooling.adaptive_pooling import *
    from kerasish.layers.pooling.global_pooling import *
    from kerasish.layers.pooling.pooling import *
    from kerasish.layers.preprocessing.adaptive_equalization import *
    from kerasish.layers.preprocessing.augmentation import *
    from kerasish.layers.preprocessing.box_limit import *
    from kerasish.layers.preprocessing.category_encoding import *
    from kerasish.layers.preprocessing.discretization import *
    from kerasish.layers.preprocessing.hashing import *
    from kerasish.layers.preprocessing.lookups import *
    from kerasish.layers.preprocessing.mel_spectrogram import *
    from kerasish.layers.preprocessing.mixing import *
    from kerasish.layers.preprocessing.normalization import *
    from kerasish.layers.preprocessing.pipeline import *
    from kerasish.layers.preprocessing.random_affine import *
    from kerasish.layers.preprocessing.random_color import *
    from kerasish.layers.preprocessing.random_crop import *
    from kerasish.layers.preprocessing.random_distortion import *
    from kerasish.layers.preprocessing.random_filter import *
    from kerasish.layers.preprocessing.random_flip import *
    from kerasish.layers.preprocessing.rescaling import *
    from kerasish.layers.preprocessing.resizing import *
    from kerasish.layers.preprocessing.stft_spectrogram import *
    from kerasish.layers.preprocessing.text_vectorization import *
    from kerasish.layers.preprocessing.tones import *
    from kerasish.layers.regularization.activity_regularization import *
    from kerasish.layers.regularization.dropout import *
    from kerasish.layers.regularization.noise import *
    from kerasish.layers.regularization.spatial_dropout import *
    from kerasish.layers.reshaping.cropping import *
    from kerasish.layers.reshaping.flatten import *
    from kerasish.layers.reshaping.permute import *
    from kerasish.layers.reshaping.repeat_vector import *
    from kerasish.layers.reshaping.reshape import *
    from kerasish.layers.reshaping.up_sampling import *
    from kerasish.layers.reshaping.zero_padding import *
    from kerasish.layers.rnn.bidirectional import *
    from kerasish.layers.rnn.conv_lstm import *
    from kerasish.layers.rnn.gru import *
    from kerasish.layers.rnn.lstm import *
    from kerasish.layers.rnn.rnn import *
    from kerasish.layers.rnn.simple_rnn import *
    from kerasish.layers.rnn.stacked_rnn_cells import *
    from kerasish.layers.rnn.time_distributed import *


def serialize(layer: _Any) -> dict[str, _Any]:
    """Return the config that files hold for a layer."""
    return _serialize(layer)
