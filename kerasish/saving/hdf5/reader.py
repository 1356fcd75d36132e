"""What the rest of kerasish asks of an HDF5 file: groups, texts and arrays of numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from kerasish.saving.errors import UnsafeFileError, readable_size
from kerasish.saving.hdf5.datasets import FREE_BYTES, MAX_EXPANSION, Contents
from kerasish.saving.hdf5.heaps import FractalHeap, GlobalHeaps, records
from kerasish.saving.hdf5.image import UNDEFINED, DamagedError, Fields, Image
from kerasish.saving.hdf5.links import Link, is_group, read_links
from kerasish.saving.hdf5.objects import ATTRIBUTE, ATTRIBUTE_INFO, Message, read_messages, root_address
from kerasish.saving.hdf5.values import Attribute, attribute_value, read_attribute


class Node:
    """A group or a dataset of a file.

    Args:
        name: Its path in the file.
        address: Where its header is.
        messages: What the header says.
    """

    def __init__(self, name: str, address: int, messages: list[Message]) -> None:
        self.name, self.address, self.messages = name, address, messages
        self.attributes: dict[str, Attribute] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__.lower()} {self.name!r}"


class Group(Node):
    """A group: what is in it is found when first asked for."""

    links: dict[str, Link] | None = None


class Dataset(Node):
    """A dataset, its values not read yet."""

    def __init__(self, name: str, address: int, messages: list[Message], contents: Contents) -> None:
        super().__init__(name, address, messages)
        self.contents = contents

    @property
    def shape(self) -> tuple[int, ...]:
        return self.contents.shape or ()

    @property
    def dtype(self) -> np.dtype | None:
        return self.contents.type.dtype


def _guarded(method: Callable) -> Callable:
    """Turn what damaged files lead to into one error that names the file."""

    @wraps(method)
    def wrapper(self: H5Reader, *args: Any) -> Any:
        try:
            return method(self, *args)
        except (DamagedError, OverflowError, UnicodeError) as error:
            raise ValueError(f"{self.label} is damaged or was not written by Keras: {error}") from error

    return wrapper


class H5Reader:
    """An HDF5 file open for reading.

    Args:
        source: A path or a binary file object, which stays open.
        size: Bytes of the file.
        label: What error messages call the file.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it is not an HDF5 file or is truncated.
    """

    def __init__(self, source: Any, size: int, label: str) -> None:
        self.label, self.size = label, size
        self.declared = 0
        path = isinstance(source, (str, os.PathLike))
        self._opened = open(source, "rb") if path else None  # noqa: SIM115 (closed at the end of the context)
        # A part of a file is read from the file itself.
        file, start = getattr(source, "origin", (self._opened or source, 0))
        self._image = Image(file, start, size, label)
        self._heaps = GlobalHeaps(self._image)
        self._nodes: dict[str, Node] = {}
        try:
            root = self._open("/", root_address(self._image))
            if not isinstance(root, Group):
                raise DamagedError("its root is no group")
            self.file = root
        except DamagedError as error:
            self.__exit__()
            raise OSError(
                f"{label} ({readable_size(size)}) cannot be read: it is not an HDF5 file, or it is damaged "
                f"or truncated: {error}."
            ) from error

    def __enter__(self) -> H5Reader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._opened is not None:
            self._opened.close()

    @_guarded
    def has(self, group: Group, path: str) -> bool:
        """Whether `path` exists below `group`, every step of it a hard link."""
        node: Node | None = group
        for name in path.split("/"):
            node = self._child(node, name)
            if node is None:
                return False
        return True

    @_guarded
    def group(self, parent: Group, path: str) -> Group:
        """Return the group at `path` below `parent`.

        Raises:
            ValueError: if there is none or something else is there; `UnsafeFileError` if it is a link.
        """
        return self._group(parent, path)

    @_guarded
    def dataset(self, parent: Group, path: str) -> Dataset:
        """Return the dataset at `path` below `parent`, checked but not read.

        Raises:
            ValueError: if there is none or it is no array of numbers; `UnsafeFileError` if it is refused.
        """
        return self._dataset(parent, path)

    @_guarded
    def array(self, parent: Group, path: str) -> np.ndarray:
        """Read the dataset at `path` below `parent`, after checking what reading it would take.

        Returns:
            An array that nothing else refers to.
        """
        dataset = self._dataset(parent, path)
        self._check_size(dataset)
        dtype = dataset.dtype
        assert dtype is not None  # as `_dataset` has checked
        values = np.empty(dataset.shape, dtype)
        if values.size:
            dataset.contents.read_into(values)
        if dtype.kind == "V":  # bfloat16
            return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        if dtype.kind == "b":  # whose bytes may be any
            return values.view(np.uint8) != 0
        return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))

    @_guarded
    def check(self, parent: Group, path: str) -> None:
        """Raise what reading the dataset at `path` below `parent` would raise before it takes any memory."""
        self._check_size(self._dataset(parent, path))

    @_guarded
    def child(self, group: Group, name: str) -> Node | None:
        """Return what is directly below a group under `name`, group or dataset; None if there is nothing."""
        return self._child(group, name)

    @_guarded
    def names(self, group: Group) -> list[str]:
        """Return the names of what is directly below a group."""
        return list(self._links(group))

    @_guarded
    def link_kind(self, group: Group, name: str) -> str:
        """Return what kind of link a name in a group is: empty for a hard one, the only kind that is followed."""
        return self._links(group)[name].soft

    @_guarded
    def attribute_names(self, node: Node) -> list[str]:
        """Return the names of the attributes of a group or dataset."""
        return list(self._attributes(node))

    @_guarded
    def text(self, node: Node, name: str) -> str | None:
        """Return the attribute `name` of a group, a text, or None if there is none."""
        value = self._attribute(node, name)
        if isinstance(value, (bytes, np.bytes_)):
            return value.decode("utf-8")
        if value is None:
            return None
        raise ValueError(f"{self.label}: expected the attribute {name!r} to be text, found {type(value)}.")

    @_guarded
    def texts(self, group: Group, name: str) -> list[str]:
        """Return the attribute `name` of a group, a list of texts; it may be split over `name0`, `name1`, ..."""
        parts = [self._attribute(group, name)]
        if parts[0] is None:
            parts = []
            while (part := self._attribute(group, f"{name}{len(parts)}")) is not None:
                parts.append(part)
        values: list[Any] = []
        for part in parts:
            values += part if isinstance(part, list) else np.asarray(part).ravel().tolist()
        return [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values]

    # Inside, where errors are `DamagedError`

    def _open(self, name: str, address: int) -> Node:
        messages = read_messages(self._image, address)
        if is_group(messages):
            return Group(name, address, messages)
        return Dataset(name, address, messages, Contents(self._image, messages, self._where(name)))

    def _where(self, name: str) -> str:
        return f"dataset {name!r} of {self.label}"

    def _links(self, group: Group) -> dict[str, Link]:
        if group.links is None:
            group.links = read_links(self._image, group.messages)
        return group.links

    def _child(self, group: Node | None, name: str) -> Node | None:
        if not isinstance(group, Group) or not name:
            return None
        link = self._links(group).get(name)
        if link is None:
            return None
        path = f"{group.name.rstrip('/')}/{name}"
        if link.soft:
            raise UnsafeFileError(
                f"Not allowed: H5 file with {link.soft}. {self.label} has one at {path}; links may lead out of the "
                "file, so none is followed."
            )
        if path not in self._nodes:
            self._image.spend()
            self._nodes[path] = self._open(path, link.address)
        return self._nodes[path]

    def _group(self, parent: Group, path: str) -> Group:
        for name in path.split("/"):
            child = self._child(parent, name)
            if child is None:
                raise ValueError(
                    f"{self.label} is damaged or was not written by Keras: it has no group {path!r} in {parent.name!r}."
                )
            if not isinstance(child, Group):
                raise ValueError(f"{self.label}: expected {child.name!r} to be a group, found {child!r}.")
            parent = child
        return parent

    def _dataset(self, parent: Group, path: str) -> Dataset:
        folder, _, name = path.rpartition("/")
        dataset = self._child(self._group(parent, folder) if folder else parent, name)
        if dataset is None:
            raise ValueError(
                f"{self.label} is damaged or was not written by Keras: it has no dataset {path!r} in {parent.name!r}."
            )
        if not isinstance(dataset, Dataset):
            raise ValueError(f"{self.label}: expected {dataset.name!r} to be a dataset, found {dataset!r}.")
        dtype = dataset.dtype
        bfloat16 = dtype == np.dtype("V2") and self._attribute(dataset, "dtype") in (b"bfloat16", "bfloat16")
        if dataset.contents.shape is None or dtype is None or (dtype.kind not in "fiubc" and not bfloat16):
            raise ValueError(
                f"Expected {self._where(dataset.name)} to be an array of numbers, found {dataset.contents.type.title}."
            )
        return dataset

    def _check_size(self, dataset: Dataset) -> None:
        contents = dataset.contents
        needed, stored = contents.needed(), contents.stored()
        self.declared += contents.declared
        if needed > FREE_BYTES + MAX_EXPANSION * stored:
            raise UnsafeFileError(
                f"Not allowed: {self._where(dataset.name)} declares shape {dataset.shape} and dtype {dataset.dtype}, "
                f"which need {readable_size(needed)}, but stores {readable_size(stored)}; refusing to allocate that "
                "much."
            )
        if self.declared > 4 * FREE_BYTES + MAX_EXPANSION * self.size:
            raise UnsafeFileError(
                f"Not allowed: the datasets of {self.label} read so far, up to {dataset.name!r}, declare "
                f"{readable_size(self.declared)}, but the file has {readable_size(self.size)}."
            )

    def _attributes(self, node: Node) -> dict[str, Attribute]:
        if node.attributes is None:
            found = [read_attribute(m.fields("an attribute")) for m in node.messages if m.kind == ATTRIBUTE]
            for message in node.messages:
                if message.kind == ATTRIBUTE_INFO:
                    found += self._dense_attributes(message.fields("a list of attributes"))
            self._image.spend(len(found))
            node.attributes = {attribute.name: attribute for attribute in found}
        return node.attributes

    def _dense_attributes(self, fields: Fields) -> list[Attribute]:
        version, flags = fields.numbers(1, 1)
        if version != 0:
            raise DamagedError(f"{fields.what} has version {version}")
        fields.take(2 if flags & 1 else 0)
        heap_address, tree = fields.numbers(8, 8)
        if heap_address == UNDEFINED:
            return []
        heap = FractalHeap(self._image, heap_address)
        found = [heap.object(record[:8]) for record in records(self._image, tree, 8)]
        return [read_attribute(Fields(data, "an attribute")) for data in found]

    def _attribute(self, node: Node, name: str) -> Any:
        attribute = self._attributes(node).get(name)
        return None if attribute is None else attribute_value(attribute, self._image, self._heaps)


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
