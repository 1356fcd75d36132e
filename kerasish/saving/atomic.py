"""Writing a file so that whoever looks sees the old one or the new one, never a part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def replacing(filepath: str | os.PathLike) -> Iterator[str]:
    """Give a temporary name beside `filepath`; on success its file takes the place of `filepath`.

    The new file reaches the disk before the old one goes. If the block raises, the temporary file is removed
    and `filepath` stays as it was; a killed process leaves at most a stray `.<name>.<random>.tmp`.

    Args:
        filepath: The file to write. A symbolic link stays one: what it points to is replaced.
    """
    target = os.path.realpath(filepath)
    directory, name = os.path.split(target)
    temporary = os.path.join(directory, f".{name}.{os.urandom(4).hex()}.tmp")
    try:
        yield temporary
        move_into_place(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None and error.filename in (None, temporary):
            error.filename = target  # what the user knows of
        raise


def move_into_place(path: str | os.PathLike, target: str | os.PathLike) -> None:
    """Let a file take the place of another (or of none) in the same folder, when all of it is on the disk.

    Args:
        path: The file, complete and closed.
        target: What it is to be called. A file of this name is replaced, and its mode kept.
    """
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
    with suppress(OSError):  # a new file keeps the mode that creating it gave
        os.chmod(path, os.stat(target).st_mode & 0o7777)
    os.replace(path, target)
    _sync_directory(os.path.dirname(os.path.abspath(target)))


def _sync_directory(directory: str) -> None:
    with suppress(OSError):  # not every system lets a directory be opened
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
