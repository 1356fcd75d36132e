"""Train random models on a stand-in for a GPU, whose kernels are the generated CUDA C++, and by NumPy, and compare.

    python tools/fuzz_gpu_steps.py --start 1 --minutes 5

Each number is a model: its layers, optimizer, dtype policy, data and sample weights are drawn from it, and a few steps
are run on the same graph and from the same weights, on the stand-in with blocks and threads in their order and the
other way round. All variables of the model, its optimizer and its metrics are compared; those of the two orders bit by
bit, because what differs there depends on who comes first. Needs g++. Exits with 1 if something differed.

Gradients that are zero but for rounding (a bias before a normalization over the batch) are noise, which optimizers that
divide by its size make large, and where two classes are equally likely rounding decides which is counted: such numbers
are looked at with `--only NUMBER`, which prints what differs.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "compiler"), str(ROOT / "tests" / "engine")]

from cuda_stand_in import StandInRuntime  # noqa: E402

import kerasish as keras  # noqa: E402
from kerasish.autograd.abstract import Abstract  # noqa: E402
from kerasish.compiler import passes, trace  # noqa: E402
from kerasish.compiler.executors.cuda import CudaExecutable  # noqa: E402
from kerasish.compiler.executors.cuda.executable import _launches  # noqa: E402
from kerasish.compiler.executors.cuda.program import Program  # noqa: E402
from kerasish.compiler.executors.numpy import NumpyExecutable  # noqa: E402
from kerasish.compiler.loops import compile_loops  # noqa: E402

layers, optimizers = keras.layers, keras.optimizers
STEPS = 4
AT_ONCE = 5
"""Models whose kernels are compiled together: starting the compiler takes longer than any of them."""
TOLERANCES = {"float64": 1e-5, "float32": 5e-3, "mixed_float16": 0.1, "mixed_bfloat16": 0.25}


class Case(NamedTuple):
    """A training step, ready to run.

    Attributes:
        number: What it was drawn from.
        policy: Its dtype policy.
        graph: Its graph.
        arrays: A batch.
        variables: All that it reads and changes.
    """

    number: int
    policy: str
    graph: Any
    arrays: list[np.ndarray]
    variables: list[Any]


def draw(number: int) -> Case:
    """Make the case of a number."""
    draws = random.Random(number)
    keras.utils.set_random_seed(number)
    policy = draws.choice(["float32"] * 5 + ["float64", "mixed_float16", "mixed_bfloat16"])
    keras.config.set_floatx("float64" if policy == "float64" else "float32")
    keras.config.set_dtype_policy(policy)
    inputs, hidden = draws.choice(FAMILIES)(draws)
    if draws.random() < 0.5:
        hidden = _unit(draws, draws.choice([4, 16]))(hidden)
    classes = draws.choice([2, 3, 7, 10, 40])
    last = keras.config.floatx()
    model = keras.Model(inputs, layers.Dense(classes, activation="softmax", dtype=last)(hidden))
    metrics = draws.choice([None, ["accuracy"], ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)]])
    model.compile(_optimizer(draws), "sparse_categorical_crossentropy", metrics=metrics)

    batch = draws.choice([1, 2, 3, 5, 8, 16, 32, 33, 70, 256])
    values = np.random.default_rng(number)
    shape = (batch, *inputs.shape[1:])
    x = values.standard_normal(shape).astype(last)
    if inputs.dtype == "int32":
        x = values.integers(0, 20, shape).astype("int32")
    arrays = [x, values.integers(0, classes, batch)]
    if draws.random() < 0.3:
        arrays.append(values.random(batch).astype(last))
    model.compute_metrics(x, arrays[1], np.ones((batch, classes)))  # which makes the metrics' variables
    model.reset_metrics()
    model.optimizer.build(model.trainable_variables)
    step = model._step_function("train")
    graph = passes.optimize(
        trace(lambda *batch: step(batch), [Abstract(a.shape, a.dtype) for a in arrays])[0]
    )
    found = [variable for variable, _ in graph.updates] + [value.data for value in graph.states]
    return Case(number, policy, graph, arrays, list({id(v): v for v in found}.values()))


def _unit(draws: random.Random, units: int) -> Any:
    return layers.Dense(
        units,
        activation=draws.choice(["relu", "tanh", "gelu", "silu", "softmax", None]),
        use_bias=draws.random() < 0.8,
        kernel_regularizer=draws.choice([None, None, "l2"]),
    )


def _between(draws: random.Random) -> Any:
    return draws.choice(
        [
            layers.LayerNormalization,
            layers.BatchNormalization,
            lambda: layers.GroupNormalization(1),
            layers.UnitNormalization,
            lambda: layers.Dropout(0.3),
            lambda: layers.GaussianNoise(0.1),
            lambda: _unit(draws, draws.choice([1, 4, 16, 31, 128])),
        ]
    )()


def _dense(draws: random.Random) -> tuple[Any, Any]:
    inputs = layers.Input((draws.choice([1, 3, 17, 64, 128, 784]),))
    x = _unit(draws, draws.choice([5, 16, 33, 64, 200]))(inputs)
    for _ in range(draws.randint(1, 3)):
        x = _between(draws)(x)
    return inputs, x


def _convolution(draws: random.Random) -> tuple[Any, Any]:
    side = draws.choice([4, 5, 8])
    inputs = layers.Input((side, side, draws.choice([1, 3, 4])))
    padding, activation = draws.choice(["same", "valid"]), draws.choice(["relu", None])
    x = layers.Conv2D(draws.choice([4, 6, 8]), 3, padding=padding, activation=activation)(inputs)
    x = draws.choice([layers.BatchNormalization, lambda: layers.GroupNormalization(2)])()(x)
    return inputs, layers.Flatten()(draws.choice([layers.MaxPooling2D, layers.AveragePooling2D])(2)(x))


def _pixels(draws: random.Random) -> tuple[Any, Any]:
    side = draws.choice([6, 7, 9])
    inputs = layers.Input((side, side, draws.choice([1, 2, 4])))
    x: Any = inputs
    for _ in range(draws.randint(1, 3)):
        x = _of_pixels(draws)(x) if min(x.shape[1:3]) > 2 else x
    return inputs, draws.choice([layers.Flatten, layers.GlobalMaxPooling2D])()(x)


def _of_pixels(draws: random.Random) -> Any:
    filters, strides = draws.choice([2, 4, 5]), draws.choice([1, 2])
    return draws.choice(
        [
            lambda: layers.Conv2D(filters, draws.choice([1, 2, 3]), strides=strides, padding="same"),
            lambda: layers.Conv2DTranspose(filters, 3, strides=strides, padding="same"),
            lambda: layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            lambda: layers.SeparableConv2D(filters, 3, padding="same"),
            lambda: layers.Conv2D(filters, 3, dilation_rate=2, padding="same"),
            lambda: layers.UpSampling2D(2, interpolation=draws.choice(["nearest", "bilinear"])),
            lambda: layers.ZeroPadding2D(((1, 0), (2, 1))),
            lambda: layers.Cropping2D(1),
            lambda: layers.AveragePooling2D(2, padding="same"),
            lambda: layers.MaxPooling2D(3, strides=2, padding="same"),
            layers.LayerNormalization,
            lambda: layers.SpatialDropout2D(0.3),
        ]
    )()


def _branches(draws: random.Random) -> tuple[Any, Any]:
    width = draws.choice([4, 6, 16])
    inputs = layers.Input((width,))
    sides = [_unit(draws, draws.choice([4, 8]))(inputs) for _ in range(2)]
    sides += [inputs[:, : width // 2], keras.ops.flip(inputs, 1) * 2]
    x = layers.Concatenate()([draws.choice(sides) for _ in range(draws.randint(2, 4))])
    y = layers.Dense(x.shape[-1], "tanh")(x)
    join = draws.choice([layers.Add, layers.Multiply, layers.Maximum, layers.Average, layers.Subtract])
    return inputs, _between(draws)(join()([x, y]))


def _sequences(draws: random.Random) -> tuple[Any, Any]:
    inputs = layers.Input((draws.choice([4, 7]), draws.choice([3, 4, 8])))
    kinds = [
        lambda: layers.Conv1D(draws.choice([3, 8]), 3, padding="causal"),
        lambda: layers.TimeDistributed(layers.Dense(5, "relu")),
        lambda: layers.LSTM(4, return_sequences=True, go_backwards=draws.random() < 0.5),
        lambda: layers.GRU(8, return_sequences=True, reset_after=draws.random() < 0.5),
        lambda: layers.SimpleRNN(3, return_sequences=True),
        lambda: layers.Permute((2, 1)),
        lambda: layers.BatchNormalization(),
    ]
    x: Any = inputs
    for _ in range(draws.randint(1, 3)):
        x = draws.choice(kinds)()(x)
    return inputs, draws.choice([layers.Flatten, layers.GlobalMaxPooling1D])()(x)


def _recurrent(draws: random.Random) -> tuple[Any, Any]:
    inputs = layers.Input((draws.choice([1, 3, 5]), draws.choice([3, 8, 17])))
    kind = draws.choice([layers.LSTM, layers.GRU, layers.SimpleRNN])
    layer = kind(draws.choice([4, 7, 16]))
    return inputs, (layers.Bidirectional(layer) if draws.random() < 0.3 else layer)(inputs)


def _embedding(draws: random.Random) -> tuple[Any, Any]:
    inputs = layers.Input((draws.choice([2, 5]),), dtype="int32")
    x = layers.Embedding(20, draws.choice([4, 8, 9]), mask_zero=True)(inputs)
    return inputs, draws.choice([lambda: layers.GRU(5), layers.GlobalAveragePooling1D])()(x)


def _attention(draws: random.Random) -> tuple[Any, Any]:
    inputs = layers.Input((draws.choice([2, 3, 7]), draws.choice([4, 8, 12])))
    attention = layers.MultiHeadAttention(draws.choice([1, 2]), draws.choice([3, 4]))
    x = attention(inputs, inputs, use_causal_mask=draws.random() < 0.5)
    x = layers.LayerNormalization()(x + inputs)
    return inputs, draws.choice([layers.GlobalAveragePooling1D, layers.Flatten])()(x)


FAMILIES = [
    _dense,
    _convolution,
    _pixels,
    _branches,
    _sequences,
    _recurrent,
    _embedding,
    _attention,
]


def _optimizer(draws: random.Random) -> Any:
    options: dict[str, Any] = {}
    if draws.random() < 0.25:
        options.update(use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=draws.choice([None, 2]))
    if draws.random() < 0.2:
        options["gradient_accumulation_steps"] = draws.choice([2, 3])
    if draws.random() < 0.4:
        options[draws.choice(["clipnorm", "global_clipnorm", "clipvalue"])] = 0.5
    if draws.random() < 0.2:
        options["weight_decay"] = 0.01
    kind = draws.choice(["Adam", "SGD", "RMSprop", "Nadam", "Adamax", "AdamW", "Adagrad"])
    if kind == "SGD":
        options.update(momentum=draws.choice([0.0, 0.9]), nesterov=draws.random() < 0.5)
    else:
        options["epsilon"] = 0.05  # rounding of gradients that should be zero is not made large
    rate = draws.choice([1e-2, optimizers.schedules.CosineDecay(1e-2, 10)])
    return getattr(optimizers, kind)(rate, **options)


def after_steps(case: Case, executable: Any) -> list[np.ndarray]:
    """Return the variables after some steps, and give them back the values that they had."""
    before = [np.array(v._array) for v in case.variables]
    for _ in range(STEPS):
        executable([a.copy() for a in case.arrays])
    found = [np.array(v._array) for v in case.variables]
    for variable, value in zip(case.variables, before, strict=True):
        variable._array = value
    return found


def differences(case: Case, runtime: type[StandInRuntime]) -> Iterator[str]:
    """Yield what differs between NumPy and the stand-in, and between its two orders."""
    wanted = after_steps(case, NumpyExecutable(compile_loops(case.graph, False)))
    orders = []
    for reverse in (False, True):
        stand_in = runtime()
        stand_in.reverse = reverse
        orders.append(after_steps(case, CudaExecutable(case.graph, stand_in)))
    for variable, one, other, right in zip(case.variables, *orders, wanted, strict=True):
        if one.tobytes() != other.tobytes():
            yield f"{variable.path}: depends on the order of blocks or threads"
        x, y = one.astype("float64"), right.astype("float64")
        finite = np.isfinite(y)
        if (np.isfinite(x) != finite).any():
            yield f"{variable.path}: other numbers are finite"
        elif finite.any():
            error = np.abs(x - y)[finite].max() / (np.abs(y[finite]).max() + 1e-2)
            if error > TOLERANCES[case.policy]:
                yield f"{variable.path} {one.shape}: {error:.2g} of the largest"


def check(numbers: list[int]) -> int:
    """Compare the cases of some numbers, print what differs, and return in how many something did."""
    cases = [draw(number) for number in numbers]
    launches = {step.source: step for case in cases for step in _launches(Program(case.graph))}
    functions = dict(zip(launches, StandInRuntime().compile(list(launches.values())), strict=True))

    class Compiled(StandInRuntime):
        def compile(self, steps: Any) -> list[Any]:
            return [functions[step.source] for step in steps]

    bad = 0
    for case in cases:
        found = list(differences(case, Compiled))
        if found:
            bad += 1
            print(f"{case.number} ({case.policy}): {'; '.join(found)}", flush=True)
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--start", type=int, default=1, help="the first number")
    parser.add_argument("--minutes", type=float, default=1, help="for how long to go on")
    parser.add_argument("--only", type=int, help="one number")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    if given.only is not None:
        return int(check([given.only]) > 0)
    end, number, bad = time.monotonic() + 60 * given.minutes, given.start, 0
    while time.monotonic() < end:
        bad += check(list(range(number, number + AT_ONCE)))
        number += AT_ONCE
    print(f"numbers {given.start} to {number - 1}: something differs in {bad}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
