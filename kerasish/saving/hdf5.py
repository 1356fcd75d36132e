"""Reading HDF5 files of unknown origin, one checked step at a time.

HDF5 can point outside the file (soft and external links, external and virtual datasets), load filter plugins,
and declare arrays far larger than what it stores. Everything here goes through `H5Reader`, which refuses
these.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from kerasish.saving.errors import UnsafeFileError, readable_size

# A dataset may declare this much without storing it (fill values), and this many times what it stores.
FREE_BYTES = 16 << 20
MAX_EXPANSION = 100
# Filters that come with HDF5 and h5py: deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf.
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})


def _guarded(method: Callable) -> Callable:
    """Turn what h5py raises on damaged files (KeyError, RuntimeError, ...) into one error that names the file."""

    @wraps(method)
    def wrapper(self: H5Reader, *args: Any) -> Any:
        try:
            return method(self, *args)
        except (KeyError, RuntimeError, OSError, UnicodeError) as error:
            detail = error.args[0] if error.args else error
            raise ValueError(f"{self.label} is damaged or was not written by Keras: {detail}") from error

    return wrapper


class H5Reader:
    """An HDF5 file open for reading.

    Args:
        source: A path or a binary file object.
        size: Bytes of the file.
        label: What error messages call the file.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it is not an HDF5 file or is truncated.
    """

    def __init__(self, source: Any, size: int, label: str) -> None:
        import h5py

        self.label, self.size = label, size
        self.declared = 0
        try:
            self.file = h5py.File(source, "r")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise OSError(
                f"{label} ({readable_size(size)}) cannot be read: it is not an HDF5 file, or it is damaged "
                f"or truncated. HDF5 says: {error}"
            ) from error

    def __enter__(self) -> H5Reader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.file.close()

    @_guarded
    def has(self, group: Any, path: str) -> bool:
        """Whether `path` exists below `group`, every step of it a hard link."""
        for name in path.split("/"):
            if not self._has_child(group, name):
                return False
            group = group[name]
        return True

    @_guarded
    def group(self, parent: Any, path: str) -> Any:
        """Return the group at `path` below `parent`.

        Raises:
            ValueError: if there is none or something else is there; `UnsafeFileError` if it is a link.
        """
        import h5py

        for name in path.split("/"):
            if not name or not self._has_child(parent, name):
                raise KeyError(f"{self.label} has no group {path!r} in {parent.name!r}.")
            parent = parent[name]
            if not isinstance(parent, h5py.Group):
                raise ValueError(f"{self.label}: expected {parent.name!r} to be a group, found {parent!r}.")
        return parent

    @_guarded
    def dataset(self, parent: Any, path: str) -> Any:
        """Return the dataset at `path` below `parent`, checked but not read.

        Raises:
            ValueError: if there is none or it is no array of numbers; `UnsafeFileError` if it is refused.
        """
        import h5py

        folder, _, name = path.rpartition("/")
        group = self.group(parent, folder) if folder else parent
        if not name or not self._has_child(group, name):
            raise KeyError(f"{self.label} has no dataset {path!r} in {parent.name!r}.")
        dataset = group[name]
        if not isinstance(dataset, h5py.Dataset):
            raise ValueError(f"{self.label}: expected {dataset.name!r} to be a dataset, found {dataset!r}.")
        self._check(dataset)
        return dataset

    @_guarded
    def array(self, parent: Any, path: str) -> np.ndarray:
        """Read the dataset at `path` below `parent`, after checking what reading it would take."""
        dataset = self.dataset(parent, path)
        self._check_size(dataset)
        values = np.empty(dataset.shape, dataset.dtype)
        if values.size:
            dataset.read_direct(values)
        if dataset.attrs.get("dtype") == "bfloat16":
            return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))

    @_guarded
    def child(self, group: Any, name: str) -> Any:
        """Return what is directly below a group under `name`, group or dataset; None if there is nothing."""
        return group[name] if self._has_child(group, name) else None

    @_guarded
    def names(self, group: Any) -> list[str]:
        """Return the names of what is directly below a group."""
        return list(group)

    @_guarded
    def text(self, group: Any, name: str) -> str | None:
        """Return the attribute `name` of a group, a text, or None if there is none."""
        value = self._attribute(group, name)
        if isinstance(value, (bytes, np.bytes_)):
            return value.decode("utf-8")
        if value is None or isinstance(value, str):
            return value
        raise ValueError(f"{self.label}: expected the attribute {name!r} to be text, found {type(value)}.")

    @_guarded
    def texts(self, group: Any, name: str) -> list[str]:
        """Return the attribute `name` of a group, a list of texts; it may be split over `name0`, `name1`, ..."""
        parts = [self._attribute(group, name)]
        if parts[0] is None:
            parts = []
            while (part := self._attribute(group, f"{name}{len(parts)}")) is not None:
                parts.append(part)
        values = [value for part in parts for value in np.asarray(part).ravel().tolist()]
        return [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]

    def _attribute(self, group: Any, name: str) -> Any:
        from h5py import h5a

        key = name.encode("utf-8")
        if not h5a.exists(group.id, key):
            return None
        attribute = h5a.open(group.id, key)
        stored = attribute.get_space().get_simple_extent_npoints() * attribute.get_type().get_size()
        if stored > self.size:
            raise UnsafeFileError(
                f"Not allowed: the attribute {name!r} of {group.name!r} in {self.label} declares "
                f"{readable_size(stored)}, but the file has {readable_size(self.size)}."
            )
        return group.attrs[name]

    def _has_child(self, group: Any, name: str) -> bool:
        import h5py
        from h5py import h5l

        key = name.encode("utf-8", "surrogateescape")
        if not key or not isinstance(group, h5py.Group) or not group.id.links.exists(key):
            return False
        kind = group.id.links.get_info(key).type
        if kind != h5l.TYPE_HARD:
            found = {h5l.TYPE_SOFT: "SoftLink", h5l.TYPE_EXTERNAL: "ExternalLink"}.get(
                kind, f"link of type {kind}"
            )
            raise UnsafeFileError(
                f"Not allowed: H5 file with {found}. {self.label} has one at "
                f"{group.name.rstrip('/')}/{name}; links may lead out of the file, so none is followed."
            )
        return True

    def _check(self, dataset: Any) -> None:
        from h5py import h5d

        where = f"dataset {dataset.name!r} of {self.label}"
        plist = dataset.id.get_create_plist()
        if plist.get_external_count():
            raise UnsafeFileError(
                f"Not allowed: H5 file with external Dataset: {where} names {dataset.external}."
            )
        layout = plist.get_layout()
        if layout == h5d.VIRTUAL:
            raise UnsafeFileError(
                f"Not allowed: H5 file with virtual Dataset: {where} is put together from others."
            )
        if layout not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
            raise UnsafeFileError(f"Not allowed: {where} has a storage layout of unknown kind {layout}.")
        filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        if not _FILTERS.issuperset(filters):
            raise UnsafeFileError(
                f"Not allowed: {where} needs HDF5 filter plugins; its filter ids are {filters}."
            )
        bfloat16 = dataset.dtype == np.dtype("V2") and dataset.attrs.get("dtype") == "bfloat16"
        if dataset.shape is None or (dataset.dtype.kind not in "fiubc" and not bfloat16):
            raise ValueError(f"Expected {where} to be an array of numbers, found dtype {dataset.dtype}.")

    def _check_size(self, dataset: Any) -> None:
        itemsize = dataset.dtype.itemsize
        declared = math.prod(dataset.shape) * itemsize
        needed = max(declared, math.prod(dataset.chunks) * itemsize if dataset.chunks else 0)
        # A contiguous dataset's "stored" size is what it declares, even where the file ends before.
        stored = min(dataset.id.get_storage_size(), self.size)
        self.declared += declared
        if needed > FREE_BYTES + MAX_EXPANSION * stored:
            raise UnsafeFileError(
                f"Not allowed: dataset {dataset.name!r} of {self.label} declares shape {dataset.shape} and "
                f"dtype {dataset.dtype}, which need {readable_size(needed)}, but stores "
                f"{readable_size(stored)}; refusing to allocate that much."
            )
        if self.declared > 4 * FREE_BYTES + MAX_EXPANSION * self.size:
            raise UnsafeFileError(
                f"Not allowed: the datasets of {self.label} read so far, up to {dataset.name!r}, declare "
                f"{readable_size(self.declared)}, but the file has {readable_size(self.size)}."
            )


def open_h5(filepath: str | os.PathLike) -> H5Reader:
    """Open an HDF5 file by its path.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it is not an HDF5 file or is truncated.
    """
    path = os.fspath(filepath)
    if not os.path.exists(path):
        raise FileNotFoundError(f"File not found: filepath={path}. Check the path and the current directory.")
    return H5Reader(path, os.path.getsize(path), f"file {path!r}")
