"""Files built to do harm, from their published descriptions: what each row of the table in docs/security.md is.

Each attack builds its file and, where it would do something that can be seen, says where: `canary` is a file that the
attack makes if it works, `secret` one whose content it is after. `tools/attack_table.py` opens them with Keras too.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import pathlib
import pickle
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from typing import NamedTuple

import h5py
import numpy as np

import kerasish
from kerasish import layers

SECRET = b"SECRET!!" * 64


class Place(NamedTuple):
    """Where an attack is built: the file to open, what it makes if it works, and what it is after."""

    path: pathlib.Path
    canary: pathlib.Path
    secret: pathlib.Path


class Attack(NamedTuple):
    """A row of the table.

    Args:
        title: What it does.
        source: Where it was described.
        endings: The formats that it can live in.
        build: Makes the file.
        match: What kerasish's error says.
    """

    title: str
    source: str
    endings: tuple[str, ...]
    build: Callable[[Place], None]
    match: str


def place(folder: pathlib.Path, ending: str) -> Place:
    """Return where an attack may be built in a folder."""
    secret = folder / "secret.txt"
    secret.write_bytes(SECRET)
    return Place(folder / f"model{ending}", folder / "canary", secret)


def model(extra: tuple = ()) -> kerasish.Sequential:
    """Return the harmless model that attacks start from."""
    return kerasish.Sequential([kerasish.Input((8,)), layers.Dense(8, name="dense"), *extra])


def save(path: pathlib.Path, change: Callable[[dict], object] | None = None) -> None:
    """Save the harmless model, its config changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model().save_weights(path) if path.name.endswith(".weights.h5") else model().save(path)
    if change is not None:
        change_config(path, change)


def change_config(path: pathlib.Path, change: Callable[[dict], object]) -> None:
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            file.attrs["model_config"] = _dumped(change(config) or config)
        return
    members = read(path)
    config = json.loads(members["config.json"])
    members["config.json"] = _dumped(change(config) or config).encode()
    write(path, members)


def _dumped(config: object) -> str:
    return config if isinstance(config, str) else json.dumps(config)


def read(path: pathlib.Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path: pathlib.Path, members: dict, *more: tuple, compression: int = zipfile.ZIP_STORED) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as file:
        warnings.simplefilter("ignore")
        for name, content in (*members.items(), *more):
            file.writestr(name, content)


def change_weights(path: pathlib.Path, change: Callable[[h5py.File, str], object]) -> None:
    """Change the file's HDF5 part, given it and the path of the kernel in it."""
    if path.suffix == ".keras":
        members = read(path)
        image = io.BytesIO(members["model.weights.h5"])
        with h5py.File(image, "r+") as file:
            change(file, "layers/dense/vars/0")
        members["model.weights.h5"] = image.getvalue()
        write(path, members)
        return
    with h5py.File(path, "r+") as file:
        if "layers" in file:
            change(file, "layers/dense/vars/0")
        else:
            group = file["model_weights/dense"]
            change(file, f"model_weights/dense/{group.attrs['weight_names'][0]}")


def add_layer(config: dict, class_name: str, inner: dict, module: str = "keras.layers") -> None:
    config["config"]["layers"].append(
        {
            "module": module,
            "class_name": class_name,
            "config": {"name": "evil", **inner},
            "registered_name": None,
        }
    )


# Code


def bytecode(canary: pathlib.Path) -> list:
    code = compile(f"lambda x: open({str(canary)!r}, 'w').close() or x", "<evil>", "eval").co_consts[0]
    return [base64.b64encode(marshal.dumps(code)).decode(), None, None]


def function(module: str, name: str) -> dict:
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def lambda_code(at: Place, before: Callable[[dict], object] = lambda config: None) -> None:
    code = bytecode(at.canary)

    def change(config: dict) -> None:
        before(config)
        value = {"class_name": "__lambda__", "config": {"code": code[0], "defaults": None, "closure": None}}
        old = {"function": code, "function_type": "lambda", "output_shape": [8]}
        add_layer(
            config, "Lambda", old if at.path.suffix == ".h5" else {"function": value, "output_shape": [8]}
        )

    save(at.path, change)


def unsafe_switch(at: Place) -> None:
    def switch(config: dict) -> None:
        config["safe_mode"] = config["config"]["safe_mode"] = False
        name = function("keras.config", "enable_unsafe_deserialization")
        add_layer(config, "Lambda", {"name": "switch", "function": name, "output_shape": [8]})

    lambda_code(at, switch)


def named_function(module: str, name: str, arguments: Callable[[Place], dict]) -> Callable[[Place], None]:
    def build(at: Place) -> None:
        inner = {"function": function(module, name), "arguments": arguments(at), "output_shape": [8]}
        save(at.path, lambda config: add_layer(config, "Lambda", inner))

    return build


