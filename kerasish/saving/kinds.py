"""Which kind of file a path is: what is in it counts before what it is called."""

from __future__ import annotations

import os

from kerasish.saving.shards import SUFFIX as SHARDS

H5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
H5_NAMES = (".h5", ".hdf5")


def kind_of(path: str) -> str:
    """Return what a file is: "zip" or "h5" by its content, else by its name; empty for neither."""
    if os.path.isfile(path):
        with open(path, "rb") as file:
            start = file.read(8)
        if start == H5_SIGNATURE:
            return "h5"
        if start[:4] == b"PK\x03\x04":
            return "zip"
    if path.endswith(".keras"):
        return "zip"
    return "h5" if path.endswith(H5_NAMES) or path.endswith(SHARDS) else ""
