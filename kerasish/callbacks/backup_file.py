"""The state of a run beside the weights in one HDF5 file: JSON text, and the arrays that it refers to."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish.saving.h5_output import h5_output

_STATE = "training_state"  # name of the group beside the weights; loaders of weights pass over it
_VERSION = 2


def write_state(path: str, state: Any) -> None:
    """Put a state into a file of weights.

    Args:
        path: The file.
        state: Numbers, text, None, arrays and tensors, in lists, tuples and dicts with text as keys.
    """
    import json

    arrays: list[np.ndarray] = []
    text = json.dumps({"version": _VERSION, "state": _without_arrays(state, arrays)})
    with h5_output(path, "r+") as file:
        group = file.create_group(_STATE)
        group.create_dataset("json", data=np.frombuffer(text.encode(), dtype="uint8"))
        for number, array in enumerate(arrays):
            # As bytes: HDF5 does not know all types of numbers.
            group.create_dataset(str(number), data=np.frombuffer(array.tobytes(), dtype="uint8"))


def read_state(path: str) -> Any:
    """Return the state in a file.

    Raises:
        OSError: If it is no HDF5 file, or is damaged.
        ValueError: If it holds no state.
    """
    import json

    import h5py

    with h5py.File(path, "r") as file:
        group = file.get(_STATE)
        content = json.loads(group["json"][()].tobytes()) if isinstance(group, h5py.Group) else {}
        if content.get("version") != _VERSION:
            raise ValueError(
                f"{path} is not a backup of training that this release of kerasish wrote: it has no "
                f"`{_STATE}` of version {_VERSION}. Remove it, or pass another `backup_dir`."
            )
        return _with_arrays(content["state"], lambda number: group[str(number)][()].tobytes())


def _without_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    """Return a value with its arrays replaced by where they are in `arrays`, and what they are."""
    if isinstance(value, dict):
        return {str(k): _without_arrays(v, arrays) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(v, arrays) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return float(value) if isinstance(value, float) else value
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind != "O":
        array = np.asarray(value)
        arrays.append(array)
        return {
            "__array__": len(arrays) - 1,
            "dtype": array.dtype.name,
            "shape": list(array.shape),
        }
    raise TypeError(
        f"A backup holds numbers, text, arrays, lists and dicts. Received: {value!r} (of type {type(value)}). Look at "
        "what the callbacks' `get_backup_state` returns."
    )


def _with_arrays(value: Any, read: Any) -> Any:
    if isinstance(value, dict):
        if "__array__" in value:
            from kerasish.autograd.dtypes import to_numpy_dtype

            data = np.frombuffer(read(value["__array__"]), to_numpy_dtype(value["dtype"]))
            return data.reshape(value["shape"]).copy()
        return {k: _with_arrays(v, read) for k, v in value.items()}
    return [_with_arrays(v, read) for v in value] if isinstance(value, list) else value
