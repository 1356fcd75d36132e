"""From everything that `fit`, `evaluate` and `predict` take to batches of NumPy arrays.

`get_data_adapter` chooses the adapter; `EpochIterator` deals its batches out epoch by epoch.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

import numpy as np

from kerasish import tree
from kerasish.trainers.data_adapters.array_adapter import ArrayAdapter
from kerasish.trainers.data_adapters.conversion import (
    as_numpy,
    as_rows,
    check_same_samples,
    is_array,
    name_leaves,
    unrecognized,
)
from kerasish.trainers.data_adapters.data_adapter import DataAdapter
from kerasish.trainers.data_adapters.epoch_iterator import EpochIterator
from kerasish.trainers.data_adapters.iterable_adapter import IterableAdapter
from kerasish.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter
from kerasish.utils.data_utils import pack_x_y_sample_weight, unpack_x_y_sample_weight
from kerasish.utils.py_dataset import PyDataset

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "ArrayAdapter",
    "DataAdapter",
    "EpochIterator",
    "IterableAdapter",
    "PyDatasetAdapter",
    "as_numpy",
    "get_data_adapter",
    "is_one_batch",
    "pack_x_y_sample_weight",
    "train_validation_split",
    "unpack_x_y_sample_weight",
]


def is_one_batch(x: Any, batch_size: Any) -> bool:
    """Tell whether data are an array of no more samples than a batch has: there is nothing to cut then."""
    if type(x) is not np.ndarray or x.ndim == 0 or type(batch_size) not in (int, type(None)):
        return False
    return 0 < len(x) <= (32 if batch_size is None else batch_size)


def get_data_adapter(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
    shuffle: bool | str = False,
    class_weight: dict | None = None,
    seed: tuple[int, int] | None = None,
) -> DataAdapter:
    """Chooses the adapter for what the user passed to `fit`, `evaluate` or `predict`.

    Example:

    >>> adapter = get_data_adapter(features, labels, batch_size=32, shuffle=True)
    >>> for x, y in adapter.batches(epoch=0):
    ...     loss = model.train_on_batch(x, y)

    Args:
        x: Arrays (NumPy, tensors of any library, pandas, SciPy sparse) or a structure of them, a `PyDataset`,
            a generator, a PyTorch `DataLoader`, another iterable of batches, or an adapter.
        y: Targets: arrays, only with arrays.
        sample_weight: Weights of samples: arrays, only with arrays.
        batch_size: Samples per batch, only with arrays. Defaults to 32.
        steps_per_epoch: Number of batches of an epoch; gives arrays their batch size if `batch_size` is
            `None`.
        shuffle: Whether arrays and the batches of a finite `PyDataset` come in another order each epoch;
            `"batch"` shuffles arrays within each batch. Generators and other iterables keep their own order.
        class_weight: Maps class numbers to weights; for arrays and a `PyDataset`.
        seed: Two integers that key the order of every epoch; drawn from the global seed generator if `None`.

    Returns:
        The adapter.

    Raises:
        ValueError: If the data is of no supported type, its parts do not fit together, or an argument does
            not apply.
    """
    if isinstance(x, DataAdapter):
        return x
    if isinstance(x, PyDataset):
        _refuse("PyDataset", y, sample_weight, batch_size)
        return PyDatasetAdapter(x, shuffle=shuffle, class_weight=class_weight, seed=seed)
    if _is_stream(x):
        kind = _kind(x)
        _refuse(kind, y, sample_weight, batch_size)
        if class_weight is not None:
            raise ValueError(
                f"Argument `class_weight` is not supported for {kind} inputs. Received: "
                f"class_weight={class_weight}. Let the {kind} yield (inputs, targets, sample_weights) "
                "instead."
            )
        return IterableAdapter(x, kind)
    for name, member in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        for path, leaf in name_leaves(member, name):
            if leaf is not None and not is_array(leaf):
                raise ValueError(unrecognized(path, leaf))
    return ArrayAdapter(
        x,
        y,
        sample_weight,
        batch_size=batch_size,
        steps=steps_per_epoch,
        shuffle=shuffle,
        class_weight=class_weight,
        seed=seed,
    )


def train_validation_split(arrays: tuple, validation_split: float) -> tuple[tuple, tuple]:
    """Splits arrays: the last part of the samples is for validation.

    Example:

    >>> (x, y), (x_val, y_val) = train_validation_split((x, y), validation_split=0.2)

    Args:
        arrays: `(x, y)` or `(x, y, sample_weight)` of (structures of) arrays and `None`s.
        validation_split: The fraction of the samples to set aside, between 0 and 1.

    Returns:
        Two tuples like `arrays`, of views: what to train on and what to validate on.

    Raises:
        ValueError: If `validation_split` is not between 0 and 1, leaves one part empty, or there are no
            arrays.
    """
    if isinstance(validation_split, bool) or not 0.0 < validation_split < 1.0:
        raise ValueError(
            "`validation_split` must be a float between 0 and 1. Received: "
            f"validation_split={validation_split!r}"
        )
    leaves = []
    for name, member in zip(("x", "y", "sample_weight"), arrays, strict=False):
        leaves += name_leaves(member, name)
    others = [
        f"{path}: {type(leaf).__name__}" for path, leaf in leaves if leaf is not None and not is_array(leaf)
    ]
    if others:
        raise ValueError(
            "Argument `validation_split` is only supported for tensors or NumPy arrays. Found "
            f"incompatible type in the input: {', '.join(others)}. Pass `validation_data` instead."
        )
    inputs = len(name_leaves(arrays[0], "x"))
    rows = [
        None if leaf is None else as_rows(leaf, path, lazily=i < inputs)
        for i, (path, leaf) in enumerate(leaves)
    ]
    samples = check_same_samples(tree.pack_sequence_as(arrays, rows))
    split_at = int(samples * (1.0 - validation_split))
    if split_at in (0, samples):
        raise ValueError(
            f"Training data contains {samples} samples, which is not sufficient to split it into a "
            f"validation and training set as specified by `validation_split={validation_split}`. Either "
            "provide more data, or a different value for the `validation_split` argument."
        )
    before = [None if array is None else array[:split_at] for array in rows]
    after = [None if array is None else array[split_at:] for array in rows]
    return tree.pack_sequence_as(arrays, before), tree.pack_sequence_as(arrays, after)


def _is_stream(x: Any) -> bool:
    """Whether `x` is an iterable of batches, rather than an array or a structure of arrays."""
    if isinstance(x, Generator):
        return True
    if (
        is_array(x)
        or tree.is_nested(x)
        or isinstance(x, (str, bytes, set, frozenset, range, list, tuple, dict))
    ):
        return False
    return isinstance(x, Iterable)


def _kind(x: Any) -> str:
    """What errors call a stream."""
    if isinstance(x, Generator):
        return "generator"
    return "torch DataLoader" if type(x).__module__.startswith("torch.") else type(x).__name__


def _refuse(kind: str, y: Any, sample_weight: Any, batch_size: int | None) -> None:
    """Raises for arguments that go with arrays only."""
    for name, value, what in (
        ("y", y, "the targets"),
        ("sample_weight", sample_weight, "the sample weights"),
    ):
        if value is not None:
            raise ValueError(
                f"When providing `x` as a {kind}, `{name}` should not be passed. Instead, {what} should be "
                f"included as part of the {kind}."
            )
    if batch_size is not None:
        raise ValueError(
            f"When providing `x` as a {kind}, `batch_size` should not be passed: the {kind} decides about "
            f"the size of its batches. Received: batch_size={batch_size}"
        )
