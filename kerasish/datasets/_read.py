"""Reading the files of data sets without running anything that is in them.

Some of these files are pickles, which can call any function when they are loaded. Here a pickle may name only
NumPy's array and dtype; and even those names get stand-ins of ours, which take plain numbers, strings and
lists and nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# The function that a pickled array is made by, in NumPy 1 and 2.
_RECONSTRUCT = (("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"))


def read_npz(path: str, names: tuple[str, ...]) -> list[np.ndarray]:
    """Return arrays of a `.npz` file; arrays of Python lists, which NumPy pickles, included.

    Args:
        path: Path of the file.
        names: Names of the arrays.

    Returns:
        The arrays, in the order of `names`.

    Raises:
        ValueError: If the file is not a `.npz` file, is damaged, or lacks an array.
    """
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            missing = [name for name in names if f"{name}.npy" not in members]
            if missing:
                raise ValueError(
                    f"{path} has no array {missing[0]!r}; expected {', '.join(names)}, found "
                    f"{sorted(members)}."
                )
            return [_read_npy(archive, f"{name}.npy", path) for name in names]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{path} is not a complete .npz file ({error}). Remove it, so that it is downloaded again, or "
            "pass "
            "another `path`."
        ) from error


def read_idx_gz(path: str) -> np.ndarray:
    """Return the array of a gzipped IDX file, the format of MNIST and its kin.

    Format: two zero bytes, the type (8 means uint8), the number of axes, the axes' sizes as big-endian 32-bit
    integers, the values.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If the file is not such a file, or its size is not the one that its header says.
    """
    import gzip
    import zlib

    try:
        with gzip.open(path, "rb") as file:
            content = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a complete gzip file ({error}).") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is not an IDX file of bytes: it starts with {content[:4]!r}.")
    start = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    values = np.frombuffer(content, "uint8", offset=min(start, len(content)))
    if len(shape) != content[3] or values.size != int(np.prod(shape, dtype=object)):
        raise ValueError(f"{path} says that its shape is {shape} but holds {values.size} values.")
    return values.reshape(shape)


def read_pickle(file) -> Any:
    """Return what a pickle of numbers, strings, containers and NumPy arrays holds.

    Args:
        file: A binary file object.

    Returns:
        The value, with arrays as NumPy arrays and strings of Python 2 as bytes.

    Raises:
        ValueError: If the pickle names anything else than NumPy's array and dtype, or is damaged.
    """
    import pickle

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) == ("numpy", "dtype"):
                return _DType
            if (module, name) == ("numpy", "ndarray") or (module, name) in _RECONSTRUCT:
                return _Array
            raise _Refused(
                f"Refusing to load `{module}.{name}` from the file of a data set: it should hold arrays only."
            )

    try:
        return _plain(Unpickler(file, encoding="bytes").load())
    except _Refused:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ValueError(f"The pickle in the file of a data set cannot be read: {error}") from error


class _Refused(ValueError):
    """What the file holds is not plain data."""


class _DType:
    """Stand-in for `numpy.dtype`: numbers, booleans and objects."""

    def __init__(self, code: Any = None, align: Any = False, copy: Any = True) -> None:
        code = code.decode("ascii") if isinstance(code, bytes) else code
        kinds = [kind + size for kind in "iuf" for size in "1248"]
        if code not in (*kinds, "O", "O8", "b1"):
            raise _Refused(f"Refusing to load an array of dtype {code!r} from the file of a data set.")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order not in ("<", ">", "|", "=") or any(state[2:5]):
            raise _Refused(
                f"Refusing to load an array of structured dtype {state!r} from the file of a data set."
            )
        self.order = order

    @property
    def is_object(self) -> bool:
        return self.code.startswith("O")

    def numpy(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class _Array:
    """Stand-in for `numpy.ndarray` and for the function that makes an empty one; filled by its state."""

    def __init__(self, *_: Any) -> None:
        self.value: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        shape: tuple[int, ...]
        data: Any
        _, shape, dtype, fortran, data = state
        if not isinstance(dtype, _DType) or not isinstance(data, list if dtype.is_object else bytes):
            raise _Refused(
                "Refusing to load an array from the file of a data set: its values do not fit its dtype."
            )
        if dtype.is_object:
            values = np.empty(len(data), dtype=object)
            for index, item in enumerate(data):
                values[index] = _plain(item)
        else:
            values = np.frombuffer(bytes(data), dtype.numpy())
        self.value = values.reshape(shape, order="F" if fortran else "C")


def _plain(value: Any) -> Any:
    """Replace stand-ins in a value, at the top and in a dict."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.value if isinstance(value, _Array) else value


def _read_npy(archive, member: str, path: str) -> np.ndarray:
    from numpy.lib import format as npy

    with archive.open(member) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        if dtype.hasobject:
            if dtype.kind != "O":
                raise ValueError(f"{path}: refusing to load the structured array {member}.")
            values = read_pickle(file)
            if not isinstance(values, np.ndarray) or values.shape != shape:
                raise ValueError(f"{path}: {member} does not hold the array that its header says.")
            return values
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        stored = archive.getinfo(member).file_size - file.tell()
        if size != stored:
            raise ValueError(
                f"{path}: {member} says that it holds {shape} values of {dtype} ({size} bytes), but stores "
                f"{stored} "
                "bytes."
            )
        values = np.frombuffer(bytearray(file.read()), dtype)
        return values.reshape(shape, order="F" if fortran else "C")
