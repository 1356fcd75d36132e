"""Build every attack of tests/saving/attacks.py, open it with kerasish and with Keras, and write the table.

    python tools/attack_table.py            # prints the rows
    python tools/attack_table.py --write    # puts them into docs/security.md

Needs Keras, whose NumPy backend it runs. Each file is opened in a forked process of its own, with limits of 4 GiB of
memory and 60 s of processor time. What a library does is told by what it raises, by whether the file that the attack
makes is there, by whether what it is after is in the weights or vocabularies, and by the memory that it took.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import resource
import select
import signal
import sys
import tempfile
import warnings
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "saving")]
SECONDS, MEMORY, WAIT = 60, 4 << 30, 300
BEGIN, END = "<!-- table: tools/attack_table.py -->", "<!-- end of the table -->"


def opened(keras: Any, at: Any, ending: str) -> str:
    """Open a file and say in words what happened."""
    import numpy as np

    try:
        if ending == ".weights.h5":
            model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="dense")])
            model.load_weights(at.path)
        else:
            model = keras.saving.load_model(at.path)
        held = [np.asarray(weight) for weight in model.get_weights()]
        words = [str(layer.get_vocabulary()) for layer in model.layers if hasattr(layer, "get_vocabulary")]
        if any(b"SECRET!!" in array.tobytes() for array in held) or "SECRET" in str(words):
            return "**reads it**"
        return "opens it"
    except (MemoryError, RecursionError) as error:
        return f"fails ({type(error).__name__})"
    except BaseException as error:
        return f"refused ({type(error).__name__})"


def verdict(keras: Any, at: Any, ending: str) -> str:
    """Let a child process open a file, and say in words what happened."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        words = opened(keras, at, ending)
        taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
        os.write(writing, (words + (f", {taken} MB of memory" if taken > 300 else "")).encode())
        os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], WAIT)
    words = os.read(reading, 1000).decode() if ready else ""
    if not ready:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if at.canary.exists():
        return "**does it**"
    if not ready or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)):
        return f"**still busy** after {SECONDS} s"
    return words or f"**the process dies** (status {status})"


def rows() -> list[str]:
    """Return the lines of the table."""
    os.environ.update(KERAS_BACKEND="numpy", OPENBLAS_NUM_THREADS="1")
    warnings.simplefilter("ignore")
    import attacks

    libraries = [importlib.import_module(name) for name in ("kerasish", "keras")]
    lines = ["| attack | file | described in | kerasish | Keras 3.15.1 |", "| --- | --- | --- | --- | --- |"]
    for attack, ending in attacks.CASES:
        found = []
        for library in libraries:
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
        path.write_text(
            f"{before}{BEGIN}\n\n{chr(10).join(lines)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
