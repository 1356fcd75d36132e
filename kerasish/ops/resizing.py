"""Images of other sizes: resized, scaled and moved, cropped and padded.

Resizing is linear, so each axis is resized by a product with a matrix of weights: what each output takes of each input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasish import config, ops
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.tensor import KerasTensor, Tensor, as_tensor
from kerasish.ops.common import check_images
from kerasish.ops.core import saturate_cast
from kerasish.ops.positions import take
from kerasish.ops.products import matmul
from kerasish.ops.shapes import moveaxis, pad, reshape

_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
# Below this sum, weights are of no image at all.
_NOTHING = 1000.0 * 2.0**-23


def _triangle(xp: Any, x: Any) -> Any:
    return xp.maximum(0.0, 1.0 - x)


def _cubic(xp: Any, x: Any) -> Any:
    """Return Keys' cubic convolution kernel with a = -0.5 (1981)."""
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return xp.where(x >= 2.0, 0.0, xp.where(x >= 1.0, far, near))


def _lanczos(radius: float) -> Callable[[Any, Any], Any]:
    def kernel(xp: Any, x: Any) -> Any:
        product = radius * xp.sin(np.pi * x) * xp.sin(np.pi * x / radius)
        safe = xp.where(x > 1e-3, x, 1.0)
        inside = xp.where(x > 1e-3, product / (np.pi**2 * safe * safe), 1.0)
        return xp.where(x > radius, 0.0, inside)

    return kernel


_KERNELS: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


def _weights(
    xp: Any, size: int, new_size: int, scale: Any, translation: Any, method: str, antialias: bool
) -> Any:
    """Return what each output (a row) takes of each input, by `numpy` for numbers and `ops` for tensors."""
    step = 1.0 / scale
    # Each output's center among the inputs.
    center = ((np.arange(new_size, dtype=np.float32) + 0.5) * step - translation * step - 0.5)[:, None]
    distance = xp.abs(center - np.arange(size, dtype=np.float32))
    if antialias:
        distance = distance / xp.maximum(step, 1.0)
    weights = _KERNELS[method](xp, distance)
    total = xp.sum(weights, axis=1, keepdims=True)
    used = (xp.abs(total) > _NOTHING) & (center >= -0.5) & (center <= size - 0.5)
    return xp.where(used, weights / xp.where(used, total, 1.0), 0.0)


def _along(weights: Any, x: Tensor, axis: int) -> Tensor:
    """Return `x` with one axis multiplied by a matrix."""
    weights = as_tensor(weights, x.dtype)
    after = x.shape[axis + 1 :]
    if len(after) == 1:
        return matmul(weights, x)
    if None not in after and after:
        whole = reshape(x, _unknown_as_rest(x.shape[: axis + 1]) + (math.prod(after),))
        return reshape(matmul(weights, whole), _unknown_as_rest(x.shape[:axis]) + (weights.shape[0], *after))
    return moveaxis(matmul(moveaxis(x, axis, -1), moveaxis(weights, 0, 1)), -1, axis)


