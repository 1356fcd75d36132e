"""Saving and loading whole models and weights: the format follows from the file's extension."""

from __future__ import annotations

import io
import os
import warnings
from typing import Any, BinaryIO

from kerasish.saving import native
from kerasish.saving.kinds import H5_NAMES, kind_of


def save_model(
    model: Any,
    filepath: str | os.PathLike | BinaryIO,
    overwrite: bool = True,
    zipped: bool | None = None,
    *,
    include_optimizer: bool = True,
    save_format: str | None = None,
) -> None:
    """Save a whole model: architecture, weights, compile arguments and optimizer state.

    The file appears complete or not at all: it is written under a temporary name in the same folder, which
    then replaces `filepath`.

    Example:

    ```python
    model.save("digits.keras")
    model = kerasish.saving.load_model("digits.keras")
    ```

    Args:
        model: The model.
        filepath: Path that ends in `.keras`, or in `.h5` or `.hdf5` for the legacy format; or a writable
            binary file object, which gets a `.keras` archive.
        overwrite: Whether an existing file is replaced without asking.
        zipped: None or True; archives are always single files.
        include_optimizer: Whether a legacy file gets the optimizer's state and the compile arguments.
        save_format: Accepted for compatibility; the extension decides.

    Raises:
        ValueError: if the extension is another one.
        TypeError: if a part of the model has no config.
    """
    if zipped is False:
        raise ValueError(
            "`zipped=False` is not supported: a model is saved as one `.keras` file. Leave it out."
        )
    if isinstance(filepath, io.IOBase):
        native.save_archive(model, filepath)  # type: ignore[arg-type]
        return
    path = os.fspath(filepath)  # type: ignore[arg-type]
    if not path.endswith((".keras", *H5_NAMES)):
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for the native "
            f"Keras format (recommended) or a `.h5` extension. Received: filepath={path}."
        )
    if save_format:
        warnings.warn(
            "The `save_format` argument is deprecated: the file path decides. Received: "
            f"save_format={save_format}",
            stacklevel=2,
        )
    if not _may_write(path, overwrite):
        return
    if path.endswith(".keras"):
        native.save_archive(model, path)
        return
    warnings.warn(
        "You are saving your model as an HDF5 file via `model.save()` or "
        "`kerasish.saving.save_model(model)`. This file format is considered legacy. We recommend using "
        "instead the native Keras format, e.g. `model.save('my_model.keras')`.",
        stacklevel=2,
    )
    from kerasish.saving.legacy import h5_format  # few programs need it

    h5_format.save_model(model, path, include_optimizer)


def load_model(
    filepath: str | os.PathLike | BinaryIO,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
    *,
    allow_nan: bool = False,
) -> Any:
    """Load a model saved by kerasish or by Keras.

    Files are data only: no code in a file is run, nothing is unpickled, and nothing outside the file is read.
    `docs/security.md` says what is refused.

    Args:
        filepath: Path to a `.keras`, `.h5` or `.hdf5` file, or a seekable binary file object with a `.keras`
            archive.
        custom_objects: Names in the file and the classes or functions they stand for.
        compile: Whether to compile the model as it was and restore its optimizer's state.
        safe_mode: Accepted for compatibility; loading is always safe.
        allow_nan: Whether weights that are NaN are loaded; they are an error otherwise.

    Returns:
        The model.

    Raises:
        ValueError: if the file is missing, damaged, of another kind, or refused; if its weights do not fit
            its architecture or are NaN.
        TypeError: if it names a class or function that is neither built in nor known as a custom object.
    """
    if isinstance(filepath, io.IOBase):
        return native.load_archive(filepath, custom_objects, compile, safe_mode, allow_nan)  # type: ignore[arg-type]
    path = os.fspath(filepath)  # type: ignore[arg-type]
    if path.endswith(".keras") and not os.path.isfile(path):
        raise ValueError(
            f"File not found: filepath={path}. Please ensure the file is an accessible `.keras` zip file."
        )
    kind = kind_of(path)
    if path.endswith(native.SHARDS) and kind:
        raise ValueError(
            f"{path} says where the weights of a model are, and describes no model. Build the model in Python, as it "
            "was when they were saved, and use `model.load_weights`."
        )
    if kind == "zip":
        return native.load_archive(path, custom_objects, compile, safe_mode, allow_nan)
    if not kind:
        raise ValueError(
            f"File format not supported: filepath={path}. kerasish loads `.keras` files and legacy HDF5 "
            "files (`.h5` or `.hdf5`). To load a TensorFlow SavedModel, save it again with Keras as "
            "`.keras`."
        )
    from kerasish.saving.legacy import h5_format

    return h5_format.load_model(path, custom_objects, compile, allow_nan)


