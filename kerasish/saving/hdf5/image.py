"""The bytes of an HDF5 file: each read checked against the size, the number of steps limited."""

from __future__ import annotations

from typing import BinaryIO

from kerasish.saving.errors import UnsafeFileError, readable_size

UNDEFINED = (1 << 64) - 1
"""The address of what is not stored."""

# Pieces (messages, links, nodes, chunks) that a file may make us look at: far more than any model has.
_MAX_STEPS = 1_000_000
# Most bytes of one piece that is not the data of a dataset.
_MAX_PIECE = 64 << 20


class DamagedError(Exception):
    """Something in a file is not as HDF5's format says; the message says what and where."""


class Image:
    """The bytes of an HDF5 file.

    Args:
        file: A binary file object with it, open for reading.
        start: Where in `file` it starts.
        size: Its bytes.
        label: What error messages call it.
    """

    def __init__(self, file: BinaryIO, start: int, size: int, label: str) -> None:
        self._file, self._start, self.size, self.label = file, start, size, label
        self._steps = 0

    def spend(self, steps: int = 1) -> None:
        """Count pieces looked at.

        Raises:
            UnsafeFileError: if there have been more than any model's file has.
        """
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise UnsafeFileError(
                f"Not allowed: {self.label} is made of more than {_MAX_STEPS:,} pieces, which no model needs; refusing "
                "to go through them all."
            )

    def check(self, address: int, size: int, what: str) -> None:
        """Raise DamagedError unless `size` bytes at `address` are in the file."""
        if address == UNDEFINED or address + size > self.size:
            raise DamagedError(
                f"{what} would be {readable_size(size)} at byte {address:#x} of {readable_size(self.size)}"
            )

    def read(self, address: int, size: int, what: str) -> bytes:
        """Return `size` bytes at `address`, called `what` in the error if they are not in the file."""
        self.check(address, size, what)
        if size > _MAX_PIECE:
            raise DamagedError(f"{what} at byte {address:#x} claims {readable_size(size)}")
        self._file.seek(self._start + address)
        data = self._file.read(size)
        if len(data) != size:
            raise DamagedError(f"the file ends within {what} at byte {address:#x}")
        return data

    def read_into(self, address: int, view: memoryview, what: str) -> None:
        """Fill `view` with the bytes at `address`."""
        self.check(address, len(view), what)
        self._file.seek(self._start + address)
        done = 0
        while done < len(view):
            count = self._file.readinto(view[done:])  # type: ignore[attr-defined]
            if not count:
                raise DamagedError(f"the file ends within {what} at byte {address:#x}")
            done += count


class Fields:
    """A cursor over bytes that reads numbers, least byte first.

    Args:
        data: The bytes.
        what: What they are, for error messages.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self.data, self.what, self.position = data, what, 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        end = self.position + size
        if end > len(self.data):
            raise DamagedError(f"{self.what} ends after {len(self.data)} bytes, at least {end} are needed")
        part = self.data[self.position : end]
        self.position = end
        return part

    def number(self, size: int) -> int:
        """Return the next `size` bytes as a number."""
        return int.from_bytes(self.take(size), "little")

    def numbers(self, *sizes: int) -> tuple[int, ...]:
        """Return numbers of these sizes, one behind the other."""
        return tuple(self.number(size) for size in sizes)

    def expect(self, signature: bytes) -> None:
        """Pass over `signature`, which must be next."""
        found = self.take(len(signature))
        if found != signature:
            raise DamagedError(f"{self.what} starts with {found!r} in place of {signature!r}")

    def align(self, size: int = 8) -> None:
        """Go on to the next multiple of `size`."""
        self.position += -self.position % size

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.position
