"""kerasish on one GPU beside Keras on JAX and PyTorch, hand-written JAX and PyTorch, cuBLAS and a copy, in one run.

    python benchmarks/gpu.py [--only mnist cnn mlp bandwidth dispatch] [--rounds 5] [--seconds 150] [--compile]
                             [--json FILE] [--smoke]

Every side is a process of its own. All start at once; then one at a time compiles and warms up, and one at a time is
measured, by rounds whose order rotates. A figure is the median over the rounds, a ratio the median of the rounds'
ratios. A side that is missing or fails is left out, with its reason. `--smoke` runs it all on a CPU, tiny.

    mnist      an epoch of the MNIST network at batch 32 (60000 samples)
    cnn        a step of the MNIST ConvNet at batch 128
    mlp        a step of three dense layers of 8192 units at batch 8192, Adam, beside 8 matrix products of that size:
               3 forward, 3 for the gradients of kernels, 2 for those of inputs (the first layer's is not needed)
    bandwidth  compiled elementwise work on arrays of 1 GiB, by bytes read and written, beside a copy
    dispatch   where the time of a step of the MNIST network goes, on the host and on the device

Precision is each framework's default, which in Keras on JAX and, for convolutions, in Keras on PyTorch is TF32 and in
kerasish is not; the sides called "(TF32)" say so. The hand-written PyTorch and JAX have TF32.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
EPOCH = 1875
PRODUCTS = 8
KERAS = ["Keras on JAX", "Keras on PyTorch"]
PARTS = {
    "mnist": ["kerasish", "kerasish (TF32)", "PyTorch CUDA graph", "JAX scan", *KERAS, "PyTorch compiled"],
    "cnn": ["kerasish", "kerasish (TF32)", *KERAS],
    "mlp": ["kerasish (bfloat16)", "cuBLAS bfloat16", "kerasish (TF32)", "cuBLAS TF32"],
    "bandwidth": ["kerasish: tanh(2 x + y)", "kerasish: relu(2 x + y)", "kerasish: x sigmoid(x)", "copy"],
    "dispatch": ["kerasish", "PyTorch CUDA graph"],
}
TURN = {"mnist": 0.2, "cnn": 0.2, "mlp": 0.5, "bandwidth": 0.15, "dispatch": 0.0}
"""Seconds that one measurement should last at least."""


class Side:
    """A process that measures one side of one part."""

    def __init__(self, part: str, name: str, smoke: bool, folder: Path) -> None:
        self.part, self.name = part, name
        self.notes: dict[str, Any] = {}
        self.rounds: list[dict[str, Any]] = []
        self.failure: str | None = None
        self.units = 1
        self._log = folder / f"{part}-{name.replace(' ', '-')}.log"
        paths = [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        if smoke:  # processes that are not measured at all need not fight for the processors
            environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        command = [sys.executable, str(HERE / "gpu_worker.py"), part, name, "smoke" if smoke else "full"]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
            )
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put(None)

    def answer(self, event: str, timeout: float) -> dict[str, Any] | None:
        """Wait for one answer; None, and a note of why, if another or none comes."""
        if self.failure:
            return None
        try:
            found = self._answers.get(timeout=max(timeout, 0.1))
        except queue.Empty:
            self._fail(f"no answer in {timeout:.0f} s")
            return None
        if found is None or found["event"] == "failed":
            self._fail(found["why"] if found else "the process ended")
            return None
        if found["event"] != event:
            self._fail(f"answered {found['event']!r} instead of {event!r}")
            return None
        return found

    def _fail(self, why: str) -> None:
        self.failure = why
        self._process.kill()
        self._process.wait()
        print(f"left out: {self.part}, {self.name}: {why}", flush=True)

    def log(self) -> str:
        """Return the end of what the process printed."""
        return self._log.read_text(errors="replace")[-3000:]

    def tell(self, command: str) -> None:
        """Send one command."""
        with contextlib.suppress(OSError):
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()

    def prepare(self, timeout: float) -> None:
        """Let it compile and warm up, and take one measurement to find out how many units make a turn."""
        self.tell("prepare")
        ready = self.answer("ready", timeout)
        if ready is None:
            return
        self.notes = ready["notes"]
        if TURN[self.part]:
            for _ in range(2):  # of few units, which tells too long a time, and of as many as that suggests
                began = time.perf_counter()
                self.tell(f"measure {self.units}")
                if self.answer("measured", timeout) is None:
                    return
                unit = (time.perf_counter() - began) / self.units
                self.units = max(1, min(round(TURN[self.part] / unit), 2000))

    def measure(self, timeout: float) -> None:
        """Take one measurement."""
        self.tell(f"measure {self.units}")
        found = self.answer("measured", timeout)
        if found is not None:
            self.rounds.append({key: value for key, value in found.items() if key != "event"})

    def close(self) -> None:
        """End the process, hearing its last words."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        while not self.failure and (last := self._answers.get()) is not None:
            if last["event"] == "closed":
                self.notes.update(last["notes"])

    def seconds(self) -> float:
        """Return the median of what was measured."""
        return statistics.median(found["seconds"] for found in self.rounds)


