"""Files of a directory and their classes, as datasets are made from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kerasish.utils.io_utils import print_msg
from kerasish.utils.sample_batches import SampleBatches, drawn_seed


def directory_dataset(
    directory: str | os.PathLike,
    read: Callable[[list[str]], Any],
    formats: tuple[str, ...],
    labels: Any,
    label_mode: str | None,
    class_names: Sequence[str] | None,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    format: str,
    verbose: bool,
) -> Any:
    """Return the files of a directory as a dataset, or as two for `subset="both"`.

    Args:
        directory: Where the files are, those of a class in a folder of its name.
        read: Takes paths and returns those files as one batch.
        formats: What the names of the files end with.
        labels: `"inferred"` from the folders, one class number for each file, or None.
        label_mode: `"int"`, `"categorical"`, `"binary"` or None.
        class_names: The folders that are used, in the order of their numbers; all, sorted, where None.
        batch_size: Files in a batch; None for single files.
        shuffle: Whether files come in random order, another one in every pass.
        seed: Seed of the order.
        validation_split: Fraction of the files, the last ones, that `subset="validation"` is.
        subset: `"training"`, `"validation"`, `"both"`, or None for all files.
        follow_links: Whether folders behind symbolic links are looked into.
        format: `"tf"` or `"grain"`, as in Keras; the dataset is the same.
        verbose: Whether to say how many files there are.
    """
    check_labels(labels, label_mode, class_names)
    _check_split(validation_split, subset, shuffle, seed)
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = drawn_seed(seed)
    paths, numbers, names = index_directory(
        directory, labels, formats, class_names, shuffle, seed, follow_links, verbose
    )
    if label_mode == "binary" and len(names or ()) != 2:
        raise ValueError(
            f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: class_names={names}'
        )

    def dataset(part: str | None) -> SampleBatches:
        rows = _part(len(paths), validation_split, part, verbose)
        files = paths[rows]
        if not files:
            raise ValueError(
                f"No {part + ' ' if part else ''}files found in directory {os.fspath(directory)}. "
                f"Allowed formats: {formats}"
            )
        encoded = None if numbers is None else _encoded(numbers[rows], label_mode, len(names or ()))

        def batch(indices: np.ndarray) -> Any:
            values = read([files[i] for i in indices])
            return values if encoded is None else (values, encoded[indices])

        mixed = shuffle and not (subset == "both" and part == "validation")
        return SampleBatches(batch, len(files), batch_size, mixed, seed, names, files)

    return [dataset("training"), dataset("validation")] if subset == "both" else dataset(subset)


def index_directory(
    directory: str | os.PathLike,
    labels: Any,
    formats: tuple[str, ...],
    class_names: Sequence[str] | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> tuple[list[str], np.ndarray | None, list[str] | None]:
    """Return paths, class numbers and class names of a directory's files (see `directory_dataset`)."""
    root = os.fspath(directory)
    numbers: np.ndarray | None
    names: list[str] | None
    if labels == "inferred":
        folders = sorted(
            name
            for name in os.listdir(root)
            if not name.startswith(".") and os.path.isdir(os.path.join(root, name))
        )
        if class_names is not None and not set(class_names) <= set(folders):
            raise ValueError(
                "The `class_names` passed did not match the names of the subdirectories of the target directory. "
                f"Expected: {folders} (or a subset of it), but received: class_names={class_names}"
            )
        names = folders if class_names is None else list(class_names)
        found = [list(_files(os.path.join(root, name), formats, follow_links)) for name in names]
        paths = [path for files in found for path in files]
        numbers = np.repeat(np.arange(len(names), dtype="int32"), [len(files) for files in found])
    else:
        paths = list(_files(root, formats, follow_links))
        if labels is not None and len(labels) != len(paths):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target directory. len(labels) "
                f"is {len(labels)} while we found {len(paths)} files in directory {root}."
            )
        numbers = None if labels is None else np.array(labels)
        names = None if labels is None else [str(label) for label in sorted(set(labels))]
    if verbose:
        classes = "" if names is None else f" belonging to {len(names)} classes"
        print_msg(f"Found {len(paths)} files{classes}.")
    if shuffle:
        order = np.arange(len(paths))
        np.random.RandomState(drawn_seed(seed)).shuffle(order)
        paths = [paths[i] for i in order]
        numbers = None if numbers is None else numbers[order]
    return paths, numbers, names


def _files(folder: str, formats: tuple[str, ...], follow_links: bool) -> Iterator[str]:
    """Yield the paths of files with certain endings in a folder and the folders in it, sorted."""
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        for name in sorted(names):
            if name.lower().endswith(formats):
                yield os.path.join(root, name)


def _part(count: int, validation_split: float | None, part: str | None, verbose: bool) -> slice:
    """Return which files are those of the part."""
    if not validation_split:
        return slice(None)
    held = int(validation_split * count)
    if verbose:
        if part == "training":
            print_msg(f"Using {count - held} files for training.")
        else:
            print_msg(f"Using {held} files for validation.")
    return slice(0, count - held) if part == "training" else slice(count - held, count)


def _encoded(numbers: np.ndarray, label_mode: str | None, num_classes: int) -> np.ndarray:
    """Return class numbers as a model takes them."""
    if label_mode == "binary":
        return numbers.astype("float32")[:, None]
    if label_mode == "categorical":
        return np.eye(num_classes, dtype="float32")[numbers.astype("int32")]
    return numbers.astype("int32")


def check_labels(labels: Any, label_mode: str | None, class_names: Sequence[str] | None) -> None:
    """Raise ValueError for labels that are neither inferred nor given, or a mode that does not exist."""
    if labels is not None and labels != "inferred" and not isinstance(labels, (list, tuple)):
        raise ValueError(
            "`labels` argument should be a list/tuple of integer labels, of the same size as the number of files "
            "in the target directory. If you wish to infer the labels from the subdirectory names in the target "
            'directory, pass `labels="inferred"`. If you wish to get a dataset without labels, pass `labels=None`. '
            f"Received: labels={labels}"
        )
    if class_names and labels != "inferred":
        raise ValueError(
            f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}, and '
            f"class_names={class_names}"
        )
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            '`label_mode` argument must be one of "int", "categorical", "binary", or None. '
            f"Received: label_mode={label_mode}"
        )


def _check_split(validation_split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    """Raise ValueError for arguments that do not say which part of the files is meant."""
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {subset}')
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that "
            "there is no overlap between the training and validation subset."
        )
