"""Event files as TensorBoard reads them, through the `tensorboard` package."""

from __future__ import annotations

import struct
import time
import zlib
from typing import Any

import numpy as np


class EventWriter:
    """Writes values by step to the event file of a directory.

    Args:
        directory: Where the file is made.

    Raises:
        ImportError: If the `tensorboard` package is not installed.
    """

    def __init__(self, directory: str):
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            raise ImportError(
                "The callback `TensorBoard` requires the package tensorboard. Install it with "
                "`pip install 'kerasish[tensorboard]'`."
            ) from None
        self._writer = EventFileWriter(directory)

    def scalar(self, tag: str, value: Any, step: int) -> None:
        """Write a number."""
        from tensorboard.plugins.scalar.summary import scalar_pb

        self._write(scalar_pb(tag, float(value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Write how the values of an array are distributed, those that are finite."""
        from tensorboard.plugins.histogram.summary import histogram_pb

        values = np.asarray(values, dtype="float64")
        self._write(histogram_pb(tag, values[np.isfinite(values)]), step)

    def images(self, tag: str, images: np.ndarray, step: int) -> None:
        """Write gray images, an array of shape `(count, height, width)` with values from 0 to 1."""
        from tensorboard.plugins.image import metadata

        count, height, width = images.shape
        about = metadata.create_summary_metadata(display_name=None, description="")
        pages = [gray_png(image) for image in images]
        self._strings(tag, about, [str(width).encode(), str(height).encode(), *pages], step)

    def model(self, text: str) -> None:
        """Write a model's configuration, which the page of graphs draws."""
        from tensorboard.compat.proto import summary_pb2

        about = summary_pb2.SummaryMetadata(
            plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
        )
        self._strings("keras", about, [text.encode()], 0)

    def flush(self) -> None:
        """Write to the file what is waiting."""
        self._writer.flush()

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._writer.close()

    def _strings(self, tag: str, about: Any, values: list[bytes], step: int) -> None:
        from tensorboard.compat.proto import summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

        # A model is a scalar, images are a list.
        sizes = [] if tag == "keras" else [tensor_shape_pb2.TensorShapeProto.Dim(size=len(values))]
        tensor = tensor_pb2.TensorProto(
            dtype=types_pb2.DT_STRING,
            string_val=values,
            tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=sizes),
        )
        value = summary_pb2.Summary.Value(tag=tag, metadata=about, tensor=tensor)
        self._write(summary_pb2.Summary(value=[value]), step)

    def _write(self, summary: Any, step: int) -> None:
        from tensorboard.compat.proto import event_pb2

        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))


def gray_png(image: np.ndarray) -> bytes:
    """Return a gray image with values from 0 to 1 as the bytes of a PNG file."""
    height, width = image.shape
    pixels = np.clip(np.nan_to_num(image) * 255, 0, 255).astype("uint8")
    lines = np.concatenate([np.zeros((height, 1), "uint8"), pixels], axis=1)  # 0: a line without a filter

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines.tobytes()))
        + chunk(b"IEND", b"")
    )
