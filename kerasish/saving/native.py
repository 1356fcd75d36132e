"""`.keras` archives and `.weights.h5` files, in the layout of Keras 3's saving library."""

from __future__ import annotations

import io
import math
import os
import warnings
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from kerasish.saving import json_text, walk
from kerasish.saving.archive import ASSETS, CONFIG, METADATA, WEIGHTS, ArchiveReader, is_zip
from kerasish.saving.atomic import replacing
from kerasish.saving.building import Building, building_errors, count_objects
from kerasish.saving.errors import NaNWeightsError, UnsafeFileError
from kerasish.saving.hdf5 import H5Reader, open_h5
from kerasish.saving.shards import SUFFIX as SHARDS
from kerasish.saving.shards import ShardsWriter, open_shards
from kerasish.saving.stores import AssetsFolder, WeightsFile, WeightsWriter
from kerasish.serialization import ObjectSharingScope, deserialize_keras_object, serialize_keras_object
from kerasish.serialization.registration import known_objects
from kerasish.version import __version__

# The release of Keras whose file layout this is.
KERAS_VERSION = "3.15.1"
# Up to so many weights are put together in memory, more of them in a file beside the target.
_IN_MEMORY_WEIGHTS = 16 << 20
_MAX_JSON_BYTES = 256 << 20


def save_archive(model: Any, target: Any) -> None:
    """Write a `.keras` archive to a path (atomically) or to a binary file object."""
    if not getattr(model, "built", True):
        warnings.warn(
            "You are saving a model that has not yet been built. It might not contain any weights yet. "
            "Consider building the model first by calling it on some data.",
            stacklevel=4,
        )
    if isinstance(target, io.IOBase):
        buffer = io.BytesIO()
        _write_archive(model, buffer, None)
        target.write(buffer.getvalue())
        return
    with replacing(target) as temporary, open(temporary, "xb") as file:
        _write_archive(model, file, temporary)


def _write_archive(model: Any, file: Any, path: str | None) -> None:
    import datetime
    import json
    import zipfile

    with ObjectSharingScope():
        config = serialize_keras_object(model)
    metadata = {
        "keras_version": KERAS_VERSION,
        "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
        "kerasish_version": __version__,
    }
    with zipfile.ZipFile(file, "w") as archive, AssetsFolder() as assets:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config))
        large = path is not None and sum(math.prod(v.shape) for v in model.variables) > _IN_MEMORY_WEIGHTS
        if large:
            weights_path = f"{path}.h5"
            try:
                write_weights(model, weights_path, assets=assets)
                archive.write(weights_path, WEIGHTS)
            finally:
                if os.path.exists(weights_path):
                    os.unlink(weights_path)
        else:
            image = io.BytesIO()
            write_weights(model, image, assets=assets)
            archive.writestr(WEIGHTS, image.getbuffer())
        for full, relative in assets.files():
            archive.write(full, f"{ASSETS}/{relative}")


def write_weights(model: Any, target: Any, skip: Any = (), assets: AssetsFolder | None = None) -> None:
    """Write a weights file to a path or a binary file object.

    Args:
        model: What to save; any state holder will do.
        target: Path or writable binary file object.
        skip: State holders to leave out.
        assets: Where layers with files of their own (vocabularies) put them; None to leave them out.
    """
    with WeightsWriter(target) as writer:
        _save_state(model, writer, assets, "", {id(item) for item in skip})


def save_weights(
    model: Any, filepath: str, objects_to_skip: Any = None, max_shard_bytes: float | None = None
) -> None:
    """Write a `.weights.h5` file, atomically; or a `.weights.json` and files that hold so many bytes of weights."""
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built. Try building the model first by calling it "
            "on some data or by using `build()`."
        )
    if max_shard_bytes is not None:
        with ShardsWriter(filepath, max_shard_bytes) as writer:
            _save_state(model, writer, None, "", {id(item) for item in objects_to_skip or ()})
        return
    with replacing(filepath) as temporary:
        write_weights(model, temporary, objects_to_skip or ())


def _save_state(
    saveable: Any, writer: WeightsWriter | ShardsWriter, assets: Any, path: str, visited: set[int]
) -> None:
    if id(saveable) in visited:
        return
    if hasattr(saveable, "save_own_variables"):
        name = getattr(saveable, "name", None)
        saveable.save_own_variables(writer.store(path, name if isinstance(name, str) else None))
    if assets is not None and _has_assets(saveable):
        saveable.save_assets(assets.make(path))
    visited.add(id(saveable))
    for name, child in walk.children(saveable):
        child_path = walk.join(path, name)
        if isinstance(child, (list, tuple, dict)):
            _save_container(child, writer, assets, child_path, visited, set())
        else:
            _save_state(child, writer, assets, child_path, visited)


