"""Text files of a directory as a dataset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish.utils.directory_index import directory_dataset


def text_dataset_from_directory(
    directory: str | os.PathLike,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the `.txt` files of a directory as a dataset.

    Example:

    ```python
    # reviews/neg/*.txt are class 0, reviews/pos/*.txt are class 1
    train, test = keras.utils.text_dataset_from_directory(
        "reviews", label_mode="binary", validation_split=0.2, subset="both", seed=1
    )
    ```

    Args:
        directory: Where the files are, those of a class in a folder of its name.
        labels: `"inferred"` from the folders, a list with one class number for each file in the order of their sorted
            paths, or None for no labels.
        label_mode: `"int"` for class numbers, `"categorical"` for one-hot vectors, `"binary"` for 0.0 and 1.0, or None
            for no labels.
        class_names: The folders that are used, in the order of their numbers; all, sorted, where None.
        batch_size: Texts in a batch; None for single texts.
        max_length: Characters of a text that are kept; all where None.
        shuffle: Whether texts come in random order, another one in every pass.
        seed: Seed of the order.
        validation_split: Fraction of the files that is kept for validation.
        subset: `"training"`, `"validation"` or `"both"`, with `validation_split` only.
        follow_links: Whether folders behind symbolic links are looked into.
        format: `"tf"` or `"grain"`, as in Keras; the dataset is the same.
        verbose: Whether to say how many files there are.

    Returns:
        A dataset of `(texts, labels)` or of texts: arrays of strings (dtype object) of shape `(batch,)`. A list of two
        datasets for `subset="both"`.

    Raises:
        ValueError: If arguments do not fit each other or the directory.
    """

    def read(paths: list[str]) -> np.ndarray:
        texts = np.empty(len(paths), dtype=object)
        for row, path in enumerate(paths):
            with open(path, encoding="utf-8") as file:
                texts[row] = file.read() if max_length is None else file.read(max_length)
        return texts

    return directory_dataset(
        directory,
        read,
        (".txt",),
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        format,
        verbose,
    )
