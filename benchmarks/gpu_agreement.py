"""Every example trained for 20 steps on the CPU and on the GPU: what they show must agree to 1e-4.

    python benchmarks/gpu_agreement.py [--only NAME ...] [--devices cpu gpu:0] [--json FILE]

The examples run as they stand, with little data, once on each device; `fit` stops after 20 steps. Compared are the
history of losses and metrics, what the trained models predict (and `predict` and `evaluate` returned), the trained
weights, and of scripts the tensors that they leave behind. A figure is ‖a - b‖ / ‖a‖: of histories and predictions
the largest of any, of weights that of all of a model's weights together. The tensor that differs most is named beside
it: Adam divides by the size of gradients, so weights whose gradient is zero but for rounding (the bias of attention's
keys) move at random by steps as large as others', without an influence on what the model computes. They are left out
of `weights` where the gradient says so: where a tensor's moments are below 1e-6 of the largest of its model.

Training is not continuous: where the two largest numbers of a pooling window, or a number and relu's zero, are a
rounding apart, devices may take different ways, and Adam makes the most of it. So where figures are beyond 1e-4, the
example runs three times more on the first device, with initial weights off by one unit in their last place at random,
and what that makes of the figures is printed in brackets. A difference of that size is rounding's, not the device's.

Without a GPU, `--devices cpu numpy` compares compiled code on the CPU with NumPy's.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import runpy
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import kerasish as keras

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
STEPS, LIMIT = 20, 1e-4
KINDS = ("history", "outputs", "weights")
PROGRAMS: dict[str, dict[str, int]] = {
    "autoencoder": dict(epochs=1, samples=STEPS * 128),
    "convnet_mnist": dict(epochs=1, samples=STEPS * 128 + 300),
    "gan": dict(epochs=1, samples=STEPS * 128),
    "gpt": dict(epochs=1, samples=STEPS * 64, letters=3),
    "lstm_text": dict(epochs=1, samples=STEPS * 80),
    "siamese": dict(epochs=1, samples=STEPS * 128),
    "tabular": dict(epochs=1, samples=STEPS * 160),
    "time_series": dict(epochs=1, steps=STEPS * 160 + 100),
    "transformer_text": dict(epochs=1, samples=STEPS * 40),
    "variational_autoencoder": dict(epochs=1, samples=STEPS * 128),
}
"""Programs with a `main`, and its arguments: enough samples for 20 steps."""

SCRIPTS = sorted(path.stem for path in (EXAMPLES / "programs").glob("[0-9]_*.py")) + ["mnist"]


def array(value: Any) -> np.ndarray:
    """Return numbers as an array of float64 on the host."""
    return np.asarray(keras.ops.convert_to_numpy(value), "float64")


class Recorder:
    """Writes down what models show, while examples run.

    Attributes:
        nudge: Draws by which initial weights are off in their last place; None leaves them.
        history: Losses and the like of all epochs, an array a name. Accuracy is left out, which jumps.
        outputs: What models predict, what losses they have, in order of time.
        weights: Of each trained model its weights.
    """

    def __init__(self, nudge: int = 0) -> None:
        self.nudge = np.random.default_rng(nudge) if nudge else None
        self.history: list[np.ndarray] = []
        self.outputs: list[np.ndarray] = []
        self.weights: list[list[tuple[str, np.ndarray, float]]] = []

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        model = keras.Model
        fit, evaluate, predict = model.fit, model.evaluate, model.predict

        def fit_and_note(this: Any, x: Any = None, *args: Any, **kwargs: Any) -> Any:
            if self.nudge is not None:
                nudge_weights(this, self.nudge)
            history = fit(this, x, *args, **kwargs)
            for name in sorted(history.history):
                if "accuracy" not in name:
                    self.history.append(array(history.history[name]))
            self.weights.append(trained_weights(this))
            with contextlib.suppress(ValueError):  # a GAN's input is not what it is trained on
                some = keras.tree.map_structure(lambda a: a[:64], x)
                self.outputs += map(array, keras.tree.flatten(predict(this, some, verbose=0)))
            return history

        def evaluate_and_note(this: Any, *args: Any, **kwargs: Any) -> Any:
            result = evaluate(this, *args, **kwargs)
            self.outputs.append(array(keras.tree.flatten(result)[0]))  # the loss
            return result

        def predict_and_note(this: Any, *args: Any, **kwargs: Any) -> Any:
            result = predict(this, *args, **kwargs)
            self.outputs += map(array, keras.tree.flatten(result))
            return result

        model.fit, model.evaluate, model.predict = fit_and_note, evaluate_and_note, predict_and_note
        try:
            yield
        finally:
            model.fit, model.evaluate, model.predict = fit, evaluate, predict


def nudge_weights(model: Any, random: np.random.Generator) -> None:
    """Change each weight of a model by about one unit in its last place, up or down."""
    for variable in model.trainable_weights if model.built else ():
        value = keras.ops.convert_to_numpy(variable)
        signs = random.choice(np.array([-1.0, 1.0], value.dtype), value.shape)
        variable.assign(value * (1 + signs * np.finfo(value.dtype).eps))


def trained_weights(model: Any) -> list[tuple[str, np.ndarray, float]]:
    """Return each weight's path, value, and the size of its gradients as its optimizer remembers it."""
    optimizers = [value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)]
    if model.optimizer is not None and model.optimizer not in optimizers:
        optimizers.append(model.optimizer)
    squares: dict[int, float] = {}
    for optimizer in optimizers:
        for name in ("_velocities", "_momentums"):  # Adam's second moments first
            for variable, slot in zip(
                getattr(optimizer, "_trainable_variables", ()), getattr(optimizer, name, ()), strict=False
            ):
                squares.setdefault(id(variable), float(np.max(np.abs(array(slot)), initial=0.0)))
    return [
        (variable.path, array(variable), squares.get(id(variable), np.inf))
        for variable in model.trainable_weights
    ]


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Return ‖a - b‖ / ‖a‖; infinity for what cannot be compared."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return np.inf
    size = float(np.linalg.norm(a))
    return float(np.linalg.norm(a - b)) / (size or 1.0)


