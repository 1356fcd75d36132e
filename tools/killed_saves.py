"""Break off saves at every point: the old file or the new one is there whole, and the model goes on.

    python tools/killed_saves.py                  # at every system call, by strace: kills, and errors of the disk
    python tools/killed_saves.py --lines 30       # at 30 lines of Python each and at sizes of files: needs nothing

A process that has everything loaded forks a child for each point. The child saves over an older file and is killed with
SIGKILL at one of its system calls (or lines), or one system call fails with ENOSPC, EIO or EROFS. Then the file must
hold the old weights or the new ones, and nothing else but hidden temporary files may be beside it; after an error none
of these either, and the model in memory must predict as before and save. Exits with 1 if anything is otherwise.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import kerasish as keras
from kerasish.saving import native

X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
OLD, NEW = 0.25, 0.75


def make_model() -> keras.Model:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(50), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def fill(model: keras.Model, value: float) -> None:
    for variable in model.weights:
        variable.assign(np.full(variable.shape, value))


def value_in(model: keras.Model) -> float:
    """Return the value that all weights have; NaN where they are a mixture."""
    values = {float(v) for weight in model.get_weights() for v in np.unique(weight)}
    return values.pop() if len(values) == 1 else float("nan")


class Save:
    """One way of saving.

    Args:
        name: What it is called.
        filename: What the file is called.
    """

    large = False

    def __init__(self, name: str, filename: str):
        self.name = name
        self.filename = filename

    def save(self, model: keras.Model, path: str) -> None:
        model.save_weights(path) if path.endswith(".weights.h5") else model.save(path)

    def load(self, path: str) -> float:
        model = make_model()
        if path.endswith(".weights.h5"):
            model.load_weights(path)
            return value_in(model)
        return value_in(keras.models.load_model(path))


class LargeSave(Save):
    """Weights that are put together in a file instead of in memory."""

    large = True


class Checkpoint(Save):
    def save(self, model: keras.Model, path: str) -> None:
        callback = keras.callbacks.ModelCheckpoint(path)
        callback.set_model(model)
        callback.on_epoch_end(0, {"loss": 1.0})


class Backup(Save):
    """The file is in the folder that the callback has for itself."""

    def save(self, model: keras.Model, path: str) -> None:
        callback = keras.callbacks.BackupAndRestore(os.path.dirname(path))
        callback.set_model(model)
        callback.on_epoch_end(0, {"loss": 1.0})

    def load(self, path: str) -> float:
        model = make_model()
        callback = keras.callbacks.BackupAndRestore(os.path.dirname(path))
        callback.set_model(model)
        callback.on_train_begin()
        assert model._initial_epoch == 1
        return value_in(model)


class Log(Save):
    """A line of a CSV file, whose number is the value."""

    def save(self, model: keras.Model, path: str) -> None:
        log = keras.callbacks.CSVLogger(path, append=True)
        log.set_model(model)
        log.on_train_begin()
        log.on_epoch_begin(0)
        log.on_epoch_end(0, {"loss": value_in(model)})
        log.on_train_end()

    def load(self, path: str) -> float:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        lines = text.splitlines()
        whole = text.endswith("\r\n") and all(re.fullmatch(r"0,0\.[27]5,NA", line) for line in lines[1:])
        return float(lines[-1].split(",")[1]) if whole and lines[0] == "epoch,loss,val_loss" else float("nan")


KINDS: tuple[Save, ...] = (
    Save(".keras", "model.keras"),
    LargeSave(".keras, large", "model.keras"),
    Save(".weights.h5", "model.weights.h5"),
    Save(".h5", "model.h5"),
    Checkpoint("ModelCheckpoint", "model.keras"),
    Backup("BackupAndRestore", "latest.weights.h5"),
    Log("CSVLogger", "log.csv"),
)

# All that a save may ask of the system that has to do with files.
CALLS = (
    "openat open creat read pread64 write pwrite64 writev lseek ftruncate fsync fdatasync close rename renameat "
    "renameat2 unlink unlinkat link symlink mkdir rmdir chmod fchmod fchmodat stat newfstatat fstat lstat statx access "
    "faccessat2 ioctl fcntl flock getdents64 getcwd readlink copy_file_range sendfile mmap munmap"
).split()
FAILING = (
    "openat",
    "write",
    "pwrite64",
    "ftruncate",
    "fsync",
    "rename",
    "renameat",
    "renameat2",
    "chmod",
    "fchmodat",
)


class Broken(Exception):
    """What must not be."""


def check(kind: Save, path: str, allowed_parts: bool) -> float:
    """Return the value that the file holds, after looking at what is in its folder."""
    name = os.path.basename(path)
    for other in sorted(os.listdir(os.path.dirname(path))):
        part = other.startswith(f".{name}.") or other.startswith("partial.") or other.startswith(".partial.")
        if other != name and not (allowed_parts and part):
            raise Broken(f"left behind: {other}")
    value = kind.load(path)
    if value not in (OLD, NEW):
        raise Broken(f"the file holds {value}")
    return value


def in_child(work: Callable[[], None], before: Callable[[int], Any] = lambda pid: None) -> int:
    """Run work in a forked child, when `before`, given the child's number, has returned; return how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(writer)
            os.read(reader, 1)
            work()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    os.close(reader)
    tracer = before(child)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    if tracer is not None:
        tracer.wait()
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def strace(options: list[str], output: str = "/dev/null") -> Callable[[int], Any]:
    """Return what attaches strace to a child."""

    def attach(pid: int) -> Any:
        command = ["strace", "-f", "-o", output, *options, "-p", str(pid)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        line = process.stderr.readline()
        if "attached" not in line:
            raise SystemExit(f"strace cannot attach: {line}")
        return process

    return attach


def prepared(kind: Save, root: str, model: keras.Model | None = None) -> tuple[str, keras.Model]:
    """Return the path of an old file in a folder of its own, and a model with new weights, `model` if there is one."""
    folder = tempfile.mkdtemp(dir=root)
    path = os.path.join(folder, kind.filename)
    native._IN_MEMORY_WEIGHTS = 0 if kind.large else 16 << 20
    if model is None:
        model = make_model()
        model.predict(X, verbose=0)
    fill(model, OLD)
    kind.save(model, path)
    fill(model, NEW)
    return path, model


def survive(kind: Save, model: keras.Model, path: str) -> None:
    """Save while something fails; then the model predicts as before, the file is whole, and it can be saved."""
    expected = model.predict(X, verbose=0)
    try:
        kind.save(model, path)
        failed = False
    except OSError:
        failed = True
    if not np.array_equal(expected, model.predict(X, verbose=0)):
        raise Broken("the model predicts something else")
    value = check(kind, path, allowed_parts=False)
    if value != NEW and not failed:
        raise Broken("the old file is there, and there was no error")
    kind.save(model, path)
    if check(kind, path, allowed_parts=False) != NEW:
        raise Broken("saving again does not")


def killed_at_system_calls(kind: Save, root: str) -> collections.Counter:
    """Kill the save at each of its system calls, and let each fail; count what was there afterwards."""
    found: collections.Counter = collections.Counter()
    path, model = prepared(kind, root)
    record = os.path.join(root, "calls")
    in_child(
        lambda: kind.save(model, path), strace(["-e", "trace=" + ",".join(f"?{c}" for c in CALLS)], record)
    )
    with open(record, encoding="utf-8", errors="replace") as file:
        counts = collections.Counter(m[1] for m in re.finditer(r"^\d+ +(\w+)\(", file.read(), re.MULTILINE))
    for call, count in sorted(counts.items()):
        for number in range(1, count + 1):
            path, model = prepared(kind, root, model)
            options = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
            ended = in_child(lambda path=path, model=model: kind.save(model, path), strace(options))
            if ended not in (signal.SIGKILL, 0):
                raise Broken(f"{call} {number}: ended with {ended}")
            found["killed" if ended else "ended"] += 1
            found["new file" if check(kind, path, allowed_parts=True) == NEW else "old file"] += 1
            kind.save(model, path)
            if check(kind, path, allowed_parts=True) != NEW:
                raise Broken(f"{call} {number}: saving again does not")
            shutil.rmtree(os.path.dirname(path))
            if call not in FAILING:
                continue
            for error in ("ENOSPC", "EIO", "EROFS"):
                path, model = prepared(kind, root, model)
                options = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"]
                ended = in_child(lambda path=path, model=model: survive(kind, model, path), strace(options))
                if ended:
                    raise Broken(f"{call} {number} failing with {error}: ended with {ended}")
                found["errors survived"] += 1
                shutil.rmtree(os.path.dirname(path))
    return found


def killed_at_lines(kind: Save, root: str, points: int) -> collections.Counter:
    """Kill the save at lines of Python, and let its files grow to several sizes only."""
    found: collections.Counter = collections.Counter()
    lines: list[int] = [0]
    path, model = prepared(kind, root)

    def traced(at: int | None) -> Callable:
        def trace(frame: Any, event: str, argument: Any) -> Any:
            if event == "line":
                lines[0] += 1
                if lines[0] == at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        return trace

    def save(at: int | None, path: str, model: keras.Model) -> None:
        lines[0] = 0
        sys.settrace(traced(at))
        try:
            kind.save(model, path)
        finally:
            sys.settrace(None)

    kind.save(model, path)  # (the first save does more)
    size = os.path.getsize(path)
    save(None, path, model)
    count = lines[0]
    moments = random.Random(0)
    # What matters most is the end, where the file comes into its place.
    chosen = [
        *(moments.randint(1, count) for _ in range(points // 2)),
        *range(count, count - points // 2, -1),
    ]
    for at in chosen:
        path, model = prepared(kind, root, model)
        ended = in_child(lambda at=at, path=path, model=model: save(at, path, model))
        if ended not in (signal.SIGKILL, 0):
            raise Broken(f"line {at}: ended with {ended}")
        found["killed" if ended else "ended"] += 1
        found["new file" if check(kind, path, allowed_parts=True) == NEW else "old file"] += 1
        shutil.rmtree(os.path.dirname(path))
    for limit in sorted({0, 1, size // 3, size // 2, size * 9 // 10}):
        path, model = prepared(kind, root, model)

        def work(limit: int = limit, path: str = path, model: keras.Model = model) -> None:
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(limit, 0), most))
            expected = model.predict(X, verbose=0)
            try:
                kind.save(model, path)
            except OSError:
                pass
            else:
                raise Broken("no error, with too little room")
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            if not np.array_equal(expected, model.predict(X, verbose=0)) or check(kind, path, False) != OLD:
                raise Broken("the model or the file has changed")
            kind.save(model, path)
            if check(kind, path, allowed_parts=False) != NEW:
                raise Broken("saving again does not")

        ended = in_child(work)
        if ended:
            raise Broken(f"files of {limit} bytes at most: ended with {ended}")
        found["full disks survived"] += 1
        shutil.rmtree(os.path.dirname(path))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--lines", type=int, default=0, help="kill at so many lines of Python instead, without strace"
    )
    parser.add_argument(
        "--kinds",
        default="",
        help="only the kind of saves of this name, or those with this text in their names",
    )
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    root, wrong = tempfile.mkdtemp(), 0
    try:
        names = [kind.name for kind in KINDS]
        chosen = [arguments.kinds] if arguments.kinds in names else [n for n in names if arguments.kinds in n]
        for kind in KINDS:
            if kind.name not in chosen:
                continue
            try:
                if arguments.lines:
                    found = killed_at_lines(kind, root, arguments.lines)
                else:
                    found = killed_at_system_calls(kind, root)
                print(
                    f"{kind.name}: {', '.join(f'{n} {what}' for what, n in sorted(found.items()))}",
                    flush=True,
                )
            except Broken as error:
                print(f"{kind.name}: {error}", flush=True)
                wrong += 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print("all whole" if not wrong else f"{wrong} kinds of saves are not")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
