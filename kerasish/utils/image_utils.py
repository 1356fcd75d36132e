"""Images in files and as arrays, through Pillow."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from kerasish import config

_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow(purpose: str) -> Any:
    """Return the module `PIL.Image`.

    Raises:
        ImportError: If Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            f"`{purpose}` requires Pillow. Install it with `pip install pillow` or `pip install 'kerasish[viz]'`."
        ) from None
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Read an image file.

    Example:

    ```python
    image = keras.utils.load_img("photo.jpg", target_size=(224, 224))
    array = keras.utils.img_to_array(image)  # float32 of shape (224, 224, 3), values from 0 to 255
    ```

    Args:
        path: Path of the file, or an `io.BytesIO` with its bytes.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        target_size: Height and width that the image is brought to; its own where None.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"` or `"lanczos"`.
        keep_aspect_ratio: Whether the image is cropped, not stretched, to the proportions of `target_size`.

    Returns:
        A Pillow image.

    Raises:
        ValueError: If a name is unknown.
        TypeError: If `path` is neither a path nor a buffer.
    """
    import io

    image_module = pillow("load_img")
    if not isinstance(path, (str, bytes, os.PathLike, io.BytesIO)):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    if color_mode not in ("grayscale", "rgb", "rgba"):
        raise ValueError(f'color_mode must be "grayscale", "rgb", or "rgba". Received: {color_mode!r}')
    with image_module.open(path) as image:
        image.load()
        if color_mode == "grayscale":
            # Gray images of 16 and 32 bits stay what they are.
            image = image if image.mode in ("L", "I;16", "I") else image.convert("L")
        else:
            image = image.convert(color_mode.upper())
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    if interpolation not in _RESAMPLING:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(_RESAMPLING)}"
        )
    box = None
    if keep_aspect_ratio:
        width, height = image.size
        new_height = min(height, width * target_size[0] // target_size[1])
        new_width = min(width, height * target_size[1] // target_size[0])
        left, top = (width - new_width) // 2, (height - new_height) // 2
        box = (left, top, left + new_width, top + new_height)
    resample = getattr(image_module.Resampling, interpolation.upper())
    return image.resize((target_size[1], target_size[0]), resample, box=box)


def img_to_array(img: Any, data_format: str | None = None, dtype: str | None = None) -> np.ndarray:
    """Return a Pillow image as an array of three axes.

    Args:
        img: The image.
        data_format: `"channels_last"` or `"channels_first"`; by default that of `config.image_data_format()`.
        dtype: Type of the array; by default `config.floatx()`.

    Raises:
        ValueError: If the image has neither two nor three axes.
    """
    data_format = config.standardize_data_format(data_format)
    array = np.asarray(img, dtype=dtype or config.floatx())
    if array.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {array.shape}")
    if array.ndim == 2:
        array = array[:, :, None]
    return array.transpose(2, 0, 1) if data_format == "channels_first" else array


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None) -> Any:
    """Return an array of three axes as a Pillow image.

    Args:
        x: The array, with 1, 3 or 4 channels.
        data_format: `"channels_last"` or `"channels_first"`; by default that of `config.image_data_format()`.
        scale: Whether the values are spread from 0 to 255.
        dtype: Type to compute in; by default `config.floatx()`.

    Raises:
        ValueError: If the array has other than three axes, or an unknown number of channels.
    """
    image_module = pillow("array_to_img")
    data_format = config.standardize_data_format(data_format)
    array = np.asarray(x, dtype=dtype or config.floatx())
    if array.ndim != 3:
        raise ValueError(
            f"Expected image array to have rank 3 (single image). Got array with shape: {array.shape}"
        )
    if data_format == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        if array.max():
            array = array / array.max()
        array = array * 255
    channels = array.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {channels}. Expected 1, 3 or 4.")
    if channels == 1:
        # Gray values above 255 need an image of 32 bits.
        array = array[:, :, 0].astype("int32" if array.max() > 255 else "uint8")
    else:
        array = array.astype("uint8")
    return image_module.fromarray(array)


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array of three axes to an image file.

    Args:
        path: Path of the file, or a file object.
        x: The array, with 1, 3 or 4 channels.
        data_format: `"channels_last"` or `"channels_first"`; by default that of `config.image_data_format()`.
        file_format: Format of the file; by default what the path ends with.
        scale: Whether the values are spread from 0 to 255.
        **kwargs: Passed on to Pillow's `Image.save`.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(os.fspath(path))[1][1:]
    if (file_format or "").lower() in ("jpg", "jpeg"):
        file_format = "jpeg"
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        import warnings

        warnings.warn("The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def smart_resize(
    x: Any,
    size: Any,
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Any:
    """Return images of another height and width, cropped and not stretched where the proportions differ.

    Example:

    >>> kerasish.preprocessing.image.smart_resize(np.ones((40, 60, 3), "float32"), (20, 20)).shape
    (20, 20, 3)

    Args:
        x: An image of three axes or a batch of them, as an array or a tensor.
        size: The new height and width.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        A NumPy array for a NumPy array, a tensor for anything else.

    Raises:
        ValueError: If `size` is no pair, or there are neither three nor four axes.
    """
    from kerasish import ops

    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    images = ops.convert_to_tensor(x)
    if images.ndim not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, width, "
            f"channels)`, but got input with incorrect rank, of shape {images.shape}."
        )
    result = ops.image.resize(
        images, size, interpolation=interpolation, crop_to_aspect_ratio=True, data_format=data_format
    )
    return result.numpy() if isinstance(x, np.ndarray) else result