@contextlib.contextmanager
def on(device: str) -> Iterator[str]:
    """Work on a device; `numpy` is the CPU without machine code. Gives the device's name as tensors say it."""
    before = os.environ.get("KERASISH_JIT")
    if device == "numpy":
        os.environ["KERASISH_JIT"] = "0"
    try:
        with keras.device("cpu" if device == "numpy" else device):
            yield str(getattr(keras.ops.ones((1,)), "device", device))
    finally:
        os.environ.pop("KERASISH_JIT", None)
        if before is not None:
            os.environ["KERASISH_JIT"] = before


def run(name: str, device: str, nudge: int = 0) -> tuple[Recorder, str]:
    """Run one example on one device, with initial weights a little off if `nudge` is not 0."""
    recorder = Recorder(nudge)
    with on(device) as where, recorder(), contextlib.redirect_stdout(io.StringIO()):
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
        if name in PROGRAMS:
            main = runpy.run_path(str(EXAMPLES / "programs" / f"{name}.py"))["main"]
            recorder.outputs.append(array(main(**PROGRAMS[name])))
        else:
            path = EXAMPLES / "mnist.py" if name == "mnist" else EXAMPLES / "programs" / f"{name}.py"
            source = path.read_text().replace("num_epochs = 1000", f"num_epochs = {STEPS}")
            left: dict[str, Any] = {"__name__": "__main__"}
            exec(compile(source, str(path), "exec"), left)
            tensors = [value for value in left.values() if isinstance(value, keras.Tensor)]
            recorder.outputs += map(array, tensors)
    return recorder, where


