"""Writing HDF5 files on disks that may be full: what fails is an error, and nothing else.

When libhdf5 itself cannot write to a disk, it cannot close the file either: it keeps it open, tries again at the end of
the process, and may crash there. So files that are written go through a Python file that takes everything, notes what
the disk refused, and says so when libhdf5 is done. Ctrl-C waits for that too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kerasish.compiler import interrupts


class _Disk:
    """A file on a disk, as h5py's driver for Python files wants it; writing to it never fails."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        if self.error is None:
            try:
                view = memoryview(data).cast("B")
                done = 0
                while done < len(view):  # a disk that is nearly full takes a part
                    done += self._file.write(view[done:])
            except OSError as error:
                self.error = error
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        done = self._file.readinto(buffer)
        memoryview(buffer)[done:] = bytes(len(buffer) - done)  # what the disk refused, or was never written
        return len(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        if self.error is None:
            try:
                return self._file.truncate(size)
            except OSError as error:
                self.error = error
        return size or 0

    def flush(self) -> None:
        """Nothing is kept back: the file is not buffered."""


@contextmanager
def h5_output(target: Any, mode: str = "w") -> Iterator[Any]:
    """Open an HDF5 file for writing, and close it.

    Args:
        target: A path, or a binary file object that is in memory.
        mode: `"w"` for a new file, `"r+"` to change one.

    Raises:
        OSError: At the end, if the disk did not take all of it.
    """
    import h5py

    if not isinstance(target, (str, os.PathLike)):
        with h5py.File(target, mode) as file:
            yield file
        return
    with open(target, "wb+" if mode == "w" else "rb+", buffering=0) as raw:
        disk = _Disk(raw)
        try:
            # An interrupt inside of libhdf5 would be a write that fails.
            with interrupts.deferred(), interrupts.whole(), h5py.File(disk, mode) as file:
                yield file
        except Exception:
            if disk.error is None:
                raise
        if disk.error is not None:
            raise disk.error
