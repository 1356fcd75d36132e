"""What the number of steps of a recurrent layer costs: compiling, memory, and time a step.

    python benchmarks/recurrent_steps.py [STEPS ...]

For each number of steps (5, 50, 500 and 2000 if none are given), in a process of its own: seconds of the first training
batch less a later one (tracing and compiling, nothing compiled before), the process's peak memory, how much of that is
data (the batch, and what training has to keep of each time step), and the time of a later batch a time step.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNITS, BATCH, FEATURES = 32, 16, 8


def measure(steps: int) -> dict[str, float]:
    """Train an LSTM over so many steps in this process."""
    import numpy as np

    import kerasish as keras

    rng = np.random.default_rng(0)
    x, y = rng.random((BATCH, steps, FEATURES), dtype="float32"), rng.random((BATCH, 1), dtype="float32")
    layers = keras.layers
    model = keras.Sequential([layers.Input((steps, FEATURES)), layers.LSTM(UNITS), layers.Dense(1)])
    model.compile("adam", "mse")
    seconds = []
    for _ in range(12):
        start = time.perf_counter()
        model.train_on_batch(x, y)
        seconds.append(time.perf_counter() - start)
    later = min(seconds[2:])
    return {
        "compile_s": seconds[0] - later,
        "step_us": later / steps * 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "data_mb": (x.nbytes + 16 * UNITS * BATCH * 4 * steps) / 2**20,
    }


def main(counts: list[int]) -> None:
    print("| steps | compiling, s | peak memory, MB | of it data, MB | a time step, us |")
    print("| --- | --- | --- | --- | --- |")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, __file__, "--one", str(count)],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "KERASISH_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)},
            )
        found = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {count} | {found['compile_s']:.2f} | {found['peak_mb']:.0f} | {found['data_mb']:.1f} | "
            f"{found['step_us']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main([int(n) for n in sys.argv[1:]] or [5, 50, 500, 2000])
