"""From what users hold (NumPy, pandas, SciPy, tensors) to NumPy arrays of the default float type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kerasish import config, tree
from kerasish.devices.rows import LazyRows, take_rows

if TYPE_CHECKING:
    from typing import Any

_MEMBERS = ("x", "y", "sample_weight")
_MUCH = 1 << 26
"""Bytes beyond which floats of another type are not converted all at once."""


class SparseRows(LazyRows):
    """A SciPy sparse matrix whose batches come out dense."""

    def __init__(self, matrix: Any):
        self._matrix = matrix.tocsr()  # the layout whose rows are cheap to take
        self.shape = matrix.shape
        self.dtype = matrix.dtype

    def __getitem__(self, rows: slice) -> SparseRows:
        return SparseRows(self._matrix[rows])

    def gather(self, rows: Any, out: np.ndarray | None = None) -> np.ndarray:
        return self._matrix[rows].toarray(out=out)


class FloatRows(LazyRows):
    """Much data in another float type, whose batches come out in the default one: memory holds them only once."""

    def __init__(self, array: np.ndarray):
        self._array = array
        self.shape = array.shape
        self.dtype = np.dtype(config.floatx())

    def __getitem__(self, rows: slice) -> FloatRows:
        return FloatRows(self._array[rows])

    def gather(self, rows: Any, out: np.ndarray | None = None) -> np.ndarray:
        part = self._array[rows] if type(rows) is slice else take_rows(self._array, rows)
        if out is None:
            return part.astype(self.dtype)
        np.copyto(out, part, "same_kind")
        return out

    def all(self) -> np.ndarray:
        """Return all rows as one array."""
        return self._array.astype(self.dtype)


def is_array(leaf: Any) -> bool:
    """Whether a leaf can be cut into batches along its first axis."""
    return isinstance(leaf, (np.ndarray, LazyRows)) or hasattr(leaf, "__array__") or _is_sparse(leaf)


def as_rows(leaf: Any, name: str, lazily: bool = False) -> Any:
    """A leaf as a NumPy array of the default float type, or as `LazyRows` of it, checked to have samples.

    Args:
        leaf: An array of any library for which `is_array` holds.
        name: What to call it in errors.
        lazily: Whether floats of another type may be converted batch by batch, if there are many.

    Returns:
        The array itself if nothing had to be converted.
    """
    if isinstance(leaf, LazyRows):
        return leaf
    if (
        lazily
        and isinstance(leaf, np.ndarray)
        and leaf.nbytes > _MUCH
        and leaf.dtype.kind == "f"
        and leaf.ndim
    ):
        leaf = np.asarray(leaf)
        return leaf if _is_default_float(leaf.dtype) and leaf.dtype.isnative else FloatRows(leaf)
    if _is_sparse(leaf):
        matrix = leaf if _is_default_float(leaf.dtype) else leaf.astype(config.floatx())
        return SparseRows(matrix)
    array = as_numpy(leaf, name)
    if array.ndim == 0:
        raise ValueError(
            f"`{name}` must be an array of samples, of rank 1 or more. Received: the single value {array!r}. "
            "Wrap it: `np.array([value])`."
        )
    return array


def as_numpy(leaf: Any, name: str) -> np.ndarray:
    """A leaf as a NumPy array in main memory, of native byte order, floats in the default float type."""
    if isinstance(leaf, np.ndarray):
        array = np.asarray(leaf)
    elif hasattr(leaf, "detach") and hasattr(leaf, "cpu"):  # PyTorch
        array = leaf.detach().cpu().numpy()
    elif hasattr(leaf, "numpy"):  # our tensors, TensorFlow's
        array = leaf.numpy()
    elif hasattr(leaf, "to_numpy"):  # pandas
        array = _from_frame(leaf)
    elif _is_sparse(leaf):
        array = leaf.toarray()
    elif hasattr(leaf, "__cuda_array_interface__") and hasattr(leaf, "get"):  # CuPy
        array = leaf.get()
    elif hasattr(leaf, "__array__"):
        array = np.asarray(leaf)
    else:
        raise ValueError(unrecognized(name, leaf))
    if not _is_default_float(array.dtype):
        return array.astype(config.floatx())
    if not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    if array.dtype == object:
        _check_strings(array, name)
    return array


def name_leaves(data: Any, name: str) -> list[tuple[str, Any]]:
    """The leaves of a structure, each with a name such as `x['image'][0]`."""
    return [
        (name + "".join(f"[{entry!r}]" for entry in path), leaf)
        for path, leaf in tree.flatten_with_path(data)
    ]


def check_same_samples(data: tuple) -> int:
    """Checks that all arrays of `(x, y, sample_weight)` have as many samples, and returns how many."""
    sizes = {array.shape[0] for array in tree.flatten(data) if array is not None}
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise ValueError("`x` is None or holds no arrays: there is no data.")
    lines = []
    for name, member in zip(_MEMBERS, data, strict=False):
        lengths = ", ".join(str(array.shape[0]) for array in tree.flatten(member) if array is not None)
        if lengths:
            lines.append(f"'{name}' sizes: {lengths}")
    raise ValueError(
        "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.\n"
        + "\n".join(lines)
    )


def unrecognized(name: str, value: Any) -> str:
    """The message for data of a type that is not supported."""
    text = repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    message = f"Unrecognized data type: {name}={text} (of type {kind})."
    if isinstance(value, (bool, int, float, complex, str, bytes)):
        return (
            f"{message} Convert Python lists with `np.array(...)`; sequences of different lengths need "
            "padding first (`keras.utils.pad_sequences`)."
        )
    return (
        f"{message} Expected NumPy arrays, tensors, pandas frames or SciPy sparse matrices (or lists, tuples "
        "and dicts of them), a `PyDataset`, a generator, or another iterable of batches."
    )


def _is_sparse(leaf: Any) -> bool:
    return hasattr(leaf, "tocsr") and type(leaf).__module__.startswith("scipy.sparse")


def _is_default_float(dtype: Any) -> bool:
    """Whether values of a dtype stay as they are: all but floats of another type than the default one."""
    if dtype.kind in "iub":
        return True
    return (dtype.kind != "f" and dtype.name != "bfloat16") or dtype.name == config.floatx()


def _from_frame(frame: Any) -> np.ndarray:
    """The values of a pandas frame, or of a series as one column."""
    rank = len(frame.shape)
    columns = list(frame.dtypes) if rank == 2 else [frame.dtype]
    if len(set(columns)) > 1 and all(getattr(dtype, "kind", "O") in "biuf" for dtype in columns):
        # Columns of several numeric types, which would otherwise end as float64 or as Python objects.
        floats = any(dtype.kind == "f" for dtype in columns)
        array = frame.to_numpy(dtype=config.floatx() if floats else "int64")
    else:
        array = frame.to_numpy()
    return array if rank == 2 else array[:, None]


def _check_strings(array: np.ndarray, name: str) -> None:
    """Refuses arrays of Python objects other than strings: mostly sequences of different lengths."""
    for value in array.flat:
        if not isinstance(value, (str, bytes)):
            raise ValueError(
                f"`{name}` is an array of Python objects (dtype object, shape {array.shape}) that holds a "
                f"value of type {type(value).__name__}: {str(value)[:60]!r}. Numbers must be in an array "
                "of a numeric dtype: pad sequences of different lengths (`keras.utils.pad_sequences`), "
                "encode or drop columns that are not numeric."
            )
