"""Build every attack of tests/saving/attacks.py, open it with kerasish and with Keras, and write the table.

    python tools/attack_table.py            # prints the rows
    python tools/attack_table.py --write    # puts them into docs/security.md

Needs Keras; each file is opened in a child process of its own, with limits of 4 GiB of memory and 60 s. What Keras does is
told by what it raises, by whether the file that the attack makes is there, by whether what it is after is in the
weights or vocabularies, and by the time and memory that it took.
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "saving")]
SECONDS, MEMORY = 60, 4 << 30
BEGIN, END = "<!-- table: tools/attack_table.py -->", "<!-- end of the table -->"

OPENER = """
import resource, sys, warnings
warnings.simplefilter("ignore")
name, path, ending = sys.argv[1:4]
import importlib
keras = importlib.import_module(name)
import numpy as np
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    if ending == ".weights.h5":
        model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="dense")])
        model.load_weights(path)
    else:
        model = keras.saving.load_model(path)
    seen = "opened"
    if any(np.asarray(w).tobytes().find(b"SECRET!!") >= 0 for w in model.get_weights() if np.asarray(w).dtype.kind in "fiu"):
        seen = "secret"
    for layer in model.layers:
        if hasattr(layer, "get_vocabulary") and "SECRET" in str(layer.get_vocabulary()):
            seen = "secret"
    print("RESULT", seen)
except BaseException as error:
    print("RESULT", "refused" if not isinstance(error, (MemoryError, RecursionError)) else "error", type(error).__name__)
print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""


def verdict(library: str, at, ending: str) -> str:
    """Open a file with a library, in a child process, and say in words what happened."""
    environment = {**os.environ, "KERAS_BACKEND": "numpy", "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-c", OPENER, library, str(at.path), ending],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
    except subprocess.TimeoutExpired:
        return f"still busy after {SECONDS} s"
    seconds = time.perf_counter() - start
    result = re.search(r"RESULT (\w+) ?(\w*)", done.stdout)
    peak = re.search(r"PEAK (\d+)", done.stdout)
    if at.canary.exists():
        return "**does it**"
    if result is None:
        return f"**the process dies** (status {done.returncode})"
    words = {
        "opened": "opens it",
        "secret": "**reads it**",
        "refused": f"refused ({result[2]})",
        "error": f"fails ({result[2]})",
    }[result[1]]
    megabytes = int(peak[1]) >> 10 if peak else 0
    if megabytes > 300:
        words += f", {megabytes} MB of memory"
    return words + (f", {seconds:.0f} s" if seconds > 30 else "")


def rows() -> list[str]:
    """Return the lines of the table."""
    import attacks

    lines = ["| attack | file | described in | kerasish | Keras 3.15.1 |", "| --- | --- | --- | --- | --- |"]
    for attack, ending in attacks.CASES:
        found = []
        for library in ("kerasish", "keras"):
            with tempfile.TemporaryDirectory() as folder:
                at = attacks.place(pathlib.Path(folder), ending)
                attack.build(at)
                found.append(verdict(library, at, ending))
        lines.append(f"| {attack.title} | `{ending}` | {attack.source} | {found[0]} | {found[1]} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    lines = rows()
    if "--write" in sys.argv:
        path = ROOT / "docs" / "security.md"
        text = path.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        path.write_text(f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
