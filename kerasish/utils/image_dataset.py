"""Image files of a directory as a dataset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config
from kerasish.utils.directory_index import directory_dataset
from kerasish.utils.image_utils import img_to_array, load_img, pillow

_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
# What Keras calls a way of resizing, and what Pillow calls it.
_RESAMPLING = {
    "bilinear": "BILINEAR",
    "nearest": "NEAREST",
    "bicubic": "BICUBIC",
    "area": "BOX",
    "lanczos3": "LANCZOS",
}


def image_dataset_from_directory(
    directory: str | os.PathLike,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the image files of a directory as a dataset. Needs Pillow (`pip install 'kerasish[viz]'`).

    Images are resized by Pillow, which smooths what it makes smaller.

    Example:

    ```python
    # photos/cats/*.jpg are class 0, photos/dogs/*.jpg are class 1
    train = keras.utils.image_dataset_from_directory("photos", image_size=(64, 64))
    images, numbers = train[0]  # float32 of shape (32, 64, 64, 3), values from 0 to 255; int32 of shape (32,)
    ```

    Args:
        directory: Where the files are, those of a class in a folder of its name.
        labels: `"inferred"` from the folders, a list with one class number for each file in the order of their sorted
            paths, or None for no labels.
        label_mode: `"int"` for class numbers, `"categorical"` for one-hot vectors, `"binary"` for 0.0 and 1.0, or None
            for no labels.
        class_names: The folders that are used, in the order of their numbers; all, sorted, where None.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: Images in a batch; None for single images.
        image_size: Height and width that all images are brought to.
        shuffle: Whether images come in random order, another one in every pass.
        seed: Seed of the order.
        validation_split: Fraction of the files that is kept for validation.
        subset: `"training"`, `"validation"` or `"both"`, with `validation_split` only.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"area"` or `"lanczos3"`.
        follow_links: Whether folders behind symbolic links are looked into.
        crop_to_aspect_ratio: Whether images are cropped, not stretched, to the proportions of `image_size`.
        pad_to_aspect_ratio: Whether images are given black borders, not stretched, to those proportions.
        data_format: `"channels_last"` or `"channels_first"`; by default that of `config.image_data_format()`.
        format: `"tf"` or `"grain"`, as in Keras; the dataset is the same.
        verbose: Whether to say how many files there are.

    Returns:
        A dataset of `(images, labels)` or of images. A list of two datasets for `subset="both"`.

    Raises:
        ValueError: If arguments do not fit each other or the directory.
        ImportError: If Pillow is not installed.
    """
    if color_mode not in _CHANNELS:
        raise ValueError(
            f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: color_mode={color_mode}'
        )
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2:
        raise ValueError(
            f"Invalid `image_size` value. Expected a tuple of 2 integers. Received: image_size={image_size}"
        )
    if interpolation.lower() not in _RESAMPLING:
        raise ValueError(
            f"Argument `interpolation` should be one of {tuple(_RESAMPLING)}. Received: interpolation={interpolation}"
        )
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    resample = getattr(pillow("image_dataset_from_directory").Resampling, _RESAMPLING[interpolation.lower()])
    data_format = config.standardize_data_format(data_format)

    def read(paths: list[str]) -> np.ndarray:
        images = []
        for path in paths:
            image = load_img(path, color_mode)
            if crop_to_aspect_ratio:
                image = _cropped(image, size)
            elif pad_to_aspect_ratio:
                image = _padded(image, size)
            images.append(img_to_array(image.resize(size[::-1], resample), data_format, dtype="float32"))
        return np.stack(images)

    return directory_dataset(
        directory,
        read,
        _FORMATS,
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


def _cropped(image: Any, size: tuple[int, ...]) -> Any:
    """Return the largest part in the middle of an image that has the proportions of `size` (height, width)."""
    width, height = image.size
    new_width = max(1, min(width, height * size[1] // size[0]))
    new_height = max(1, min(height, width * size[0] // size[1]))
    left, top = (width - new_width) // 2, (height - new_height) // 2
    return image.crop((left, top, left + new_width, top + new_height))


def _padded(image: Any, size: tuple[int, ...]) -> Any:
    """Return an image with black borders that give it the proportions of `size` (height, width)."""
    width, height = image.size
    new_width, new_height = max(width, height * size[1] // size[0]), max(height, width * size[0] // size[1])
    left, top = (width - new_width) // 2, (height - new_height) // 2
    return image.crop((left, top, left + new_width, top + new_height))