def run_part(sides: list[Side], rounds: int, patience: float, deadline: float) -> None:
    """Prepare the sides one after another, and measure them by turns until the rounds or the time are over."""
    for side in sides:
        if side.answer("loaded", patience) is not None:
            left = deadline - time.monotonic()
            if left < 5:
                side._fail("no time left to prepare it")
                continue
            side.prepare(min(patience, left))
    for number in range(rounds):
        there = [side for side in sides if not side.failure]
        at = number % max(len(there), 1)
        for side in there[at:] + there[:at]:
            side.measure(60)
        if number >= 2 and time.monotonic() > deadline:
            print(f"{number + 1} rounds instead of {rounds}: the time is over", flush=True)
            break
    for side in sides:
        side.close()


class Comparison(NamedTuple):
    """One ratio that is asked for.

    Attributes:
        part: Whose figures.
        ours: The side above the line.
        theirs: The sides below it; of several, the best of each round.
        limit: What the ratio is to be at most, or at least where `rate`.
        times: By how much the figures of `theirs` are multiplied.
        rate: Whether the ratio is of bytes a second.
    """

    part: str
    ours: str
    theirs: list[str]
    limit: float
    times: float = 1.0
    rate: bool = False

    def ratios(self, sides: dict[tuple[str, str], Side]) -> list[float]:
        """Return the ratio of each round; nothing where a side is missing."""
        ours = sides.get((self.part, self.ours))
        theirs = [s for name in self.theirs if (s := sides.get((self.part, name))) and s.rounds]
        if not ours or not ours.rounds or not theirs:
            return []
        found = []
        for number, own in enumerate(ours.rounds):
            others = [s.rounds[number]["seconds"] for s in theirs if number < len(s.rounds)]
            if not others:
                continue
            ratio = own["seconds"] / (min(others) * self.times)
            if self.rate:
                ratio = ours.notes["bytes"] / theirs[0].notes["bytes"] / ratio
            found.append(ratio)
        return found


COMPARISONS = [
    *(
        Comparison("mnist", ours, theirs, limit)
        for ours in ("kerasish", "kerasish (TF32)")
        for theirs, limit in (
            (["Keras on JAX"], 0.3),
            (["JAX scan"], 1.0),
            (["PyTorch CUDA graph"], 1.0),
            (["PyTorch compiled"], 1.0),
        )
    ),
    *(Comparison("cnn", ours, KERAS, 1.0) for ours in ("kerasish", "kerasish (TF32)")),
    *(
        Comparison("mlp", f"kerasish ({kind})", [f"cuBLAS {kind}"], 1 / 0.7, PRODUCTS)
        for kind in ("bfloat16", "TF32")
    ),
    *(Comparison("bandwidth", side, ["copy"], 0.85, rate=True) for side in PARTS["bandwidth"][:-1]),
]


def figure(side: Side) -> str:
    """Return a side's median in the unit of its part, and the spread."""
    values = [found["seconds"] for found in side.rounds]
    if side.part == "bandwidth":
        scale, unit = side.notes["bytes"] / 1e9, "GB/s"
        values = [scale / value for value in values]
    elif side.part == "mnist":
        values, unit = [value * EPOCH * 1e3 for value in values], "ms an epoch"
    elif side.part == "mlp":
        values = [value * 1e3 for value in values]
        unit = "ms a product" if "flop" in side.notes else "ms a step"
    else:
        values, unit = [value * 1e6 for value in values], "us a step"
    text = f"{statistics.median(values):.4g} {unit} | {min(values):.4g} to {max(values):.4g}"
    if "flop" in side.notes:
        text += f" ({side.notes['flop'] / side.seconds() / 1e12:.0f} TFLOP/s)"
    return text


def show(sides: dict[tuple[str, str], Side]) -> list[dict[str, Any]]:
    """Print the tables and return the ratios."""
    print(
        "\n| work | side | median | spread | first epoch, s | rounds |\n| --- | --- | --- | --- | --- | --- |"
    )
    for side in sides.values():
        if side.rounds:
            first = side.notes.get("first_epoch_s", "")
            print(f"| {side.part} | {side.name} | {figure(side)} | {first} | {len(side.rounds)} |")
        else:
            print(f"| {side.part} | {side.name} | {side.failure} | | | |")
    found = []
    print("\n| work | ratio | median | spread | asked for | |\n| --- | --- | --- | --- | --- | --- |")
    for comparison in COMPARISONS:
        ratios = comparison.ratios(sides)
        if not ratios:
            continue
        median, limit = statistics.median(ratios), comparison.limit
        kept = median >= limit if comparison.rate else median <= limit
        times = "" if comparison.times == 1 else f"{comparison.times:g} x "
        name = f"{comparison.ours} / {times}{' or '.join(comparison.theirs)}"
        asked = f"{'at least' if comparison.rate else 'at most'} {limit:.3g}"
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        verdict = "yes" if kept else "NO"
        print(f"| {comparison.part} | {name} | {median:.3f} | {spread} | {asked} | {verdict} |")
        found.append({"part": comparison.part, "ratio": name, "rounds": ratios, "limit": limit, "kept": kept})
    show_dispatch(sides)
    return found


