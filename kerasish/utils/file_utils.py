"""Downloading, checking and unpacking files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kerasish.utils import io_utils
from kerasish.utils.progbar import shows_moving_bars

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT = 30.0  # seconds without a byte before a download is given up
_CHUNK = 1 << 16


def keras_home() -> str:
    """Return the folder where Keras keeps downloads: `$KERAS_HOME`, or `.keras` in the home folder."""
    home = os.environ.get("KERAS_HOME")
    if home:
        return os.path.expanduser(home)
    base = os.path.expanduser("~")
    if not os.access(base, os.W_OK):
        import tempfile

        base = tempfile.gettempdir()
    return os.path.join(base, ".keras")


def path_to_string(path):
    """Return a path object as a string, and anything else unchanged."""
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def get_file(
    fname: str | os.PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | list[str] | None = "auto",
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
) -> str:
    """Download a file unless it is in the cache already, and return its path.

    The file is written under a temporary name and appears under its own only when it is complete and its
    hash is
    right: an interrupted, truncated or wrong download leaves nothing behind, and an older copy as it was.

    Example:

    ```python
    path = keras.utils.get_file(
        origin="https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz",
        extract=True,
    )
    ```

    Args:
        fname: Name of the file in the cache; by default the last part of `origin`. For an archive to be
            extracted, a name without a dot is the name of the folder.
        origin: URL of the file.
        untar: Deprecated: `extract=True` for a tar archive.
        md5_hash: Deprecated: `file_hash` with `hash_algorithm="md5"`.
        file_hash: Expected SHA-256 or MD5 hash of the file, in hexadecimal digits.
        cache_subdir: Folder below `cache_dir` for the file. An absolute path stands for itself.
        hash_algorithm: `"sha256"`, `"md5"` or `"auto"` (by the length of `file_hash`).
        extract: Whether to extract the tar or zip archive, and return the folder.
        archive_format: `"auto"`, `"tar"`, `"zip"`, a list of these, or `None` for no format at all.
        cache_dir: The cache; by default `$KERAS_HOME` or `~/.keras`.
        force_download: Whether to download even what is in the cache.

    Returns:
        Path of the file, or of the folder with the extracted files.

    Raises:
        ValueError: If `origin` is missing, `fname` holds a folder, `hash_algorithm` is unknown, or the hash
            is wrong.
        OSError: If the download fails or is cut short.
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    _hash_name(hash_algorithm, file_hash)
    datadir = _cache_folder(cache_dir, cache_subdir)
    target, extraction_dir = _cache_names(datadir, fname, origin, extract or untar)

    downloaded = False
    if force_download or not _is_cached(target, file_hash, hash_algorithm):
        os.makedirs(datadir, exist_ok=True)
        io_utils.print_msg(f"Downloading data from {origin}")
        _download(origin, target, file_hash, hash_algorithm)
        downloaded = True

    if not (extract or untar):
        return target
    # Folders appear whole (see `extract_archive`), so one that is there need not be unpacked again.
    unpacked = os.path.isdir(extraction_dir) and not downloaded
    if not unpacked and not extract_archive(target, extraction_dir, "tar" if untar else archive_format):
        import warnings

        warnings.warn("Could not extract archive.", stacklevel=2)
    return extraction_dir


def hash_file(fpath: str | os.PathLike, algorithm: str = "sha256", chunk_size: int = _CHUNK) -> str:
    """Return the hexadecimal SHA-256 or MD5 hash of a file.

    Example:

    ```python
    hash_file("datasets/mnist.npz")
    ```

    Args:
        fpath: Path of the file.
        algorithm: `"sha256"` or `"md5"`; `"auto"` means `"md5"`, as Keras has it.
        chunk_size: Bytes to read at a time.

    Returns:
        The hash in hexadecimal digits.
    """
    hasher = _hasher(algorithm, None)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            hasher.update(chunk)
    return hasher.hexdigest()


