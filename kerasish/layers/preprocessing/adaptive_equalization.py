"""Contrast of images made even, part by part."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasish import ops, tree
from kerasish.autograd.tensor import KerasTensor, Tensor
from kerasish.layers.preprocessing.image_layer import ImageLayer, rescaled

_LEVELS = 256


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Make the values in each part of an image about equally frequent (CLAHE; Zuiderveld, 1994).

    Images are cut into tiles. Each tile has a histogram of 256 levels; what is above a limit is spread over all levels.
    A pixel's new value is the share of smaller ones, as a mean over the four tiles around it.

    Example:

    >>> layer = kerasish.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    >>> layer(kerasish.ops.ones((1, 16, 12, 3))).shape
    (1, 16, 12, 3)

    Args:
        value_range: The smallest and the largest value of images.
        clip_limit: How many times as frequent as on average a level can be; 0 for no limit.
        tile_grid_size: How many tiles there are along the height and the width.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        **kwargs: `bounding_box_format`, and a layer's arguments.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.clip_limit = clip_limit
        self.tile_grid_size = tile_grid_size

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        last = self.data_format == "channels_last"
        x = images if last else ops.transpose(images, (0, 2, 3, 1))
        x = rescaled(ops.cast(x, "float32"), self.value_range, (0, 255), "float32")
        x = rescaled(self._equalized(x), (0, 255), self.value_range, "float32")
        return ops.cast(x if last else ops.transpose(x, (0, 3, 1, 2)), images.dtype)

    def _equalized(self, images: Tensor) -> Tensor:
        batch, height, width, channels = images.shape
        rows, columns = self.tile_grid_size
        tile_height, tile_width = -(-height // rows), -(-width // columns)
        more = ((0, 0), (0, tile_height * rows - height), (0, tile_width * columns - width), (0, 0))
        padded = images if more[1][1] == more[2][1] == 0 else ops.pad(images, more, mode="symmetric")
        levels = ops.cast(ops.clip(padded, 0, _LEVELS - 1), "int32")
        tables = self._tables(levels, tile_height, tile_width)
        tables = ops.reshape(tables, (batch, -1))
        levels = levels[:, :height, :width]

        def looked_up(row: np.ndarray, column: np.ndarray) -> Tensor:
            """Return what the tables of certain tiles make of each pixel."""
            tile = row[:, None] * columns + column[None, :]
            start = (tile[..., None] * channels + np.arange(channels)) * _LEVELS
            places = ops.reshape(levels + start.astype(np.int32), (batch, -1))
            return ops.reshape(ops.take_along_axis(tables, places, axis=1), levels.shape)

        (top, bottom, down), (left, right, across) = (
            _neighbors(height, tile_height, rows),
            _neighbors(width, tile_width, columns),
        )
        down, across = down[:, None, None], across[:, None]
        upper = looked_up(top, left) * (1 - across) + looked_up(top, right) * across
        lower = looked_up(bottom, left) * (1 - across) + looked_up(bottom, right) * across
        return upper * (1 - down) + lower * down

    def _tables(self, levels: Tensor, tile_height: int, tile_width: int) -> Tensor:
        """Return the new value of each level, of shape `(batch * tiles * channels, levels)`."""
        batch, _, _, channels = levels.shape
        rows, columns = self.tile_grid_size
        tiles = ops.reshape(levels, (batch, rows, tile_height, columns, tile_width, channels))
        tiles = ops.reshape(ops.transpose(tiles, (0, 1, 3, 5, 2, 4)), (-1, tile_height * tile_width))
        count, pixels = tiles.shape
        places = ops.reshape(tiles + np.arange(count, dtype=np.int32)[:, None] * _LEVELS, (-1,))
        counts = ops.segment_sum(ops.ones((count * pixels,)), places, num_segments=count * _LEVELS)
        counts = ops.reshape(counts, (count, _LEVELS))
        if self.clip_limit > 0:
            clipped = ops.minimum(counts, self.clip_limit * pixels / _LEVELS)
            counts = clipped + ops.sum(counts - clipped, axis=-1, keepdims=True) / _LEVELS
        total = ops.cumsum(counts, axis=-1)
        lowest = total[:, :1]
        rest = pixels - lowest
        share = (total - lowest) * 255.0 / ops.where(rest == 0, 1.0, rest)
        return ops.clip(share, 0, 255)

    def compute_output_spec(self, data: Any, training: bool = True) -> Any:
        return tree.map_structure(lambda x: KerasTensor(x.shape, x.dtype), data)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "value_range": self.value_range,
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
        }


def _neighbors(length: int, size: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for each pixel along an axis, the tiles before and after it and how far it is on the way between them."""
    place = (np.arange(length, dtype=np.float32) - size / 2) / size
    before = np.floor(place)
    first, second = (np.clip(n, 0, count - 1).astype(np.int32) for n in (before, before + 1))
    return first, second, (place - before).astype(np.float32)