def show_dispatch(sides: dict[tuple[str, str], Side]) -> None:
    """Print what a step of the MNIST network is made of."""
    there = [side for (part, _), side in sides.items() if part == "dispatch" and side.rounds]
    if not there:
        return
    print("\n| a step of the MNIST network | " + " | ".join(side.name for side in there) + " |")
    print("| --- |" + " --- |" * len(there))
    plain = [[found for found in side.rounds if "trace" not in found] for side in there]
    traces = [next((f["trace"] for f in side.rounds if "trace" in f), {}) for side in there]
    for key, label in (("seconds", "all, us"), ("thread_seconds", "the host's thread at work, us")):
        cells = [f"{statistics.median(f[key] for f in rounds) * 1e6:.3g}" for rounds in plain]
        print(f"| {label} | {' | '.join(cells)} |")
    for key, label in (
        ("device_busy_us", "traced: device at work, us"),
        ("replay_us", "traced: a replay of the graph (of one step or several), first to last, us"),
        ("kernels_in_a_replay", "traced: operations in a replay (of one step or several)"),
        ("device_operations", "traced: operations in all"),
        ("graph_launches", "traced: graph launches, in a step"),
        ("other_cuda_calls", "traced: other CUDA calls"),
        ("launch_call_us", "traced: the call that launches, us"),
        ("host_between_launches_us", "traced: Python between two launches, us"),
    ):
        cells = [f"{trace[key]:.3g}" if key in trace else "" for trace in traces]
        print(f"| {label} | {' | '.join(cells)} |")
    for side, trace in zip(there, traces, strict=True):
        for name, cost in list(trace.get("operations", {}).items())[:12]:
            print(f"    {side.name}: {cost['us']:8.2f} us in {cost['per_step']:.2f} of {name}")


def surroundings() -> dict[str, Any]:
    """Return what the figures were measured on and with."""
    query = "name,driver_version,memory.total,clocks.max.sm,power.limit"
    try:
        gpu = subprocess.run(
            ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        ).stdout.strip()
    except OSError:
        gpu = ""
    packages = "keras jax jaxlib torch numpy cupy-cuda13x cupy-cuda12x nvmath-python nvidia-cudnn-frontend"
    packages += " nvidia-cublas nvidia-cudnn-cu13 triton"
    versions = {}
    for package in packages.split():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "gpu": dict(zip(query.split(","), gpu.split(", "), strict=False)) if gpu else "none",
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "packages": versions,
        "date": time.strftime("%Y-%m-%d"),
    }


def main() -> int:
    """Measure, print, and write what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    parser.add_argument("--sides", nargs="+", help="only these sides, by parts of their names")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side")
    parser.add_argument("--seconds", type=float, default=150, help="how long all of it may take")
    parser.add_argument("--patience", type=float, default=60, help="seconds that a side may take to prepare")
    parser.add_argument("--compile", action="store_true", help="PyTorch compiled (max-autotune) too")
    parser.add_argument("--json", help="where to write all figures")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, no GPU needed")
    args = parser.parse_args()
    deadline = time.monotonic() + args.seconds
    where = surroundings()
    print(json.dumps(where), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sides = {
            (part, name): Side(part, name, args.smoke, Path(folder))
            for part in args.only
            for name in PARTS[part]
            if (args.compile or name != "PyTorch compiled")
            and (not args.sides or any(wanted in name for wanted in args.sides))
        }
        for number, part in enumerate(args.only):
            began = time.monotonic()
            share = (deadline - began) / (len(args.only) - number)
            rounds = 6 if part == "dispatch" else args.rounds
            until = deadline if part == "mnist" else began + 1.5 * share
            mine = [side for side in sides.values() if side.part == part]
            run_part(mine, rounds, args.patience, min(until, deadline))
            print(f"{part}: {time.monotonic() - began:.1f} s", flush=True)
        logs = {f"{side.part}, {side.name}": side.log() for side in sides.values() if side.failure}
    ratios = show(sides)
    for name, log in logs.items():
        print(f"\n--- {name}\n" + "\n".join(log.strip().splitlines()[-6:]))
    report = {
        "surroundings": where,
        "ratios": ratios,
        "sides": [
            {
                "part": side.part,
                "side": side.name,
                "units": side.units,
                "notes": side.notes,
                "rounds": side.rounds,
                "failure": side.failure,
                "log": logs.get(f"{side.part}, {side.name}"),
            }
            for side in sides.values()
        ],
    }
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
