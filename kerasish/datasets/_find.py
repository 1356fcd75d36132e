"""Where the files of data sets are found: a given path, the Keras cache, the checkout, the network."""

from __future__ import annotations

import os

from kerasish.utils.file_utils import get_file, keras_home, validate_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
# The folder beside the package, in a checkout of the project.
CHECKOUT = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "datasets"
)


def find_file(path: str | os.PathLike, origin: str, hashes: tuple[str, ...]) -> str:
    """Return the path of a data set's file: the given one if it exists, else as `find_cached` does.

    Args:
        path: A path that exists, or the file's name in the cache.
        origin: URL to download from.
        hashes: The file's hashes; see `find_cached`.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
    """
    path = os.fspath(path)
    if os.path.exists(path):
        return path
    if os.path.dirname(path):
        raise FileNotFoundError(
            f"There is no file {path!r} for the data set. Pass the path of a file that exists, or leave "
            "`path` out "
            f"to download it from {origin}"
        )
    return find_cached(path, origin, hashes)


def find_cached(
    name: str, origin: str, hashes: tuple[str, ...], subdir: str = "", extract: bool = False
) -> str:
    """Return the path of a data set's file, downloaded if it is neither in the cache nor in the checkout.

    Args:
        name: The file's name in the cache.
        origin: URL to download from.
        hashes: The file's SHA-256 or MD5 hashes. A download must have the first; a file in the cache any of
            them.
        subdir: Folder of the file in the cache and in the checkout.
        extract: Whether the download is an archive, to be extracted to the folder `name`. What is found may
            be that folder or the archive.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
    """
    # As Keras names them: the extracted folder, the archive; and the archive under its own name.
    names = [name, f"{name}_archive", os.path.basename(origin)] if extract else [name]
    passed_over = []
    for candidate in names:
        cached = os.path.join(keras_home(), "datasets", subdir, candidate)
        if os.path.isdir(cached):
            return cached
        if os.path.isfile(cached):
            if any(validate_file(cached, file_hash) for file_hash in hashes):
                return cached
            passed_over.append(cached)
    for candidate in names:
        shipped = os.path.join(CHECKOUT, subdir, candidate)
        if os.path.exists(shipped):
            return shipped
    try:
        return get_file(
            name,
            origin=origin,
            file_hash=hashes[0],
            cache_subdir=os.path.join("datasets", subdir),
            extract=extract,
        )
    except (OSError, ValueError) as error:
        target = os.path.join(keras_home(), "datasets", subdir, names[-1])
        note = f"\nPassed over, because of another hash: {', '.join(passed_over)}" if passed_over else ""
        kind = "SHA-256" if len(hashes[0]) == 64 else "MD5"
        raise FileNotFoundError(
            f"The data set's file {names[-1]!r} is not on this machine and could not be downloaded: {error}\n"
            f"Without a network, get {origin} ({kind} {hashes[0]}) elsewhere and put it at {target}{note}"
        ) from error
