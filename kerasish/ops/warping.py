"""Images looked at elsewhere: values at given coordinates, affine, perspective and elastic transformations.

Each output pixel takes what the image has at some place between pixels: the nearest one, or a mean of those around it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasish import config
from kerasish.autograd import dtypes
from kerasish.autograd.primitive import cast
from kerasish.autograd.tensor import KerasTensor, Tensor, as_tensor
from kerasish.ops import elementwise as e
from kerasish.ops.arithmetic import clip
from kerasish.ops.common import check_images
from kerasish.ops.filters import gaussian_blur
from kerasish.ops.positions import take, take_along_axis, where
from kerasish.ops.shapes import expand_dims, reshape, squeeze, stack, transpose

_ORDERS = {"nearest": 0, "bilinear": 1}
_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Tensor:
    """Return what a tensor has at coordinates that may lie between its elements.

    Example:

    >>> x = kerasish.ops.array([[0.0, 1.0], [2.0, 3.0]])
    >>> kerasish.ops.image.map_coordinates(x, [[0.5], [0.5]], order=1).numpy()
    array([1.5], dtype=float32)

    Args:
        inputs: Tensor of any number of axes.
        coordinates: Tensor of shape `(axes, *output)`, or a list of one tensor for each axis.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: What is outside: `"constant"`, `"nearest"` (the edge), `"wrap"` (the inputs again), `"mirror"` (the
            inputs backward, the edge once) or `"reflect"` (the edge twice).
        fill_value: The constant.

    Returns:
        Tensor of shape `output` and the type of `inputs`.

    Raises:
        ValueError: If there is no coordinate for each axis, or an argument is none of these.
    """
    inputs = as_tensor(inputs)
    coordinates = stack(coordinates) if isinstance(coordinates, (list, tuple)) else as_tensor(coordinates)
    if coordinates.ndim < 2:
        raise ValueError(
            f"Invalid coordinates rank: expected at least rank 2. Received input with shape: {coordinates.shape}"
        )
    if coordinates.shape[0] != inputs.ndim:
        raise ValueError(
            "First dim of `coordinates` must be the same as the rank of `inputs`. Received inputs with shape: "
            f"{inputs.shape} and coordinate leading dim of {coordinates.shape[0]}"
        )
    if order not in (0, 1):
        raise ValueError(
            f"Invalid value for argument `order`. Expected one of [0, 1]. Received: order={order}"
        )
    _check_fill_mode(fill_mode)
    if None in inputs.shape:
        return KerasTensor(coordinates.shape[1:], inputs.dtype)
    flat = reshape(inputs, (-1,))
    return _interpolated(
        lambda places: take(flat, places),
        list(coordinates),
        inputs.shape,
        inputs.dtype,
        order,
        fill_mode,
        fill_value,
    )


def _interpolated(
    values_at: Any,
    coordinates: Sequence[Tensor],
    sizes: Sequence[int],
    dtype: str,
    order: int,
    fill_mode: str,
    fill_value: float,
) -> Tensor:
    """Return a weighted mean of the elements around each place.

    Args:
        values_at: Function that gives the elements at places in the flattened axes.
        coordinates: For each axis, where in it.
        sizes: Lengths of the axes.
        dtype: Type of the result.
        order: 0 or 1.
        fill_mode: What is outside.
        fill_value: The constant there.
    """
    axes = [_neighbours(c, n, order, fill_mode) for c, n in zip(coordinates, sizes, strict=True)]
    result: Any = None
    for corner in itertools.product(*axes):
        place, inside, weight = corner[0]
        for (index, within, share), size in zip(corner[1:], sizes[1:], strict=True):
            place = place * size + index
            inside = within if inside is None else e.logical_and(inside, within)
            weight = share if weight is None else weight * share
        values = values_at(place)
        extra = values.ndim - place.ndim
        if inside is not None:
            values = where(_with_axes(inside, extra), values, cast(as_tensor(fill_value), dtype))
        part = values if weight is None else _with_axes(weight, extra) * values
        result = part if result is None else result + part
    if result.dtype == dtype:
        return result
    return cast(result if dtypes.is_float(dtype) else _rounded(result), dtype)


def _with_axes(x: Tensor, count: int) -> Tensor:
    return expand_dims(x, tuple(range(x.ndim, x.ndim + count))) if count else x


def _neighbours(coordinate: Tensor, size: int, order: int, fill_mode: str) -> list[tuple]:
    """Return the elements next to a coordinate: their index, whether it is inside (None: always), and their weight."""
    if not dtypes.is_float(coordinate.dtype):
        coordinate = cast(coordinate, config.floatx())
    near: list[tuple]
    if order == 0:
        near = [(cast(_rounded(coordinate), "int32"), None)]
    else:
        below = e.floor(coordinate)
        upper = coordinate - below
        index = cast(below, "int32")
        near = [(index, 1.0 - upper), (index + 1, upper)]
    found: list[tuple] = []
    for index, weight in near:
        inside = e.logical_and(index >= 0, index < size) if fill_mode == "constant" else None
        found.append((_index_inside(index, size, fill_mode), inside, weight))
    return found


def _index_inside(index: Tensor, size: int, fill_mode: str) -> Tensor:
    if fill_mode == "wrap":
        return e.mod(index, size)
    if fill_mode == "mirror":
        return _mirrored(index, size)
    if fill_mode == "reflect":
        return e.floor_divide(_mirrored(2 * index + 1, 2 * size + 1) - 1, 2)
    return clip(index, 0, size - 1)


def _mirrored(index: Tensor, size: int) -> Tensor:
    if size == 1:
        return index * 0
    last = size - 1
    return e.absolute(e.mod(index + last, 2 * last) - last)


def _rounded(x: Tensor) -> Tensor:
    """Return the nearest integers, of halves those away from zero."""
    return e.sign(x) * e.floor(e.absolute(x) + 0.5)


def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Return images whose pixel at (x, y) is that of the inputs at (x', y'), an affine function of it.

    With numbers a0, a1, a2, b0, b1, b2, c0, c1: x' = (a0 x + a1 y + a2) / k and y' = (b0 x + b1 y + b2) / k where
    k = c0 x + c1 y + 1.

    Example:

    >>> shift = [1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    >>> images = kerasish.ops.ones((4, 6, 6, 3))
    >>> kerasish.ops.image.affine_transform(images, shift).shape  # two pixels to the left
    (4, 6, 6, 3)

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        transform: Tensor of shape `(batch, 8)` or `(8,)`.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: What is outside; see `map_coordinates`.
        fill_value: The constant there.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the shape and type of `images`.

    Raises:
        ValueError: If an argument is none of these, or of other shape.
    """
    images, transform = as_tensor(images), as_tensor(transform)
    _check_interpolation(interpolation)
    _check_fill_mode(fill_mode)
    check_images(images)
    if transform.ndim not in (1, 2):
        raise ValueError(
            "Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of transforms). "
            f"Received input with shape: transform.shape={transform.shape}"
        )
    if not dtypes.is_float(transform.dtype):
        transform = cast(transform, config.floatx())
    transform = expand_dims(transform, 0) if transform.ndim == 1 else transform
    return _projected(images, transform, interpolation, fill_mode, fill_value, data_format)