def save_weights(
    model: Any,
    filepath: str | os.PathLike,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Any = None,
) -> None:
    """Save only the weights (and the optimizer's state) of a model, in one file or in several.

    Args:
        model: The model, built.
        filepath: Path that ends in `.weights.h5`; with `max_shard_size`, in `.weights.json`. The weights are then
            in files beside it, `<name>_00000.weights.h5` and so on.
        overwrite: Whether an existing file is replaced without asking.
        max_shard_size: How many GB of weights go into one file at most; None for one file of any size.
        objects_to_skip: Layers and other state holders to leave out.

    Raises:
        ValueError: if the model is not built, the extension is another one, or a single weight is larger than
            `max_shard_size`.
    """
    path = os.fspath(filepath)
    if max_shard_size is None:
        if not path.endswith(".weights.h5"):
            raise ValueError(f"The filename must end in `.weights.h5`. Received: filepath={path}")
        if _may_write(path, overwrite):
            native.save_weights(model, path, objects_to_skip)
        return
    if (
        isinstance(max_shard_size, bool)
        or not isinstance(max_shard_size, (int, float))
        or max_shard_size <= 0
    ):
        raise ValueError(
            f"`max_shard_size` is a number of GB, more than 0, or None. Received: {max_shard_size!r}"
        )
    if not path.endswith((".weights.h5", native.SHARDS)):
        raise ValueError(
            f"The filename must end in `.weights.json` when `max_shard_size` is given. Received: filepath={path}"
        )
    if not path.endswith(native.SHARDS):
        path = path.removesuffix(".weights.h5") + native.SHARDS
        warnings.warn(
            f"Weights in several files are described by a `.weights.json`: {path} is written in place of "
            f"{os.fspath(filepath)}.",
            stacklevel=3,
        )
    if _may_write(path, overwrite):
        native.save_weights(model, path, objects_to_skip, max_shard_size * 1024**3)


def load_weights(
    model: Any,
    filepath: str | os.PathLike,
    skip_mismatch: bool = False,
    *,
    by_name: bool | None = None,
    objects_to_skip: Any = None,
    allow_nan: bool = False,
) -> None:
    """Load weights from a file into a model of the same architecture. If that fails, no weight has changed.

    Args:
        model: The model, built.
        filepath: A `.weights.h5`, `.keras`, `.h5` or `.hdf5` file, or the `.weights.json` of weights in several
            files.
        skip_mismatch: Whether what does not fit is left alone, with a warning, instead of being an error.
        by_name: For legacy files: match layers by their names instead of their order.
        objects_to_skip: For `.weights.h5` files: layers and other state holders to leave alone.
        allow_nan: Whether weights that are NaN are loaded; they are an error otherwise.

    Raises:
        ValueError: if the model is not built, the number or shapes of weights differ, a weight is NaN, or the
            file is damaged, of another kind or refused.
        FileNotFoundError: if there is no such file.
        OSError: if an HDF5 file cannot be read.
    """
    path = os.fspath(filepath)
    native_h5 = path.endswith((".weights.h5", native.SHARDS))
    if objects_to_skip is not None and not native_h5:
        raise ValueError(f"`objects_to_skip` only supports loading '.weights.h5' files. Received: {path}")
    if by_name is not None and (native_h5 or not path.endswith(H5_NAMES)):
        raise ValueError(f"`by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: {path}")
    kind = kind_of(path)
    if native_h5 or path.endswith(".keras") and kind != "h5" or kind == "zip":
        native.load_weights(model, path, skip_mismatch, objects_to_skip, allow_nan)
    elif kind:
        from kerasish.saving.legacy import h5_format

        h5_format.load_weights(model, path, skip_mismatch, bool(by_name), allow_nan)
    else:
        raise ValueError(
            f"File format not supported: filepath={path}. kerasish loads weights from `.weights.h5` and "
            "`.keras` files and from legacy HDF5 files (`.h5` or `.hdf5`)."
        )


def _may_write(path: str, overwrite: bool) -> bool:
    """Whether `path` may be written; asks on the terminal if a file is there and `overwrite` is False."""
    if overwrite or not os.path.exists(path):
        return True
    try:
        answer = input(f"[WARNING] {path} already exists - overwrite? [y/n]").strip().lower()
        while answer not in ("y", "n"):
            answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    except EOFError as error:
        raise FileExistsError(
            f"{path} exists, `overwrite` is False, and there is nobody to ask. Pass `overwrite=True` or "
            "another path."
        ) from error
    return answer == "y"
