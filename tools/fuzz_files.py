"""Load mutated model files, many of them, in child processes with limits on time and memory.

    python tools/fuzz_files.py --count 100000                  # mutated files, structure-aware
    python tools/fuzz_files.py --count 1 --start 4711          # one of them again, by its number
    python tools/fuzz_files.py --atheris --count 100000        # the same mutations, led by coverage (needs atheris)

Seeds are small models of many kinds in every format, made here, and the files of `--seeds FOLDER`. Each file is a seed
with a few mutations in its archive, its JSON, its HDF5 structures or its bytes, drawn from its number: the same number
gives the same file. It is loaded, inspected or opened by the file editor. Fails if the interpreter crashes, a file
takes more than 5 s of processor time, a process takes more memory than its bound, something is raised that is not
documented (`ValueError`, `TypeError`, `OSError` and their subclasses), or a file makes loading open another file, start
a process, connect, or unpickle. Prints counts by outcome, the slowest file and the peak of memory.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import copy
import io
import json
import os
import pathlib
import random
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

SECONDS = 5.0
MEMORY = 1 << 30
BATCH = 1000
DOCUMENTED = (ValueError, TypeError, OSError)
FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "pickle.find_class",
)
HOSTILE_NUMBERS = (0, 1, -1, 2, 7, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 10**12, 10**30)

Seed = tuple[str, bytes]


# Seeds


def seeds(folder: str | None = None) -> list[Seed]:
    """Return the names and contents of small model files of many kinds."""
    import kerasish as keras

    files = []
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.utils.set_random_seed(0)
        for number, model in enumerate(_models(keras)):
            for ending in (".keras", ".h5", ".weights.h5"):
                path = pathlib.Path(place) / f"seed{number}{ending}"
                model.save_weights(path) if ending == ".weights.h5" else model.save(path)
                files.append((path.name, path.read_bytes()))
    for path in sorted(pathlib.Path(folder).iterdir()) if folder else ():
        if path.suffix in (".keras", ".h5") and path.stat().st_size < 200_000:
            files.append((path.name, path.read_bytes()))
    return files


def _models(keras: Any) -> Iterator[Any]:
    layers = keras.layers
    dense = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, "relu"), layers.Dropout(0.1), layers.Dense(2)]
    )
    dense.compile("adam", "mse", metrics=["mae"])
    dense.optimizer.build(dense.trainable_variables)
    yield dense
    image = [
        layers.Conv2D(2, 3),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(2),
    ]
    yield keras.Sequential([keras.Input((8, 8, 1)), *image])
    words = [layers.Embedding(5, 3, mask_zero=True), layers.Bidirectional(layers.LSTM(2)), layers.Dense(1)]
    yield keras.Sequential([keras.Input((4,), dtype="int32"), *words])
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    shared = layers.Dense(3)
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.LayerNormalization()])
    joined = layers.Concatenate()([shared(one), inner(shared(two))])
    yield keras.Model([one, two], [layers.Dense(1)(joined), keras.ops.mean(joined, axis=-1)])
    x = keras.Input((3, 4))
    yield keras.Model(
        x,
        layers.GlobalAveragePooling1D()(
            layers.MultiHeadAttention(2, 2)(x, x) + layers.GRU(4, return_sequences=True)(x)
        ),
    )
    yield keras.Sequential([keras.Input((1,), dtype="string"), layers.StringLookup(vocabulary=["a", "b"])])


# Mutations


def mutated(random: random.Random, files: list[Seed]) -> Seed:
    """Return a mutated file, its name first."""
    name, data = random.choice(files)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        data = _mutated_once(random, data, files)
    if random.random() < 0.02:
        name = random.choice(files)[0]
    return name, data


def _mutated_once(random: random.Random, data: bytes, files: list[Seed]) -> bytes:
    try:
        if data[:2] == b"PK" and random.random() < 0.9:
            return _archive(random, data, files)
        if data[:4] == b"\x89HDF" and random.random() < 0.9:
            return _json_in_hdf5(random, data) if random.random() < 0.3 else _hdf5(random, data)
    except Exception:
        pass  # an earlier mutation left nothing to take apart
    return _bytes(random, data, files)


def _bytes(random: random.Random, data: bytes, files: list[Seed]) -> bytes:
    changed = bytearray(data)
    at = random.randrange(len(changed) + 1)
    kind = random.randrange(6)
    if kind == 0:
        for _ in range(random.randrange(1, 9)):
            if changed:
                changed[random.randrange(len(changed))] = random.randrange(256)
    elif kind == 1:
        changed[at : at + 8] = _number(random, len(data))
    elif kind == 2:
        del changed[at : at + random.randrange(1, 200)]
    elif kind == 3:
        changed[at:at] = random.randbytes(random.randrange(1, 50))
    elif kind == 4:
        del changed[at:]
    else:
        other = random.choice(files)[1]
        changed[at:] = other[random.randrange(len(other)) :]
    return bytes(changed)


def _number(random: random.Random, size: int) -> bytes:
    choice = random.choice(
        (*HOSTILE_NUMBERS, size, size - 1, size + 1, random.randrange(size + 1), random.getrandbits(64))
    )
    return (choice % 2**64).to_bytes(8, "little")


def _archive(random: random.Random, data: bytes, files: list[Seed]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = [(info.filename, file.read(info)) for info in file.infolist()]
    if not members:
        return data
    number = random.randrange(len(members))
    if random.random() < 0.85:
        name, content = members[number]
        if name.endswith(".json"):
            content = _json(random, content)
        elif content[:4] == b"\x89HDF":
            content = _hdf5(random, content)
        else:
            content = _bytes(random, content, files)
        members[number] = (name, content)
        changes: tuple[Callable, ...] = ()
    else:
        changes = (
            lambda: members.pop(number),
            lambda: members.append(members[number]),
            lambda: members.append(
                (random.choice(("../x", "/x", "assets/../../x", "C:x", "a\\b", "x\0y")), b"x")
            ),
            lambda: members.__setitem__(number, (random.choice(members)[0], members[number][1])),
            lambda: members.append(("assets/layers/string_lookup/vocabulary.txt", random.randbytes(50))),
            lambda: members.__setitem__(number, (members[number][0], bytes(1 << random.randrange(25)))),
        )
        random.choice(changes)()
    buffer = io.BytesIO()
    compression = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as file:
        warnings.simplefilter("ignore")
        for name, content in members:
            file.writestr(name, content)
    result = buffer.getvalue()
    if random.random() < 0.1:  # a field of the table of contents
        at = random.choice(
            [i for i in range(len(result) - 4) if result[i : i + 4] in (b"PK\1\2", b"PK\3\4", b"PK\5\6")]
        )
        at += random.randrange(4, 46)
        result = result[:at] + _number(random, len(result))[: random.choice((1, 2, 4))] + result[at + 4 :]
    return result


def _json(random: random.Random, text: bytes) -> bytes:
    if random.random() < 0.05:
        return _bytes(random, text, [("", text)])
    return json.dumps(_config(random, json.loads(text))).encode()


def _config(random: random.Random, config: Any) -> Any:
    """Return a config with one of its values changed."""
    places = list(_places(config))
    if not places:
        return config
    for _ in range(random.choice((1, 1, 2))):
        holder, key = random.choice(places)
        if random.random() < 0.3:  # layers are where it matters
            holder, key = random.choice([p for p in places if p[1] in _KEYS] or places)
        with contextlib.suppress(KeyError, IndexError, TypeError):  # an earlier change removed it
            _change(random, holder, key, places)
    return config


_KEYS = (
    "class_name",
    "module",
    "registered_name",
    "layers",
    "inbound_nodes",
    "output_layers",
    "units",
    "shape",
    "dtype",
)
_CLASSES = (
    "Dense Conv2D LSTM Bidirectional TimeDistributed RNN Sequential Functional Model Lambda InputLayer "
    "Reshape Permute Discretization Normalization StringLookup TextVectorization RandomFlip Pipeline "
    "SpectralNormalization Orthogonal ZeroPadding2D UpSampling3D RepeatVector Resizing Hashing "
    "CategoryEncoding Rescaling TFOpLambda Merge GroupNormalization Adam MultiOptimizer "
    "LossScaleOptimizer AUC MeanIoU ConfusionMatrix PiecewiseConstantDecay __numpy__ __tensor__ "
    "__lambda__ __slice__ __keras_tensor__ function VarianceScaling Constant DTypePolicyMap SeedGenerator "
    "FFT Reshape Repeat Tile Pad Arange "
).split()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])


def _change(random: random.Random, holder: Any, key: Any, places: list) -> None:
    kind = random.randrange(9)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        other, name = random.choice(places)
        holder[key] = copy.deepcopy(other[name])
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind == 3 and isinstance(holder[key], list):
        random.shuffle(holder[key])
    elif kind == 4 or key in ("class_name", "registered_name", "module"):
        holder[key] = random.choice((*_CLASSES, "keras.layers", "keras.utils", "os", "builtins", None))
    elif kind == 5 and isinstance(holder, dict):
        holder[random.choice((*holder, *_KEYS, "name", "config"))] = copy.deepcopy(random.choice(places)[0])
    elif kind == 6:
        inner: Any = holder[key]
        for _ in range(random.choice((1, 5, 50, 500))):
            inner = (
                [inner]
                if random.random() < 0.5
                else {"class_name": "Sequential", "config": {"layers": [inner]}}
            )
        holder[key] = inner
    else:
        holder[key] = random.choice(
            (
                *HOSTILE_NUMBERS,
                None,
                True,
                "",
                "x" * 5000,
                "/etc/passwd",
                [],
                {},
                0.5,
                -1e308,
                1e-300,
                [[]],
                [2**40] * 4,
            )
        )


def _hdf5(random: random.Random, data: bytes) -> bytes:
    """Change a field in one of the structures of an HDF5 file."""
    found = bytearray(data)
    marks = [i for s in (b"TREE", b"SNOD", b"HEAP", b"GCOL", b"\x89HDF") for i in _finds(data, s)]
    marks += [i for i in range(0, len(data) - 16, 8) if data[i : i + 2] == b"\1\0" and 0 < data[i + 2] < 64][
        :500
    ]
    if not marks or random.random() < 0.05:
        return _bytes(random, data, [("", data)])
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.choice(marks) + random.randrange(0, 200)
        width = random.choice((1, 1, 2, 4, 8))
        if random.random() < 0.5:
            at -= at % width
        value = (
            _number(random, len(data))
            if random.random() < 0.7
            else random.choice(marks).to_bytes(8, "little")
        )
        found[at : at + width] = value[:width]
    return bytes(found)


def _finds(data: bytes, part: bytes) -> Iterator[int]:
    at = data.find(part)
    while at >= 0:
        yield at
        at = data.find(part, at + 1)


def _json_in_hdf5(random: random.Random, data: bytes) -> bytes:
    """Change the config of a legacy file where it lies, filled up with spaces to the length that it had."""
    start = data.find(b'{"class_name": "')
    if start < 0:
        return _hdf5(random, data)
    decoder = json.JSONDecoder()
    config, length = decoder.raw_decode(data[start : start + (1 << 20)].decode("latin-1"))
    text = json.dumps(_config(random, config)).encode("latin-1", "replace")
    return data[:start] + text[:length].ljust(length) + data[start + length :]


# Running


def look_at(path: str, number: int) -> None:
    """Do with a file what users do with files from strangers."""
    import kerasish as keras
    from kerasish.saving.inspection import examine

    kind = number % 8
    if kind == 6:
        str(examine(path))
    elif kind == 7 and path.endswith((".keras", ".weights.h5")):
        with contextlib.redirect_stdout(io.StringIO()):
            keras.saving.KerasFileEditor(path).summary()
    elif path.endswith(".weights.h5"):
        TARGET[0].load_weights(path, skip_mismatch=bool(number % 2))
    else:
        keras.models.load_model(path, compile=bool(number % 3))


TARGET: list[Any] = []


def _prepare() -> None:
    import kerasish as keras

    TARGET[:] = [next(iter(_models(keras)))]


def _child(numbers: range, seed: int, files: list[Seed], folder: str, report: int) -> None:
    """Load the files of these numbers and write a line about each."""
    allowed = {os.path.realpath(folder)}
    watching = [False]

    def audit(event: str, args: tuple) -> None:
        if not watching[0]:
            return
        if event.startswith(FORBIDDEN):
            raise RuntimeError(f"FORBIDDEN {event} {args!r:.200}")
        if (
            event == "open"
            and isinstance(args[0], str)
            and sys._getframe(1).f_globals.get("__name__") != "shutil"
        ):
            place = os.path.realpath(args[0])
            writes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            code = place.endswith((".py", ".pyc", ".so")) or "/pyvenv" in place
            if not any(place.startswith(home) for home in allowed) and (writes or not code):
                raise RuntimeError(f"FORBIDDEN open {args!r:.200}")

    sys.addaudithook(audit)
    tempfile.tempdir = folder
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    warnings.simplefilter("ignore")
    with os.fdopen(report, "w", buffering=1) as out:
        for number in numbers:
            draw = random.Random(f"{seed}/{number}")
            name, data = mutated(draw, files)
            path = os.path.join(folder, f"{os.getpid()}-{name}")
            with open(path, "wb") as file:
                file.write(data)
            out.write(f"start {number}\n")
            begin = time.process_time()  # a busy machine may keep a process waiting
            watching[0] = True
            try:
                look_at(path, number)
                outcome = "opened"
            except DOCUMENTED as error:
                outcome = type(error).__name__
            except BaseException as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                outcome = (
                    f"BUG {type(error).__name__}: {str(error)[:160]!r} at {where.filename}:{where.lineno}"
                )
            watching[0] = False
            seconds = time.process_time() - begin
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            out.write(f"done {number} {seconds:.4f} {peak} {len(data)} {outcome}\n")
            os.unlink(path)
    os._exit(0)


class Findings:
    """What the children reported."""

    def __init__(self) -> None:
        self.outcomes: collections.Counter = collections.Counter()
        self.problems: list[str] = []
        self.slowest = (0.0, -1, 0)
        self.peak = (0, -1)

    def take(self, number: int, seconds: float, peak: int, size: int, outcome: str) -> None:
        self.outcomes[outcome.split(":")[0]] += 1
        self.slowest = max(self.slowest, (seconds, number, size))
        self.peak = max(self.peak, (peak << 10, number))
        if outcome.startswith("BUG"):
            self.problems.append(f"{number}: {outcome}")
        if seconds > SECONDS:
            self.problems.append(f"{number}: took {seconds:.1f} s")
        if peak << 10 > MEMORY:
            self.problems.append(f"{number}: its process takes {peak >> 10} MB")

    def __str__(self) -> str:
        total = sum(self.outcomes.values())
        counts = ", ".join(f"{name} {count}" for name, count in self.outcomes.most_common())
        return (
            f"{total} files: {counts}; slowest: number {self.slowest[1]} ({self.slowest[2]} bytes), "
            f"{self.slowest[0]:.2f} s; peak of memory {self.peak[0] >> 20} MB (number {self.peak[1]}); "
            f"{len(self.problems)} problems"
        )


def run(
    count: int, start: int = 0, seed: int = 0, folder: str | None = None, progress: bool = False
) -> Findings:
    """Load `count` mutated files in child processes and return what was found."""
    files, found = seeds(folder), Findings()
    _prepare()
    number, end = start, start + count
    with tempfile.TemporaryDirectory() as place:
        while number < end:
            number = _batch(range(number, min(number + BATCH, end)), seed, files, place, found)
            if progress:
                print(f"{number}: {found}", *found.problems[-3:], sep="\n  ", flush=True)
    return found


def _batch(numbers: range, seed: int, files: list[Seed], place: str, found: Findings) -> int:
    """Run one child; return the number of the file to go on with."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _child(numbers, seed, files, place, writing)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    os.close(writing)
    current, rest = numbers.start, b""
    limit = 24 * SECONDS  # as above; the child measures by itself
    while True:
        ready, _, _ = select.select([reading], [], [], limit)
        part = os.read(reading, 1 << 16) if ready else b""
        if not part:
            break
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            words = line.decode("utf-8", "replace").split(" ", 5)
            current = int(words[1])
            if words[0] == "done":
                found.take(current, float(words[2]), int(words[3]), int(words[4]), words[5])
                current += 1
    os.close(reading)
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not ready:
        found.problems.append(f"{current}: hung for more than {limit} s")
        found.outcomes["HUNG"] += 1
        return current + 1
    if status:
        found.problems.append(f"{current}: the interpreter ended with status {status}")
        found.outcomes["CRASHED"] += 1
        return current + 1
    return numbers.stop


