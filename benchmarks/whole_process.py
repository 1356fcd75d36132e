"""What is paid once a process: program 2 of the examples as a whole, and compiling before the second epoch.

    python benchmarks/whole_process.py [ROUNDS]

Prints the time and peak memory of program 2 (five epochs of MNIST with validation) in a process of its own, and the
ratio to the same program on Keras with JAX, if that is installed; how much longer the first epoch of the MNIST network
takes than a later one, with an empty and with a warm cache of compiled kernels; and a call of that network, compiled
with `kerasish.function`, on one sample.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pairs import median_ratio, report

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "examples" / "programs" / "2_mnist.py"
STEPS = 1875
DATA = ROOT / "datasets" / "mnist.npz"
FOR_KERAS = {
    "import kerasish.compat.tensorflow as tf": "import keras, numpy",
    "from kerasish.compat.tensorflow.keras import models": "from keras import models",
    "from kerasish.compat.tensorflow.keras.layers": "from keras.layers",
    # Keras would download the file again if it is not the very same bytes.
    "tf.keras.datasets.mnist.load_data()": f"""(lambda file: (
    (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])
))(numpy.load({str(DATA)!r}))""",
    "tf.keras.": "keras.",
}


def environment(folder: str) -> dict[str, str]:
    """Return where both sides find the data and what they compile, apart from the user's own folders."""
    return {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "KERAS_HOME": folder,
        "KERASISH_CACHE_DIR": str(Path(folder) / "kernels"),
        "PYTHONPATH": str(ROOT),
    }


def run(program: Path, folder: str) -> tuple[float, float]:
    """Run a program to its end; return its seconds and its peak memory in MB."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.DEVNULL, cwd=folder, env=environment(folder)
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{program} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def compare_programs(folder: str, rounds: int) -> None:
    text = PROGRAM.read_text()
    for ours, theirs in FOR_KERAS.items():
        text = text.replace(ours, theirs)
    other = Path(folder) / "program_for_keras.py"
    other.write_text(text)
    seconds, _ = run(PROGRAM, folder)
    print(f"program 2, nothing compiled before: {seconds:.2f} s")
    if importlib.util.find_spec("keras") is None or importlib.util.find_spec("jax") is None:
        runs = [run(PROGRAM, folder) for _ in range(rounds)]
        seconds, memory = (statistics.median(figures) for figures in zip(*runs, strict=True))
        print(f"program 2: {seconds:.2f} s, peak {memory:.0f} MB")
        return
    memory_of: dict[Path, list[float]] = {PROGRAM: [], other: []}

    def measure(program: Path) -> float:
        seconds, memory = run(program, folder)
        memory_of[program].append(memory)
        return seconds

    report(
        "program 2",
        "s",
        1,
        "Keras on JAX",
        median_ratio(lambda: measure(PROGRAM), lambda: measure(other), rounds),
    )
    ours, theirs = (statistics.median(memory_of[program]) for program in (PROGRAM, other))
    print(f"program 2, peak: kerasish {ours:.0f} MB, Keras on JAX {theirs:.0f} MB, ratio {ours / theirs:.2f}")


def cost_of_first_epoch() -> tuple[float, float]:
    """Return how many seconds longer the first epoch takes, with an empty cache and then with a warm one."""
    extra = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            command = [sys.executable, str(ROOT / "benchmarks" / "workloads.py"), "kerasish", "mlp"]
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env=environment(folder)
            )
            found = json.loads(done.stdout.splitlines()[-1])
            extra.append(found["first_epoch_s"] - found["step_ms"] * STEPS / 1e3)
    return extra[0], extra[1]


def call_on_one_sample() -> float:
    """Return the seconds of one call of the compiled MNIST network on one sample."""
    import numpy as np

    import kerasish as keras

    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    predict, x = keras.function(model), np.ones((1, 28, 28), "float32")
    for _ in range(200):
        predict(x)
    start = time.perf_counter()
    for _ in range(2000):
        predict(x)
    return (time.perf_counter() - start) / 2000


def main(rounds: int) -> None:
    calls = [call_on_one_sample() for _ in range(5)]
    print(f"compiled call on one sample: {statistics.median(calls) * 1e3:.4f} ms")
    extra = [cost_of_first_epoch() for _ in range(rounds)]
    for name, figures in zip(("empty", "warm"), zip(*extra, strict=True), strict=True):
        print(
            f"first epoch less a later one, {name} cache: {statistics.median(figures):.2f} s "
            f"({min(figures):.2f} to {max(figures):.2f})"
        )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "datasets").mkdir()
        (Path(folder) / "datasets" / "mnist.npz").symlink_to(DATA)
        compare_programs(folder, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
