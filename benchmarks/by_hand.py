"""The MNIST network in a compiled `fit` beside the same network by hand: NumPy alone, and fused by Numba.

    python benchmarks/by_hand.py [--rounds 5]

Each round starts a process for `workloads.py kerasish mlp` and one for the yardstick, in an order that alternates, and
takes the best epoch of each. Without the extra `jit` (`KERASISH_JIT=0`) kerasish stands beside `yardstick_numpy.py`,
with it beside `yardstick_fused.py`, where Numba is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from pairs import median_ratio

ROOT = Path(__file__).resolve().parent.parent
STEPS = 1875


def output_of(*command: str, jit: bool = True) -> str:
    """Run a script of this folder and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if not jit:
        environment["KERASISH_JIT"] = "0"
    script = ROOT / "benchmarks" / command[0]
    done = subprocess.run(
        [sys.executable, str(script), *command[1:]],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout


def ours(jit: bool) -> float:
    """Return the seconds of the best epoch of `fit`."""
    return json.loads(output_of("workloads.py", "kerasish", "mlp", jit=jit))["step_ms"] * STEPS / 1e3


def by_hand(script: str) -> float:
    """Return the seconds of the best epoch of a yardstick after the first."""
    seconds = re.findall(r"epoch \d+: ([\d.]+) s", output_of(script, str(ROOT / "datasets" / "mnist.npz")))
    return min(map(float, seconds[1:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="pairs of each comparison")
    rounds = parser.parse_args().rounds
    print("| the MNIST network, an epoch | kerasish | by hand | ratio (smallest to largest) |")
    print("| --- | --- | --- | --- |")
    comparisons = [(False, "yardstick_numpy.py")]
    if find_spec("numba") is not None:
        comparisons.append((True, "yardstick_fused.py"))
    for jit, script in comparisons:
        mine, other, ratio, ratios = median_ratio(lambda: ours(jit), lambda: by_hand(script), rounds)  # noqa: B023
        print(
            f"| {'with' if jit else 'without'} `jit`, {script} | {mine:.2f} s | {other:.2f} s | "
            f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
