"""Run the programs of examples/programs with kerasish and with Keras, and compare how they learn.

    python tools/run_with_keras.py                # all of them, in the short form of their tests
    python tools/run_with_keras.py gan siamese    # some of them

A program runs with Keras after a change, the other way round of moving to kerasish: `import kerasish as keras` becomes
`import keras`, `from kerasish import ...` becomes `from keras import ...`, and the tape, which belongs to Keras's
backend, becomes TensorFlow's. A table shows the first and the last loss of both. Fails if a program fails with either,
or learns with one of them only. Needs Keras installed beside kerasish. TensorFlow is its backend where it is installed;
elsewhere some programs are left out (`NEEDS_TENSORFLOW`). Both read kerasish's data sets.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import re
import runpy
import sys
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "examples" / "programs"


NEEDS_TENSORFLOW = {
    "gan": "a training step with a tape",
    "variational_autoencoder": "a training step with a tape",
    "lstm_text": "TextVectorization",
    "transformer_text": "TextVectorization",
}


def for_keras(source: str) -> str:
    """Return a program's text with its imports of kerasish as imports of Keras."""
    source = re.sub(r"^import kerasish as keras$", "import keras", source, flags=re.MULTILINE)
    source = re.sub(r"^import kerasish$", "import keras as kerasish", source, flags=re.MULTILINE)
    if "keras.GradientTape" in source:
        source = source.replace("import keras\n", "import keras\nimport tensorflow as tf\n", 1)
        source = source.replace("keras.GradientTape", "tf.GradientTape")
    return re.sub(r"^from kerasish(\.\S+)? import ", r"from keras\1 import ", source, flags=re.MULTILINE)


def run(source: str, name: str, arguments: dict[str, Any]) -> tuple[list[float], float]:
    """Run a program's `main`; return its losses and the seconds that it took."""
    namespace: dict[str, Any] = {"__name__": "program", "__file__": str(PROGRAMS / f"{name}.py")}
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, f"{name}.py", "exec"), namespace)
        losses = namespace["main"](**arguments)
    return [float(loss) for loss in losses], time.perf_counter() - start


def read_the_same_data() -> None:
    """Let Keras's data sets be those that kerasish reads."""
    import keras

    import kerasish

    keras.datasets.mnist.load_data = kerasish.datasets.mnist.load_data


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("programs", nargs="*", help="such as `gan`; all by default")
    names = parser.parse_args().programs
    has_tensorflow = importlib.util.find_spec("tensorflow") is not None
    os.environ.setdefault("KERAS_BACKEND", "tensorflow" if has_tensorflow else "jax")
    read_the_same_data()
    short = runpy.run_path(str(ROOT / "tests" / "examples" / "short_forms.py"))["SHORT"]
    print(f"{'program':26}{'kerasish':>24}{'s':>7}{'Keras':>24}{'s':>7}")
    failed = []
    for name in names or short:
        if name in NEEDS_TENSORFLOW and os.environ["KERAS_BACKEND"] != "tensorflow":
            print(f"{name:26}  needs TensorFlow as Keras's backend: {NEEDS_TENSORFLOW[name]}")
            continue
        source = (PROGRAMS / f"{name}.py").read_text()
        cells, learned = [], []
        for text in (source, for_keras(source)):
            try:
                losses, seconds = run(text, name, short[name])
                cells.append(f"{losses[0]:>10.4f} -> {losses[-1]:8.4f}{seconds:>9.1f}")
                learned.append(losses[-1] < 0.95 * losses[0])
            except Exception:
                traceback.print_exc()
                cells.append(f"{'fails':>31}")
                learned.append(False)
        print(f"{name:26}  {'  '.join(cells)}", flush=True)
        if not all(learned):
            failed.append(name)
    if failed:
        print(f"Do not learn with both: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
