"""What layers and their arguments were called in older releases: a row for each class.

`layer` brings a layer's config to today's names; the tables say what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasish.saving.errors import UnsafeFileError

# Class names of Keras 1 and of TensorFlow 1, and today's.
_CLASSES = {
    "Model": "Functional",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3D": "Conv3D",
    "Convolution3DTranspose": "Conv3DTranspose",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "SyncBatchNormalization": "BatchNormalization",
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "Dense",
    "UnifiedGRU": "GRU",
    "UnifiedLSTM": "LSTM",
}
_MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}

_KERNEL = (
    "init=kernel_initializer W_regularizer=kernel_regularizer b_regularizer=bias_regularizer "
    "W_constraint=kernel_constraint b_constraint=bias_constraint bias=use_bias "
)
_CONVOLUTION = (
    f"{_KERNEL} nb_filter=filters border_mode=padding subsample=strides dim_ordering=data_format "
    "subsample_length=strides filter_length=kernel_size atrous_rate=dilation_rate "
)
_POOLING = (
    "border_mode=padding dim_ordering=data_format pool_length=pool_size stride=strides padding_mode=padding "
)
_RECURRENT = (
    f"{_CONVOLUTION} output_dim=units inner_activation=recurrent_activation inner_init=recurrent_initializer "
    "U_regularizer=recurrent_regularizer U_constraint=recurrent_constraint dropout_W=dropout "
    "dropout_U=recurrent_dropout "
)
# Arguments by the class that has them: `old=new`.
_RENAMED = {
    "Dense": f"{_KERNEL} output_dim=units",
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose"), _CONVOLUTION),
    **dict.fromkeys(
        ("SeparableConv1D", "SeparableConv2D"),
        f"{_CONVOLUTION} depthwise_init=depthwise_initializer pointwise_init=pointwise_initializer",
    ),
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), _RECURRENT),
    "ConvLSTM2D": _RECURRENT.replace("output_dim=units", ""),
    "LocallyConnected1D": _CONVOLUTION,
    "LocallyConnected2D": _CONVOLUTION,
    **dict.fromkeys((f"{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)), _POOLING),
    **dict.fromkeys(
        (f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (1, 2, 3)),
        "dim_ordering=data_format",
    ),
    **dict.fromkeys(
        (f"{kind}{n}D" for kind in ("UpSampling", "ZeroPadding", "Cropping") for n in (1, 2, 3)),
        "dim_ordering=data_format length=size",
    ),
    "Embedding": "init=embeddings_initializer W_regularizer=embeddings_regularizer W_constraint=embeddings_constraint",
    "BatchNormalization": "gamma_init=gamma_initializer beta_init=beta_initializer",
    **dict.fromkeys(("Dropout", "GaussianDropout", "AlphaDropout"), "p=rate"),
    **dict.fromkeys((f"SpatialDropout{n}D" for n in (1, 2, 3)), "p=rate dim_ordering=data_format"),
    "GaussianNoise": "sigma=stddev",
    "LeakyReLU": "alpha=negative_slope",
    "PReLU": "init=alpha_initializer",
    "RepeatVector": "nb_repeat=n",
    "InputLayer": "batch_input_shape=batch_shape input_dtype=dtype",
    "Concatenate": "concat_axis=axis",
    "Dot": "dot_axes=axes",
}

_ANY: tuple = ()
# Arguments that no class has any more, and the values that change nothing; `_ANY` for those that never did.
_GONE: dict[str, tuple] = {
    "batch_input_shape": _ANY,
    "cropping_mode": _ANY,
    "consume_less": _ANY,
    "experimental_autocast": _ANY,
    "implementation": _ANY,
    "input_dtype": _ANY,
    "input_length": _ANY,
    "input_shape": _ANY,
    "is_legacy_layer": _ANY,
    "fused": _ANY,
    "dynamic": (False, None),
    "lookup": _ANY,
    "num_constants": (0, None),
    "ragged": (False, None),
    "time_major": (False, None),
    "virtual_batch_size": (None,),
}
# The same for single classes, by their old or new names.
_GONE_FROM: list[tuple[str, dict[str, tuple]]] = [
    (
        "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D",
        {
            "groups": (1, None),
            "kernel_initializer": _ANY,
            "kernel_regularizer": _ANY,
            "kernel_constraint": _ANY,
        },
    ),
    ("DepthwiseConv1D DepthwiseConv2D", {"filters": _ANY}),
    ("Conv1DTranspose Conv2DTranspose Conv3DTranspose", {"groups": (1, None)}),
    ("ConvLSTM1D ConvLSTM2D ConvLSTM3D", {"groups": (1, None)}),
    ("Deconvolution2D Deconvolution3D", {"output_shape": _ANY}),
    ("Dense TimeDistributedDense Convolution1D AtrousConvolution1D", {"input_dim": _ANY}),
    ("LSTM GRU SimpleRNN CuDNNLSTM CuDNNGRU", {"input_dim": _ANY}),
    ("BatchNormalization", {"mode": (0, None)}),
    ("Embedding", {"dropout": (0, 0.0, None), "sparse": _ANY}),
    ("Attention", {"causal": (False, None)}),
    (
        "MultiHeadAttention",
        {"query_shape": _ANY, "key_shape": _ANY, "value_shape": _ANY, "softmax_robust_masking": _ANY},
    ),
    ("Softmax", {"robust_masking": _ANY}),
]

_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last", "default": "channels_last"}
_INITIALIZERS = {"uniform": "random_uniform", "normal": "random_normal", "zero": "zeros", "one": "ones"}
_CONSTRAINTS = {"m": "max_value"}
_ACTIVATIONS = {"softmax_v2": "softmax", "relu_v2": "relu"}


def present_name(class_name: str) -> str:
    """Return what a layer's class is called today."""
    return "Add" if class_name == "Merge" else _CLASSES.get(class_name, class_name)


