"""What starting costs, in fresh processes: importing, and loading a small model to predict with it once.

    python benchmarks/startup.py [ROUNDS]

Prints the ratio of `import kerasish` to `import numpy` (both measured inside a fresh process, in turn), the same with
the namespaces loaded that a model needs (they load at first use), and the time and peak memory of import, `load_model`
and one `predict` together. If Keras is installed, the last also with Keras on JAX.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pairs import median_ratio, report

IMPORT = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""
USE = "import kerasish; kerasish.Sequential, kerasish.layers.Dense, kerasish.optimizers.Adam, kerasish.losses.get"
PREDICT = """
import time
start = time.perf_counter()
import {module} as keras
model = keras.models.load_model({path!r})
import numpy
model.predict(numpy.zeros((1, 28, 28), "float32"), verbose=0)
seconds = time.perf_counter() - start
peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print(seconds, peak)
"""
ROOT = Path(__file__).resolve().parent.parent


def fresh(code: str) -> list[float]:
    """Run `code` in a fresh interpreter, with compiled bytecode as an installation has it; return what it prints."""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return [float(number) for number in done.stdout.split()]


def save_small_model(path: str) -> None:
    import kerasish as keras

    model = keras.Sequential(
        [
            keras.layers.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.save(path)


def main(rounds: int) -> None:
    numpy = IMPORT.format(statement="import numpy")
    for name, statement in (("import", "import kerasish"), ("import, and load what a model needs", USE)):
        ours = IMPORT.format(statement=statement)
        fresh(ours), fresh(numpy)  # compiled bytecode and the file cache are warm for both sides
        pairs = median_ratio(lambda ours=ours: fresh(ours)[0], lambda: fresh(numpy)[0], rounds)
        report(name, "ms", 1e3, "import numpy", pairs)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "small.keras")
        save_small_model(path)
        for module in ("kerasish", "keras"):
            if importlib.util.find_spec(module) is None:
                continue
            code = PREDICT.format(module=module, path=path)
            fresh(code)
            runs = [fresh(code) for _ in range(rounds if module == "kerasish" else 3)]
            seconds, kilobytes = (statistics.median(figures) for figures in zip(*runs, strict=True))
            print(
                f"{module}: import, load_model, one predict: {seconds:.3f} s, peak {kilobytes / 1024:.0f} MB"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