def named_class(at: Place) -> None:
    save(at.path, lambda c: add_layer(c, "Popen", {"args": ["touch", str(at.canary)]}, module="subprocess"))


def pickled(at: Place) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return open, (str(at.canary), "w")

    save(at.path)
    members = read(at.path)
    del members["model.weights.h5"]
    array = np.empty(1, object)
    array[0] = Evil()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (1,)})
        file.writestr("__root__.npy", header.getvalue() + pickle.dumps(array))
        file.writestr("layers/dense/vars.npy", header.getvalue() + pickle.dumps(array))
    write(at.path, {**members, "model.weights.npz": buffer.getvalue()})


# Other files


def vocabulary(class_name: str) -> Callable[[Place], None]:
    def build(at: Place) -> None:
        save(at.path)

        def change(config: dict) -> None:
            inner = {"vocabulary": str(at.secret), "max_tokens": None, "output_mode": "int"}
            config["config"]["layers"] = [config["config"]["layers"][0]]
            config["config"]["layers"][0]["config"].update(batch_shape=[None, 1], dtype="string")
            add_layer(config, class_name, inner)

        change_config(at.path, change)

    return build


def replaced(link: Callable[[Place], object]) -> Callable[[Place], None]:
    """Put something else in place of the kernel."""

    def build(at: Place) -> None:
        save(at.path)
        if link is _other_file or link is _virtual:
            with h5py.File(at.secret.with_suffix(".h5"), "w") as file:
                file["data"] = np.frombuffer(SECRET[:256], "f4").reshape(8, 8)

        def change(file: h5py.File, kernel: str) -> None:
            del file[kernel]
            made = link(at)
            if callable(made):
                made(file, kernel)
            else:
                file[kernel] = made

        change_weights(at.path, change)

    return build


def _other_file(at: Place) -> object:
    return h5py.ExternalLink(str(at.secret.with_suffix(".h5")), "/data")


def _soft(at: Place) -> object:
    return h5py.SoftLink("/elsewhere")


def _external_storage(at: Place) -> object:
    return lambda file, kernel: file.create_dataset(kernel, (8, 8), "f4", external=[(str(at.secret), 0, 256)])


def _virtual(at: Place) -> object:
    layout = h5py.VirtualLayout((8, 8), "f4")
    layout[:] = h5py.VirtualSource(str(at.secret.with_suffix(".h5")), "data", (8, 8))
    return lambda file, kernel: file.create_virtual_dataset(kernel, layout)


def _plugin(at: Place) -> object:
    def make(file: h5py.File, kernel: str) -> None:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((8, 8))
        plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
        folder, _, name = kernel.rpartition("/")
        space = h5py.h5s.create_simple((8, 8))
        h5py.h5d.create(file[folder].id, name.encode(), h5py.h5t.NATIVE_FLOAT, space, dcpl=plist)

    return make


def _unstored(at: Place) -> object:
    return lambda file, kernel: file.create_dataset(kernel, (1 << 20, 1 << 13), "f4", fillvalue=1.0)


def _compressed(at: Place) -> object:
    def make(file: h5py.File, kernel: str) -> None:
        made = file.create_dataset(
            kernel, (1 << 24,), "f4", chunks=(1 << 22,), compression="gzip", compression_opts=9
        )
        for start in range(0, 1 << 24, 1 << 22):
            made[start : start + (1 << 22)] = 0

    return make