def validate_file(
    fpath: str | os.PathLike, file_hash: str, algorithm: str = "auto", chunk_size: int = _CHUNK
) -> bool:
    """Return whether a file has the given SHA-256 or MD5 hash.

    Args:
        fpath: Path of the file.
        file_hash: Expected hash in hexadecimal digits.
        algorithm: `"sha256"`, `"md5"` or `"auto"` (by the length of `file_hash`).
        chunk_size: Bytes to read at a time.
    """
    return hash_file(fpath, _hash_name(algorithm, file_hash), chunk_size) == str(file_hash).lower()


def extract_archive(
    file_path: str | os.PathLike,
    path: str | os.PathLike = ".",
    archive_format: str | list[str] | None = "auto",
) -> bool:
    """Extract a tar or zip archive into a folder.

    Only regular files and folders that stay inside `path` are extracted; links, devices and members that
    point outside are skipped with a warning. A new folder appears only when it is complete.

    Args:
        file_path: Path of the archive.
        path: Folder to extract into.
        archive_format: `"auto"`, `"tar"`, `"zip"`, a list of these, or `None`.

    Returns:
        Whether the file was an archive of one of the formats.

    Raises:
        NotImplementedError: If a format is unknown.
    """
    if archive_format is None:
        return False
    formats = ["tar", "zip"] if archive_format == "auto" else archive_format
    matches: Callable[[str | os.PathLike], bool]
    for name in [formats] if isinstance(formats, str) else formats:
        if name == "tar":
            import tarfile

            matches, unpack = tarfile.is_tarfile, _unpack_tar
        elif name == "zip":
            import zipfile

            matches, unpack = zipfile.is_zipfile, _unpack_zip
        else:
            raise NotImplementedError(
                f"`archive_format` must be 'auto', 'tar', 'zip', a list of these or None. Received: {name!r}"
            )
        if matches(file_path):
            _extract_whole(unpack, os.fspath(file_path), os.fspath(path))
            return True
    return False


def _cache_folder(cache_dir: str | os.PathLike | None, cache_subdir: str) -> str:
    import tempfile

    base = os.path.expanduser(keras_home() if cache_dir is None else cache_dir)
    existing = base
    while not os.path.exists(existing):
        existing = os.path.dirname(os.path.abspath(existing))
    if not os.access(existing, os.W_OK):
        base = os.path.join(tempfile.gettempdir(), ".keras")
    return os.path.join(base, cache_subdir)


def _cache_names(
    datadir: str, fname: str | os.PathLike | None, origin: str, extract: bool
) -> tuple[str, str]:
    """The paths of the downloaded file and of the folder with its contents, as Keras names them."""
    from urllib.parse import urlsplit

    name = path_to_string(fname) or os.path.basename(urlsplit(origin).path)
    if not name:
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{origin}'. Please specify the `fname` "
            "argument."
        )
    if os.sep in name or name in (os.curdir, os.pardir):
        raise ValueError(
            "Paths are no longer accepted as the `fname` argument. To specify the file's parent directory, "
            "use "
            f"the `cache_dir` argument. Received: fname={name}"
        )
    if not extract:
        return os.path.join(datadir, name), ""
    if fname and "." in name:
        return os.path.join(datadir, name), os.path.join(datadir, f"{name[: name.find('.')]}_extracted")
    return os.path.join(datadir, f"{name}_archive"), os.path.join(datadir, name)


def _is_cached(target: str, file_hash: str | None, hash_algorithm: str) -> bool:
    if not os.path.exists(target):
        return False
    if file_hash is None or validate_file(target, file_hash, hash_algorithm):
        return True
    io_utils.print_msg(
        f"A local file was found, but it seems to be incomplete or outdated because the {hash_algorithm} "
        "file hash "
        f"does not match the original value of {file_hash} so we will re-download the data."
    )
    return False


