"""Superblock and object headers: an object of an HDF5 file is a list of messages about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kerasish.saving.hdf5.image import UNDEFINED, DamagedError, Fields, Image

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Kinds of messages.
DATASPACE, LINK_INFO, DATATYPE, OLD_FILL, FILL, LINK = 0x1, 0x2, 0x3, 0x4, 0x5, 0x6
EXTERNAL_FILES, LAYOUT, FILTERS, ATTRIBUTE, CONTINUATION = 0x7, 0x8, 0xB, 0xC, 0x10
SYMBOL_TABLE, ATTRIBUTE_INFO = 0x11, 0x15
_SHARED = 0x2


class Message(NamedTuple):
    """One fact about an object.

    Args:
        kind: What it is about.
        data: What it says.
    """

    kind: int
    data: bytes

    def fields(self, what: str) -> Fields:
        return Fields(self.data, what)


def root_address(image: Image) -> int:
    """Return where the root group's header is.

    Raises:
        DamagedError: if the file does not start as HDF5 files do, or ends too early.
    """
    fields = Fields(image.read(0, min(image.size, 128), "the superblock"), "the superblock")
    fields.expect(SIGNATURE)
    version = fields.number(1)
    if version in (0, 1):
        fields.take(4)
        sizes = fields.numbers(1, 1)
        fields.take(9 if version == 0 else 13)
        base, _, end, _ = fields.numbers(8, 8, 8, 8)
        _, root = fields.numbers(8, 8)
    elif version in (2, 3):
        sizes = fields.numbers(1, 1)
        fields.take(1)
        base, _, end, root = fields.numbers(8, 8, 8, 8)
    else:
        raise DamagedError(f"the superblock has version {version}")
    if sizes != (8, 8):
        raise DamagedError(f"addresses and sizes have {sizes} bytes in place of (8, 8)")
    if base != 0:
        raise DamagedError(f"addresses count from byte {base}, not from the start of the file")
    if end > image.size:
        raise DamagedError(f"it is truncated: {end} bytes were written, {image.size} are there")
    return root


def read_messages(image: Image, address: int) -> list[Message]:
    """Return the messages in the header of the object at `address`.

    Raises:
        DamagedError: if there is no object header, or it is not as it should be.
    """
    start = image.read(address, 16, "an object header")
    parts = _messages_2(image, address) if start[:4] == b"OHDR" else _messages_1(image, address, start)
    messages = []
    for kind, flags, data in parts:
        if flags & _SHARED and kind in (DATASPACE, DATATYPE, FILL, FILTERS, ATTRIBUTE):
            raise DamagedError(
                f"the object at byte {address:#x} shares a message of kind {kind} with another object"
            )
        messages.append(Message(kind, data))
    return messages


_Part = tuple[int, int, bytes]


def _messages_1(image: Image, address: int, start: bytes) -> Iterator[_Part]:
    fields = Fields(start, f"the object header at byte {address:#x}")
    version, _, count, _, size = fields.numbers(1, 1, 2, 4, 4)
    if version != 1:
        raise DamagedError(f"there is no object header at byte {address:#x}")
    blocks, seen = [(address + 16, size)], {address + 16}
    while blocks and count:
        place, size = blocks.pop(0)
        block = Fields(image.read(place, size, "a part of an object header"), fields.what)
        while count and block.left >= 8:
            image.spend()
            count -= 1
            kind, size, flags, _ = block.numbers(2, 2, 1, 3)
            data = block.take(size)
            if kind == CONTINUATION:
                _continue(Fields(data, fields.what), blocks, seen)
            else:
                yield kind, flags, data


def _messages_2(image: Image, address: int) -> Iterator[_Part]:
    what = f"the object header at byte {address:#x}"
    fields = Fields(image.read(address, min(64, image.size - address), what), what)
    fields.expect(b"OHDR")
    version, flags = fields.numbers(1, 1)
    if version != 2:
        raise DamagedError(f"{what} has version {version}")
    fields.take(16 if flags & 0x20 else 0)
    fields.take(4 if flags & 0x10 else 0)
    size = fields.number(1 << (flags & 3))
    ordered = bool(flags & 0x4)
    blocks, seen = [(address + fields.position, size)], {address + fields.position}
    first = True
    while blocks:
        place, size = blocks.pop(0)
        if not first:  # "OCHK" before the messages, a checksum behind
            if image.read(place, 4, what) != b"OCHK":
                raise DamagedError(f"a part of {what} is not at byte {place:#x}")
            place, size = place + 4, size - 8
        first = False
        block = Fields(image.read(place, max(size, 0), what), what)
        while block.left >= (6 if ordered else 4):
            image.spend()
            kind, length, message_flags = block.numbers(1, 2, 1)
            block.take(2 if ordered else 0)
            data = block.take(length)
            if kind == CONTINUATION:
                _continue(Fields(data, what), blocks, seen)
            elif kind:
                yield kind, message_flags, data


def _continue(fields: Fields, blocks: list[tuple[int, int]], seen: set[int]) -> None:
    place, size = fields.numbers(8, 8)
    if place in seen or place == UNDEFINED:
        raise DamagedError(f"{fields.what} goes on where it has been")
    seen.add(place)
    blocks.append((place, size))