def _save_container(
    container: Any,
    writer: WeightsWriter | ShardsWriter,
    assets: Any,
    path: str,
    visited: set[int],
    containers: set[int],
) -> None:
    if id(container) in containers:
        return
    containers.add(id(container))
    for name, child in walk.members(container):
        child_path = walk.join(path, name)
        if isinstance(child, (list, tuple, dict)):
            _save_container(child, writer, assets, child_path, visited, containers)
        else:
            _save_state(child, writer, assets, child_path, visited)


def _has_assets(saveable: Any) -> bool:
    """Whether the class saves files of its own: plain layers only inherit a method that does nothing."""
    method = getattr(type(saveable), "save_assets", None)
    return method is not None and getattr(method, "__qualname__", "") != "Layer.save_assets"


def load_archive(
    source: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    allow_nan: bool = False,
) -> Any:
    """Build the model of a `.keras` archive, given by its path or as a seekable binary file object."""
    with ExitStack() as stack:
        if isinstance(source, io.IOBase):
            archive = ArchiveReader(source, "the archive")  # type: ignore[arg-type]
        else:
            path = os.fspath(source)
            archive = ArchiveReader(stack.enter_context(open(path, "rb")), f"file {path!r}")
        config = _read_config(archive, custom_objects, allow_nan)
        if not compile:
            config.pop("compile_config", None)
        names = count_objects(config, archive.label)
        weights, size = stack.enter_context(open_weights(archive))
        drawn = not names.isdisjoint(known_objects(custom_objects))
        with Building(size, archive.label, drawn), building_errors(archive.label):
            with ObjectSharingScope():
                model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
            if not hasattr(model, "load_own_variables"):
                raise ValueError(
                    f"{archive.label} describes no model but a {type(model).__name__}: its config has the keys "
                    f"{sorted(config)[:8]}."
                )
            reader = stack.enter_context(H5Reader(weights, size, f"member {WEIGHTS!r} of {archive.label}"))
            assets = None
            if any(name.startswith(f"{ASSETS}/") for name in archive.members):
                assets = stack.enter_context(AssetsFolder())
                archive.extract_assets(assets.make(""))
            read_weights(model, WeightsFile([reader], allow_nan), assets=assets)
            _adapt(model, archive)
    return model


def _adapt(model: Any, archive: ArchiveReader) -> None:
    """Bring the weights of an archive of Keras 2 to what today's functions take."""
    version = keras_version(archive)
    if version.startswith("2."):
        from kerasish.saving.legacy.layouts import Origin, adapt_loaded

        adapt_loaded(model, Origin(version))


def _read_config(
    archive: ArchiveReader, custom_objects: dict[str, Any] | None, allow_nan: bool
) -> dict[str, Any]:
    config = read_json(archive, CONFIG, allow_nan)
    version = keras_version(archive)
    if version.startswith("2."):
        from kerasish.saving.legacy.configs import from_legacy

        config = from_legacy(config, custom_objects, version)
    return config


def keras_version(archive: ArchiveReader) -> str:
    """Return the release of Keras that wrote an archive; empty if it does not say."""
    metadata = read_json(archive, METADATA) if METADATA in archive.members else {}
    return str(metadata.get("keras_version", ""))


def read_json(archive: ArchiveReader, name: str, allow_nan: bool = False) -> dict[str, Any]:
    """Return the dict that a member holds as JSON text."""
    info = archive.members.get(name)
    if info is not None and info.file_size > _MAX_JSON_BYTES:
        raise UnsafeFileError(f"Not allowed: {name!r} of {archive.label} has {info.file_size} bytes.")
    content = json_text.parse(archive.read(name), f"{name!r} of {archive.label}", allow_nan)
    if not isinstance(content, dict):
        raise ValueError(f"{name!r} of {archive.label} should hold a dict, found a {type(content).__name__}.")
    return content


def open_weights(archive: ArchiveReader) -> AbstractContextManager[tuple[Any, int]]:
    """Return a context that gives the weights file of an archive, and its size."""
    if WEIGHTS not in archive.members and "model.weights.npz" in archive.members:
        raise ValueError(
            f"{archive.label} keeps its weights in 'model.weights.npz'; only {WEIGHTS!r} is supported. Save "
            "the model again with Keras's defaults."
        )
    return archive.open(WEIGHTS)