def layer(class_name: str, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Bring a layer's class name and constructor arguments to today's names.

    Args:
        class_name: Class name in the file.
        config: The layer's arguments, left as they are.

    Returns:
        Today's class name and arguments.

    Raises:
        ValueError: if an argument asks for what no layer does any more; `UnsafeFileError` if it is code.
    """
    inner, name = dict(config), config.get("name")
    present = _CLASSES.get(class_name, class_name)
    if class_name == "Merge":
        present, inner = _merge(inner)
    if class_name in _SPECIAL:
        _SPECIAL[class_name](inner)
    for pair in _RENAMED.get(present, "").split():
        old, new = pair.split("=")
        if old in inner:
            inner[new] = inner.pop(old)
    if present in _SPECIAL and present != class_name:
        _SPECIAL[present](inner)
    gone = dict(_GONE)
    for classes, arguments in _GONE_FROM:
        if not {present, class_name}.isdisjoint(classes.split()):
            gone.update(arguments)
    for argument in [argument for argument in inner if argument in gone]:
        value, harmless = inner.pop(argument), gone[argument]
        if harmless is not _ANY and value not in harmless:
            raise ValueError(
                f"Layer {name!r} of class '{class_name}' was saved with {argument}={value!r}, which layers no "
                "longer have. Build the model in Python without it, and load the file's weights into it with "
                "`load_weights`."
            )
    for argument, value in inner.items():
        inner[argument] = _value(argument, value)
    return present, inner


def _value(argument: str, value: Any) -> Any:
    """Bring the value of an argument to today's form."""
    if argument == "data_format" and isinstance(value, str):
        return _DATA_FORMATS.get(value, value)
    if argument.endswith("_initializer"):
        return _initializer(value)
    if isinstance(value, dict) and "class_name" not in value and "name" in value:
        if argument.endswith(
            "_regularizer"
        ):  # of Keras 1: {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}
            strengths = {key: float(value.get(key) or 0.0) for key in ("l1", "l2")}
            return {"class_name": "L1L2", "config": strengths}
        if argument.endswith("_constraint"):
            inner = {_CONSTRAINTS.get(key, key): item for key, item in value.items() if key != "name"}
            return {"class_name": value["name"], "config": inner}
    if argument.endswith("activation") and isinstance(value, str):
        return _ACTIVATIONS.get(value, value)
    if argument == "axis" and isinstance(value, list) and len(value) == 1:
        return int(value[0])
    if argument == "dtype" and isinstance(value, dict) and value.get("class_name") in ("Policy", "PolicyV1"):
        return value["config"]["name"]
    return value


def _initializer(value: Any) -> Any:
    if isinstance(value, str):
        return _INITIALIZERS.get(value, value)
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        inner = {key: item for key, item in value["config"].items() if key != "dtype"}
        if inner.get("distribution") == "normal":
            inner["distribution"] = "truncated_normal"
        return {**value, "config": inner}
    return value


def _merge(inner: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    mode, name = inner.get("mode", "sum"), inner.get("name")
    if mode not in _MERGES or inner.get("layers"):
        raise ValueError(
            f"Layer {name!r} of class 'Merge' joins "
            + ("Sequential models" if inner.get("layers") else f"by mode={str(mode)[:80]!r}")
            + ", which has no counterpart today. Build the model in Python with Add, Multiply, Average, Maximum, "
            "Concatenate or Dot, and load the file's weights into it with `load_weights`."
        )
    kept = {"name": name, "trainable": inner.get("trainable", True)}
    if mode == "concat":
        kept["axis"] = inner.get("concat_axis", -1)
    if mode in ("dot", "cos"):
        kept["axes"], kept["normalize"] = inner.get("dot_axes", -1), mode == "cos"
    return _MERGES[mode], kept


def _sizes(*names: str) -> Callable[[dict[str, Any]], None]:
    def gather(inner: dict[str, Any]) -> None:
        if all(name in inner for name in names):
            inner["kernel_size"] = [inner.pop(name) for name in names]

    return gather


def _lstm(inner: dict[str, Any]) -> None:
    forget = inner.pop("forget_bias_init", None)
    if forget is not None:
        inner["unit_forget_bias"] = forget == "one"


def _gru(inner: dict[str, Any]) -> None:
    inner.setdefault("reset_after", False)  # what there was before there was a choice


def _cudnn_gru(inner: dict[str, Any]) -> None:
    inner["reset_after"] = True


def _thresholded(inner: dict[str, Any]) -> None:
    inner["threshold"] = inner.pop("theta", 1.0)


def _synchronized(inner: dict[str, Any]) -> None:
    inner["synchronized"] = True


def _batch_normalization(inner: dict[str, Any]) -> None:
    if inner.get("mode") == 0:
        del inner["mode"]
        for argument in ("gamma_regularizer", "beta_regularizer"):
            inner.setdefault(argument, None)


def _lambda(inner: dict[str, Any]) -> None:
    function, name = inner.get("function"), inner.get("name")
    is_code = isinstance(function, (list, tuple)) or (
        isinstance(function, dict) and function.get("class_name") == "__lambda__"
    )
    if is_code:
        raise UnsafeFileError(
            f"Not allowed: the layer {name!r} is a Lambda layer whose function is stored as "
            "Python byte code, which would have to be run. Write the function again and pass it under the "
            f"layer's name, `custom_objects={{{name!r}: function}}`; or build the model in Python and load the "
            "file's weights into it with `load_weights`."
        )
    for argument in ("function_type", "module", "output_shape_type", "output_shape_module"):
        inner.pop(argument, None)


_SPECIAL: dict[str, Callable[[dict[str, Any]], None]] = {
    **dict.fromkeys(
        ("Conv2D", "Conv2DTranspose", "SeparableConv2D", "ConvLSTM2D", "LocallyConnected2D"),
        _sizes("nb_row", "nb_col"),
    ),
    **dict.fromkeys(("Conv3D", "Conv3DTranspose"), _sizes("kernel_dim1", "kernel_dim2", "kernel_dim3")),
    "LSTM": _lstm,
    "GRU": _gru,
    "CuDNNGRU": _cudnn_gru,
    "ThresholdedReLU": _thresholded,
    "SyncBatchNormalization": _synchronized,
    "BatchNormalization": _batch_normalization,
    "Lambda": _lambda,
}


def input_shape(layer_config: Any) -> tuple[list | None, str | None]:
    """Return the shape, with the batch, and the dtype of the input that the first layer of a Sequential model says.

    Args:
        layer_config: The layer's config with `class_name` and `config`.
    """
    if not isinstance(layer_config, dict) or not isinstance(
        inner := layer_config.get("config"), (dict, list)
    ):
        return None, None
    if isinstance(inner, list) or isinstance(inner.get("layers"), list):
        layers = inner if isinstance(inner, list) else inner["layers"]
        return input_shape(layers[0]) if layers else (None, None)
    dtype = inner.get("input_dtype") or inner.get("dtype")
    dtype = dtype if isinstance(dtype, str) and not dtype.startswith("mixed") else None
    shape = inner.get("batch_input_shape") or inner.get("batch_shape")
    if shape is None and isinstance(inner.get("input_shape"), (list, tuple)):
        shape = [None, *inner["input_shape"]]
    if (
        shape is None
        and isinstance(inner.get("input_dim"), int)
        and layer_config.get("class_name") != "Embedding"
    ):
        length = [inner["input_length"]] if "input_length" in inner else []
        shape = [None, *length, inner["input_dim"]]
    if shape is None and isinstance(inner.get("layer"), dict):
        return input_shape(inner["layer"])
    return shape, dtype
