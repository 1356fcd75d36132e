"""What is run on another device and compared with the CPU: everything that the other tests have tables of.

A `Work` is run twice from the same seed, with another default device each time. Its results are tensors (or arrays) in
nested lists; what it does beside may bring values to the host where it says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import test_layers_table as layers_table
import test_losses as losses
import test_metrics as metrics
import test_optimizers as optimizers
from layer_rows import ROWS
from more_ops_cases import CALLS
from test_gradients import CASES as GRADIENT_CASES
from test_gradients import gradients

import kerasish
from kerasish import Tensor, ops, random, tree


@dataclass(frozen=True)
class Work:
    """Something to do on a device.

    Attributes:
        name: What it is.
        run: Does it and returns its results.
        tolerance: The largest difference between two devices, relative to the largest number (at least one).
        asks: Whether it brings values to the host by itself (a shape or a choice depends on them).
    """

    name: str
    run: Callable[[], Any]
    tolerance: float = 1e-5
    asks: bool = False

    def __str__(self) -> str:
        return self.name


def to_host(result: Any) -> list[np.ndarray]:
    """Return all numbers of a result on the host."""
    arrays = []
    for leaf in tree.flatten(result):
        array = leaf.numpy() if isinstance(leaf, Tensor) else np.asarray(leaf)
        arrays.append(array.astype(np.float32) if array.dtype.kind == "V" else array)
    return arrays


def assert_alike(found: list[np.ndarray], expected: list[np.ndarray], tolerance: float) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        if one.dtype.kind in "fc":
            finite = np.abs(other[np.isfinite(other)])
            scale = max(1.0, float(finite.max(initial=0.0)))
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * scale)
        else:
            np.testing.assert_array_equal(one, other)


# Ops

ASKING = (
    *("bincount", "unique(", "nonzero(", "argwhere(", "where(", "ctc_decode(", "pinv", "lstsq("),
    *("gather: mask", "gather: empty mask"),
)
"""How the names of work begin whose results have a shape that depends on values, here or in CuPy."""


def _called(call: Any) -> Callable[[], Any]:
    return lambda: getattr(ops, call.name)(*call.args, **call.kwargs)


OPS = [Work(str(call), _called(call)) for call in CALLS if call.name != "empty_like"]

TYPES = ("bfloat16", "float16", "float64", "int8", "uint8", "int16", "uint32", "int64", "bool")
_UNARY = (
    "abs negative sign square exp log1p sqrt tanh sigmoid relu softmax erf floor round isnan logical_not "
    "sum mean max min prod argmax argsort cumsum any all sort"
).split()
_BINARY = (
    "add subtract multiply divide floor_divide mod power maximum minimum equal less logical_and logical_xor logaddexp "
    "arctan2 matmul"
).split()
_NOT_OF_BOOLS = "negative sign subtract sort".split()


def _numbers(dtype: str) -> tuple[Tensor, Tensor]:
    x = ops.cast(np.array([[1.5, 0.25, 3.0], [2.0, 0.5, 1.0], [0.0, 4.0, 2.5]], np.float32), dtype)
    y = ops.cast(np.array([[2.0, 1.0, 3.0], [1.0, 2.5, 1.0], [3.0, 1.0, 2.0]], np.float32), dtype)
    return x, y


def _of_type(name: str, dtype: str, count: int) -> Work:
    tolerance = {"bfloat16": 1e-2, "float16": 2e-3}.get(dtype, 1e-5)
    return Work(f"{name} of {dtype}", lambda: getattr(ops, name)(*_numbers(dtype)[:count]), tolerance)


OF_TYPES = [
    _of_type(name, dtype, count)
    for count, names in ((1, _UNARY), (2, _BINARY))
    for name in names
    for dtype in TYPES
    if dtype != "bool" or name not in _NOT_OF_BOOLS
]


def _scattered(dtype: str) -> Any:
    x, _ = _numbers(dtype)
    ids = np.array([0, 2, 0], np.int32)
    return [
        ops.scatter_update(x, [[0], [2]], x[:2]),
        ops.segment_sum(x, ids, num_segments=3),
        ops.segment_max(x, ids, num_segments=3),
        ops.take(x, [[2, 0], [1, 1]], axis=0),
        ops.where(x > 1, x, 0),
        x[:, ::-1],
        ops.concatenate([x, x], axis=1),
        ops.take_along_axis(x, [[0, 1, 2]] * 3, axis=1),
    ]


OF_TYPES += [
    Work(f"scatters of {dtype}", lambda dtype=dtype: _scattered(dtype), 1e-2)
    for dtype in TYPES
    if dtype != "bool"
]


# Gradients


def _gradients(case: Any) -> Callable[[], Any]:
    def run() -> Any:
        found, _, value = gradients(case, list(case.arrays))
        return [value, *found]

    return run


GRADIENTS = [
    Work(f"{name}: {case.label}", _gradients(case), 1e-9)
    for name, cases in GRADIENT_CASES.items()
    for case in cases
]

# Random numbers

RANDOM = [
    Work(f"random {name}", run, tolerance)
    for name, run, tolerance in (
        ("uniform", lambda: random.uniform((3, 4)), 0.0),
        ("uniform float64", lambda: random.uniform((3, 4), dtype="float64", seed=3), 0.0),
        ("uniform of 1", lambda: random.uniform((1,), seed=3), 0.0),
        ("uniform of 1023", lambda: random.uniform((33, 31), seed=7), 0.0),
        ("uniform of none", lambda: random.uniform((0, 3), seed=7), 0.0),
        ("normal", lambda: random.normal((30, 40), seed=1), 1e-6),
        ("normal float16", lambda: random.normal((30, 40), dtype="float16", seed=1), 1e-3),
        ("normal bfloat16", lambda: random.normal((30, 40), dtype="bfloat16", seed=1), 1e-2),
        ("truncated_normal", lambda: random.truncated_normal((30, 40), seed=1), 1e-6),
        ("randint", lambda: random.randint((30, 40), 0, 10, seed=1), 0.0),
        ("dropout", lambda: random.dropout(ops.ones((30, 40)), 0.5), 0.0),
        ("categorical", lambda: random.categorical(np.zeros((2, 5), np.float32), 30), 0.0),
        ("shuffle", lambda: random.shuffle(np.arange(100)), 0.0),
        ("gamma", lambda: random.gamma((3,), 2.0), 1e-5),
        ("beta", lambda: random.beta((3,), 2.0, 3.0), 1e-5),
        ("binomial", lambda: random.binomial((3,), 10, 0.5), 1e-5),
        ("a generator", lambda: _stream(), 1e-6),
        (
            "seeds of 64 bits",
            lambda: random.uniform((9,), seed=ops.convert_to_tensor(np.array([5, 2**40]))),
            0.0,
        ),
    )
]


def _stream() -> list:
    generator = random.SeedGenerator(5)
    return [random.normal((3,), seed=generator) for _ in range(3)]


# Layers


def _layer(row: Any) -> Callable[[], Any]:
    def run() -> Any:
        layer = row.make(kerasish)
        row.pass_to(layer, [ops.convert_to_tensor(x) for x in row.inputs])
        layers_table.fill(layer)
        inferred, y, state, found = layers_table.own_results(row, layer, compiled=False)
        return [inferred, y, [s for s in state if s.dtype != np.uint32], found if row.gradients else []]

    return run


# Filling weights reads them, and so does what the table does between two calls.
LAYERS = [Work(f"layer {row.id}", _layer(row), max(row.tolerance, 2e-5), asks=True) for row in ROWS]

# Losses, metrics, optimizers


def _loss(name: str, kwargs: dict, data: tuple) -> Callable[[], Any]:
    def run() -> Any:
        loss = getattr(kerasish.losses, name)(**kwargs)
        y_pred = Tensor(data[1].astype("float32"), requires_grad=True)
        value = loss(data[0], y_pred)
        value.backward()
        return [value, y_pred.grad]

    return run


LOSSES = [Work(f"loss {i}", _loss(*case), 5e-5) for i, case in zip(losses.IDS, losses.CASES, strict=True)]


def _metric(name: str, kwargs: dict, make: Callable) -> Callable[[], Any]:
    batches = metrics._batches(make)

    def run() -> Any:
        metric = getattr(kerasish.metrics, name)(**kwargs)
        for y_true, y_pred in batches:
            metric.update_state(y_true, y_pred)
        result = [metric.result(), *[v.value for v in metric.variables]]
        metric.reset_state()
        return [*result, *[v.value for v in metric.variables]]

    return run


METRICS = [
    Work(f"metric {i}", _metric(*case), 3e-5) for i, case in zip(metrics.IDS, metrics.CASES, strict=True)
]


def _optimizer(case: tuple) -> Callable[[], Any]:
    def run() -> Any:
        optimizer, variables = optimizers.make(kerasish, case), optimizers.make_variables(kerasish)
        optimizers.run(optimizer, variables, 3, 7)
        return [v.value for v in (*variables, *optimizer.variables)]

    return run


OPTIMIZERS = [
    # An accumulated gradient is applied or not, which an eager step has to be told.
    Work(
        f"optimizer {optimizers.case_id(case)}",
        _optimizer(case),
        1e-4,
        asks="gradient_accumulation_steps" in case[1],
    )
    for case in optimizers.CASES
]

# Models


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _trained(
    make: Callable[[], Any], x: Any, y: Any, loss: str, steps: int = 20, **more: Any
) -> Callable[[], Any]:
    """Return what trains a model for some steps and returns its weights, losses and predictions."""

    def run() -> Any:
        kerasish.utils.set_random_seed(1)
        model = make()
        model.compile(kerasish.optimizers.Adam(1e-3), loss, **more)
        kept = model.fit(x, y, batch_size=8, epochs=steps // (len(y) // 8), shuffle=False, verbose=0)
        evaluated = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
        predicted = model.predict(x, batch_size=8, verbose=0)
        return [
            model.get_weights(),
            kept.history["loss"],
            [evaluated[k] for k in sorted(evaluated)],
            predicted,
        ]

    return run


def _dense() -> Any:
    layers = kerasish.layers
    return kerasish.Sequential(
        [
            kerasish.Input((10,)),
            layers.Dense(32, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3, seed=3),
            layers.LayerNormalization(),
            layers.Dense(4, "softmax"),
        ]
    )


def _convolutional() -> Any:
    layers = kerasish.layers
    return kerasish.Sequential(
        [
            kerasish.Input((8, 8, 3)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, padding="same", activation="tanh"),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="gelu"),
            layers.AveragePooling2D(2, padding="same"),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )


def _recurrent() -> Any:
    layers = kerasish.layers
    return kerasish.Sequential(
        [
            kerasish.Input((6,), dtype="int32"),
            layers.Embedding(20, 8, mask_zero=True),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.GRU(5),
            layers.Dense(1, "sigmoid"),
        ]
    )


def _transformer() -> Any:
    layers = kerasish.layers
    inputs = kerasish.Input((6, 8))
    attended = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    x = layers.LayerNormalization()(layers.Add()([inputs, attended]))
    x = layers.GlobalAveragePooling1D()(layers.Dense(8, "gelu")(x))
    return kerasish.Model(inputs, layers.Dense(2)(x))


_CLASSES = _rng().integers(0, 4, 16)
_FEATURES = _rng().normal(size=(16, 10)).astype("float32")
_IMAGES = _rng().normal(size=(16, 8, 8, 3)).astype("float32")
_TOKENS = _rng().integers(0, 20, (16, 6)).astype("int32")
_SEQUENCES = _rng().normal(size=(16, 6, 8)).astype("float32")


def _models(steps: int, eagerly: bool) -> list[Work]:
    classes = kerasish.losses.SparseCategoricalCrossentropy
    return [
        Work(
            f"model {name}{' run eagerly' if eagerly else ''}",
            _trained(make, x, y, loss, steps, metrics=[metric], run_eagerly=eagerly),
            1e-4,
            asks=True,
        )
        for name, make, x, y, loss, metric in (
            ("dense", _dense, _FEATURES, _CLASSES, classes(), "accuracy"),
            ("convolutional", _convolutional, _IMAGES, _CLASSES, classes(from_logits=True), "accuracy"),
            ("recurrent", _recurrent, _TOKENS, _CLASSES % 2, "binary_crossentropy", "AUC"),
            ("transformer", _transformer, _SEQUENCES, _SEQUENCES[:, 0, :2], "mse", "mae"),
        )
    ]


MODELS = [*_models(20, eagerly=True), *_models(20, eagerly=False)]
SHORT_MODELS = _models(2, eagerly=True)

GROUPS = {
    "ops": OPS,
    "types": OF_TYPES,
    "gradients": GRADIENTS,
    "random": RANDOM,
    "layers": LAYERS,
    "losses": LOSSES,
    "metrics": METRICS,
    "optimizers": OPTIMIZERS,
    "models": MODELS,
}