def many_small(at: Place) -> None:
    """Sixty layers of 8 MiB, nothing of which is stored."""
    many = kerasish.Sequential([kerasish.Input((8,)), *(layers.Dense(8, use_bias=False) for _ in range(60))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        many.save(at.path)

    def larger(config: dict) -> str:
        text = json.dumps(config).replace('"units": 8', '"units": 1448')
        return text.replace("[null, 8]", "[null, 1448]")

    def unstored(file: h5py.File, kernel: str) -> None:
        found: list[str] = []
        file.visititems(
            lambda name, item: found.append(name) if getattr(item, "shape", None) == (8, 8) else None
        )
        for name in found:
            del file[name]
            file.create_dataset(name, (1448, 1448), "f4")

    change_config(at.path, larger)
    if at.path.suffix == ".keras":
        change_weights(at.path, unstored)
    else:
        with h5py.File(at.path, "r+") as file:
            unstored(file, "")


# Archives


def member(
    name: str, mode: int = 0, content: Callable[[Place], bytes] = lambda at: b"x"
) -> Callable[[Place], None]:
    def build(at: Place) -> None:
        save(at.path)
        info = zipfile.ZipInfo(name.replace("CANARY", str(at.canary)))
        info.external_attr = (mode or stat.S_IFREG | 0o644) << 16
        write(at.path, read(at.path), (info, content(at)))

    return build


def twice(at: Place) -> None:
    save(at.path)
    members = read(at.path)
    write(at.path, members, ("config.json", members["config.json"].replace(b'"units": 8', b'"units": 9')))


def json_bomb(at: Place) -> None:
    save(at.path)
    members = read(at.path)
    text = members["config.json"].rstrip(b"}") + b" " * (128 << 20) + b"}}"
    write(at.path, {**members, "config.json": text}, compression=zipfile.ZIP_DEFLATED)


def asset_bomb(at: Place) -> None:
    save(at.path)
    zeros = bytes(15 << 20)
    assets = [(f"assets/layers/dense/{number}", zeros) for number in range(20)]
    write(at.path, read(at.path), *assets, compression=zipfile.ZIP_DEFLATED)


# Configs


def changed(change: Callable[[dict], object]) -> Callable[[Place], None]:
    return lambda at: save(at.path, change)


def huge_layer(config: dict) -> None:
    config["config"]["layers"][1]["config"]["units"] = 10**12


def many_layers(config: dict) -> None:
    layer = {
        "module": "keras.layers",
        "class_name": "Dropout",
        "config": {"rate": 0.5},
        "registered_name": None,
    }
    config["config"]["layers"] += [layer] * 100_000


def nested(config: dict) -> str:
    text = '{"module": "keras", "registered_name": null, "class_name": "Sequential", "config": {"layers": ['
    return text * 20_000 + "]}}" * 20_000


def nested_models(config: dict) -> dict:
    inner = config["config"]["layers"]
    for number in range(90):
        one = {"name": f"m{number}", "layers": inner}
        inner = [{"module": "keras", "class_name": "Sequential", "config": one, "registered_name": None}]
    return {**config, "config": {"name": "outer", "layers": inner}}


def cycle(config: dict) -> dict:
    def call(name: str) -> list:
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {"shape": [None, 8], "dtype": "float32", "keras_history": [name, 0, 0]},
        }
        return [{"args": [tensor], "kwargs": {}}]

    def dense(name: str, source: str) -> dict:
        inner = {"name": name, "units": 8}
        return {
            "module": "keras.layers",
            "class_name": "Dense",
            "config": inner,
            "registered_name": None,
            "name": name,
            "inbound_nodes": call(source),
        }

    start = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 8], "dtype": "float32", "name": "i"},
        "registered_name": None,
        "name": "i",
        "inbound_nodes": [],
    }
    inner = {
        "name": "m",
        "trainable": True,
        "layers": [start, dense("a", "b"), dense("b", "a")],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["b", 0, 0]],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": inner,
        "registered_name": "Functional",
    }


def not_a_number(config: dict) -> None:
    config["config"]["layers"][1]["config"]["kernel_regularizer"] = {
        "module": "keras.regularizers", "class_name": "L2", "config": {"l2": float("nan")}, "registered_name": None,
    }  # fmt: skip


# Damaged HDF5


def group_in_itself(at: Place) -> None:
    save(at.path)
    change_weights(
        at.path, lambda file, kernel: file[kernel.rpartition("/")[0]].__setitem__("again", file["/"])
    )


def heap_loop(at: Place) -> None:
    """Make an object of the heap of texts claim that it has no size: HDF5's library then goes round and round."""
    save(at.path)
    with h5py.File(at.path, "r+") as file:
        file.attrs.create("keras_version", "3.15.1 " * 8, dtype=h5py.string_dtype())
    data = bytearray(at.path.read_bytes())
    start = data.index(b"GCOL")
    data[start + 24 : start + 32] = struct.pack("<Q", 2**64 - 16)
    at.path.write_bytes(bytes(data))


def tree_loop(at: Place) -> None:
    """Make the first node of a tree a child of itself."""
    save(at.path)

    def loop(data: bytes) -> bytes:
        start = data.index(b"TREE\0")
        changed = bytearray(data)
        changed[start + 5] = 1
        changed[start + 32 : start + 40] = struct.pack("<Q", start)
        return bytes(changed)

    if at.path.suffix == ".keras":
        members = read(at.path)
        write(at.path, {**members, "model.weights.h5": loop(members["model.weights.h5"])})
    else:
        at.path.write_bytes(loop(at.path.read_bytes()))


