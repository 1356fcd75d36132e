"""Weights in several files: a `.weights.json` says in which of the `.weights.h5` files beside it the layers are."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack

from kerasish.saving.errors import UnsafeFileError
from kerasish.saving.hdf5 import H5Reader, open_h5
from kerasish.saving.json_text import parse

SUFFIX = ".weights.json"
_SHARD = re.compile(r"[^/\\:\0]+_\d{5}\.weights\.h5")
_MAX_JSON_BYTES = 64 << 20


def shard_paths(path: str) -> list[str]:
    """Return the paths of the files that a `.weights.json` names: files in its own folder and no others.

    Raises:
        ValueError: if it is no such file; `UnsafeFileError` if a name leads elsewhere.
    """
    label = f"file {path!r}"
    if os.path.getsize(path) > _MAX_JSON_BYTES:
        raise UnsafeFileError(f"Not allowed: {label} has {os.path.getsize(path)} bytes.")
    with open(path, "rb") as file:
        content = parse(file.read(), label)
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict):
        raise ValueError(
            f"{label} has no 'weight_map': it is not what Keras writes for weights in several files."
        )
    names: dict[str, None] = {}
    for value in places.values():
        for name in value if isinstance(value, list) else [value]:
            names[name if isinstance(name, str) else repr(name)] = None
    stem = os.path.basename(path).removesuffix(SUFFIX)
    for name in names:
        full = os.path.join(os.path.dirname(path), name)
        if not _SHARD.fullmatch(name) or not name.startswith(f"{stem}_") or os.path.islink(full):
            raise UnsafeFileError(
                f"Not allowed: {label} refers to {name[:200]!r}. Its parts are files beside it that are called "
                f"'{stem}_00000.weights.h5' and so on, and no links."
            )
        if not os.path.isfile(full):
            raise FileNotFoundError(f"{label} names the file {name!r}, which is not beside it.")
    return [os.path.join(os.path.dirname(path), name) for name in sorted(names)]


def open_shards(path: str, stack: ExitStack) -> list[H5Reader]:
    """Open all files that a `.weights.json` names."""
    return [stack.enter_context(open_h5(shard)) for shard in shard_paths(path)]