def _projected(
    images: Tensor,
    numbers: Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    data_format: str | None,
) -> Tensor:
    """Return images seen through projections of eight numbers each."""
    last = config.standardize_data_format(data_format) == "channels_last"
    height, width = images.shape[-3:-1] if last else images.shape[-2:]
    if height is None or width is None:
        return KerasTensor(images.shape, images.dtype)
    down, across = _grid(height, width, numbers.dtype)
    a0, a1, a2, b0, b1, b2, c0, c1 = (numbers[:, i : i + 1] for i in range(8))
    k = c0 * across + c1 * down + 1.0
    places = [(b0 * across + b1 * down + b2) / k, (a0 * across + a1 * down + a2) / k]
    return _looked_up(images, places, interpolation, fill_mode, fill_value, last)


def _grid(height: int, width: int, dtype: str) -> tuple[Tensor, Tensor]:
    """Return the row and the column of each pixel, one after another."""
    rows, columns = np.divmod(np.arange(height * width, dtype=np.float64)[None], width)
    return as_tensor(rows, dtype), as_tensor(columns, dtype)


def _looked_up(
    images: Tensor, places: list[Tensor], interpolation: str, fill_mode: str, fill_value: float, last: bool
) -> Tensor:
    """Return images with each pixel taken from another place, a row and a column of shape `(batch, pixels)`."""
    x = expand_dims(images, 0) if images.ndim == 3 else images
    x = x if last else transpose(x, (0, 2, 3, 1))
    height, width, channels = x.shape[1:]
    if channels is None:
        return KerasTensor(images.shape, images.dtype)
    pixels = reshape(x, (-1, height * width, channels))
    result = _interpolated(
        lambda place: take_along_axis(pixels, expand_dims(place, -1), 1),
        places,
        (height, width),
        x.dtype,
        _ORDERS[interpolation],
        fill_mode,
        fill_value,
    )
    result = reshape(result, (-1, height, width, channels))
    result = result if last else transpose(result, (0, 3, 1, 2))
    return squeeze(result, 0) if images.ndim == 3 else result


