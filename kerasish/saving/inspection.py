"""What is in a model file, told without building anything of it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from kerasish.saving import json_text
from kerasish.saving.archive import ASSETS, CONFIG, METADATA, WEIGHTS, ArchiveReader
from kerasish.saving.errors import readable_size
from kerasish.saving.hdf5 import Dataset, Group, H5Reader, open_h5
from kerasish.saving.kinds import SHARDS, kind_of

_MEMBERS = (METADATA, CONFIG, WEIGHTS)
_MAX_DEPTH = 32
_MAX_LINES = 1000


class LayerFacts(NamedTuple):
    """A layer in the config of a file.

    Args:
        depth: How many models it is inside of.
        name: Its name.
        class_name: Its class.
        detail: The shape that the config gives it, if it gives one.
    """

    depth: int
    name: str
    class_name: str
    detail: str


class WeightFacts(NamedTuple):
    """An array in a file.

    Args:
        path: Where it is in the file.
        shape: Its shape.
        dtype: Its type.
        size: Its bytes in memory.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    size: int


@dataclass
class Inspection:
    """What `inspect` found.

    Attributes:
        path: The file.
        format: What kind of file it is.
        size: Its bytes.
        keras_version: The release of Keras that wrote it; empty where it does not say.
        facts: More about it, in words, by title.
        layers: The layers of its config.
        weights: Its arrays.
        needed: What loading needs from you: custom classes and functions.
        suspicious: What no honest file has; loading refuses most of it.
    """

    path: str
    format: str = "unknown"
    size: int = 0
    keras_version: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    layers: list[LayerFacts] = field(default_factory=list)
    weights: list[WeightFacts] = field(default_factory=list)
    needed: list[str] = field(default_factory=list)
    suspicious: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.path}: {self.format}, {readable_size(self.size)}"
        if self.keras_version:
            yield f"Keras version: {self.keras_version}"
        for title, text in self.facts.items():
            yield f"{title}: {text}"
        if self.layers:
            yield f"Layers: {len(self.layers)}"
            names = [f"{'  ' * layer.depth}{layer.name}" for layer in self.layers[:_MAX_LINES]]
            yield from _table([(n, x.class_name, x.detail) for n, x in zip(names, self.layers, strict=False)])
        if self.weights:
            values = sum(math.prod(weight.shape) for weight in self.weights)
            size = readable_size(sum(weight.size for weight in self.weights))
            yield f"Arrays: {len(self.weights)}, with {values:,} values, {size}"
            yield from _table(
                [(w.path, str(w.shape), w.dtype, readable_size(w.size)) for w in self.weights[:_MAX_LINES]]
            )
        yield from _listed("Needed to load it", self.needed)
        yield from _listed("Suspicious", self.suspicious)
        if not self.suspicious:
            yield "Suspicious: nothing"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    printable = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*printable, strict=True)]
    for row in printable:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _listed(title: str, texts: list[str]) -> Iterator[str]:
    if texts:
        yield f"{title}:"
        yield from (f"  - {_printable(text, 600)}" for text in texts[:_MAX_LINES])


def _printable(text: str, most: int = 120) -> str:
    """Return text from a file without what could steer a terminal, and not too long."""
    clean = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:most])
    return clean if len(text) <= most else f"{clean}..."


def inspect(filepath: str | os.PathLike) -> Inspection:
    """Print what is in a model file, without building anything of it: nothing in it is run, however hostile.

    Example:

    ```python
    kerasish.saving.inspect("from_a_stranger.keras")
    ```

    Args:
        filepath: A `.keras`, `.h5`, `.weights.h5` or `.weights.json` file.

    Returns:
        What was printed, as an object: `format`, `keras_version`, `layers`, `weights`, `needed`, `suspicious`.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    found = examine(filepath)
    print(found)
    return _Quiet(**vars(found))


class _Quiet(Inspection):
    """An inspection that has been printed already: the interactive prompt need not do so again."""

    def __repr__(self) -> str:
        return f"<Inspection of {self.path}: {self.format}, {len(self.suspicious)} suspicious findings>"


def examine(filepath: str | os.PathLike) -> Inspection:
    """Return what is in a model file, without building anything of it.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    path = os.fspath(filepath)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"File not found: filepath={path}. Check the path and the current directory.")
    found = Inspection(path, size=os.path.getsize(path))
    kind = kind_of(path)
    if path.endswith(SHARDS) and kind == "h5":
        _try(found, _shards, path)
    elif kind == "zip":
        with open(path, "rb") as file:
            _try(found, _archive, file)
    elif kind == "h5":
        _try(found, _hdf5_file, path)
    return found


def _try(found: Inspection, look: Any, *args: Any) -> None:
    """Look, and note what refuses or fails as suspicious."""
    try:
        look(found, *args)
    except (ValueError, OSError) as error:
        found.suspicious.append(str(error))