def _unknown_as_rest(shape: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(-1 if n is None else n for n in shape)


def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Return images of another height and width.

    Example:

    >>> kerasish.ops.image.resize(kerasish.ops.ones((2, 4, 5, 3)), (8, 8)).shape
    (2, 8, 8, 3)

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        size: The new height and width.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: Whether, in making an image smaller, each output is a mean of all the inputs in its place.
        crop_to_aspect_ratio: Whether the largest part in the middle that has the new proportions is resized, instead
            of the proportions changed.
        pad_to_aspect_ratio: Whether images are padded to the new proportions first.
        fill_mode: What they are padded with: `"constant"`.
        fill_value: The constant.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the new height and width and the type of `images`: integers are rounded.

    Raises:
        ValueError: If an argument is none of these, there are neither three nor four axes, or images shall both be
            cropped and padded.
    """
    images = as_tensor(images)
    _check_resize(images, size, interpolation, fill_mode, crop_to_aspect_ratio and pad_to_aspect_ratio)
    height, width = int(size[0]), int(size[1])
    rows = images.ndim - (3 if config.standardize_data_format(data_format) == "channels_last" else 2)
    if None in images.shape[rows : rows + 2]:
        return _symbol(images, rows, (height, width))
    dtype = images.dtype
    if crop_to_aspect_ratio:
        images = _cropped_to(images, rows, height, width)
    if interpolation != "nearest" and not dtypes.is_float(dtype):
        images = cast(images, dtypes.result_type(dtype, float))
    if pad_to_aspect_ratio:
        images = _padded_to(images, rows, height, width, fill_value)
    for axis, new_size in ((rows, height), (rows + 1, width)):
        old_size = images.shape[axis]
        if old_size == new_size:
            continue
        if interpolation == "nearest":
            places = np.floor((np.arange(new_size, dtype=np.float32) + 0.5) * old_size / new_size)
            images = take(images, places.astype(np.int32), axis)
        else:
            scale = np.float32(new_size / old_size)
            images = _along(
                _weights(np, old_size, new_size, scale, 0.0, interpolation, antialias), images, axis
            )
    if images.dtype == dtype:
        return images
    return saturate_cast(ops.round(images), dtype)


def _check_resize(images: Tensor, size: Any, interpolation: str, fill_mode: str, both: bool) -> None:
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers. Received: size={size}")
    if size[0] <= 0 or size[1] <= 0:
        raise ValueError(f"`size` must have positive height and width. Received: size={size}")
    check_images(images)
    if both:
        raise ValueError("Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`.")
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {_INTERPOLATIONS}. "
            f"Received: interpolation={interpolation}"
        )
    if fill_mode != "constant":
        raise ValueError(
            "Invalid value for argument `fill_mode`. Only `'constant'` is supported. "
            f"Received: fill_mode={fill_mode}"
        )


def central_box(height: int, width: int, new_height: int, new_width: int) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the largest part in the middle that has the new proportions."""
    crop_height = max(min(height, int(width * new_height / new_width)), 1)
    crop_width = max(min(width, int(height * new_width / new_height)), 1)
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width


def _cropped_to(images: Tensor, rows: int, new_height: int, new_width: int) -> Tensor:
    top, left, height, width = central_box(*images.shape[rows : rows + 2], new_height, new_width)
    before = (slice(None),) * rows
    return images[(*before, slice(top, top + height), slice(left, left + width))]


def _padded_to(images: Tensor, rows: int, new_height: int, new_width: int, fill_value: float) -> Tensor:
    height, width = images.shape[rows : rows + 2]
    above = (max(height, int(width * new_height / new_width)) - height) // 2
    beside = (max(width, int(height * new_width / new_height)) - width) // 2
    if not above and not beside:
        return images
    widths = [(0, 0)] * images.ndim
    axis, amount = (rows, above) if above else (rows + 1, beside)
    widths[axis] = (amount, amount)
    if not dtypes.is_float(images.dtype):
        fill_value = round(fill_value)
    return pad(images, widths, constant_values=fill_value)


def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Return images scaled by factors and then moved, of a given shape, zero where there is no image.

    An input at position x, which is the center of a pixel at an integer and a half, comes to scale x + translation.

    Args:
        images: Tensor of any number of axes.
        output_shape: Shape of the result.
        scale: A factor for each spatial axis, as a tensor: gradients reach it.
        translation: How far each spatial axis is moved, likewise.
        spatial_dims: The spatial axes.
        method: `"linear"`, `"cubic"`, `"lanczos3"` or `"lanczos5"`, the first two also with `bi` or `tri` before.
        antialias: Whether, in making an image smaller, each output is a mean of all the inputs in its place.

    Returns:
        Tensor of shape `output_shape`.

    Raises:
        ValueError: If the method is unknown.
    """
    if method not in _KERNELS:
        raise ValueError(
            f"Invalid value for argument `method`. Expected of one {set(_KERNELS)}. Received: method={method}"
        )
    images = as_tensor(images)
    if not dtypes.is_float(images.dtype):
        images = cast(images, dtypes.result_type(images.dtype, float))
    scale, translation = as_tensor(scale), as_tensor(translation)
    for i, dim in enumerate(spatial_dims):
        axis = dim % images.ndim
        size, new_size = images.shape[axis], output_shape[axis]
        if size is None:
            return KerasTensor(tuple(output_shape), images.dtype)
        weights = _weights(ops, size, new_size, scale[i], translation[i], method, antialias)
        images = _along(cast(weights, images.dtype), images, axis)
    return images


def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Return a part of images. Of top, bottom and height two are given, and of left, right and width.

    Example:

    >>> x = kerasish.ops.ones((8, 8, 3))
    >>> kerasish.ops.image.crop_images(x, top_cropping=1, left_cropping=2, target_height=4, target_width=4).shape
    (4, 4, 3)

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        top_cropping: How many rows are left out at the top.
        left_cropping: How many columns are left out on the left.
        bottom_cropping: How many rows are left out at the bottom.
        right_cropping: How many columns are left out on the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the part's height and width.

    Raises:
        ValueError: If other than two of three are given, or one would be negative.
    """
    images, rows = _with_rows(images, data_format)
    sides = [("top", "bottom", "height", top_cropping, bottom_cropping, target_height)]
    sides += [("left", "right", "width", left_cropping, right_cropping, target_width)]
    parts = []
    for size, (first, last, length, start, end, target) in zip(
        images.shape[rows : rows + 2], sides, strict=True
    ):
        given = {f"{first}_cropping": start, f"{last}_cropping": end, f"target_{length}": target}
        _check_two_of_three(given)
        if size is None and target is None:
            raise ValueError(
                f"When the {length} of the images is unknown, `target_{length}` must be specified. "
                f"Received: images.shape={images.shape}, target_{length}=None"
            )
        if size is not None:
            start = size - target - end if start is None else start
            target = size - start - end if target is None else target
            rest = size - start - target
            _check_not_negative(
                {f"{first}_cropping": start, f"{last}_cropping": rest, f"target_{length}": target}
            )
        parts.append((start or 0, target))
    if None in images.shape[rows : rows + 2]:
        return _symbol(images, rows, [n for _, n in parts])
    return images[((slice(None),) * rows + tuple(slice(start, start + n) for start, n in parts))]


def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Return images with zeros around them. Of top, bottom and height two are given, and of left, right and width.

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        top_padding: How many rows are added at the top.
        left_padding: How many columns are added on the left.
        bottom_padding: How many rows are added at the bottom.
        right_padding: How many columns are added on the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the new height and width.

    Raises:
        ValueError: If other than two of three are given, or one would be negative.
    """
    images, rows = _with_rows(images, data_format)
    sides = [("top", "bottom", "height", top_padding, bottom_padding, target_height)]
    sides += [("left", "right", "width", left_padding, right_padding, target_width)]
    widths, sizes = [], []
    for size, (first, last, length, start, end, target) in zip(
        images.shape[rows : rows + 2], sides, strict=True
    ):
        given = {f"{first}_padding": start, f"{last}_padding": end, f"target_{length}": target}
        _check_two_of_three(given)
        if size is not None:
            start = target - end - size if start is None else start
            end = target - start - size if end is None else end
            target = start + size + end
            _check_not_negative({f"{first}_padding": start, f"{last}_padding": end})
        widths.append((start, end))
        sizes.append(target)
    if None in images.shape[rows : rows + 2]:
        return _symbol(images, rows, sizes)
    before, after = [(0, 0)] * rows, [(0, 0)] * (images.ndim - rows - 2)
    return pad(images, [*before, *widths, *after])


def _with_rows(images: Any, data_format: str | None) -> tuple[Tensor, int]:
    """Return images and the axis of their rows."""
    images = as_tensor(images)
    check_images(images)
    last = config.standardize_data_format(data_format) == "channels_last"
    return images, images.ndim - (3 if last else 2)


def _symbol(images: Tensor, rows: int, sizes: Sequence[int | None]) -> KerasTensor:
    return KerasTensor((*images.shape[:rows], *sizes, *images.shape[rows + 2 :]), images.dtype)


def _check_two_of_three(given: dict[str, int | None]) -> None:
    if list(given.values()).count(None) != 1:
        received = ", ".join(f"{name}={value}" for name, value in given.items())
        raise ValueError(f"Must specify exactly two of {', '.join(given)}. Received: {received}")
    _check_not_negative(given)


def _check_not_negative(numbers: dict[str, int | None]) -> None:
    for name, value in numbers.items():
        if value is not None and value < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={value}")