def load_weights(
    model: Any,
    filepath: str | os.PathLike,
    skip_mismatch: bool = False,
    objects_to_skip: Any = None,
    allow_nan: bool = False,
) -> None:
    """Load the weights of a `.weights.h5` or `.keras` file: all of them, or none and an error."""
    if not model.built:
        raise ValueError(
            "You are loading weights into a model that has not yet been built. Try building the model first "
            "by calling it on some data or by using `build()`."
        )
    path, archive = os.fspath(filepath), None
    if not os.path.exists(path):
        raise FileNotFoundError(f"File not found: filepath={path}. Check the path and the current directory.")
    file = None
    try:
        with ExitStack() as stack:
            if path.endswith(SHARDS):
                readers = open_shards(path, stack)
            elif is_zip(path):
                archive = ArchiveReader(stack.enter_context(open(path, "rb")), f"file {path!r}")
                weights, size = stack.enter_context(open_weights(archive))
                label = f"member {WEIGHTS!r} of {archive.label}"
                readers = [stack.enter_context(H5Reader(weights, size, label))]
            else:
                readers = [stack.enter_context(open_h5(path))]
            file = WeightsFile(readers, allow_nan)
            read_weights(model, file, skip_mismatch, objects_to_skip or ())
            if archive is not None:
                _adapt(model, archive)
    except BaseException:
        if file is not None:
            file.undo()
        raise


def read_weights(
    model: Any,
    file: WeightsFile,
    skip_mismatch: bool = False,
    skip: Any = (),
    assets: AssetsFolder | None = None,
) -> None:
    """Load the state in `file` into `model`.

    Raises:
        ValueError: if a state holder could not be loaded, or the file has layers that the model has not. With
            `skip_mismatch` these are warnings.
    """
    failures: dict[int, tuple[Any, Exception]] = {}
    _Loading(file, assets, {id(item) for item in skip}, failures).load(model, "")
    unused = [] if skip else file.unused_layers()
    if not failures and not unused:
        return
    if failures:
        holder, error = next(iter(failures.values()))
        message = (
            f"A total of {len(failures)} objects could not be loaded. Example error message for object "
            f"{holder}:\n\n{error}\n\nList of objects that could not be loaded:\n"
            f"{[holder for holder, _ in failures.values()]}"
        )
    else:
        message = (
            f"Layer count mismatch when loading weights: {file.label} holds weights for layers that "
            f"the model '{getattr(model, 'name', model)}' does not have: {unused}. Load it into a model "
            "with the same layers, or pass `skip_mismatch=True` to load what fits."
        )
    if not skip_mismatch:
        raise ValueError(message)
    warnings.warn(message, stacklevel=4)


class _Loading:
    """One pass over a model and a weights file."""

    def __init__(self, file: WeightsFile, assets: Any, visited: set[int], failures: dict) -> None:
        self.file, self.assets, self.visited, self.failures = file, assets, visited, failures

    def load(self, saveable: Any, path: str) -> None:
        """Load a state holder and all it holds. One that fails may be found again under another path."""
        if id(saveable) in self.visited:
            return
        error = self._load_own(saveable, path)
        if error is not None:
            self.failures[id(saveable)] = (saveable, error)
        before = len(self.failures)
        for name, child in walk.children(saveable):
            child_path = walk.join(path, name)
            if isinstance(child, (list, tuple, dict)):
                self._load_container(child, child_path, set())
            else:
                self.load(child, child_path)
        if error is None:
            if len(self.failures) <= before:
                self.visited.add(id(saveable))
            self.failures.pop(id(saveable), None)

    def _load_own(self, saveable: Any, path: str) -> Exception | None:
        mark = self.file.mark()
        try:
            if hasattr(saveable, "load_own_variables"):
                saveable.load_own_variables(self.file.store(path, saveable))
            if self.assets is not None and _has_assets(saveable):
                saveable.load_assets(self.assets.get(path))
        except (UnsafeFileError, NaNWeightsError, MemoryError):
            raise
        except Exception as error:
            self.file.undo(mark)
            return error
        return None

    def _load_container(self, container: Any, path: str, containers: set[int]) -> None:
        if id(container) in containers:
            return
        containers.add(id(container))
        for name, child in walk.members(container):
            child_path = walk.join(path, name)
            if isinstance(child, (list, tuple, dict)):
                # Files of Keras before 3.13 have no groups for containers in containers.
                if self.file.has(child_path):
                    self._load_container(child, child_path, containers)
            else:
                self.load(child, child_path)