def run_atheris(count: int, seed: int, folder: str | None, corpus: str) -> None:
    """Let libFuzzer choose files by the code that they reach; mutations are those of above."""
    import atheris

    with atheris.instrument_imports(include=["kerasish.saving", "kerasish.serialization"]):
        import kerasish.saving
        import kerasish.saving.inspection
        import kerasish.saving.legacy.h5_format  # noqa: F401
    files = seeds(folder)
    _prepare()
    pathlib.Path(corpus).mkdir(parents=True, exist_ok=True)
    for number, (name, data) in enumerate(files):
        (pathlib.Path(corpus) / f"{number}-{name}").write_bytes(data)
    place = tempfile.mkdtemp()
    warnings.simplefilter("ignore")

    def once(data: bytes) -> None:
        ending = ".keras" if data[:2] == b"PK" else ".weights.h5" if b"model_config" not in data else ".h5"
        path = os.path.join(place, f"file{ending}")
        with open(path, "wb") as file:
            file.write(data)
        with contextlib.suppress(*DOCUMENTED):
            look_at(path, zlib.crc32(data))

    def mutate(data: bytes, most: int, number: int) -> bytes:
        return _mutated_once(random.Random(number), data or files[0][1], files)[:most]

    options = [
        f"-runs={count}",
        f"-seed={seed + 1}",
        "-timeout=20",
        f"-rss_limit_mb={(2 * MEMORY) >> 20}",
        "-max_len=300000",
    ]
    atheris.Setup([sys.argv[0], *options, corpus], once, custom_mutator=mutate)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", help="a folder of more model files to start from")
    parser.add_argument("--keep", help="write the file of number --start there, and load nothing")
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--corpus", default=os.path.join(tempfile.gettempdir(), "kerasish-corpus"))
    given = parser.parse_args()
    if given.keep:
        name, data = mutated(random.Random(f"{given.seed}/{given.start}"), seeds(given.seeds))
        pathlib.Path(given.keep).joinpath(name).write_bytes(data)
        print(name)
        return 0
    if given.atheris:
        run_atheris(given.count, given.seed, given.seeds, given.corpus)
        return 0
    found = run(given.count, given.start, given.seed, given.seeds, progress=True)
    print(found, *found.problems, sep="\n")
    return bool(found.problems)


if __name__ == "__main__":
    sys.exit(main())
