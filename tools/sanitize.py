"""Run compiled work on the GPU under NVIDIA's compute-sanitizer; exit with 1 if it finds anything.

    python tools/sanitize.py [--tools memcheck racecheck initcheck synccheck] [--only NAME ...] [--pool]
                             [--kernels PART_OF_NAME ...]

Each work runs in a process of its own under each tool: a few compiled training steps of small models, reductions and
elementwise chains of awkward shapes. All kernels are looked at, libraries' too, unless `--kernels` gives parts of the
names of those that count. The kernels in which something was found are listed with how often.

CuPy's memory pool hands out pieces of large blocks, and a write past the end of one lands in another without being
noticed; so each array is allocated by itself, unless `--pool`. `--bare` runs the work without the sanitizer.
"""

from __future__ import annotations

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
FOUND = 9
"""The exit status that the sanitizer is told to end with where it found something."""

SMALL = ("mlp", "cnn", "reductions", "elementwise")
"""Work small enough for the slower tools."""

STEPS = 3


def _fit(
    model: Any, x: Any, y: Any, loss: str, batch: int, optimizer: str = "adam", **arguments: Any
) -> None:
    import numpy as np

    model.compile(optimizer, loss, metrics=["accuracy"] if loss.endswith("crossentropy") else None)
    history = model.fit(x, y, batch_size=batch, epochs=2, verbose=0, **arguments)
    model.evaluate(x, y, batch_size=batch, verbose=0)
    model.predict(x, batch_size=batch, verbose=0)
    assert np.isfinite(history.history["loss"]).all(), history.history


def mlp(keras: Any, random: Any) -> None:
    """The MNIST network, whose last batch is smaller and whose sizes no power of two divides."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(129, activation="relu"),
            layers.Dropout(0.2),
            layers.BatchNormalization(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    x, y = random.random((32 * STEPS + 7, 28, 28), "float32"), random.integers(0, 10, 32 * STEPS + 7)
    _fit(model, x, y, "sparse_categorical_crossentropy", 32)


def bfloat16(keras: Any, random: Any) -> None:
    """A mixed-precision network."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((72,)),
            layers.Dense(136, activation="gelu"),
            layers.LayerNormalization(),
            layers.Dense(40, activation="softmax"),
        ]
    )
    x, y = random.random((24 * STEPS + 5, 72), "float32"), random.integers(0, 40, 24 * STEPS + 5)
    _fit(model, x, y, "sparse_categorical_crossentropy", 24)


def cnn(keras: Any, random: Any) -> None:
    """Convolutions and pooling with strides, padding, groups and dilation."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((19, 17, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(12, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.Conv2D(6, 2, dilation_rate=2, padding="same", activation="tanh"),
            layers.Conv2DTranspose(5, 3, strides=2, padding="same"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(7, activation="softmax"),
        ]
    )
    x, y = random.random((8 * STEPS + 3, 19, 17, 3), "float32"), random.integers(0, 7, 8 * STEPS + 3)
    _fit(model, x, y, "sparse_categorical_crossentropy", 8)


def lstm(keras: Any, random: Any) -> None:
    """Recurrent layers on an embedding with a mask."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((11,), dtype="int32"),
            layers.Embedding(53, 12, mask_zero=True),
            layers.Bidirectional(layers.LSTM(9, return_sequences=True)),
            layers.GRU(10),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    x, y = random.integers(0, 53, (6 * STEPS + 1, 11)), random.integers(0, 2, 6 * STEPS + 1)
    _fit(model, x, y, "binary_crossentropy", 6)


def transformer(keras: Any, random: Any) -> None:
    """Attention with a causal mask, layer normalization, AdamW."""
    layers = keras.layers
    tokens = layers.Input((13,), dtype="int32")
    h = layers.Embedding(37, 24)(tokens)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(3, 8)(h, h, use_causal_mask=True))
    h = layers.LayerNormalization()(h + layers.Dense(24)(layers.Dense(50, activation="gelu")(h)))
    h = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(h))
    model = keras.Model(tokens, layers.Dense(5, activation="softmax")(h))
    x, y = random.integers(0, 37, (6 * STEPS + 5, 13)), random.integers(0, 5, 6 * STEPS + 5)
    _fit(model, x, y, "sparse_categorical_crossentropy", 6, "adamw")


SHAPES = ((1,), (7,), (1025,), (3, 5), (33, 1), (1, 4099), (65, 129), (4, 3, 31), (2, 5, 7, 9), (257, 2, 3))


def reductions(keras: Any, random: Any) -> None:
    """Every reduction along every axis of arrays of many shapes, compared with NumPy's."""
    import numpy as np

    ops = keras.ops

    def work(x: Any) -> list[Any]:
        found = []
        for axis in (None, *range(len(x.shape))):
            found += [ops.sum(x, axis), ops.max(x, axis), ops.mean(x, axis), ops.var(x, axis)]
            found += [ops.argmax(x, axis), ops.prod(x, axis), ops.logsumexp(x, axis)]
        return [*found, ops.softmax(x * 3.0), ops.log_softmax(x), ops.cumsum(x, axis=-1)]

    for shape in SHAPES:
        x = random.uniform(0.5, 1.5, shape).astype("float32")
        found = keras.function(work)(keras.ops.convert_to_tensor(x))
        total = keras.ops.convert_to_numpy(found[0])
        np.testing.assert_allclose(total, x.sum(dtype="float64"), rtol=1e-5)


