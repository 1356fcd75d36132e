"""Splitting and filtering that several data sets share."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_test_split(test_split: float) -> None:
    """Raise a `ValueError` unless the fraction leaves something to train on."""
    if not 0 <= test_split < 1:
        raise ValueError(
            f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1)."
        )


def shuffled(generator: np.random.RandomState, *arrays: np.ndarray) -> list[np.ndarray]:
    """Return arrays in one random order, for the same generator the order of Keras."""
    indices = np.arange(len(arrays[0]))
    generator.shuffle(indices)
    return [array[indices] for array in arrays]


def split(test_split: float, x: np.ndarray, y: np.ndarray) -> tuple:
    """Return `(x_train, y_train), (x_test, y_test)`, the test part last."""
    count = int(len(x) * (1 - test_split))
    return (x[:count].copy(), y[:count].copy()), (x[count:].copy(), y[count:].copy())


def mark_start(sequences: np.ndarray, start_char: int | None, index_from: int) -> list[list[int]]:
    """Return sequences of word indices, moved up by `index_from`, with the mark of the start in front."""
    if start_char is None:
        return [[word + index_from for word in sequence] for sequence in sequences]
    return [[start_char, *(word + index_from for word in sequence)] for sequence in sequences]


def drop_long(maxlen: int, sequences: list[list[int]], labels: Any) -> tuple[list[list[int]], list]:
    """Return the sequences shorter than `maxlen`, and their labels."""
    kept = [
        (sequence, label) for sequence, label in zip(sequences, labels, strict=True) if len(sequence) < maxlen
    ]
    return [sequence for sequence, _ in kept], [label for _, label in kept]


def limit_words(
    sequences: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Replace words outside `skip_top <= index < num_words` by `oov_char`, or drop them if it is `None`."""
    if not num_words:
        # Keras's own limit: without one given, the last word of all is out of it.
        num_words = max(max(sequence) for sequence in sequences)
    if oov_char is None:
        return [[word for word in sequence if skip_top <= word < num_words] for sequence in sequences]
    return [
        [word if skip_top <= word < num_words else oov_char for word in sequence] for sequence in sequences
    ]


def as_objects(sequences: list[list[int]]) -> np.ndarray:
    """Return a one-dimensional array of lists."""
    array = np.empty(len(sequences), dtype=object)
    array[:] = sequences
    return array
