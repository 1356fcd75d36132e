"""Reading the batches of CIFAR-10 and CIFAR-100, from a folder or straight from the archive."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from kerasish import config
from kerasish.datasets._read import read_pickle


def read_batches(path: str, names: list[str], label_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of several batches, one after the other.

    Args:
        path: Path of a folder that holds the batches' folder, or of the tar archive.
        names: Paths of the batches in that folder or archive.
        label_key: Name of the labels in a batch.

    Returns:
        Images, uint8, of shape `(n, 32, 32, 3)` (`(n, 3, 32, 32)` if `image_data_format` is
        `channels_first`), and labels, uint8, of shape `(n, 1)`.
    """
    batches = [_check_batch(batch, name, path, label_key) for name, batch in _load(path, names)]
    images = np.concatenate([images for images, _ in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([labels for _, labels in batches]).reshape(-1, 1)
    if config.image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return images, labels


def _load(path: str, names: list[str]) -> Iterator[tuple[str, object]]:
    """Yield each batch's name and contents."""
    import tarfile
    import zlib

    try:
        if os.path.isdir(path):
            for name in names:
                with open(os.path.join(path, name), "rb") as file:
                    yield name, read_pickle(file)
        else:
            with tarfile.open(path) as archive:
                for name in names:
                    member = archive.extractfile(name)
                    if member is None:
                        raise KeyError(f"{name!r} is not a regular file")
                    yield name, read_pickle(member)
    except (KeyError, EOFError, OSError, tarfile.TarError, zlib.error) as error:
        raise ValueError(f"{path} is not a complete copy of the data set: {error}") from error


def _check_batch(batch: object, name: str, path: str, label_key: str) -> tuple[np.ndarray, np.ndarray]:
    images = batch.get(b"data", batch.get("data")) if isinstance(batch, dict) else None
    labels = batch.get(label_key.encode(), batch.get(label_key)) if isinstance(batch, dict) else None
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or not isinstance(labels, list)
        or images.shape != (len(labels), 3072)
    ):
        raise ValueError(
            f"{path}: {name} is not a CIFAR batch with `data` of shape (n, 3072) and n `{label_key}`."
        )
    return images, np.array(labels, dtype="uint8")
