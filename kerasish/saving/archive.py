"""The zip archive of a `.keras` file: checked before anything is taken out of it."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from kerasish.saving.errors import UnsafeFileError, readable_size

METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"

# A member may unpack to this much whatever its compressed size, and to this many times its compressed size.
_FREE_BYTES = 16 << 20
_MAX_EXPANSION = 100
# Members of fewer bytes are summed up faster than a thread starts.
_WORTH_A_THREAD = 1 << 20


def is_zip(path: str) -> bool:
    """Whether a file starts as zip archives do."""
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


class ArchiveReader:
    """A `.keras` archive open for reading, its table of contents checked.

    Args:
        fileobj: The archive, seekable.
        label: What error messages call it.

    Raises:
        ValueError: if it is no zip archive or is damaged; `UnsafeFileError` if a member is refused.
    """

    def __init__(self, fileobj: BinaryIO, label: str) -> None:
        import zipfile

        self.label, self.fileobj = label, fileobj
        self.size = fileobj.seek(0, os.SEEK_END)
        fileobj.seek(0)
        start = fileobj.read(8)
        try:
            self.zip = zipfile.ZipFile(fileobj)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise ValueError(
                f"{label} is not a `.keras` archive, or it is damaged or truncated: it has "
                f"{readable_size(self.size)}, starts with {start!r}, and as a zip archive fails with: {error}"
            ) from error
        self.members = self._checked_members()

    def _checked_members(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        total = unpacked = 0
        for info in self.zip.infolist():
            name = info.orig_filename
            problem = _problem(info)
            if name in members:
                problem = "is there twice"
            if problem:
                raise UnsafeFileError(f"Not allowed: member {name!r} of {self.label} {problem}.")
            total += info.compress_size
            unpacked += info.file_size
            members[name] = info
        if total > self.size:
            raise UnsafeFileError(
                f"Not allowed: the members of {self.label} overlap: together they claim "
                f"{readable_size(total)} of its {readable_size(self.size)}."
            )
        if unpacked > 4 * _FREE_BYTES + _MAX_EXPANSION * self.size:
            raise UnsafeFileError(
                f"Not allowed: the members of {self.label} together declare {readable_size(unpacked)}, but it has "
                f"{readable_size(self.size)}; refusing to unpack a decompression bomb."
            )
        return members

    def read(self, name: str) -> bytes:
        """Return a member's bytes.

        Raises:
            ValueError: if there is no such member or its checksum is wrong.
        """
        parts: list[bytes] = []
        self._stream(name, parts.append)
        return b"".join(parts)

    @contextmanager
    def open(self, name: str) -> Iterator[tuple[Any, int]]:
        """Return a context that gives a member as a seekable file, and its size.

        Members as Keras writes them (stored, not compressed) are read in place and take no memory. Their checksum is
        computed beside that, in a thread, and compared when the context ends.

        Raises:
            ValueError: if there is no such member or its checksum is wrong.
        """
        import zipfile

        info = self._info(name)
        if info.compress_type != zipfile.ZIP_STORED:
            data = self.read(name)
            yield io.BytesIO(data), len(data)
            return
        window = self._window(info)
        check = _Checksum(window)
        yield window, info.file_size
        if check.result() != info.CRC:
            raise ValueError(f"Member {name!r} of {self.label} is damaged: its checksum is wrong.")

    def _window(self, info: Any) -> _Window:
        """Return the bytes of a stored member, having compared its own header with the table of contents."""
        self.fileobj.seek(info.header_offset)
        header = self.fileobj.read(30)
        name_length, extra_length = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        start = info.header_offset + 30 + name_length + extra_length
        if header[:4] != b"PK\x03\x04" or self.fileobj.read(name_length) != info.orig_filename.encode(
            "utf-8" if info.flag_bits & 0x800 else "cp437", "replace"
        ):
            raise ValueError(
                f"Member {info.orig_filename!r} of {self.label} is damaged: its header is not its own."
            )
        if info.compress_size != info.file_size or start + info.file_size > self.size:
            raise ValueError(f"Member {info.orig_filename!r} of {self.label} is damaged or truncated.")
        return _Window(self.fileobj, start, info.file_size)

    def extract_assets(self, folder: str) -> None:
        """Write the members below `assets/` into `folder`."""
        names = [name for name in self.members if name.startswith(f"{ASSETS}/") and not name.endswith("/")]
        for name in names:
            path = os.path.join(folder, *name.split("/")[1:])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "xb") as file:
                self._stream(name, file.write)

    def _info(self, name: str) -> Any:
        if name not in self.members:
            found = ", ".join(map(repr, sorted(self.members)[:8])) or "nothing"
            raise ValueError(
                f"{self.label} has no member {name!r}; it holds {found}. It is not a Keras model file."
            )
        return self.members[name]

    def _stream(self, name: str, take: Callable[[bytes], Any]) -> None:
        import zipfile
        import zlib

        info, left = self._info(name), self._info(name).file_size
        try:
            with self.zip.open(info) as file:
                while part := file.read(min(left, 1 << 20) + 1):
                    left -= len(part)
                    take(part)
                    if left < 0:
                        raise zipfile.BadZipFile("it holds more than it declares")
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"Member {name!r} of {self.label} is damaged: {error}") from error


def _problem(info: Any) -> str | None:
    name, mode = info.orig_filename, info.external_attr >> 16
    parts = name.split("/")
    if not name or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name or ":" in parts[0]:
        return "has a name that leads out of the archive"
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"is a link or device (file mode {mode:o}), not a file"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.file_size > _FREE_BYTES + _MAX_EXPANSION * info.compress_size:
        return (
            f"declares {readable_size(info.file_size)}, but {readable_size(info.compress_size)} are stored; "
            "refusing to unpack a decompression bomb"
        )
    return None


class _Checksum:
    """The checksum of a part of a file, computed in a thread where the file can be read from two places at once."""

    def __init__(self, window: _Window) -> None:
        import threading

        self._value, self._error = 0, None
        self._window, self._thread = window, None
        descriptor = window.descriptor()
        if descriptor is not None and window.size >= _WORTH_A_THREAD:
            self._thread = threading.Thread(target=self._run, args=(descriptor,), daemon=True)
            self._thread.start()

    def _run(self, descriptor: int) -> None:
        import zlib

        buffer, value = bytearray(1 << 18), 0
        view, window = memoryview(buffer), self._window
        for position in range(0, window.size, len(buffer)):
            count = min(len(buffer), window.size - position)
            if os.preadv(descriptor, [view[:count]], window.start + position) != count:
                return
            value = zlib.crc32(view[:count], value)
        self._value = value

    def result(self) -> int:
        """Return the checksum, once it is there."""
        import zlib

        if self._thread is not None:
            self._thread.join()
            return self._value
        self._window.seek(0)
        value = 0
        while part := self._window.read(1 << 18):
            value = zlib.crc32(part, value)
        return value


class _Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, fileobj: BinaryIO, start: int, size: int) -> None:
        self._file, self.start, self.size, self._position = fileobj, start, size, 0

    @property
    def origin(self) -> tuple[BinaryIO, int]:
        """The file that this is a part of, and where in it this starts."""
        return self._file, self.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        view = view[: max(0, min(len(view), self.size - self._position))]
        self._file.seek(self.start + self._position)
        count = self._file.readinto(view)  # type: ignore[attr-defined]
        self._position += count
        return count

    def descriptor(self) -> int | None:
        """Return the number of the file that this is a part of, or None if it is not one of the system's."""
        try:
            return self._file.fileno() if hasattr(os, "preadv") else None
        except (OSError, AttributeError):
            return None
