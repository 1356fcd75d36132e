"""Random layers with odd arguments: outputs, shapes inferred, configs and errors."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from cases import Case, Draw, set_mask

ACTIVATIONS = (
    None,
    "relu",
    "tanh",
    "softmax",
    "gelu",
    "leaky_relu",
    "softplus",
    "mish",
    "glu",
    "hard_sigmoid",
    "log_softmax",
    "celu",
    "squareplus",
)
POLICIES = (None, None, None, None, None, "mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


def pairs(d: Draw, n: int, low: int, high: int) -> Any:
    return (
        d.integer(low, high) if d.chance(0.5) else d.of(tuple, list)(d.integer(low, high) for _ in range(n))
    )


def dense(d: Draw) -> tuple:
    return (
        "Dense",
        {"units": d.integer(1, 4), "activation": d.of(*ACTIVATIONS), "use_bias": d.chance(0.7)},
        [d.of((3, 4), (2, 3, 4), (0, 4), (2, 1, 3, 4), (4,))],
    )


def embedding(d: Draw) -> tuple:
    return (
        "Embedding",
        {"input_dim": 6, "output_dim": 3, "mask_zero": d.chance(0.5)},
        [d.values(d.of((2, 3), (4,), (2, 3, 2), (0, 3)), d.of("int32", "float32", "uint8", "bool"), 0, 5)],
    )


def einsum_dense(d: Draw) -> tuple:
    equation, out, bias, shape = d.of(
        ("ab,bc->ac", 3, "c", (2, 4)),
        ("abc,cd->abd", (None, 3), None, (2, 3, 4)),
        ("abc,cde->abde", (None, 2, 3), "de", (2, 3, 4)),
        ("...x,xy->...y", 3, "y", (2, 3, 4)),
        ("abc,bd->adc", (2, 4), "d", (2, 3, 4)),
    )
    return (
        "EinsumDense",
        {"equation": equation, "output_shape": out, "bias_axes": bias, "activation": d.of(None, "relu")},
        [shape],
    )


def spatial(d: Draw, n: int, c: int, first: bool) -> tuple:
    size = tuple(d.integer(3, 6) for _ in range(n))
    return (2, c, *size) if first else (2, *size, c)


def convolution(d: Draw) -> tuple:
    kind = d.of("Conv", "Conv", "Depthwise", "Separable", "Transpose")
    n = d.integer(1, 2 if kind in ("Depthwise", "Separable") else 3)
    first = d.chance(0.2)
    strides = pairs(d, n, 1, 2) if kind not in ("Depthwise", "Separable") else d.integer(1, 2)
    args = {
        "kernel_size": pairs(d, n, 1, 3),
        "padding": d.of("valid", "same", *(["causal"] if kind in ("Conv", "Separable") and n == 1 else [])),
        "strides": strides,
        "use_bias": d.chance(0.6),
        "activation": d.of(None, "relu"),
    }
    if args["strides"] == 1 and d.chance(0.5):
        args["dilation_rate"] = d.integer(1, 2)
    if first:
        args["data_format"] = "channels_first"
    if kind == "Depthwise":
        args["depth_multiplier"] = d.integer(1, 2)
    else:
        args["filters"] = d.of(2, 4)
    if kind == "Conv":
        args["groups"] = d.of(1, 1, 2)
    if kind == "Transpose" and d.chance(0.3):
        args["output_padding"] = d.of(0, 1)
    name = {
        "Conv": f"Conv{n}D",
        "Depthwise": f"DepthwiseConv{n}D",
        "Separable": f"SeparableConv{n}D",
        "Transpose": f"Conv{n}DTranspose",
    }[kind]
    return name, args, [spatial(d, n, 4, first)]


def pooling(d: Draw) -> tuple:
    n = d.integer(1, 3)
    first = d.chance(0.3)
    form = {"data_format": "channels_first"} if first else {}
    kind = d.of("Max", "Average", "GlobalMax", "GlobalAverage", "AdaptiveMax", "AdaptiveAverage")
    if kind.startswith("Global"):
        args = {"keepdims": d.chance(0.5)}
    elif kind.startswith("Adaptive"):
        args = {"output_size": pairs(d, n, 1, 4)}
    else:
        args = {
            "pool_size": pairs(d, n, 1, 3),
            "strides": d.of(None, pairs(d, n, 1, 2)),
            "padding": d.of("valid", "same"),
        }
    return f"{kind}Pooling{n}D", {**args, **form}, [spatial(d, n, 3, first)]


def normalization(d: Draw) -> tuple:
    name = d.of(
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "RMSNormalization",
        "UnitNormalization",
    )
    shape = d.of((3, 4), (2, 3, 4), (2, 3, 2, 4))
    axis = (
        d.of(-1, -1, 1, -2, [1], len(shape) - 1, 5)
        if name != "BatchNormalization"
        else d.of(-1, 1, len(shape) - 1, -2)
    )
    args: dict[str, Any] = {"axis": axis}
    if name == "GroupNormalization":
        args = {"axis": d.of(-1, 1), "groups": d.of(1, 2, -1, 3)}
    if name not in ("RMSNormalization", "UnitNormalization"):
        args |= {"center": d.chance(0.6), "scale": d.chance(0.6)}
    if name != "UnitNormalization":
        args["epsilon"] = d.of(1e-3, 1e-5, 0.1)
    return name, args, [shape]


def reshaping(d: Draw) -> tuple:
    n = d.integer(1, 3)
    first = d.chance(0.3)
    form = {"data_format": "channels_first"} if first else {}
    name, args, shape = d.of(
        ("Flatten", form, d.of((2, 3, 4), (3,), (2, 3), (2, 3, 1, 2))),
        ("Reshape", {"target_shape": d.of((-1,), (2, -1), (4, 3), (1, 12), 12, (5, -1))}, (2, 3, 4)),
        ("Permute", {"dims": d.of((2, 1), (1, 2), (0, 1))}, (2, 3, 4)),
        ("RepeatVector", {"n": d.integer(0, 3)}, (2, 3)),
        (
            f"ZeroPadding{n}D",
            {"padding": pairs(d, n, 0, 2) if n > 1 else d.of(1, (1, 2)), **form},
            spatial(d, n, 2, first),
        ),
        (
            f"Cropping{n}D",
            {"cropping": pairs(d, n, 0, 2) if n > 1 else d.of(1, (1, 2), (0, 0)), **({} if n == 1 else form)},
            spatial(d, n, 2, first),
        ),
        (
            f"UpSampling{n}D",
            {"size": pairs(d, n, 1, 3) if n > 1 else d.integer(1, 3), **({} if n == 1 else form)},
            spatial(d, n, 2, first),
        ),
    )
    if name == "UpSampling2D":
        args["interpolation"] = d.of("nearest", "bilinear", "bicubic", "lanczos3")
    return name, args, [shape]


def activations(d: Draw) -> tuple:
    name, args = d.of(
        (
            "ReLU",
            {"max_value": d.of(None, 1.0), "negative_slope": d.of(0.0, 0.1), "threshold": d.of(0.0, 0.5)},
        ),
        ("LeakyReLU", {"negative_slope": d.of(0.1, 0.3)}),
        ("ELU", {"alpha": d.of(1.0, 0.5)}),
        ("PReLU", {"shared_axes": d.of(None, [1])}),
        ("Softmax", {"axis": d.of(-1, 1, [1, 2], 0)}),
        ("Activation", {"activation": d.of(*ACTIVATIONS)}),
    )
    return name, args, [d.of((2, 3, 4), (2, 4, 2), (2, 2, 2, 4))]


def merging(d: Draw) -> tuple:
    name = d.of("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")
    if name == "Dot":
        left, right, axes = d.of(
            ((2, 3), (2, 3), 1),
            ((2, 3, 4), (2, 5, 4), 2),
            ((2, 3, 4), (2, 4, 3), (2, 1)),
            ((2, 3, 4), (2, 3), 1),
            ((2, 3), (2, 4), -1),
            ((2, 3, 4), (2, 4), (2, 1)),
        )
        return name, {"axes": axes, "normalize": d.chance(0.3)}, [[left, right]]
    if name == "Concatenate":
        return (
            name,
            {"axis": d.of(-1, 1, 2, 0)},
            [[(2, 3, 4), d.of((2, 3, 4), (2, 3, 2), (2, 1, 4)), *([(2, 3, 4)] if d.chance(0.3) else [])]],
        )
    left, right = d.of(
        ((2, 3), (2, 3)),
        ((2, 3, 4), (2, 4)),
        ((2, 3), (2, 1)),
        ((2, 3, 1), (2, 3, 4)),
        ((2, 3), (1, 3)),
        ((2, 3), (2, 4)),
    )
    return name, {}, [[left, right, *([left] if d.chance(0.3) and name != "Subtract" else [])]]


def recurrent(d: Draw) -> tuple:
    name = d.of("SimpleRNN", "GRU", "LSTM")
    args = {
        "units": d.integer(1, 3),
        "return_sequences": d.chance(0.5),
        "return_state": d.chance(0.5),
        "go_backwards": d.chance(0.3),
        "unroll": d.chance(0.2),
        "use_bias": d.chance(0.7),
        "activation": d.of("tanh", "relu", None),
        "zero_output_for_mask": d.chance(0.3),
    }
    if name != "SimpleRNN":
        args["recurrent_activation"] = d.of("sigmoid", "hard_sigmoid")
    if name == "GRU":
        args["reset_after"] = d.chance(0.5)
    return name, args, [d.of((2, 3, 4), (1, 1, 2), (2, 5, 1))]


def wrapped(d: Draw) -> tuple:
    name, args, shapes = recurrent(d)
    inner = {**args, "name": "inner"}
    return (
        "Bidirectional",
        {
            "layer": lambda k: getattr(k.layers, name)(**inner),
            "merge_mode": d.of("concat", "sum", "mul", "ave", None),
        },
        shapes,
    )


def distributed(d: Draw) -> tuple:
    name, args, shape = d.of(
        ("Dense", {"units": 2}, (2, 3, 4)),
        ("Conv1D", {"filters": 2, "kernel_size": 2}, (2, 3, 4, 2)),
        ("LSTM", {"units": 2}, (2, 3, 4, 2)),
        ("Flatten", {}, (2, 3, 2, 2)),
        ("BatchNormalization", {}, (2, 3, 4)),
        ("LayerNormalization", {}, (2, 3, 4)),
        ("Embedding", {"input_dim": 5, "output_dim": 2}, d.rng.integers(0, 5, (2, 3, 4)).astype("int32")),
    )
    return "TimeDistributed", {"layer": lambda k: getattr(k.layers, name)(**args, name="inner")}, [shape]


def attention(d: Draw) -> tuple:
    q, v = (2, 3, 4), (2, 5, 4)
    name = d.of("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention")
    more: dict[str, Any] = {}
    if name.endswith("eAttention") or name == "Attention":
        args = {"use_scale": d.chance(0.5)}
        if name == "Attention":
            args["score_mode"] = d.of("dot", "concat")
        if d.chance(0.3):
            more["return_attention_scores"] = True
        if d.chance(0.4):
            more["mask"] = [d.of(None, d.array((2, 3), ("bool",))), d.of(None, d.array((2, 5), ("bool",)))]
        more["use_causal_mask"] = d.chance(0.3)
        return name, args, [[q, v, *([v] if d.chance(0.4) else [])]], more
    args = {
        "num_heads": d.of(1, 2),
        "key_dim": d.of(2, 3),
        "value_dim": d.of(None, 2),
        "use_bias": d.chance(0.6),
        "output_shape": d.of(None, 3, (2, 2)),
    }
    if name == "GroupQueryAttention":
        args = {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": d.of(1, 2, 4, 3)}
    more = {"use_causal_mask": d.chance(0.3), "return_attention_scores": d.chance(0.3)}
    if d.chance(0.3):
        more["attention_mask"] = d.array((2, 3, 5), ("bool",))
    if d.chance(0.3):
        more["value_mask"] = d.array((2, 5), ("bool",))
    if d.chance(0.2):
        more["query_mask"] = d.array((2, 3), ("bool",))
    return name, args, [q, v], more


def preprocessing(d: Draw) -> tuple:
    integers = d.rng.integers(0, 5, d.of((3, 2), (4,), (3, 1), (2, 2, 2))).astype("int32")
    mode = d.of("int", "one_hot", "multi_hot", "count")
    return d.of(
        (
            "Rescaling",
            {"scale": d.of(0.5, 2), "offset": d.of(0.0, -1)},
            [d.array((2, 3), ("float32", "int32", "uint8"), 0, 9)],
        ),
        (
            "CategoryEncoding",
            {"num_tokens": 5, "output_mode": d.of("one_hot", "multi_hot", "count")},
            [integers],
        ),
        (
            "Discretization",
            {"bin_boundaries": d.of([0.0, 1.0], [-1.0, 0.5, 2.0]), "output_mode": mode},
            [d.array(d.of((3, 2), (4,), (3, 1)), ("float32", "int32"))],
        ),
        (
            "Normalization",
            {"axis": d.of(-1, None, 0, 1), "mean": 1.5, "variance": 2.0, "invert": d.chance(0.3)},
            [d.array((2, 3), ("float32", "int32"), 0, 9)],
        ),
        (
            "Resizing",
            {
                "height": d.integer(1, 7),
                "width": d.integer(1, 7),
                "interpolation": d.of("bilinear", "nearest", "bicubic"),
                "crop_to_aspect_ratio": d.chance(0.3),
            },
            [d.array(d.of((2, 5, 4, 3), (5, 4, 3)), ("float32", "uint8"), 0, 200)],
        ),
        (
            "CenterCrop",
            {"height": d.integer(1, 6), "width": d.integer(1, 6)},
            [d.array(d.of((2, 5, 4, 3), (5, 4, 3)), ("float32", "uint8"), 0, 200)],
        ),
    )


def wordy(d: Draw) -> tuple:
    return "Masking", {"mask_value": d.of(0.0, 1.0)}, [np.round(d.values((2, 3, 2), "float32", 0, 1))]


FAMILIES = [
    dense,
    embedding,
    einsum_dense,
    convolution,
    convolution,
    pooling,
    normalization,
    normalization,
    reshaping,
    reshaping,
    activations,
    merging,
    recurrent,
    recurrent,
    wrapped,
    distributed,
    attention,
    attention,
    preprocessing,
    wordy,
]


def case(d: Draw) -> Case:
    name, arguments, inputs, *rest = d.of(*FAMILIES)(d)
    more = dict(rest[0]) if rest else {}
    policy = d.of(*POLICIES)
    fill = lambda x: (
        [fill(p) for p in x]
        if isinstance(x, list)
        else x
        if isinstance(x, np.ndarray)
        else d.values(x, "float32")
    )
    inputs = [fill(x) for x in inputs]
    mask = None
    if name in ("SimpleRNN", "GRU", "LSTM", "Bidirectional", "TimeDistributed") and d.chance(0.4):
        mask = d.array(inputs[0].shape[:2], ("bool",))
        if d.chance(0.7):
            mask[:, 0] = True
        more["mask"] = mask
    training = (
        d.of(False, False, True)
        if name in ("BatchNormalization", "TimeDistributed", "MultiHeadAttention")
        else None
    )
    if training is not None:
        more["training"] = training
    implicit = (
        d.chance(0.3) and mask is None and inputs and isinstance(inputs[0], np.ndarray) and inputs[0].ndim > 2
    )

    def prepared(keras: Any, args: Any, kwargs: Any) -> Any:
        """Return the layer with its weights set, and what gives its inputs as tensors."""
        arguments = {k: v(keras) if callable(v) else v for k, v in kwargs.items()}
        if policy:
            arguments["dtype"] = policy
        layer = getattr(keras.layers, name)(**arguments, name="l")

        def tensors(args: Any) -> Any:
            inputs = keras.tree.map_structure(
                lambda x: keras.ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x, args
            )
            if implicit:
                rows = np.array([[1], [2]] * 4)[: inputs[0].shape[0]]
                set_mask(inputs[0], keras.ops.convert_to_tensor(np.arange(inputs[0].shape[1])[None] < rows))
            return inputs

        layer(*tensors(args), **more)
        values = [0.3 + 0.2 * np.sin(np.arange(w.size)).reshape(w.shape) for w in layer.get_weights()]
        layer.set_weights([v.astype(w.dtype) for v, w in zip(values, layer.get_weights(), strict=True)])
        return layer, tensors

    def function(keras: Any) -> Any:
        """What the layer gives for weights and inputs."""
        layer, tensors = prepared(keras, inputs, arguments)
        rest = [keras.ops.convert_to_numpy(w) for w in layer.non_trainable_variables]
        weights = [keras.ops.convert_to_numpy(w) for w in layer.trainable_variables]
        return lambda weights, args: layer.stateless_call(weights, rest, *tensors(args), **more)[0], (
            weights,
            inputs,
        )

    def call(keras: Any, args: Any, kwargs: Any) -> Any:
        layer, tensors = prepared(keras, args, kwargs)
        y = layer(*tensors(args), **more)
        masks = [getattr(t, "_keras_mask", None) for t in keras.tree.flatten(y)]
        if os.environ["KERAS_BACKEND"] == "numpy":  # whose arrays cannot hold one
            masks = []
        symbolic = [
            keras.tree.map_structure(
                lambda x: (
                    keras.KerasTensor((None, *x.shape[1:]), str(x.dtype).rpartition(".")[2])
                    if isinstance(x, np.ndarray)
                    else x
                ),
                a,
            )
            for a in args
        ]
        shapes = []
        if not any(isinstance(v, (np.ndarray, list)) for v in more.values()):
            try:
                spec = layer(*symbolic, **more)
                shapes = [f"{tuple(t.shape)} {t.dtype}" for t in keras.tree.flatten(spec)]
            except Exception as error:
                shapes = [f"no symbol: {type(error).__name__}"]
        config = json.dumps(layer.get_config(), default=str, sort_keys=True)
        return [
            *keras.tree.flatten(y),
            *[keras.ops.cast(m, "int32") if m is not None else "no mask" for m in masks],
            *shapes,
            config,
            *layer.get_weights(),
        ]

    found = Case(name, inputs, arguments, call, 5e-3 if policy else 1e-4, function)
    found.name += f"[{policy}]" if policy else ""
    found.name += " implicit mask" if implicit else ""
    return found
