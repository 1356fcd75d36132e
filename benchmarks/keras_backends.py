"""The same models on kerasish and on Keras's backends, a process each, in turn.

    python benchmarks/keras_backends.py [--workloads mlp cnn linreg] [--backends jax tensorflow torch] [--rounds 5]
        [--pythons tensorflow=/somewhere/bin/python ...]

Each round runs every side once, in an order that rotates; a figure is the median over the rounds, a ratio the median
of each round's kerasish figure over the best backend's of that round, and the smallest and the largest of these.
Backends that are not installed are left out; one that lives in an environment of its own is named with its Python.
Prints a table in Markdown, and each run's figures as they come to the standard error output.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEASURES = ("step_ms", "predict_1_ms", "first_epoch_s", "import_s", "peak_mb")
LABELS = {
    "step_ms": "a training step, ms",
    "predict_1_ms": "predict on one sample, ms",
    "first_epoch_s": "first epoch, s",
    "import_s": "import, s",
    "peak_mb": "peak memory, MB",
}


def measure(side: str, workload: str, epochs: int, python: str) -> dict:
    """Run one workload on one side in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    command = [python, str(HERE / "workloads.py"), side, workload, "--epochs", str(epochs)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(result.stdout.strip().splitlines()[-1])


def is_installed(backend: str, python: str) -> bool:
    """Tell whether a Python has Keras and a backend."""
    look = (
        f"from importlib.util import find_spec as f; raise SystemExit(None in (f('keras'), f({backend!r})))"
    )
    return subprocess.run([python, "-c", look], check=False).returncode == 0


def compare(
    workload: str, sides: list[str], rounds: int, epochs: int, pythons: dict[str, str]
) -> dict[str, dict[str, list[float]]]:
    """Return each side's figures of all rounds by measure."""
    figures: dict[str, dict[str, list[float]]] = {side: {m: [] for m in MEASURES} for side in sides}
    for number in range(rounds):
        for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
            found = measure(side, workload, epochs, pythons.get(side, sys.executable))
            print(json.dumps({"round": number + 1, **found}), file=sys.stderr, flush=True)
            for name in MEASURES:
                figures[side][name].append(found[name])
    return figures


def rows(workload: str, figures: dict[str, dict[str, list[float]]]) -> list[str]:
    """Return the table's rows for one workload."""
    backends = [side for side in figures if side != "kerasish"]
    lines = []
    for name in MEASURES:
        ours = figures["kerasish"][name]
        cells = [f"{statistics.median(ours):.4g}"]
        cells += [f"{statistics.median(figures[side][name]):.4g}" for side in backends]
        best = [min(figures[side][name][i] for side in backends) for i in range(len(ours))]
        ratios = sorted(a / b for a, b in zip(ours, best, strict=True))
        cells.append(f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
        lines.append(f"| {workload}: {LABELS[name]} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workloads", nargs="+", default=["mlp", "cnn", "linreg"])
    parser.add_argument("--backends", nargs="+", default=["jax", "tensorflow", "torch"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--pythons", nargs="*", default=[], metavar="SIDE=PYTHON")
    args = parser.parse_args()
    if not all("=" in text for text in args.pythons):
        parser.error(f"--pythons takes a side and its Python as SIDE=PYTHON. Received: {args.pythons}")
    pythons = dict(text.split("=", 1) for text in args.pythons)
    backends = [name for name in args.backends if is_installed(name, pythons.get(name, sys.executable))]
    if not backends:
        parser.error(
            f"none of the backends {args.backends} is installed; install Keras and one of them first"
        )
    columns = ["work: measure", "kerasish", *(f"Keras on {b}" for b in backends)]
    print(f"| {' | '.join(columns)} | ratio to the best (smallest to largest) |")
    print("| --- |" + " --- |" * (len(backends) + 2))
    for workload in args.workloads:
        figures = compare(workload, ["kerasish", *backends], args.rounds, args.epochs, pythons)
        for line in rows(workload, figures):
            print(line, flush=True)


if __name__ == "__main__":
    main()
