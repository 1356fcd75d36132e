"""Datasets: what they declare, where their values are, and reading them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kerasish.saving.errors import UnsafeFileError, readable_size
from kerasish.saving.hdf5.image import UNDEFINED, DamagedError, Fields, Image
from kerasish.saving.hdf5.links import tree_entries
from kerasish.saving.hdf5.objects import (
    DATASPACE,
    DATATYPE,
    EXTERNAL_FILES,
    FILL,
    FILTERS,
    LAYOUT,
    OLD_FILL,
    Message,
)
from kerasish.saving.hdf5.values import Type, read_shape, read_type

# A dataset may declare this much without storing it (fill values), and this many times what it stores.
FREE_BYTES = 16 << 20
MAX_EXPANSION = 100
_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_COMPACT, _CONTIGUOUS, _CHUNKED, _VIRTUAL = range(4)


class Chunk(NamedTuple):
    """A piece of a dataset: where in the dataset and in the file it is, its bytes, and the filters left out."""

    place: tuple[int, ...]
    address: int
    size: int
    mask: int


class Layout(NamedTuple):
    """Where the values of a dataset are."""

    kind: int
    address: int = UNDEFINED
    size: int = 0
    data: bytes = b""
    chunk: tuple[int, ...] = ()
    single: bool = False
    mask: int = 0


class Contents:
    """The values of a dataset, not read yet.

    Args:
        image: The file.
        messages: The messages of the dataset's header.
        where: What error messages call the dataset.

    Raises:
        UnsafeFileError: if the values are not in the file itself, or take code that is not here.
        ValueError: if they are no numbers.
    """

    def __init__(self, image: Image, messages: list[Message], where: str) -> None:
        self._image, self._where = image, where
        found = {message.kind: message for message in messages}
        if EXTERNAL_FILES in found:
            names = _printable(found[EXTERNAL_FILES].data, image)
            raise UnsafeFileError(
                f"Not allowed: H5 file with external Dataset: {where} is stored in other files{names}."
            )
        for kind in (DATASPACE, DATATYPE, LAYOUT):
            if kind not in found:
                raise DamagedError(f"{where} says nothing of its shape, its type or where it is stored")
        self.layout = _read_layout(found[LAYOUT].fields(f"the layout of {where}"), where)
        self._filters = (
            _read_filters(found[FILTERS].fields(f"the filters of {where}")) if FILTERS in found else []
        )
        if not {_DEFLATE, _SHUFFLE, _FLETCHER32}.issuperset(self._filters):
            raise UnsafeFileError(
                f"Not allowed: {where} needs HDF5 filter plugins; its filter ids are {self._filters}. Only deflate "
                "(gzip), shuffle and fletcher32 are read."
            )
        self.shape = read_shape(found[DATASPACE].fields(f"the shape of {where}"))
        self.type: Type = read_type(found[DATATYPE].fields(f"the type of {where}"))
        fill = found.get(FILL) or found.get(OLD_FILL)
        self._fill = b"" if fill is None else _read_fill(fill)
        self._chunks: list[Chunk] | None = None
        if (
            self.layout.kind == _CHUNKED
            and self.shape is not None
            and len(self.layout.chunk) != len(self.shape)
        ):
            raise DamagedError(f"{where} of shape {self.shape} has chunks of shape {self.layout.chunk}")

    @property
    def declared(self) -> int:
        """Bytes of the values in memory."""
        return math.prod(self.shape or ()) * self.type.size

    def needed(self) -> int:
        """Return the bytes that reading takes."""
        return max(self.declared, math.prod(self.layout.chunk) * self.type.size)

    def stored(self) -> int:
        """Return the bytes of the values in the file."""
        if self.layout.kind == _COMPACT:
            return len(self.layout.data)
        if self.layout.kind == _CONTIGUOUS:
            return 0 if self.layout.address == UNDEFINED else min(self.layout.size, self._image.size)
        return min(sum(chunk.size for chunk in self.chunks()), self._image.size)

    def read_into(self, values: np.ndarray) -> None:
        """Fill a C-contiguous array of the dataset's shape, whose elements have the dataset's size."""
        view = memoryview(values.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        if self.layout.kind == _CHUNKED:
            self._read_chunks(values)
        elif self.layout.kind == _COMPACT:
            if len(self.layout.data) < len(view):
                raise DamagedError(f"{self._where} stores {len(self.layout.data)} of {len(view)} bytes")
            view[:] = self.layout.data[: len(view)]
        elif self.layout.address == UNDEFINED:
            self._fill_in(values)
        elif self.layout.size < len(view):
            raise DamagedError(f"{self._where} stores {self.layout.size} of {len(view)} bytes")
        else:
            self._image.read_into(self.layout.address, view, self._where)

    def _fill_in(self, values: np.ndarray) -> None:
        if any(self._fill):
            if len(self._fill) != self.type.size:
                raise DamagedError(f"{self._where} has a fill value of {len(self._fill)} bytes")
            values[...] = np.frombuffer(self._fill, values.dtype)[0]
        else:
            values.reshape(-1).view(np.uint8)[:] = 0

    def chunks(self) -> list[Chunk]:
        """Return the pieces that a dataset stored in pieces has in the file."""
        if self._chunks is None:
            self._chunks = self._find_chunks()
        return self._chunks

    def _find_chunks(self) -> list[Chunk]:
        layout, rank = self.layout, len(self.layout.chunk)
        if layout.address == UNDEFINED:
            return []
        if layout.single:
            return [Chunk((0,) * rank, layout.address, layout.size, layout.mask)]
        found = []
        for key, address in tree_entries(self._image, layout.address, 1, 8 + 8 * (rank + 1)):
            fields = Fields(key, f"a chunk of {self._where}")
            size, mask = fields.numbers(4, 4)
            found.append(Chunk(fields.numbers(*(8,) * rank), address, size, mask))
        return found

    def _read_chunks(self, values: np.ndarray) -> None:
        self._fill_in(values)
        shape, chunk_shape = values.shape, self.layout.chunk
        size, seen = math.prod(chunk_shape) * self.type.size, set()
        for chunk in self.chunks():
            misplaced = any(
                at % step or at >= length
                for at, step, length in zip(chunk.place, chunk_shape, shape, strict=True)
            )
            if misplaced or chunk.place in seen:
                raise DamagedError(
                    f"{self._where} has a chunk at {chunk.place}, outside of its shape or twice"
                )
            seen.add(chunk.place)
            data = self._unfiltered(chunk, size)
            block = np.frombuffer(data, values.dtype).reshape(chunk_shape)
            target = tuple(
                slice(at, min(at + step, length))
                for at, step, length in zip(chunk.place, chunk_shape, shape, strict=True)
            )
            inside = tuple(slice(part.stop - part.start) for part in target)
            values[target] = block[inside]

    def _unfiltered(self, chunk: Chunk, size: int) -> bytes:
        data = self._image.read(chunk.address, chunk.size, f"a chunk of {self._where}")
        for number in reversed(range(len(self._filters))):
            if chunk.mask >> number & 1:
                continue
            kind = self._filters[number]
            if kind == _DEFLATE:
                data = _inflated(data, size + 4, self._where)
            elif kind == _FLETCHER32:
                data = _verified(data, self._where)
            else:
                count = len(data) // self.type.size
                whole = np.frombuffer(data, np.uint8, count * self.type.size).reshape(self.type.size, count)
                data = whole.T.tobytes() + data[whole.size :]
        if len(data) != size:
            raise DamagedError(f"a chunk of {self._where} has {len(data)} bytes in place of {size}")
        return data


def _printable(data: bytes, image: Image) -> str:
    """Return the names of external files, for the error message: they are in a heap."""
    from kerasish.saving.hdf5.heaps import LocalHeap

    try:
        fields = Fields(data, "a list of files")
        _, _, _, used, heap_address = fields.numbers(1, 3, 2, 2, 8)
        heap = LocalHeap(image, heap_address)
        names = [
            heap.name(fields.numbers(8, 8, 8)[0]).decode("utf-8", "replace") for _ in range(min(used, 4))
        ]
    except DamagedError:
        return ""
    return f": {', '.join(repr(name[:200]) for name in names)}"


def _read_layout(fields: Fields, where: str) -> Layout:
    version = fields.number(1)
    if version in (1, 2):
        rank, kind, _ = fields.numbers(1, 1, 5)
        address = UNDEFINED if kind == _COMPACT else fields.number(8)
        dims = fields.numbers(*(4,) * rank)
        if kind == _COMPACT:
            return Layout(kind, data=fields.take(fields.number(4)))
        if kind == _CONTIGUOUS:
            return Layout(kind, address, math.prod(dims))
        if kind == _CHUNKED:
            return _chunked(address, dims, where)
    elif version in (3, 4, 5):
        kind = fields.number(1)
        if kind == _COMPACT:
            return Layout(kind, data=fields.take(fields.number(2)))
        if kind == _CONTIGUOUS:
            address, size = fields.numbers(8, 8)
            return Layout(kind, address, size)
        if kind == _CHUNKED and version == 3:
            rank, address = fields.numbers(1, 8)
            return _chunked(address, fields.numbers(*(4,) * rank), where)
        if kind == _CHUNKED:
            return _chunked_4(fields, where)
        if kind == _VIRTUAL:
            raise UnsafeFileError(
                f"Not allowed: H5 file with virtual Dataset: {where} is put together from others."
            )
    raise UnsafeFileError(f"Not allowed: {where} has a storage layout of unknown kind (version {version}).")


def _chunked(address: int, dims: tuple[int, ...], where: str) -> Layout:
    if len(dims) < 2 or 0 in dims:
        raise DamagedError(f"{where} has chunks of shape {dims}")
    return Layout(_CHUNKED, address, chunk=dims[:-1])  # the last is the size of an element


def _chunked_4(fields: Fields, where: str) -> Layout:
    flags, rank, width = fields.numbers(1, 1, 1)
    dims = fields.numbers(*(min(width, 8),) * rank)
    index = fields.number(1)
    if index != 1:
        raise ValueError(
            f"{where} is stored in chunks with an index of HDF5 1.10 (kind {index}), which is not supported. Write the "
            "file without `libver='latest'`."
        )
    filtered = bool(flags & 0x2)
    size, mask = fields.numbers(8, 4) if filtered else (math.prod(dims), 0)
    layout = _chunked(fields.number(8), dims, where)
    return layout._replace(single=True, size=size, mask=mask)


def _read_filters(fields: Fields) -> list[int]:
    version, count = fields.numbers(1, 1)
    if version not in (1, 2) or count > 32:
        raise DamagedError(f"{fields.what} have version {version} and are {count}")
    fields.take(6 if version == 1 else 0)
    found = []
    for _ in range(count):
        kind = fields.number(2)
        length = fields.number(2) if version == 1 or kind >= 256 else 0
        _, values = fields.numbers(2, 2)
        fields.take(length + (-length % 8 if version == 1 else 0))
        fields.take(4 * values + (4 if version == 1 and values % 2 else 0))
        found.append(kind)
    return found


def _read_fill(message: Message) -> bytes:
    fields = message.fields("a fill value")
    if message.kind == OLD_FILL:
        return fields.take(fields.number(4))
    version = fields.number(1)
    if version in (1, 2):
        _, _, defined = fields.numbers(1, 1, 1)
        return fields.take(fields.number(4)) if (version == 1 or defined) and fields.left >= 4 else b""
    if version == 3:
        return fields.take(fields.number(4)) if fields.number(1) & 0x20 else b""
    raise DamagedError(f"a fill value has version {version}")


def _inflated(data: bytes, limit: int, where: str) -> bytes:
    import zlib

    inflater = zlib.decompressobj()
    try:
        result = inflater.decompress(data, limit)
    except zlib.error as error:
        raise DamagedError(f"a chunk of {where} cannot be unpacked: {error}") from error
    if inflater.unconsumed_tail or not inflater.eof:
        raise DamagedError(
            f"a chunk of {where} unpacks to more than the {readable_size(limit)} that it may have"
        )
    return result


def _verified(data: bytes, where: str) -> bytes:
    """Return the data before a Fletcher checksum, having compared it."""
    body, stored = data[:-4], int.from_bytes(data[-4:], "little")
    words = np.frombuffer(body + b"\0" * (len(body) % 2), ">u2").astype(np.uint64)
    low = high = 0
    for start in range(0, len(words), 1 << 16):
        part = words[start : start + (1 << 16)]
        high = (
            high + low * len(part) + int((part * np.arange(len(part), 0, -1, dtype=np.uint64)).sum())
        ) % 65535
        low = (low + int(part.sum())) % 65535
    # A sum of zero and one of 65535 are the same, and which of them is stored depends on the way of adding.
    if (low, high) != (stored % 65536 % 65535, (stored >> 16) % 65535):
        raise DamagedError(f"a chunk of {where} does not agree with its checksum")
    return body
