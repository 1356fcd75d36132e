"""Random models with what trains them, described by names and numbers so that a failing one can be read and rebuilt."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from hypothesis import strategies as st

import kerasish as keras

SAMPLES, BATCH, EPOCHS = 36, 8, 4  # 20 steps; the last batch of each epoch has 4 samples

ACTIVATIONS = [
    None,
    "relu",
    "tanh",
    "sigmoid",
    "gelu",
    "silu",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "softmax",
    "leaky_relu",
    "hard_sigmoid",
    "mish",
]
REGULARIZERS = [None, None, "l1", "l2", "l1_l2"]
CONSTRAINTS = [None, None, None, "max_norm", "unit_norm", "non_neg"]

HEADS: list[tuple[str, str | None, list[str]]] = [
    ("sparse_categorical_crossentropy", "softmax", ["accuracy", "sparse_top_k_categorical_accuracy"]),
    ("categorical_crossentropy", "softmax", ["accuracy", "precision"]),
    ("kl_divergence", "softmax", ["categorical_accuracy"]),
    ("categorical_focal_crossentropy", "softmax", []),
    ("binary_crossentropy", "sigmoid", ["accuracy", "auc"]),
    ("mse", None, ["mae", "mape"]),
    ("mae", None, ["mse"]),
    ("huber", None, ["root_mean_squared_error"]),
    ("log_cosh", "tanh", []),
    ("poisson", "softplus", []),
    ("hinge", "tanh", []),
    ("cosine_similarity", None, ["cosine_similarity"]),
]

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"weight_decay": 0.01}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 0.5}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Ftrl", {"l1_regularization_strength": 0.01}),
    ("Lamb", {}),
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {},
    {"clipnorm": 0.1},
    {"clipvalue": 0.01},
    {"global_clipnorm": 0.2},
    {"weight_decay": 0.02},
    {"use_ema": True, "ema_momentum": 0.9},
    {"use_ema": True, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 3},
]
RATES: list[Any] = [0.01, 0.003, ("ExponentialDecay", (0.01, 5, 0.7)), ("CosineDecay", (0.01, 15))]


@st.composite
def _dense(draw, shape):
    return "Dense", {
        "units": draw(st.integers(1, 9)),
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "use_bias": draw(st.booleans()),
        "kernel_regularizer": draw(st.sampled_from(REGULARIZERS)),
        "bias_constraint": draw(st.sampled_from(CONSTRAINTS)),
        "activity_regularizer": draw(st.sampled_from(REGULARIZERS)),
    }


@st.composite
def _convolution(draw, shape):
    rank = len(shape) - 1
    names = [f"Conv{rank}D", f"DepthwiseConv{rank}D", f"SeparableConv{rank}D", f"Conv{rank}DTranspose"]
    name = draw(st.sampled_from(names))
    arguments = {
        "kernel_size": draw(st.integers(1, min(3, *shape[:-1]))),
        "strides": draw(st.integers(1, 2)),
        "padding": draw(st.sampled_from(["same", "valid"])),
        "activation": draw(st.sampled_from(ACTIVATIONS[:7])),
        "use_bias": draw(st.booleans()),
    }
    if not name.startswith("Depthwise"):
        arguments["filters"] = draw(st.integers(1, 5))
    return name, arguments


@st.composite
def _pooling(draw, shape):
    kind, rank = draw(st.sampled_from(["Max", "Average"])), len(shape) - 1
    arguments = {
        "pool_size": draw(st.integers(1, min(3, *shape[:-1]))),
        "strides": draw(st.sampled_from([None, 1, 2])),
        "padding": draw(st.sampled_from(["same", "valid"])),
    }
    return f"{kind}Pooling{rank}D", arguments


@st.composite
def _any_rank(draw, shape):
    kind = draw(st.sampled_from(["Dropout", "Activation", "Reshape", "Flatten"]))
    if kind == "Dropout":
        return kind, {
            "rate": draw(st.sampled_from([0.0, 0.1, 0.5])),
            "seed": draw(st.sampled_from([None, 7])),
        }
    if kind == "Activation":
        return kind, {"activation": draw(st.sampled_from(ACTIVATIONS[1:]))}
    if kind == "Reshape":
        return kind, {
            "target_shape": draw(st.sampled_from([(-1,), (*shape[::-1],), (-1, shape[-1]), (*shape, 1)]))
        }
    return kind, {}


@st.composite
def layers(draw, shape: tuple[int, ...]) -> list[tuple[str, dict[str, Any]]]:
    """Draw layers that follow each other, from inputs of `shape` to vectors."""
    drawn = []
    for _ in range(draw(st.integers(0, 4))):
        choices = [_dense, _any_rank]
        if len(shape) in (2, 3):
            choices += [_convolution, _pooling]
        name, arguments = draw(draw(st.sampled_from(choices))(shape))
        after = _shape_after(name, arguments, shape)
        if len(after) > 3 or int(np.prod(after)) > 600:
            continue
        drawn.append((name, arguments))
        shape = after
    if len(shape) > 1:
        drawn.append(("Flatten", {}) if draw(st.booleans()) or len(shape) > 3 else global_pooling(shape))
    return drawn


def _shape_after(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    stream = random.getstate()  # which layers draw their seeds from, and Hypothesis keeps an eye on
    try:
        return layer(name, arguments).compute_output_shape((BATCH, *shape))[1:]
    finally:
        random.setstate(stream)


def global_pooling(shape: tuple[int, ...]) -> tuple[str, dict]:
    return f"GlobalAveragePooling{len(shape) - 1}D", {}


@st.composite
def models(draw) -> dict[str, Any]:
    """Draw a model, its loss and optimizer, and what kind of data it gets."""
    shape = draw(st.sampled_from([(1,), (5,), (12,), (6, 3), (9, 1), (7, 6, 2), (8, 8, 1)]))
    loss, activation, metrics = draw(st.sampled_from(HEADS))
    optimizer, arguments = draw(st.sampled_from(OPTIMIZERS))
    rate = draw(st.sampled_from(RATES))
    fewest = 2 if activation == "softmax" or loss == "cosine_similarity" else 1
    return {
        "shape": shape,
        "layers": draw(layers(shape)),
        "units": draw(st.integers(fewest, 5)),
        "activation": activation,
        "loss": loss,
        "metrics": draw(st.lists(st.sampled_from(metrics), unique=True)) if metrics else [],
        "optimizer": (optimizer, {"learning_rate": rate, **arguments, **draw(st.sampled_from(OPTIONS))}),
        "sample_weight": draw(st.booleans()),
        "seed": draw(st.integers(0, 1000)),
    }


def layer(name: str, arguments: dict[str, Any]):
    return getattr(keras.layers, name)(**arguments)


def build(spec: dict[str, Any], **options: Any):
    """Return the compiled model of a description, with the weights that its seed gives."""
    keras.utils.set_random_seed(spec["seed"])
    head = keras.layers.Dense(spec["units"], activation=spec["activation"])
    body = [layer(name, arguments) for name, arguments in spec["layers"]]
    model = keras.Sequential([keras.Input(spec["shape"]), *body, head])
    name, arguments = spec["optimizer"]
    rate = arguments["learning_rate"]
    if isinstance(rate, tuple):
        rate = getattr(keras.optimizers.schedules, rate[0])(*rate[1])
    optimizer = getattr(keras.optimizers, name)(**{**arguments, "learning_rate": rate})
    model.compile(optimizer, spec["loss"], metrics=spec["metrics"] or None, **options)
    return model


def data(spec: dict[str, Any], dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return inputs, targets that suit the loss, and weights or None."""
    generator = np.random.default_rng(spec["seed"])
    x = generator.normal(size=(SAMPLES, *spec["shape"])).astype(dtype)
    units, loss = spec["units"], spec["loss"]
    if loss.startswith("sparse"):
        y = generator.integers(0, units, SAMPLES)
    elif spec["activation"] == "softmax":
        y = np.eye(units, dtype=dtype)[generator.integers(0, units, SAMPLES)]
    elif loss == "binary_crossentropy":
        y = generator.integers(0, 2, (SAMPLES, units)).astype(dtype)
    else:
        y = generator.uniform(0, 1, (SAMPLES, units)).astype(dtype)
    weights = generator.uniform(0.2, 2.0, SAMPLES).astype(dtype) if spec["sample_weight"] else None
    return x, y, weights