def _shards(found: Inspection, path: str) -> None:
    from kerasish.saving.shards import shard_paths

    found.format = "list of weights files (.weights.json)"
    for shard in shard_paths(path):
        with open_h5(shard) as reader:
            _walk(found, reader, reader.file, os.path.basename(shard) + ":", set())


def _archive(found: Inspection, file: BinaryIO) -> None:
    found.format = "zip archive, as `.keras` files are"
    archive = ArchiveReader(file, f"file {found.path!r}")
    sizes = [f"{name} ({readable_size(info.file_size)})" for name, info in archive.members.items()]
    found.facts["Members"] = ", ".join(sizes)
    others = [n for n in archive.members if n not in _MEMBERS and not n.startswith(f"{ASSETS}/")]
    if others:
        found.suspicious.append(
            f"It has members that Keras does not write: {', '.join(map(repr, others[:8]))}."
        )
    if METADATA in archive.members:
        _try(found, _metadata, archive)
    if CONFIG in archive.members:
        found.format = "Keras model (.keras)"
        _try(found, _config, archive, found.keras_version.startswith("2."))
    if WEIGHTS in archive.members:
        _try(found, _member, archive)


def _metadata(found: Inspection, archive: ArchiveReader) -> None:
    metadata = json_text.parse(archive.read(METADATA), repr(METADATA), allow_nan=True)
    if isinstance(metadata, dict):
        found.keras_version = str(metadata.get("keras_version", ""))
        found.facts["Saved"] = str(metadata.get("date_saved", "unknown"))


def _config(found: Inspection, archive: ArchiveReader, old: bool) -> None:
    _model(found, json_text.parse(archive.read(CONFIG), repr(CONFIG)), old)


def _member(found: Inspection, archive: ArchiveReader) -> None:
    with archive.open(WEIGHTS) as (weights, size), H5Reader(weights, size, f"member {WEIGHTS!r}") as reader:
        _walk(found, reader, reader.file, "", set())


def _hdf5_file(found: Inspection, path: str) -> None:
    found.format = "HDF5 file"
    with open_h5(path) as reader:
        _try(found, _attributes, reader)
        _walk(found, reader, reader.file, "", set())


def _attributes(found: Inspection, reader: H5Reader) -> None:
    root = reader.file
    names = set(reader.attribute_names(root))
    top = reader.names(root)
    if "model_config" in names:
        found.format = "Keras model (HDF5)"
    elif "layer_names" in names or "layer_names0" in names:
        found.format = "weights without a model (HDF5, by layers' names)"
    elif "layers" in top or "_layer_checkpoint_dependencies" in top:
        found.format = "weights without a model (.weights.h5)"
    version = reader.text(root, "keras_version")
    found.keras_version = version or ""
    if backend := reader.text(root, "backend"):
        found.facts["Backend"] = backend
    for name in ("model_config", "training_config"):
        text = reader.text(root, name)
        if text is None:
            continue
        config = json_text.parse(text, f"the attribute {name!r}")
        if name == "model_config":
            _model(found, config, old=True)
        elif isinstance(config, dict):
            _compiled(found, config)
            _Config(found, old=True).look(config, 0)


def _walk(found: Inspection, reader: H5Reader, group: Group, path: str, seen: set[int]) -> None:
    """Note all arrays below a group, and all that leads out of the file or claims to be larger than it can be."""
    if group.address in seen or path.count("/") > _MAX_DEPTH:
        found.suspicious.append(
            f"The group {path!r} is inside itself, or there twice, or too deep to be looked at."
        )
        return
    seen.add(group.address)
    for name in reader.names(group):
        where = f"{path}/{name}" if path else name
        try:
            child = reader.child(group, name)
            if isinstance(child, Group):
                _walk(found, reader, child, where, seen)
            elif isinstance(child, Dataset):
                size = child.contents.declared
                found.weights.append(WeightFacts(where, child.shape, _title(child), size))
                reader.check(group, name)
        except ValueError as error:
            found.suspicious.append(str(error))


def _title(dataset: Dataset) -> str:
    return dataset.contents.type.title if dataset.dtype is None else dataset.dtype.name


def _model(found: Inspection, config: Any, old: bool) -> None:
    """Note the layers of a model's config, and what in it is unknown or hostile."""
    if not isinstance(config, dict):
        raise ValueError(f"The model's config is a {type(config).__name__}, not a dict.")
    found.facts["Model"] = str(config.get("class_name"))
    if isinstance(config.get("compile_config"), dict):
        _compiled(found, config["compile_config"])
    _Config(found, old).look(config, -1)


