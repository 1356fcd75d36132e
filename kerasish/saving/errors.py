"""What loading refuses."""

from __future__ import annotations


class UnsafeFileError(ValueError):
    """A file holds what loading never follows, runs or allocates; the message says what was found."""


class NaNWeightsError(ValueError):
    """A file's weights are not numbers; the message names the variable."""


def readable_size(size: int) -> str:
    """Format a number of bytes: `readable_size(3 << 20)` is `"3.0 MiB"`."""
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{size} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