def _download(origin: str, target: str, file_hash: str | None, hash_algorithm: str) -> None:
    """Fetch `origin`, check it, and only then give it the name `target`."""
    import http.client
    import urllib.error
    import urllib.request

    partial = f"{target}.{os.getpid()}.part"
    try:
        try:
            with urllib.request.urlopen(origin, timeout=_TIMEOUT) as response, open(partial, "wb") as file:
                digest = _copy(response, file, _hasher(hash_algorithm, file_hash), origin)
        except urllib.error.HTTPError as error:
            raise OSError(f"URL fetch failure on {origin}: {error.code} -- {error.msg}") from error
        except urllib.error.URLError as error:
            raise OSError(f"URL fetch failure on {origin}: {error.errno} -- {error.reason}") from error
        except http.client.HTTPException as error:
            raise OSError(f"URL fetch failure on {origin}: the connection broke: {error!r}") from error
        if file_hash is not None and digest != str(file_hash).lower():
            raise ValueError(
                f"Incomplete or corrupted file detected. The {_hash_name(hash_algorithm, file_hash)} file "
                "hash of "
                f"what {origin} sent is {digest}; it does not match the provided value of {file_hash}."
            )
        os.replace(partial, target)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def _copy(response, file, hasher, origin: str) -> str:
    """Copy a response to a file with a progress bar; return the hash of what came."""
    header = response.headers.get("Content-Length")
    total = int(header) if header and header.isdigit() else None
    received = 0
    with _ByteBar(total) as bar:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            hasher.update(chunk)
            received += len(chunk)
            bar.show(received)
    if total is not None and received < total:
        raise OSError(
            f"URL fetch failure on {origin}: the connection ended after {received} of {total} bytes."
        )
    return hasher.hexdigest()


class _ByteBar:
    """A bar of bytes where bars can move; nothing elsewhere."""

    def __init__(self, total: int | None) -> None:
        self._bar = None
        if shows_moving_bars():
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024, dynamic_ncols=True)

    def __enter__(self) -> _ByteBar:
        return self

    def show(self, received: int) -> None:
        if self._bar is not None:
            self._bar.update(received - self._bar.n)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _hash_name(algorithm: str, file_hash: str | None) -> str:
    if algorithm not in ("auto", "sha256", "md5"):
        raise ValueError(f"`hash_algorithm` must be 'auto', 'sha256' or 'md5'. Received: {algorithm!r}")
    if algorithm == "auto":
        return "sha256" if file_hash is not None and len(str(file_hash)) == 64 else "md5"
    return algorithm


def _hasher(algorithm: str, file_hash: str | None):
    import hashlib

    # MD5 only tells a complete download from a cut one; `usedforsecurity` lets it run on FIPS systems.
    return hashlib.new(_hash_name(algorithm, file_hash), usedforsecurity=False)


def _extract_whole(unpack: Callable[[str, str], None], file_path: str, path: str) -> None:
    """Unpack beside `path` and rename; into a folder that exists already, unpack directly."""
    import shutil

    if os.path.isdir(path):
        unpack(file_path, path)
        return
    partial = f"{path.rstrip(os.sep)}.{os.getpid()}.part"
    try:
        os.makedirs(partial)
        unpack(file_path, partial)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack_tar(file_path: str, path: str) -> None:
    import tarfile

    with tarfile.open(file_path) as archive:
        for member in archive:
            target = _safe_target(path, member.name)
            if target is None or not (member.isfile() or member.isdir()):
                _warn_skipped(member.name)
            elif member.isdir():
                os.makedirs(target, exist_ok=True)
            else:
                _write_member(archive.extractfile(member), target)


def _unpack_zip(file_path: str, path: str) -> None:
    import stat
    import zipfile

    with zipfile.ZipFile(file_path) as archive:
        for member in archive.infolist():
            target = _safe_target(path, member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if target is None or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                _warn_skipped(member.filename)
            elif member.is_dir():
                os.makedirs(target, exist_ok=True)
            else:
                _write_member(archive.open(member), target)


def _safe_target(base: str, name: str) -> str | None:
    """Where a member goes, or `None` if that is outside `base`, also by way of links that are there."""
    base = os.path.realpath(base)
    target = os.path.realpath(os.path.join(base, name))
    return target if target == base or target.startswith(base.rstrip(os.sep) + os.sep) else None


def _write_member(source, target: str) -> None:
    import shutil

    os.makedirs(os.path.dirname(target), exist_ok=True)
    with source, open(target, "wb") as file:
        shutil.copyfileobj(source, file)


def _warn_skipped(name: str) -> None:
    import warnings

    warnings.warn(
        f"Skipping invalid path during archive extraction: '{name}'. Only regular files and folders inside "
        "the "
        "archive's own folder are extracted.",
        stacklevel=2,
    )
