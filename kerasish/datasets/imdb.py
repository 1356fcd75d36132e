"""IMDB: film reviews, for or against."""

from __future__ import annotations

import os

import numpy as np

from kerasish.datasets._find import ORIGIN, find_file
from kerasish.datasets._read import read_npz
from kerasish.datasets._split import as_objects, drop_long, limit_words, mark_start, shuffled

_HASHES = ("69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",)
_INDEX_HASHES = ("bfafd718b763782e994055a2d397834f",)

Arrays = tuple[np.ndarray, np.ndarray]


def load_data(
    path: str | os.PathLike = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs,
) -> tuple[Arrays, Arrays]:
    """Load the IMDB reviews: 25,000 to train on and 25,000 to test, labelled 1 (positive) or 0 (negative).

    A review is a list of word indices. Words are numbered by how often they occur: 1 is the most frequent
    one, moved up by `index_from`. By convention 0 is padding.

    Example:

    ```python
    (x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=10000)
    x_train = keras.utils.pad_sequences(x_train, maxlen=200)
    ```

    Args:
        path: Path of a file that exists, or the file's name in the cache (`~/.keras/datasets`).
        num_words: Indices from here on become `oov_char`. `None`: all words are kept.
        skip_top: Indices below this one become `oov_char`.
        maxlen: Reviews of this length or longer are dropped. `None`: none is.
        seed: Seed of the random order.
        start_char: Index that marks the start of a review; `None` for no mark.
        oov_char: Index that stands for words left out; `None` drops them.
        index_from: What is added to the words' indices.
        **kwargs: Ignored, for older code.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays of lists of integers, and of int64 labels.

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
        ValueError: If `maxlen` leaves no review, or the file is damaged or something else.
    """
    path = find_file(path, f"{ORIGIN}imdb.npz", _HASHES)
    x_train, y_train, x_test, y_test = read_npz(path, ("x_train", "y_train", "x_test", "y_test"))
    # One generator shuffles both parts, as in Keras: the order of the test part depends on the training
    # part's size.
    generator = np.random.RandomState(seed)
    x_train, y_train = shuffled(generator, x_train, y_train)
    x_test, y_test = shuffled(generator, x_test, y_test)
    train = mark_start(x_train, start_char, index_from)
    test = mark_start(x_test, start_char, index_from)
    labels = [*y_train, *y_test]
    if maxlen:
        train, train_labels = drop_long(maxlen, train, y_train)
        test, test_labels = drop_long(maxlen, test, y_test)
        labels = train_labels + test_labels
        if not train or not test:
            raise ValueError(
                f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. "
                "Increase maxlen."
            )
    x = as_objects(limit_words(train + test, num_words, skip_top, oov_char))
    y = np.array(labels)
    count = len(train)
    return (x[:count], y[:count]), (x[count:], y[count:])


def get_word_index(path: str | os.PathLike = "imdb_word_index.json") -> dict[str, int]:
    """Return the dict from words to their indices, before `index_from` is added.

    Example:

    ```python
    index = keras.datasets.imdb.get_word_index()
    words = {number + 3: word for word, number in index.items()}
    text = " ".join(words.get(number, "?") for number in x_train[0])
    ```

    Args:
        path: Path of a file that exists, or the file's name in the cache (`~/.keras/datasets`).

    Raises:
        FileNotFoundError: If the file is nowhere and cannot be downloaded.
    """
    import json

    with open(find_file(path, f"{ORIGIN}imdb_word_index.json", _INDEX_HASHES), encoding="utf-8") as file:
        return json.load(file)