def _compiled(found: Inspection, config: dict[str, Any]) -> None:
    for title, keys in (("Optimizer", ("optimizer", "optimizer_config")), ("Loss", ("loss",))):
        value = next((config[key] for key in keys if config.get(key)), None)
        if isinstance(value, dict):
            value = (
                value.get("config")
                if value.get("class_name") == "function"
                else value.get("class_name", value)
            )
        if value is not None:
            found.facts[title] = str(value)[:200]


class _Config:
    """One pass over a config.

    Args:
        found: Where findings are noted.
        old: Whether classes may have the names that Keras 1 and 2 gave them.
    """

    def __init__(self, found: Inspection, old: bool) -> None:
        self.found, self.old = found, old

    def look(self, value: Any, depth: int) -> None:
        """Note the layers in a config, with what is unknown or hostile in it."""
        if isinstance(value, list):
            for item in value:
                self.look(item, depth)
            return
        if not isinstance(value, dict):
            return
        if "safe_mode" in value:
            self.found.suspicious.append(
                "The config sets 'safe_mode', which is for the caller to set; no effect here."
            )
        inner = value.get("config")
        if "class_name" in value and "config" in value:
            self._object(value, inner, depth)
        for key, item in value.items():
            if key == "layers" and isinstance(item, list):
                self._layers(item, depth + 1)
            elif key != "compile_config" or isinstance(item, dict):
                self.look(item, depth)

    def _layers(self, layers: list, depth: int) -> None:
        for layer in layers:
            if isinstance(layer, dict) and "class_name" in layer:
                inner = layer.get("config")
                inner = inner if isinstance(inner, dict) else {}
                name = layer.get("name") or inner.get("name") or ""
                self.found.layers.append(
                    LayerFacts(depth, str(name), str(layer["class_name"]), _detail(layer, inner))
                )
            self.look(layer, depth)

    def _object(self, config: dict[str, Any], inner: Any, depth: int) -> None:
        name, module = config["class_name"], config.get("module")
        label = (
            f" (layer {inner['name']!r})"
            if isinstance(inner, dict) and isinstance(inner.get("name"), str)
            else ""
        )
        if name == "__lambda__" or (name == "Lambda" and _is_code(inner)):
            self.found.suspicious.append(
                f"Code: a Lambda whose function is Python byte code{label}; it is never run."
            )
        elif name == "function":
            self._function(inner, module)
        elif isinstance(name, str) and not name.startswith("__"):
            self._class(name, module, label)
        if isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):
            self.found.suspicious.append(
                f"'{name}'{label} names the vocabulary file {inner['vocabulary']!r}; no other file is read."
            )

    def _function(self, name: Any, module: Any) -> None:
        from kerasish.serialization.registration import known_objects
        from kerasish.serialization.vocabulary import find_function

        if isinstance(name, str) and (find_function(name) or name in known_objects()):
            return
        self._unknown("function", str(name), module, "")

    def _class(self, name: str, module: Any, label: str) -> None:
        from kerasish.saving.legacy import arguments, functions
        from kerasish.serialization.registration import known_objects
        from kerasish.serialization.vocabulary import find_class

        if name in known_objects() or (self.old and name in (*functions.CLASSES, "Merge", "Model")):
            return
        names = {name, name.rpartition(">")[2], arguments.present_name(name) if self.old else name}
        if any(find_class(module if isinstance(module, str) else "keras", candidate) for candidate in names):
            return
        if self.old and any(find_class("keras", candidate) for candidate in names):
            return
        self._unknown("class", name, module, label)

    def _unknown(self, kind: str, name: str, module: Any, label: str) -> None:
        origin = f" of module {module!r}" if module else ""
        root = module.split(".")[0] if isinstance(module, str) else ""
        if root in (
            "keras",
            "tf_keras",
            "tensorflow",
            "builtins",
            "os",
            "sys",
            "subprocess",
            "posix",
            "nt",
            "shutil",
        ):
            text = (
                f"The {kind} {name!r}{origin}{label} is none that a model is made of; it is never looked up."
            )
            target = self.found.suspicious
        else:
            text = f"The {kind} {name!r}{origin}{label}: pass `custom_objects={{{name!r}: ...}}`."
            target = self.found.needed
        if text not in target:
            target.append(text)


def _is_code(inner: Any) -> bool:
    function = inner.get("function") if isinstance(inner, dict) else None
    return isinstance(function, list) or (
        isinstance(function, dict) and function.get("class_name") == "__lambda__"
    )


def _detail(layer: dict[str, Any], inner: dict[str, Any]) -> str:
    for key in ("batch_shape", "batch_input_shape"):
        if isinstance(inner.get(key), list):
            return f"{tuple(inner[key])}"
    build = layer.get("build_config")
    if isinstance(build, dict) and isinstance(build.get("input_shape"), list):
        shape = build["input_shape"]
        return f"input {tuple(shape) if not any(isinstance(s, list) for s in shape) else shape}"
    return ""