def elementwise(keras: Any, random: Any) -> None:
    """Fused chains with broadcasting, views and several types, compared with NumPy's."""
    import numpy as np

    ops = keras.ops

    def work(x: Any, row: Any) -> list[Any]:
        y = ops.tanh(x * 2.0 + row)
        parts = [y, ops.where(y > 0, x, row), ops.transpose(y), ops.cast(y, "bfloat16"), ops.flip(y, -1)]
        return [
            *parts,
            ops.concatenate([y, x], -1),
            ops.pad(y, [[0, 0]] * (len(x.shape) - 1) + [[1, 2]]),
            y[..., ::2],
        ]

    for shape in SHAPES:
        x, row = random.standard_normal(shape, "float32"), random.standard_normal(shape[-1:], "float32")
        found = keras.function(work)(*map(keras.ops.convert_to_tensor, (x, row)))
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(found[0]), np.tanh(x * 2 + row), rtol=1e-4, atol=1e-6
        )


def random_numbers(keras: Any, random: Any) -> None:
    """Random numbers, gathers and scatters, odd in number."""
    ops, seed = keras.ops, keras.random.SeedGenerator(3)

    def work(x: Any, rows: Any) -> list[Any]:
        taken = ops.take(x, rows, axis=0)
        added = ops.segment_sum(taken, rows, num_segments=19)
        return [added, keras.random.normal((3, 101), seed=seed), keras.random.uniform((1023,), seed=seed)]

    x, rows = random.standard_normal((19, 5), "float32"), random.integers(0, 19, 43)
    for _ in range(2):
        keras.function(work)(*map(ops.convert_to_tensor, (x, rows)))


WORKS: dict[str, Callable[[Any, Any], None]] = {
    work.__name__: work
    for work in (elementwise, reductions, random_numbers, mlp, bfloat16, cnn, lstm, transformer)
}


def run(name: str, pool: bool) -> None:
    """Do one work in this process."""
    import numpy as np

    if not pool:
        try:
            import cupy
        except ImportError:
            pass
        else:
            cupy.cuda.set_allocator(None)
    import kerasish as keras

    keras.utils.set_random_seed(0)
    where = getattr(keras.ops.ones((1,)), "device", "")
    began = time.perf_counter()
    WORKS[name](keras, np.random.default_rng(0))
    print(f"{name} on {where}: {time.perf_counter() - began:.1f} s", flush=True)


def command(tool: str, name: str, pool: bool, kernels: list[str]) -> list[str]:
    """Return what runs one work under one tool."""
    sanitizer = ["compute-sanitizer", "--tool", tool, "--error-exitcode", str(FOUND)]
    sanitizer += ["--target-processes", "all", "--print-limit", "10"]
    for part in kernels:
        sanitizer += ["--kernel-name", f"kns={part}"]
    python = [sys.executable, str(Path(__file__).resolve()), "--run", name]
    return [*sanitizer, *python, *(["--pool"] if pool else [])]


def check(tool: str, name: str, arguments: argparse.Namespace) -> bool:
    """Run one work under one tool; print a line, and what was found, and return whether all is well."""
    began = time.perf_counter()
    line = command(tool, name, arguments.pool, arguments.kernels)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    try:
        done = subprocess.run(
            line, capture_output=True, text=True, env=environment, timeout=arguments.timeout, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"{tool} {name}: not done in {arguments.timeout:.0f} s", flush=True)
        return False
    printed = done.stdout + done.stderr
    summary = re.findall(r"=+ ((?:ERROR|RACECHECK) SUMMARY: .*)", printed)
    clean = done.returncode == 0 and bool(summary)
    verdict = "nothing found" if clean else "FOUND" if done.returncode == FOUND else "FAILED"
    seconds = time.perf_counter() - began
    print(f"{tool} {name}: {verdict} ({'; '.join(summary) or done.returncode}, {seconds:.0f} s)", flush=True)
    if not clean:
        for kernel, times in collections.Counter(
            re.findall(r"(?:at|in|kernel) (\w+)(?:\(|<|\+0x)", printed)
        ).most_common(8):
            print(f"    {times} x {kernel}", flush=True)
        print("    " + "\n    ".join(printed.strip().splitlines()[-arguments.lines :]), flush=True)
    return clean


def main() -> int:
    """Check all that is asked for; 1 if something is found or does not run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--only", nargs="+", choices=list(WORKS))
    parser.add_argument("--pool", action="store_true", help="with CuPy's memory pool")
    parser.add_argument(
        "--kernels", nargs="+", default=[], help="parts of the names of the kernels that count"
    )
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one work under one tool")
    parser.add_argument("--jobs", type=int, default=4, help="works at a time")
    parser.add_argument("--lines", type=int, default=40, help="how much to print of what was found")
    parser.add_argument("--bare", action="store_true", help="without the sanitizer")
    parser.add_argument("--run", choices=list(WORKS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(arguments.run, arguments.pool)
        return 0
    names = arguments.only or list(WORKS)
    if arguments.bare:
        for name in names:
            run(name, arguments.pool)
        return 0
    if shutil.which("compute-sanitizer") is None:
        parser.error(
            "compute-sanitizer is not on the PATH; it comes with the CUDA toolkit, in its bin folder"
        )
    from concurrent.futures import ThreadPoolExecutor

    pairs = [
        (tool, name)
        for tool in arguments.tools
        for name in names
        if tool == "memcheck" or name in SMALL or arguments.only
    ]
    with ThreadPoolExecutor(arguments.jobs) as workers:
        well = list(workers.map(lambda pair: check(*pair, arguments), pairs))
    print(f"{sum(well)} of {len(well)} runs found nothing")
    return int(not all(well))


if __name__ == "__main__":
    sys.exit(main())
