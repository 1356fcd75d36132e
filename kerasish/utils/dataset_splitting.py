"""One dataset into two."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from kerasish import tree
from kerasish.autograd.tensor import Tensor


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Split samples into two datasets, such as one to train on and one to test on.

    Example:

    >>> left, right = kerasish.utils.split_dataset(np.arange(10), left_size=0.8)
    >>> right
    array([8, 9])

    Args:
        dataset: An array, a structure of arrays of one length such as `(x, y)`, or an object with a length whose items
            are samples, such as a PyTorch dataset.
        left_size: Samples on the left, as a number or a fraction; by default those that are not on the right.
        right_size: Samples on the right, likewise.
        shuffle: Whether samples are put in random order first.
        seed: Seed of the order.
        preferred_backend: As in Keras; arrays come back in any case.

    Returns:
        Two structures of NumPy arrays like `dataset`.

    Raises:
        TypeError: If the dataset or a size is of a wrong type.
        ValueError: If the sizes do not fit the number of samples, or a side would be empty.
    """
    arrays = _arrays(dataset)
    lengths = {len(leaf) for leaf in tree.flatten(arrays)}
    if len(lengths) != 1:
        raise ValueError(
            f"All arrays of `dataset` must have the same length. Received lengths: {sorted(lengths)}"
        )
    total = lengths.pop()
    left, right = _sizes(left_size, right_size, total)
    order = list(range(total))
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(order)

    def rows(numbers: list[int]) -> Any:
        return tree.map_structure(lambda leaf: leaf[numbers], arrays)

    return rows(order[:left]), rows(order[total - right :])


def _arrays(dataset: Any) -> Any:
    """Return the samples of a dataset as a structure of arrays."""
    leaves = tree.flatten(dataset)
    if leaves and all(isinstance(leaf, (np.ndarray, Tensor)) for leaf in leaves):
        return tree.map_structure(lambda leaf: leaf.numpy() if isinstance(leaf, Tensor) else leaf, dataset)
    if isinstance(dataset, (str, bytes, dict)) or not (
        hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    ):
        raise TypeError(
            "The `dataset` argument must be an array, a structure of arrays, or an object with a length whose items "
            f"are samples. Received: dataset={dataset!r} of type {type(dataset)}"
        )
    samples = [dataset[index] for index in range(len(dataset))]
    return tree.map_structure(lambda *values: np.stack([np.asarray(v) for v in values]), *samples)


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    """Return how many samples are on either side."""
    if left is None and right is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and "
            "right_size=None"
        )
    left_count, right_count = _count("left_size", left, total), _count("right_size", right, total)
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ValueError(
            "The sum of `left_size` and `right_size` is greater than 1. It must be less than or equal to 1. "
            f"Received: left_size={left}, right_size={right}"
        )
    if left_count is None:
        left_count = total - (right_count or 0)
    if right_count is None:
        right_count = total - left_count
    if left_count + right_count > total:
        raise ValueError(
            f"The sum of `left_size` and `right_size` should be smaller than the {total} samples. "
            f"Received: left_size={left}, right_size={right}"
        )
    if not left_count or not right_count:
        side = "right" if left_count else "left"
        raise ValueError(
            f"With `dataset` of length={total}, left_size={left} and right_size={right}, the resulting {side} side "
            "dataset split will be empty. Adjust any of the aforementioned parameters."
        )
    return left_count, right_count


def _count(name: str, size: Any, total: int) -> int | None:
    """Return a size as a number of samples."""
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, (int, float)):
        raise TypeError(f"Invalid `{name}` Type. Expected: int or float or None. Received: {name}={size!r}")
    if not 0 < size < (1 if isinstance(size, float) else total):
        raise ValueError(
            f"`{name}` should be either a positive integer smaller than {total}, or a float within the range `[0, 1]`. "
            f"Received: {name}={size}"
        )
    return round(size * total) if isinstance(size, float) else size
