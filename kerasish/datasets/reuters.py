"""Reuters: newswires on 46 topics."""

from __future__ import annotations

import os

import numpy as np

from kerasish.datasets._find import ORIGIN, find_file
from kerasish.datasets._read import read_npz
from kerasish.datasets._split import as_objects, drop_long, limit_words, mark_start, shuffled

_HASHES = ("d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",)
_INDEX_HASHES = ("4d44cc38712099c9e383dc6e5f11a921",)
_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton "
    "carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock "
    "retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)

Arrays = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str | os.PathLike = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[Arrays, Arrays]:
    """Load the Reuters newswires: 11,228 of them, labelled with one of 46 topics.

    A newswire is a list of word indices. Words are numbered by how often they occur: 1 is the most frequent
    one, moved up by `index_from`. By convention 0 is padding.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.reuters.load_data(num_words=10000)
    ```

    Args:
        path: Path of a file that exists, or the file's name in the cache (`~/.keras/datasets`).
        num_words: Indices from here on become `oov_char`. `None`: all words are kept.
        skip_top: Indices below this one become `oov_char`.
        maxlen: Newswires of this length or longer are dropped. `None`: none is.
        test_split: Fraction of the data to test on.
        seed: Seed of the random order before the split.
        start_char: Index that marks the start of a newswire; `None` for no mark.
        oov_char: Index that stands for words left out; `None` drops them.
        index_from: What is added to the words' indices.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists of integers, and of int64 labels.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
        ValueError: If the file is damaged or something else.
    """
    xs, labels = read_npz(find_file(path, f"{ORIGIN}reuters.npz", _HASHES), ("x", "y"))
    xs, labels = shuffled(np.random.RandomState(seed), xs, labels)
    sequences = mark_start(xs, start_char, index_from)
    topics = list(labels)
    if maxlen:
        sequences, topics = drop_long(maxlen, sequences, topics)
    x = as_objects(limit_words(sequences, num_words, skip_top, oov_char))
    y = np.array(topics)
    count = int(len(x) * (1 - test_split))
    return (x[:count], y[:count]), (x[count:], y[count:])


def get_word_index(path: str | os.PathLike = "reuters_word_index.json") -> dict[str, int]:
    """Return the dict from words to their indices, before `index_from` is added.

    Args:
        path: Path of a file that exists, or the file's name in the cache (`~/.keras/datasets`).

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
    """
    import json

    with open(find_file(path, f"{ORIGIN}reuters_word_index.json", _INDEX_HASHES), encoding="utf-8") as file:
        return json.load(file)


def get_label_names() -> tuple[str, ...]:
    """Return the topics, in the order of the labels."""
    return tuple(_TOPICS.split())