def compare(one: Recorder, other: Recorder) -> dict[str, Any]:
    """Return the largest differences of histories, outputs and weights."""
    found: dict[str, Any] = {"history": 0.0, "outputs": 0.0, "weights": 0.0, "worst": ""}
    for kind in ("history", "outputs"):
        pairs = list(zip(getattr(one, kind), getattr(other, kind), strict=True))
        found[kind] = max((difference(a, b) for a, b in pairs), default=0.0)
        found[f"{kind}_compared"] = len(pairs)
    worst = 0.0
    for mine, theirs in zip(one.weights, other.weights, strict=True):
        largest = max((size for *_, size in mine if np.isfinite(size)), default=0.0)
        kept_a, kept_b = [], []
        for (path, a, size), (_, b, _) in zip(mine, theirs, strict=True):
            noise = size < 1e-12 * largest  # second moments: the square of 1e-6
            if not noise:
                kept_a.append(a.ravel())
                kept_b.append(b.ravel())
            apart = difference(a, b)
            if apart > worst:
                worst = apart
                found["worst"] = f"{path} {apart:.1e}{' (no gradient)' if noise else ''}"
        if kept_a:
            apart = difference(np.concatenate(kept_a), np.concatenate(kept_b))
            found["weights"] = max(found["weights"], apart)
    return found


def as_rounding(found: dict[str, Any]) -> bool:
    """Tell whether an example beyond the limit is no further off than initial weights a rounding apart make it."""
    floor = found.get("rounding")
    return floor is not None and all(found[kind] <= max(LIMIT, 3 * floor[kind]) for kind in KINDS)


def main() -> int:
    """Run, compare, print; 1 if something does not agree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=[*PROGRAMS, *SCRIPTS], metavar="NAME")
    parser.add_argument("--devices", nargs=2, default=["cpu", "gpu:0"])
    parser.add_argument("--json", help="where to write all figures")
    args = parser.parse_args()
    os.environ.setdefault("MPLBACKEND", "Agg")
    keras.config.set_max_epochs(1)
    keras.config.set_max_steps_per_epoch(STEPS)
    report = []
    print("| example | history | outputs | weights | weight that differs most | seconds | |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the scripts write files
        for name in args.only or [*PROGRAMS, *SCRIPTS]:
            began = time.perf_counter()
            found: dict[str, Any]
            try:
                (one, first), (other, second) = (run(name, device) for device in args.devices)
                found = {**compare(one, other), "devices": [first, second]}
                found["agrees"] = max(found[kind] for kind in KINDS) <= LIMIT
                cells = [f"{found[kind]:.1e}" for kind in KINDS]
                if not found["agrees"]:
                    floors = [compare(one, run(name, args.devices[0], nudge)[0]) for nudge in (1, 2, 3)]
                    found["rounding"] = {kind: max(floor[kind] for floor in floors) for kind in KINDS}
                    cells = [f"{found[kind]:.1e} ({found['rounding'][kind]:.1e})" for kind in KINDS]
                cells.append(found["worst"])
            except Exception as error:
                traceback.print_exc()
                found = {"agrees": False, "error": f"{type(error).__name__}: {error}"}
                cells = ["", "", "", found["error"]]
            verdict = "agrees" if found["agrees"] else "as rounding" if as_rounding(found) else "DIFFERS"
            seconds = time.perf_counter() - began
            print(f"| {name} | {' | '.join(cells)} | {seconds:.1f} | {verdict} |", flush=True)
            report.append({"example": name, **found})
        os.chdir(before)
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=1) + "\n")
    devices = next((found["devices"] for found in report if "devices" in found), args.devices)
    agreeing = sum(found["agrees"] for found in report)
    rounding = sum(map(as_rounding, report))
    print(
        f"{agreeing} of {len(report)} examples agree to {LIMIT:g} on {' and '.join(devices)}; {rounding} as rounding"
    )
    return int(agreeing + rounding < len(report))


if __name__ == "__main__":
    sys.exit(main())