def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Return images seen so that four points of each come to four others.

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        start_points: Tensor of shape `(batch, 4, 2)` or `(4, 2)`: the points (x, y) in the images.
        end_points: Where they come to, likewise.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: What is outside of the images.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the shape and type of `images`.

    Raises:
        ValueError: If an argument is none of these, or of other shape.
    """
    images, start_points, end_points = as_tensor(images), as_tensor(start_points), as_tensor(end_points)
    _check_interpolation(interpolation)
    check_images(images)
    for name, points in (("start_points", start_points), ("end_points", end_points)):
        if points.shape[-2:] != (4, 2) or points.ndim not in (2, 3):
            raise ValueError(
                f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch. "
                f"Received shape: {points.shape}"
            )
    if start_points.shape != end_points.shape:
        raise ValueError(
            "start_points and end_points must have the same shape. "
            f"Received start_points.shape={start_points.shape}, end_points.shape={end_points.shape}"
        )
    if start_points.ndim == 2:
        start_points, end_points = expand_dims(start_points, 0), expand_dims(end_points, 0)
    numbers = homography(start_points, end_points)
    return _projected(images, numbers, interpolation, "constant", fill_value, data_format)


def homography(start_points: Tensor, end_points: Tensor) -> Tensor:
    """Return the eight numbers of the projections that take the end points to the start points.

    Four points are the image of a projective frame under a matrix that is known at once, so the projection between two
    sets of four is a product of one such matrix and the adjugate of another; no system of equations is solved.

    Args:
        start_points: Tensor of shape `(batch, 4, 2)`.
        end_points: Tensor of shape `(batch, 4, 2)`.

    Returns:
        Tensor of shape `(batch, 8)`.
    """
    start, end = _frame(cast(start_points, "float64")), _frame(cast(end_points, "float64"))
    # The rows of a matrix's adjugate are the cross products of its columns.
    adjugate = [_cross(end[1], end[2]), _cross(end[2], end[0]), _cross(end[0], end[1])]
    matrix = [
        [sum(start[k][i] * adjugate[k][j] for k in range(3)) for j in range(3)]  # type: ignore[misc]
        for i in range(3)
    ]
    flat = [matrix[i][j] / matrix[2][2] for i in range(3) for j in range(3)]
    return cast(stack(flat[:8], -1), "float32")


def _frame(points: Tensor) -> list[list[Tensor]]:
    """Return the columns of the matrix that takes the unit vectors and their sum to four points."""
    x, y = points[..., 0], points[..., 1]
    one = e.multiply(x[:, 0], 0.0) + 1.0
    p = [[x[:, i], y[:, i], one] for i in range(4)]
    weights = [_determinant(p[3], p[1], p[2]), _determinant(p[0], p[3], p[2]), _determinant(p[0], p[1], p[3])]
    return [[w * part for part in column] for w, column in zip(weights, p, strict=False)]


def _cross(u: list[Tensor], v: list[Tensor]) -> list[Tensor]:
    return [u[(i + 1) % 3] * v[(i + 2) % 3] - u[(i + 2) % 3] * v[(i + 1) % 3] for i in range(3)]


def _determinant(u: list[Tensor], v: list[Tensor], w: list[Tensor]) -> Tensor:
    product = _cross(v, w)
    return u[0] * product[0] + u[1] * product[1] + u[2] * product[2]


def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Return images whose pixels are displaced by smooth random amounts (Simard et al., 2003).

    Args:
        images: Tensor of shape `(batch, height, width, channels)` or `(height, width, channels)`, or with the channels
            before the height.
        alpha: How far pixels are displaced.
        sigma: Standard deviation, in pixels, of the Gaussian that smooths the displacements, which are drawn from the
            normal distribution of this standard deviation.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: What is outside; see `map_coordinates`.
        fill_value: The constant there.
        seed: An integer or a `SeedGenerator`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.

    Returns:
        Tensor of the shape and type of `images`.

    Raises:
        ValueError: If an argument is none of these.
    """
    images = as_tensor(images)
    _check_interpolation(interpolation)
    _check_fill_mode(fill_mode)
    check_images(images)
    size = int(6 * float(sigma)) | 1
    return displaced(images, alpha, sigma, size, interpolation, fill_mode, fill_value, seed, data_format)


def displaced(
    images: Tensor,
    alpha: Any,
    sigma: Any,
    window: int,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    seed: Any,
    data_format: str | None,
) -> Tensor:
    """Do what `elastic_transform` does with a Gaussian of `window` pixels, where `sigma` may be a tensor."""
    from kerasish import random

    last = config.standardize_data_format(data_format) == "channels_last"
    shape = images.shape if images.ndim == 4 else (1, *images.shape)
    height, width = shape[1:3] if last else shape[2:]
    if height is None or width is None:
        return KerasTensor(images.shape, images.dtype)
    # Both displacements from one draw, as channels.
    noise = random.normal((shape[0], height, width, 2), dtype="float32", seed=seed) * sigma
    moves = gaussian_blur(noise, (window, window), stack([sigma, sigma]), "channels_last") * alpha
    moves = reshape(moves, (-1, height * width, 2))
    rows, columns = _grid(height, width, "float32")
    places = [moves[..., 1] + rows, moves[..., 0] + columns]
    return _looked_up(images, places, interpolation, fill_mode, fill_value, last)


def _check_interpolation(interpolation: str) -> None:
    if interpolation not in _ORDERS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {set(_ORDERS)}. "
            f"Received: interpolation={interpolation}"
        )


def _check_fill_mode(fill_mode: str) -> None:
    if fill_mode not in _FILL_MODES:
        raise ValueError(
            f"Invalid value for argument `fill_mode`. Expected of one {set(_FILL_MODES)}. "
            f"Received: fill_mode={fill_mode}"
        )
