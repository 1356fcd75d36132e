"""What layers and optimizers write variables to and read them from: dict-like views of an HDF5 group."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerasish.saving import walk
from kerasish.saving.errors import NaNWeightsError
from kerasish.saving.h5_output import h5_output
from kerasish.saving.hdf5 import Group, H5Reader

_LAYERS = ("layers", "_layer_checkpoint_dependencies")  # the second is Keras 2.13's name


class WeightsWriter:
    """A weights file open for writing; use it in a `with` block."""

    def __init__(self, target: Any) -> None:
        self._output = h5_output(target)

    def __enter__(self) -> WeightsWriter:
        self._file = self._output.__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._output.__exit__(*exc_info)

    def store(self, path: str, name: str | None) -> WriteStore:
        """Return the store of the state holder at `path`; one with a name gets its group even if empty."""
        store = WriteStore(self, walk.join(path, "vars"), name)
        if name:
            self.group(store, 0)
        return store

    def group(self, store: WriteStore, _size: int) -> Any:
        """Return the group of a store, made if need be."""
        return named_group(self._file, store)


def named_group(file: Any, store: WriteStore) -> Any:
    """Return the group of a store in a file that is written; a new one is given the name of what it belongs to."""
    group = file.require_group(store.path)
    if store.name and "name" not in group.attrs:
        group.attrs["name"] = store.name
    return group


class WriteStore:
    """Keys and arrays of one state holder, written as they come.

    Args:
        writer: What is written to. `writer.group(store, size)` gives the group that takes the next `size` bytes.
        path: The group's path.
        name: The name of what the arrays belong to.
    """

    def __init__(self, writer: Any, path: str, name: str | None) -> None:
        self._writer, self.path, self.name = writer, path, name

    def __setitem__(self, key: str, value: Any) -> None:
        array = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
        group = self._writer.group(self, array.nbytes)
        if array.dtype.name == "bfloat16":
            dataset = group.create_dataset(key, data=array.view("V2"))
            dataset.attrs["dtype"] = "bfloat16"
        else:
            group[key] = array


class WeightsFile:
    """A weights file open for reading, with a record of what loading has changed.

    Args:
        readers: The file, or the files that its weights are spread over.
        allow_nan: Whether NaN may be loaded.
    """

    def __init__(self, readers: Sequence[H5Reader], allow_nan: bool = False) -> None:
        self.readers, self.allow_nan = readers, allow_nan
        self.label = readers[0].label if len(readers) == 1 else f"the {len(readers)} weights files"
        self._used: set[str] = set()
        self._journal: list[tuple[Any, Any]] = []

    def store(self, path: str, holder: Any) -> ReadStore:
        """Return the store at `path`, empty if the file has none, and note the present state of `holder`."""
        variables = walk.own_variables(holder)
        self._journal += [(variable, variable.value) for variable in variables]
        for candidate in self._spellings(walk.join(path, "vars")):
            groups = [(r, r.group(r.file, candidate)) for r in self.readers if r.has(r.file, candidate)]
            if groups:
                self._used.add(candidate)
                return ReadStore(self, groups, variables)
        return ReadStore(self, [], variables)

    def has(self, path: str) -> bool:
        """Whether the file has a group at `path`."""
        return any(reader.has(reader.file, name) for name in self._spellings(path) for reader in self.readers)

    @staticmethod
    def _spellings(path: str) -> Iterator[str]:
        """The path, as Keras 3, Keras 2.13, and Keras 2 on Windows wrote it."""
        yield path
        if path.startswith("layers/"):
            yield path.replace("layers", _LAYERS[1])
        folder, _, last = path.rpartition("/")
        if "/" in folder:
            yield folder.replace("/", "\\") + "/" + last

    def mark(self) -> int:
        """Return the present length of the record of changes, for `undo`."""
        return len(self._journal)

    def undo(self, mark: int = 0) -> None:
        """Give the variables noted since `mark` the values they had."""
        for variable, value in reversed(self._journal[mark:]):
            variable.assign(value)
        del self._journal[mark:]

    def unused_layers(self) -> list[str]:
        """Return the layers of the file that hold weights and were not asked for."""
        names: dict[str, None] = {}
        for reader in self.readers:
            for folder in _LAYERS:
                if not reader.has(reader.file, folder):
                    continue
                for name in reader.names(reader.group(reader.file, folder)):
                    path = f"{folder}/{name}"
                    used = any(used == path or used.startswith(f"{path}/") for used in self._used)
                    if not used and _holds_arrays(reader, path, depth=0):
                        names[path] = None
        return list(names)


def _holds_arrays(reader: H5Reader, path: str, depth: int) -> bool:
    if not reader.has(reader.file, path):
        return False
    folder, _, last = path.rpartition("/")
    node = reader.child(reader.group(reader.file, folder), last)
    if not isinstance(node, Group):
        return True
    return depth < 16 and any(
        _holds_arrays(reader, f"{path}/{name}", depth + 1) for name in reader.names(node)
    )


class ReadStore:
    """Keys and arrays of one state holder; each array is read when asked for."""

    def __init__(self, file: WeightsFile, groups: list[tuple[H5Reader, Any]], variables: list[Any]) -> None:
        self._file, self._variables = file, variables
        self._keys = {name: (reader, group) for reader, group in groups for name in reader.names(group)}

    def keys(self) -> list[str]:
        return list(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self._keys:
            raise KeyError(f"{self._file.label} holds nothing for this object, so no {key!r} either.")
        reader, group = self._keys[key]
        array = reader.array(group, key)
        if not self._file.allow_nan:
            refuse_nan(array, self._describe(key))
        return array

    def take(self, key: str) -> np.ndarray:
        """Return the array of a key, which nothing else refers to."""
        return self[key]

    def _describe(self, key: str) -> str:
        reader, group = self._keys[key]
        where = f"{group.name}/{key} of {reader.label}"
        if key.isdigit() and int(key) < len(self._variables):
            return f"variable '{self._variables[int(key)].path}' ({where})"
        return where


def refuse_nan(array: np.ndarray, what: str) -> None:
    """Raise NaNWeightsError if there is a NaN in `array`."""
    # The minimum is NaN if any element is, and costs no temporary array.
    if array.dtype.kind in "fc" and array.size and np.isnan(array.min()):
        count = int(np.isnan(array).sum())
        raise NaNWeightsError(
            f"NaN in weights: {count} of {array.size} values of {what} are NaN, so whatever the model "
            "computes would be NaN too. Load another checkpoint, or pass `allow_nan=True` to load it as it "
            "is."
        )


class AssetsFolder:
    """A temporary folder, made when first used, below which layers keep files of their own; for a `with` block."""

    def __init__(self) -> None:
        self._folder: str | None = None

    def __enter__(self) -> AssetsFolder:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._folder is not None:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)

    def make(self, path: str) -> str:
        """Return the folder of the state holder at `path`, created if need be."""
        if self._folder is None:
            import tempfile

            self._folder = tempfile.mkdtemp()
        folder = os.path.join(self._folder, *path.split("/")) if path else self._folder
        os.makedirs(folder, exist_ok=True)
        return folder

    def get(self, path: str) -> str | None:
        """Return the folder of the state holder at `path`, or None if there is none."""
        if self._folder is None:
            return None
        folder = os.path.join(self._folder, *path.split("/")) if path else self._folder
        return folder if os.path.isdir(folder) else None

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield each file's full path and its path below the folder, with forward slashes."""
        for root, _, names in os.walk(self._folder) if self._folder is not None else ():
            for name in sorted(names):
                full = os.path.join(root, name)
                yield full, os.path.relpath(full, self._folder).replace(os.sep, "/")