_MODELS = (".keras", ".h5")
_WEIGHTS = (".keras", ".h5", ".weights.h5")
_SYSTEM = named_function("os", "system", lambda at: {"command": f"touch {at.canary}"})
_DOWNLOAD = named_function(
    "keras.utils",
    "get_file",
    lambda at: {"origin": at.secret.as_uri(), "cache_dir": str(at.canary.parent), "cache_subdir": "canary"},
)
_LOAD = named_function("keras.models", "load_model", lambda at: {"safe_mode": False})
_LINKS = {"mode": stat.S_IFLNK | 0o777}

ATTACKS = [
    Attack("Lambda with byte code", "CVE-2024-3660, CVE-2025-9905", _MODELS, lambda_code, "lambda|byte code"),
    Attack("safe mode switched off in the config", "CVE-2025-9906", _MODELS, unsafe_switch, "enable_unsafe|byte code|lambda"),
    Attack("function of another module", "CVE-2025-1550", _MODELS, _SYSTEM, "'system'"),
    Attack("class of another module", "CVE-2025-1550", _MODELS, named_class, "'Popen'"),
    Attack("download by keras.utils.get_file", "CVE-2025-8747", _MODELS, _DOWNLOAD, "'get_file'"),
    Attack("keras.models.load_model as a function", "CVE-2025-8747", _MODELS, _LOAD, "'load_model'"),
    Attack("pickle in model.weights.npz", "NumPy", (".keras",), pickled, "model.weights.npz"),
    Attack("StringLookup that reads a file", "CVE-2025-12058", _MODELS, vocabulary("StringLookup"), "vocabulary file"),
    Attack("TextVectorization that reads a file", "CVE-2025-12058", _MODELS, vocabulary("TextVectorization"), "vocabulary file"),
    Attack("HDF5 external link", "CVE-2026-1669", _WEIGHTS, replaced(_other_file), "ExternalLink"),
    Attack("HDF5 soft link", "CVE-2026-1669", _WEIGHTS, replaced(_soft), "SoftLink"),
    Attack("HDF5 external storage", "CVE-2026-1669", _WEIGHTS, replaced(_external_storage), "external Dataset"),
    Attack("HDF5 virtual dataset", "CVE-2026-1669", _WEIGHTS, replaced(_virtual), "virtual Dataset"),
    Attack("HDF5 filter plugin", "HDF5", _WEIGHTS, replaced(_plugin), "filter plugins"),
    Attack("array of 32 GiB of which nothing is stored", "shape bomb", _WEIGHTS, replaced(_unstored), "stores|shape"),
    Attack("array that unpacks to 1000 times its size", "compression bomb", _WEIGHTS, replaced(_compressed), "stores|shape"),
    Attack("many arrays, each below the limit", "keras pull request 23100", _MODELS, many_small, "declares variables"),
    Attack("JSON that unpacks to 128 MiB", "compression bomb", (".keras",), json_bomb, "decompression bomb"),
    Attack("assets that together unpack to 300 MiB", "compression bomb", (".keras",), asset_bomb, "together"),
    Attack("member ../canary", "CVE-2025-12060", (".keras",), member("assets/../../canary"), "leads out"),
    Attack("member with an absolute path", "CVE-2025-12060", (".keras",), member("CANARY"), "leads out"),
    Attack("member that is a symbolic link", "CVE-2025-12638", (".keras",), member("assets/link", **_LINKS, content=lambda at: str(at.secret).encode()), "link or device"),
    Attack("member that is a device", "CVE-2025-12060", (".keras",), member("assets/device", stat.S_IFCHR | 0o666), "link or device"),
    Attack("config.json twice", "duplicate members", (".keras",), twice, "twice"),
    Attack("layer of 10^12 units", "absurd config", _MODELS, changed(huge_layer), "declares variables"),
    Attack("100,000 layers", "absurd config", (".keras",), changed(many_layers), "100,00"),
    Attack("JSON nested 80,000 deep", "absurd config", (".keras",), changed(nested), "nested too deeply"),
    Attack("90 models inside each other", "absurd config", _MODELS, changed(nested_models), "nested too deeply"),
    Attack("graph that is a circle", "absurd config", (".keras",), changed(cycle), "a.*b"),
    Attack("NaN in the config", "JSON", _MODELS, changed(not_a_number), "holds the number NaN"),
    Attack("HDF5 group inside itself", "damaged HDF5", (".keras", ".weights.h5"), group_in_itself, "expected|again|variables"),
    Attack("HDF5 heap that ends nowhere", "damaged HDF5", (".h5",), heap_loop, "damaged"),
    Attack("HDF5 tree that is its own child", "damaged HDF5", _WEIGHTS, tree_loop, "damaged"),
]  # fmt: skip
CASES = [(attack, ending) for attack in ATTACKS for ending in attack.endings]
